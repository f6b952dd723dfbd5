/** Route: who goes where. Port 0 stands for every port of an address, and for the client's own. */

import { type Address, Endpoint, parseEndpoint } from "../wire/address.ts";

/** Clients of `listen` are relayed to `upstream`. */
export interface Route {
  /** Where clients connect to. Port 0: every port of that address. */
  readonly listen: Endpoint;
  /** Where their bytes go. Port 0: the port that the client connected to. */
  readonly upstream: Endpoint;
  /** Whether the upstream may see a request twice, as after a replayed fast open. RFC 7413 §6.1. No by default. */
  readonly isIdempotent?: boolean;
}

/** Reads `LISTEN=UPSTREAM`, as in `198.18.0.2:80=127.0.0.1:8080`; null when it is none. */
export function parseRoute(text: string): Route | null {
  const at = text.indexOf("=");
  if (at < 0) return null;
  const listen = parseEndpoint(text.slice(0, at));
  const upstream = parseEndpoint(text.slice(at + 1));
  return listen === null || upstream === null ? null : { listen, upstream };
}

/** The route's text, as `parseRoute` reads it. */
export function formatRoute(route: Route): string {
  return `${route.listen}=${route.upstream}`;
}

/** The route of a client that connected to `address` and `port`; its own port goes before port 0. */
export function findRoute(routes: readonly Route[], address: Address, port: number): Route | null {
  let found: Route | null = null;
  for (const route of routes) {
    if (!route.listen.address.equals(address)) continue;
    if (route.listen.port === port) return route;
    if (route.listen.port === 0) found ??= route;
  }
  return found;
}

/** Where a client goes that connected to `port`. */
export function upstreamOf(route: Route, port: number): Endpoint {
  if (route.upstream.port !== 0) return route.upstream;
  return new Endpoint(route.upstream.address, port);
}
