/** volley collection list | show | create | change | remove | variables */
import {
  RuleFact,
  type CollectionRecord,
  type CollectionRule,
  type RuleCondition,
} from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { SiteClient } from "../client.ts";
import { text, texts, type CommandCall, type SiteCommand } from "./command.ts";
import { findDevice } from "./device-names.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { confirmationOf, confirmOption } from "./preview.ts";
import { changeVariables, variableOptions } from "./variables.ts";
import { countText } from "../quantities.ts";

export async function findCollection(client: SiteClient, name: string): Promise<CollectionRecord> {
  const found = (await client.get<CollectionRecord[]>("/collections")).find(
    (one) => one.name === name || one.id === name,
  );
  if (!found) throw new VolleyError("E_NOT_FOUND", `There is no collection ${name}.`);
  return found;
}

const operators: Record<string, RuleCondition["operator"]> = {
  is: "equals",
  not: "notEquals",
  like: "like",
  unlike: "notLike",
  ">=": "atLeast",
  "<=": "atMost",
};

/** "model like OptiPlex*" */
function condition(given: string): RuleCondition {
  const [, fact = "", operator = "", value = ""] = /^(\S+)\s+(\S+)\s+(.+)$/.exec(given.trim()) ?? [];
  const known = RuleFact.safeParse(fact);
  const meant = operators[operator];
  if (known.success && meant !== undefined) return { fact: known.data, operator: meant, value };
  throw new VolleyError(
    "E_USAGE",
    `"${given}" is not FACT OPERATOR VALUE, with a fact of ${RuleFact.options.join(", ")} and an operator of ${Object.keys(operators).join(", ")}.`,
  );
}

function ruleOf(call: CommandCall): CollectionRule | undefined {
  const conditions = texts(call, "rule").map(condition);
  if (conditions.length === 0) return undefined;
  return { match: call.values["any"] === true ? "any" : "all", conditions };
}

export function ruleText(rule: CollectionRule | null): string {
  const words = Object.fromEntries(Object.entries(operators).map(([word, operator]) => [operator, word]));
  const told = (rule?.conditions ?? []).map(
    ({ fact, operator, value }) => `${fact} ${words[operator]} ${value}`,
  );
  return told.join(rule?.match === "any" ? " or " : " and ");
}

async function devicesOf(client: SiteClient, names: string | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const name of names?.split(",") ?? []) found.push((await findDevice(client, name)).id);
  return found;
}

const ruleOptions: SiteCommand["options"] = {
  rule: {
    type: "string",
    multiple: true,
    value: "RULE",
    help: 'What its members are like, as "model like OptiPlex*" or "memoryBytes >= 8000000000"; may be repeated.',
  },
  any: { type: "boolean", help: "One of the rules is enough; else all of them have to hold." },
};

export const collectionCommands: SiteCommand[] = [
  {
    words: "collection list",
    operands: "",
    operandCount: 0,
    summary: "List the collections of devices.",
    options: {},
    run: async (client, call) => {
      const collections = await client.get<CollectionRecord[]>("/collections");
      if (call.json) return printJson(collections);
      const rows = collections.map((one) => [one.name, String(one.members.length), ruleText(one.rule)]);
      printTable([["NAME", "DEVICES", "RULE"], ...rows]);
    },
  },
  {
    words: "collection show",
    operands: "NAME",
    operandCount: 1,
    summary: "Show who is in a collection now.",
    options: {},
    run: async (client, call) => {
      const collection = await findCollection(client, call.positionals[0] ?? "");
      if (call.json) return printJson(collection);
      const rows = collection.members.map(({ id, name }) => [
        name,
        collection.devices.includes(id) ? "named" : "by rule",
        id,
      ]);
      printTable([["DEVICE", "", "ID"], ...rows]);
    },
  },
  {
    words: "collection create",
    operands: "NAME",
    operandCount: 1,
    summary: "Make a collection: of named devices, of those that a rule means, or both.",
    options: {
      devices: { type: "string", value: "LIST", help: "Devices, with commas between." },
      ...ruleOptions,
    },
    run: async (client, call) => {
      const devices = await devicesOf(client, text(call, "devices"));
      const wanted = { name: call.positionals[0], devices, rule: ruleOf(call) ?? null };
      const collection = await client.post<CollectionRecord>("/collections", wanted);
      if (call.json) printJson(collection);
      else printLine(`Collection ${collection.name} has ${countText(collection.members.length, "device")}.`);
    },
  },
  {
    words: "collection change",
    operands: "NAME",
    operandCount: 1,
    summary: "Change a collection; what is not named stays.",
    options: {
      name: { type: "string", value: "NAME", help: "What it is called from now on." },
      add: { type: "string", value: "LIST", help: "Devices, with commas between." },
      remove: { type: "string", value: "LIST", help: "Devices, with commas between." },
      ...ruleOptions,
      "no-rule": { type: "boolean", help: "Only named devices are in it." },
      ...confirmOption,
    },
    run: async (client, call) => {
      const { id } = await findCollection(client, call.positionals[0] ?? "");
      const rule = call.values["no-rule"] === true ? null : ruleOf(call);
      const change = {
        name: text(call, "name"),
        add: await devicesOf(client, text(call, "add")),
        remove: await devicesOf(client, text(call, "remove")),
        rule,
      };
      const path = `/collections/${id}`;
      const confirm = await confirmationOf(client, call, { path, body: change });
      const collection = await client.post<CollectionRecord>(path, { ...change, confirm });
      if (call.json) printJson(collection);
      else printLine(`Collection ${collection.name} has ${countText(collection.members.length, "device")}.`);
    },
  },
  {
    words: "collection remove",
    operands: "NAME",
    operandCount: 1,
    summary: "Remove a collection; its devices stay.",
    options: {},
    run: async (client, call) => {
      const { id, name } = await findCollection(client, call.positionals[0] ?? "");
      await client.remove(`/collections/${id}`);
      if (call.json) printJson({ removed: id });
      else printLine(`Collection ${name} is removed.`);
    },
  },
  {
    words: "collection variables",
    operands: "NAME",
    operandCount: 1,
    summary: "Show or change a collection's variables: they count over a deployment's, under a device's own.",
    options: variableOptions,
    run: async (client, call) => {
      const { id } = await findCollection(client, call.positionals[0] ?? "");
      await changeVariables(client, call, `/collections/${id}/variables`);
    },
  },
];
