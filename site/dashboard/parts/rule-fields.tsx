/** The fields of a collection's rule: as many conditions as are wanted. */
import { useState } from "preact/hooks";
import type { CollectionRule } from "../../../contract/devices.ts";
import { operators, ruleFacts } from "../words/deployment.ts";
import { ChoiceField, Field, type Filled } from "./form.tsx";

const matches = { all: "whoever meets all of them", any: "whoever meets one of them" };

/** As the site takes it; null where no condition has a value. */
export function ruleOf({ data, text }: Filled): object | null {
  const [facts, chosen, values] = ["fact", "operator", "value"].map((name) => data.getAll(name));
  const conditions = (values ?? []).flatMap((value, index) => {
    const told = typeof value === "string" ? value.trim() : "";
    return told === "" ? [] : [{ fact: facts?.[index], operator: chosen?.[index], value: told }];
  });
  return conditions.length === 0 ? null : { match: text("match") || "all", conditions };
}

/** With what a rule says already; null: it has none. */
export function RuleFields({ rule }: { rule: CollectionRule | null }) {
  const [count, setCount] = useState(Math.max(1, rule?.conditions.length ?? 0));
  return (
    <>
      {Array.from({ length: count }, (_, index) => (
        <ConditionFields key={index} number={index + 1} condition={rule?.conditions[index]} />
      ))}
      {count < 2 ? null : <ChoiceField label="Who is in it" name="match" chosen={rule?.match} of={matches} />}
      <button type="button" onClick={() => setCount(count + 1)}>
        One more condition
      </button>
    </>
  );
}

interface ConditionFieldsProps {
  number: number;
  condition: CollectionRule["conditions"][number] | undefined;
}

function ConditionFields({ condition, number }: ConditionFieldsProps) {
  const behind = number === 1 ? "" : ` ${number}`;
  return (
    <>
      <ChoiceField label={`Fact${behind}`} name="fact" chosen={condition?.fact} of={ruleFacts} />
      <ChoiceField label={`Operator${behind}`} name="operator" chosen={condition?.operator} of={operators} />
      <Field label={`Value${behind}`}>
        <input name="value" defaultValue={condition?.value ?? ""} />
      </Field>
    </>
  );
}
