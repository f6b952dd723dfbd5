/** Flows: all flows of one run, by the script's names and by their ends. */

import { endpointText } from "./fixture.ts";
import { Flow, type FlowEnds } from "./flow.ts";

/** The flows of a run; the first is called "". */
export class Flows {
  readonly #defaults: FlowEnds;
  readonly #peerIsn: number;
  readonly #flows = new Map<string, Flow>();

  constructor(ends: FlowEnds, peerIsn: number) {
    this.#defaults = ends;
    this.#peerIsn = peerIsn;
    this.#flows.set("", new Flow("", ends, peerIsn));
  }

  /** The flow that scripts call `name`, or null. */
  named(name: string): Flow | null {
    return this.#flows.get(name) ?? null;
  }

  /** Adds a flow; its ends are written like 10.0.0.3:40001, `local` "" is the listener's. */
  add(name: string, remote: string, local: string): Flow {
    const { peerMac, localAddress, localPort } = this.#defaults;
    const [peerAddress, peerPort] = splitEndpoint(remote);
    const [ownAddress, ownPort] = local === "" ? [localAddress, localPort] : splitEndpoint(local);
    const ends = { peerMac, peerAddress, peerPort, localAddress: ownAddress, localPort: ownPort };
    const flow = new Flow(name, ends, this.#peerIsn);
    this.#flows.set(name, flow);
    return flow;
  }

  /** The flow with these ends; a new one, which no script can name, when there is none. */
  withEnds(peerAddress: string, peerPort: number, localPort: number): Flow {
    for (const flow of this.#flows.values()) {
      const { ends } = flow;
      const isIt = ends.peerPort === peerPort && ends.localPort === localPort &&
        ends.peerAddress === peerAddress;
      if (isIt) return flow;
    }
    const remote = endpointText(peerAddress, peerPort);
    return this.add(`[${remote}]`, remote, endpointText(this.#defaults.localAddress, localPort));
  }
}

function splitEndpoint(text: string): [string, number] {
  const colon = text.lastIndexOf(":");
  return [text.slice(0, colon).replace(/[[\]]/g, ""), Number(text.slice(colon + 1))];
}
