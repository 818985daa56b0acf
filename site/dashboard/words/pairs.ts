/** What is typed as lines NAME=VALUE. */
export interface Pair {
  name: string;
  value: string;
}

/** Throws an Error that names a line that is none: a secret may stand in it, so that only its number is said. */
export function pairsOf(lines: string): Pair[] {
  return lines.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const at = line.indexOf("=");
    if (at < 1) throw new Error(`Line ${index + 1} is not of the form NAME=VALUE.`);
    return [{ name: line.slice(0, at).trim(), value: line.slice(at + 1).trim() }];
  });
}
