import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { FixtureOptions } from "./fixture.ts";
import { runTest, type TestBody } from "./script.ts";
import { ScriptSyntaxError } from "./script_parser.ts";
import { ScriptFailure, ScriptRun } from "./script_run.ts";

/** The message with which a test fails. */
function failureOf(body: TestBody, options: FixtureOptions = {}): string {
  return assertThrows(() => runTest(body, "bare", options), ScriptFailure).message;
}

Deno.test("runner: a script that is met passes on both links", () => {
  const script = `
    0   < S 0:0(0) win 65535 <mss 1460>
    +0  > S. 0:0(0) ack 1 <mss 1460>
    +.1 < . 1:1(0) ack 1
        accept
    +0  < P. 1:6(5) ack 1 "hello"
    +0  > . 1:1(0) ack 6
        read "hello"
        write 3000
    +0  > P. 1:3001(3000/1460) ack 6
    none(.1)
  `;
  runTest(script, "bare");
  runTest(script, "offload");
});

Deno.test("runner: a mismatch shows the line, the difference and the marked trace", () => {
  const message = failureOf(`
    0  < S 0:0(0) win 65535 <mss 1460>
    +0 > S. 0:0(0) ack 2 <mss 1460>
  `);
  assertEquals(
    message,
    `This differs in acknowledgment number (bare link)
    line 3: +0 > S. 0:0(0) ack 2 <mss 1460>

       0.000 < S 0:0(0) win 65535 <mss 1460>
-->    0.000 > S. 0:0(0) ack 1 win 65535 <mss 1460>    // This differs in acknowledgment number
`,
  );
});

Deno.test("runner: a frame that no line expects fails, at once or at the end", () => {
  const early = failureOf(`
    0  < S 0:0(0) win 65535 <mss 1460>
    +1 < . 1:1(0) ack 1
    none(1)
  `);
  assertStringIncludes(early, "no line expects it");
  assertMatch(early, /-->\s+0.000 > S. 0:0\(0\) ack 1/);
  const late = failureOf(`
    state LISTEN
    0  < S 0:0(0) win 65535 <mss 1460>
  `);
  assertStringIncludes(late, "the end");
});

Deno.test("runner: a frame that does not come fails, and so does one that is early or late", () => {
  const script = (time: string) => `
    SR
    ${time} > S. 0:0(0) ack 1 <mss 1460>
  `;
  assertStringIncludes(failureOf(script("+.5")), "The product sent nothing");
  assertStringIncludes(failureOf(script("+1.5")), "This is too early");
  assertStringIncludes(failureOf(script("+1.011")), "This is too early");
  for (const time of ["+1", "+1.009", ".992", "+.5~1.5", "*"]) runTest(script(time), "bare");
  runTest(script("+1.25"), "bare", { toleranceMs: 300 });
});

Deno.test("runner: none(N) fails on any frame", () => {
  const message = failureOf("SR\nnone(2)");
  assertStringIncludes(message, "no frame was expected");
  assertMatch(message, /-->\s+(1.000|0.999) > S\./);
});

Deno.test("runner: states, counters, queues and signals are compared", () => {
  assertStringIncludes(failureOf("EST\nstate CLOSED"), "state is ESTABLISHED, not CLOSED");
  assertStringIncludes(failureOf("cnt:TCPListenRst"), "TCPListenRst is 0, not 1");
  assertStringIncludes(failureOf("cnt:NoSuch"), "There is no counter NoSuch");
  assertStringIncludes(failureOf("SR\nsynQueue 2"), "synQueue is 1, not 2");
  assertStringIncludes(failureOf("EST\napp: Reset"), "The signals were none");
  runTest("cnt:TCPListenRst=0\n0 < R 0:0(0)\ncnt:TCPListenRst\ncnt:TCPListenRst=0", "bare");
});

Deno.test("runner: what the application does wrong, or finds wrong, fails", () => {
  const withData = (line: string) => `
    EST
    0  < P. 1:6(5) ack 1 "hello"
    +0 > . 1:1(0) ack 6
    ${line}
  `;
  assertStringIncludes(failureOf(withData('read "hello!"')), "Only 5 of 6 bytes");
  assertStringIncludes(failureOf(withData('read "hallo"')), "Byte 2 is 101, not 97");
  assertStringIncludes(failureOf(withData("readable 4")), "Expected readable bytes: 4, not 5");
  assertStringIncludes(failureOf(withData("eof")), "not 5");
  assertStringIncludes(failureOf(withData("accept")), "nothing to accept");
  assertStringIncludes(failureOf("none(0)\nread 1"), "not accepted");
});

Deno.test("runner: the pieces of a run are measured", () => {
  const write = (line: string) => `EST\nwrite 3000\n${line}`;
  runTest(write("+0 > P. 1:3001(3000) ack 1"), "offload");
  runTest(write("+0 > P. 1:3001(3000/1460) ack 1"), "offload");
  runTest(write("+0 > . 1:2921(2920/1460) ack 1\n+0 > P. 2921:3001(80) ack 1"), "offload");
  const message = failureOf(write("+0 > P. 1:3001(3000/1000) ack 1"));
  assertStringIncludes(message, "flags, length");
});

Deno.test("runner: a second flow has numbers of its own", () => {
  const script = `
    peer b 10.0.0.3:5000
    EST
    +0 <b S 0:0(0) win 65535 <mss 1460>
    +0 >b S. 0:0(0) ack 1 <mss 1460>
    +0 <b P. 1:2(1) ack 1
    +0 >b . 1:1(0) ack 2
    accept b
    read b 1
  `;
  runTest(script, "bare");
  const message = failureOf(script.replace(">b . 1:1", "> . 1:1"));
  assertStringIncludes(message, "This belongs to another flow");
});

Deno.test("runner: lines of one batch are seen by the engine together", () => {
  const script = (time: string) => `
    EST
    +0 < P. 1:11(10) ack 1
    ${time} < P. 11:21(10) ack 1
    +0 > . 1:1(0) ack 21
  `;
  runTest(script("&"), "bare");
  assertStringIncludes(failureOf(script("+0")), "acknowledgment number");
});

Deno.test("runner: a test that checks nothing is rejected", () => {
  assertThrows(() => runTest("0 < S 0:0(0)", "bare"), ScriptSyntaxError, "checks nothing");
  assertStringIncludes(failureOf((t) => t.advance(1)), "The test checks nothing");
  // What a fixture expects is no check of the test's.
  assertThrows(() => runTest("EST\nwrite 10", "bare"), ScriptSyntaxError, "checks nothing");
  assertStringIncludes(failureOf((t) => t.run("EST+TS")), "The test checks nothing");
  assertStringIncludes(failureOf((t) => t.run("SR\n+.1 < R 1:1(0)")), "The test checks nothing");
  runTest((t) => t.none(1), "bare");
});

Deno.test("runner: a function injects, expects and looks", () => {
  runTest((t: ScriptRun) => {
    t.inject("S 0:0(0) win 1000 <mss 1460>");
    const synAck = t.expect("S. 0:0(0) ack 1 <...>");
    assertEquals(synAck.options, [{ name: "mss", value: 1460 }]);
    assertEquals(t.next(1500)?.seq, synAck.seq);
    assertEquals(t.next(), null);
    t.inject({ ...t.packet(". 1:1(0) ack 1"), window: 77 });
    t.calls.accept(t.flow);
    assertEquals(t.connection.sndWnd, 77);
    assertEquals(t.growth("InSegs"), 2);
  }, "bare");
});

Deno.test("runner: a long wait takes no time", () => {
  const began = performance.now();
  runTest("EST\nnone(7000)", "bare");
  assertEquals(performance.now() - began < 1000, true);
});

Deno.test("runner: the same script gives the same frames", () => {
  const trace = () => {
    const run = new ScriptRun("offload");
    run.run("EST+TS+SACK+WS7\nwrite 10000\n* > P. 1:10001(10000) ack 1 <...>");
    return run.trace.format() + run.flow.productIsn;
  };
  assertEquals(trace(), trace());
});
