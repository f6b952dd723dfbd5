/**
 * CallError: why a call of a connection's user comes to nothing, in POSIX's
 * names. RFC 9293 §3.10.2–3.10.5; POSIX: send, recv, shutdown.
 */

import type { CloseReason, Connection } from "./connection.ts";
import { canQueue, State } from "./state.ts";

/** How a connection ended for those who still call it. */
export type EndError =
  | "ECONNRESET"
  | "ECONNREFUSED"
  | "ETIMEDOUT"
  | "EHOSTUNREACH"
  | "ECONNABORTED";

/** "": nothing is wrong. EPIPE: nothing can be sent any more; EALREADY: the connection is closing. */
export type CallError = "" | "EPIPE" | "EALREADY" | "ENOTCONN" | EndError;

const END_ERRORS: Readonly<Record<CloseReason, "" | EndError>> = {
  "": "",
  "closed": "",
  "reset by peer": "ECONNRESET",
  "refused": "ECONNREFUSED",
  "timed out": "ETIMEDOUT",
  "keep-alive timed out": "ETIMEDOUT",
  "zero window timed out": "ETIMEDOUT",
  "host unreachable": "EHOSTUNREACH",
  "aborted": "ECONNABORTED",
};

/** What a connection's end is for those who still call it; "": it lives or was closed by both sides. */
export function endError(reason: CloseReason): "" | EndError {
  return END_ERRORS[reason];
}

/** What SEND comes to: EPIPE as soon as the stream ends, whoever ended it. RFC 9293 §3.10.2. */
export function sendError(c: Connection): CallError {
  const isEnding = c.finQueued || c.resetPending || c.connector?.closesWhenOpen === true;
  return canQueue(c.state) && !isEnding ? "" : "EPIPE";
}

/**
 * What RECEIVE comes to when nothing is readable any more: how the connection
 * ended; "" for one that lives or was closed by both sides. RFC 9293 §3.10.3.
 */
export function receiveError(c: Connection): CallError {
  const isOver = c.state === State.Closed && c.receiveQueue.length === 0;
  return isOver ? endError(c.closeReason) : "";
}

/** What CLOSE comes to. A second one before the peer's FIN is no error: there will be one FIN. RFC 9293 §3.10.4. */
export function closeError(c: Connection): CallError {
  const { state } = c;
  if (state === State.Closed || c.resetPending) return "ENOTCONN"; // nothing comes behind RST
  const isClosing = state === State.Closing || state === State.LastAck || state === State.TimeWait;
  return isClosing ? "EALREADY" : "";
}
