/** IPv4 addresses as numbers, to count and to mask them. */

/** Of "192.0.2.1", from 0 to 2 ** 32 - 1. The text has to be an address. */
export function addressNumber(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

export function addressText(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}
