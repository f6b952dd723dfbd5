/** Registers system tests: one for each variant, ignored where the machine lacks what they need. */

import { findMeans, hasCommand, type Means } from "./requirements.ts";
import { Scene } from "./scene.ts";
import { type Variant, VARIANTS } from "./variants.ts";
import { within } from "./wait.ts";

const TEST_MS = 120_000;

const means = findMeans();

/**
 * A test in a scene of its own, over all variants. `needs` names commands beyond
 * Deno, `flags` are Tapster's; it fails after so many milliseconds.
 */
export function systemTest(
  name: string,
  body: (scene: Scene) => Promise<void>,
  {
    variants = VARIANTS,
    needs = [] as string[],
    flags = [] as string[],
    milliseconds = TEST_MS,
  } = {},
): void {
  for (const variant of variants) {
    const allNeeds = variant.link !== null ? [...needs, "ip"] : needs;
    register(
      `${name} (${variant.name})`,
      allNeeds,
      (means) => runInScene(means, variant, flags, body),
      milliseconds,
    );
  }
}

/** A test that arranges everything itself. */
export function systemTestWithoutScene(
  name: string,
  body: (means: Means) => Promise<void>,
  { needs = [] as string[] } = {},
): void {
  register(name, needs, body);
}

function register(
  name: string,
  needs: string[],
  body: (means: Means) => Promise<void>,
  milliseconds: number = TEST_MS,
): void {
  const missing = typeof means === "string" ? means : missingCommand(needs);
  Deno.test({
    name: missing === null ? name : `${name} (ignored: ${missing})`,
    ignore: missing !== null,
    fn: () => within(milliseconds, () => "the test's end", body(means as Means)),
  });
}

function missingCommand(needs: string[]): string | null {
  const command = needs.find((command) => !hasCommand(command));
  return command === undefined ? null : `needs ${command}`;
}

async function runInScene(
  means: Means,
  variant: Variant,
  flags: string[],
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using scene = await Scene.open(means, variant, flags);
  await body(scene);
  await scene.finish();
}
