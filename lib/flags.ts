/**
 * Flags: their names, what each may be in words, and the messages about those
 * that are unknown, empty, or given once too often. What their values mean is
 * in `config.ts`.
 */

import { nearest } from "./nearest.ts";
import { TUNABLES } from "./tcp/tunables.ts";

/** Least and greatest MTU of the device. RFC 1122 §3.3.3; Linux's TAP. */
export const MTU_RANGE = { min: 576, max: 65520 } as const;

/** Least and greatest size of a recording in bytes, and the one without a flag. */
export const RECORD_LIMIT_RANGE = { min: 1 << 20, max: 2 ** 31, standard: 256 << 20 } as const;

/** Levels of logging, most talkative first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Forms of the log's lines. */
export const LOG_FORMATS = ["text", "json"] as const;

/** A command line that cannot be obeyed. The message is for the user, and complete. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What each flag with a value may be, in words; those of the command line with a value. */
const FORMS = {
  "listen": "IP:PORT, like 198.18.0.2:80 or [fd00::2]:80; port 0 is every port",
  "upstream": "[tap:]IP:PORT, like 127.0.0.1:8080 or [::1]:8080; names are not looked up, " +
    "and port 0 is the port that the client asked for",
  "route": "listen=IP:PORT,upstream=[tap:]IP:PORT and more settings; --help lists them",
  "tap": 'a name of 1 to 15 characters without spaces, "/", ":" and "%", like tap0',
  "mtu": `${MTU_RANGE.min} to ${MTU_RANGE.max} bytes, like 1500`,
  "mac": "six bytes like 02:00:5e:10:00:01, the first one even",
  "host-address": "IP/PREFIX, like 198.18.0.1/24 or fd00::1/64",
  "stack-address": "an IP address, like 198.18.0.2 or fd00::2",
  "set": "NAME=VALUE, like tcp_msl=30; --help lists the names",
  "record": "the name of a file that does not exist yet, like incident.rec",
  "record-limit": `${RECORD_LIMIT_RANGE.min} to ${RECORD_LIMIT_RANGE.max} bytes`,
  "replay": "the name of a file that --record made, like incident.rec",
  "log-level": "debug, info, warn or error",
  "log-format": LOG_FORMATS.join(" or "),
} as const;

/** A flag with a value. */
export type ValueFlag = keyof typeof FORMS;
type Switch = "no-setup" | "no-offload" | "help" | "version";

const VALUE_FLAGS = Object.keys(FORMS) as ValueFlag[];
const SWITCHES: readonly Switch[] = ["no-setup", "no-offload", "help", "version"];
const ALL_FLAGS: readonly string[] = [...VALUE_FLAGS, ...SWITCHES];

/**
 * What `parseArgs` is to be told. All flags are collected, so that one given
 * twice is noticed; the switches are not declared boolean, so that a value given
 * to one is noticed.
 */
export const FLAG_SYNTAX = {
  string: [...VALUE_FLAGS, "_"],
  collect: [...VALUE_FLAGS, ...SWITCHES],
  alias: { help: "h" },
  // An empty argument mostly is the lost value of the flag before it, which is
  // the better thing to complain about.
  unknown: (argument: string, key?: string) => argument === "" || refuseUnknown(argument, key),
} as const;

/** What `parseArgs` makes of a command line, given `FLAG_SYNTAX`. */
export type Flags =
  & Readonly<Record<ValueFlag, readonly string[]>>
  & Readonly<Partial<Record<Switch, readonly unknown[]>>>
  & { readonly _: readonly (string | number)[] };

/**
 * Refuses flags that do not exist. Throws UsageError. To be called before
 * `parseArgs`, which takes `--no-mtu=9` for `--mtu=9` and `--_` for its own list.
 */
export function refuseUnknownFlags(args: readonly string[]): void {
  const end = args.indexOf("--");
  for (const argument of end < 0 ? args : args.slice(0, end)) {
    if (!argument.startsWith("--")) continue;
    const name = argument.slice(2).split("=", 1)[0];
    if (!ALL_FLAGS.includes(name)) refuseUnknown(argument, name);
  }
}

/**
 * Refuses arguments of no flag, values that are empty, and those of flags that
 * take none. Throws UsageError.
 */
export function refuseStrayValues(flags: Flags): void {
  for (const flag of VALUE_FLAGS) refuseEmpty(flag, flags[flag]);
  for (const argument of flags._) refuseUnknown(String(argument));
  for (const flag of SWITCHES) refuseValue(flag, flags[flag] ?? []);
}

/** The checked value of a flag that may be given once; `absent` without it. Throws UsageError. */
export function single<T, D>(
  flag: ValueFlag,
  values: readonly string[],
  absent: D,
  check: (text: string) => T,
): T | D {
  if (values.length > 1) misuse(flag, values[1], `it was ${values[0]} before; give it once`);
  return values.length === 0 ? absent : check(values[0]);
}

/** The value of a flag that must be one of `choices`; `standard` is the one without the flag. */
export function oneOf<T extends string>(
  flag: ValueFlag,
  text: string,
  choices: readonly T[],
  standard: T,
): T {
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  const near = nearest(text.toLowerCase(), choices);
  const advice = near === null ? `; the default is ${standard}` : didYouMean(near);
  return misuse(flag, text, `expected ${FORMS[flag]}${advice}`);
}

/** Throws the UsageError about a flag's value; `why` says what it may be, or what to do. */
export function misuse(flag: ValueFlag, text: string, why = `expected ${FORMS[flag]}`): never {
  throw new UsageError(`Cannot use --${flag} ${text}: ${why}`);
}

/** What a flag's value may be, in words. */
export function formOf(flag: ValueFlag): string {
  return FORMS[flag];
}

/** Refuses every flag but `flag`; `why` says what it does without them. Throws UsageError. */
export function refuseOthers(flag: ValueFlag, flags: Flags, why: string): void {
  const isGiven = (name: string) => {
    const value = (flags as unknown as Record<string, readonly unknown[] | undefined>)[name];
    return name !== flag && value !== undefined && value.length > 0;
  };
  const other = ALL_FLAGS.find(isGiven);
  if (other === undefined) return;
  throw new UsageError(`Cannot use --${other} with --${flag}: ${why}; leave --${other} out`);
}

function refuseEmpty(flag: ValueFlag, values: readonly string[]): void {
  if (values.includes("")) throw new UsageError(`--${flag} needs a value: expected ${FORMS[flag]}`);
}

function refuseValue(flag: Switch, values: readonly unknown[]): void {
  const value = values.find((value) => value !== true);
  if (value === undefined) return;
  throw new UsageError(
    `Cannot give --${flag} the value ${value}: it takes none; give --${flag} alone or leave it out`,
  );
}

/** Refuses an argument that belongs to no flag; with a `key`, a flag that does not exist. */
function refuseUnknown(argument: string, key?: string): never {
  if (key === undefined) {
    throw new UsageError(
      `Cannot take the argument "${argument}": every value belongs to a flag, like --tap ` +
        (argument || "NAME"),
    );
  }
  const [flag] = argument.split("=", 1);
  const value = argument.slice(flag.length + 1);
  const name = flag.replace(/^-+/, "");
  // parseArgs takes --no-setup=yes for --setup=yes, which it does not know.
  const known = SWITCHES.find((known) => known === name);
  if (known !== undefined) refuseValue(known, [value]);
  throw new UsageError(`There is no flag ${flag}${flagAdvice(name, value)}`);
}

/** What to do about a flag that does not exist. */
function flagAdvice(name: string, value: string): string {
  const negated = name.replace(/^no-/, "");
  if (VALUE_FLAGS.some((known) => known === negated && known !== name)) {
    return `: leave --${negated} out to have its default`;
  }
  if (ALL_FLAGS.includes(`no-${name}`)) return `: it is the default; --no-${name} is the other way`;
  const tunable = TUNABLES.find((spec) => spec.name === name);
  if (tunable !== undefined) return didYouMean(`--set ${name}=${value || tunable.default}`);
  const near = nearest(name.toLowerCase(), ALL_FLAGS);
  return near === null ? "; --help lists all" : didYouMean(`--${near}`);
}

function didYouMean(name: string | null): string {
  return name === null ? "" : `; did you mean ${name}?`;
}
