/**
 * Invariants: what must hold of every connection after every turn, and of the
 * whole engine when all is over. RFC 9293 §3.3.1, house: memory, timers.
 */

import type { Proxy } from "../../lib/proxy/proxy.ts";
import type { Stack } from "../../lib/stack/stack.ts";
import type { Connection } from "../../lib/tcp/connection.ts";
import { NOT_FILED } from "../../lib/tcp/deadlines.ts";
import { State, STATE_NAMES } from "../../lib/tcp/state.ts";
import { TIMER } from "../../lib/tcp/timers.ts";
import { TRANSMISSION } from "../../lib/tcp/transmission_timer.ts";
import { PAGE_SHIFT, PAGE_SIZE, type PagePool } from "../../lib/wire/pages.ts";
import type { SimSockets } from "./upstreams.ts";

/** What is looked after. */
export interface InspectorParts {
  readonly stack: Stack;
  readonly proxy: Proxy;
  readonly pages: PagePool;
  readonly sockets: SimSockets;
  violated(what: string): void;
}

/** What a connection's numbers were when it was looked at last. */
class Sight {
  rcvEdge: number;
  rcvNxt: number;
  sndUna: number;
  sndNxt: number;

  constructor(c: Connection) {
    this.rcvEdge = c.rcvEdge;
    this.rcvNxt = c.rcvNxt;
    this.sndUna = c.sndUna;
    this.sndNxt = c.sndNxt;
  }
}

/** Looks at all connections that a listener has handed out. */
export class Inspector {
  readonly #parts: InspectorParts;
  readonly #sights = new Map<Connection, Sight>();

  constructor(parts: InspectorParts) {
    this.#parts = parts;
  }

  /** Looks after `c` until it is over. */
  watch(c: Connection): void {
    this.#sights.set(c, new Sight(c));
  }

  /** Looks at everything, between two turns. */
  check(): void {
    const { stack, pages } = this.#parts;
    let most = 0;
    for (const [c, sight] of this.#sights) {
      this.#checkConnection(c, sight);
      most += pagesHeld(c);
      if (isOver(c)) this.#sights.delete(c);
    }
    if (pages.lent > pages.limit) this.#violated(null, "more pages lent than there are");
    // No next hop is resolved here, and garbage makes a fragment at most seldom: all pages are these connections'.
    const isAllKnown = stack.tcp.connectionCount <= this.#sights.size &&
      stack.counters.ReasmReqds === 0;
    if (isAllKnown && pages.lent > most) {
      this.#violated(null, `${pages.lent} pages lent, but the queues hold no more than ${most}`);
    }
  }

  /** Looks whether everything came back, when nobody wants anything any more. */
  checkEmpty(): void {
    const { stack, proxy, pages, sockets } = this.#parts;
    const { tcp } = stack;
    const left = {
      connections: tcp.connectionCount,
      handshakes: tcp.handshakeCount,
      openings: tcp.openingCount,
      "TIME-WAIT records": tcp.timeWaits.count,
      deadlines: tcp.deadlines.count,
      pairs: proxy.open,
      sockets: sockets.openCount,
      pages: pages.lent,
    };
    for (const [what, count] of Object.entries(left)) {
      if (count !== 0) this.#violated(null, `${count} ${what} are left at the end`);
    }
    for (const c of this.#sights.keys()) this.#violated(c, "it is left at the end");
    if (proxy.hasWork) this.#violated(null, "the run list is not empty at the end");
  }

  /** Looks whether the proxy has given everything back; the engine below is dropped as it is. */
  checkLeft(): void {
    const { proxy, sockets } = this.#parts;
    if (proxy.open > 0) this.#violated(null, `${proxy.open} pairs outlive the program`);
    if (sockets.openCount > 0) {
      this.#violated(null, `${sockets.openCount} sockets outlive the program`);
    }
  }

  #checkConnection(c: Connection, before: Sight): void {
    const claim = (holds: boolean, what: string) => holds || this.#violated(c, what);
    const { sendQueue, receiveQueue } = c;
    const isAlive = c.state !== State.Closed && c.state !== State.TimeWait;
    claim(difference(c.sndNxt, c.sndUna) >= 0, "SND.UNA passed SND.NXT");
    claim(difference(c.sndUna, before.sndUna) >= 0, "SND.UNA goes back");
    claim(difference(c.sndNxt, before.sndNxt) >= 0, "SND.NXT goes back");
    claim(difference(c.rcvNxt, before.rcvNxt) >= 0, "RCV.NXT goes back");
    claim(difference(c.rcvEdge, before.rcvEdge) >= 0, "the window shrinks");
    claim(difference(c.rcvEdge, c.rcvNxt) >= 0, "RCV.NXT passed the window's edge");
    claim(difference(c.rcvNxt, c.lastAckSent) >= 0, "acknowledged what did not arrive");
    const fin = c.finReceived ? 1 : 0;
    claim(receiveQueue.length >= 0, "the user took more than there was");
    if (!c.isReleased) {
      claim(difference(c.rcvNxt, receiveQueue.next) === fin, "the receive queue lost RCV.NXT");
    }
    this.#checkRanges(c);
    if (isAlive && !c.resetPending) this.#checkSending(c);
    if (!isAlive) {
      claim(c.timers === 0 && c.heapIndex === NOT_FILED, "a timer outlives its connection");
      claim(sendQueue.length === 0, "bytes to send outlive their connection");
      claim(c.scoreboard === null, "a flight outlives its connection");
    } else {
      claim(c.timers === 0 || c.heapIndex !== NOT_FILED, "an armed timer is not filed");
    }
    before.rcvEdge = c.rcvEdge;
    before.rcvNxt = c.rcvNxt;
    before.sndUna = c.sndUna;
    before.sndNxt = c.sndNxt;
  }

  #checkSending(c: Connection): void {
    const claim = (holds: boolean, what: string) => holds || this.#violated(c, what);
    const { sendQueue } = c;
    claim(difference(c.endOfStream, c.sndNxt) >= 0, "SND.NXT passed the end of the stream");
    const unacknowledged = Math.min(difference(sendQueue.end, c.sndUna), sendQueue.length);
    claim(
      sendQueue.length >= 0 && unacknowledged >= 0 || c.finQueued,
      "the send queue lost SND.UNA",
    );
    const flight = difference(c.sndNxt, c.sndUna);
    const { scoreboard } = c;
    claim(
      (flight > 0) === (scoreboard !== null && scoreboard.count > 0),
      "flight and scoreboard differ",
    );
    if (scoreboard !== null && flight > 0) {
      claim(scoreboard.sackedBytes >= 0 && scoreboard.lostBytes >= 0, "a negative count of bytes");
      claim(
        scoreboard.sackedBytes + scoreboard.lostBytes <= flight,
        "more is counted than is in flight",
      );
    }
    // Whoever has something to send and waits must be woken: else it waits for ever.
    const waits = c.sndUna !== c.endOfStream && !c.isReady && c.handshake === null;
    const wakers = TRANSMISSION | TIMER.Persist | TIMER.Pace;
    claim(
      !waits || (c.timers & wakers) !== 0,
      "it waits with bytes to send, and no timer wakes it",
    );
    const armed = c.timers & TRANSMISSION;
    claim((armed & (armed - 1)) === 0, "two transmission timers are armed");
  }

  #checkRanges(c: Connection): void {
    const { ranges, next } = c.receiveQueue;
    if (ranges === null) return;
    let end = next;
    for (let i = 0; i < ranges.count; i++) {
      const isOrdered = difference(ranges.start(i), end) > 0 &&
        difference(ranges.end(i), ranges.start(i)) > 0;
      if (!isOrdered) this.#violated(c, "runs beyond a gap touch, or lie in disorder");
      end = ranges.end(i);
    }
    if (ranges.count > 0 && difference(c.rcvEdge, end) < 0) {
      this.#violated(c, "a run lies beyond the window");
    }
  }

  #violated(c: Connection | null, what: string): void {
    if (c === null) return this.#parts.violated(what);
    const where = `client ${c.remotePort}, ${STATE_NAMES[c.state]}`;
    const una = difference(c.sndUna, c.iss) - 1;
    const nxt = difference(c.sndNxt, c.iss) - 1;
    const rcv = difference(c.rcvNxt, c.irs) - 1;
    const end = difference(c.endOfStream, c.iss) - 1;
    const window = `wnd=${c.sndWnd} edge=${difference(c.rcvEdge, c.irs) - 1}`;
    this.#parts.violated(
      `${what} (${where}, una=${una} nxt=${nxt} of ${end} rcv=${rcv} ${window})`,
    );
  }
}

function isOver(c: Connection): boolean {
  const isClosed = c.state === State.Closed || c.state === State.TimeWait;
  return isClosed && c.isReleased;
}

function difference(a: number, b: number): number {
  return (a - b) | 0;
}

/** Pages that the queues of `c` may hold: those its bytes lie in, and gaps between. */
function pagesHeld(c: Connection): number {
  const { sendQueue, receiveQueue } = c;
  const { ranges } = receiveQueue;
  const end = ranges !== null && ranges.count > 0
    ? ranges.end(ranges.count - 1)
    : receiveQueue.next;
  return pagesBetween(sendQueue.start, sendQueue.end) + pagesBetween(receiveQueue.start, end);
}

function pagesBetween(start: number, end: number): number {
  const length = difference(end, start);
  if (length <= 0) return 0;
  return ((start & (PAGE_SIZE - 1)) + length + PAGE_SIZE - 1) >>> PAGE_SHIFT;
}
