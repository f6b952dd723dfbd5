import { assertEquals } from "@std/assert";
import { ScriptRun } from "../support/script_run.ts";

/** A run on a clock of whole milliseconds, in which a frame may not be late by one of them. */
function exactRun(script: string, tunables = {}): ScriptRun {
  const t = new ScriptRun("bare", { startMs: 5000, toleranceMs: 0.4, tunables });
  t.run(script);
  return t;
}

Deno.test("timeouts: a keep-alive probe that the device refused is tried again after 10 ms", () => {
  const t = exactRun("EST");
  t.connection.setKeepalive({ time: 1 });
  t.fixture.sink.isFull = true;
  t.advance(1000);
  t.fixture.sink.isFull = false;
  t.none(0.009);
  t.expect(". 0:0(0) ack 1", 1);
  assertEquals(t.growth("TCPKeepAlive"), 1);
});

Deno.test("timeouts: an end of resetWhenDrained sends nothing again in the same moment", () => {
  const t = exactRun(`
    EST rtt .1
    write 10
    +0 > P. 1:11(10) ack 1
  `);
  t.connection.resetWhenDrained(t.now + 300);
  t.run(`
    +.3 > R. 11:11(0) ack 1
    cnt:TCPTimeouts=0
  `);
});

Deno.test("timeouts: RFC 9293 §3.8.3, R2 ends a connection in the millisecond it is reached", () => {
  const t = exactRun("EST", { tcp_retries2: 3 });
  t.connection.rtoMs = 200;
  t.run(`
    write 10
    +0  > P. 1:11(10) ack 1
    +.2 > P. 1:11(10) ack 1
    +.4 > P. 1:11(10) ack 1
    +.8 > P. 1:11(10) ack 1
    none(1.599)
    state ESTABLISHED
    +.001 state CLOSED
    none(100)
  `);
});

Deno.test("timeouts: an orphan's second look for the peer's FIN does not begin the wait anew", () => {
  const t = exactRun(`
    EST
    close
    +0  > F. 1:1(0) ack 1
    +0  < . 1:1(0) ack 2
    +30 < . 0:0(0) ack 2
    +0  > . 2:2(0) ack 1
    +29.999 state FIN_WAIT_2
    +.001 state CLOSED
  `);
  t.none(100);
});
