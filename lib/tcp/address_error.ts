/** AddressError: an address or a port that cannot be had. RFC 9293 §3.9.1. */

/** What POSIX calls the reason; also what a user's interface shows. */
export type AddressErrorCode = "EADDRINUSE" | "EADDRNOTAVAIL" | "ENETUNREACH" | "EISCONN";

/** A call which asked for an address, a port or a tuple in vain; nothing was changed or sent. */
export class AddressError extends RangeError {
  override readonly name = "AddressError";
  readonly code: AddressErrorCode;

  constructor(code: AddressErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
