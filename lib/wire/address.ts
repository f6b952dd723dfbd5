/**
 * IPv4 and IPv6 addresses, MAC addresses, endpoints and prefixes: text ↔
 * numbers. RFC 4291 §2.2 is what is read, RFC 5952 what is written.
 *
 * Parsing is strict: one spelling too many in a config is a proxy that listens
 * where nobody thinks it does. Bad text is null; nothing here throws.
 */

/** An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
export class Address {
  /** Big-endian int32 words, the most significant first. */
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;

  constructor(w0: number, w1: number, w2: number, w3: number) {
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
  }

  /** Whether it stands for an IPv4 address; `w3` is that address then. */
  get isIpv4(): boolean {
    return (this.w0 | this.w1) === 0 && this.w2 === 0xffff;
  }

  /** Whether it is 0.0.0.0 or ::, "no particular address". */
  get isUnspecified(): boolean {
    return (this.w0 | this.w1 | this.w3) === 0 && (this.w2 === 0 || this.w2 === 0xffff);
  }

  equals(other: Address): boolean {
    return this.w0 === other.w0 && this.w1 === other.w1 && this.w2 === other.w2 &&
      this.w3 === other.w3;
  }

  /** Dotted quad for IPv4, else the one form of RFC 5952 §4. */
  toString(): string {
    return this.isIpv4 ? dottedQuad(this.w3) : colonHex([this.w0, this.w1, this.w2, this.w3]);
  }
}

/** The IPv4 address a.b.c.d, given as the int32 of its four bytes, `a` the most significant. */
export function ipv4Address(value: number): Address {
  return new Address(0, 0, 0xffff, value);
}

/**
 * The address written as `text`: four decimal numbers without leading zeros, or
 * any IPv6 form of RFC 4291 §2.2 without a zone. Null when it is neither.
 */
export function parseAddress(text: string): Address | null {
  if (text.includes(":")) return parseIpv6(text);
  const value = parseDottedQuad(text);
  return value === null ? null : ipv4Address(value);
}

/** An address and a TCP port. */
export class Endpoint {
  readonly address: Address;
  /** 0 … 65535. What 0 means is the user's: mostly any port. */
  readonly port: number;

  constructor(address: Address, port: number) {
    this.address = address;
    this.port = port;
  }

  equals(other: Endpoint): boolean {
    return this.port === other.port && this.address.equals(other.address);
  }

  /** `1.2.3.4:80` or `[fd00::1]:80`, RFC 5952 §6. */
  toString(): string {
    const address = this.address;
    return address.isIpv4 ? `${address}:${this.port}` : `[${address}]:${this.port}`;
  }
}

/**
 * The endpoint written as `text`; IPv6 in brackets, IPv4 without. Null when it
 * is none: also without a port, since there is no port to guess.
 */
export function parseEndpoint(text: string): Endpoint | null {
  const parts = /^(?:\[([^\]]*:[^\]]*)\]|([^:]*)):([^:]*)$/.exec(text);
  if (parts === null) return null;
  const address = parseAddress(parts[1] ?? parts[2]);
  const port = parseDecimal(parts[3], 65535);
  return address === null || port === null ? null : new Endpoint(address, port);
}

/** A 48-bit Ethernet address. */
export class Mac {
  /** The first two bytes, 0 … 65535. */
  readonly high: number;
  /** The last four bytes, an int32. */
  readonly low: number;

  constructor(high: number, low: number) {
    this.high = high & 0xffff;
    this.low = low | 0;
  }

  /** Whether it names a group of stations: multicast, or broadcast. */
  get isGroup(): boolean {
    return (this.high & 0x0100) !== 0;
  }

  equals(other: Mac): boolean {
    return this.high === other.high && this.low === other.low;
  }

  /** Six bytes in lower-case hexadecimal with colons between. */
  toString(): string {
    const digits = this.high.toString(16).padStart(4, "0") +
      (this.low >>> 0).toString(16).padStart(8, "0");
    return digits.replace(/..(?!$)/g, "$&:");
  }
}

/** The MAC address written as six two-digit bytes with colons, or hyphens, between. Null when it is none. */
export function parseMac(text: string): Mac | null {
  if (!/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) return null;
  const digits = text.replace(/[:-]/g, "");
  return new Mac(parseInt(digits.slice(0, 4), 16), parseInt(digits.slice(4), 16));
}

/** An address and how many of its leading bits name the network. */
export class Cidr {
  /** As it was written: bits behind the prefix may be set. */
  readonly address: Address;
  /** 0 … 32 for IPv4, 0 … 128 for IPv6. */
  readonly prefixLength: number;

  constructor(address: Address, prefixLength: number) {
    this.address = address;
    this.prefixLength = prefixLength;
  }

  /** Whether `address` has the same version and the same leading bits. */
  contains(address: Address): boolean {
    const own = this.address;
    const isIpv4 = own.isIpv4;
    if (isIpv4 !== address.isIpv4) return false;
    const length = isIpv4 ? this.prefixLength + 96 : this.prefixLength;
    return ((own.w0 ^ address.w0) & wordMask(length)) === 0 &&
      ((own.w1 ^ address.w1) & wordMask(length - 32)) === 0 &&
      ((own.w2 ^ address.w2) & wordMask(length - 64)) === 0 &&
      ((own.w3 ^ address.w3) & wordMask(length - 96)) === 0;
  }

  /** `10.0.0.1/24`, RFC 4632 §3.1, RFC 4291 §2.3. */
  toString(): string {
    return `${this.address}/${this.prefixLength}`;
  }
}

/**
 * The prefix written as `text`: an address, a slash, a length. Null when it is
 * none; the length must be given. ::ffff:10.0.0.0/104 is 10.0.0.0/8.
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.lastIndexOf("/");
  const address = parseAddress(text.slice(0, Math.max(slash, 0)));
  if (address === null) return null;
  const length = parseDecimal(text.slice(slash + 1), text.includes(":") ? 128 : 32);
  if (length === null) return null;
  if (!address.isIpv4 || !text.includes(":")) return new Cidr(address, length);
  return length < 96 ? null : new Cidr(address, length - 96);
}

/** The mask of a word's `length` leading bits; below 0 counts as 0, above 32 as 32. */
function wordMask(length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? -1 : -1 << (32 - length);
}

/** A decimal number without sign or leading zero, at most `limit`; else null. */
function parseDecimal(text: string, limit: number): number | null {
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text)) return null;
  const value = Number(text);
  return value > limit ? null : value;
}

/** The int32 of four decimal bytes. A leading zero is refused: some read it as octal (RFC 6943 §3.1.1). */
function parseDottedQuad(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    const byte = parseDecimal(part, 255);
    if (byte === null) return null;
    value = value << 8 | byte;
  }
  return value;
}

/** RFC 4291 §2.2: eight groups, `::` for one or more of zero, the last two also as a dotted quad. */
function parseIpv6(text: string): Address | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const isCompressed = halves.length === 2;
  const head = parseGroups(halves[0], !isCompressed);
  const tail = isCompressed ? parseGroups(halves[1], true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (isCompressed ? missing < 1 : missing !== 0) return null;
  const g = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return new Address(g[0] << 16 | g[1], g[2] << 16 | g[3], g[4] << 16 | g[5], g[6] << 16 | g[7]);
}

/** Groups with colons between; none for "". `isEnd`: a dotted quad may stand for the last two. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (isEnd && i === parts.length - 1 && part.includes(".")) {
      const quad = parseDottedQuad(part);
      if (quad === null) return null;
      groups.push(quad >>> 16, quad & 0xffff);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
      groups.push(parseInt(part, 16));
    }
  }
  return groups;
}

function dottedQuad(value: number): string {
  return `${value >>> 24}.${value >>> 16 & 0xff}.${value >>> 8 & 0xff}.${value & 0xff}`;
}

/** RFC 5952 §4: no leading zeros, lower case, `::` for the first longest run of two or more. */
function colonHex(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let runStart = -1;
  let runLength = 1; // §4.2.2: a single group of zero is written out
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (runStart < 0) return hex.join(":");
  return `${hex.slice(0, runStart).join(":")}::${hex.slice(runStart + runLength).join(":")}`;
}
