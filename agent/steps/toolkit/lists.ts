/** Lists of the toolkit: NAME001, NAME002 and so on, also written NAME1. */
import type { StepContext } from "../step.ts";

const mostItems = 999;

export function listOf({ variables }: StepContext, name: string): string[] {
  const items: string[] = [];
  for (let index = 1; index <= mostItems; index += 1) {
    const value =
      variables.get(`${name}${String(index).padStart(3, "0")}`) || variables.get(`${name}${index}`);
    if (value === "") break;
    if (!items.includes(value)) items.push(value);
  }
  return items;
}
