/**
 * TCP options. RFC 9293 §3.2, RFC 2018 §2, RFC 7323 §2.2 and §3.2, RFC 5482 §2,
 * RFC 7413 §4.1.1. Orders of the options sent follow Linux.
 */

import { type Segment, SYN } from "./segment.ts";

const KIND_END = 0;
const KIND_NOP = 1;
const KIND_MSS = 2;
const KIND_WINDOW_SCALE = 3;
const KIND_SACK_PERMITTED = 4;
const KIND_SACK = 5;
const KIND_TIMESTAMPS = 8;
const KIND_USER_TIMEOUT = 28;
const KIND_FAST_OPEN = 34;
const KIND_EXPERIMENTAL = 254;
/** Fast open before it had a kind of its own: an experiment with this number. RFC 7413 §7, RFC 6994 §3. */
const EXPERIMENT_FAST_OPEN = 0xf989;

/** NOP, NOP, timestamps of length 10: how nearly every segment of a connection begins. RFC 7323 App. A. */
const ALIGNED_TIMESTAMPS = 0x0101080a;
/** SACK-permitted, then timestamps: no NOPs are needed. */
const SACK_PERMITTED_TIMESTAMPS = 0x0402080a;
const ALIGNED_SACK_PERMITTED = 0x01010402;
const ALIGNED_WINDOW_SCALE = 0x01030300;
const FULL_MSS = 0x02040000;
const ALIGNED_SACK = 0x01010500;
const FULL_USER_TIMEOUT = 0x1c040000;

/** The user timeout option counts minutes where this bit is set, otherwise seconds. RFC 5482 §2. */
const MINUTES = 0x8000;

/** Bytes for SACK blocks: all options have 40, and four of them go in front of the blocks. RFC 2018 §3. */
const SACK_ROOM = 36;

/**
 * Parses `length` bytes of options at `offset` into `seg`, whose flags are set
 * and whose options are reset. Options of a SYN are ignored in other segments.
 * Returns false when a malformed length ended the list early; what stood before
 * it counts. RFC 9293 §3.1 MUST-7.
 */
export function parseTcpOptions(
  view: DataView,
  offset: number,
  length: number,
  seg: Segment,
): boolean {
  if (length === 12 && view.getInt32(offset) === ALIGNED_TIMESTAMPS) {
    seg.hasTimestamps = true;
    seg.tsVal = view.getInt32(offset + 4);
    seg.tsEcr = view.getInt32(offset + 8);
    return true;
  }
  const end = offset + length;
  while (offset < end) {
    const kind = view.getUint8(offset);
    if (kind === KIND_END) return true;
    if (kind === KIND_NOP) {
      offset++;
      continue;
    }
    if (offset + 1 >= end) return false;
    const optionLength = view.getUint8(offset + 1);
    if (optionLength < 2 || offset + optionLength > end) return false;
    takeOption(view, offset, kind, optionLength, seg);
    offset += optionLength;
  }
  return true;
}

/** How many bytes `buildTcpOptions` writes for `seg`; a multiple of 4, at most 40. */
export function tcpOptionsLength(seg: Segment): number {
  if ((seg.flags & SYN) !== 0) return synOptionsLength(seg);
  let length = seg.hasTimestamps ? 12 : 0;
  if (seg.userTimeout !== 0) length += 4;
  return seg.sackCount === 0 ? length : length + 4 + (sackBlocks(seg) << 3);
}

/** Writes the options of `seg` at `offset`, padded with NOPs. Returns their length. */
export function buildTcpOptions(view: DataView, offset: number, seg: Segment): number {
  if ((seg.flags & SYN) !== 0) return buildSynOptions(view, offset, seg);
  let at = offset;
  if (seg.hasTimestamps) {
    view.setInt32(at, ALIGNED_TIMESTAMPS);
    view.setInt32(at + 4, seg.tsVal);
    view.setInt32(at + 8, seg.tsEcr);
    at += 12;
  }
  if (seg.userTimeout !== 0) at = buildUserTimeout(view, at, seg);
  return seg.sackCount === 0 ? at - offset : buildSack(view, at, seg) - offset;
}

/** An option of a known kind with a wrong length is skipped like an unknown one. */
function takeOption(
  view: DataView,
  offset: number,
  kind: number,
  length: number,
  seg: Segment,
): void {
  if (kind === KIND_TIMESTAMPS) {
    if (length !== 10) return;
    seg.hasTimestamps = true;
    seg.tsVal = view.getInt32(offset + 2);
    seg.tsEcr = view.getInt32(offset + 6);
  } else if (kind === KIND_SACK) {
    takeSack(view, offset + 2, length - 2, seg);
  } else if (kind === KIND_USER_TIMEOUT) {
    if (length === 4) takeUserTimeout(view.getUint16(offset + 2), seg);
  } else if ((seg.flags & SYN) !== 0) {
    takeSynOption(view, offset, kind, length, seg);
  }
}

function takeSynOption(
  view: DataView,
  offset: number,
  kind: number,
  length: number,
  seg: Segment,
): void {
  if (kind === KIND_MSS) {
    if (length === 4) seg.mss = view.getUint16(offset + 2);
  } else if (kind === KIND_WINDOW_SCALE) {
    if (length === 3) seg.windowScale = view.getUint8(offset + 2);
  } else if (kind === KIND_SACK_PERMITTED) {
    if (length === 2) seg.sackPermitted = true;
  } else if (kind === KIND_FAST_OPEN) {
    takeFastOpen(view, offset + 2, length - 2, false, seg);
  } else if (kind === KIND_EXPERIMENTAL && length >= 4) {
    if (view.getUint16(offset + 2) !== EXPERIMENT_FAST_OPEN) return;
    takeFastOpen(view, offset + 4, length - 4, true, seg);
  }
}

function takeSack(view: DataView, offset: number, length: number, seg: Segment): void {
  if (length === 0 || length > 32 || (length & 7) !== 0) return;
  seg.sackCount = length >> 3;
  for (let i = 0; i < seg.sackCount; i++) {
    seg.sackStart[i] = view.getInt32(offset + (i << 3));
    seg.sackEnd[i] = view.getInt32(offset + (i << 3) + 4);
  }
}

/** A timeout of 0 would end the connection at once: such an option says nothing. */
function takeUserTimeout(field: number, seg: Segment): void {
  const count = field & ~MINUTES;
  if (count !== 0) seg.userTimeout = (field & MINUTES) === 0 ? count : count * 60;
}

/** RFC 7413 §4.1.1: a request, or an even number of 4 … 16 bytes. */
function takeFastOpen(
  view: DataView,
  offset: number,
  length: number,
  isExperimental: boolean,
  seg: Segment,
): void {
  if (length !== 0 && (length < 4 || length > 16 || (length & 1) !== 0)) return;
  seg.fastOpenLength = length;
  seg.isFastOpenExperimental = isExperimental;
  for (let i = 0; i < length; i++) seg.fastOpenCookie[i] = view.getUint8(offset + i);
}

function synOptionsLength(seg: Segment): number {
  let length = 0;
  if (seg.mss >= 0) length += 4;
  if (seg.hasTimestamps) length += 12;
  else if (seg.sackPermitted) length += 4;
  if (seg.windowScale >= 0) length += 4;
  if (seg.userTimeout !== 0) length += 4;
  if (seg.fastOpenLength >= 0) length += (fastOpenOptionLength(seg) + 3) & ~3;
  return length;
}

/** MSS, SACK-permitted, timestamps, NOP, window scale: all of them take 20 bytes. */
function buildSynOptions(view: DataView, offset: number, seg: Segment): number {
  let at = offset;
  if (seg.mss >= 0) {
    view.setInt32(at, FULL_MSS | seg.mss);
    at += 4;
  }
  if (seg.hasTimestamps) {
    view.setInt32(at, seg.sackPermitted ? SACK_PERMITTED_TIMESTAMPS : ALIGNED_TIMESTAMPS);
    view.setInt32(at + 4, seg.tsVal);
    view.setInt32(at + 8, seg.tsEcr);
    at += 12;
  } else if (seg.sackPermitted) {
    view.setInt32(at, ALIGNED_SACK_PERMITTED);
    at += 4;
  }
  if (seg.windowScale >= 0) {
    view.setInt32(at, ALIGNED_WINDOW_SCALE | seg.windowScale);
    at += 4;
  }
  if (seg.userTimeout !== 0) at = buildUserTimeout(view, at, seg);
  return seg.fastOpenLength < 0 ? at - offset : buildFastOpen(view, at, seg) - offset;
}

/** Without padding. */
function fastOpenOptionLength(seg: Segment): number {
  return (seg.isFastOpenExperimental ? 4 : 2) + seg.fastOpenLength;
}

function buildFastOpen(view: DataView, at: number, seg: Segment): number {
  const length = fastOpenOptionLength(seg);
  const end = at + length;
  view.setUint8(at, seg.isFastOpenExperimental ? KIND_EXPERIMENTAL : KIND_FAST_OPEN);
  view.setUint8(at + 1, length);
  if (seg.isFastOpenExperimental) view.setUint16(at + 2, EXPERIMENT_FAST_OPEN);
  at = end - seg.fastOpenLength;
  for (let i = 0; i < seg.fastOpenLength; i++) view.setUint8(at++, seg.fastOpenCookie[i]);
  for (let left = -length & 3; left > 0; left--) view.setUint8(at++, KIND_NOP);
  return at;
}

/** What is too long in seconds is said in minutes, rounded up. Returns where it ends. */
function buildUserTimeout(view: DataView, at: number, { userTimeout }: Segment): number {
  const field = userTimeout < MINUTES ? userTimeout : MINUTES | Math.ceil(userTimeout / 60);
  view.setInt32(at, FULL_USER_TIMEOUT | field);
  return at + 4;
}

function buildSack(view: DataView, at: number, seg: Segment): number {
  const count = sackBlocks(seg);
  view.setInt32(at, ALIGNED_SACK | (2 + (count << 3)));
  at += 4;
  for (let i = 0; i < count; i++) {
    view.setInt32(at, seg.sackStart[i]);
    view.setInt32(at + 4, seg.sackEnd[i]);
    at += 8;
  }
  return at;
}

function sackBlocks(seg: Segment): number {
  const room = SACK_ROOM - (seg.hasTimestamps ? 12 : 0) - (seg.userTimeout !== 0 ? 4 : 0);
  return Math.min(seg.sackCount, room >> 3);
}
