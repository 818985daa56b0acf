/** Command lines as Windows programs take them apart. */

/**
 * The first word and the rest as written. "The parsing of C++ command-line arguments" (Microsoft C++ documentation): the
 * program's name ends at the closing quotation mark, or at white space, and has no escapes.
 */
export function splitProgram(line: string): { program: string; rest: string } {
  const trimmed = line.trimStart();
  const match = /^"([^"]*)"?|^[^\s"]+/.exec(trimmed);
  if (match === null) return { program: "", rest: "" };
  return { program: match[1] ?? match[0], rest: trimmed.slice(match[0].length).trimStart() };
}

/** All words: 2n backslashes before a quotation mark are n, and one more makes it a character; "" inside is one. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at] ?? "")) {
      at += 1;
      continue;
    }
    const { word, next } = readWord(line, at);
    words.push(word);
    at = next;
  }
  return words;
}

function readWord(line: string, start: number): { word: string; next: number } {
  let word = "";
  let quoted = false;
  let at = start;
  while (at < line.length && (quoted || !/\s/.test(line[at] ?? ""))) {
    const backslashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    at += backslashes;
    if (line[at] !== '"') {
      word += "\\".repeat(backslashes);
      if (backslashes === 0) {
        word += line[at] ?? "";
        at += 1;
      }
      continue;
    }
    word += "\\".repeat(backslashes >> 1);
    if (backslashes % 2 === 1) word += '"';
    else if (quoted && line[at + 1] === '"') {
      word += '"';
      at += 1;
    } else quoted = !quoted;
    at += 1;
  }
  return { word, next: at };
}
