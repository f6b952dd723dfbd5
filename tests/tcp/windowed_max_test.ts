import { assertEquals } from "@std/assert";
import { WindowedMax } from "../../lib/tcp/windowed_max.ts";

/** Takes the values of each period in turn; what the filter says after each of them. */
function greatestAfter(filter: WindowedMax, periods: number[][]): number[] {
  return periods.map((values, i) => {
    if (i > 0) filter.advance();
    for (const value of values) filter.take(value);
    return filter.greatest();
  });
}

Deno.test("windowed max: the greatest value stays for as many periods as it looks back upon", () => {
  assertEquals(greatestAfter(new WindowedMax(2), [[5, 9.5, 7], [3], [4], [], []]), [
    9.5,
    9.5,
    4,
    4,
    0,
  ]);
  assertEquals(greatestAfter(new WindowedMax(3), [[9], [8], [7], [6], [5]]), [9, 9, 9, 8, 7]);
  assertEquals(greatestAfter(new WindowedMax(1), [[9], [], [2]]), [9, 0, 2]);
});

Deno.test("windowed max: nothing was taken yet, so the greatest is 0", () => {
  const filter = new WindowedMax(3);
  assertEquals([filter.greatest(), filter.greatest(1)], [0, 0]);
});

Deno.test("windowed max: it may be asked for fewer periods, the current one among them", () => {
  const filter = new WindowedMax(4);
  greatestAfter(filter, [[1], [9], [2], [6], [3]]);
  assertEquals([1, 2, 3, 4].map((periods) => filter.greatest(periods)), [3, 6, 6, 9]);
  const young = new WindowedMax(10);
  greatestAfter(young, [[7], [1]]);
  assertEquals([1, 2, 10].map((periods) => young.greatest(periods)), [1, 7, 7]);
});

Deno.test("windowed max: after many periods it says what a list of all values would", () => {
  const filter = new WindowedMax(10);
  const values = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1009);
  values.forEach((value, i) => {
    if (i > 0) filter.advance();
    filter.take(value);
    const all = values.slice(0, i + 1);
    assertEquals(filter.greatest(), Math.max(...all.slice(-10)));
    assertEquals(filter.greatest(3), Math.max(...all.slice(-3)));
  });
});
