/** How scripts reach each synchronized state but TIME-WAIT. */

/** A script which ends in a state, and RCV.NXT there. */
export interface StateScript {
  readonly script: string;
  readonly rcvNxt: number;
}

const FIN_WAIT_1 = `
  EST
  shutdown
  +0 > F. 1:1(0) ack 1
`;

const CLOSE_WAIT = `
  EST
  +0 < F. 1:1(0) ack 1
  +0 > . 1:1(0) ack 2
`;

/** By the RFC's name, with `_`. */
export const IN_STATE: Readonly<Record<string, StateScript>> = {
  ESTABLISHED: { script: "EST", rcvNxt: 1 },
  FIN_WAIT_1: { script: FIN_WAIT_1, rcvNxt: 1 },
  FIN_WAIT_2: { script: `${FIN_WAIT_1}\n+0 < . 1:1(0) ack 2`, rcvNxt: 1 },
  CLOSE_WAIT: { script: CLOSE_WAIT, rcvNxt: 2 },
  CLOSING: {
    script: `${FIN_WAIT_1}\n+0 < F. 1:1(0) ack 1\n+0 > . 2:2(0) ack 2`,
    rcvNxt: 2,
  },
  LAST_ACK: { script: `${CLOSE_WAIT}\nshutdown\n+0 > F. 1:1(0) ack 2`, rcvNxt: 2 },
};
