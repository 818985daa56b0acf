/** Whether a collection's rule means a device: a pure question over what is known of it. */
import type { CollectionRule, DeviceRecord, RuleCondition } from "../../contract/devices.ts";

export function ruleMatches({ conditions, match }: CollectionRule, device: DeviceRecord): boolean {
  const holds = (condition: RuleCondition): boolean => conditionHolds(condition, device);
  return match === "all" ? conditions.every(holds) : conditions.some(holds);
}

/** Of several values (network cards) one is enough; where something is excluded, none may be it. */
function conditionHolds({ fact, operator, value }: RuleCondition, device: DeviceRecord): boolean {
  const known = valuesOf(fact, device);
  if (known.length === 0) return false;
  const wanted = value.toLowerCase();
  switch (operator) {
    case "equals":
      return known.some((one) => one === wanted);
    case "notEquals":
      return known.every((one) => one !== wanted);
    case "like":
      return known.some((one) => isLike(one, wanted));
    case "notLike":
      return !known.some((one) => isLike(one, wanted));
    case "atLeast":
      return known.some((one) => Number(one) >= Number(wanted));
    case "atMost":
      return known.some((one) => Number(one) <= Number(wanted));
  }
}

/** In lower case. */
function valuesOf(fact: RuleCondition["fact"], { facts, mac, name, uuid }: DeviceRecord): string[] {
  const several: Partial<Record<RuleCondition["fact"], (string | null | undefined)[]>> = {
    name: [facts?.name ?? name],
    uuid: [uuid, facts?.smbiosUuid],
    mac: [mac, ...(facts?.macAddresses ?? [])],
  };
  const own = fact === "uuid" || fact === "mac" || fact === "name" ? undefined : facts?.[fact];
  return (several[fact] ?? [own])
    .filter((one) => one !== null && one !== undefined)
    .map((one) => String(one).toLowerCase());
}

/** `*` any text, `?` one character. Without a regular expression, whose time a pattern could choose. */
export function isLike(text: string, pattern: string): boolean {
  let [at, wild, mark, back] = [0, 0, -1, 0];
  while (at < text.length) {
    if (
      wild < pattern.length &&
      (pattern[wild] === "?" || (pattern[wild] === text[at] && pattern[wild] !== "*"))
    ) {
      at += 1;
      wild += 1;
    } else if (pattern[wild] === "*") {
      [mark, back] = [wild, at];
      wild += 1;
    } else if (mark >= 0) {
      back += 1;
      [at, wild] = [back, mark + 1];
    } else return false;
  }
  while (pattern[wild] === "*") wild += 1;
  return wild === pattern.length;
}
