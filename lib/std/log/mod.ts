/**
 * Stands in for jsr:@std/log where JSR cannot be reached: the part of its
 * documented interface which this program uses, written anew. Without the
 * `links` in deno.json the real package is used, and nothing else changes.
 */

/** The levels' numbers; a logger or handler passes records of its own level and above. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** A level's number. */
export type LogLevel = (typeof LogLevels)[keyof typeof LogLevels];
/** A level's name. */
export type LevelName = keyof typeof LogLevels;

/** All levels' names, lowest first. */
export const LogLevelNames: LevelName[] = Object.keys(LogLevels) as LevelName[];

/** The number of the level called `name`. */
export function getLevelByName(name: LevelName): LogLevel {
  const level = LogLevels[name];
  if (level === undefined) throw new Error(`Cannot get log level: no level named ${name}`);
  return level;
}

/** The name of `level`. Throws when there is none. */
export function getLevelName(level: LogLevel): LevelName {
  const name = LogLevelNames.find((name) => LogLevels[name] === level);
  if (name === undefined) throw new Error(`Cannot get log level: no name for level: ${level}`);
  return name;
}

/** What `LogRecord` is made of. */
export interface LogRecordOptions {
  msg: string;
  args: unknown[];
  level: LogLevel;
  loggerName: string;
}

/** One message on its way from a logger to its handlers. */
export class LogRecord {
  readonly msg: string;
  readonly level: number;
  readonly levelName: string;
  readonly loggerName: string;
  readonly #args: unknown[];
  readonly #createdAt = Date.now();

  constructor(options: LogRecordOptions) {
    this.msg = options.msg;
    this.level = options.level;
    this.levelName = getLevelName(options.level);
    this.loggerName = options.loggerName;
    this.#args = [...options.args];
  }
  /** What followed the message; a copy. */
  get args(): unknown[] {
    return [...this.#args];
  }
  /** When the record was made; a copy. */
  get datetime(): Date {
    return new Date(this.#createdAt);
  }
}

/** Makes a line of a record. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** One JSON object: level, datetime (ms since 1970), message, and args (alone when there is one). */
export function jsonFormatter(logRecord: LogRecord): string {
  const args = logRecord.args;
  return JSON.stringify({
    level: logRecord.levelName,
    datetime: logRecord.datetime.getTime(),
    message: logRecord.msg,
    args: args.length > 1 ? args : args[0],
  });
}

/** The ready-made formatters. */
export const formatters = { jsonFormatter } as const;

/** Options of every handler. */
export interface BaseHandlerOptions {
  /** Default: the level's name and the message. */
  formatter?: FormatterFunction;
}

/** Formats records of its level and above and hands them to `log`. */
export abstract class BaseHandler {
  formatter: FormatterFunction;
  #level: LogLevel;

  constructor(levelName: LevelName, options: BaseHandlerOptions = {}) {
    this.#level = getLevelByName(levelName);
    this.formatter = options.formatter ?? ((record) => `${record.levelName} ${record.msg}`);
  }

  /** The lowest level that is handled. */
  get level(): LogLevel {
    return this.#level;
  }
  set level(level: LogLevel) {
    this.#level = level;
  }
  /** The name of `level`. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }
  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }

  /** Formats and logs `logRecord` unless it is below the level. */
  handle(logRecord: LogRecord): void {
    if (logRecord.level >= this.#level) this.log(this.format(logRecord));
  }
  /** The record's line. */
  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }
  /** Writes one line. */
  abstract log(msg: string): void;
  /** Called by `setup` before the first record. */
  setup(): void {}
  /** Called by `setup` when other handlers take over. */
  destroy(): void {}
}

/** Options of `ConsoleHandler`. */
export interface ConsoleHandlerOptions extends BaseHandlerOptions {
  /** Colours by level. Default true. */
  useColors?: boolean;
}

/** Writes to the console's standard output. */
export class ConsoleHandler extends BaseHandler {
  readonly #useColors: boolean;

  constructor(levelName: LevelName, options: ConsoleHandlerOptions = {}) {
    super(levelName, options);
    this.#useColors = options.useColors ?? true;
  }
  override format(logRecord: LogRecord): string {
    const line = super.format(logRecord);
    return this.#useColors ? this.applyColors(line, logRecord.level) : line;
  }
  /** `msg` in the colour of `level`; as it is where colours are not wanted (NO_COLOR). */
  applyColors(msg: string, level: number): string {
    if (Deno.noColor) return msg;
    if (level === LogLevels.INFO) return `\x1b[34m${msg}\x1b[39m`;
    if (level === LogLevels.WARN) return `\x1b[33m${msg}\x1b[39m`;
    if (level === LogLevels.ERROR) return `\x1b[31m${msg}\x1b[39m`;
    if (level === LogLevels.CRITICAL) return `\x1b[1m\x1b[31m${msg}\x1b[39m\x1b[22m`;
    return msg;
  }
  override log(msg: string): void {
    console.log(msg);
  }
}

/** Options of `Logger`. */
export interface LoggerOptions {
  handlers?: BaseHandler[];
}

/**
 * Hands messages of its level and above to its handlers. Each method returns
 * the message; a function given as message is only called when it is logged,
 * and what it returned is returned (else undefined).
 */
export class Logger {
  handlers: BaseHandler[];
  readonly #loggerName: string;
  #level: LogLevel;

  constructor(loggerName: string, levelName: LevelName, options: LoggerOptions = {}) {
    this.#loggerName = loggerName;
    this.#level = getLevelByName(levelName);
    this.handlers = options.handlers ?? [];
  }

  /** The lowest level that is logged. */
  get level(): LogLevel {
    return this.#level;
  }
  set level(level: LogLevel) {
    this.#level = level;
  }
  /** The name of `level`. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }
  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }
  /** The name it was made with. */
  get loggerName(): string {
    return this.#loggerName;
  }

  debug<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.DEBUG, msg, args);
  }
  info<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.INFO, msg, args);
  }
  warn<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.WARN, msg, args);
  }
  error<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.ERROR, msg, args);
  }
  critical<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }

  #log<T>(level: LogLevel, msg: T | (() => T), args: unknown[]): T | undefined {
    if (level < this.#level) return msg instanceof Function ? undefined : msg;
    const value = msg instanceof Function ? msg() : msg;
    const record = new LogRecord({
      msg: textOf(value),
      args,
      level,
      loggerName: this.#loggerName,
    });
    for (const handler of this.handlers) handler.handle(record);
    return value;
  }
}

/** A logger of `LogConfig`. */
export interface LoggerConfig {
  /** Default INFO. */
  level?: LevelName;
  /** Names of handlers; those that do not exist are passed over. */
  handlers?: string[];
}

/** What `setup` is told. */
export interface LogConfig {
  handlers?: Record<string, BaseHandler>;
  loggers?: Record<string, LoggerConfig>;
}

const DEFAULT_LEVEL: LevelName = "INFO";
const defaultHandler = new ConsoleHandler(DEFAULT_LEVEL);
const handlers = new Map<string, BaseHandler>();
const loggers = new Map<string, Logger>();

/** Replaces all handlers and loggers; `default` of either stays unless it is given. */
export function setup(config: LogConfig): void {
  for (const handler of handlers.values()) handler.destroy();
  handlers.clear();
  loggers.clear();
  const newHandlers = { default: defaultHandler, ...config.handlers };
  for (const [name, handler] of Object.entries(newHandlers)) {
    handler.setup();
    handlers.set(name, handler);
  }
  const newLoggers: Record<string, LoggerConfig> = {
    default: { level: DEFAULT_LEVEL, handlers: ["default"] },
    ...config.loggers,
  };
  for (
    const [name, { level = DEFAULT_LEVEL, handlers: names = [] }] of Object.entries(newLoggers)
  ) {
    const own = names.map((name) => handlers.get(name)).filter((handler) => handler !== undefined);
    loggers.set(name, new Logger(name, level, { handlers: own }));
  }
}

setup({});

/** The logger called `name`, by default `default`. One that was not set up logs nothing. */
export function getLogger(name = "default"): Logger {
  let logger = loggers.get(name || "default");
  if (logger === undefined) {
    logger = new Logger(name, "NOTSET", { handlers: [] });
    loggers.set(name, logger);
  }
  return logger;
}

/** `getLogger().debug` */
export function debug<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().debug(msg, ...args);
}
/** `getLogger().info` */
export function info<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().info(msg, ...args);
}
/** `getLogger().warn` */
export function warn<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().warn(msg, ...args);
}
/** `getLogger().error` */
export function error<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().error(msg, ...args);
}
/** `getLogger().critical` */
export function critical<T>(msg: T | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().critical(msg, ...args);
}

/** A message's text: strings as they are, errors with their stack, fields of objects in braces. */
function textOf(value: unknown, isField = false): string {
  if (typeof value === "string") return isField ? `"${value}"` : value;
  if (value instanceof Error) return value.stack ?? value.message;
  if (typeof value === "function") return "undefined";
  if (typeof value !== "object" || value === null) return String(value);
  const fields = Object.entries(value).map(([name, field]) => `"${name}":${textOf(field, true)}`);
  return `{${fields.join(",")}}`;
}
