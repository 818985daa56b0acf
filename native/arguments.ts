/** Checks of arguments on their way to the addon: the name, what was expected, what came. */
import { isIPv4 } from "node:net";

function refuse(name: string, expected: string, received: unknown): never {
  const shown = Buffer.isBuffer(received) ? `${received.length} bytes` : String(received);
  throw new TypeError(`Expected ${expected} for ${name} but received ${shown}`);
}

export function path(name: string, value: unknown): void {
  if (typeof value !== "string" || value.length === 0 || value.includes("\0")) refuse(name, "a path", value);
}

export function integer(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    refuse(name, `an integer from ${least} to ${most}`, value);
  }
}

export function choice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) refuse(name, choices.join(" or "), value);
}

export function flag(name: string, value: unknown): void {
  choice(name, value, [true, false]);
}

export function bytes(name: string, value: unknown, length?: number): void {
  // The received value may be a key: say its length only.
  if (!Buffer.isBuffer(value)) throw new TypeError(`Expected a Buffer for ${name}`);
  if (length !== undefined && value.length !== length) refuse(name, `${length} bytes`, value);
}

export function address(name: string, value: unknown): void {
  if (typeof value !== "string" || !isIPv4(value)) refuse(name, "an IPv4 address", value);
}

export function multicastGroup(name: string, value: unknown): void {
  address(name, value);
  const first = Number(String(value).split(".")[0]);
  if (first < 224 || first > 239) {
    refuse(name, "an IPv4 multicast address (224.0.0.0 to 239.255.255.255)", value);
  }
}
