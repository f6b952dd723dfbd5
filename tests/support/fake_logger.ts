/** FakeLogger: keeps records as `LEVEL text`. */

import type { ProxyLogger } from "../../lib/proxy/record_log.ts";

/** Keeps what was logged, oldest first. */
export class FakeLogger implements ProxyLogger {
  readonly records: string[] = [];

  debug(message: () => string): void {
    this.records.push(`DEBUG ${message()}`);
  }
  info(message: () => string): void {
    this.records.push(`INFO ${message()}`);
  }
  warn(message: () => string): void {
    this.records.push(`WARN ${message()}`);
  }
  error(message: () => string): void {
    this.records.push(`ERROR ${message()}`);
  }
}
