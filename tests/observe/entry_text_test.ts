import { assertEquals, assertMatch } from "@std/assert";
import { ECONNREFUSED, ENODEV } from "../../lib/host/errno.ts";
import { EntryText } from "../../lib/observe/entry_text.ts";
import {
  EntryReader,
  EntryWriter,
  HEADER_LENGTH,
  Kind,
  recordingHeader,
} from "../../lib/observe/recording.ts";

/** The line of an entry whose two parts are written by these. */
function lineOf(
  kind: Kind,
  ask: (out: EntryWriter) => void = () => {},
  answer: ((out: EntryWriter) => void) | string = () => {},
): string {
  const out = new EntryWriter(1024);
  out.copy(recordingHeader(), 0, HEADER_LENGTH);
  out.begin(kind);
  ask(out);
  if (typeof answer === "string") {
    out.threw();
    out.text(answer);
  } else {
    out.answer();
    answer(out);
  }
  out.end();
  return new EntryText().of(new EntryReader(out.written()).next()!);
}

function numbers(...values: number[]): (out: EntryWriter) => void {
  return (out) => values.forEach((value) => out.i32(value));
}

function text(...args: [...number[], string]): (out: EntryWriter) => void {
  return (out) => {
    args.slice(0, -1).forEach((value) => out.i32(value as number));
    out.text(args.at(-1) as string);
  };
}

Deno.test("entry text: calls and what came of them", () => {
  const refused = numbers(-ECONNREFUSED);
  const dial = (fast: number) => (out: EntryWriter) => {
    out.u8(fast);
    out.text("10.0.0.1:80");
  };
  assertEquals(lineOf(Kind.Dial, dial(0), numbers(12)), "dial 10.0.0.1:80 = 12");
  assertEquals(lineOf(Kind.Dial, dial(1), refused), "dial fast 10.0.0.1:80 = ECONNREFUSED");
  assertEquals(lineOf(Kind.DialResult, numbers(12), numbers(0)), "dialed 12 = 0");
  // Positive, as SO_ERROR has it.
  assertEquals(
    lineOf(Kind.DialResult, numbers(12), numbers(ECONNREFUSED)),
    "dialed 12 = ECONNREFUSED",
  );
  assertEquals(lineOf(Kind.Send, numbers(12, 9, 1, 2), numbers(7)), "send 12, 9 bytes = 7");
  assertEquals(lineOf(Kind.SendGather, numbers(12, 9, 1, 2), numbers(9)), "send 12, 9 bytes = 9");
  assertEquals(
    lineOf(Kind.SendUrgent, numbers(12, 1, 1, 2), numbers(1)),
    "send urgent 12, 1 bytes = 1",
  );
  assertEquals(lineOf(Kind.AtMark, numbers(12), numbers(1)), "at mark 12 = 1");
  assertEquals(lineOf(Kind.Receive, numbers(12, 99), numbers(0)), "receive 12, room for 99 = 0");
  assertEquals(lineOf(Kind.ShutdownWrite, numbers(12), numbers(0)), "shutdown 12 = 0");
  assertEquals(lineOf(Kind.Close, numbers(12), numbers(0)), "close 12");
  assertEquals(lineOf(Kind.Reset, numbers(12), numbers(0)), "reset 12");
  assertEquals(lineOf(Kind.SetKeepalive, numbers(12, 60, 10, 3)), "keepalive 12 60/10/3");
  assertEquals(lineOf(Kind.Watch, numbers(12)), "watch 12");
  assertEquals(lineOf(Kind.Watch, numbers(12), "no space"), "watch 12 throws no space");
});

Deno.test("entry text: turns show their events, and nothing without any", () => {
  const turn = (...events: [number, number][]) =>
    lineOf(Kind.Turn, () => {}, (out) => {
      out.f64(5);
      for (const [descriptor, readiness] of events) {
        out.i32(descriptor);
        out.u8(readiness);
      }
    });
  assertEquals(turn(), "");
  assertEquals(turn([3, 1], [12, 3], [13, 2], [14, 0]), "ready 3:r 12:rw 13:w 14:");
});

Deno.test("entry text: the device", () => {
  assertEquals(lineOf(Kind.FrameIn, () => {}, numbers(0)), "", "there was no frame");
  assertEquals(
    lineOf(Kind.FrameIn, () => {}, numbers(-ENODEV)),
    "< the device is gone: ENODEV",
  );
  const frame = (out: EntryWriter) => out.copy(new Uint8Array(60), 0, 60);
  assertEquals(
    lineOf(Kind.FrameIn, () => {}, (out) => {
      out.i32(60);
      out.u8(1);
      out.u16(1448);
      frame(out);
    }),
    "< type 0x0000, 46 bytes cut by 1448",
  );
  const out = (taken: number) =>
    lineOf(Kind.FrameOut, (out) => {
      out.u16(0);
      out.copy(new Uint8Array(5), 0, 5);
      out.i32(1000);
      out.copy(new Uint8Array(8), 0, 8);
      frame(out);
    }, numbers(taken));
  assertEquals(out(1), "> type 0x0000, 1046 bytes");
  assertEquals(out(0), "> type 0x0000, 1046 bytes (not taken)");
});

Deno.test("entry text: how it goes on and ends; secrets stay secret", () => {
  assertEquals(lineOf(Kind.Drain), "is asked to end");
  assertEquals(lineOf(Kind.Stop), "is asked to end at once");
  assertEquals(lineOf(Kind.Ending, text(0, "drained")), "ends, drained");
  assertEquals(lineOf(Kind.Ending, text(ENODEV, "device-gone")), "ends, device-gone (ENODEV)");
  assertEquals(lineOf(Kind.Failure, text("sndUna passed sndNxt")), "fails: sndUna passed sndNxt");
  assertEquals(lineOf(Kind.Full), "the recording is full");
  assertEquals(
    lineOf(Kind.Entropy, numbers(16), (out) => out.text("0123456789abcdef")),
    "entropy, 16 bytes",
  );
});

Deno.test("entry text: the detail has the bytes, up to a limit", () => {
  const detail = (length: number) =>
    EntryText.detail({ kind: Kind.Send, asked: new Uint8Array(length).fill(0xab) });
  assertEquals(detail(3), ", in bytes ababab");
  assertMatch(detail(200), /^, in bytes (?:ab){160}…$/);
});
