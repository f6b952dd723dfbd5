/** What system tests and the demo need of the machine, and what of it is missing. */

const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;

/** How `unshare` and `nsenter` are to be called here. */
export interface Means {
  /** Arguments of `unshare` for a new network namespace. */
  readonly unshare: readonly string[];
  /** Whether that makes a user namespace too. */
  readonly rootless: boolean;
}

/** Root's way. */
const AS_ROOT: Means = { unshare: ["--net"], rootless: false };
/** Everybody's way, where the system allows user namespaces. */
const AS_USER: Means = { unshare: ["--user", "--map-root-user", "--net"], rootless: true };

/** The means to use here, or a sentence that says why there are none. */
export function findMeans(): Means | string {
  for (const name of PERMISSIONS) {
    if (Deno.permissions.querySync({ name }).state !== "granted") {
      return `needs deno's --allow-all: there is no --allow-${name}`;
    }
  }
  if (Deno.build.os !== "linux") return "needs Linux";
  if (!succeeds("unshare", ["--version"])) return "needs unshare and nsenter of util-linux";
  const means = [AS_ROOT, AS_USER].find((m) => succeeds("unshare", [...m.unshare, "true"]));
  if (means === undefined) {
    return "needs root or user namespaces, to make a network namespace";
  }
  if (!succeeds("unshare", [...means.unshare, "sh", "-c", ": <>/dev/net/tun"])) {
    return "needs /dev/net/tun, readable and writable";
  }
  return means;
}

/** Whether `command` is there. */
export function hasCommand(command: string): boolean {
  return succeeds(command, ["--version"]) || succeeds(command, ["-V"]); // the latter is ip's
}

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
