/**
 * TransitionRecorder: sees every change of state of one engine's connections,
 * and names the first that no cell of the catalogue's matrices allows.
 * Requirements §3 (FSM-03).
 */

import { Connection } from "../../lib/tcp/connection.ts";
import { ConnectionTable } from "../../lib/tcp/connection_table.ts";
import { Handshake } from "../../lib/tcp/handshake.ts";
import { Listener } from "../../lib/tcp/listener.ts";
import { State, STATE_NAMES } from "../../lib/tcp/state.ts";
import type { Tcp } from "../../lib/tcp/tcp.ts";
import catalogue from "../protocol/requirements.md" with { type: "text" };
import { edgesOf, parseMatrix } from "./matrix.ts";

/** What the matrices allow, as `FROM>TO`. */
export const ALLOWED_EDGES: ReadonlySet<string> = new Set([
  ...edgesOf(parseMatrix(catalogue, "A")),
  ...edgesOf(parseMatrix(catalogue, "B")),
]);

/** Which state a connection that is new in a table comes from. */
const ORIGINS: Readonly<Partial<Record<State, State>>> = {
  [State.SynSent]: State.Closed,
  [State.SynReceived]: State.Listen, // fast open
  [State.Established]: State.SynReceived,
};

const recorders = new WeakMap<Tcp, TransitionRecorder>();

/** Observes one engine, for as long as that lives. */
export class TransitionRecorder {
  /** What was seen, as `FROM>TO`. */
  readonly edges: Set<string> = new Set();
  /** The first change that must not be; "": none. */
  problem = "";
  readonly #watched = new WeakSet<Connection>();

  constructor(tcp: Tcp) {
    recorders.set(tcp, this);
  }

  /** The engine has a connection, or a request, that it may not have had before. */
  added(item: Connection | Handshake): void {
    if (item instanceof Handshake) return this.#changed(State.Listen, State.SynReceived);
    if (this.#watched.has(item)) return;
    this.#watched.add(item);
    let { state } = item;
    this.#changed(ORIGINS[state] ?? state, state);
    Object.defineProperty(item, "state", {
      get: () => state,
      set: (next: State) => {
        if (next !== state) this.#changed(state, next);
        state = next;
      },
    });
  }

  #changed(from: State, to: State): void {
    const edge = `${nameOf(from)}>${nameOf(to)}`;
    this.edges.add(edge);
    if (!ALLOWED_EDGES.has(edge) && this.problem === "") {
      this.problem = `no cell of the matrices leads ${edge.replace(">", " → ")}`;
    }
  }
}

// Every connection enters a table or an accept queue before its state changes.
const { add } = ConnectionTable.prototype;
ConnectionTable.prototype.add = function (item) {
  add.call(this, item);
  if (item instanceof Connection || item instanceof Handshake) added(item);
};
const { established } = Listener.prototype;
Listener.prototype.established = function (c) {
  established.call(this, c);
  added(c);
};

function added(item: Connection | Handshake): void {
  recorders.get(item.tcp)?.added(item);
}

function nameOf(state: State): string {
  return STATE_NAMES[state].replaceAll("-", "_").replace("SYN_RECEIVED", "SYN_RCVD");
}
