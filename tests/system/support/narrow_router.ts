/**
 * A router between Tapster's device and a client: its link to the client is
 * narrower than either of them knows. It says so by ICMP, or is kept from that.
 */

import type { Namespace } from "./namespace.ts";
import type { Scene } from "./scene.ts";

/** The longest packet that it passes on to the client. The client's own device, and so its MSS, knows nothing of it. */
export const NARROW_MTU = 1400;

const ROUTER_DEVICE = "router0";
const CLIENT_DEVICE = "client0";

/** One family's addresses behind the router, and its words for ICMP "too big". */
const FAMILIES = {
  4: {
    router: "198.18.1.1",
    client: "198.18.1.2/24",
    bits: 24,
    flags: "",
    forwarding: "ipv4/ip_forward",
    tooBig: "icmp type destination-unreachable icmp code frag-needed",
  },
  6: {
    router: "fd00:0:0:1::1",
    client: "fd00:0:0:1::2/64",
    bits: 64,
    flags: " nodad",
    forwarding: "ipv6/conf/all/forwarding",
    tooBig: "icmpv6 type packet-too-big",
  },
} as const;

/** What passed by a rule. */
export interface Passed {
  readonly packets: number;
  readonly bytes: number;
}

/** The router, in the namespace of Tapster's device, and the client's namespace behind it; they end with the scene. */
export class NarrowRouter {
  readonly #router: Namespace;
  readonly #client: Namespace;

  private constructor(router: Namespace, client: Namespace) {
    this.#router = router;
    this.#client = client;
  }

  /** Makes the scene's own namespace a router, silent or not, and has the scene's clients start behind it. */
  static async open(scene: Scene, isSilent: boolean): Promise<NarrowRouter> {
    const router = scene.namespace;
    const client = await scene.openBeside();
    const family = FAMILIES[scene.variant.family];
    await router.ip(`link add ${ROUTER_DEVICE} type veth peer name ${CLIENT_DEVICE}`);
    // What is counted at the client's end shall be segments, not super-segments.
    await router.ip(`link set ${ROUTER_DEVICE} mtu ${NARROW_MTU} gso_max_size ${NARROW_MTU}`);
    await router.moveDevice(CLIENT_DEVICE, client);
    for (const [namespace, device] of [[router, ROUTER_DEVICE], [client, CLIENT_DEVICE]] as const) {
      const isClient = namespace === client;
      const address = isClient ? family.client : `${family.router}/${family.bits}`;
      await namespace.ip(`addr add ${address} dev ${device}${family.flags}`);
      await namespace.ip(`link set ${device} up`);
    }
    await client.ip(`route add default via ${family.router}`);
    await router.run("sh", ["-c", `echo 1 >/proc/sys/net/${family.forwarding}`]);

    await addChain(router, "output", [`${family.tooBig} counter ${isSilent ? "drop" : "accept"}`]);
    await addChain(client, "input", lengthRules());
    scene.clientNamespace = client;
    return new NarrowRouter(router, client);
  }

  /** The "too big" of the router, sent or swallowed. */
  async tooBigs(): Promise<Passed> {
    return (await countersOf(this.#router))[0];
  }

  /** Packets that reached the client: longer than the link, as long, and longer than `tcp_base_mss` asks for. */
  async lengths(): Promise<{ tooLong: Passed; full: Passed; searched: Passed }> {
    const [tooLong, full, searched] = await countersOf(this.#client);
    return { tooLong, full, searched };
  }
}

/** Each packet counts once. A base segment has 1024 bytes beside at most 60 of headers. */
function lengthRules(): string[] {
  return [
    `meta length > ${NARROW_MTU} counter accept`,
    `meta length ${NARROW_MTU} counter accept`,
    `meta length > ${1024 + 60} counter accept`,
  ];
}

async function addChain(namespace: Namespace, hook: string, rules: string[]): Promise<void> {
  await namespace.run("nft", [[
    "add table inet watch",
    `add chain inet watch ${hook} { type filter hook ${hook} priority 0 ; }`,
    ...rules.map((rule) => `add rule inet watch ${hook} ${rule}`),
  ].join("\n")]);
}

async function countersOf(namespace: Namespace): Promise<Passed[]> {
  const text = await namespace.run("nft", ["list", "table", "inet", "watch"]);
  return Array.from(text.matchAll(/counter packets (\d+) bytes (\d+)/g), ([, packets, bytes]) => ({
    packets: Number(packets),
    bytes: Number(bytes),
  }));
}
