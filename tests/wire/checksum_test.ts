import { assertEquals } from "@std/assert";
import { Address, parseAddress } from "../../lib/wire/address.ts";
import {
  addressSum,
  addSums,
  checksumOf,
  foldSum,
  pseudoHeaderSum,
} from "../../lib/wire/checksum.ts";
import { Arena } from "../../lib/wire/memory.ts";
import { randomWords } from "../support/random.ts";

const arena = new Arena(65536);

function sumOf(...bytes: number[]): number {
  arena.bytes.set(bytes, 1);
  return arena.sum(1, bytes.length);
}

function wordsOf(address: Address): number[] {
  return [address.w0, address.w1, address.w2, address.w3].flatMap(bytesOf);
}

function bytesOf(word: number): number[] {
  return [word >>> 24, word >>> 16 & 0xff, word >>> 8 & 0xff, word & 0xff];
}

function sumOfAddress(address: Address): number {
  return addressSum(address.w0, address.w1, address.w2, address.w3);
}

Deno.test("checksum: foldSum keeps the value modulo 65535 and never makes a zero", () => {
  const random = randomWords(1);
  for (const total of [0, 1, 0xffff, 0x10000, 0x1fffe, 0xffffffff, 0xfffe0001]) {
    assertEquals(foldSum(total), total === 0 ? 0 : (total - 1) % 65535 + 1, `${total}`);
  }
  for (let i = 0; i < 1000; i++) {
    const total = random();
    assertEquals(foldSum(total), total === 0 ? 0 : (total - 1) % 65535 + 1, `${total}`);
  }
});

Deno.test("checksum: the sums of two parts add up to the sum of the whole", () => {
  const random = randomWords(2);
  for (let i = 0; i < arena.bytes.length; i++) arena.bytes[i] = random() >>> 9;
  for (let i = 0; i < 200; i++) {
    const length = random() % 3000;
    const half = (random() % (length + 1)) & ~1;
    const parts = addSums(arena.sum(7, half), arena.sum(7 + half, length - half));
    assertEquals(parts, arena.sum(7, length));
  }
  assertEquals(addSums(0xffff, 0xffff), 0xffff);
});

Deno.test("checksum: a header with its checksum sums to 65535", () => {
  // An IPv4 header, its checksum field (bytes 10 and 11) 0.
  const header = [
    0x45,
    0,
    0,
    0x73,
    0,
    0,
    0x40,
    0,
    0x40,
    0x11,
    0,
    0,
    192,
    168,
    0,
    1,
    192,
    168,
    0,
    199,
  ];
  const checksum = checksumOf(sumOf(...header));
  assertEquals(checksum, 0xb861);
  header[10] = checksum >>> 8;
  header[11] = checksum & 0xff;
  assertEquals(sumOf(...header), 0xffff);
});

Deno.test("checksum: the pseudo-header of IPv4 has 12 bytes, that of IPv6 40", () => {
  const cases = [
    ["10.0.0.1", "192.0.2.255", 20],
    ["255.255.255.255", "255.255.255.255", 65515],
    ["0.0.0.0", "0.0.0.0", 0],
    ["fd00::1", "2001:db8:ffff::8000:0", 32],
    ["::1", "::", 70000],
  ] as const;
  for (const [from, to, length] of cases) {
    const source = parseAddress(from)!;
    const destination = parseAddress(to)!;
    const bytes = source.isIpv4
      ? [...bytesOf(source.w3), ...bytesOf(destination.w3), 0, 6, length >>> 8, length & 0xff]
      : [...wordsOf(source), ...wordsOf(destination), ...bytesOf(length), 0, 0, 0, 6];
    const sum = pseudoHeaderSum(sumOfAddress(source), sumOfAddress(destination), 6, length);
    assertEquals(sum, sumOf(...bytes), `${from} ${to}`);
  }
});
