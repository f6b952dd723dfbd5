/**
 * Mutants that no test kills, each with the reason. `deno task mutate` asks for
 * a reason for every survivor, and tells which of these it met.
 */

import type { Mutant } from "./mutants.ts";

/** A mutant known by its text, for line numbers move; `reason`: why no test can or need tell it. */
export interface Survivor extends Pick<Mutant, "path" | "lineText" | "before" | "after"> {
  readonly reason: string;
}

const SET_FIRST = "It is set before anybody reads it.";
const EXPIRES_TOGETHER = "Records that expire together may leave in any order.";
const SAME_TIME =
  "Entries of the same time come up in any order; the order of a heap among equals is nobody's promise.";
const MIXING =
  "Any odd or well mixed constant spreads tuples over the slots; which one is a matter of taste.";
const ROOM_ONLY = "Only room is made, and the byte or word more is never used.";
const LOAD_ONLY = "How full the table may be decides how fast it is, not what it finds.";

export const SURVIVORS: readonly Survivor[] = [
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "let h = key ^ Math.imul(t.remote3, 0x9e3779b1);",
    before: "0x9e3779b1",
    after: "2654435762",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "h = Math.imul(h ^ (h >>> 15) ^ t.local3, 0x85ebca77);",
    before: "0x85ebca77",
    after: "2246822520",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "h = Math.imul(h ^ (h >>> 13) ^ ((t.remotePort << 16) | t.localPort), 0xc2b2ae3d);",
    before: "0xc2b2ae3d",
    after: "3266489918",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "h = Math.imul(h ^ (h >>> 13) ^ ((t.remotePort << 16) | t.localPort), 0xc2b2ae3d);",
    before: "16",
    after: "17",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "h = Math.imul(h ^ (h >>> 15) ^ t.remote2 ^ key, 0x27d4eb2f);",
    before: "0x27d4eb2f",
    after: "668265264",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "h = Math.imul(h ^ (h >>> 13) ^ t.remote1, 0x165667b1);",
    before: "0x165667b1",
    after: "374761394",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "h = Math.imul(h ^ (h >>> 15) ^ t.remote0 ^ t.local0, 0x9e3779b1);",
    before: "0x9e3779b1",
    after: "2654435762",
    reason: MIXING,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "if ((this.#count + 1) * 2 > this.#mask + 1) this.#grow();",
    before: "1",
    after: "2",
    reason: LOAD_ONLY,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "if ((this.#count + 1) * 2 > this.#mask + 1) this.#grow();",
    before: "2",
    after: "3",
    reason: LOAD_ONLY,
  },
  {
    path: "lib/tcp/connection_table.ts",
    lineText: "if ((this.#count + 1) * 2 > this.#mask + 1) this.#grow();",
    before: ">",
    after: ">=",
    reason: LOAD_ONLY,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "mss = 536;",
    before: "536",
    after: "537",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "windowScale = -1;",
    before: "1",
    after: "2",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "sackOk = false;",
    before: "false",
    after: "true",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "ecnOk = false;",
    before: "false",
    after: "true",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "tsOk = false;",
    before: "false",
    after: "true",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "sentAt = 0;",
    before: "0",
    after: "1",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "firstTsVal = 0;",
    before: "0",
    after: "1",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "#askedForEcn = false;",
    before: "false",
    after: "true",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "heapIndex = -1;",
    before: "1",
    after: "2",
    reason: "Any negative index says that it is not filed.",
  },
  {
    path: "lib/tcp/connector.ts",
    lineText: "if (times > 0) this.#fastOpen?.timedOut(times, times > limit, now);",
    before: ">",
    after: ">=",
    reason: "Before the first SYN nothing was tried, and the attempt ignores it.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "const INITIAL_CAPACITY = 64;",
    before: "64",
    after: "65",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "} else if (((at - this.#times[index]) | 0) >= 0) {",
    before: ">=",
    after: ">",
    reason:
      "An entry that is filed at its own time again stays where it is, whether or not it is sifted.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (index > 0 && ((time - this.#times[(index - 1) >> 1]) | 0) < 0) {",
    before: ">",
    after: ">=",
    reason:
      "At the root (-1 >> 1) is -1, whose time is undefined: the difference is 0, and the condition false.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (index > 0 && ((time - this.#times[(index - 1) >> 1]) | 0) < 0) {",
    before: "<",
    after: "<=",
    reason: SAME_TIME,
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "while (index > 0) {",
    before: ">",
    after: ">=",
    reason: "At the root the parent is undefined: the difference is 0, and the loop ends.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (((times[parent] - at) | 0) <= 0) break;",
    before: "<=",
    after: "<",
    reason: SAME_TIME,
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (((times[child] - at) | 0) >= 0) break;",
    before: ">=",
    after: ">",
    reason: SAME_TIME,
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "const times = new Int32Array(this.#times.length * 2);",
    before: "2",
    after: "3",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "} else if (((at - this.#times[index]) | 0) >= 0) {",
    before: "0",
    after: "1",
    reason:
      "An entry that is filed at its own time again stays where it is, whether or not it is sifted.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (index > 0 && ((time - this.#times[(index - 1) >> 1]) | 0) < 0) {",
    before: "0",
    after: "1",
    reason:
      "Nothing is earlier than the root, and among entries of the same time any order will do.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (child >= count) break;",
    before: ">=",
    after: ">",
    reason:
      "The place behind the last entry holds the very entry that is sifted down, which stops before its equal.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (child + 1 < count && ((times[child + 1] - times[child]) | 0) < 0) child++;",
    before: "<",
    after: "<=",
    reason:
      "The place behind the last entry stops what is sifted down, and equals come up in any order.",
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (child + 1 < count && ((times[child + 1] - times[child]) | 0) < 0) child++;",
    before: "0",
    after: "1",
    reason: SAME_TIME,
  },
  {
    path: "lib/tcp/deadlines.ts",
    lineText: "if (((times[child] - at) | 0) >= 0) break;",
    before: "0",
    after: "1",
    reason: SAME_TIME,
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "#inUseSince = -1.5;",
    before: "1.5",
    after: "3",
    reason: "Any negative number says the same: not yet.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "for (let i = Math.min(periods, 2); i > 0; i--) this.rotate();",
    before: "2",
    after: "3",
    reason: "Two rotations forget both keys already; a third forgets one that made nothing.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "const key = new Uint8Array(16);",
    before: "16",
    after: "17",
    reason:
      "SipHash begins its message where the key's seventeenth byte would lie, and overwrites it.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "for (let half = 0; half < 2; half++) {",
    before: "<",
    after: "<=",
    reason: "A third half lies behind the end of the key, where a typed array takes nothing.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "for (let half = 0; half < 2; half++) {",
    before: "2",
    after: "3",
    reason: "A third half lies behind the end of the key, where a typed array takes nothing.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "while (this.#resetAt.length > 0 && now - this.#resetAt[0] >= RESET_QUOTA_MS) {",
    before: ">",
    after: ">=",
    reason:
      "The time of a reset that is not there is undefined, and no comparison with it is true.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "if (syn.payloadLength > 0) {",
    before: ">",
    after: ">=",
    reason: "Without data the block says again what openConnection said.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (8 * i);",
    before: "<",
    after: "<=",
    reason: "The fifth byte is the next word's first, written right after, or behind what is read.",
  },
  {
    path: "lib/tcp/fast_open.ts",
    lineText: "for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (8 * i);",
    before: "4",
    after: "5",
    reason: "The fifth byte is the next word's first, written right after, or behind what is read.",
  },
  {
    path: "lib/tcp/fast_open_client.ts",
    lineText: "#optionLength = -1;",
    before: "1",
    after: "2",
    reason: "It is only asked whether it is negative, and only after `sent` set it.",
  },
  {
    path: "lib/tcp/fast_open_client.ts",
    lineText: "#dataLength = 0;",
    before: "0",
    after: "1",
    reason: "`sent` sets it before anybody asks.",
  },
  {
    path: "lib/tcp/fast_open_client.ts",
    lineText: "const mss = server !== null && server.mss > 0 ? server.mss : defaultMss(c);",
    before: "0",
    after: "1",
    reason: "No MSS of 1 is ever believed: `tcp_min_snd_mss` is at least 48.",
  },
  {
    path: "lib/tcp/fast_open_client.ts",
    lineText: "if (isLast && times < BLACK_HOLE_TIMEOUTS) suspectBlackHole(this.#c, now);",
    before: "<",
    after: "<=",
    reason: "At that number of timeouts both branches suspect a black hole.",
  },
  {
    path: "lib/tcp/fast_open_client.ts",
    lineText: "if (this.#optionLength >= 0 && synAck.fastOpenLength > 0) {",
    before: "0",
    after: "1",
    reason: "A cookie has 4 bytes at least.",
  },
  {
    path: "lib/tcp/handshake.ts",
    lineText: "sentAt = 0;",
    before: "0",
    after: "1",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/handshake.ts",
    lineText: "firstTsVal = 0;",
    before: "0",
    after: "1",
    reason: SET_FIRST,
  },
  {
    path: "lib/tcp/handshake.ts",
    lineText: "heapIndex = -1;",
    before: "1",
    after: "2",
    reason: "Any negative index says that it is not filed.",
  },
  {
    path: "lib/tcp/peer_clocks.ts",
    lineText: "const WORDS = 6;",
    before: "6",
    after: "7",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/peer_clocks.ts",
    lineText:
      "peer.remote0 ^ Math.imul(peer.remote1, 31) ^ Math.imul(peer.remote2, 961) ^ peer.remote3,",
    before: "31",
    after: "32",
    reason: MIXING,
  },
  {
    path: "lib/tcp/peer_clocks.ts",
    lineText:
      "peer.remote0 ^ Math.imul(peer.remote1, 31) ^ Math.imul(peer.remote2, 961) ^ peer.remote3,",
    before: "961",
    after: "962",
    reason: MIXING,
  },
  {
    path: "lib/tcp/peer_clocks.ts",
    lineText: "0x9e3779b1 | 0,",
    before: "0x9e3779b1",
    after: "2654435762",
    reason: MIXING,
  },
  {
    path: "lib/tcp/rate_limit.ts",
    lineText: "#draws = 0;",
    before: "0",
    after: "1",
    reason: "The draws are secret: a stream that begins with its second is as good.",
  },
  {
    path: "lib/tcp/rate_limit.ts",
    lineText: "#size = 0;",
    before: "0",
    after: "1",
    reason: "The first event draws a size before it is asked for.",
  },
  {
    path: "lib/tcp/rate_limit.ts",
    lineText: "#filledAt = 0;",
    before: "0",
    after: "1",
    reason: "The first bucket is full, whatever flows into it.",
  },
  {
    path: "lib/tcp/rate_limit.ts",
    lineText: "const LEAST_SIZE = 1 / 8;",
    before: "8",
    after: "9",
    reason:
      "The least size is a share of a random draw: only more draws than a test makes would show a ninth.",
  },
  {
    path: "lib/tcp/siphash.ts",
    lineText: "const KEY_LENGTH = 16;",
    before: "16",
    after: "17",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/siphash.ts",
    lineText: "const MESSAGE_LENGTH = 48;",
    before: "48",
    after: "49",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/siphash.ts",
    lineText: "#length = 0;",
    before: "0",
    after: "1",
    reason: "`begin` sets it before anything is appended.",
  },
  {
    path: "lib/tcp/siphash.ts",
    lineText: "this.#key = arena.reserve(KEY_LENGTH + MESSAGE_LENGTH + 8, 16);",
    before: "8",
    after: "9",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/siphash.ts",
    lineText: "this.#key = arena.reserve(KEY_LENGTH + MESSAGE_LENGTH + 8, 16);",
    before: "16",
    after: "17",
    reason: "The kernel reads words at any alignment; 16 is only faster.",
  },
  {
    path: "lib/tcp/syn_cookie.ts",
    lineText: "const MSS_CODES = [0x3c6ef3, 0x78dde7, 0xb54cdb, 3] as const;",
    before: "0x3c6ef3",
    after: "3960564",
    reason: "The codes need only lie far apart, and are told to nobody.",
  },
  {
    path: "lib/tcp/syn_cookie.ts",
    lineText: "const MSS_CODES = [0x3c6ef3, 0x78dde7, 0xb54cdb, 3] as const;",
    before: "0x78dde7",
    after: "7921128",
    reason: "The codes need only lie far apart, and are told to nobody.",
  },
  {
    path: "lib/tcp/syn_cookie.ts",
    lineText: "const MSS_CODES = [0x3c6ef3, 0x78dde7, 0xb54cdb, 3] as const;",
    before: "0xb54cdb",
    after: "11881692",
    reason: "The codes need only lie far apart, and are told to nobody.",
  },
  {
    path: "lib/tcp/syn_cookie.ts",
    lineText: "for (let index = 0; index < MSS_CODES.length; index++) {",
    before: "<",
    after: "<=",
    reason: "Behind the table stands undefined, which equals no code.",
  },
  {
    path: "lib/tcp/syn_cookie.ts",
    lineText: "const tsOffset = tsOk ? tcp.timestampOffset(seg) : 0;",
    before: "0",
    after: "1",
    reason: "Without timestamps nobody asks for their offset.",
  },
  {
    path: "lib/tcp/tcp.ts",
    lineText: "if (this.#starving.length > 0) this.#feed();",
    before: ">",
    after: ">=",
    reason: "With nobody in the list nobody is fed.",
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "const WORDS = 16;",
    before: "16",
    after: "17",
    reason: ROOM_ONLY,
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "const HAS_TIMESTAMPS = 1 << 16;",
    before: "1",
    after: "2",
    reason: "Any bit above the sixteen of the path does.",
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "const HAS_TIMESTAMPS = 1 << 16;",
    before: "16",
    after: "17",
    reason: "Any bit above the sixteen of the path does.",
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "if (this.#count === 0) return NONE;",
    before: "this.#count === 0",
    after: "false",
    reason: "An empty queue has empty chains: this only answers sooner.",
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "if (this.#first === NONE) return NONE;",
    before: "this.#first === NONE",
    after: "false",
    reason:
      "Of an empty queue the last record is none either, and the search from the end finds that.",
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "while (index !== NONE && this.#untilExpiry(index, expiresAt) < 0) {",
    before: "<",
    after: "<=",
    reason: EXPIRES_TOGETHER,
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "while (index !== NONE && this.#untilExpiry(index, expiresAt) < 0) {",
    before: "0",
    after: "1",
    reason: EXPIRES_TOGETHER,
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "while (this.#untilExpiry(index, expiresAt) >= 0) index = this.#nextInQueue[index];",
    before: ">=",
    after: ">",
    reason: EXPIRES_TOGETHER,
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "while (this.#untilExpiry(index, expiresAt) >= 0) index = this.#nextInQueue[index];",
    before: "0",
    after: "1",
    reason: EXPIRES_TOGETHER,
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "const capacity = this.#capacity * 2;",
    before: "2",
    after: "3",
    reason: "Under another mask fewer buckets are used, and all records are still found.",
  },
  {
    path: "lib/tcp/time_wait.ts",
    lineText: "const INITIAL_CAPACITY = 64;",
    before: "64",
    after: "65",
    reason: "Under another mask fewer buckets are used, and all records are still found.",
  },
  {
    path: "lib/tcp/tuple_reuse.ts",
    lineText: "#reopenedFrom = 0;",
    before: "0",
    after: "1",
    reason: "It is read only after `#begin` set it.",
  },
  {
    path: "lib/tcp/tuple_reuse.ts",
    lineText: "return ((iss - floor) | 0) < 0 ? floor : iss;",
    before: "<",
    after: "<=",
    reason: "At equality both are the same number.",
  },
];

/** The reason why `mutant` may live, or undefined. */
export function reasonFor(mutant: Mutant): string | undefined {
  return SURVIVORS.find((known) =>
    known.path === mutant.path && known.lineText === mutant.lineText &&
    known.before === mutant.before && known.after === mutant.after
  )?.reason;
}
