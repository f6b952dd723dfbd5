/** Plan: what a seed stands for. All of a world follows from it. */

import { DEFAULT_TUNABLES, type Tunables } from "../../lib/tcp/tunables.ts";
import { type AdversaryPlan, HABITS } from "./adversary.ts";
import { Dice } from "./dice.ts";
import type { Ends } from "./host.ts";
import type { ClientPlan } from "./model_client.ts";
import type { ServerPlan } from "./upstreams.ts";
import { fineWeather, type LinkPlan, planSpells, planWeather } from "./weather.ts";

/** How long impairments last, in milliseconds from the start. */
export const CALM_AT_MS = 60_000;
/** Clients come until then. */
const LAST_START_MS = 50_000;
/** The slowest users and servers read and write so many bytes a millisecond: else they would not be done in time. */
const LEAST_PACE = 20;

/** A client that follows the RFCs, and its server. */
export interface SessionPlan {
  readonly client: ClientPlan;
  readonly server: ServerPlan;
  /** Whether both stay to the end: then all bytes must arrive. */
  readonly isFair: boolean;
  /** What the client does when it is done: connects once more from the same port, after so many milliseconds. */
  readonly again: SessionPlan | null;
  readonly pauseMs: number;
}

/** An adversary, and the server it is relayed to. */
export interface AttackPlan {
  readonly adversary: AdversaryPlan;
  readonly server: ServerPlan;
}

/** Everything that a world is made of. */
export interface WorldPlan {
  readonly seed: number;
  /** Whether nothing goes wrong on the link: then nothing need be sent again. */
  readonly isFine: boolean;
  /** What the clock shows at the start. */
  readonly startMs: number;
  readonly link: LinkPlan;
  readonly tunables: Tunables;
  /** Whether the stack's first numbers are such that wrap soon, too. */
  readonly hasChosenIsns: boolean;
  /** Memory for all queues. */
  readonly pageBytes: number;
  readonly sessions: readonly SessionPlan[];
  readonly attacks: readonly AttackPlan[];
  /** When the program is asked to end, and whether at once; Infinity: never. */
  readonly endsAt: number;
  readonly endsAtOnce: boolean;
  /** How often the driver looks late, and by how many milliseconds. */
  readonly lateness: number;
  readonly latestMs: number;
}

/** What everybody in a world has in common. */
interface Setting {
  readonly link: LinkPlan;
  readonly tunables: Tunables;
  /** Nothing goes wrong on the link, and there are no adversaries: then nothing is sent twice. */
  readonly isFine: boolean;
  /** Memory is short: then nobody may take it to his grave, or others starve until he is given up. */
  readonly isTight: boolean;
}

/** The world of `seed`. */
export function planWorld(seed: number): WorldPlan {
  const dice = new Dice(seed);
  const isFine = dice.chance(0.1);
  const setting: Setting = {
    link: isFine ? planFineLink(dice) : planLink(dice),
    tunables: planTunables(dice),
    isFine,
    isTight: !isFine && dice.chance(0.1),
  };
  const sessions = Array.from(
    { length: dice.integer(20, 28) },
    (_, i) => {
      const first = planSession(dice, endsOf(dice, i), setting, i === 0);
      return dice.chance(0.15) ? withAgain(dice, first, setting) : first;
    },
  );
  const attacks = Array.from(
    { length: isFine ? 0 : dice.integer(1, 4) },
    (_, i) => planAttack(dice, endsOf(dice, sessions.length + i), setting),
  );
  const lateness = isFine ? 0 : dice.pick([0.001, 0.01, 0.2]);
  return {
    seed,
    isFine,
    // Millisecond clocks wrap in 32 bits; some machines have run for weeks.
    startMs: dice.pick([1000, 1000.75, 2 ** 31 - 20_000, 2 ** 32 - 20_000, 3_000_000_000]),
    link: setting.link,
    tunables: setting.tunables,
    hasChosenIsns: dice.chance(0.3),
    pageBytes: setting.isTight ? dice.magnitude(1 << 19, 1 << 21) : 8 << 20,
    sessions,
    attacks,
    endsAt: dice.chance(0.05) ? dice.between(1000, LAST_START_MS) : Infinity,
    endsAtOnce: dice.chance(0.5),
    // Often a little, or seldom much: whoever is late each time never gets on.
    lateness,
    latestMs: isFine ? 0 : dice.magnitude(1, 2) / lateness,
  };
}

function planLink(dice: Dice): LinkPlan {
  const mtu = dice.pick([1500, 1500, 1500, 1280, 9000]);
  return {
    offload: dice.chance(0.5),
    mtu,
    calmAt: CALM_AT_MS,
    up: planWeather(dice),
    down: planWeather(dice),
    outages: planSpells(dice, 3, 8000, CALM_AT_MS),
    narrows: planSpells(dice, 2, 10_000, CALM_AT_MS),
    narrowMtu: dice.pick([600, 1280, 1400]),
    tellsNarrow: dice.chance(0.5),
    blackHoleFrom: dice.chance(0.2) ? dice.between(0, LAST_START_MS) : Infinity,
    blackHoleMtu: dice.pick([1100, 1280, 1400]),
    jams: planSpells(dice, 3, 2000, CALM_AT_MS),
    refusal: dice.chance(0.3) ? dice.between(0, 0.1) : 0,
    bandwidth: dice.chance(0.5) ? dice.magnitude(200, 20_000) : 1e9,
    queueMs: dice.magnitude(5, 500),
    receiveQueue: dice.magnitude(8, 1000),
  };
}

function planFineLink(dice: Dice): LinkPlan {
  return {
    ...planLink(dice),
    up: fineWeather(dice),
    down: fineWeather(dice),
    outages: [],
    narrows: [],
    blackHoleFrom: Infinity,
    jams: [],
    refusal: 0,
    bandwidth: 1e9,
    receiveQueue: 1e6,
  };
}

function planTunables(dice: Dice): Tunables {
  const syncookies = dice.pick([0, 0, 1, 1, 1, 2]);
  return {
    ...DEFAULT_TUNABLES,
    dad_transmits: 0,
    // Not so few that bad weather alone ends a handshake or a connection.
    tcp_synack_retries: dice.integer(8, 10),
    tcp_retries2: dice.integer(11, 15),
    tcp_keepalive_time: dice.integer(65, 200),
    tcp_keepalive_intvl: dice.integer(5, 20),
    // TIME-WAIT outlives the weather and the timeout behind it.
    tcp_msl: dice.integer(36, 60),
    tcp_fin_timeout: dice.integer(5, 60),
    tcp_delack_ms: dice.pick([0, 40, 40, 200]),
    tcp_sack: dice.pick([0, 1, 1]),
    tcp_timestamps: dice.pick([0, 1, 1, 2]),
    tcp_window_scaling: dice.pick([0, 1, 1]),
    tcp_congestion_control: dice.pick([0, 1, 1, 2, 2]),
    tcp_initial_cwnd: dice.pick([1, 3, 10, 10]),
    tcp_slow_start_after_idle: dice.integer(0, 1),
    tcp_rto_min: dice.pick([100, 200, 200]),
    tcp_ecn: dice.pick([0, 2, 2]),
    // Not 0: nothing else gets a connection out of a black hole.
    tcp_mtu_probing: dice.pick([1, 1, 2]),
    tcp_syncookies: syncookies,
    // Without cookies a flood would rightly keep everybody out.
    tcp_max_syn_backlog: syncookies === 0 ? 1024 : dice.pick([1024, 64, 8]),
    somaxconn: dice.pick([4096, 4096, 16]),
    // A black hole is found later than a half-closed pair is given up by default.
    px_half_close_timeout: 900,
    px_connect_timeout: dice.integer(5, 10),
    px_reset_flush: dice.integer(1, 60),
    px_drain_timeout: dice.magnitude(1, 60),
  };
}

/** No two clients share a port on either side. */
function endsOf(dice: Dice, index: number): Ends {
  return {
    isIpv6: dice.chance(0.3),
    host: dice.integer(1, 100),
    port: 40_000 + index,
    serverPort: 1000 + index,
  };
}

function planSession(dice: Dice, ends: Ends, setting: Setting, isLarge: boolean): SessionPlan {
  const client = planClient(dice, ends, setting, isLarge);
  const server = planServer(dice, client, isLarge);
  const isFair = client.leaves === "never" && server.dial === "accept" &&
    server.resetsAfterSent === Infinity && server.resetsAfterReceived === Infinity;
  const session = { client, server, isFair, again: null, pauseMs: 0 };
  const mayBeHuge = isLarge && isFair && !setting.isTight && client.mss >= 1220;
  return mayBeHuge && dice.chance(0.1) ? inflated(dice, session) : session;
}

/** More than a send queue holds, from a server that is faster than its client. */
function inflated(dice: Dice, session: SessionPlan): SessionPlan {
  const { client, server } = session;
  return {
    ...session,
    client: { ...client, bufferBytes: dice.magnitude(100_000, 1_000_000), readMs: 0 },
    server: {
      ...server,
      downBytes: dice.integer(4_500_000, 6_000_000),
      sendBytes: 200_000,
      stepMs: dice.integer(1, 10),
    },
  };
}

/** The tuple once more, soon enough that it is in TIME-WAIT here, late enough that the network has forgotten it. */
function withAgain(dice: Dice, first: SessionPlan, setting: Setting): SessionPlan {
  const { ends, tsOffset, hasTimestamps } = first.client;
  const next = planSession(dice, ends, setting, false);
  const again = { ...next, client: { ...next.client, startsAt: 0, tsOffset, hasTimestamps } };
  return { ...first, again, pauseMs: dice.between(2000, 20_000) };
}

function planClient(dice: Dice, ends: Ends, setting: Setting, isLarge: boolean): ClientPlan {
  const { link, tunables, isTight, isFine } = setting;
  const hasCookies = tunables.tcp_syncookies !== 0;
  // A cookie has no place for a smaller MSS than these.
  const leastMss = !hasCookies ? 88 : ends.isIpv6 ? 1220 : 536;
  const mostMss = link.mtu - (ends.isIpv6 ? 60 : 40);
  const wanted = dice.pick([mostMss, mostMss, 1460, 1220, 536, 88]);
  const mss = Math.min(mostMss, Math.max(wanted, leastMss));
  // Behind a cookie there is nobody who would repeat the SYN-ACK: the client must have something to say.
  const upBytes = Math.max(planSize(dice, mss, isLarge), hasCookies ? 1 : 0);
  const leastBuffer = isLarge ? 10_000 : 1000;
  const readMs = dice.chance(0.25) ? dice.magnitude(1, 2000) : 0;
  const writeMs = dice.chance(0.25) ? dice.magnitude(1, 500) : 0;
  const leaves = isFine || dice.chance(0.85)
    ? "never"
    : isTight
    ? "resets"
    : dice.pick(["resets", "vanishes"] as const);
  return {
    ends,
    startsAt: dice.between(0, LAST_START_MS),
    isn: planIsn(dice),
    mss,
    windowScale: dice.pick([-1, 0, 2, 7, 14]),
    hasSack: dice.chance(0.7),
    hasTimestamps: dice.chance(0.7),
    tsOffset: dice.word() | 0,
    upBytes,
    closesLast: dice.chance(0.5),
    leaves,
    leavesAfter: leaves === "never" ? Infinity : dice.integer(0, 2 * upBytes),
    bufferBytes: dice.magnitude(Math.max(leastBuffer, mss, LEAST_PACE * readMs), 1_000_000),
    readMs,
    readBytes: dice.magnitude(Math.max(mss, LEAST_PACE * readMs), 200_000),
    writeMs,
    writeBytes: dice.magnitude(Math.max(mss, LEAST_PACE * writeMs), 200_000),
    keepsAlive: dice.chance(0.5),
    hasEcn: dice.chance(0.3),
    delayAckMs: dice.pick(isFine ? [0, 40] : [0, 40, 200]),
    flight: dice.magnitude(2 * mss, 200_000),
    segmentsPerFrame: link.offload ? dice.pick([1, 1, 4, Math.floor(60_000 / mss)]) : 1,
  };
}

function planServer(dice: Dice, client: ClientPlan, isLarge: boolean): ServerPlan {
  const { mss, upBytes, closesLast } = client;
  const downBytes = planSize(dice, mss, isLarge);
  const isReset = dice.chance(0.08);
  const isSlow = dice.chance(0.3);
  const stepMs = dice.magnitude(1, isSlow ? 500 : 20);
  const stallFrom = dice.between(0, LAST_START_MS);
  const isDialed = dice.chance(0.95);
  // Somebody must begin: a server that waits for the client's end needs a client that closes first.
  const answersAfter = closesLast ? dice.pick([0, upBytes]) : dice.pick([0, upBytes, Infinity]);
  return {
    dial: isDialed ? "accept" : dice.pick(["refuse", "silent", "error"] as const),
    dialMs: dice.magnitude(1, 3000) / 10,
    downBytes,
    answersAfter,
    resetsAfterSent: isReset && dice.chance(0.5) ? dice.integer(0, downBytes) : Infinity,
    resetsAfterReceived: isReset ? dice.integer(0, upBytes) : Infinity,
    stepMs,
    readBytes: isSlow ? dice.magnitude(LEAST_PACE * stepMs, 20_000) : 100_000,
    sendBytes: isSlow ? dice.magnitude(LEAST_PACE * stepMs, 20_000) : 100_000,
    stalls: dice.chance(0.2)
      ? [{ from: stallFrom, to: stallFrom + dice.magnitude(10, 20_000) }]
      : [],
    bufferBytes: dice.magnitude(2000, 400_000),
    shortSends: dice.chance(0.2) ? dice.between(0, 0.3) : 0,
  };
}

/** Mostly little, now and then nothing, seldom much; never so many segments that a seed takes long. */
function planSize(dice: Dice, mss: number, isLarge: boolean): number {
  if (isLarge) return Math.min(dice.magnitude(50_000, 1_000_000), mss * 700);
  if (dice.chance(0.1)) return 0;
  return Math.min(dice.magnitude(dice.pick([1, 1, 10_000]), 200_000), mss * 150);
}

/** Often shortly before sequence numbers wrap, and before they change their sign. */
export function planIsn(dice: Dice): number {
  const wrap = dice.pick([0, 2 ** 31]);
  return (dice.chance(0.4) ? wrap - dice.magnitude(1, 200_000) : dice.word()) | 0;
}

function planAttack(dice: Dice, ends: Ends, { tunables, isTight }: Setting): AttackPlan {
  const startsAt = dice.between(0, LAST_START_MS);
  return {
    adversary: {
      ends,
      startsAt,
      stopsAt: startsAt + dice.magnitude(1000, 30_000),
      isn: dice.word() | 0,
      pauseMs: dice.magnitude(5, 500),
      mss: dice.pick([1, 48, 536, 1220]),
      windowScale: dice.pick([-1, 0, 14]),
      hasSack: dice.chance(0.7),
      hasTimestamps: dice.chance(0.5),
      habit: dice.pick(HABITS),
      floodSyns: tunables.tcp_syncookies === 0 ? 0 : dice.magnitude(1, 30),
    },
    server: {
      dial: "accept",
      dialMs: 1,
      downBytes: dice.magnitude(1, isTight ? 10_000 : 300_000),
      answersAfter: dice.pick([0, 0, 100]),
      resetsAfterSent: Infinity,
      resetsAfterReceived: Infinity,
      stepMs: 5,
      readBytes: 10_000,
      sendBytes: 10_000,
      stalls: [],
      bufferBytes: 50_000,
      shortSends: 0,
    },
  };
}
