/** Phase: what a connection does about loss. RFC 6675 §5; Linux: TCP_CA_Open and so on. */

/** The phases, in the order of how bad it is. */
export const Phase = {
  /** Nothing is known to be lost. */
  Open: 0,
  /** Fast recovery: acknowledgments told of a loss. RFC 6675 §5. */
  Recovery: 1,
  /** The retransmission timer expired. RFC 6298 §5.5. */
  Loss: 2,
} as const;
/** See the constants of the same name. */
export type Phase = (typeof Phase)[keyof typeof Phase];
