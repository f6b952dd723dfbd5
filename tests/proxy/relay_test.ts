import { assert, assertEquals, assertThrows } from "@std/assert";
import { EAGAIN, ECONNREFUSED, ECONNRESET, EINPROGRESS, EPIPE } from "../../lib/host/errno.ts";
import { READABLE, WRITABLE } from "../../lib/host/host.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { Relay, Stage } from "../../lib/proxy/relay.ts";
import { KernelUpstream } from "../../lib/proxy/upstream.ts";
import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import { parseEndpoint } from "../../lib/wire/address.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { FakeConnection } from "../support/fake_connection.ts";
import { type FakeSocket, FakeSockets } from "../support/fake_sockets.ts";

const LOCAL = parseEndpoint("198.18.0.2:80")!;
const REMOTE = parseEndpoint("198.18.0.1:40000")!;
const UPSTREAM = parseEndpoint("127.0.0.1:8080")!;
const BUDGET = 256 * 1024;

interface Setup {
  readonly relay: Relay;
  readonly connection: FakeConnection;
  readonly sockets: FakeSockets;
  readonly socket: FakeSocket;
  /** How often the relay asked to be run. */
  scheduled: number;
}

/** A relay that dials at time 0, after `prepare`. */
function dialing(
  tunables: Partial<Tunables> = {},
  prepare: (relay: Relay, connection: FakeConnection, sockets: FakeSockets) => void = () => {},
): Setup {
  const arena = new Arena(1 << 20);
  const sockets = new FakeSockets(arena);
  const connection = new FakeConnection(arena, LOCAL, REMOTE);
  const host = {
    tunables: { ...DEFAULT_TUNABLES, ...tunables },
    schedule: () => void setup.scheduled++,
  };
  const upstream = new KernelUpstream(sockets, UPSTREAM, null);
  const relay = new Relay(host, connection, upstream, 0);
  prepare(relay, connection, sockets);
  relay.dial(0);
  const socket = sockets.dialed[0];
  const setup = { relay, connection, sockets, socket, scheduled: 0 };
  return setup;
}

/** A relay whose upstream accepted at time 0. */
function open(tunables: Partial<Tunables> = {}): Setup {
  const setup = dialing(tunables);
  setup.relay.ready(WRITABLE);
  setup.relay.run(BUDGET, 0);
  assertEquals(setup.relay.stage, Stage.Open);
  setup.socket.calls.length = 0;
  return setup;
}

function sends(socket: FakeSocket, text: string): void {
  socket.incoming += text;
}

function count(socket: FakeSocket, call: string): number {
  return socket.calls.filter((name) => name === call).length;
}

// Up.

Deno.test("relay: bytes that came while dialing are sent once connected (PX-02)", () => {
  const { relay, connection, socket } = dialing();
  connection.receives("early");
  assertEquals(connection.sink, null, "nothing is offered meanwhile");
  relay.run(BUDGET, 1);
  assertEquals([socket.outgoing, relay.upstreamErrno], ["", 0]);
  relay.ready(WRITABLE);
  relay.run(BUDGET, 2);
  assertEquals(socket.outgoing, "early");
  assertEquals(socket.calls, ["dialResult", "sendGather"], "nobody said that it is readable");
  assertEquals(connection.kept, "");
  assertEquals(relay.bytesUp, 5);
});

Deno.test("PX-14: the data of a fast open is held until the client is established", () => {
  const { relay, connection, socket } = dialing();
  connection.isEstablished = false;
  connection.receives("buy");
  relay.ready(WRITABLE);
  relay.run(BUDGET, 1);
  assertEquals(relay.stage, Stage.Open, "dialed at the SYN");
  assertEquals(relay.run(BUDGET, 2), false, "waits for `Established`");
  assertEquals([socket.outgoing, connection.kept], ["", "buy"]);
  connection.isEstablished = true;
  relay.run(BUDGET, 3);
  assertEquals([socket.outgoing, connection.kept], ["buy", ""]);
});

Deno.test("PX-14: what a replayed SYN brought never reaches the upstream", () => {
  const { relay, connection, socket } = open();
  connection.isEstablished = false;
  connection.receives("buy");
  relay.run(BUDGET, 1);
  connection.closeReason = "reset by peer";
  relay.run(BUDGET, 2);
  assertEquals([relay.stage, socket.outgoing], [Stage.Ended, ""]);
});

Deno.test("PX-14: an upstream that speaks first is heard before the third ACK", () => {
  const { relay, connection, socket } = open();
  connection.isEstablished = false;
  sends(socket, "220 ready");
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  assertEquals(connection.committed, "220 ready");
});

Deno.test("PX-14: on an idempotent route the data goes up at once", () => {
  const { relay, connection, socket } = dialing();
  relay.isIdempotent = true;
  connection.isEstablished = false;
  connection.receives("get");
  relay.ready(WRITABLE);
  relay.run(BUDGET, 1);
  assertEquals(socket.outgoing, "get");
});

// Fast open towards the upstream. RFC 7413 §4.2.2.

Deno.test("relay: bytes there when the upstream is dialed by fast open are sent at once", () => {
  const { relay, connection, socket } = dialing({}, (relay, connection) => {
    relay.opensFast = true;
    connection.receives("get");
  });
  assert(socket.opensFast);
  assertEquals([socket.outgoing, connection.kept, relay.bytesUp], ["get", "", 3]);
  assertEquals(relay.stage, Stage.Dialing, "the upstream has not answered");
  connection.receives("more");
  relay.run(BUDGET, 1);
  assertEquals(socket.outgoing, "get");
  relay.ready(WRITABLE);
  relay.run(BUDGET, 2);
  assertEquals([relay.stage, socket.outgoing], [Stage.Open, "getmore"]);
});

Deno.test("relay: what the SYN did not take is sent once connected", () => {
  for (const errno of [EAGAIN, EINPROGRESS]) {
    const { relay, connection, sockets, socket } = dialing({}, (relay, connection, sockets) => {
      relay.opensFast = true;
      connection.receives("get");
      sockets.onCall = (_name, descriptor) => void (sockets.at(descriptor).sendErrno = errno);
    });
    sockets.onCall = () => {};
    assertEquals([relay.stage, connection.kept, relay.bytesUp], [Stage.Dialing, "get", 0]);
    socket.sendErrno = 0;
    relay.ready(WRITABLE);
    relay.run(BUDGET, 1);
    assertEquals([relay.stage, socket.outgoing, relay.bytesUp], [Stage.Open, "get", 3]);
  }
});

Deno.test("relay: a fast open that fails at once is a dialing that failed", () => {
  const { relay, connection, socket } = dialing({}, (relay, connection, sockets) => {
    relay.opensFast = true;
    connection.receives("get");
    sockets.onCall = (_name, descriptor) => void (sockets.at(descriptor).sendErrno = ECONNREFUSED);
  });
  assertEquals([relay.reason, relay.upstreamErrno], ["dial failed", ECONNREFUSED]);
  assertEquals([socket.state, connection.calls], ["reset", ["abort", "release"]]);
});

Deno.test("relay: a refused fast open ends as any dialing, in time and by its errno", () => {
  const setup = dialing({ px_connect_timeout: 3 }, (relay, connection) => {
    relay.opensFast = true;
    connection.receives("get");
  });
  assertEquals(setup.relay.deadline(), 3000);
  setup.socket.pendingErrno = ECONNREFUSED;
  setup.relay.ready(WRITABLE | READABLE);
  setup.relay.run(BUDGET, 1);
  assertEquals([setup.relay.reason, setup.relay.upstreamErrno], ["dial failed", ECONNREFUSED]);
});

Deno.test("relay: without bytes that may go up a dialing is not fast: its SYN leaves at once", () => {
  const cases: ((relay: Relay, connection: FakeConnection) => void)[] = [
    (relay) => relay.opensFast = true,
    (_relay, connection) => connection.receives("get"),
    (relay, connection) => { // a replay may be
      relay.opensFast = true;
      connection.isEstablished = false;
      connection.receives("get");
    },
  ];
  for (const prepare of cases) {
    const { socket } = dialing({}, prepare);
    assertEquals([socket.opensFast, socket.outgoing], [false, ""]);
  }
});

Deno.test("relay: on an idempotent route the data of a client's fast open rides on, SYN to SYN", () => {
  const { socket } = dialing({}, (relay, connection) => {
    relay.opensFast = true;
    relay.isIdempotent = true;
    connection.isEstablished = false;
    connection.receives("get");
  });
  assertEquals([socket.opensFast, socket.outgoing], [true, "get"]);
});

Deno.test("relay: an offered segment is sent from its frame, and the relay is run", () => {
  const setup = open();
  assertEquals(setup.connection.receivesLarge("large"), 5);
  assertEquals(setup.socket.outgoing, "large");
  assertEquals(setup.socket.calls, ["send"]);
  assertEquals(setup.relay.bytesUp, 5);
  assertEquals(setup.scheduled, 1);
});

Deno.test("relay: a short send ends offers until the socket is writable again", () => {
  const { relay, connection, socket } = open();
  socket.sendRoom = 3;
  assertEquals(connection.receivesLarge("abcdef"), 3);
  connection.consume(3); // as if the engine had refused them
  assertEquals(connection.receivesLarge("xyz"), 0);
  assertEquals(count(socket, "send"), 1, "not asked again");
  socket.sendRoom = Infinity;
  relay.ready(WRITABLE);
  relay.run(BUDGET, 1);
  assertEquals(socket.outgoing, "abcxyz");
});

Deno.test("relay: kept bytes leave in order by one call, and wait for room", () => {
  const { relay, connection, socket } = open();
  socket.sendRoom = 4;
  connection.receives("one");
  connection.receives("two");
  relay.run(BUDGET, 1);
  assertEquals(socket.calls, ["sendGather"]);
  assertEquals([socket.outgoing, connection.kept], ["onet", "wo"]);
  assertEquals(relay.run(BUDGET, 2), false);
  assertEquals(count(socket, "sendGather"), 1, "remembers that there is no room");
  socket.sendRoom = Infinity;
  relay.ready(WRITABLE);
  relay.run(BUDGET, 3);
  assertEquals(socket.outgoing, "onetwo");
});

Deno.test("relay: the budget ends a turn with work left, up", () => {
  const { relay, connection, socket } = open();
  connection.receives("u".repeat(200_000));
  assertEquals(relay.run(65536, 1), true);
  assertEquals(socket.outgoing.length, 65536);
  assertEquals(relay.run(BUDGET, 2), false);
  assertEquals(socket.outgoing.length, 200_000);
});

const URGENT = { px_relay_urgent: 1 };

Deno.test("URG-03: relay: the last urgent byte goes up as such, in its place", () => {
  const { relay, connection, socket } = open(URGENT);
  connection.receives("before!after");
  connection.urgentRemaining = 7;
  relay.run(BUDGET, 1);
  assertEquals(socket.calls, ["sendGather", "sendUrgent", "sendGather"]);
  assertEquals([socket.outgoing, socket.urgentEnds], ["before!after", [7]]);
});

Deno.test("URG-03: relay: an urgent end that has not come yet waits for its byte", () => {
  const { relay, connection, socket } = open(URGENT);
  connection.urgentRemaining = 7;
  assertEquals(connection.receivesLarge("bef"), 0, "not offered past the mark");
  relay.run(BUDGET, 1);
  assertEquals([socket.outgoing, socket.urgentEnds], ["bef", []]);
  connection.receives("ore!after");
  relay.run(BUDGET, 2);
  assertEquals([socket.outgoing, socket.urgentEnds], ["before!after", [7]]);
  assertEquals(connection.receivesLarge("more"), 4, "offered again");
});

Deno.test("URG-03: relay: an urgent byte for which there is no room is sent later, as such", () => {
  const { relay, connection, socket } = open(URGENT);
  socket.sendRoom = 0;
  connection.receives("!");
  connection.urgentRemaining = 1;
  relay.run(BUDGET, 1);
  socket.sendRoom = Infinity;
  relay.ready(WRITABLE);
  relay.run(BUDGET, 2);
  assertEquals([socket.outgoing, socket.urgentEnds], ["!", [1]]);
});

Deno.test("URG-03: relay: an upstream's urgent byte is urged where it stands", () => {
  const { relay, connection, socket } = open(URGENT);
  sends(socket, "before!after");
  socket.mark = 6;
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  assertEquals([connection.committed, connection.urgentEnds], ["before!after", [7]]);
  sends(socket, "!");
  socket.mark = 0;
  relay.ready(READABLE);
  relay.run(BUDGET, 2);
  assertEquals([connection.committed, connection.urgentEnds], ["before!after!", [7, 13]]);
});

Deno.test("URG-03: relay: by default urgent bytes are like any others, and nobody asks for marks", () => {
  const { relay, connection, socket } = open();
  connection.urgentRemaining = 3;
  assertEquals(connection.receivesLarge("up!"), 3);
  connection.receives("up!");
  sends(socket, "down!");
  socket.mark = 4;
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  assertEquals([socket.outgoing, socket.urgentEnds], ["up!up!", []]);
  assertEquals([connection.committed, connection.urgentEnds], ["down!", []]);
  assertEquals(count(socket, "isAtMark"), 0);
});

Deno.test("URG-03: relay: what begins urgent is not dialed fast, for a SYN would carry it unmarked", () => {
  const { socket } = dialing(URGENT, (relay, connection) => {
    relay.opensFast = true;
    connection.receives("get!");
    connection.urgentRemaining = 4;
  });
  assertEquals([socket.opensFast, socket.outgoing], [false, ""]);
});

// Down.

Deno.test("relay: an edge is remembered until there is nothing more to receive", () => {
  const { relay, connection, socket } = open();
  sends(socket, "d".repeat(100_000));
  relay.run(BUDGET, 1);
  assertEquals(count(socket, "receive"), 0, "nobody said that it is readable");
  relay.ready(READABLE);
  assertEquals(relay.run(BUDGET, 2), false);
  assertEquals(connection.committed.length, 100_000);
  assertEquals(relay.bytesDown, 100_000);
  assertEquals(count(socket, "receive"), 3, "two pieces, then EAGAIN");
  relay.run(BUDGET, 3);
  assertEquals(count(socket, "receive"), 3, "not asked again without an edge");
});

Deno.test("relay: the budget ends a turn with work left, down", () => {
  const { relay, connection, socket } = open();
  sends(socket, "d".repeat(300_000));
  relay.ready(READABLE);
  assertEquals(relay.run(131072, 1), true);
  assertEquals(connection.committed.length, 131072);
  assertEquals(relay.run(BUDGET, 2), false);
  assertEquals(connection.committed.length, 300_000);
});

Deno.test("relay: a full send queue stops reading, room starts it again without an edge (PX-08)", () => {
  const { relay, connection, socket } = open();
  connection.room = 10;
  sends(socket, "0123456789abcdef");
  relay.ready(READABLE);
  assertEquals(relay.run(BUDGET, 1), false, "waits for `Writable`");
  assertEquals(connection.committed, "0123456789");
  assertEquals(count(socket, "receive"), 1);
  connection.room = 100;
  relay.run(BUDGET, 2);
  assertEquals(connection.committed, "0123456789abcdef");
});

// The closing table.

Deno.test("relay: client FIN is passed on after the last byte (PX-05)", () => {
  const { relay, connection, socket } = open();
  socket.sendRoom = 2;
  connection.receives("last");
  connection.peerClosed = true;
  relay.run(BUDGET, 1);
  assertEquals(count(socket, "shutdownWrite"), 0, "two bytes are missing");
  socket.sendRoom = Infinity;
  relay.ready(WRITABLE);
  relay.run(BUDGET, 2);
  assertEquals(socket.outgoing, "last");
  assertEquals(socket.calls.at(-1), "shutdownWrite");
  sends(socket, "answer");
  relay.ready(READABLE);
  relay.run(BUDGET, 3);
  assertEquals(connection.committed, "answer");
  assertEquals(count(socket, "shutdownWrite"), 1, "once");
  assertEquals(relay.stage, Stage.Open);
});

Deno.test("relay: client FIN while dialing is passed on behind the bytes once connected (PX-10)", () => {
  const { relay, connection, socket } = dialing();
  connection.receives("request");
  connection.peerClosed = true;
  relay.run(BUDGET, 1);
  assertEquals(socket.calls, []);
  relay.ready(WRITABLE);
  relay.run(BUDGET, 2);
  assertEquals(socket.outgoing, "request");
  assertEquals(count(socket, "shutdownWrite"), 1);
});

Deno.test("relay: upstream EOF becomes FIN after the last byte, the other way stays open (PX-05)", () => {
  const { relay, connection, socket } = open();
  sends(socket, "last");
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  assertEquals(connection.committed, "last");
  assertEquals(connection.calls, ["shutdown"]);
  assertEquals(connection.receivesLarge("more"), 4);
  connection.receives("still more");
  relay.run(BUDGET, 2);
  assertEquals(socket.outgoing, "morestill more");
});

const LOST = [
  "reset by peer",
  "timed out",
  "keep-alive timed out",
  "zero window timed out",
] as const;

for (const closeReason of LOST) {
  Deno.test(`relay: client ${closeReason} resets the upstream and discards what was kept (PX-10)`, () => {
    const { relay, connection, socket, sockets } = open();
    socket.sendRoom = 0;
    connection.receives("undelivered");
    relay.run(BUDGET, 1);
    connection.closeReason = closeReason;
    relay.run(BUDGET, 2);
    assertEquals([socket.state, socket.outgoing], ["reset", ""]);
    assertEquals(connection.calls, ["release"]);
    assertEquals([connection.user, connection.sink], [null, null]);
    assertEquals([relay.stage, relay.reason], [Stage.Ended, "client lost"]);
    assertEquals(sockets.openCount, 0);
  });
}

Deno.test("relay: client reset while dialing gives the dialing up (PX-10)", () => {
  const { relay, connection, socket } = dialing();
  connection.closeReason = "reset by peer";
  relay.run(BUDGET, 1);
  assertEquals(socket.state, "reset");
  assertEquals([relay.stage, relay.reason], [Stage.Ended, "client lost"]);
});

Deno.test("relay: a client that is gone already is not dialed for", () => {
  const arena = new Arena(1 << 20);
  const sockets = new FakeSockets(arena);
  const connection = new FakeConnection(arena, LOCAL, REMOTE);
  connection.closeReason = "reset by peer";
  const host = { tunables: DEFAULT_TUNABLES, schedule: () => {} };
  const relay = new Relay(host, connection, new KernelUpstream(sockets, UPSTREAM, null), 0);
  relay.dial(0);
  assertEquals(sockets.dialed.length, 0);
  assertEquals([relay.stage, relay.reason], [Stage.Ended, "client lost"]);
});

Deno.test("relay: what an upstream sent before its reset is delivered, then RST (PX-11)", () => {
  const { relay, connection, socket, sockets } = open();
  sends(socket, "last words");
  socket.incomingEnd = ECONNRESET;
  relay.ready(READABLE | WRITABLE);
  assertEquals(relay.run(BUDGET, 1000), false);
  assertEquals(connection.committed, "last words");
  assertEquals(connection.calls, ["resetWhenDrained 6000"]);
  assertEquals(sockets.openCount, 0);
  assertEquals(relay.stage, Stage.Flushing, "the engine still delivers");
  connection.closeReason = "aborted";
  relay.run(BUDGET, 1100);
  assertEquals(connection.calls, ["resetWhenDrained 6000", "release"]);
  assertEquals([relay.stage, relay.reason], [Stage.Ended, "upstream lost"]);
});

Deno.test("relay: a client that takes nothing is reset px_reset_flush after the upstream (PX-11)", () => {
  const { relay, connection, socket } = open({ px_reset_flush: 2 });
  sends(socket, "last words");
  socket.incomingEnd = ECONNRESET;
  relay.ready(READABLE | WRITABLE);
  relay.run(BUDGET, 1000);
  assertEquals(relay.deadline(), 3000);
  relay.deadlinePassed(3000);
  assertEquals(connection.calls, ["resetWhenDrained 3000", "abort", "release"]);
  assertEquals(relay.reason, "upstream lost");
});

Deno.test("relay: a refused send ends the upstream, but what it sent is received first (PX-11)", () => {
  const { relay, connection, socket } = open();
  socket.sendErrno = EPIPE;
  sends(socket, "last words");
  socket.incomingEnd = "EOF"; // the kernel tells the error once: to the send
  connection.receives("x");
  relay.run(BUDGET, 1000);
  assertEquals(connection.committed, "last words");
  assertEquals(connection.calls, ["resetWhenDrained 6000"], "no FIN");
  assertEquals([socket.state, relay.upstreamErrno], ["reset", EPIPE]);
});

Deno.test("relay: a refused offer is acted on when the relay is run, not in the engine (PX-11)", () => {
  const setup = open();
  const { relay, connection, socket } = setup;
  socket.sendErrno = ECONNRESET;
  assertEquals(connection.receivesLarge("large"), 0);
  assertEquals(setup.scheduled, 1);
  assertEquals([connection.calls, socket.state], [[], "open"]);
  assertEquals(connection.receivesLarge("large"), 0);
  relay.run(BUDGET, 0);
  assertEquals(connection.calls, ["resetWhenDrained 5000"]);
});

Deno.test("relay: last bytes without room for them are given up at the flush deadline (PX-11)", () => {
  const { relay, connection, socket } = open();
  connection.room = 4;
  sends(socket, "last words");
  socket.sendErrno = EPIPE;
  connection.receives("x");
  relay.run(BUDGET, 1000);
  assertEquals([connection.committed, connection.calls], ["last", []]);
  assertEquals(relay.deadline(), 6000);
  relay.ready(WRITABLE);
  relay.run(BUDGET, 2000);
  assertEquals(relay.deadline(), 6000, "moves no further");
  assertEquals(count(socket, "sendGather"), 1, "nothing more is sent");
  relay.deadlinePassed(6000);
  assertEquals([connection.calls, socket.state], [["abort", "release"], "reset"]);
  assertEquals(relay.reason, "upstream lost");
});

Deno.test("relay: an upstream that resets behind its end of stream is found (PX-11)", () => {
  const { relay, connection, socket } = open();
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  relay.run(BUDGET, 0);
  socket.pendingErrno = ECONNRESET;
  relay.ready(READABLE | WRITABLE);
  relay.run(BUDGET, 1000);
  assertEquals(connection.calls, ["shutdown", "resetWhenDrained 6000"]);
});

Deno.test("relay: an upstream may be gone once both directions are finished", () => {
  const { relay, connection, socket } = open();
  socket.incomingEnd = "EOF";
  connection.peerClosed = true;
  relay.ready(READABLE);
  relay.run(BUDGET, 0);
  socket.pendingErrno = ECONNRESET;
  relay.ready(READABLE | WRITABLE);
  relay.run(BUDGET, 1000);
  assertEquals(connection.calls, ["shutdown"]);
});

Deno.test("relay: a dialing refused at once resets the client (PX-04)", () => {
  const arena = new Arena(1 << 20);
  const sockets = new FakeSockets(arena);
  sockets.dialErrno = ECONNREFUSED;
  const connection = new FakeConnection(arena, LOCAL, REMOTE);
  const host = { tunables: DEFAULT_TUNABLES, schedule: () => {} };
  const relay = new Relay(host, connection, new KernelUpstream(sockets, UPSTREAM, null), 0);
  relay.dial(0);
  assertEquals(connection.calls, ["abort", "release"]);
  assertEquals([relay.reason, relay.upstreamErrno], ["dial failed", ECONNREFUSED]);
});

Deno.test("relay: a dialing that fails resets the client, never a FIN (PX-04)", () => {
  const { relay, connection, socket } = dialing();
  socket.pendingErrno = ECONNREFUSED;
  relay.ready(READABLE | WRITABLE);
  relay.run(BUDGET, 1);
  assertEquals(connection.calls, ["abort", "release"]);
  assertEquals(socket.state, "reset");
  assertEquals([relay.reason, relay.upstreamErrno], ["dial failed", ECONNREFUSED]);
});

Deno.test("relay: a dialing longer than px_connect_timeout resets the client (PX-04)", () => {
  const { relay, connection, socket } = dialing({ px_connect_timeout: 3 });
  assertEquals(relay.deadline(), 3000);
  relay.deadlinePassed(2999);
  assertEquals(relay.stage, Stage.Dialing);
  relay.deadlinePassed(3000);
  assertEquals(connection.calls, ["abort", "release"]);
  assertEquals([socket.state, relay.reason], ["reset", "dial timed out"]);
});

Deno.test("relay: the dialing's deadline is none once connected", () => {
  const { relay } = open();
  assertEquals(relay.deadline(), Infinity);
  relay.deadlinePassed(10_000);
  assertEquals(relay.stage, Stage.Open);
});

Deno.test("relay: both FINs passed on and acknowledged end it (PX-06)", () => {
  const { relay, connection, socket } = open();
  connection.receives("request");
  connection.peerClosed = true;
  relay.run(BUDGET, 1);
  sends(socket, "answer");
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  relay.run(BUDGET, 2);
  assertEquals(relay.stage, Stage.Open, "the client has acknowledged nothing");
  connection.acknowledges();
  relay.run(BUDGET, 3);
  assertEquals(connection.calls, ["shutdown", "release"]);
  assertEquals([socket.state, relay.reason], ["closed", "closed"]);
  assertEquals([relay.bytesUp, relay.bytesDown], [7, 6]);
});

Deno.test("relay: bytes kept by a connection that closed in order are still sent", () => {
  const { relay, connection, socket } = open();
  socket.sendRoom = 0;
  connection.receives("request");
  connection.peerClosed = true;
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  connection.acknowledges();
  connection.closeReason = "closed";
  relay.run(BUDGET, 2);
  assertEquals(relay.stage, Stage.Open);
  socket.sendRoom = Infinity;
  relay.ready(WRITABLE);
  relay.run(BUDGET, 3);
  assertEquals([socket.outgoing, socket.state, relay.reason], ["request", "closed", "closed"]);
});

Deno.test("relay: a half-closed pair without traffic is reset on both sides (PX-07)", () => {
  const { relay, connection, socket } = open({ px_half_close_timeout: 300 });
  connection.peerClosed = true;
  relay.run(BUDGET, 1000);
  sends(socket, "something");
  relay.ready(READABLE);
  relay.run(BUDGET, 20_000);
  connection.acknowledges();
  relay.run(BUDGET, 20_001);
  assertEquals(relay.deadline(), 320_001);
  relay.deadlinePassed(320_001);
  assertEquals(connection.calls, ["abort", "release"]);
  assertEquals([socket.state, relay.reason], ["reset", "half-closed"]);
});

Deno.test("relay: an idle pair is reset on both sides (PX-15)", () => {
  const { relay, connection, socket } = open({ px_idle_timeout: 60 });
  connection.receivesLarge("hello");
  relay.run(BUDGET, 5000);
  assertEquals(relay.deadline(), 65_000);
  relay.deadlinePassed(65_000);
  assertEquals(connection.calls, ["abort", "release"]);
  assertEquals([socket.state, relay.reason], ["reset", "idle"]);
});

Deno.test("relay: a slow client that acknowledges is not idle (PX-15)", () => {
  const { relay, connection, socket } = open({ px_idle_timeout: 60 });
  sends(socket, "long");
  relay.ready(READABLE);
  relay.run(BUDGET, 5000);
  connection.bytesAcknowledged = 2; // no signal: there was room all the time
  relay.deadlinePassed(65_000);
  assertEquals([relay.stage, relay.deadline()], [Stage.Open, 125_000]);
  relay.deadlinePassed(125_000);
  assertEquals(relay.reason, "idle");
});

Deno.test("relay: 0 turns both quiet limits off", () => {
  const { relay, connection } = open({ px_idle_timeout: 0, px_half_close_timeout: 0 });
  connection.peerClosed = true;
  relay.run(BUDGET, 1);
  assertEquals(relay.deadline(), Infinity);
});

Deno.test("relay: a drained pair at rest gets FIN on both sides (PX-21)", () => {
  const { relay, connection, socket } = open();
  relay.dismiss();
  assertEquals(connection.calls, ["shutdown", "release"]);
  assertEquals([socket.state, relay.reason], ["closed", "drained"]);
});

Deno.test("relay: a drained pair with bytes on their way gets RST on both sides (PX-21)", () => {
  const kept = open();
  kept.socket.sendRoom = 0;
  kept.connection.receives("x");
  const unacknowledged = open();
  sends(unacknowledged.socket, "x");
  unacknowledged.relay.ready(READABLE);
  for (const { relay, connection, socket } of [kept, unacknowledged, dialing()]) {
    relay.run(BUDGET, 1);
    relay.dismiss();
    assertEquals(connection.calls, ["abort", "release"]);
    assertEquals([socket.state, relay.reason], ["reset", "drained"]);
  }
});

// Bugs.

Deno.test("relay: what is thrown in an offer waits for the run (PX-22)", () => {
  const { relay, connection, sockets } = open();
  sockets.onCall = () => {
    throw new InvariantError("a bug");
  };
  assertEquals(connection.receivesLarge("large"), 0);
  assertThrows(() => relay.run(BUDGET, 1), InvariantError, "a bug");
});

Deno.test("relay: a byte lost on the way is a bug (PX-01)", () => {
  const { relay, connection, socket } = open();
  connection.bytesReceived = 1;
  connection.peerClosed = true;
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  connection.acknowledges();
  assertThrows(() => relay.run(BUDGET, 2), InvariantError, "lost");
});

Deno.test("relay: nothing is done with it once it has ended", () => {
  const { relay, connection, socket } = open();
  relay.cut("aborted");
  socket.calls.length = 0;
  relay.ready(READABLE | WRITABLE);
  assertEquals(relay.run(BUDGET, 1), false);
  assertEquals(relay.offer(null, 0, 1), 0);
  relay.cut("aborted");
  assertEquals(relay.deadline(), Infinity);
  assertEquals<unknown>([socket.calls, connection.calls], [[], ["abort", "release"]]);
});

Deno.test("relay: EAGAIN is no error, up or down", () => {
  const { relay, connection, socket } = open();
  socket.sendErrno = EAGAIN;
  connection.receives("x");
  connection.peerClosed = true;
  relay.ready(READABLE);
  assertEquals(relay.run(BUDGET, 1), false);
  assertEquals([relay.stage, relay.upstreamErrno, connection.kept], [Stage.Open, 0, "x"]);
  assertEquals(count(socket, "shutdownWrite"), 0, "one byte is missing");
});

// Edges: one byte, one second, one event more or less.

Deno.test("relay: a single byte is enough for a SYN that carries data", () => {
  const { socket } = dialing({}, (relay, connection) => {
    relay.opensFast = true;
    connection.receives("g");
  });
  assertEquals([socket.opensFast, socket.outgoing], [true, "g"]);
});

Deno.test("relay: an upstream that is only readable has not accepted yet", () => {
  const { relay, connection, socket } = dialing();
  relay.ready(READABLE);
  relay.run(BUDGET, 1);
  assertEquals([relay.stage, socket.calls, connection.sink], [Stage.Dialing, [], null]);
});

Deno.test("relay: offers that were taken whole are followed by others", () => {
  const { connection, socket } = open();
  for (const text of ["one", "two", "3"]) {
    assertEquals(connection.receivesLarge(text), text.length);
  }
  assertEquals(socket.outgoing, "onetwo3");
});

Deno.test("relay: after a bug in an offer nothing more is taken (PX-22)", () => {
  const { connection, sockets, socket } = open();
  sockets.onCall = () => {
    throw new InvariantError("a bug");
  };
  assertEquals(connection.receivesLarge("large"), 0);
  sockets.onCall = () => {};
  connection.consume(5);
  assertEquals([connection.receivesLarge("more"), socket.outgoing], [0, ""]);
});

Deno.test("relay: a send refused behind the upstream's FIN has nothing left to receive (PX-11)", () => {
  const { relay, connection, socket } = open();
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  relay.run(BUDGET, 0);
  socket.sendErrno = EPIPE;
  connection.receives("x");
  relay.run(BUDGET, 1000);
  assertEquals(connection.calls, ["shutdown", "resetWhenDrained 6000"]);
  assertEquals([relay.stage, socket.state], [Stage.Flushing, "reset"]);
});

Deno.test("relay: a FIN that the upstream refuses is an upstream that is lost (PX-11)", () => {
  const { relay, connection, socket } = open();
  connection.peerClosed = true;
  socket.sendErrno = EPIPE;
  relay.run(BUDGET, 1000);
  assertEquals(relay.upstreamErrno, EPIPE);
  assertEquals(count(socket, "shutdownWrite"), 1);
});

Deno.test("relay: a FIN passed on asks the upstream for nothing", () => {
  const { relay, connection, socket } = open();
  connection.peerClosed = true;
  relay.run(BUDGET, 1);
  assertEquals(socket.calls, ["shutdownWrite"]);
  relay.run(BUDGET, 2);
  assertEquals(socket.calls, ["shutdownWrite"]);
});

Deno.test("relay: a run without progress moves no deadline (PX-15)", () => {
  const { relay } = open({ px_idle_timeout: 60 });
  relay.run(BUDGET, 5000);
  assertEquals(relay.deadline(), 60_000);
  relay.deadlinePassed(59_999);
  assertEquals(relay.stage, Stage.Open);
});

/** How long a pair may be silent, in seconds. */
function quietSeconds(idle: number, half: number, end: "none" | "client" | "upstream"): number {
  const { relay, connection, socket } = open({
    px_idle_timeout: idle,
    px_half_close_timeout: half,
  });
  connection.peerClosed = end === "client";
  if (end === "upstream") {
    socket.incomingEnd = "EOF";
    relay.ready(READABLE);
  }
  relay.run(BUDGET, 0);
  const deadline = relay.deadline();
  relay.deadlinePassed(Math.min(deadline, 1e9));
  const reason = deadline === Infinity ? "" : end === "none" ? "idle" : "half-closed";
  assertEquals(relay.reason, reason);
  return deadline / 1000;
}

Deno.test("relay: px_half_close_timeout counts for half-closed pairs, the shorter limit first (PX-07, PX-15)", () => {
  for (const end of ["client", "upstream"] as const) {
    assertEquals(quietSeconds(600, 300, end), 300);
    assertEquals(quietSeconds(60, 300, end), 60);
    assertEquals(quietSeconds(60, 0, end), 60);
    assertEquals(quietSeconds(0, 1, end), 1);
    assertEquals(quietSeconds(0, 0, end), Infinity);
  }
  assertEquals(quietSeconds(600, 300, "none"), 600);
  assertEquals(quietSeconds(0, 300, "none"), Infinity);
  assertEquals(quietSeconds(1, 0, "none"), 1);
});

Deno.test("relay: a drain that finds an upstream lost, or half a pair closed, ends it so (PX-21)", () => {
  const lost = open();
  lost.socket.sendErrno = EPIPE;
  lost.connection.receivesLarge("large");
  lost.connection.consume(5);
  lost.relay.dismiss();
  assertEquals([lost.connection.calls, lost.socket.state], [["abort", "release"], "reset"]);
  const half = open();
  half.socket.incomingEnd = "EOF";
  half.relay.ready(READABLE);
  half.relay.run(BUDGET, 1);
  half.connection.acknowledges();
  half.relay.dismiss();
  assertEquals([half.connection.calls, half.socket.state], [["shutdown", "release"], "closed"]);
});

Deno.test("relay: a drain cuts what is being flushed (PX-21)", () => {
  const { relay, connection, socket } = open();
  socket.incomingEnd = ECONNRESET;
  relay.ready(READABLE);
  relay.run(BUDGET, 0);
  assertEquals(relay.stage, Stage.Flushing);
  assertEquals(relay.run(BUDGET, 1), false, "there is nothing left to do");
  relay.dismiss();
  assertEquals(connection.calls, ["resetWhenDrained 5000", "abort", "release"]);
});

Deno.test("relay: a budget is used to its last byte, up and down", () => {
  const { relay, connection, socket } = open();
  connection.receives("u".repeat(65537));
  sends(socket, "d".repeat(65537));
  relay.ready(READABLE);
  relay.run(65537, 1);
  assertEquals([socket.outgoing.length, connection.committed.length], [65537, 65537]);
});

Deno.test("relay: an upstream that has finished leaves nothing to do at once", () => {
  const { relay, socket } = open();
  socket.incomingEnd = "EOF";
  relay.ready(READABLE);
  assertEquals([relay.run(BUDGET, 1), relay.run(BUDGET, 2)], [false, false]);
  relay.ready(READABLE);
  assertEquals([relay.run(BUDGET, 3), relay.run(BUDGET, 4)], [false, false]);
  assertEquals(count(socket, "dialResult"), 1, "asked once for each edge");
});

Deno.test("relay: one that was never dialed has no socket to reset", () => {
  const arena = new Arena(1 << 20);
  const connection = new FakeConnection(arena, LOCAL, REMOTE);
  const host = { tunables: DEFAULT_TUNABLES, schedule: () => {} };
  const upstream = new KernelUpstream(new FakeSockets(arena), UPSTREAM, null);
  const relay = new Relay(host, connection, upstream, 0);
  relay.cut("aborted");
  assertEquals([relay.stage, connection.calls], [Stage.Ended, ["abort", "release"]]);
});

Deno.test("relay: one that has ended is due no more", () => {
  const { relay } = open({ px_idle_timeout: 60 });
  relay.cut("aborted");
  assertEquals(relay.deadline(), Infinity);
});

Deno.test("relay: a client that acknowledges what is flushed is not idle (PX-11, PX-15)", () => {
  const { relay, connection, socket } = open({ px_idle_timeout: 2 });
  sends(socket, "last words");
  socket.incomingEnd = ECONNRESET;
  relay.ready(READABLE);
  relay.run(BUDGET, 0);
  assertEquals([relay.stage, relay.deadline()], [Stage.Flushing, 2000]);
  connection.bytesAcknowledged = 4;
  relay.deadlinePassed(2000);
  assertEquals([relay.stage, relay.deadline()], [Stage.Flushing, 4000]);
});

Deno.test("relay: an offer for which the socket has no room takes nothing", () => {
  const { connection, socket } = open();
  socket.sendErrno = EAGAIN;
  assertEquals(connection.receivesLarge("large"), 0);
  assertEquals(connection.kept, "large");
});
