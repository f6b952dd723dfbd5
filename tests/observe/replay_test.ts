import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { EBADFD } from "../../lib/host/errno.ts";
import { EntryReader, Kind, RecordingError } from "../../lib/observe/recording.ts";
import { replay } from "../../lib/observe/replay.ts";
import { planWorld } from "../sim/plan.ts";
import { World } from "../sim/world.ts";
import { concat } from "../support/codec.ts";
import { randomWords } from "../support/random.ts";
import { MemoryFile, RecordedRun } from "./recorded_run.ts";

/** Worlds of the simulator which are recorded and replayed. */
const WORLDS = 20;
/** As many are made for it at most: some end before much has happened. */
const MOST_WORLDS = 2 * WORLDS;
/** Places at which a recording is cut off, or changed. */
const PLACES = 60;

type Bytes = Uint8Array<ArrayBuffer>;

interface Place {
  /** Where the entry begins and ends. */
  readonly at: number;
  readonly end: number;
  /** Where the first part of the entry lies, and how long it is. */
  readonly askedAt: number;
  readonly askedLength: number;
}

/** The trace, without what is the engine's to decide: windows, and the room in its queues. */
function traceOf(bytes: Bytes): string[] {
  const lines: string[] = [];
  replay(bytes, { line: (text) => lines.push(text.trim().replace(/ {2}/, " ")) });
  return lines.map((line) => line.replace(/ win \d+|, room for \d+/, ""));
}

/** The entries of a kind. */
function placesOf(bytes: Bytes, kind: Kind): Place[] {
  const reader = new EntryReader(bytes);
  const places: Place[] = [];
  for (let entry = reader.next(); entry !== null; entry = reader.next()) {
    const { at, asked } = entry;
    if (entry.kind !== kind) continue;
    places.push({ at, end: reader.at, askedAt: asked.byteOffset, askedLength: asked.length });
  }
  return places;
}

/** `bytes` with one of them changed. */
function changed(bytes: Bytes, at: number): Bytes {
  const copy = bytes.slice();
  copy[at] ^= 0x10;
  return copy;
}

/** Records and replays a world, which must be the same. Returns whether enough happened to prove something. */
function tellsStory(seed: number): boolean {
  const file = new MemoryFile();
  new World(planWorld(seed), null, file).run();
  const { difference, turns, framesIn, framesOut, calls } = replay(file.bytes, null);
  assertEquals(difference, null, `world ${seed}`);
  return Math.min(turns, framesIn, framesOut, calls) > 10;
}

/** A recording with another set-up of the same length. */
function withSetup(bytes: Bytes, from: string, to: string): Bytes {
  const [{ askedAt, askedLength }] = placesOf(bytes, Kind.Setup);
  const text = new TextDecoder().decode(bytes.subarray(askedAt, askedAt + askedLength));
  assert(text.includes(from), text);
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode(text.replace(from, to)), askedAt);
  return copy;
}

Deno.test(`replay: ${WORLDS} fresh worlds of the simulator are the same, bit for bit`, () => {
  const first = crypto.getRandomValues(new Uint32Array(1))[0] >>> 2;
  console.log(`replay: seeds from ${first} on`); // a violation tells only its world
  let stories = 0;
  for (let seed = first; stories < WORLDS; seed++) {
    assert(seed < first + MOST_WORLDS, `${stories} of ${MOST_WORLDS} worlds are stories`);
    if (tellsStory(seed)) stories++;
  }
});

Deno.test("replay: a run is told from its first frame to its end", () => {
  assertEquals(traceOf(new RecordedRun().wholeRun()), [
    "0.000000 entropy, 8 bytes",
    "0.000000 entropy, 116 bytes",
    "0.000000 ready 3:r",
    "0.000000 < 10.0.1.7:40000 10.0.0.1:80 S 0:0(0) <mss 1460>",
    "0.000000 > 10.0.1.7:40000 10.0.0.1:80 S. 0:0(0) ack 1 <mss 1460>",
    "0.001000 ready 3:r",
    "0.001000 < 10.0.1.7:40000 10.0.0.1:80 . 1:1(0) ack 1",
    "0.001000 INFO open id=1 client=10.0.1.7:40000 local=10.0.0.1:80 upstream=127.0.0.1:8080",
    "0.001000 dial 127.0.0.1:8080 = 10",
    "0.001000 keepalive 10 7200/75/9",
    "0.001000 watch 10",
    "0.002000 ready 10:w",
    "0.002000 dialed 10 = 0",
    "0.003000 ready 3:r",
    "0.003000 < 10.0.1.7:40000 10.0.0.1:80 P. 1:6(5) ack 1",
    "0.003000 send 10, 5 bytes = 5",
    "0.003000 > 10.0.1.7:40000 10.0.0.1:80 . 1:1(0) ack 6",
    "0.004000 ready 10:r",
    "0.004000 receive 10 = 13",
    "0.004000 receive 10 = EAGAIN",
    "0.004000 > 10.0.1.7:40000 10.0.0.1:80 P. 1:14(13) ack 6",
    "0.005000 ready 3:r",
    "0.005000 < 10.0.1.7:40000 10.0.0.1:80 . 6:6(0) ack 14",
    "0.006000 ready 3:r",
    "0.006000 < 10.0.1.7:40000 10.0.0.1:80 F. 6:6(0) ack 14",
    "0.006000 shutdown 10 = 0",
    "0.007000 ready 10:r",
    "0.007000 receive 10 = 0",
    "0.007000 > 10.0.1.7:40000 10.0.0.1:80 F. 14:14(0) ack 7",
    "0.008000 ready 3:r",
    "0.008000 < 10.0.1.7:40000 10.0.0.1:80 . 7:7(0) ack 15",
    "0.008000 close 10",
    "0.008000 INFO close id=1 client=10.0.1.7:40000 local=10.0.0.1:80 " +
    'upstream=127.0.0.1:8080 up=5 down=13 ms=7 reason="closed"',
    "0.008000 is asked to end",
    "0.009000 INFO drain open=0 seconds=30",
    "0.009000 ends, drained",
  ]);
});

Deno.test("URG-03: replay: urgent bytes are recorded and replayed, both ways", () => {
  const run = new RecordedRun({ px_relay_urgent: 1 });
  run.connect();
  run.urge("now!");
  run.answer("at once!", 7);
  run.finish();
  const bytes = run.recording();
  assertEquals(replay(bytes, null).difference, null);
  const lines = traceOf(bytes).filter((line) => /urg|send|mark|receive/.test(line));
  assertEquals(lines, [
    "0.003000 < 10.0.1.7:40000 10.0.0.1:80 PU. 1:5(4) ack 1 urg 4",
    "0.003000 send 10, 3 bytes = 3",
    "0.003000 send urgent 10, 1 bytes = 1",
    "0.004000 at mark 10 = 0",
    "0.004000 receive 10 = 7",
    "0.004000 at mark 10 = 1",
    "0.004000 receive 10 = 1",
    "0.004000 at mark 10 = 0",
    "0.004000 receive 10 = EAGAIN",
    "0.004000 > 10.0.1.7:40000 10.0.0.1:80 PU. 1:9(8) ack 5 urg 8",
    "0.007000 at mark 10 = 0",
    "0.007000 receive 10 = 0",
  ]);
});

Deno.test("replay: the verdict counts what was replayed, to the end of the run", () => {
  const { difference, end, framesIn, framesOut, calls, milliseconds } = replay(
    new RecordedRun().wholeRun(),
    null,
  );
  assertEquals([difference, end], [null, "ended"]);
  assertEquals([framesIn, framesOut, calls], [6, 4, 9]);
  assert(Math.abs(milliseconds - 9) < 1e-6);
});

Deno.test("replay: every byte that the program has given is compared", () => {
  const bytes = new RecordedRun().wholeRun();
  const kinds = [Kind.FrameOut, Kind.Send, Kind.SendGather, Kind.Receive, Kind.Dial, Kind.Watch];
  let count = 0;
  for (const kind of [...kinds, Kind.SetKeepalive, Kind.ShutdownWrite, Kind.Close, Kind.Ending]) {
    for (const { at, askedAt, askedLength } of placesOf(bytes, kind)) {
      for (let i = 0; i < askedLength; i++) {
        const { difference } = replay(changed(bytes, askedAt + i), null);
        assertEquals(difference?.at, at);
        assert(difference!.recorded !== difference!.replayed);
        count++;
      }
    }
  }
  assert(count > 300, `${count} bytes`);
});

Deno.test("replay: another engine differs where it does something else first", () => {
  const bytes = new RecordedRun().wholeRun();
  const { difference } = replay(
    withSetup(bytes, '"ip_default_ttl":64', '"ip_default_ttl":63'),
    null,
  );
  const [synAck] = placesOf(bytes, Kind.FrameOut);
  assertEquals([difference?.at, difference?.turn], [synAck.at, 1]);
  // The same segment to the eye: then the bytes are told, too.
  assertMatch(
    difference!.recorded,
    /^> 10\.0\.1\.7:40000 10\.0\.0\.1:80 S\. .*, in bytes [0-9a-f]+$/,
  );
  assertMatch(
    difference!.replayed,
    /^> 10\.0\.1\.7:40000 10\.0\.0\.1:80 S\. .*, in bytes [0-9a-f]+$/,
  );
});

Deno.test("replay: what is done too much, or left undone, is a difference", () => {
  const bytes = new RecordedRun().wholeRun();
  const undone = replay(
    withSetup(bytes, "upstream=127.0.0.1:8080", "upstream=127.0.0.1:8081"),
    null,
  );
  assertEquals(undone.difference?.recorded, "dial 127.0.0.1:8080");
  assertEquals(undone.difference?.replayed, "dial 127.0.0.1:8081");
  // Nobody is at port 80 any more: a reset leaves at once, and not when all frames are read.
  const refused = replay(withSetup(bytes, "listen=10.0.0.1:80", "listen=10.0.0.1:81"), null);
  assertEquals(refused.difference?.recorded, "reads a frame");
  assertMatch(refused.difference!.replayed, / R\. /);
  // Without keep-alive the socket is watched at once.
  const unprobed = withSetup(bytes, '"px_keepalive_upstream":1', '"px_keepalive_upstream":0');
  const { difference } = replay(unprobed, null);
  assertEquals(difference?.recorded, "keepalive 10 7200/75/9");
  assertEquals(difference?.replayed, "watch 10");
});

Deno.test("replay: a frame too many, or one too few, is a difference where the turn is over", () => {
  const bytes = new RecordedRun().wholeRun();
  const [{ at, end }] = placesOf(bytes, Kind.FrameOut); // the SYN-ACK, last in its turn
  const cut = (...parts: [number, number][]) =>
    concat(...parts.map(([from, to]) => bytes.subarray(from, to))) as Bytes;
  const less = replay(cut([0, at], [end, bytes.length]), null).difference!;
  assertEquals([less.at, less.turn, less.recorded], [at, 1, "nothing more in this turn"]);
  assertMatch(less.replayed, /^> .* S\. /);
  const more = replay(cut([0, end], [at, bytes.length]), null).difference!;
  assertEquals([more.at, more.turn, more.replayed], [end, 1, "nothing more in this turn"]);
  assertMatch(more.recorded, /^> .* S\. /);
});

Deno.test("replay: a recording that breaks off is replayed up to there", () => {
  const bytes = new RecordedRun().wholeRun();
  const [first] = placesOf(bytes, Kind.Entropy);
  const next = randomWords(5);
  for (let i = 0; i < PLACES; i++) {
    const length = first.at + (next() >>> 0) % (bytes.length - first.at);
    const { difference, end } = replay(bytes.subarray(0, length), null);
    assertEquals([difference, end], [null, "cut"], `${length} of ${bytes.length} bytes`);
  }
});

Deno.test("replay: one that reached its limit says so", () => {
  const limit = new RecordedRun().wholeRun().length - 500;
  const bytes = new RecordedRun({}, limit).wholeRun();
  assert(bytes.length <= limit);
  const { difference, end, turns } = replay(bytes, null);
  assertEquals([difference, end], [null, "full"]);
  assert(turns > 0);
});

Deno.test("replay: a device that is gone ends it as it ended the run", () => {
  const run = new RecordedRun();
  run.connect();
  run.link.end = -EBADFD;
  run.poller.report(run.link.descriptor, 1);
  run.driver.turn(run.poller.poll(), run.now + 1);
  const trace = traceOf(run.recording());
  assertEquals(trace.slice(-2).map((line) => line.slice(9)), [
    "ERROR device-gone name=test0 cause=EBADFD",
    "ends, device-gone (EBADFD)",
  ]);
  assertEquals(replay(run.recording(), null).end, "ended");
});

Deno.test("replay: stop ends it as it ended the run", () => {
  const run = new RecordedRun();
  run.connect();
  run.driver.stop();
  run.driver.turn(0, run.now + 1);
  const bytes = run.recording();
  assertEquals([replay(bytes, null).difference, replay(bytes, null).end], [null, "ended"]);
  assert(traceOf(bytes).some((line) => line.endsWith("is asked to end at once")));
});

Deno.test("replay: a bug that ended the run is met again", () => {
  const run = new RecordedRun();
  run.link.onWrite = () => {
    throw new Error("checksum left to a device that completes none");
  };
  const thrown = assertThrows(() => run.connect(), Error, "checksum left");
  run.recorder.failed(thrown);
  const bytes = run.recording();
  const { difference, end } = replay(bytes, null);
  assertEquals([difference, end], [null, "ended"]);
  assertMatch(traceOf(bytes).at(-1)!, /fails: checksum left to a device that completes none$/);
  const [{ askedAt }] = placesOf(bytes, Kind.Failure);
  assertMatch(replay(changed(bytes, askedAt), null).difference!.replayed, /^fails: checksum left/);
});

Deno.test("replay: a bug of one pair ends that pair again", () => {
  const run = new RecordedRun();
  run.poller.watch = () => {
    throw new Error("Cannot watch descriptor 10");
  };
  run.connect();
  const bytes = run.recording();
  assertEquals(replay(bytes, null).difference, null);
  const trace = traceOf(bytes).join("\n");
  assertMatch(trace, /watch 10 throws Cannot watch descriptor 10\n.*ERROR failed id=1/);
});

Deno.test("replay: what is no recording, or has no whole set-up, is refused", () => {
  const bytes = new RecordedRun().wholeRun();
  const refusal = (bytes: Bytes) => assertThrows(() => replay(bytes, null), RecordingError).message;
  assertMatch(refusal(bytes.subarray(0, 100)), /ends before the program began/);
  assertMatch(
    refusal(withSetup(bytes, '"ip_default_ttl"', '"ip_default_tt1"')),
    /no tunable ip_def/,
  );
  assertMatch(refusal(withSetup(bytes, '"mtu":1500', '"mtu"!1500')), /set-up cannot be used/);
  const [{ at }] = placesOf(bytes, Kind.FrameOut);
  const damaged = bytes.slice();
  damaged[at] = 99;
  assertMatch(refusal(damaged), new RegExp(`damaged at byte ${at}`));
});
