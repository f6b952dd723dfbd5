/**
 * Tape: a recording that is being replayed. Whatever the program asks is held
 * against the next entry: the same, and the tape has the answer; something else,
 * and that is the difference. From then on it has no answers.
 */

import {
  type Entry,
  ENTRY_HEADER,
  type EntryReader,
  EntryWriter,
  Kind,
  PartReader,
  RecordingError,
} from "./recording.ts";
import { EntryText, type Question } from "./entry_text.ts";

/** Sees a replay go by. */
export interface ReplayViewer {
  /** One thing that happened, in a line. */
  line(text: string): void;
}

/** The first thing that was not as recorded. */
export interface Difference {
  /** Where in the file the recorded entry begins, in bytes. */
  readonly at: number;
  /** In which turn, from 1; 0: before the first one. */
  readonly turn: number;
  /** When, in milliseconds since the first turn. */
  readonly milliseconds: number;
  /** What was recorded, as a line of the trace. */
  readonly recorded: string;
  /** What the program did in its place. */
  readonly replayed: string;
}

/** A turn of the driver. */
interface Turn {
  readonly now: number;
  readonly events: readonly (readonly [descriptor: number, readiness: number])[];
}

/** What follows a turn, and is not a part of it. */
const BETWEEN_TURNS: readonly Kind[] = [Kind.Turn, Kind.Drain, Kind.Stop];
const NOTHING_MORE = "nothing more in this turn";
const EVENT_BYTES = 5;
/** What a writer holds at first. */
const SCRATCH_BYTES = 1 << 17;
/** The first of the calls on sockets; all from there on are. */
const FIRST_SOCKET_CALL = Kind.Dial;

/** Entries, one behind the other, until one is asked for otherwise. */
export class Tape {
  /** Where what the program asks is to be written, before `answer` is called. */
  readonly asked: EntryWriter = new EntryWriter(SCRATCH_BYTES);
  difference: Difference | null = null;
  /** What is wrong with the recording; null: nothing so far. */
  damage: RecordingError | null = null;
  /** Whether the recording was ended by its limit. */
  isFull = false;
  readonly #reader: EntryReader;
  readonly #viewer: ReplayViewer | null;
  readonly #text = new EntryText();
  readonly #counts: number[] = [];
  #next: Entry | null = null;
  #turns = 0;
  #beganAt = 0;
  #now = 0;

  /** `reader` stands behind the set-up. */
  constructor(reader: EntryReader, viewer: ReplayViewer | null) {
    this.#reader = reader;
    this.#viewer = viewer;
    this.#read();
  }

  /** From the first turn to the one that is played. */
  get milliseconds(): number {
    return this.#now - this.#beganAt;
  }

  /** Calls on sockets so far. */
  get calls(): number {
    return this.#counts.reduce(
      (sum, count, kind) => kind < FIRST_SOCKET_CALL ? sum : sum + count,
      0,
    );
  }

  /** How many entries of that kind were as recorded; those of frames that were not there do not count. */
  count(kind: Kind): number {
    return this.#counts[kind] ?? 0;
  }

  /** The kind of the next entry; null: there is none, or a difference. */
  nextKind(): Kind | null {
    return this.#next?.kind ?? null;
  }

  /** Leaves the next entry behind. */
  skip(): void {
    this.#show(this.#next!);
    this.#read();
  }

  /** The next entry, which is a turn. */
  takeTurn(): Turn {
    const entry = this.#next!;
    const part = new PartReader(entry.answered);
    this.#now = part.f64();
    if (this.#turns++ === 0) this.#beganAt = this.#now;
    const events: [number, number][] = [];
    while (part.left >= EVENT_BYTES) events.push([part.i32(), part.u8()]);
    this.#show(entry);
    this.#read();
    return { now: this.#now, events };
  }

  /**
   * What was answered to what the program asks, which stands in `asked`. Null:
   * the tape has no answer any more. Throws what the call threw.
   */
  answer(): PartReader | null {
    const entry = this.#next;
    const { asked } = this;
    asked.answer();
    asked.end();
    const bytes = asked.written();
    asked.clear();
    if (entry === null) return null;
    const question = { kind: bytes[0] as Kind, asked: bytes.subarray(ENTRY_HEADER) };
    if (question.kind !== entry.kind || !areEqual(question.asked, entry.asked)) {
      this.#differFrom(question);
      return null;
    }
    this.#show(entry);
    this.#count(entry);
    this.#read();
    if (entry.threw) throw new Error(new PartReader(entry.answered).text());
    return new PartReader(entry.answered);
  }

  /** The program's turn is over where more of it was recorded. */
  differAtEndOfTurn(): void {
    this.#differ(this.#text.of(this.#next!), NOTHING_MORE);
  }

  /** Shows a line that is no entry. */
  note(text: string): void {
    if (this.#next !== null) this.#write(text);
  }

  #differFrom(question: Question): void {
    const entry = this.#next!;
    const recorded = BETWEEN_TURNS.includes(entry.kind)
      ? NOTHING_MORE
      : this.#text.ofQuestion(entry);
    const replayed = this.#text.ofQuestion(question);
    if (recorded !== replayed) return this.#differ(recorded, replayed);
    this.#differ(recorded + EntryText.detail(entry), replayed + EntryText.detail(question));
  }

  #differ(recorded: string, replayed: string): void {
    const { milliseconds } = this;
    this.difference = { at: this.#next!.at, turn: this.#turns, milliseconds, recorded, replayed };
    this.#next = null;
  }

  #show(entry: Entry): void {
    if (this.#viewer === null) return;
    const text = this.#text.of(entry);
    if (text !== "") this.#write(text);
  }

  #write(text: string): void {
    this.#viewer?.line(`${(this.milliseconds / 1000).toFixed(6).padStart(12)}  ${text}`);
  }

  #count({ kind, answered }: Entry): void {
    if (kind === Kind.FrameIn && new PartReader(answered).i32() <= 0) return;
    this.#counts[kind] = this.count(kind) + 1;
  }

  #read(): void {
    try {
      this.#next = this.#reader.next();
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error;
      this.damage = error; // not thrown through the program, which might take it for its own
      this.#next = null;
    }
    if (this.#next?.kind !== Kind.Full) return;
    this.isFull = true;
    this.#next = null;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}
