/** The engine, segment by segment, with a sink that only counts. See README.md. */

import { formatCosts, measure } from "./measure.ts";
import { createOperations } from "./operations.ts";

/** Steps in one iteration of `deno bench`: its µs are ns of a step. */
const STEPS = 1000;

const operations = createOperations();
console.log(formatCosts(operations.map((operation) => [operation, measure(operation)])));

for (const { name, step } of operations) {
  Deno.bench(`${name} (×${STEPS})`, () => {
    for (let i = 0; i < STEPS; i++) step();
  });
}
