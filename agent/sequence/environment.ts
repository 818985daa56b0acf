/**
 * The variables of a running sequence, by the rules of "How to use task sequence variables" (Configuration Manager).
 *
 * Names mean the same in any case. The layers a run starts with are laid over each other (the sequence's own globals,
 * then the collection's, then the device's); what is set while it runs counts over all of them. An action variable is a
 * default that is there while its step runs, unless the environment has the name already.
 */
import { VolleyError } from "../../contract/errors.ts";
import { sequenceLimits } from "./limits.ts";
import type { StepVariable } from "./tree.ts";

export interface Variable {
  name: string;
  value: string;
  hidden: boolean;
}

export interface EnvironmentLayers {
  /** Of the sequence and its children; their names may begin with `_`. */
  globals?: readonly { name: string; value: string }[];
  collection?: readonly Variable[];
  device?: readonly Variable[];
}

export interface EnvironmentOptions {
  /** What a `%name%` that is no variable is looked up in, as Windows would. */
  processVariables: Readonly<Record<string, string | undefined>>;
  /** Told of every hidden value before it can come up anywhere, for the redactor. */
  onHidden(value: string): void;
}

export interface SetOptions {
  hidden?: boolean;
  /** For the engine and the documented outputs of steps: names that begin with `_`. */
  readOnly?: boolean;
}

/**
 * What one running step sees; has the shape of `StepVariables` in agent/steps. Names that begin with `_` are set only
 * with `readOnly`, by the kind whose documented output they are.
 */
export interface StepEnvironment {
  get(name: string): string;
  set(name: string, value: string, options?: SetOptions): void;
  expand(text: string): string;
  names(): string[];
  /** Value of a property of the step, `%name%` replaced; "" when the step has none of that name. */
  property(name: string): string;
}

const userName = /^[A-Za-z][A-Za-z0-9_-]*$/;
const anyName = /^[A-Za-z_][A-Za-z0-9_-]*$/;
/** Variables that are documented as secrets, whoever sets them. OSDRandomAdminPassword says "true" or "false". */
const secretName = /(?<!random[a-z]*)password$|^osdbitlocker(pin|startupkey)$|productkey$|^_smstsreserved/i;

/** What a step must not set: how the last one went, where the run stands, and in what system. */
const engineName = /^_smsts(lastaction|currentaction|nextinstruction|instructiontable|inwinpe|logpath)/i;

const keyOf = (name: string): string => name.trim().toLowerCase();

export class SequenceEnvironment {
  readonly #variables = new Map<string, Variable>();
  readonly #process = new Map<string, string>();
  readonly #onHidden: (value: string) => void;
  readonly #hiddenValues = new Set<string>();
  #bytes = 0;

  /** Throws E_VARIABLE. */
  constructor({ onHidden, processVariables }: EnvironmentOptions) {
    this.#onHidden = onHidden;
    for (const [name, value] of Object.entries(processVariables)) {
      if (value !== undefined) this.#process.set(name.toLowerCase(), value);
    }
  }

  /** For the start of a run. Throws E_VARIABLE. */
  lay({ collection = [], device = [], globals = [] }: EnvironmentLayers): void {
    if (device.length > sequenceLimits.deviceVariables) {
      const most = sequenceLimits.deviceVariables;
      throw new VolleyError("E_VARIABLE", `${device.length} device variables; ${most} are the most`);
    }
    for (const { name, value } of globals) this.set(name, value, { readOnly: true });
    for (const { hidden, name, value } of [...collection, ...device]) this.set(name, value, { hidden });
  }

  get(name: string): string {
    return this.#variables.get(keyOf(name))?.value ?? "";
  }

  has(name: string): boolean {
    return this.#variables.has(keyOf(name));
  }

  isHidden(name: string): boolean {
    return this.#variables.get(keyOf(name))?.hidden ?? secretName.test(name.trim());
  }

  /** An empty value deletes. What was hidden once, or holds a hidden value, is hidden. Throws E_VARIABLE. */
  set(name: string, value: string, { hidden = false, readOnly = false }: SetOptions = {}): void {
    const trimmed = name.trim();
    const refusal = whyNotSet(trimmed, value, readOnly);
    if (refusal !== null) throw new VolleyError("E_VARIABLE", refusal);
    const key = keyOf(trimmed);
    const old = this.#variables.get(key);
    const bytes = this.#bytes - (old === undefined ? 0 : bytesOf(old)) + bytesOf({ name: trimmed, value });
    if (value === "") {
      this.#variables.delete(key);
      if (old !== undefined) this.#bytes -= bytesOf(old);
      return;
    }
    if (bytes > sequenceLimits.environmentBytes) {
      throw new VolleyError("E_VARIABLE", `With ${trimmed} the environment would be larger than 32 MB`);
    }
    const isHidden = hidden || old?.hidden === true || secretName.test(trimmed) || this.#holdsHidden(value);
    if (isHidden) this.#hide(value);
    this.#bytes = bytes;
    this.#variables.set(key, { name: old?.name ?? trimmed, value, hidden: isHidden });
  }

  /** Replaces each `%name%`, once: what a value brings in is not looked at again. */
  expand(text: string): string {
    return expand(text, (name) => this.#lookUp(name));
  }

  /** The same for variables alone. */
  expandVariables(text: string): string {
    return expand(text, (name) => this.#variables.get(name.toLowerCase())?.value ?? null);
  }

  names(): string[] {
    return [...this.#variables.values()].map((variable) => variable.name);
  }

  /** All variables, for the checkpoint. */
  snapshot(): Variable[] {
    return [...this.#variables.values()].map((variable) => ({ ...variable }));
  }

  /** In place of whatever there is. */
  restore(variables: readonly Variable[]): void {
    this.#variables.clear();
    this.#bytes = 0;
    for (const { hidden, name, value } of variables) this.set(name, value, { hidden, readOnly: true });
  }

  /** The environment with a step's own variables in it. Hidden ones are its properties and nothing else. */
  forStep(variables: readonly StepVariable[]): StepEnvironment {
    const defaults = new Map<string, StepVariable>();
    for (const variable of variables) {
      if (variable.value === "") continue;
      if (secretName.test(variable.name) || secretName.test(variable.property)) this.#hide(variable.value);
      if (!variable.hidden) defaults.set(keyOf(variable.name), variable);
    }
    const get = (name: string): string => {
      if (this.has(name)) return this.get(name);
      return this.expand(defaults.get(keyOf(name))?.value ?? "");
    };
    return {
      get,
      set: (name, value, options) => {
        if (engineName.test(name.trim())) {
          throw new VolleyError("E_VARIABLE", `${name} is the engine's own: it can be read, and not set`);
        }
        this.set(name, value, options);
      },
      expand: (text) => expand(text, (name) => get(name) || this.#lookUp(name)),
      names: () => [
        ...this.names(),
        ...[...defaults.values()].map((variable) => variable.name).filter((name) => !this.has(name)),
      ],
      property: (name) => {
        const key = name.toLowerCase();
        const variable = variables.find((one) => one.property.toLowerCase() === key);
        if (variable === undefined) return "";
        return variable.hidden ? this.expand(variable.value) : get(variable.name);
      },
    };
  }

  #lookUp(name: string): string | null {
    const key = name.toLowerCase();
    return this.#variables.get(key)?.value ?? this.#process.get(key) ?? null;
  }

  #hide(value: string): void {
    const long = value.length >= sequenceLimits.hiddenValueCharactersLeast;
    if (long && this.#hiddenValues.size < sequenceLimits.hiddenValues) this.#hiddenValues.add(value);
    this.#onHidden(value);
  }

  #holdsHidden(value: string): boolean {
    for (const hidden of this.#hiddenValues) if (value.includes(hidden)) return true;
    return false;
  }
}

/** Why no variable can have this name, or this value; a sentence, null when one can. */
export function whyNotSet(name: string, value: string, readOnly: boolean): string | null {
  const { variableNameCharacters, variableValueCharacters } = sequenceLimits;
  if (name.length > variableNameCharacters) {
    return `A variable's name has ${name.length} of ${variableNameCharacters} characters`;
  }
  if (!readOnly && name.startsWith("_")) return `${name} begins with "_": it can be read, and not set`;
  if (!(readOnly ? anyName : userName).test(name)) {
    const rule = "a letter, then letters, digits, hyphens and underscores";
    return `"${name}" is no variable's name: it takes ${rule}`;
  }
  if (value.length > variableValueCharacters) {
    return `The value of ${name} has ${value.length} of ${variableValueCharacters} characters`;
  }
  return null;
}

function bytesOf({ name, value }: { name: string; value: string }): number {
  return Buffer.byteLength(name) + Buffer.byteLength(value);
}

/**
 * A name that nobody knows stays as it is written, as ExpandEnvironmentStrings of Windows leaves it, so that a loop's
 * `%i` or a URL's `%20` reaches the program; its closing sign may open the next name.
 */
function expand(text: string, lookUp: (name: string) => string | null): string {
  const parts = text.split("%");
  let result = parts[0] ?? "";
  for (let index = 1; index < parts.length; index += 1) {
    const name = parts[index] ?? "";
    const value = index < parts.length - 1 && /^[\w()-]+$/.test(name) ? lookUp(name) : null;
    if (value === null) {
      result += `%${name}`;
      continue;
    }
    index += 1;
    result += value + (parts[index] ?? "");
  }
  return result;
}
