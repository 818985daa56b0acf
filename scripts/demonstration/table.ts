/** The demo's result as a table for people, and as the JSON of --json. Pure. */

export interface ClientResult {
  name: string;
  /** Whether what was read back from the disk has the image's root. */
  verified: boolean;
  /** BLAKE3 of what the disk holds, hex. */
  root: string;
  multicastBytes: number;
  unicastBytes: number;
  /** Symbols rebuilt from parity. */
  repairedSymbols: number;
  seconds: number;
  /** Why it failed, for people; empty when it did not. */
  failure: string;
}

export interface DemoResult {
  image: { bytes: number; root: string };
  /** Bytes of the image that are not holes: what a disk was written with. */
  dataBytes: number;
  clients: ClientResult[];
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export function tableOf(result: DemoResult): string {
  const head = ["machine", "by multicast", "by unicast", "repaired", "rate", "verified", "seconds"];
  const rows = result.clients.map((client) => [
    client.name,
    megabytes(client.multicastBytes),
    megabytes(client.unicastBytes),
    `${client.repairedSymbols} symbols`,
    client.seconds > 0 ? `${(result.dataBytes / 1e6 / client.seconds).toFixed(0)} MB/s` : "-",
    client.verified ? "yes" : "NO",
    client.seconds.toFixed(1),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const line = (cells: string[]): string => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `│ ${padded.join(" │ ")} │`;
  };
  const failures = result.clients.filter(({ failure }) => failure !== "");
  return [
    rule("┌", "┬", "┐"),
    line(head),
    rule("├", "┼", "┤"),
    ...rows.map(line),
    rule("└", "┴", "┘"),
    ...failures.map(({ name, failure }) => `${name}: ${failure}`),
  ].join("\n");
}

export function jsonOf(result: DemoResult): string {
  const clients = result.clients.map(({ name, verified, root, multicastBytes, unicastBytes, seconds }) => ({
    name,
    verified,
    root,
    multicastBytes,
    unicastBytes,
    seconds,
  }));
  return `${JSON.stringify({ image: result.image, clients }, undefined, 2)}\n`;
}
