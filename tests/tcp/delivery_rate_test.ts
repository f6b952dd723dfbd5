import { assertEquals } from "@std/assert";
import { DeliveryRate } from "../../lib/tcp/delivery_rate.ts";

/** Where the clock of µs begins: it is soon over its wrap of 2^31, or of 2^32. */
const EPOCHS = [0, -3000, 0x7fffffff - 3000];

/** What the last acknowledgment told: rate, delivered since and before, lost since, in flight then, limited? */
function sampleOf(rs: DeliveryRate): [number, number, number, number, number, boolean] | null {
  if (!rs.hasSample) return null;
  const { rate, deliveredSince, deliveredBefore, lostSince, inFlightThen, wasLimited } = rs;
  return [rate, deliveredSince, deliveredBefore, lostSince, inFlightThen, wasLimited];
}

for (const epoch of EPOCHS) {
  const at = (us: number) => (epoch + us) | 0;

  Deno.test(`delivery rate: draft-ietf-ccwg-bbr §4.1.1.2, from ${epoch} µs on it is the ACK rate where that is the lower`, () => {
    const rs = new DeliveryRate();
    rs.sent(1000, 0, at(0));
    rs.sent(1000, 1000, at(500));
    rs.acknowledged(1000, at(0), 0, at(4000));
    // From the departure, for nothing had been in flight.
    assertEquals(sampleOf(rs), [250, 1000, 0, 0, 1000, false]);
    rs.sent(1000, 1000, at(4100));
    rs.acknowledged(1000, at(500), 0, at(5000));
    assertEquals(sampleOf(rs), [400, 2000, 0, 0, 2000, false]);
    // From the acknowledgment before it left, at 4000, not from its departure.
    rs.acknowledged(1000, at(4100), 0, at(9000));
    assertEquals(sampleOf(rs), [400, 2000, 1000, 0, 2000, false]);
    assertEquals([rs.delivered, rs.lost], [3000, 0]);
  });

  Deno.test(`delivery rate: draft-ietf-ccwg-bbr §4.1.1.2, from ${epoch} µs on it is the send rate where acknowledgments come in a crowd`, () => {
    const rs = new DeliveryRate();
    rs.sent(1000, 0, at(0));
    rs.sent(1000, 1000, at(3000));
    rs.acknowledged(1000, at(0), 0, at(4000));
    rs.sent(1000, 1000, at(6000));
    rs.acknowledged(1000, at(3000), 0, at(6900));
    rs.sent(1000, 1000, at(7000));
    rs.acknowledged(2000, at(7000), 0, at(7400));
    // Delivered in half a millisecond since 6900, but what left at 3000 was delivered before: it took 4 to leave.
    assertEquals(sampleOf(rs), [500, 2000, 2000, 0, 2000, false]);
  });

  Deno.test(`delivery rate: from ${epoch} µs on what left before others are in flight is forgotten, and gives no sample`, () => {
    const rs = new DeliveryRate();
    for (const us of [0, 1000, 2000, 3000]) rs.sent(1000, us, at(us));
    rs.forgetBefore(at(2000));
    rs.forgetBefore(at(1000)); // nothing more
    const known = [0, 1000, 2000, 3000].map((us) => {
      rs.acknowledged(1000, at(us), 0, at(4000));
      return rs.hasSample;
    });
    assertEquals(known, [false, false, true, true]);
    assertEquals([rs.lossOf(at(1000)), rs.lossOf(at(3000)), rs.lossOf(at(3001))], [
      false,
      true,
      false,
    ]);
    rs.forgetBefore(at(3001));
    assertEquals(rs.lossOf(at(3000)), false);
    rs.sent(1000, 1000, at(3000));
    assertEquals(rs.lossOf(at(3000)), true);
    rs.forgetAll();
    assertEquals(rs.lossOf(at(3000)), false);
    rs.forgetBefore(at(9999)); // there is none
    rs.sent(1000, 1000, at(9999));
    assertEquals(rs.lossOf(at(9999)), true);
  });
}

Deno.test("delivery rate: what left in one microsecond is one departure, as large as all of it", () => {
  const rs = new DeliveryRate();
  rs.sent(1000, 0, 5000);
  rs.sent(1000, 1000, 5000);
  rs.sent(500, 2000, 5000);
  rs.acknowledged(1000, 5000, 0, 6000);
  assertEquals(sampleOf(rs), [1000, 1000, 0, 0, 2500, false]);
  rs.sent(1000, 1500, 6000);
  rs.limit(2500);
  rs.sent(1000, 2500, 6000);
  rs.acknowledged(1500, 5000, 0, 6500);
  assertEquals(sampleOf(rs), [2500 / 1.5, 2500, 0, 0, 2500, false]);
  rs.acknowledged(1000, 6000, 0, 7000);
  assertEquals(sampleOf(rs), [2500, 2500, 1000, 0, 3500, true]);
});

Deno.test("delivery rate: draft-ietf-ccwg-bbr §4.1.2.3, an interval of less than the least round trip tells no rate", () => {
  const rateOf = (minRttUs: number, nowUs: number) => {
    const rs = new DeliveryRate();
    rs.sent(1000, 0, 0);
    rs.acknowledged(1000, 0, minRttUs, nowUs);
    assertEquals([rs.hasSample, rs.deliveredSince], [true, 1000]);
    return rs.rate;
  };
  assertEquals([2001, 2000].map((minRttUs) => rateOf(minRttUs, 2000)), [0, 500]);
  assertEquals([rateOf(0, 0), rateOf(0, 1)], [0, 1_000_000]);
});

Deno.test("delivery rate: a departure nobody knows gives no sample, but what was delivered counts", () => {
  const rs = new DeliveryRate();
  assertEquals(rs.hasSample, false);
  rs.hasSample = true;
  assertEquals(sampleOf(rs), [0, 0, 0, 0, 0, false]);
  rs.acknowledged(700, 0, 0, 0);
  assertEquals([rs.hasSample, rs.delivered], [false, 700]);
  rs.sent(1000, 0, 5000);
  rs.acknowledged(1000, 5000, 0, 6000);
  assertEquals(sampleOf(rs), [1000, 1000, 700, 0, 1000, false]);
  for (const sentAt of [4999, 5001]) {
    rs.acknowledged(100, sentAt, 0, 7000);
    assertEquals([rs.hasSample, rs.rate], [false, 0]);
  }
  assertEquals([rs.delivered, rs.lossOf(4999)], [1900, false]);
});

Deno.test("delivery rate: draft-ietf-ccwg-bbr §4.1.2.2, an interval begins with the flight, however long the silence before it", () => {
  const rs = new DeliveryRate();
  rs.sent(1000, 0, 0);
  rs.acknowledged(1000, 0, 0, 1000);
  rs.sent(1000, 0, 900_000);
  rs.sent(1000, 1000, 900_500);
  rs.acknowledged(2000, 900_500, 0, 901_000);
  assertEquals(sampleOf(rs), [2000, 2000, 1000, 0, 2000, false]);
});

Deno.test("delivery rate: draft-ietf-ccwg-bbr §4.1.1.3, samples are limited from when there is too little until that is delivered", () => {
  const rs = new DeliveryRate();
  assertEquals(rs.isLimited, false);
  rs.sent(1000, 0, 0);
  rs.limit(1000);
  assertEquals(rs.isLimited, true);
  rs.sent(1000, 1000, 100);
  const limited = [[1000, 0, 1000], [1000, 100, 1100]].map(([bytes, sentAt, nowUs]) => {
    if (bytes === 1000 && sentAt === 100) rs.sent(1000, 1000, 1050);
    rs.acknowledged(bytes, sentAt, 0, nowUs);
    return [rs.wasLimited, rs.isLimited];
  });
  // All that was in flight then is delivered, but it takes a byte more to be over.
  assertEquals(limited, [[false, true], [true, false]]);
  rs.sent(1000, 1000, 1200);
  rs.acknowledged(1000, 1050, 0, 2050);
  assertEquals(rs.wasLimited, true);
  rs.acknowledged(1000, 1200, 0, 2200);
  assertEquals(sampleOf(rs), [2000 / 1.1, 2000, 2000, 0, 2000, false]);
});

Deno.test("delivery rate: draft-ietf-ccwg-bbr §4.1.2.4, who has sent nothing yet is limited until a second byte is delivered", () => {
  const rs = new DeliveryRate();
  rs.limit(0);
  rs.sent(2, 0, 0);
  rs.acknowledged(1, 0, 0, 1000);
  assertEquals([rs.isLimited, rs.wasLimited, rs.inFlightThen], [true, true, 2]);
  rs.acknowledged(1, 0, 0, 1000);
  assertEquals([rs.isLimited, rs.wasLimited], [false, true]);
});

Deno.test("delivery rate: draft-ietf-ccwg-bbr §5.5.10.2, loss is counted from when the bytes left that it is about", () => {
  const rs = new DeliveryRate();
  rs.sent(1000, 0, 0);
  rs.lost += 300;
  rs.limit(1000);
  rs.sent(2000, 1000, 100);
  rs.lost += 40;
  assertEquals([rs.lossOf(0), rs.lostSince, rs.inFlightThen, rs.wasLimited], [
    true,
    340,
    1000,
    false,
  ]);
  assertEquals([rs.lossOf(100), rs.lostSince, rs.inFlightThen, rs.wasLimited], [
    true,
    40,
    3000,
    true,
  ]);
  assertEquals([rs.lossOf(50), rs.lostSince, rs.inFlightThen], [false, 40, 3000]);
  rs.acknowledged(1000, 0, 0, 1000);
  assertEquals(sampleOf(rs), [1000, 1000, 0, 340, 1000, false]);
});

Deno.test("delivery rate: volumes beyond 2^31 and 2^32 bytes are what they are", () => {
  for (const beyond of [2 ** 31, 2 ** 32, 3 * 2 ** 32]) {
    const rs = new DeliveryRate();
    rs.delivered = beyond - 1500;
    rs.lost = beyond - 10;
    rs.sent(1000, 0, 0);
    rs.sent(1000, 1000, 500);
    rs.lost += 1000;
    rs.acknowledged(1000, 0, 0, 1000);
    rs.acknowledged(1000, 500, 0, 2000);
    assertEquals(sampleOf(rs), [1000, 2000, beyond - 1500, 1000, 2000, false]);
    assertEquals(rs.delivered, beyond + 500);
    rs.limit(0);
    assertEquals(rs.isLimited, true);
    rs.sent(1, 0, 3000);
    rs.acknowledged(1, 3000, 0, 4000);
    assertEquals([rs.isLimited, rs.deliveredBefore], [false, beyond + 500]);
  }
});

Deno.test("delivery rate: 4096 departures are remembered, of more the oldest are not", () => {
  const rs = new DeliveryRate();
  const remembered = () => [0, 1, 2, 4095, 4096, 4097].map((us) => rs.lossOf(us));
  for (let us = 0; us < 4096; us++) rs.sent(1, us, us);
  assertEquals(remembered(), [true, true, true, true, false, false]);
  rs.sent(1, 4096, 4096);
  assertEquals(remembered(), [false, true, true, true, true, false]);
  rs.sent(1, 4097, 4097);
  rs.sent(1, 4098, 4097); // the same again
  assertEquals(remembered(), [false, false, true, true, true, true]);
});
