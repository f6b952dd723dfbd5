/**
 * IP and MAC addresses as the test codec knows them: text, and bytes. Written
 * apart from `lib/wire/address.ts`, so that one checks the other.
 */

/** The 4 or 16 bytes of an IP address in text. Throws on anything else. */
export function addressBytes(text: string): Uint8Array {
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

/** Text of 4 or 16 bytes: dotted quad, or RFC 5952. */
export function addressText(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join(".") : ipv6Text(bytes);
}

/** The 6 bytes of a MAC address in text. */
export function macBytes(text: string): Uint8Array {
  const parts = text.split(":").map((part) => parseInt(part, 16));
  if (parts.length !== 6 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new Error(`Not a MAC address: ${text}`);
  }
  return Uint8Array.from(parts);
}

/** Text of 6 bytes. */
export function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function ipv4Bytes(text: string): Uint8Array {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new Error(`Not an IP address: ${text}`);
  }
  return Uint8Array.from(parts);
}

function ipv6Bytes(text: string): Uint8Array {
  const [head, tail] = text.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(8 - before.length - after.length).fill("0");
  const groups = [...before, ...zeros, ...after].map((group) => parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));
}

function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  const plain = groups.map((group) => group.toString(16)).join(":");
  const runs = plain.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce((best, run) => run.length > best.length ? run : best, "");
  if (longest === "") return plain;
  const at = plain.indexOf(longest);
  const rest = plain.slice(at + longest.length);
  return `${plain.slice(0, at)}:${rest === "" ? ":" : rest}`;
}
