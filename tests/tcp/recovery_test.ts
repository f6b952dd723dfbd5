import { assertEquals } from "@std/assert";
import { Recovery } from "../../lib/tcp/recovery.ts";

Deno.test("recovery: RFC 3708 §2, what the peer had twice is counted against what was sent again", () => {
  const recovery = new Recovery();
  recovery.undoFrom = 1000;
  recovery.reportedTwice(1000, 2000);
  assertEquals(recovery.undoBytes, -1);
  recovery.resent(2000, 77);
  recovery.resent(1000, 78);
  assertEquals([recovery.undoBytes, recovery.resentStamp], [3000, 77]);
  recovery.reportedTwice(0, 1000); // of an earlier time
  assertEquals(recovery.undoBytes, 3000);
  recovery.reportedTwice(1000, 3000);
  recovery.reportedTwice(3000, 9000);
  assertEquals(recovery.undoBytes, 0);
});
