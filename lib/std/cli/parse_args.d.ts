/** Types of cli/parse_args.js, which npm's package leaves out. */

/** One name or several. */
type Names<T extends string> = T | readonly T[];

/** The declared names `N` and the aliases `A` of them, in both directions. */
type WithAliases<N extends string, A> =
  | N
  | { [K in keyof A]: K extends N ? NameIn<A[K]> : never }[keyof A]
  | { [K in keyof A]: NameIn<A[K]> & N extends never ? never : K & string }[keyof A];

type NameIn<V> = V extends string ? V : V extends readonly (infer E extends string)[] ? E : never;

type Flags<B extends string, S extends string, C extends string, D> =
  & { [K in Exclude<B, C>]: boolean }
  & { [K in Exclude<S, C | "_">]: K extends keyof D ? string | D[K] : string | undefined }
  & { [K in C & S]: K extends keyof D ? string[] | D[K] : string[] }
  & { [K in C & Exclude<B, S>]: boolean[] }
  & { [K in Exclude<C, B | S>]: unknown[] }
  & { [K in Exclude<keyof D, B | S | C>]: unknown };

type Parsed<B extends string, S extends string, C extends string, D, A, DD> =
  & { [name: string]: unknown }
  & { _: "_" extends S ? string[] : (string | number)[] }
  & (DD extends true ? { "--": string[] } : unknown)
  & Flags<WithAliases<B, A>, WithAliases<S, A>, WithAliases<C, A>, D>;

/** What `parseArgs` is told about the flags. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D = Record<string, unknown>,
  A = Record<string, string | readonly string[]>,
  DD extends boolean | undefined = boolean | undefined,
> {
  /** Puts what follows `--` into a field of that name instead of `_`. Default false. */
  "--"?: DD;
  /** Other names of a flag; each is set along with it. */
  alias?: A;
  /** Flags which take no value; false when absent. True: every `--flag` without `=`. */
  boolean?: boolean | Names<B>;
  /** Values of absent flags. */
  default?: D & Record<string, unknown>;
  /** Puts the first argument which is no flag, and all behind it, into `_`. Default false. */
  stopEarly?: boolean;
  /** Flags whose value stays a string; `_` for the arguments which are no flags. */
  string?: Names<S>;
  /** Flags which may come more than once; empty when absent, if also `string` or `boolean`. */
  collect?: Names<C>;
  /** Flags which `--no-flag` sets to false. */
  negatable?: Names<string>;
  /** Told of each argument which was not declared; false leaves it out of the result. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/**
 * The flags in `args`, and in `_` what was none. A flag which was not declared
 * as `string` or `boolean` becomes a number when it looks like one.
 */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  const D = Record<never, never>,
  const A = Record<never, never>,
  const DD extends boolean | undefined = undefined,
>(
  args: string[],
  options?: ParseOptions<B, S, C, D, A, DD>,
): Parsed<B, S, C, D, A, DD>;
