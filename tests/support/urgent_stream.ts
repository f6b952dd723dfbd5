/** UrgentStream: text with urgent bytes in it, through a socket of the kernel. */

import { assert } from "@std/assert";
import { EAGAIN, errnoName } from "../../lib/host/errno.ts";
import type { KernelSockets } from "../../lib/host/sockets.ts";
import { Gather } from "../../lib/wire/gather.ts";
import type { Arena } from "../../lib/wire/memory.ts";
import { readText, writeText } from "./fake_sockets.ts";

/** Longer than any text of a test. */
const REGION = 4096;
const PATIENCE_MS = 10_000;

/** One end of a connection; each exclamation mark in its texts is the last of urgent data. */
export class UrgentStream {
  readonly #sockets: KernelSockets;
  readonly #arena: Arena;
  readonly #descriptor: number;
  readonly #region: number;

  /** `arena` is that of `sockets`, and gives 4 KiB. */
  constructor(sockets: KernelSockets, arena: Arena, descriptor: number) {
    this.#sockets = sockets;
    this.#arena = arena;
    this.#descriptor = descriptor;
    this.#region = arena.reserve(REGION, 8);
  }

  /** Sends all of `text`. */
  async send(text: string): Promise<void> {
    for (const part of text.split(/(!)/).filter((part) => part !== "")) {
      writeText(this.#arena, this.#region, part);
      const sent = await this.#when(() =>
        part === "!"
          ? this.#sockets.sendUrgent(this.#descriptor, this.#region)
          : this.#sockets.send(this.#descriptor, this.#region, part.length)
      );
      assert(sent === part.length, `${sent} of ${part.length} bytes were taken`);
    }
  }

  /** Receives `length` bytes; those at a mark stand in brackets. */
  async receive(length: number): Promise<string> {
    let text = "";
    for (let left = length; left > 0;) {
      let isAtMark = false;
      const count = await this.#when(() => {
        isAtMark = this.#sockets.isAtMark(this.#descriptor);
        const room = new Gather();
        room.add(this.#region, isAtMark ? 1 : left);
        return this.#sockets.receive(this.#descriptor, room);
      });
      assert(count > 0, `the stream ended behind ${text}`);
      const part = readText(this.#arena, this.#region, count);
      text += isAtMark ? `[${part}]` : part;
      left -= count;
    }
    return text;
  }

  close(): void {
    this.#sockets.close(this.#descriptor);
  }

  /** What `call` answers when it need not wait any more. */
  async #when(call: () => number): Promise<number> {
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
      const result = call();
      if (result >= 0) return result;
      assert(result === -EAGAIN, errnoName(-result));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`Nothing happened for ${PATIENCE_MS} ms`);
  }
}
