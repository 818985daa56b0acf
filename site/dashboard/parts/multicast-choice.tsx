/** By which ways content is sent: chosen where it is listed, and when it is added. */
import type { MulticastUse } from "../../../contract/common.ts";
import { multicastTexts } from "../words/content.ts";

const uses = Object.entries(multicastTexts) as [MulticastUse, string][];

interface MulticastChoiceProps {
  /** For who does not see which row it is in. */
  label: string;
  use: MulticastUse;
  onChoose: (use: MulticastUse) => unknown;
}

export function MulticastChoice({ label, onChoose, use }: MulticastChoiceProps) {
  return (
    <select
      aria-label={label}
      value={use}
      onChange={(event) => {
        const [chosen] = uses.find(([one]) => one === event.currentTarget.value) ?? [use];
        // What the site refuses is not shown as if it were so.
        event.currentTarget.value = use;
        onChoose(chosen);
      }}
    >
      <MulticastOptions />
    </select>
  );
}

export function MulticastOptions() {
  return (
    <>
      {uses.map(([use, text]) => (
        <option key={use} value={use}>
          {text}
        </option>
      ))}
    </>
  );
}
