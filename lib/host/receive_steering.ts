/**
 * Receive packet steering for a device without offloads. Linux:
 * Documentation/networking/scaling.rst.
 *
 * Without it the receiver's TCP runs inside our write(2), frame by frame. With
 * it a frame is only queued there, and another core receives it: 2.4 → 4.5
 * Gbit/s towards a client at MTU 1500. Super-segments are few and lose by it.
 *
 * The switch is a file of sysfs. Which devices sysfs shows depends on where it
 * was mounted, so that a device of the same name in another namespace could be
 * meant: a mount of our own, attached nowhere, shows exactly ours.
 */

import { cString, libc, type LibcCalls } from "./libc.ts";

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
/** nosuid, nodev, noexec. */
const MOUNT_ATTRIBUTES = 2 | 4 | 8;
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;

/**
 * Lets all of `cores` processors receive what is written to the device `name`.
 * Returns whether the system allowed it; without it everything works, slower.
 */
export function steerReceive(name: string, cores: number): boolean {
  if (cores < 2) return false;
  const call = libc().call;
  const sysfs = mountSysfs(call);
  if (sysfs < 0) return false;
  const path = `class/net/${name}/queues/rx-0/rps_cpus`;
  const file = call.openat(sysfs, cString(path), O_WRONLY | O_CLOEXEC, 0);
  call.close(sysfs);
  if (file < 0) return false;
  const mask = new TextEncoder().encode(cpuMask(cores));
  const written = call.write_bytes(file, mask, mask.length);
  call.close(file);
  return written === mask.length;
}

/** The first `cores` processors as sysfs reads them: hexadecimal words of 32 bits, highest first. */
export function cpuMask(cores: number): string {
  const words = [(2 ** (cores % 32) - 1).toString(16)];
  for (let i = 32; i <= cores; i += 32) words.push("ffffffff");
  return words.join(",");
}

/** A descriptor of sysfs as this thread's network namespace has it, or a negative number. */
function mountSysfs(call: LibcCalls): number {
  const { fsopen, fsconfig, fsmount } = call;
  if (!fsopen || !fsconfig || !fsmount) return -1;
  const context = fsopen(cString("sysfs"), FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  const isCreated = fsconfig(context, FSCONFIG_CMD_CREATE, null, null, 0) === 0;
  const mount = isCreated ? fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTRIBUTES) : -1;
  call.close(context);
  return mount;
}
