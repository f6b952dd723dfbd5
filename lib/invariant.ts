/** Conditions whose failure is a bug in this program, never the network's or the user's doing. */

/** Thrown by `invariant`. The driver catches it at the edge of one connection or relay. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws `InvariantError` with `message` unless `condition` holds. Stays on in production. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
