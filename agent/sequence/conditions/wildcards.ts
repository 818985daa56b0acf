/** Patterns: WQL's LIKE, and the `like` of variables. The case does not count. */

/** Null: any text, also none. */
type Part = ((character: string) => boolean) | null;

/** `%` any text, `_` any character, `[a-f]` and `[^a-f]` one of a set. */
export function isWqlLike(text: string, pattern: string): boolean {
  return matches(text, wqlParts(pattern.toLowerCase()));
}

/** `*` and `%` stand for any text, `?` for any one character. */
export function isLike(text: string, pattern: string): boolean {
  const parts = Array.from(pattern.toLowerCase(), (character): Part => {
    if (character === "*" || character === "%") return null;
    return (one) => character === "?" || one === character;
  });
  return matches(text, parts);
}

/** Without a regular expression, whose time would grow without bound with the number of wildcards. */
function matches(text: string, parts: readonly Part[]): boolean {
  const characters = Array.from(text.toLowerCase());
  let position = 0;
  let place = 0;
  let star = -1;
  let retry = 0;
  while (position < characters.length) {
    const part = parts[place];
    if (part === null) {
      star = place;
      place += 1;
      retry = position;
    } else if (part?.(characters[position] ?? "") === true) {
      place += 1;
      position += 1;
    } else if (star >= 0) {
      place = star + 1;
      retry += 1;
      position = retry;
    } else return false;
  }
  while (parts[place] === null) place += 1;
  return place === parts.length;
}

function wqlParts(pattern: string): Part[] {
  const characters = Array.from(pattern);
  const parts: Part[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? "";
    const close = character === "[" ? characters.indexOf("]", index + 2) : -1;
    if (character === "%") parts.push(null);
    else if (character === "_") parts.push(() => true);
    else if (close > 0) {
      parts.push(setOf(characters.slice(index + 1, close)));
      index = close;
    } else parts.push((one) => one === character);
  }
  return parts;
}

function setOf(characters: readonly string[]): (character: string) => boolean {
  const isNegated = characters[0] === "^";
  const set = isNegated ? characters.slice(1) : characters;
  const ranges: [string, string][] = [];
  for (let index = 0; index < set.length; index += 1) {
    const first = set[index] ?? "";
    const last = set[index + 1] === "-" || set[index + 1] === "=" ? set[index + 2] : undefined;
    ranges.push([first, last ?? first]);
    if (last !== undefined) index += 2;
  }
  return (one) => ranges.some(([first, last]) => one >= first && one <= last) !== isNegated;
}
