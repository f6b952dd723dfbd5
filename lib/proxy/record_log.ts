/**
 * RecordLog: the records that the network can provoke, so many of each kind a
 * second. What is above that is counted, and one line says how much it was: a
 * flood fills neither the disk nor the turn, and nothing is lost silently.
 *
 * Each kind has its own budget, so that a flood of SYNs hides no connection's end.
 */

import { LOG_LEVELS } from "../flags.ts";

/** How long a budget lasts, in milliseconds. */
const WINDOW_MS = 1000;

/** Each kind of record and its level. */
const LEVELS = { open: "info", close: "info", failed: "error", segment: "debug" } as const;

/** What a connection can cause: `segment` is the log of segments at debug, `failed` a bug. */
export type RecordKind = keyof typeof LEVELS;

const KINDS = Object.keys(LEVELS) as RecordKind[];

/** Where records go; a `Logger` of `@std/log` is one. Messages are made only when they are written. */
export interface ProxyLogger {
  debug(message: () => string): unknown;
  info(message: () => string): unknown;
  warn(message: () => string): unknown;
  error(message: () => string): unknown;
}

/** Writes records within a budget, and what happens once in a program's life without one. */
export class RecordLog {
  /** For what the network cannot provoke. */
  readonly logger: ProxyLogger;
  readonly #kinds: Record<RecordKind, Kind>;
  /** When the budgets are renewed; -Infinity: at the first `poll`. */
  #renewAt = -Infinity;

  /**
   * `level` is the least that `logger` writes: what it would not have written
   * is not counted as suppressed. `perSecond` is in force until `poll` brings
   * another.
   */
  constructor(logger: ProxyLogger, level: typeof LOG_LEVELS[number], perSecond: number) {
    this.logger = logger;
    const least = LOG_LEVELS.indexOf(level);
    const kindOf = (kind: RecordKind) => new Kind(LOG_LEVELS.indexOf(LEVELS[kind]) >= least);
    this.#kinds = {
      open: kindOf("open"),
      close: kindOf("close"),
      failed: kindOf("failed"),
      segment: kindOf("segment"),
    };
    this.#renew(perSecond);
  }

  /** Writes a record, or counts it. */
  write(kind: RecordKind, message: () => string): void {
    const state = this.#kinds[kind];
    if (!state.isShown) return;
    if (state.left === 0) {
      state.suppressed++;
      return;
    }
    state.left--;
    this.logger[LEVELS[kind]](message);
  }

  /** Renews the budgets each second, and tells what was suppressed in the last one. */
  poll(perSecond: number, now: number): void {
    if (now < this.#renewAt) return;
    this.tellSuppressed();
    this.#renew(perSecond);
    this.#renewAt = now + WINDOW_MS;
  }

  /** When `poll` must be called at the latest; Infinity: nothing was suppressed. */
  deadline(): number {
    return this.#suppressed() > 0 ? this.#renewAt : Infinity;
  }

  /** Tells at once what was suppressed since it was told last. */
  tellSuppressed(): void {
    const count = this.#suppressed();
    if (count === 0) return;
    const counts = KINDS.filter((kind) => this.#kinds[kind].suppressed > 0)
      .map((kind) => `${kind}=${this.#kinds[kind].suppressed}`);
    // Not below the level of what it stands for, or it would be lost itself.
    const level = this.#kinds.failed.suppressed > 0 ? "error" : "warn";
    this.logger[level](() =>
      `suppressed count=${count} ${counts.join(" ")} more than px_log_ratelimit allows`
    );
    for (const kind of KINDS) this.#kinds[kind].suppressed = 0;
  }

  #suppressed(): number {
    const { open, close, failed, segment } = this.#kinds;
    return open.suppressed + close.suppressed + failed.suppressed + segment.suppressed;
  }

  #renew(perSecond: number): void {
    for (const kind of KINDS) this.#kinds[kind].left = perSecond;
  }
}

/** What is known about records of one kind. */
class Kind {
  /** Whether the logger writes them at all. */
  readonly isShown: boolean;
  /** How many may be written until the budget is renewed. */
  left = 0;
  /** How many were not, since that was told last. */
  suppressed = 0;

  constructor(isShown: boolean) {
    this.isShown = isShown;
  }
}
