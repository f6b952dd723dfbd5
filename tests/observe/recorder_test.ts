import { assert, assertEquals } from "@std/assert";
import { EntryReader, Kind } from "../../lib/observe/recording.ts";
import { RecordedRun } from "./recorded_run.ts";

/** The kinds of entries, without those of the start. */
function kindsOf(bytes: Uint8Array<ArrayBuffer>): Kind[] {
  const reader = new EntryReader(bytes);
  const kinds: Kind[] = [];
  for (let entry = reader.next(); entry !== null; entry = reader.next()) kinds.push(entry.kind);
  return kinds;
}

function doesIt(run: RecordedRun): string[] {
  run.connect();
  run.send("request");
  run.answer("answer");
  run.finish();
  return run.link.written.map((bytes) => bytes.toHex());
}

Deno.test("recorder: who is recorded does what it does unrecorded", () => {
  const full = new RecordedRun({}, 1); // not even its set-up finds room
  const recorded = new RecordedRun();
  assertEquals(doesIt(recorded), doesIt(full));
  const socket = recorded.sockets.dialed[0];
  assertEquals([socket.outgoing, socket.state], ["request", "closed"]);
  assertEquals(full.sockets.dialed[0].calls, socket.calls);
  assert(recorded.recorder.length > full.recorder.length);
});

Deno.test("recorder: it begins with the set-up and ends with the end", () => {
  const kinds = kindsOf(new RecordedRun().wholeRun());
  assertEquals(kinds.slice(0, 3), [Kind.Setup, Kind.Entropy, Kind.Entropy]);
  assertEquals(kinds.at(-1), Kind.Ending);
});

Deno.test("recorder: at its limit it stops for good, says so once, and closes the file", () => {
  const whole = new RecordedRun();
  doesIt(whole);
  const limit = whole.recorder.length - 300;
  const run = new RecordedRun({}, limit);
  doesIt(run);
  assertEquals([run.stopped, run.file.isClosed], [[null], true]);
  const { bytes } = run.file;
  assertEquals([run.recorder.length, bytes.length <= limit], [bytes.length, true]);
  const kinds = kindsOf(bytes);
  assertEquals([kinds.at(-1), kinds.filter((kind) => kind === Kind.Full).length], [Kind.Full, 1]);
  run.recorder.close();
  run.recorder.failed(new Error("late"));
  assertEquals(run.file.bytes.length, bytes.length);
});

Deno.test("recorder: when the file takes no more the run goes on", () => {
  const run = new RecordedRun();
  run.connect();
  run.file.refusal = new Error("no space left on device");
  run.recorder.flush();
  assertEquals(run.stopped, [run.file.refusal]);
  run.send("request");
  assertEquals(run.sockets.dialed[0].outgoing, "request");
  assertEquals([run.file.isClosed, run.file.bytes.length], [true, 0]);
});

Deno.test("recorder: a busy program writes much at once", () => {
  const run = new RecordedRun();
  run.connect();
  assertEquals(run.file.bytes.length, 0);
  for (let i = 0; i < 300; i++) run.send("x".repeat(1400));
  const written = run.file.bytes.length;
  assert(written > 256 * 1024 && written < run.recorder.length);
  run.recorder.flush();
  assertEquals(run.file.bytes.length, run.recorder.length);
});

Deno.test("recorder: what led to a rest is in the file before it begins", async () => {
  const run = new RecordedRun({ busy_poll: 0 });
  const rests: boolean[] = [];
  run.poller.onPark = () => {
    rests.push(run.file.bytes.length === run.recorder.length);
    run.driver.stop();
  };
  await run.driver.run();
  assertEquals(rests, [true]);
  assertEquals(kindsOf(run.recording()).at(-1), Kind.Ending);
});
