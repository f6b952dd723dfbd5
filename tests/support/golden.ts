/** The golden vectors GV-01, GV-02, GV-03 and GV-07 of the requirements. */

import { ACK, PSH, type Segment, SYN } from "../../lib/wire/segment.ts";

/** 172.16.48.2, who opens the connection. */
export const HOST_A = 0xac103002 | 0;
/** 172.16.48.1, who accepts it. */
export const HOST_B = 0xac103001 | 0;

/** A segment as bytes, and as text. */
export type Golden = Readonly<{ id: string; source: number; hex: string; text: string }>;

/** All four, addresses 172.16.48.2 and 172.16.48.1. */
export const GOLDEN: readonly Golden[] = [
  {
    id: "GV-01",
    source: HOST_A,
    hex: "800e138a000007bc00000000a00216d0649e0000020405b40402080a000a79140000000001030302",
    text: "S 1980:1980(0) win 5840 <mss 1460,sackOK,TS val 686356 ecr 0,nop,wscale 2>",
  },
  {
    id: "GV-02",
    source: HOST_B,
    hex: "138a800e988e4091000007bda01216a065d70000020405b40402080a003c258a000a791401030302",
    text: "S. 2559459473:2559459473(0) ack 1981 win 5792 " +
      "<mss 1460,sackOK,TS val 3941770 ecr 686356,nop,wscale 2>",
  },
  {
    id: "GV-03",
    source: HOST_A,
    hex: "800e138a000007bd988e4092801005b4a58a00000101080a000a7914003c258a",
    text: ". 1981:1981(0) ack 2559459474 win 1460 <nop,nop,TS val 686356 ecr 3941770>",
  },
  {
    id: "GV-07",
    source: HOST_A,
    hex: "800e138a000007bd988e40925018ffffbecc0000616263",
    text: "P. 1981:1984(3) ack 2559459474 win 65535",
  },
];

/** Sets the IPv4 addresses of a segment that came from `source`. */
export function addressIpv4(seg: Segment, remote: number, local: number): void {
  seg.remote0 = seg.local0 = 0;
  seg.remote1 = seg.local1 = 0;
  seg.remote2 = seg.local2 = 0xffff;
  seg.remote3 = remote;
  seg.local3 = local;
}

/** Exchanges local and remote, as a parsed segment needs to be built again. */
export function turnAround(seg: Segment): void {
  [seg.local0, seg.remote0] = [seg.remote0, seg.local0];
  [seg.local1, seg.remote1] = [seg.remote1, seg.local1];
  [seg.local2, seg.remote2] = [seg.remote2, seg.local2];
  [seg.local3, seg.remote3] = [seg.remote3, seg.local3];
  [seg.localPort, seg.remotePort] = [seg.remotePort, seg.localPort];
}

/** Fills in GV-01 … GV-07 as a segment to send. */
export function fillGolden(seg: Segment, id: string): void {
  seg.reset();
  addressIpv4(seg, HOST_B, HOST_A);
  seg.localPort = 32782;
  seg.remotePort = 5002;
  seg.seq = 0x7bd;
  seg.ack = 0x988e4092 | 0;
  seg.flags = ACK;
  seg.wnd = 1460;
  if (id === "GV-07") {
    seg.flags = PSH | ACK;
    seg.wnd = 65535;
    return;
  }
  seg.hasTimestamps = true;
  seg.tsVal = 0x000a7914;
  seg.tsEcr = 0x003c258a;
  if (id === "GV-03") return;
  seg.seq = 0x7bc;
  seg.ack = 0;
  seg.flags = SYN;
  seg.wnd = 5840;
  seg.tsEcr = 0;
  seg.mss = 1460;
  seg.sackPermitted = true;
  seg.windowScale = 2;
  if (id === "GV-01") return;
  turnAround(seg);
  seg.seq = 0x988e4091 | 0;
  seg.ack = 0x7bd;
  seg.flags = SYN | ACK;
  seg.wnd = 5792;
  seg.tsVal = 0x003c258a;
  seg.tsEcr = 0x000a7914;
}
