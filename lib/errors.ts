/**
 * Every error reply once, with its code word first. The caller's mistakes are thrown as `CommandError` by these makers
 * where they are found, and become a reply at one place: execution/execute.ts. The texts equal redis-server's byte for
 * byte, because clients match on them.
 */

import { formatFixed } from './util/numbers.js';

export class CommandError extends Error {
  /** The code word, for `INFO errorstats`. */
  get code(): string {
    const blank = this.message.indexOf(' ');
    return blank < 0 ? this.message : this.message.slice(0, blank);
  }
}

/** Another process, or another node of this one, uses the folder; the message says who, and what to do. */
export class FolderInUse extends Error {}

const make = (text: string) => (): CommandError => new CommandError(text);

export const wrongType = make('WRONGTYPE Operation against a key holding the wrong kind of value');
export const syntaxError = make('ERR syntax error');
export const notAnInteger = make('ERR value is not an integer or out of range');
export const notAFloat = make('ERR value is not a valid float');
export const outOfRange = make('ERR value is out of range, must be positive');
export const noSuchKey = make('ERR no such key');
export const indexOutOfRange = make('ERR index out of range');
export const overflow = make('ERR increment or decrement would overflow');
export const decrementOverflow = make('ERR decrement would overflow');
export const sumIsNotFinite = make('ERR increment would produce NaN or Infinity');
export const offsetOutOfRange = make('ERR offset is out of range');
export const lcsNeedsStrings = make('ERR The specified keys must contain string values');
export const lcsTakesOneForm = make('ERR If you want both the length and indexes, please just use IDX.');
export const lcsTooLarge = make('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
export const isNotFinite = make('ERR value is NaN or Infinity');
export const hashValueNotAnInteger = make('ERR hash value is not an integer');
export const hashValueNotAFloat = make('ERR hash value is not a float');
export const countOutOfRange = make('ERR value is out of range');
export const lposRankZero = make(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
);
export const lposCountNegative = make("ERR COUNT can't be negative");
export const lposMaxlenNegative = make("ERR MAXLEN can't be negative");
export const numkeysTooSmall = make('ERR numkeys should be greater than 0');
export const countTooSmall = make('ERR count should be greater than 0');
export const replyTooLarge = make('ERR the reply would be too large');
export const invalidCursor = make('ERR invalid cursor');
export const tooFewKeys = make('ERR numkeys should be greater than 0');
export const tooManyKeys = make("ERR Number of keys can't be greater than number of args");
export const negativeLimit = make("ERR LIMIT can't be negative");
export const notABit = make('ERR bit is not an integer or out of range');
export const notABitOffset = make('ERR bit offset is not an integer or out of range');
export const bitMustBeOneOrZero = make('ERR The bit argument must be 1 or 0.');
export const bitopNotTakesOneKey = make('ERR BITOP NOT must be called with a single source key.');
export const badOverflowType = make('ERR Invalid OVERFLOW type specified');
export const badFieldType = make(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);
export const bitfieldIsReadOnly = make('ERR BITFIELD_RO only supports the GET subcommand');
export const valueTooLong = make('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
export const rewriteInProgress = make('ERR Background append only file rewriting already in progress');
export const isLoading = make('LOADING Redis is loading the dataset in memory');
export const misconfigured = (reason: string): CommandError =>
  new CommandError(`MISCONF Errors writing to the AOF file: ${reason}`);
export const noAuth = make('NOAUTH Authentication required.');
export const wrongPassword = make('WRONGPASS invalid username-password pair or user is disabled.');
export const authWithoutPassword = make(
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
);
export const unsupportedProtocol = make('NOPROTO unsupported protocol version');
export const notAProtocolVersion = make('ERR Protocol version is not an integer or out of range');
export const helloNotAuthenticated = make(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> ' +
    'option can be used to authenticate the client and select the RESP protocol version at the same time',
);
export const badClientName = make('ERR Client names cannot contain spaces, newlines or special characters.');
export const databaseIndexOutOfRange = make('ERR DB index is out of range');
export const badClientId = make('ERR client-id should be greater than 0');
export const invalidClientId = make('ERR Invalid client ID');
export const noSuchClient = make('ERR No such client');
export const notATimeout = make('ERR timeout is not an integer or out of range');
export const negativeTimeout = make('ERR timeout is negative');
export const badPauseMode = make('ERR CLIENT PAUSE mode must be WRITE or ALL');
export const badSlowlogCount = make('ERR count should be greater than or equal to -1');
export const notAnInt = make('ERR value is out of range, value must between -2147483648 and 2147483647');
export const firstDatabaseIndexInvalid = make('ERR invalid first DB index');
export const secondDatabaseIndexInvalid = make('ERR invalid second DB index');
export const sameObject = make('ERR source and destination objects are the same');
export const conditionsExclude = make('ERR NX and XX, GT or LT options at the same time are not compatible');
export const gtExcludesLt = make('ERR GT and LT options at the same time are not compatible');
export const timeoutNotAnInteger = make('ERR timeout is not an integer or out of range');
export const timeoutIsNegative = make('ERR timeout is negative');
export const frequencyIsNotTracked = make(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between ' +
    'policies at runtime LRU and LFU data will take some time to adjust.',
);
export const idleTimeIsNotTracked = make(
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at ' +
    'runtime LRU and LFU data will take some time to adjust.',
);
export const nxExcludesXx = make('ERR XX and NX options at the same time are not compatible');
export const gtLtNxExclude = make('ERR GT, LT, and/or NX options at the same time are not compatible');
export const incrTakesOnePair = make('ERR INCR option supports a single increment-element pair');
export const scoreIsNotANumber = make('ERR resulting score is not a number (NaN)');
export const badScoreRange = make('ERR min or max is not a float');
export const badMemberRange = make('ERR min or max not valid string range item');
export const limitNeedsRange = make(
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
);
export const byLexExcludesScores = make('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
export const weightNotAFloat = make('ERR weight value is not a float');
export const limitIsNegative = make("ERR LIMIT can't be negative");
export const numkeysNotPositive = make('ERR numkeys should be greater than 0');
export const countNotPositive = make('ERR count should be greater than 0');
export const sortNeedsNumbers = make("ERR One or more scores can't be converted into double");
export const unsupportedUnit = make('ERR unsupported unit provided. please use M, KM, FT, MI');
export const radiusNotANumber = make('ERR need numeric radius');
export const radiusIsNegative = make('ERR radius cannot be negative');
export const widthNotANumber = make('ERR need numeric width');
export const heightNotANumber = make('ERR need numeric height');
export const boxIsNegative = make('ERR height or width cannot be negative');
export const memberHasNoPlace = make('ERR could not decode requested zset member');
export const geoCountNotPositive = make('ERR COUNT must be > 0');
export const anyNeedsCount = make('ERR the ANY argument requires COUNT argument');
export const notAHyperLogLog = make('WRONGTYPE Key is not a valid HyperLogLog string value.');
export const malformedHyperLogLog = make('INVALIDOBJ Corrupted HLL object detected');
export const hyperLogLogMissing = make('ERR The specified key does not exist');
export const hyperLogLogNotSparse = make('ERR HLL encoding is not sparse');
export const busyKey = make('BUSYKEY Target key name already exists.');
export const saveInProgress = make('ERR Background save already in progress');
export const rewriteUnderWay = make(
  "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a " +
    'BGSAVE whenever possible.',
);
export const hasNoFolder = make('ERR this node keeps nothing on disk: it was started without a folder (dir)');
export const snapshotFailed = make(
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may " +
    'modify the data set are disabled, because this instance is configured to report errors during writes if RDB ' +
    'snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.',
);
export const badIdleTime = make('ERR Invalid IDLETIME value, must be >= 0');
export const badFrequency = make('ERR Invalid FREQ value, must be >= 0 and <= 255');
export const badTtl = make('ERR Invalid TTL value, must be >= 0');
export const badPayload = make('ERR DUMP payload version or checksum are wrong');
export const badDataFormat = make('ERR Bad data format');
export const migrateKeysNeedEmptyKey = make(
  'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
);
export const invalidStreamId = make('ERR Invalid stream ID specified as stream command argument');
export const invalidRangeStart = make('ERR invalid start ID for the interval');
export const invalidRangeEnd = make('ERR invalid end ID for the interval');
export const trimTakesOneStrategy = make(
  'ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
);
export const maxlenIsNotPositive = make('ERR The MAXLEN argument must be >= 0.');
export const limitIsNotPositive = make('ERR The LIMIT argument must be >= 0.');
export const limitNeedsTrimming = make('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy');
export const limitNeedsApproximation = make('ERR syntax error, LIMIT cannot be used without the special ~ option');
export const xtrimNeedsStrategy = make('ERR syntax error, XTRIM must be called with a trimming strategy');
export const newIdIsZero = make('ERR The ID specified in XADD must be greater than 0-0');
export const newIdTooLow = make('ERR The ID specified in XADD is equal or smaller than the target stream top item');
export const streamIsExhausted = make(
  'ERR The stream has exhausted the last possible ID, unable to add more items',
);
export const elementsTooLarge = make('ERR Elements are too large to be stored');
export const entriesAddedNotPositive = make('ERR entries_added must be positive');
export const idBelowMaxDeleted = make(
  'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
);
export const idBelowTop = make('ERR The ID specified in XSETID is smaller than the target stream top item');
export const entriesAddedBelowLength = make(
  'ERR The entries_added specified in XSETID is smaller than the target stream length',
);
export const unbalancedStreams = make(
  "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);
export const groupNeedsReadGroup = make(
  'ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
);
export const noackNeedsReadGroup = make(
  'ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
);
export const groupMissing = make('ERR Missing GROUP option for XREADGROUP');
export const dollarInReadGroup = make(
  'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ' +
    'specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
);
export const newEntriesNeedReadGroup = make(
  'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
);
export const streamMissing = make(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option ' +
    'to create an empty stream automatically.',
);
export const groupExists = make('BUSYGROUP Consumer Group name already exists');
export const badEntriesRead = make('ERR value for ENTRIESREAD must be positive or -1');
export const badAutoclaimCount = make('ERR COUNT must be > 0');
export const autoclaimCountTooHigh = make(
  'ERR Insufficient memory, failed allocating transient memory, COUNT too high.',
);
export const timeoutNotAFloat = make('ERR timeout is not a float or out of range');
export const waitedGroupGone = make('NOGROUP the consumer group this client was blocked on no longer exists');
export const waitedStreamGone = make('UNBLOCKED the stream key no longer exists');
export const unblocked = make('UNBLOCKED client unblocked via CLIENT UNBLOCK');
export const badUnblockReason = make('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
export const nestedMulti = make('ERR MULTI calls can not be nested');
export const watchInsideMulti = make('ERR WATCH inside MULTI is not allowed');
export const execWithoutMulti = make('ERR EXEC without MULTI');
export const discardWithoutMulti = make('ERR DISCARD without MULTI');
export const execAborted = make('EXECABORT Transaction discarded because of previous errors.');
export const notInTransactions = make('ERR Command not allowed inside a transaction');
export const monitorNotInTransactions = make("ERR MONITOR isn't allowed for DENY BLOCKING client");
export const fieldTimeIsNegative = make('ERR invalid expire time, must be >= 0');
export const fieldsArgumentMissing = make('ERR Mandatory argument FIELDS is missing or not at the right position');
export const numfieldsTooSmall = make('ERR Parameter `numFields` should be greater than 0');
export const numfieldsNotPositive = make('ERR Number of fields must be a positive integer');
export const numfieldsInvalid = make('ERR invalid number of fields');
export const numfieldsMismatch = make('ERR The `numfields` parameter must match the number of arguments');
export const fieldTimeMissing = make('ERR missing expire time');
export const fieldConditionsExclude = make('ERR Only one of FXX or FNX arguments can be specified');
export const fieldTimesExclude = make('ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified');
export const ssubscribeNotInTransactions = make("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
export const outOfMemory = make("OOM command not allowed when used memory > 'maxmemory'.");

export const noGroup = (key: string, group: string): CommandError =>
  new CommandError(`NOGROUP No such key '${beginning(key)}' or consumer group '${beginning(group)}'`);

export const noGroupToRead = (key: string, group: string): CommandError =>
  new CommandError(
    `NOGROUP No such key '${beginning(key)}' or consumer group '${beginning(group)}' in XREADGROUP with GROUP option`,
  );

export const noSuchGroup = (group: string, key: string): CommandError =>
  new CommandError(`NOGROUP No such consumer group '${beginning(group)}' for key name '${beginning(key)}'`);

export const badClaimNumber = (what: string, command: string): CommandError =>
  new CommandError(`ERR Invalid ${what} argument for ${command}`);

export const unknownClaimOption = (option: string): CommandError =>
  new CommandError(`ERR Unrecognized XCLAIM option '${beginning(option)}'`);
/** Why an EXEC was refused; the reason without its code word when that is ERR. */
export const execAbortedBy = ({ message }: CommandError): CommandError =>
  new CommandError(`EXECABORT Transaction discarded because of: ${message.replace(/^ERR /, '')}`);

export const wrongArity = (command: string): CommandError =>
  new CommandError(`ERR wrong number of arguments for '${command}' command`);

export const notWhileSubscribed = (command: string): CommandError =>
  new CommandError(
    `ERR Can't execute '${command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
  );

export const redirectsToOne = make('ERR A client can only redirect to a single other client');
export const noSuchRedirect = make('ERR The client ID you want redirect to does not exist');
export const prefixNeedsBroadcast = make('ERR PREFIX option requires BCAST mode to be enabled');
export const broadcastIsFixed = make(
  "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
);
export const broadcastExcludesChoice = make('ERR OPTIN and OPTOUT are not compatible with BCAST');
export const optinExcludesOptout = make("ERR You can't specify both OPTIN mode and OPTOUT mode");
export const choiceIsFixed = make(
  "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
);
export const cachingNeedsChoice = make(
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
);
export const cachingYesNeedsOptin = make('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
export const cachingNoNeedsOptout = make('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
export const noTrackingOverRedis = make(
  'ERR CLIENT TRACKING is not possible where buckets are on plain Redis servers: they do not tell this node what changes',
);

/** `other` is a prefix that there is, or that is given too. */
export const prefixesOverlap = (prefix: string, other: string, isGiven: boolean): CommandError =>
  new CommandError(
    `ERR Prefix '${beginning(prefix)}' overlaps with ${isGiven ? 'another provided' : 'an existing'} prefix '${beginning(other)}'. ` +
      'Prefixes for a single client must not overlap.',
  );

export const outOfRangeBetween = (min: number | bigint, max: number | bigint): CommandError =>
  new CommandError(`ERR value is out of range, value must between ${min} and ${max}`);
export const helloSyntax = (option: string): CommandError =>
  new CommandError(`ERR Syntax error in HELLO option '${beginning(option)}'`);

export const unknownClientType = (type: string): CommandError =>
  new CommandError(`ERR Unknown client type '${beginning(type)}'`);

export const unknownArgument = (argument: string): CommandError =>
  new CommandError(`ERR unknown argument: ${beginning(argument)}`);

export const noSuchUser = (user: string): CommandError => new CommandError(`ERR No such user '${beginning(user)}'`);

export const badLibraryText = (what: string): CommandError =>
  new CommandError(`ERR ${what} cannot contain spaces, newlines or special characters.`);

export const unrecognizedOption = (option: string): CommandError =>
  new CommandError(`ERR Unrecognized option '${beginning(option)}'`);

/** What BY or GET of SORT names must be where the bucket is. */
export const sortLeavesShard = (key: string, owner: string | undefined): CommandError =>
  new CommandError(`CROSSSLOT BY or GET of SORT names ${quoted(key)}, which is on ${owner ?? 'no node'}`);

export const badPlace = (longitude: number, latitude: number): CommandError =>
  new CommandError(`ERR invalid longitude,latitude pair ${formatFixed(longitude, 6)},${formatFixed(latitude, 6)}`);

export const storeExcludesWith = (what: string): CommandError =>
  new CommandError(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);

export const oneOfFor = (choice: string, command: string): CommandError =>
  new CommandError(`ERR exactly one of ${choice} can be specified for ${beginning(command)}`);

export const unknownSetting = (name: string): CommandError =>
  new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${beginning(name)}'`);

export const noLatencySamples = (event: string): CommandError =>
  new CommandError(`ERR No samples available for event '${beginning(event)}'`);

export const subcommandSyntax = (subcommand: string, command: string): CommandError =>
  new CommandError(
    `ERR unknown subcommand or wrong number of arguments for '${beginning(subcommand, 128)}'. ` +
      `Try ${command.toUpperCase()} HELP.`,
  );

export const unknownDebugSubcommand = (subcommand: string): CommandError =>
  new CommandError(`ERR Unknown PFDEBUG subcommand '${beginning(subcommand)}'`);

export const invalidExpire = (command: string): CommandError =>
  new CommandError(`ERR invalid expire time in '${command}' command`);

export const needsInputKey = (command: string): CommandError =>
  new CommandError(`ERR at least 1 input key is needed for '${command}' command`);

export const unsupportedOption = (option: string): CommandError =>
  new CommandError(`ERR Unsupported option ${beginning(option)}`);

export const unknownSubcommand = (subcommand: string, command: string): CommandError =>
  new CommandError(`ERR unknown subcommand '${beginning(subcommand, 128)}'. Try ${command.toUpperCase()} HELP.`);

/** Names are shown by their first 128 bytes. */
const quoted = (name: string): string => `"${name.slice(0, 128)}"`;

/** For BUCKET PUT, GET and DELETE; the line protocol says it as NOT FOUND. */
export const noBucket = (name: string): CommandError => new CommandError(`NOBUCKET no bucket is called ${quoted(name)}`);

/** WRONGTYPE as the BUCKET commands say it; `type` as TYPE gives it. */
export const bucketHolds = (name: string, type: string): CommandError =>
  new CommandError(`WRONGTYPE bucket ${quoted(name)} holds a ${type}`);

/** The arguments are shown shortened, as redis-server shows them: 128 chars altogether, each up to a zero byte. */
export function unknownCommand(name: string, args: readonly string[]): CommandError {
  let shown = '';
  for (const arg of args) {
    if (shown.length >= 128) break;
    shown += `'${beginning(arg, 128 - shown.length)}' `;
  }
  return new CommandError(`ERR unknown command '${beginning(name, 128)}', with args beginning with: ${shown}`);
}

/** Text up to a zero byte, which ends a string in C, and at most `chars` of it. */
function beginning(text: string, chars = text.length): string {
  return text.split('\0', 1)[0]!.slice(0, chars);
}
