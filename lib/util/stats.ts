/** Counters of a node, plain numbers that INFO prints. CONFIG RESETSTAT sets them back. */
export class Stats {
  connectionsReceived = 0;
  connectionsRejected = 0;
  commandsProcessed = 0;
  inputBytes = 0;
  outputBytes = 0;
  /** Clients closed because their unread replies passed client-output-buffer-limit. */
  outputLimitDisconnections = 0;
  /** Clients closed because their unfinished request passed client-query-buffer-limit. */
  queryLimitDisconnections = 0;
  protocolErrors = 0;
  /** Error replies by code word. */
  readonly errors = new Map<string, number>();

  countError(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}
