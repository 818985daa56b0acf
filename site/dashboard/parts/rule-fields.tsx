/** The fields of a collection's rule: as many conditions as are wanted. */
import { useState } from "preact/hooks";
import type { CollectionRule } from "../../../contract/devices.ts";
import { operators, ruleFacts } from "../words/deployment.ts";
import { Field, type Filled } from "./form.tsx";

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
      {count < 2 ? null : (
        <Field label="Who is in it">
          <select name="match">
            <option value="all" selected={rule?.match !== "any"}>
              whoever meets all of them
            </option>
            <option value="any" selected={rule?.match === "any"}>
              whoever meets one of them
            </option>
          </select>
        </Field>
      )}
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
      <Field label={`Fact${behind}`}>
        <select name="fact">
          {Object.entries(ruleFacts).map(([fact, name]) => (
            <option key={fact} value={fact} selected={fact === condition?.fact}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Field label={`Operator${behind}`}>
        <select name="operator">
          {Object.entries(operators).map(([operator, name]) => (
            <option key={operator} value={operator} selected={operator === condition?.operator}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Field label={`Value${behind}`}>
        <input name="value" defaultValue={condition?.value ?? ""} />
      </Field>
    </>
  );
}
