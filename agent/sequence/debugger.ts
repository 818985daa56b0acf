/**
 * The debugger on the console, as TSDebugMode and TSDebugOnError have it ("Debug a task sequence", Configuration
 * Manager): before an instruction, or when one has failed, a person looks at variables, goes on by steps, runs to a
 * break, or sets the current instruction.
 */
import { VolleyError } from "../../contract/errors.ts";
import type { SequenceEnvironment } from "./environment.ts";
import type { Instruction, Program } from "./instructions.ts";
import { hexCode, meaningOf } from "./exit-codes.ts";
import type { Pause } from "./run-state.ts";
import type { StepResult } from "./narrator.ts";

export interface DebuggerConsole {
  write(text: string): void;
  /** Null when nobody is there any more. */
  ask(question: string): Promise<string | null>;
}

export interface SequenceDebugger {
  pause(instruction: Instruction, environment: SequenceEnvironment): Promise<Pause>;
  /** Always stops. A jump makes nothing follow from the failure; where nobody is there, it takes its course. */
  pauseAtFailure(
    instruction: Instruction,
    environment: SequenceEnvironment,
    failure: StepResult,
  ): Promise<Pause>;
}

export interface DebuggerOptions {
  program: Program;
  console: DebuggerConsole;
  /** Pointers and names of steps to stop at. */
  breaks: readonly string[];
  /** True: stop at the first instruction. */
  stepping: boolean;
}

const help = `  step             run this instruction and stop at the next
  run              run to the next break
  set-current N    make instruction N the next one
  break N          stop at instruction N from now on, or no more
  breaks           where it stops
  variables [TEXT] the variables, or those whose name holds TEXT
  list             the instructions around this one
  quit             stop here; the same command goes on later
`;

/** Throws E_USAGE for a break at what is not there. */
export function openDebugger({ breaks, console, program, stepping }: DebuggerOptions): SequenceDebugger {
  const stops = new Set(breaks.map((text) => pointerOf(program, text)));
  let isStepping = stepping;
  const show = (instruction: Instruction, marked: boolean): void => {
    const mark = marked ? ">" : stops.has(instruction.pointer) ? "*" : " ";
    console.write(`${mark} ${String(instruction.pointer).padStart(5)}  ${instruction.node.name}\n`);
  };
  /** Undefined: ask again. */
  const obey = (
    { rest, word }: { word: string; rest: string },
    instruction: Instruction,
    environment: SequenceEnvironment,
  ): Pause | undefined => {
    switch (word.toLowerCase()) {
      case "":
      case "step":
        isStepping = true;
        return { kind: "go" };
      case "run":
        isStepping = false;
        return { kind: "go" };
      case "set-current":
        isStepping = true;
        return { kind: "jump", pointer: pointerOf(program, rest) };
      case "break": {
        const pointer = pointerOf(program, rest);
        if (!stops.delete(pointer)) stops.add(pointer);
        return undefined;
      }
      case "breaks":
        for (const one of program.instructions) if (stops.has(one.pointer)) show(one, false);
        return undefined;
      case "variables":
        for (const line of variableLines(environment, rest)) console.write(line);
        return undefined;
      case "list":
        for (const one of program.instructions.slice(
          Math.max(0, instruction.pointer - 5),
          instruction.pointer + 6,
        )) {
          show(one, one === instruction);
        }
        return undefined;
      case "quit":
        throw new VolleyError("E_CANCELLED", "The sequence was stopped in the debugger");
      default:
        console.write(help);
        return undefined;
    }
  };
  /** Null: nobody is there any more. */
  const talk = async (instruction: Instruction, environment: SequenceEnvironment): Promise<Pause | null> => {
    show(instruction, true);
    for (;;) {
      const line = await console.ask("debug> ");
      if (line === null) return null;
      const [, word = "", rest = ""] = /^\s*(\S*)\s*([^]*?)\s*$/.exec(line) ?? [];
      try {
        const pause = obey({ word, rest }, instruction, environment);
        if (pause !== undefined) return pause;
      } catch (error) {
        if (!(error instanceof VolleyError) || error.code !== "E_USAGE") throw error;
        console.write(`${error.detail}\n`);
      }
    }
  };
  return {
    async pause(instruction, environment) {
      if (!isStepping && !stops.has(instruction.pointer)) return { kind: "go" };
      const pause = await talk(instruction, environment);
      if (pause === null) throw new VolleyError("E_CANCELLED", "Nobody is at the debugger any more");
      return pause;
    },
    async pauseAtFailure(instruction, environment, { exitCode, text }) {
      const said = text === "" ? "" : `\n  ${text}`;
      const { meaning } = meaningOf(exitCode);
      console.write(`${instruction.node.name} has failed: 0x${hexCode(exitCode)}, ${meaning}${said}\n`);
      console.write("step and run let the failure take its course; set-current N goes on there instead\n");
      return (await talk(instruction, environment)) ?? { kind: "go" };
    },
  };
}

/** By pointer, or by the name of the only instruction that has it. */
function pointerOf({ instructions }: Program, text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) < instructions.length) return Number(text);
  const named = instructions.filter(({ node }) => node.name.toLowerCase() === text.toLowerCase());
  if (named.length === 1 && named[0]) return named[0].pointer;
  const what = named.length === 0 ? "no instruction" : `${named.length} instructions`;
  throw new VolleyError("E_USAGE", `There is ${what} called "${text}"; the list numbers them from 0`);
}

function variableLines(environment: SequenceEnvironment, part: string): string[] {
  return environment
    .snapshot()
    .filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()))
    .toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
    .map(({ hidden, name, value }) => `  ${name} = ${hidden ? "(hidden)" : value}\n`);
}
