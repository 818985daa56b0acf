/** Text of a WQL query to a tree, bounded in length and depth. */
import { VolleyError } from "../../../contract/errors.ts";
import { sequenceLimits } from "../limits.ts";

export interface WqlQuery {
  /** Empty for `*`. */
  properties: string[];
  className: string;
  where: WqlExpression | null;
}
export type Operand =
  | { kind: "property"; name: string }
  | { kind: "literal"; value: string | number | boolean | null };
export type WqlExpression =
  | { kind: "and" | "or"; parts: WqlExpression[] }
  | { kind: "not"; part: WqlExpression }
  | { kind: "null"; property: string; isNull: boolean }
  | { kind: "compare"; operator: Operator; left: Operand; right: Operand };
type Operator = "=" | "<>" | "<" | ">" | "<=" | ">=" | "like";

interface Token {
  kind: "word" | "text" | "number" | "sign" | "end";
  text: string;
}

/** Throws E_CONDITION and says where it stopped understanding. */
export function parseWql(text: string): WqlQuery {
  if (text.length > sequenceLimits.wqlCharacters) {
    throw new VolleyError("E_CONDITION", `A query has ${text.length} characters: too many`);
  }
  const reader = new Reader(tokensOf(text), text);
  reader.expectWord("select");
  const properties: string[] = [];
  if (!reader.takeSign("*")) {
    do properties.push(reader.expectName("a property"));
    while (reader.takeSign(","));
  }
  reader.expectWord("from");
  const className = reader.expectName("a class");
  const where = reader.takeWord("where") ? parseOr(reader, 0) : null;
  reader.expectEnd();
  return { properties, className, where };
}

function parseOr(reader: Reader, depth: number): WqlExpression {
  const parts = [parseAnd(reader, depth)];
  while (reader.takeWord("or")) parts.push(parseAnd(reader, depth));
  return parts.length === 1 && parts[0] ? parts[0] : { kind: "or", parts };
}

function parseAnd(reader: Reader, depth: number): WqlExpression {
  const parts = [parseNot(reader, depth)];
  while (reader.takeWord("and")) parts.push(parseNot(reader, depth));
  return parts.length === 1 && parts[0] ? parts[0] : { kind: "and", parts };
}

function parseNot(reader: Reader, depth: number): WqlExpression {
  if (depth > sequenceLimits.wqlDepth) throw reader.wrong("fewer parentheses");
  if (reader.takeWord("not")) return { kind: "not", part: parseNot(reader, depth + 1) };
  if (reader.takeSign("(")) {
    const inner = parseOr(reader, depth + 1);
    if (!reader.takeSign(")")) throw reader.wrong(")");
    return inner;
  }
  return parseComparison(reader);
}

function parseComparison(reader: Reader): WqlExpression {
  const left = reader.expectOperand();
  if (reader.takeWord("is")) {
    const isNull = !reader.takeWord("not");
    reader.expectWord("null");
    if (left.kind !== "property") throw reader.wrong("a property before IS");
    return { kind: "null", property: left.name, isNull };
  }
  if (reader.takeWord("not")) {
    reader.expectWord("like");
    return { kind: "not", part: compared(reader, "like", left) };
  }
  if (reader.takeWord("like")) return compared(reader, "like", left);
  return compared(reader, reader.expectOperator(), left);
}

/** `property = NULL` means what IS NULL means. */
function compared(reader: Reader, operator: Operator, left: Operand): WqlExpression {
  const right = reader.expectOperand();
  if (left.kind === "literal" && right.kind === "literal") throw reader.wrong("a property to compare");
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    if (one.kind !== "literal" || one.value !== null || other.kind !== "property") continue;
    if (operator !== "=" && operator !== "<>") throw reader.wrong("= or <> with NULL");
    return { kind: "null", property: other.name, isNull: operator === "=" };
  }
  return { kind: "compare", operator, left, right };
}

const keywords = new Set(["select", "from", "where", "and", "or", "not", "like", "is"]);

class Reader {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #next = 0;

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  get #token(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "" };
  }

  wrong(wanted: string): VolleyError {
    const found = this.#token.kind === "end" ? "its end" : `"${this.#token.text}"`;
    return new VolleyError(
      "E_CONDITION",
      `The query is beyond the WQL that is understood: ${wanted} expected at ${found} in: ${this.#text}`,
    );
  }

  takeWord(word: string): boolean {
    const { kind, text } = this.#token;
    if (kind !== "word" || text.toLowerCase() !== word) return false;
    this.#next += 1;
    return true;
  }

  takeSign(sign: string): boolean {
    if (this.#token.kind !== "sign" || this.#token.text !== sign) return false;
    this.#next += 1;
    return true;
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.wrong(word.toUpperCase());
  }

  expectName(what: string): string {
    const { kind, text } = this.#token;
    if (kind !== "word" || keywords.has(text.toLowerCase())) throw this.wrong(what);
    this.#next += 1;
    return text;
  }

  expectEnd(): void {
    if (this.#token.kind !== "end") throw this.wrong("the end");
  }

  expectOperator(): Operator {
    const { kind, text } = this.#token;
    const operator = text === "!=" ? "<>" : text;
    if (kind !== "sign" || !["=", "<>", "<", ">", "<=", ">="].includes(operator)) {
      throw this.wrong("an operator");
    }
    this.#next += 1;
    return operator as Operator;
  }

  expectOperand(): Operand {
    const { kind, text } = this.#token;
    if (kind === "text") {
      this.#next += 1;
      return { kind: "literal", value: text };
    }
    if (kind === "number") {
      this.#next += 1;
      return { kind: "literal", value: Number(text) };
    }
    if (this.takeWord("true")) return { kind: "literal", value: true };
    if (this.takeWord("false")) return { kind: "literal", value: false };
    if (this.takeWord("null")) return { kind: "literal", value: null };
    return { kind: "property", name: this.expectName("a property or a value") };
  }
}

const blank = /\s+/y;
const word = /[A-Za-z_]\w*/y;
const number = /[+-]?(?:0x[0-9a-f]+|\d+(?:\.\d+)?)/iy;
const sign = /<>|!=|<=|>=|[=<>(),*]/y;
const quoted = /"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found) position += found[0].length;
    return found;
  };
  while (position < text.length) {
    if (match(blank)) continue;
    const literal = match(quoted);
    if (literal) {
      const raw = literal[1] ?? literal[2] ?? "";
      tokens.push({ kind: "text", text: raw.replaceAll(/\\([^])/g, "$1") });
      continue;
    }
    const found = match(word);
    if (found) {
      tokens.push({ kind: "word", text: found[0] });
      continue;
    }
    const digits = match(number);
    if (digits) {
      tokens.push({ kind: "number", text: digits[0] });
      continue;
    }
    const other = match(sign);
    if (!other) {
      throw new VolleyError(
        "E_CONDITION",
        `The query is beyond the WQL that is understood at "${text.slice(position, position + 20)}" in: ${text}`,
      );
    }
    tokens.push({ kind: "sign", text: other[0] });
  }
  return tokens;
}
