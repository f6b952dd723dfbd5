import { assertEquals } from "@std/assert";
import { Frame, FRAME_HEADROOM } from "../../lib/wire/frame.ts";
import { Arena } from "../../lib/wire/memory.ts";

Deno.test("frame: slots lie apart, IP and TCP headers and payload are aligned in them", () => {
  const arena = new Arena(65536);
  const first = new Frame(arena, 1514);
  const second = new Frame(arena, 60);
  for (const frame of [first, second]) {
    assertEquals(frame.base % 64, 0);
    assertEquals(frame.start, frame.base + FRAME_HEADROOM);
    for (const header of [14, 14 + 20, 14 + 20 + 32]) assertEquals((frame.start + header) % 4, 0);
  }
  assertEquals(second.base >= first.start + first.capacity, true);
  assertEquals(arena.reserved, second.start + 60);
});
