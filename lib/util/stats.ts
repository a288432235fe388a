/** Counters of a node, plain numbers that INFO prints. CONFIG RESETSTAT sets them back. */
export class Stats {
  connectionsReceived = 0;
  connectionsRejected = 0;
  commandsProcessed = 0;
  inputBytes = 0;
  outputBytes = 0;
  /** Chunks read from sockets, and batches of replies written to them. */
  reads = 0;
  writes = 0;
  /** Clients closed because their unread replies passed client-output-buffer-limit. */
  outputLimitDisconnections = 0;
  /** Clients closed because their unfinished request passed client-query-buffer-limit. */
  queryLimitDisconnections = 0;
  protocolErrors = 0;
  errorReplies = 0;
  /** Memory in use, when the node started and at most, as far as somebody looked. */
  usedBytesAtStart = 0;
  usedBytesPeak = 0;
  /** Error replies by code word. */
  readonly errors = new Map<string, number>();

  /** What happens in a second, over the last seconds; see `sample`. */
  commandsPerSecond = 0;
  inputBytesPerSecond = 0;
  outputBytesPerSecond = 0;
  private readonly samples: Sample[] = [];

  countError(code: string): void {
    this.errorReplies++;
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  /** Called about ten times a second, with a time in microseconds: renews the rates. */
  sample(nowUs: number): void {
    const { samples, commandsProcessed, inputBytes, outputBytes } = this;
    samples.push({ nowUs, commandsProcessed, inputBytes, outputBytes });
    if (samples.length > SAMPLES_KEPT) samples.shift();
    const first = samples[0]!;
    const seconds = (nowUs - first.nowUs) / 1e6;
    if (seconds <= 0) return;
    this.commandsPerSecond = (commandsProcessed - first.commandsProcessed) / seconds;
    this.inputBytesPerSecond = (inputBytes - first.inputBytes) / seconds;
    this.outputBytesPerSecond = (outputBytes - first.outputBytes) / seconds;
  }

  /** For CONFIG RESETSTAT. */
  reset(): void {
    this.connectionsReceived = this.connectionsRejected = this.commandsProcessed = 0;
    this.inputBytes = this.outputBytes = this.reads = this.writes = 0;
    this.outputLimitDisconnections = this.queryLimitDisconnections = this.protocolErrors = this.errorReplies = 0;
    this.errors.clear();
    this.samples.length = 0;
  }
}

/** As many as redis-server averages over: 1.6 seconds. */
const SAMPLES_KEPT = 16;

interface Sample {
  nowUs: number;
  commandsProcessed: number;
  inputBytes: number;
  outputBytes: number;
}
