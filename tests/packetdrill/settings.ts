/** Settings: what a script's sysctls mean for an engine. */

import type { Receiving } from "../../lib/tcp/tcp.ts";
import {
  DEFAULT_TUNABLES,
  FAST_OPEN_KEY,
  isFastOpenKey,
  setTunable,
  type TunableName,
  TUNABLES,
  type Tunables,
} from "../../lib/tcp/tunables.ts";

/** Pseudo-sysctls that are a tunable in other words: its name, and how many of its units one is. */
const PSEUDO: Readonly<Record<string, readonly [TunableName, number]>> = {
  "pd.initial_window": ["tcp_initial_cwnd", 1],
  "pd.delack_ms": ["tcp_delack_ms", 1],
  "pd.rto_initial_ms": ["tcp_rto_init", 1],
  "pd.keepidle_ms": ["tcp_keepalive_time", 1 / 1000],
  "pd.keepintvl_ms": ["tcp_keepalive_intvl", 1 / 1000],
};

/**
 * A script's host found its address to be its own long ago, cuts super-segments
 * and trusts in routers as Linux does, and keeps what a script writes.
 */
const INITIAL: Tunables = [
  ["dad_transmits", "0"],
  ["px_gso_push", "1"],
  ["tcp_mtu_probing", "0"],
  ["tcp_wmem", "4096 4194304 4194304"],
].reduce((tunables, [name, value]) => setTunable(tunables, name, value), DEFAULT_TUNABLES);

/** What an engine is to be set to; unknown sysctls are those of other systems, and ignored. */
export class Settings {
  #tunables: Tunables = INITIAL;
  #receiveLimit = 4 << 20;
  #windowScale = 8;
  #fastOpenKey: string | null = null;

  get tunables(): Tunables {
    return this.#tunables;
  }

  get receiving(): Receiving {
    return { limit: this.#receiveLimit, shift: this.#windowScale };
  }

  get fastOpenKey(): string | null {
    return this.#fastOpenKey;
  }

  /** Takes one setting, as text. A number beyond the tunable's range becomes the nearest in it. */
  set(key: string, value: string): void {
    const name = key.replace(/^net\.ipv4\./, "");
    if (name === FAST_OPEN_KEY && isFastOpenKey(value)) this.#fastOpenKey = value;
    const number = Number(value);
    if (value === "" || Number.isNaN(number)) return this.#setWord(key, value);
    if (key === "pd.wscale") this.#windowScale = number;
    else if (key === "pd.rcvbuf") this.#receiveLimit = number;
    const [tunable, unit] = PSEUDO[key] ?? [name, 1];
    this.#setTunable(tunable, number * unit);
  }

  #setWord(key: string, value: string): void {
    if (key === "pd.delack") this.#setTunable("px_quick_acks", value === "quick" ? 16 : 0);
  }

  #setTunable(name: string, value: number): void {
    const spec = TUNABLES.find((spec) => spec.name === name);
    if (spec === undefined) return;
    // Linux has more bits than this engine has meanings for.
    const known = name === "tcp_fastopen" ? value & spec.max : Math.round(value);
    const inRange = Math.min(Math.max(known, spec.min), spec.max);
    this.#tunables = setTunable(this.#tunables, name, String(inRange));
  }
}
