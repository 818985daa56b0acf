/** The help texts, made from the commands themselves. */
import type { Command } from "./command.ts";

const common: Command["options"] = {
  data: { type: "string", value: "DIR", help: "The site's data folder ($VOLLEY_DATA, or ./volley-data)." },
  json: { type: "boolean", help: "Answer in JSON." },
  help: { type: "boolean", short: "h", help: "Show this." },
};

/** A command's own options and those that all have. */
export function optionsOf(command: Command | undefined): Command["options"] {
  return { ...command?.options, ...common };
}

export function helpFor(command: Command): string {
  const lines = Object.entries(optionsOf(command)).map(([name, option]) => {
    const left = `  --${name}${option.value ? ` ${option.value}` : ""}`;
    return `${left.padEnd(24)} ${option.help}`;
  });
  const usage = ["volley", command.words, command.operands].filter((word) => word !== "").join(" ");
  return `${command.summary}\n\nUsage: ${usage} [options]\n\n${lines.join("\n")}\n`;
}

export function helpForAll(commands: Command[]): string {
  const lines = commands.map((command) => {
    const left = `  volley ${command.words} ${command.operands}`.trimEnd();
    return `${left.padEnd(34)} ${command.summary}`;
  });
  return `Volley puts one operating-system image on a whole room of computers at once.\n\n${lines.join("\n")}\n\nvolley COMMAND --help says more.\n`;
}
