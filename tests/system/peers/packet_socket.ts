/** packet(7) sockets for the peers: frames out of and into a network device, through FFI. */

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const PACKET_QDISC_BYPASS = 20;
/** Frames that this process itself sends do not come back. */
const PACKET_IGNORE_OUTGOING = 23;
/** `struct sockaddr_ll`. */
const ADDRESS_LENGTH = 20;
/** A whole receive window in flight, with what the kernel adds to each frame. */
const SOCKET_BUFFER_BYTES = 32 << 20;

const libc = Deno.dlopen("libc.so.6", {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
}).symbols;

/**
 * A descriptor, not blocking, whose reads are the frames that come in by the
 * device, and whose writes go out by it. With `offload` each has a `struct
 * virtio_net_hdr` before it and may be a super-segment. Throws when the system
 * refuses.
 */
export function openPacketSocket(device: string, offload: boolean = false): number {
  const descriptor = openSocket();
  if (offload) setOption(descriptor, SOL_PACKET, PACKET_VNET_HDR, 1);
  setOption(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  setOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES);
  setOption(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES);
  bindTo(descriptor, device, ETH_P_ALL);
  return descriptor;
}

/** A descriptor that only sends, past the device's queueing discipline: what finds no room is lost. */
export function openSendingPacketSocket(device: string): number {
  const descriptor = openSocket();
  setOption(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  bindTo(descriptor, device, 0);
  return descriptor;
}

/** Returns what a call returned. Throws, naming the call, when that was an error. */
export function demand(call: string, result: number): number {
  if (result < 0) throw new Error(`${call} failed`);
  return result;
}

/** A string as C has it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

/** Without a protocol at first: bound to nothing, it would get every device's frames. */
function openSocket(): number {
  return demand("socket", libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0));
}

function setOption(descriptor: number, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(Int32Array.of(value).buffer);
  demand("setsockopt", libc.setsockopt(descriptor, level, option, bytes, bytes.length));
}

function bindTo(descriptor: number, device: string, protocol: number): void {
  const address = new Uint8Array(ADDRESS_LENGTH);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setUint32(4, demand("if_nametoindex", libc.if_nametoindex(cString(device)) || -1), true);
  demand("bind", libc.bind(descriptor, address, address.length));
}
