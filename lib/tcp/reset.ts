/** Resets for segments which belong to no connection. RFC 9293 §3.5.2, §3.10.7.1. */

import { ACK, RST, type Segment } from "../wire/segment.ts";
import { prepareReply } from "./output.ts";
import type { Tcp } from "./tcp.ts";

/** Answers `arrived` with the reset RFC 9293 §3.10.7.1 asks for, within `px_rst_ratelimit`; never a reset itself. */
export function replyReset(tcp: Tcp, arrived: Segment, now: number): void {
  if (arrived.hasRst) {
    tcp.counters.TCPRstNoConnection++;
    return;
  }
  if (!tcp.resetLimit.take(now)) {
    tcp.counters.TCPRstRateLimited++;
    return;
  }
  const length = arrived.len;
  const hasAck = arrived.hasAck;
  const seg = prepareReply(tcp, arrived);
  if (hasAck) {
    seg.flags = RST;
    seg.seq = arrived.ack;
    seg.ack = 0;
  } else {
    seg.flags = RST | ACK;
    seg.seq = 0;
    seg.ack = (arrived.seq + length) | 0;
  }
  tcp.counters.OutRsts++;
  tcp.sendReply(seg, now);
}
