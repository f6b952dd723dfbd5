/** Tracer: who watches the segments go by. */

import type { Segment } from "../wire/segment.ts";

/** Sees each segment that passes the TCP floor. Must not keep it, throw, or call back into the engine. */
export interface Tracer {
  /** A well-formed segment arrived, before it is acted on. `now` in milliseconds. */
  received(seg: Segment, now: number): void;
  /** A segment was handed to the device. `now` in milliseconds. */
  sent(seg: Segment, now: number): void;
}
