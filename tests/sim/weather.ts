/** Weather: what may happen to frames on their way, and when it ends. */

import type { Dice } from "./dice.ts";

/** A stretch of virtual time, in milliseconds. */
export interface Spell {
  readonly from: number;
  readonly to: number;
}

/** Whether `now` lies in one of the spells. */
export function isWithin(spells: readonly Spell[], now: number): boolean {
  return spells.some(({ from, to }) => from <= now && now < to);
}

/** Impairments of one direction. Probabilities are for each frame, times in milliseconds. */
export interface Weather {
  readonly loss: number;
  /** A burst of losses begins; how many frames it may take. */
  readonly burst: number;
  readonly burstLength: number;
  readonly duplication: number;
  /** A frame falls behind by up to `lag` and is overtaken. */
  readonly reordering: number;
  readonly lag: number;
  readonly delay: number;
  /** Up to so much more delay for each frame; without overtaking unless `jitterReorders`. */
  readonly jitter: number;
  readonly jitterReorders: boolean;
  /** One byte becomes another, behind the Ethernet header: a device checks the FCS. */
  readonly corruption: number;
  readonly truncation: number;
  /** A router marks the frame, if its ECN field allows. RFC 3168 §5. */
  readonly marking: number;
}

/** What happens to the link itself. */
export interface LinkPlan {
  /** Whether the device cuts super-segments and completes checksums. */
  readonly offload: boolean;
  readonly mtu: number;
  /** When all impairments but delay and bandwidth are over. */
  readonly calmAt: number;
  readonly up: Weather;
  readonly down: Weather;
  /** Nothing gets through, in neither direction. */
  readonly outages: readonly Spell[];
  /** A router on the way takes no longer packets than `narrowMtu`; whether it says so by ICMP. */
  readonly narrows: readonly Spell[];
  readonly narrowMtu: number;
  readonly tellsNarrow: boolean;
  /**
   * From then on, in fair weather too, a router on the way to the hosts drops
   * longer packets than `blackHoleMtu` and never says so. Infinity: none does.
   */
  readonly blackHoleFrom: number;
  readonly blackHoleMtu: number;
  /** The device takes nothing. */
  readonly jams: readonly Spell[];
  /** The device takes nothing, for each frame. */
  readonly refusal: number;
  /** Bytes a millisecond that the device sends, and for how many milliseconds of frames it has room. */
  readonly bandwidth: number;
  readonly queueMs: number;
  /** Frames that wait for the driver; more are lost. */
  readonly receiveQueue: number;
}

/** Throws the dice for the impairments of one direction. */
export function planWeather(dice: Dice): Weather {
  // Half of them are absent; of the others most are weak, and some strong.
  const maybe = (most: number) => dice.chance(0.5) ? most * dice.fraction() ** 2 : 0;
  return {
    loss: maybe(0.3),
    burst: maybe(0.02),
    burstLength: dice.magnitude(2, 60),
    duplication: maybe(0.3),
    reordering: maybe(0.4),
    lag: dice.magnitude(1, 250),
    delay: dice.magnitude(1, 3000) / 30,
    jitter: dice.chance(0.5) ? dice.magnitude(1, 60) : 0,
    jitterReorders: dice.chance(0.3),
    corruption: maybe(0.05),
    truncation: maybe(0.02),
    marking: maybe(0.3),
  };
}

/** Nothing but a delay. */
export function fineWeather(dice: Dice): Weather {
  return {
    loss: 0,
    burst: 0,
    burstLength: 0,
    duplication: 0,
    reordering: 0,
    lag: 0,
    delay: dice.magnitude(1, 1000) / 30,
    jitter: 0,
    jitterReorders: false,
    corruption: 0,
    truncation: 0,
    marking: 0,
  };
}

/** Up to `most` spells before `calmAt`, up to `longest` ms each. */
export function planSpells(dice: Dice, most: number, longest: number, calmAt: number): Spell[] {
  return Array.from({ length: dice.integer(0, most) }, () => {
    const from = dice.between(0, calmAt);
    return { from, to: Math.min(from + dice.magnitude(1, longest), calmAt) };
  });
}
