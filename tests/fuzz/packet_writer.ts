/**
 * PacketWriter: puts headers with right checksums into one buffer, byte by byte,
 * fast enough for millions. Apart from `lib/wire`, which it is to test.
 */

const ETHERNET = 14;
const BUFFER_BYTES = 65536 + 256;

/** Which of the two hosts a packet is from. */
export interface Ends {
  readonly isIpv6: boolean;
  /** 4 or 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** One frame under construction: Ethernet and IP header first, then the body, then `finish`. */
export class PacketWriter {
  readonly bytes = new Uint8Array(BUFFER_BYTES);
  /** Bytes written. */
  length = 0;
  readonly #view = new DataView(this.bytes.buffer);
  #ip = ETHERNET;
  #body = ETHERNET;
  #isIpv6 = false;
  #protocol = 0;

  /** Ethernet header to `to` from `from`, 6 bytes each. */
  ethernet(to: Uint8Array, from: Uint8Array, type: number): this {
    this.bytes.set(to, 0);
    this.bytes.set(from, 6);
    this.#view.setUint16(12, type);
    this.length = ETHERNET;
    this.#ip = ETHERNET;
    return this;
  }

  /** An IP header; `fragment` are IPv4's flags and offset. Lengths and checksum come with `finish`. */
  ip({ isIpv6, source, destination }: Ends, protocol: number, fragment = 0x4000, tos = 0): this {
    const at = this.#ip = this.length;
    this.#isIpv6 = isIpv6;
    this.#protocol = protocol;
    if (isIpv6) {
      this.#view.setUint32(at, 0x60000000 | tos << 20);
      this.#view.setUint32(at + 4, protocol << 8 | 64);
    } else {
      this.#view.setUint32(at, 0x45000000 | tos << 16);
      this.#view.setUint32(at + 4, 0x1234 << 16 | fragment);
      this.#view.setUint32(at + 8, 64 << 24 | protocol << 16);
    }
    const addresses = at + (isIpv6 ? 8 : 12);
    this.bytes.set(source, addresses);
    this.bytes.set(destination, addresses + source.length);
    this.length = this.#body = addresses + 2 * source.length;
    return this;
  }

  /** An IPv6 extension header, or anything that stands before the body. `next`: its protocol number. */
  extension(kind: number, header: Uint8Array): this {
    this.bytes[this.#ip + 6] = kind;
    header[0] = this.#protocol;
    this.put(header);
    this.#body = this.length;
    return this;
  }

  byte(value: number): this {
    this.bytes[this.length++] = value;
    return this;
  }

  half(value: number): this {
    this.#view.setUint16(this.length, value);
    this.length += 2;
    return this;
  }

  word(value: number): this {
    this.#view.setUint32(this.length, value);
    this.length += 4;
    return this;
  }

  put(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** `count` bytes that tell their place. */
  fill(count: number): this {
    for (let i = 0; i < count; i++) this.bytes[this.length++] = i;
    return this;
  }

  /** Lengths, and the checksum of the body, whose field is `checksumAt` bytes behind its start. */
  finish(checksumAt: number): void {
    const bodyLength = this.length - this.#body;
    if (this.#isIpv6) this.#view.setUint16(this.#ip + 4, this.length - this.#ip - 40);
    else this.#view.setUint16(this.#ip + 2, this.length - this.#ip);
    this.sumIpHeader();
    if (checksumAt < 0) return;
    this.#view.setUint16(this.#body + checksumAt, 0);
    const addresses = this.#ip + (this.#isIpv6 ? 8 : 12);
    const hasPseudoHeader = this.#isIpv6 || this.#protocol !== 1;
    let sum = this.#sum(this.#body, this.length, 0);
    if (hasPseudoHeader) {
      sum += this.#protocol + bodyLength;
      sum = this.#sum(addresses, addresses + (this.#isIpv6 ? 32 : 8), sum);
    }
    this.#view.setUint16(this.#body + checksumAt, 0xffff - folded(sum));
  }

  /** Makes the IPv4 packet in the buffer a fragment: flags and offset, length and header checksum. */
  reframe(fragment: number): void {
    this.#view.setUint16(this.#ip + 2, this.length - this.#ip);
    this.#view.setUint16(this.#ip + 6, fragment);
    this.sumIpHeader();
  }

  /** Writes the checksum of the IPv4 header as it now stands. */
  sumIpHeader(): void {
    if (this.#isIpv6) return;
    this.#view.setUint16(this.#ip + 10, 0);
    const end = this.#ip + 4 * (this.bytes[this.#ip] & 15);
    this.#view.setUint16(this.#ip + 10, 0xffff - folded(this.#sum(this.#ip, end, 0)));
  }

  #sum(from: number, to: number, sum: number): number {
    let at = from;
    for (; at + 1 < to; at += 2) sum += this.#view.getUint16(at);
    if (at < to) sum += this.bytes[at] << 8;
    return sum;
  }
}

function folded(sum: number): number {
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum & 0xffff);
  return sum;
}
