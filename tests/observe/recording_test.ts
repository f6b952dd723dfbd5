import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  EntryReader,
  EntryWriter,
  HEADER_LENGTH,
  Kind,
  PartReader,
  RecordingError,
  recordingHeader,
  VERSION,
} from "../../lib/observe/recording.ts";
import { Gather } from "../../lib/wire/gather.ts";

/** A recording of the entries that `write` writes. */
function recordingOf(write: (out: EntryWriter) => void): Uint8Array<ArrayBuffer> {
  const out = new EntryWriter(16); // grows
  out.copy(recordingHeader(), 0, HEADER_LENGTH);
  write(out);
  return out.written().slice();
}

Deno.test("recording: numbers, texts and bytes come back as they were written", () => {
  const bytes = recordingOf((out) => {
    out.begin(Kind.Send);
    out.u8(255);
    out.u16(65535);
    out.i32(-1);
    out.text("naïve");
    out.answer();
    out.f64(1e12 + 0.125);
    out.copy(Uint8Array.of(1, 2, 3, 4), 1, 2);
    out.end();
  });
  const entry = new EntryReader(bytes).next()!;
  assertEquals([entry.kind, entry.threw, entry.at], [Kind.Send, false, HEADER_LENGTH]);
  const asked = new PartReader(entry.asked);
  assertEquals([asked.u8(), asked.u16(), asked.i32(), asked.text()], [255, 65535, -1, "naïve"]);
  assertEquals([asked.left, asked.u8(), asked.i32()], [0, 0, 0], "nothing is left");
  const answered = new PartReader(entry.answered);
  assertEquals([answered.f64(), answered.left], [1e12 + 0.125, 2]);
  assertEquals([...answered.bytes(9)], [2, 3]);
});

Deno.test("recording: pieces of a gather are written as one run, as far as they are filled", () => {
  const gather = new Gather();
  gather.add(2, 3);
  gather.add(10, 4);
  const arena = Uint8Array.from({ length: 20 }, (_, i) => i);
  const bytes = recordingOf((out) => {
    out.begin(Kind.Receive);
    out.answer();
    out.copyGather(arena, gather, 5);
    out.end();
  });
  assertEquals([...new EntryReader(bytes).next()!.answered], [2, 3, 4, 10, 11]);
});

Deno.test("recording: entries follow each other; one that is not whole is the end", () => {
  const bytes = recordingOf((out) => {
    for (const descriptor of [7, 8]) {
      out.begin(Kind.Close);
      out.i32(descriptor);
      out.answer();
      out.end();
    }
    out.begin(Kind.Reset);
    out.cancel();
  });
  const reader = new EntryReader(bytes);
  assertEquals(new PartReader(reader.next()!.asked).i32(), 7);
  const second = reader.at;
  assertEquals(new PartReader(reader.next()!.asked).i32(), 8);
  assertEquals([reader.next(), reader.at], [null, bytes.length]);
  for (let length = second; length < bytes.length; length++) {
    const cut = new EntryReader(bytes.subarray(0, length));
    cut.next();
    assertEquals([cut.next(), cut.at], [null, second]);
  }
});

Deno.test("recording: a call that threw is told from one that answered", () => {
  const bytes = recordingOf((out) => {
    out.begin(Kind.Watch);
    out.i32(9);
    out.threw();
    out.text("no space left");
    out.end();
  });
  const { kind, threw, answered } = new EntryReader(bytes).next()!;
  assertEquals([kind, threw], [Kind.Watch, true]);
  assertEquals(new PartReader(answered).text(), "no space left");
});

Deno.test("recording: other files, other versions and unknown entries are refused by name", () => {
  const refusal = (bytes: Uint8Array<ArrayBuffer>) =>
    assertThrows(() => new EntryReader(bytes).next(), RecordingError).message;
  const header = recordingHeader();
  for (const bytes of [new Uint8Array(0), header.subarray(0, 15), new Uint8Array(100)]) {
    assertMatch(refusal(bytes), /^it is no recording of Tapster/);
  }
  const newer = header.slice();
  newer[HEADER_LENGTH - 1] = VERSION + 1;
  assertMatch(
    refusal(newer),
    new RegExp(`format ${VERSION + 1}, and this Tapster reads format ${VERSION}: replay it with`),
  );
  for (const kind of [0, 99]) {
    const bytes = new Uint8Array(HEADER_LENGTH + 9);
    bytes.set(header);
    bytes[HEADER_LENGTH] = kind;
    assertMatch(
      refusal(bytes),
      new RegExp(`damaged at byte 16: there is no entry of kind ${kind}`),
    );
  }
});
