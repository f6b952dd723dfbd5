/** What getsockopt(2) tells of a connection by TCP_INFO, as far as the engine knows it. Linux: tcp(7). */

import { Phase } from "../../lib/tcp/phase.ts";
import { State } from "../../lib/tcp/state.ts";
import type { Socket } from "./socket.ts";

/** Linux's numbers of the states, indexed by `State`. */
const STATE_NUMBERS: readonly number[] = [7, 10, 2, 3, 1, 4, 5, 8, 11, 9, 6];

/** States of loss recovery. Linux: `tcp_ca_state`. */
const CA = { Open: 0, Disorder: 1, Cwr: 2, Recovery: 3, Loss: 4 } as const;

/** Bits of `tcpi_options`. */
const OPTION = { Timestamps: 1, Sack: 2, WindowScale: 4 } as const;

/** The fields by name. Counts are of segments, times in microseconds. */
export function tcpInfo(socket: Socket): Readonly<Record<string, number>> {
  const c = socket.connection;
  if (c === null) return { tcpi_state: STATE_NUMBERS[socket.isListening ? State.Listen : 0] };
  const segments = (bytes: number) => Math.ceil(bytes / c.mss);
  const { scoreboard } = c;
  const caState = c.phase === Phase.Loss
    ? CA.Loss
    : c.phase === Phase.Recovery
    ? CA.Recovery
    : (scoreboard?.sackedBytes ?? 0) > 0 || c.duplicateAcks > 0
    ? CA.Disorder
    : CA.Open;
  return {
    tcpi_state: STATE_NUMBERS[c.state],
    tcpi_ca_state: caState,
    tcpi_options: (c.tsOk ? OPTION.Timestamps : 0) | (c.sackOk ? OPTION.Sack : 0) |
      (c.rcvShift > 0 ? OPTION.WindowScale : 0),
    tcpi_snd_wscale: c.sndShift,
    tcpi_rcv_wscale: c.rcvShift,
    tcpi_snd_mss: c.mss,
    tcpi_rcv_mss: c.rcvMss,
    tcpi_snd_cwnd: Math.floor(c.cwnd / c.mss),
    tcpi_snd_ssthresh: c.ssthresh === 0x7fffffff ? c.ssthresh : Math.floor(c.ssthresh / c.mss),
    tcpi_unacked: segments((c.sndNxt - c.sndUna) | 0),
    tcpi_sacked: segments(scoreboard?.sackedBytes ?? 0),
    tcpi_lost: segments(scoreboard?.lostBytes ?? 0),
    tcpi_notsent_bytes: socket.unsentLength,
    tcpi_rtt: c.srttUs,
    tcpi_rttvar: c.rttvarUs,
    tcpi_min_rtt: c.minRttUs,
    tcpi_rto: c.rtoMs * 1000,
    tcpi_retransmits: c.retries,
    tcpi_backoff: c.backoff,
    tcpi_total_retrans: c.retransmits,
    tcpi_bytes_acked: c.bytesAcknowledged,
    tcpi_bytes_received: c.bytesReceived,
    tcpi_pmtu: c.tcp.maxSegmentSize(c) + (c.remote2 === 0xffff ? 40 : 60),
    tcpi_delivered: segments(c.bytesAcknowledged),
  };
}
