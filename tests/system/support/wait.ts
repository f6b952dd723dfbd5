/** Waiting with an end: system tests watch other processes, and none may hang. */

const POLL_INTERVAL_MS = 20;

/** Awaits `promise`. Throws, saying `what()`, when it has not settled after `milliseconds`. */
export async function within<T>(
  milliseconds: number,
  what: () => string,
  promise: Promise<T>,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Waited ${milliseconds} ms in vain for ${what()}`)),
    milliseconds,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until `holds` says true. Throws, naming `what`, after `milliseconds`. */
export async function eventually(
  milliseconds: number,
  what: string,
  holds: () => boolean,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!holds()) {
    if (performance.now() > end) {
      throw new Error(`Waited ${milliseconds} ms in vain until ${what}`);
    }
    await pause(POLL_INTERVAL_MS);
  }
}

/** Lets `milliseconds` go by. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
