/**
 * FlowBook: what somebody on the wire learns of the connections from the frames
 * the engine sends; a fuzzer which knows the numbers reaches the deep code.
 */

/** One connection, seen from the peer. Numbers are unsigned. */
export interface Talk {
  isIpv6: boolean;
  /** Which of the peer's addresses it has. */
  host: number;
  peerPort: number;
  ownPort: number;
  /** What the engine expects next: its last ACK. */
  expected: number;
  /** First number the engine sent that was not seen acknowledged, and the one after its last. */
  unacknowledged: number;
  next: number;
  /** The engine's last TSval; 0: none. */
  tsVal: number;
  /** The peer's own clock. */
  clock: number;
}

const TALKS = 48;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const SYN = 2;
const FIN = 1;
const ACK = 16;

/** The connections that are remembered; a new one takes the place of the oldest. */
export class FlowBook {
  readonly talks: Talk[] = [];
  /** The last fast-open cookie the engine gave: 8 bytes, for one of the peer's addresses. */
  cookie: Uint8Array | null = null;
  #oldest = 0;

  /** Remembers a connection nobody spoke about yet. */
  open(isIpv6: boolean, host: number, peerPort: number, ownPort: number): Talk {
    const known = this.#find(isIpv6, host, peerPort, ownPort);
    if (known !== undefined) return known;
    const talk = {
      ...{ isIpv6, host, peerPort, ownPort },
      ...{ expected: 0, unacknowledged: 0, next: 0, tsVal: 0, clock: 0 },
    };
    if (this.talks.length < TALKS) this.talks.push(talk);
    else this.talks[this.#oldest++ % TALKS] = talk;
    return talk;
  }

  /** The engine sent `header`, and `payloadLength` bytes behind it. `hostOf`: 0 or more by the address. */
  see(header: Uint8Array, payloadLength: number): void {
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const type = view.getUint16(12);
    const isIpv6 = type === ETHERTYPE_IPV6;
    if (!isIpv6 && type !== ETHERTYPE_IPV4) return;
    if (header[isIpv6 ? 20 : 23] !== 6) return;
    const at = 14 + (isIpv6 ? 40 : 20);
    if (header.length < at + 20) return;
    const host = header[isIpv6 ? 53 : 33];
    const isOpen = (header[at + 13] & SYN) !== 0;
    const talk = isOpen
      ? this.open(isIpv6, host, view.getUint16(at + 2), view.getUint16(at))
      : this.#find(isIpv6, host, view.getUint16(at + 2), view.getUint16(at));
    if (talk === undefined) return;
    const headerLength = 4 * (header[at + 12] >> 4);
    const flags = header[at + 13];
    const length = header.length - at - headerLength + payloadLength +
      (isOpen ? 1 : 0) + (flags & FIN);
    const seq = view.getUint32(at + 4);
    if (isOpen) talk.unacknowledged = talk.next = seq;
    const end = (seq + length) >>> 0;
    if (((end - talk.next) | 0) > 0) talk.next = end;
    if ((flags & ACK) !== 0) talk.expected = view.getUint32(at + 8);
    for (let i = at + 20; isOpen && i + 10 <= at + headerLength; i++) {
      if (header[i] === 34 && header[i + 1] === 10) this.cookie = header.slice(i + 2, i + 10);
    }
    // Timestamps stand first, behind two NOPs or behind the MSS of a SYN.
    for (let i = at + 20; i + 10 <= at + headerLength; i++) {
      if (header[i] === 8 && header[i + 1] === 10) {
        talk.tsVal = view.getUint32(i + 2);
        break;
      }
    }
  }

  #find(isIpv6: boolean, host: number, peerPort: number, ownPort: number): Talk | undefined {
    return this.talks.find((talk) =>
      talk.peerPort === peerPort && talk.ownPort === ownPort && talk.host === host &&
      talk.isIpv6 === isIpv6
    );
  }
}
