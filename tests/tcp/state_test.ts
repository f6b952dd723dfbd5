import { assertEquals } from "@std/assert";
import { canQueue, canReceive, State, STATE_NAMES } from "../../lib/tcp/state.ts";

const STATES = Object.entries(State);

/** The RFC's names of the states which a predicate holds in. */
function statesWhere(predicate: (state: State) => boolean): string[] {
  return STATES.map(([, state]) => state).filter(predicate).map((state) => STATE_NAMES[state]);
}

Deno.test("state: RFC 9293 §3.3.2, eleven states, each with the RFC's name", () => {
  assertEquals(STATES.map(([, state]) => state), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

  assertEquals(
    STATES.map(([name]) => name.toLowerCase()),
    STATE_NAMES.map((name) => name.replaceAll("-", "").toLowerCase()),
  );
});

Deno.test("state: RFC 9293 §3.10.7.4, text is received until the peer's FIN", () => {
  assertEquals(statesWhere(canReceive), ["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"]);
});

Deno.test("state: RFC 9293 §3.10.2, the user may send until the close", () => {
  assertEquals(statesWhere(canQueue), ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT"]);
});
