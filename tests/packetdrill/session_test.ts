/** Sessions by hand: what a script's calls and packets get for an answer, and when. */

import { assertEquals } from "@std/assert";
import { decodePacket, encodePacket, type Packet } from "../support/codec.ts";
import { ethernet, OWN_MAC, PEER_MAC } from "../support/packets.ts";
import { type Reply, type Request, Session } from "./session.ts";

const LOCAL = "192.168.0.1";
const REMOTE = "192.0.2.1";
const LOCAL_PORT = 8080;
const REMOTE_PORT = 40000;

/** A script's side of a session. */
class Script {
  /** Microseconds since the start. */
  now = 0;
  readonly replies: Reply[] = [];
  readonly #session = new Session((reply) => this.replies.push(reply as Reply));
  #lastId = 0;
  readonly #flow: { local: string; remote: string };
  /** The engine's and the peer's next sequence numbers. */
  seq = 0;
  ack = 0;

  constructor(sysctls: Record<string, string | number> = {}, local = LOCAL, remote = REMOTE) {
    this.#flow = { local, remote };
    this.request("hello", { v: 1, clock: "virtual", local, remote, mtu: 1500 });
    for (const [key, val] of Object.entries(sysctls)) {
      this.request("sysctl", { key, val: String(val) });
    }
  }

  /** Makes a request without looking for its reply. Returns its id. */
  begin(op: string, fields: Record<string, unknown> = {}): number {
    this.#session.handle({ id: ++this.#lastId, now: this.now, op, ...fields } as Request);
    return this.#lastId;
  }

  /** Makes a request that must be answered at once. */
  request(op: string, fields: Record<string, unknown> = {}): Reply {
    const id = this.begin(op, fields);
    const reply = this.replies.pop();
    assertEquals(reply?.id, id, `${op} has no reply`);
    return reply!;
  }

  /** The errno, or what the call returned. */
  call(op: string, fields: Record<string, unknown> = {}): unknown {
    const { ret, errno } = this.request(op, fields);
    return errno ?? ret;
  }

  /** Lets the peer send a segment; `seq` counts from its own first byte, 1. */
  inject(flags: string, seq: number, payloadLength: number, more: Partial<Packet> = {}): void {
    const frame = encodePacket({
      ...{ sourceMac: PEER_MAC, destinationMac: OWN_MAC },
      ...{ source: this.#flow.remote, destination: this.#flow.local },
      ...{ sourcePort: REMOTE_PORT, destinationPort: LOCAL_PORT },
      ...{ ttl: 64, trafficClass: 0, urgent: 0, options: [] },
      ...{ seq, ack: flags.includes(".") ? this.ack : 0, flags, window: 65535 },
      payload: new Uint8Array(payloadLength),
      ...more,
    });
    this.request("inject", { pkt: frame.subarray(14).toHex() });
  }

  /** The next segment out, within `ms`: when in whole milliseconds, and what; null: there is none. */
  recv(ms = 0): { ms: number; text: string; packet: Packet } | null {
    const reply = this.request("recv", { until: this.now + ms * 1000 });
    this.now = Math.max(this.now, reply.t as number);
    if (reply.pkt === undefined) return null;
    const bytes = Uint8Array.fromHex(reply.pkt as string);
    const packet = decodePacket(ethernet(bytes[0] >> 4 === 6 ? 0x86dd : 0x0800, bytes))!;
    if (packet.flags.includes("S")) this.seq = packet.seq;
    this.ack = (packet.seq + packet.payload.length + (/[SF]/.test(packet.flags) ? 1 : 0)) >>> 0;
    const text = `${packet.flags} ${packet.seq - this.seq}(${packet.payload.length})`;
    return { ms: Math.floor((reply.t as number) / 1000), text, packet };
  }

  /** Passes `ms` milliseconds. */
  advance(ms: number): void {
    this.request("advance", { until: this.now + ms * 1000 });
    this.now += ms * 1000;
  }

  /** A listening socket. */
  listen(): number {
    const sock = this.request("socket", { domain: "inet", type: "stream" }).ret;
    assertEquals(this.call("bind", { sock, addr: { ip: LOCAL, port: LOCAL_PORT } }), 0);
    assertEquals(this.call("listen", { sock, backlog: 1 }), 0);
    return sock;
  }

  /** Completes a handshake. */
  handshake(): void {
    this.inject("S", 0, 0);
    assertEquals(this.recv()?.text, "S. 0(0)");
    this.inject(".", 1, 0);
  }

  /** An accepted connection. */
  accept(): number {
    const sock = this.listen();
    this.handshake();
    return this.request("accept", { sock, nonblock: false }).ret;
  }
}

Deno.test("session: a blocking accept is answered when the handshake is complete", () => {
  const t = new Script();
  const sock = t.listen();
  const id = t.begin("accept", { sock, nonblock: false });
  assertEquals(t.replies, []);
  t.now = 5000;
  t.handshake();
  const [reply] = t.replies;
  assertEquals(reply, { id, ret: 2, ip: REMOTE, port: REMOTE_PORT, t: 5000 });
});

Deno.test("session: a call that may not wait says EAGAIN", () => {
  const t = new Script();
  const sock = t.listen();
  assertEquals(t.call("accept", { sock, nonblock: true }), "EAGAIN");
  t.handshake();
  const accepted = t.call("accept", { sock, nonblock: true });
  assertEquals(t.call("read", { sock: accepted, len: 10, nonblock: true, flags: [] }), "EAGAIN");
});

Deno.test("session: bytes written leave in a segment, and are counted until acknowledged", () => {
  const t = new Script();
  const sock = t.accept();
  assertEquals(t.call("write", { sock, len: 100, nonblock: false, flags: [] }), 100);
  assertEquals(t.recv()?.text, "P. 1(100)");
  assertEquals(t.request("ioctl", { sock, req: "SIOCOUTQ" }).val, 100);
  t.inject(".", 1, 0);
  assertEquals(t.request("ioctl", { sock, req: "SIOCOUTQ" }).val, 0);
});

Deno.test("session: a peeked byte stays to be read", () => {
  const t = new Script();
  const sock = t.accept();
  t.inject("P.", 1, 10);
  assertEquals(t.request("ioctl", { sock, req: "SIOCINQ" }).val, 10);
  assertEquals(t.call("read", { sock, len: 4, nonblock: false, flags: ["PEEK"] }), 4);
  assertEquals(t.call("read", { sock, len: 99, nonblock: false, flags: [] }), 10);
});

Deno.test("session: a write larger than SO_SNDBUF waits for acknowledgments", () => {
  const t = new Script();
  const sock = t.accept();
  const level = "SOL_SOCKET";
  assertEquals(t.call("setsockopt", { sock, level, name: "SO_SNDBUF", val: 1000 }), 0);
  assertEquals(t.request("getsockopt", { sock, level, name: "SO_SNDBUF" }).val, 2000);
  const id = t.begin("write", { sock, len: 3000, nonblock: false, flags: [] });
  assertEquals(t.replies, []);
  t.recv();
  t.recv();
  t.inject(".", 1, 0);
  assertEquals(t.replies.map(({ ret, ...rest }) => [rest.id, ret]), [[id, 3000]]);
});

Deno.test("session: the end of the stream is read as 0 bytes, a reset as ECONNRESET, once", () => {
  const t = new Script();
  const sock = t.accept();
  t.inject("F.", 1, 0);
  assertEquals(t.call("read", { sock, len: 1, nonblock: false, flags: [] }), 0);
  const other = new Script();
  const reset = other.accept();
  other.inject("R.", 1, 0);
  const read = () => other.call("read", { sock: reset, len: 1, nonblock: false, flags: [] });
  assertEquals([read(), read()], ["ECONNRESET", 0]);
  assertEquals(other.call("write", { sock: reset, len: 1, nonblock: false, flags: [] }), "EPIPE");
});

Deno.test("session: connect without waiting: EINPROGRESS, EALREADY, 0, EISCONN", () => {
  const t = new Script();
  const sock = t.request("socket", { domain: "inet", type: "stream" }).ret;
  assertEquals(t.call("bind", { sock, addr: { ip: LOCAL, port: LOCAL_PORT } }), 0);
  const connect = () =>
    t.call("connect", { sock, addr: { ip: REMOTE, port: REMOTE_PORT }, nonblock: true });
  assertEquals(connect(), "EINPROGRESS");
  assertEquals(t.recv()?.text, "S 0(0)");
  assertEquals(connect(), "EALREADY");
  t.inject("S.", 0, 0);
  assertEquals(t.recv()?.text, ". 1(0)");
  assertEquals([connect(), connect()], [0, "EISCONN"]);
});

Deno.test("session: SO_ERROR names a refusal, once", () => {
  const t = new Script();
  const sock = t.request("socket", { domain: "inet", type: "stream" }).ret;
  t.call("bind", { sock, addr: { ip: LOCAL, port: LOCAL_PORT } });
  t.call("connect", { sock, addr: { ip: REMOTE, port: REMOTE_PORT }, nonblock: true });
  t.recv();
  t.inject("R.", 0, 0);
  const error = () => t.request("getsockopt", { sock, level: "SOL_SOCKET", name: "SO_ERROR" }).val;
  assertEquals([error(), error()], ["ECONNREFUSED", 0]);
});

Deno.test("session: closing with SO_LINGER 0 resets", () => {
  const t = new Script();
  const sock = t.accept();
  const linger = { level: "SOL_SOCKET", name: "SO_LINGER", onoff: 1, linger: 0 };
  assertEquals(t.call("setsockopt", { sock, ...linger }), 0);
  assertEquals(t.call("close", { sock, nonblock: false }), 0);
  assertEquals(t.recv()?.text, "R. 1(0)");
  assertEquals(t.call("close", { sock, nonblock: false }), "EBADF");
});

Deno.test("session: closing with SO_LINGER on waits for the FIN's acknowledgment, or its time", () => {
  for (const isAnswered of [true, false]) {
    const t = new Script();
    const sock = t.accept();
    const linger = { level: "SOL_SOCKET", name: "SO_LINGER", onoff: 1, linger: 2 };
    t.call("setsockopt", { sock, ...linger });
    const id = t.begin("close", { sock, nonblock: false });
    assertEquals(t.recv()?.text, "F. 1(0)");
    assertEquals(t.replies, []);
    if (isAnswered) t.inject(".", 1, 0);
    else t.advance(2001);
    assertEquals(t.replies.map((reply) => reply.id), [id]);
  }
});

Deno.test("session: after shutdown nothing is read, or written", () => {
  const t = new Script();
  const sock = t.accept();
  assertEquals(t.call("shutdown", { sock, how: "RD" }), 0);
  assertEquals(t.call("read", { sock, len: 1, nonblock: false, flags: [] }), 0);
  assertEquals(t.call("shutdown", { sock, how: "WR" }), 0);
  assertEquals(t.recv()?.text, "F. 1(0)");
  assertEquals(t.call("write", { sock, len: 1, nonblock: false, flags: [] }), "EPIPE");
});

Deno.test("session: poll tells readable, writable and the end, and waits for its time", () => {
  const t = new Script();
  const sock = t.accept();
  const poll = (timeout_ms: number) => ({ timeout_ms, fds: [{ sock, events: 0x2005 }] });
  assertEquals(t.request("poll", poll(0)).revents, [0x4]);
  t.inject("FP.", 1, 10);
  assertEquals(t.request("poll", poll(0)).revents, [0x2005]);
  const listener = t.request("socket", { domain: "inet", type: "stream" }).ret;
  t.call("bind", { sock: listener, addr: { ip: LOCAL, port: 81 } });
  t.call("listen", { sock: listener, backlog: 1 });
  const id = t.begin("poll", { timeout_ms: 100, fds: [{ sock: listener, events: 1 }] });
  assertEquals(t.replies, []);
  t.advance(300);
  assertEquals(t.replies, [{ id, ret: 0, revents: [0], t: 100_000 }] as unknown as Reply[]);
});

Deno.test("session: a segment out has the time at which its timer ran", () => {
  const t = new Script();
  t.listen();
  t.inject("S", 0, 0);
  assertEquals(t.recv()?.ms, 0);
  t.advance(1500);
  assertEquals(t.recv()?.ms, 1000);
  assertEquals(t.recv(5000)?.ms, 3000);
  assertEquals(t.recv(100), null);
});

Deno.test("session: acknowledgments are quick, or plainly delayed by as much as asked for", () => {
  const ackMs = (sysctls: Record<string, string | number>) => {
    const t = new Script(sysctls);
    t.accept();
    t.inject("P.", 1, 10);
    return t.recv(1000)?.ms;
  };
  assertEquals(ackMs({ "pd.delack": "quick", "pd.delack_ms": 100 }), 0);
  assertEquals(ackMs({ "pd.delack": "rfc1122", "pd.delack_ms": 100 }), 100);
});

Deno.test("session: sysctls decide what a SYN-ACK offers", () => {
  const options = (sysctls: Record<string, string | number>) => {
    const t = new Script({ ...sysctls, "net.ipv4.unheard_of": 1, "cmd.tc": "qdisc" });
    t.listen();
    t.inject("S", 0, 0, {
      options: [
        { name: "mss", value: 1000 },
        { name: "sackOK" },
        { name: "TS", val: 1, ecr: 0 },
        { name: "wscale", shift: 2 },
        { name: "eol" },
      ],
    });
    return t.recv()!.packet.options
      .map((option) => option.name === "wscale" ? `wscale ${option.shift}` : option.name)
      .filter((name) => name !== "nop" && name !== "eol").sort();
  };
  assertEquals(options({ "pd.wscale": 6 }), ["TS", "mss", "sackOK", "wscale 6"]);
  const none = { "net.ipv4.tcp_sack": 0, "net.ipv4.tcp_timestamps": 0 };
  assertEquals(options({ ...none, "net.ipv4.tcp_window_scaling": 0 }), ["mss"]);
});

Deno.test("session: a fast-open cookie asked for is the one that is accepted", () => {
  const key = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4";
  const { cookie } = new Script().request("tfo_cookie", { local: LOCAL, remote: REMOTE, key });
  const t = new Script({ "net.ipv4.tcp_fastopen": "0x70403", "net.ipv4.tcp_fastopen_key": key });
  t.listen();
  t.inject("S", 0, 10, {
    options: [{ name: "FO", cookie: String(cookie) }, { name: "nop" }, { name: "nop" }],
  });
  assertEquals(t.recv()?.packet.ack, 11);
});

Deno.test("session: MSG_FASTOPEN asks for a cookie first, and sends with the SYN then", () => {
  const t = new Script({ "net.ipv4.tcp_fastopen": 1, "net.ipv4.tcp_timestamps": 0 });
  const open = (len: number) => {
    const sock = t.request("socket", { domain: "inet", type: "stream" }).ret;
    t.call("bind", { sock, addr: { ip: LOCAL, port: LOCAL_PORT } });
    const addr = { ip: REMOTE, port: REMOTE_PORT };
    return [sock, t.call("write", { sock, addr, len, nonblock: true, flags: ["FASTOPEN"] })];
  };
  const [first, none] = open(5000);
  assertEquals([none, t.recv()?.text], ["EINPROGRESS", "S 0(0)"]);
  t.inject("S.", 0, 0, {
    options: [
      { name: "mss", value: 1000 },
      { name: "FO", cookie: "abcd1234" },
      { name: "nop" },
      { name: "nop" },
    ],
  });
  t.recv();
  t.call("setsockopt", {
    sock: first,
    level: "SOL_SOCKET",
    name: "SO_LINGER",
    onoff: 1,
    linger: 0,
  });
  t.call("close", { sock: first, nonblock: false });
  t.recv();
  const [second, taken] = open(5000);
  assertEquals([taken, t.recv()?.text], [960, "S 0(960)"]);
  t.inject("S.", 0, 0);
  assertEquals(t.recv()?.text, ". 961(0)");
  assertEquals(t.request("ioctl", { sock: second, req: "SIOCOUTQ" }).val, 0);
});

Deno.test("session: TCP_FASTOPEN_CONNECT leaves the SYN to the first write", () => {
  const t = new Script({ "net.ipv4.tcp_fastopen": 5 });
  const sock = t.request("socket", { domain: "inet", type: "stream" }).ret;
  t.call("setsockopt", { sock, level: "SOL_TCP", name: "TCP_FASTOPEN_CONNECT", val: 1 });
  assertEquals(t.call("connect", { sock, addr: { ip: REMOTE, port: 80 }, nonblock: true }), 0);
  assertEquals(t.recv(100), null);
  assertEquals(t.call("write", { sock, addr: null, len: 10, nonblock: true, flags: [] }), 10);
  assertEquals(t.recv()?.text, "S 0(10)");
});

Deno.test("session: TCP_INFO tells the state, and the flight in segments", () => {
  const t = new Script();
  const listener = t.listen();
  assertEquals(t.request("tcp_info", { sock: listener }).tcpi_state, 10);
  t.handshake();
  const sock = t.request("accept", { sock: listener, nonblock: false }).ret;
  t.call("write", { sock, len: 20 * 536, nonblock: false, flags: [] });
  const { tcpi_state, tcpi_ca_state, tcpi_snd_mss, tcpi_snd_cwnd, tcpi_unacked } = t.request(
    "tcp_info",
    { sock },
  );
  const told = [tcpi_state, tcpi_ca_state, tcpi_snd_mss, tcpi_snd_cwnd, tcpi_unacked];
  assertEquals(told, [1, 0, 536, 10, 10]);
  assertEquals(t.request("tcp_info", { sock }).tcpi_notsent_bytes, 10 * 536);
  t.inject("R.", 1, 0);
  assertEquals(t.request("tcp_info", { sock }).tcpi_state, 7);
});

Deno.test("session: TCP_USER_TIMEOUT ends a write that nobody acknowledges", () => {
  const t = new Script();
  const sock = t.accept();
  const level = "SOL_TCP";
  t.call("setsockopt", { sock, level, name: "TCP_USER_TIMEOUT", val: 3000 });
  const write = () => t.call("write", { sock, len: 24, nonblock: false, flags: [] });
  assertEquals(write(), 24);
  t.advance(3001);
  assertEquals(write(), "ETIMEDOUT");
});

Deno.test("session: what is no call, and a socket that is none, are errors", () => {
  const t = new Script();
  assertEquals(t.call("epoll_create"), "ENOSYS");
  assertEquals(t.call("read", { sock: 7, len: 1, nonblock: true, flags: [] }), "EBADF");
  const sock = t.accept();
  assertEquals(t.call("ioctl", { sock, req: "?" }), "EINVAL");
  const option = { sock, level: "SOL_TCP", name: "?", val: 1 };
  assertEquals(t.call("setsockopt", option), "ENOPROTOOPT");
  assertEquals(t.call("getsockopt", option), "ENOPROTOOPT");
});

Deno.test("session: neither ARP nor neighbour discovery is seen", () => {
  for (const [local, remote] of [[LOCAL, REMOTE], ["fd3d:a0b:17d6::1", "fd3d:fa7b:d17d::1"]]) {
    const t = new Script({}, local, remote);
    const sock = t.request("socket", { domain: "inet6", type: "stream" }).ret;
    t.advance(200_000); // what the neighbour said is stale by then
    t.call("connect", { sock, addr: { ip: remote, port: 80 }, nonblock: true });
    assertEquals(t.recv(100)?.text, "S 0(0)");
    assertEquals(t.recv(500), null);
  }
});
