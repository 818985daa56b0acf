/** A task sequence as a tree: groups that fold, conditions in words, and on which systems each step does what. */
import type { CheckedStep } from "../../../contract/sequence.ts";
import {
  marksOf,
  sequenceTree,
  supportTexts,
  systemTitles,
  typeText,
  type SequencePart,
  type SystemName,
  type TreeNode,
} from "../words/sequence.ts";

const systems = Object.keys(systemTitles) as SystemName[];

export function SequenceTree({ part, title }: { part: SequencePart; title: string }) {
  const { left, nodes } = sequenceTree(part);
  return (
    <div class="sequence">
      <Legend />
      <Nodes nodes={nodes} label={`Steps of ${title}`} />
      {left > 0 ? <p class="hint">{`${left} more are not shown.`}</p> : null}
    </div>
  );
}

function Legend() {
  return (
    <p class="legend hint">
      {(["real", "adapted", "unsupported"] as const).map((word) => (
        <span key={word} class="support" data-word={word}>
          {supportTexts[word]}
        </span>
      ))}
    </p>
  );
}

function Nodes({ label, nodes }: { nodes: readonly TreeNode[]; label?: string }) {
  return (
    <ul aria-label={label}>
      {nodes.map((node, index) =>
        node.kind === "step" ? (
          <Step key={index} step={node.step} />
        ) : (
          <li key={index} class="group" data-disabled={node.group.disabled}>
            <details open>
              <summary>
                <span class="label">{node.group.name || "a group without a name"}</span>
                <Marks of={node.group} />
              </summary>
              <Condition text={node.group.condition} />
              {node.nodes.length === 0 ? <p class="hint">It is empty.</p> : <Nodes nodes={node.nodes} />}
            </details>
          </li>
        ),
      )}
    </ul>
  );
}

function Step({ step }: { step: CheckedStep }) {
  return (
    <li class="step" data-disabled={step.disabled}>
      <div class="row">
        <span class="label">{step.name}</span>
        <span class="hint">{typeText(step)}</span>
        <Marks of={step} />
        <span class="supports">
          {systems.map((system) => (
            <Support key={system} step={step} system={system} />
          ))}
        </span>
      </div>
      <Condition text={step.condition} />
    </li>
  );
}

/** Where there is a reason it is told on hover and focus. */
function Support({ step, system }: { step: CheckedStep; system: SystemName }) {
  const word = step.support[system];
  const reason = step.reasons[system] ?? "";
  const title = systemTitles[system];
  if (reason === "") {
    return (
      <span class="support" data-word={word}>
        {title}
        <span class="unseen">{`: ${supportTexts[word]}`}</span>
      </span>
    );
  }
  return (
    <span class="told">
      <button
        type="button"
        class="support"
        data-word={word}
        aria-label={`${title}: ${supportTexts[word]}: ${reason}`}
      >
        {title}
      </button>
      <span class="tip" aria-hidden="true">
        {`${title}, ${supportTexts[word]}: ${reason}`}
      </span>
    </span>
  );
}

function Marks({ of }: { of: Parameters<typeof marksOf>[0] }) {
  return (
    <>
      {marksOf(of).map((mark) => (
        <span key={mark} class="mark">
          {mark}
        </span>
      ))}
    </>
  );
}

function Condition({ text }: { text: string }) {
  return text === "" ? null : <p class="condition">{`if ${text}`}</p>;
}
