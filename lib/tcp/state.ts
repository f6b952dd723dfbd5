/** The eleven states of a connection, their RFC names and predicates. RFC 9293 §3.3.2. */

/** A connection's state; the integers are in the order a passive connection may pass them. */
export const State = {
  Closed: 0,
  Listen: 1,
  SynSent: 2,
  SynReceived: 3,
  Established: 4,
  FinWait1: 5,
  FinWait2: 6,
  CloseWait: 7,
  Closing: 8,
  LastAck: 9,
  TimeWait: 10,
} as const;

/** See the constants of the same name. */
export type State = (typeof State)[keyof typeof State];

/** The RFC's spelling of each state, indexed by `State`. */
export const STATE_NAMES: readonly string[] = [
  "CLOSED",
  "LISTEN",
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
  "TIME-WAIT",
];

/** Whether text may still arrive: no FIN of the peer was taken. RFC 9293 §3.10.7.4, seventh. */
export function canReceive(state: State): boolean {
  return state === State.Established || state === State.FinWait1 || state === State.FinWait2;
}

/** Whether the user may still queue bytes. RFC 9293 §3.10.2. */
export function canQueue(state: State): boolean {
  return state === State.Established || state === State.CloseWait ||
    state === State.SynReceived || state === State.SynSent;
}
