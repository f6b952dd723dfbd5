import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/tcp/connection.ts";
import { MAX_CWND } from "../../lib/tcp/congestion.ts";
import { NEW_RENO } from "../../lib/tcp/new_reno.ts";
import { Phase } from "../../lib/tcp/phase.ts";
import {
  enterLoss,
  enterRecovery,
  goOn,
  Recovery,
  reduceProportionally,
  tellLosses,
} from "../../lib/tcp/recovery.ts";
import { Scoreboard } from "../../lib/tcp/scoreboard.ts";
import { DEFAULT_TUNABLES } from "../../lib/tcp/tunables.ts";
import { Segment } from "../../lib/wire/segment.ts";
import { RecordingModel } from "./support.ts";

const MSS = 1000;

/** 15 segments of 1000 bytes are in flight from -5000 on, five more fit into cwnd; all of `changes` besides. */
function connection(changes: Partial<Connection> = {}): Connection {
  const scoreboard = new Scoreboard();
  scoreboard.sent(-5000, 10_000, MSS, 0);
  return {
    phase: Phase.Open,
    mss: MSS,
    cwnd: 20_000,
    ssthresh: MAX_CWND,
    sndUna: -5000,
    sndNxt: 10_000,
    greatestFlight: 0,
    sndWnd: 100_000,
    endOfStream: 50_000,
    recover: -5000,
    recovery: null,
    retries: 0,
    duplicateAcks: 2,
    hasProbed: true,
    sackOk: true,
    tsOk: false,
    ecnOk: false,
    owesCwr: false,
    roundTrips: {},
    scoreboard,
    congestion: NEW_RENO,
    model: null,
    tcp: {
      tunables: DEFAULT_TUNABLES,
      counters: {
        TCPSackRecovery: 0,
        TCPRenoRecovery: 0,
        TCPDSACKUndo: 0,
        TCPPartialUndo: 0,
        TCPFullUndo: 0,
        TCPLossUndo: 0,
        TCPSpuriousRTOs: 0,
      },
    },
    ...changes,
  } as unknown as Connection;
}

/** The names of the counters that moved, one for each time. */
function counted(c: Connection): string[] {
  return Object.entries(c.tcp.counters).flatMap(([name, times]) => Array(times).fill(name));
}

Deno.test("recovery: RFC 3708 §2, what the peer had twice is counted against what was sent again", () => {
  const recovery = new Recovery();
  recovery.undoFrom = 1000;
  recovery.reportedTwice(1000, 2000);
  assertEquals(recovery.undoBytes, -1);
  recovery.resent(2000, 77);
  recovery.resent(1000, 78);
  assertEquals([recovery.undoBytes, recovery.resentStamp], [3000, 77]);
  recovery.reportedTwice(0, 1000); // of an earlier time
  assertEquals(recovery.undoBytes, 3000);
  recovery.reportedTwice(1000, 3000);
  recovery.reportedTwice(3000, 9000);
  assertEquals(recovery.undoBytes, 0);
});

Deno.test("recovery: RFC 6675 §5 (4), it begins with ssthresh at half of the flight, and keeps what was", () => {
  for (const sackOk of [true, false]) {
    const recovery = Object.assign(new Recovery(), {
      prrDelivered: 5,
      prrOut: 6,
      hasRescued: true,
      undoBytes: 7,
    });
    const c = connection({ sackOk, recovery });
    enterRecovery(c, 0);
    assertEquals([c.phase, c.cwnd, c.ssthresh, c.recover], [Phase.Recovery, 20_000, 7500, 10_000]);
    assertEquals([c.roundTrips, c.hasProbed], [null, false]);
    const { prrDelivered, prrOut, priorFlight, mayUndo, undoFrom, undoBytes } = recovery;
    assertEquals([prrDelivered, prrOut, priorFlight, undoFrom, undoBytes], [
      0,
      0,
      15_000,
      -5000,
      -1,
    ]);
    const { priorCwnd, priorSsthresh, hasRescued, isFast } = recovery;
    assertEquals([priorCwnd, priorSsthresh], [20_000, MAX_CWND]);
    assertEquals([mayUndo, hasRescued, isFast], [true, false, true]);
    assertEquals(counted(c), [sackOk ? "TCPSackRecovery" : "TCPRenoRecovery"]);
  }
});

Deno.test("recovery: what was acknowledged in the same batch, and not answered, counts as delivered", () => {
  const prior = (greatestFlight: number, acked: number) => {
    const c = connection({ greatestFlight });
    enterRecovery(c, acked);
    const { priorFlight, prrDelivered } = c.recovery!;
    return [priorFlight, prrDelivered, c.ssthresh];
  };
  assertEquals(prior(15_000, 0), [15_000, 0, 7500]);
  assertEquals(prior(18_000, 0), [18_000, 3000, 9000]);
  assertEquals(prior(18_000, 1000), [18_000, 2000, 9000]); // that one is counted by itself
  assertEquals(prior(18_000, 4000), [18_000, 0, 9000]);
  assertEquals(prior(25_000, 0), [20_000, 5000, 10_000]);
});

Deno.test("recovery: a flight of less than a segment counts as one", () => {
  const c = connection({ sndNxt: -4999 });
  enterRecovery(c, 0);
  assertEquals([c.recovery!.priorFlight, c.ssthresh], [MSS, 2 * MSS]);
});

/** Whether ssthresh fell when the timer expired, and whether F-RTO tests it. */
function timedOut(
  phase: Phase,
  retries: number,
  recover: number,
  tcp_frto = 1,
): [boolean, boolean] {
  const c = connection({ phase, retries, recover });
  c.tcp.tunables = { ...DEFAULT_TUNABLES, tcp_frto };
  c.recovery = Object.assign(new Recovery(), { sendsNew: true, isFast: true });
  enterLoss(c, c.scoreboard!, 0);
  assertEquals([c.phase, c.cwnd, c.recover, c.duplicateAcks], [Phase.Loss, MSS, 10_000, 0]);
  const { sendsNew, isFast } = c.recovery;
  assertEquals([c.hasProbed, sendsNew, isFast], [false, false, false]);
  assertEquals(c.scoreboard!.lostBytes, 15_000);
  return [c.ssthresh === 7500, c.recovery.isTesting];
}

Deno.test("recovery: RFC 5681 §3.1, ssthresh falls on the first timeout of a segment only", () => {
  assertEquals(timedOut(Phase.Open, 0, 0), [true, true]);
  assertEquals(timedOut(Phase.Recovery, 0, -4999), [false, false]);
  assertEquals(timedOut(Phase.Recovery, 0, -5000), [true, false]);
  assertEquals(timedOut(Phase.Recovery, 1, -4999), [false, true]);
  assertEquals(timedOut(Phase.Loss, 0, -4999), [true, false]);
  assertEquals(timedOut(Phase.Loss, 1, -4999), [false, true]);
  assertEquals(timedOut(Phase.Open, 1, 0, 0), [true, false]);
});

/** A connection whose reduction may be taken back: cwnd was 20,000, ssthresh 18,000. */
function reduced(phase: Phase, changes: Partial<Connection>, of: Partial<Recovery>): Connection {
  const recovery = Object.assign(new Recovery(), {
    mayUndo: true,
    priorCwnd: 20_000,
    priorSsthresh: 18_000,
    windowFactor: 3,
    windowPersists: 2,
    ...of,
  });
  const c = connection({ phase, cwnd: 9000, ssthresh: 7500, recover: 10_000, owesCwr: true });
  return Object.assign(c, { recovery }, changes);
}

interface Ack {
  acked?: number;
  isDsack?: boolean;
  isDuplicate?: boolean;
  tsEcr?: number;
}

/** What an acknowledgment did: what was counted, the phase and cwnd. */
function after(c: Connection, ack: Ack, scoreboard = c.scoreboard): [string, Phase, number] {
  const { acked = 0, isDsack = false, isDuplicate = false, tsEcr = 0 } = ack;
  goOn(c, scoreboard, Object.assign(new Segment(), { tsEcr }), acked, isDsack, isDuplicate);
  return [counted(c).join(), c.phase, c.cwnd];
}

Deno.test("recovery: RFC 3708 §3, a DSACK of all that was sent again takes the reduction back, later too", () => {
  const { Open } = Phase;
  const c = reduced(Open, {}, { undoBytes: 0 });
  assertEquals(after(c, { isDsack: true }), ["TCPDSACKUndo", Open, 20_000]);
  assertEquals([c.ssthresh, c.owesCwr, c.recovery!.mayUndo], [18_000, false, false]);
  assertEquals(after(c, { isDsack: true }), ["TCPDSACKUndo", Open, 20_000]); // once
  for (const undoBytes of [-1, 1]) {
    assertEquals(after(reduced(Open, {}, { undoBytes }), { isDsack: true }), ["", Open, 9000]);
  }
  assertEquals(after(reduced(Open, {}, { undoBytes: 0 }), {}), ["", Open, 9000]);
  assertEquals(after(connection(), { isDsack: true }), ["", Open, 20_000]);
});

Deno.test("recovery: RFC 4015 §3.2, what has grown beyond meanwhile stays", () => {
  const c = reduced(Phase.Open, { cwnd: 30_000, ssthresh: 25_000 }, { undoBytes: 0 });
  after(c, { isDsack: true });
  assertEquals([c.cwnd, c.ssthresh], [30_000, 25_000]);
});

Deno.test("recovery: RFC 6675 §5 (A), it is over when all that was in flight is acknowledged", () => {
  const { Open, Recovery } = Phase;
  assertEquals(after(reduced(Recovery, { sndUna: 9999 }, {}), { acked: 1 }), ["", Recovery, 9000]);
  const c = reduced(Recovery, { sndUna: 10_000 }, {});
  assertEquals(after(c, { acked: 1 }), ["", Open, 7500]);
  assertEquals([c.recovery!.windowPersists, c.recovery!.windowFactor], [1, 3]);
  for (const [windowPersists, rest, factor] of [[1, 0, 1], [0, 0, 3]]) {
    const last = reduced(Recovery, { sndUna: 10_000 }, { windowPersists });
    after(last, { acked: 1 });
    assertEquals([last.recovery!.windowPersists, last.recovery!.windowFactor], [rest, factor]);
  }
});

Deno.test("recovery: at its end all of it is taken back when nothing was lost", () => {
  const { Open, Recovery } = Phase;
  const end = (of: Partial<Recovery>, tsOk: boolean, tsEcr: number) =>
    after(reduced(Recovery, { sndUna: 10_000, tsOk }, of), { acked: 1, tsEcr });
  const undone = ["TCPFullUndo", Open, 20_000];
  const stays = ["", Open, 7500];
  assertEquals(end({ undoBytes: 0 }, false, 0), undone);
  assertEquals(end({ undoBytes: 0, mayUndo: false }, false, 0), stays);
  // RFC 3522 §3.2 (Eifel): an echo older than the first retransmission.
  assertEquals(end({ undoBytes: 1, resentStamp: 50 }, true, 49), undone);
  assertEquals(end({ undoBytes: 1, resentStamp: 50 }, true, 50), stays);
  assertEquals(end({ undoBytes: 1, resentStamp: 50 }, false, 49), stays);
  assertEquals(end({ undoBytes: -1, resentStamp: 50 }, true, 49), stays);
});

Deno.test("recovery: in its middle an older echo tells of reordering, a DSACK of a mistake", () => {
  const { Open, Recovery } = Phase;
  const begun = (of: Partial<Recovery> = {}) =>
    reduced(Recovery, { tsOk: true }, { undoBytes: 1, resentStamp: 50, ...of });
  const eifel = begun();
  assertEquals(after(eifel, { acked: 1, tsEcr: 49 }), ["TCPPartialUndo", Open, 20_000]);
  assertEquals(eifel.recovery!.isReordering, true);
  const reported = begun({ undoBytes: 0 });
  assertEquals(after(reported, { acked: 1, tsEcr: 49 }), ["TCPPartialUndo", Open, 20_000]);
  const resent = begun(); // more is on its way again
  resent.scoreboard!.loseFirst(MSS);
  resent.scoreboard!.resent(MSS, MSS, 1);
  assertEquals(after(resent, { acked: 1, tsEcr: 49 }), ["", Recovery, 9000]);
  assertEquals(resent.recovery!.isReordering, true);
  assertEquals(after(begun(), { acked: 1, tsEcr: 49 }, null), ["", Recovery, 9000]);
  for (const ack of [{ acked: 0, tsEcr: 49 }, { acked: 1, tsEcr: 50 }]) {
    const c = begun();
    assertEquals(after(c, ack), ["", Recovery, 9000]);
    assertEquals(c.recovery!.isReordering, false);
  }
  assertEquals(after(begun({ mayUndo: false }), { acked: 1, tsEcr: 49 }), ["", Recovery, 9000]);

  const dsack = { isDsack: true, tsEcr: 50 };
  const lost = begun({ undoBytes: 0, isTesting: true, sendsNew: true });
  lost.scoreboard!.loseFirst(MSS);
  assertEquals(after(lost, dsack), ["TCPDSACKUndo", Open, 20_000]);
  assertEquals([lost.scoreboard!.lostBytes, lost.recovery!.isTesting], [0, false]);
  assertEquals(lost.recovery!.sendsNew, false);
  assertEquals(after(begun({ undoBytes: 0, mayUndo: false }), dsack), ["", Recovery, 9000]);
  assertEquals(after(begun({ undoBytes: 1 }), dsack), ["", Recovery, 9000]);
  assertEquals(after(begun({ undoBytes: 0 }), { tsEcr: 50 }), ["", Recovery, 9000]);
});

Deno.test("recovery: after a timeout what proves that nothing was lost takes it back, if SND.UNA moved", () => {
  const { Open, Loss } = Phase;
  const begun = () => reduced(Loss, {}, { undoBytes: 0 });
  assertEquals(after(begun(), { acked: 1 }), ["TCPLossUndo", Open, 20_000]);
  assertEquals(after(begun(), { acked: 0 }), ["", Loss, 9000]);
  assertEquals(after(begun(), { acked: 1 }, null), ["TCPLossUndo", Open, 20_000]);
});

Deno.test("recovery: slow start after a timeout ends when all that was in flight is acknowledged", () => {
  const { Open, Loss } = Phase;
  for (const [una, phase] of [[9999, Loss], [10_000, Open]] as const) {
    const c = reduced(Loss, { sndUna: una }, { isTesting: true });
    assertEquals(after(c, { acked: 1 }), ["", phase, 9000]);
  }
});

Deno.test("recovery: RFC 5682 §3.1, an original that arrives after the timeout shows that it was spurious", () => {
  const { Open, Loss } = Phase;
  const seen = (sackOk: boolean, sndNxt: number, isTesting = true) => {
    const c = reduced(Loss, { sackOk, sndNxt }, { isTesting, undoBytes: 1 });
    c.scoreboard!.sawOriginal = true;
    return after(c, {});
  };
  const spurious = ["TCPLossUndo,TCPSpuriousRTOs", Open, 20_000];
  assertEquals(seen(true, 10_000), spurious);
  assertEquals(seen(true, 10_000, false), ["", Loss, 9000]);
  // Without SACK only once new data was sent.
  assertEquals([seen(false, 10_000), seen(false, 10_001)], [["", Loss, 9000], spurious]);
});

/** Whether F-RTO goes on, and whether new data has the next turn. */
function tested(changes: Partial<Connection>, ack: Ack): [boolean, boolean] {
  const c = reduced(Phase.Loss, changes, { isTesting: true, undoBytes: 1 });
  after(c, ack);
  assertEquals(c.phase, Phase.Loss);
  return [c.recovery!.isTesting, c.recovery!.sendsNew];
}

Deno.test("recovery: RFC 5682 §2.1, step 2b sends new data while there is some and the window has room", () => {
  assertEquals(tested({}, { acked: 1 }), [true, true]);
  assertEquals(tested({}, { acked: 0 }), [true, false]);
  assertEquals(tested({ endOfStream: 10_001 }, { acked: 1 }), [true, true]);
  assertEquals(tested({ endOfStream: 10_000 }, { acked: 1 }), [false, false]);
  assertEquals(tested({ sndWnd: 15_001 }, { acked: 1 }), [true, true]);
  assertEquals(tested({ sndWnd: 15_000 }, { acked: 1 }), [false, false]);
});

Deno.test("recovery: RFC 5682 §2.1, step 3a: a duplicate after new data shows that the loss was real", () => {
  const isDuplicate = true;
  assertEquals(tested({ sndNxt: 10_001 }, { isDuplicate }), [false, false]);
  assertEquals(tested({ sndNxt: 10_001 }, { acked: 1 }), [true, false]);
  assertEquals(tested({}, { isDuplicate }), [true, false]); // before that it shows nothing
});

/** What PRR lets cwnd be beyond `pipe`; ssthresh is 7000, RecoverFS 10,000. */
function allowed(
  pipe: number,
  delivered: number,
  isSafe: boolean,
  sofar: Partial<Recovery>,
): number {
  const c = connection({ scoreboard: null, sndUna: -5, sndNxt: pipe - 5, ssthresh: 7000 });
  c.recovery = Object.assign(new Recovery(), { priorFlight: 10_000, ...sofar });
  reduceProportionally(c, delivered, isSafe);
  return c.cwnd - pipe;
}

Deno.test("recovery: RFC 9937 §6, above ssthresh seven of ten delivered bytes are sent", () => {
  assertEquals(allowed(8000, 1000, true, { prrDelivered: 1000, prrOut: 1000 }), 400);
  assertEquals(allowed(8000, 1001, true, { prrDelivered: 1000, prrOut: 1000 }), 401); // rounded up
  assertEquals(allowed(8000, 1000, true, { prrDelivered: 1000, prrOut: 3000 }), 0);
});

Deno.test("recovery: RFC 9937 §6, the first retransmission leaves in any case", () => {
  assertEquals(allowed(8000, 1000, true, {}), MSS);
  assertEquals(allowed(8000, 0, false, { prrOut: 1 }), 0);
});

Deno.test("recovery: RFC 9937 §6, up to ssthresh it slow-starts while SND.UNA moves and nothing more is lost", () => {
  const sofar = { prrDelivered: 1000, prrOut: 500 };
  assertEquals([true, false].map((isSafe) => allowed(3000, 1000, isSafe, sofar)), [2500, 1500]);
  assertEquals(allowed(3000, 1000, false, { prrDelivered: 1000, prrOut: 1800 }), 1000);
  assertEquals(allowed(6900, 1000, true, sofar), 100);
  assertEquals(allowed(7000, 1000, true, { prrDelivered: 4000, prrOut: 1000 }), 0);
});

Deno.test("recovery: who has met reordering only takes nothing back and tests nothing", () => {
  const recovery = new Recovery();
  const { mayUndo, isFast, hasRescued, isTesting, sendsNew, isReordering, hasRound } = recovery;
  const flags = [mayUndo, isFast, hasRescued, isTesting, sendsNew, isReordering, hasRound];
  assertEquals(flags, Array(flags.length).fill(false));
  const { prrDelivered, prrOut, undoBytes, windowFactor, windowPersists } = recovery;
  assertEquals([prrDelivered, prrOut, undoBytes, windowFactor, windowPersists], [0, 0, -1, 1, 0]);
});

Deno.test("recovery: RFC 3522 §3.2, the first retransmission's stamp stays, even when all were reported", () => {
  const recovery = Object.assign(new Recovery(), { undoFrom: -1000 });
  recovery.resent(1, 77);
  recovery.reportedTwice(-1000, -1000); // nothing
  recovery.reportedTwice(-1500, -1000); // of an earlier time
  assertEquals(recovery.undoBytes, 1);
  recovery.reportedTwice(-1000, -999);
  assertEquals(recovery.undoBytes, 0);
  recovery.resent(500, 78);
  assertEquals([recovery.undoBytes, recovery.resentStamp], [500, 77]);
});

/** The same with a path model. */
function modelled(c: Connection): [Connection, RecordingModel] {
  const model = new RecordingModel();
  return [Object.assign(c, { model, congestion: model.congestion }), model];
}

Deno.test("recovery: a path model hears once of what was found lost", () => {
  const [c, model] = modelled(connection());
  const board = c.scoreboard!;
  tellLosses(c, board, 0);
  assertEquals(model.take(), []);
  board.loseFirst(1);
  tellLosses(c, board, 0);
  tellLosses(c, board, 0);
  assertEquals(model.take(), ["lost 1"]);
  board.loseAll();
  tellLosses(c, board, 0);
  assertEquals([model.take(), board.newlyLostBytes], [["lost 14999"], 0]);
});

Deno.test("recovery: RFC 4821 §7.6.2, what was lost because it was too large is nothing for a path model", () => {
  const [c, model] = modelled(connection({ mss: MSS - 1 }));
  c.scoreboard!.loseFirst(MSS);
  tellLosses(c, c.scoreboard!, 0);
  assertEquals([model.take(), c.scoreboard!.newlyLostBytes], [[], 0]);
});

Deno.test("recovery: without a path model nobody hears of losses", () => {
  const c = connection();
  c.scoreboard!.loseFirst(MSS);
  tellLosses(c, c.scoreboard!, 0);
  assertEquals(c.scoreboard!.newlyLostBytes, MSS);
});

Deno.test("recovery: a path model hears of a reduction before it hears of the losses of a timeout", () => {
  const [c, model] = modelled(connection());
  enterLoss(c, c.scoreboard!, 0);
  assertEquals([model.take(), c.cwnd], [["reduced", "lost 15000"], MSS]);
  const [again, other] = modelled(connection({ phase: Phase.Loss, retries: 1, recover: 10_000 }));
  enterLoss(again, again.scoreboard!, 0);
  assertEquals(other.take(), ["lost 15000"]);
  const [fast, third] = modelled(connection());
  enterRecovery(fast, 0);
  assertEquals(third.take(), ["reduced"]);
});

Deno.test("recovery: at its end a path model says what cwnd is, after fast recovery and after a timeout", () => {
  const { Open, Recovery, Loss } = Phase;
  for (const phase of [Recovery, Loss]) {
    const [c, model] = modelled(reduced(phase, { sndUna: 10_000 }, {}));
    assertEquals([after(c, { acked: 1 }), model.take()], [["", Open, 9000], ["recovered"]]);
    const [early, told] = modelled(reduced(phase, { sndUna: 9999 }, {}));
    assertEquals([after(early, { acked: 1 }), told.take()], [["", phase, 9000], []]);
  }
});

Deno.test("recovery: RFC 4015 §3.2, a path model hears that nothing was lost after all", () => {
  const { Open, Recovery, Loss } = Phase;
  for (
    const [phase, counter] of [[Recovery, "TCPFullUndo"], [Loss, "TCPLossUndo"]] as const
  ) {
    const [c, model] = modelled(reduced(phase, { sndUna: 10_000 }, { undoBytes: 0 }));
    assertEquals([after(c, { acked: 1 }), model.take()], [[counter, Open, 20_000], ["restored"]]);
  }
});
