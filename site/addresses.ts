/** The addresses and names by which machines reach this site. */
import { hostname, networkInterfaces } from "node:os";

const everywhere = "0.0.0.0";
const loopback = "127.0.0.1";

export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => address.family === "IPv4" && !address.internal)
    .map((address) => address.address);
}

/** Where to listen: where the administrator says and, for commands on this machine, on loopback. */
export function listenAddresses(given: readonly string[]): string[] {
  return given.length === 0 ? [everywhere] : [...new Set([...given, loopback])];
}

/** What the server's certificate names. */
export function certificateNames(given: readonly string[]): string[] {
  const host = hostname();
  const names = [loopback, "localhost", ...(given.length === 0 ? ownAddresses() : given)];
  // A certificate takes no other characters in a name.
  if (/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(host)) names.push(host);
  return [...new Set(names)];
}

/** Multicast goes out where the first address is, or by the first card of the machine. */
export function castInterface(given: string[]): string {
  return given[0] ?? ownAddresses()[0] ?? loopback;
}

/** Those of the given addresses that this machine does not have now: one may belong to whichever machine serves. */
export function missingAddresses(given: readonly string[]): string[] {
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)),
  );
  return given.filter((address) => !own.has(address) && !address.startsWith("127."));
}
