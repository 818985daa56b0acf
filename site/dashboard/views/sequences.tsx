/** Task sequences: those at the site, and one as a tree. */
import { useCallback, useState } from "preact/hooks";
import type { SequenceDetail, SequenceRecord } from "../../../contract/sequence.ts";
import { Action } from "../parts/form.tsx";
import { Question } from "../parts/question.tsx";
import { Section } from "../parts/section.tsx";
import { SequenceTree } from "../parts/sequence-tree.tsx";
import { Table } from "../parts/table.tsx";
import { detailOf } from "../state/location.ts";
import { list, useResource, type Resource } from "../state/resource.ts";
import { ask, mayAdminister } from "../state/site.ts";
import { byName } from "../words/machine.ts";
import { bytesText, namesText, timeText } from "../../quantities.ts";
import type { SequencePart } from "../words/sequence.ts";
import { AddSequence } from "./add-sequence.tsx";

export function SequencesView() {
  const id = detailOf("/sequences");
  return id === null ? <Sequences /> : <Sequence key={id} id={id} />;
}

async function load(): Promise<SequenceRecord[]> {
  const all = await list<SequenceRecord>("/sequences");
  return all.sort((one, other) => byName(one.name, other.name));
}

function Sequences() {
  const { act, value } = useResource(load);
  if (value === null) return <p class="empty">…</p>;
  return (
    <>
      <Section title="Task sequences">
        <Table
          label="Task sequences"
          id="sequences"
          head={["Name", "Version", "Identifier", "File", "Size", "Added (UTC)", ""]}
          empty="There is none yet."
        >
          {value.map((one) => (
            <tr key={one.id}>
              <td>
                <a href={`/sequences/${one.id}`}>{one.name}</a>
              </td>
              <td>{one.version}</td>
              <td class="code">{one.packageId ?? ""}</td>
              <td>{one.fileName}</td>
              <td>{bytesText(one.bytes)}</td>
              <td>{timeText(one.added)}</td>
              <td class="actions">{mayAdminister.value ? <Remove one={one} act={act} /> : null}</td>
            </tr>
          ))}
        </Table>
      </Section>
      {mayAdminister.value ? (
        <Section title="Add a task sequence">
          <AddSequence act={act} />
        </Section>
      ) : null}
    </>
  );
}

function Remove({ act, one }: { one: SequenceRecord; act: Resource<unknown>["act"] }) {
  const [users, setUsers] = useState<string[] | null>(null);
  const what = `version ${one.version} of ${one.name}`;
  const look = async (): Promise<void> => {
    const { deployments } = await ask<SequenceDetail>("GET", `/sequences/${one.id}`);
    setUsers(deployments);
  };
  const remove = (): Promise<void> =>
    act(async () => {
      await ask("DELETE", `/sequences/${one.id}`);
      return `Version ${one.version} of ${one.name} is removed.`;
    });
  const isUsed = users !== null && users.length > 0;
  return (
    <>
      <Action label={`Remove ${one.name}`} onAct={() => act(look)}>
        Remove
      </Action>
      {users === null ? null : (
        <Question
          title={isUsed ? `${one.name} is in use` : `Remove ${what}?`}
          action={isUsed ? null : "Remove it"}
          onDo={remove}
          onClose={() => setUsers(null)}
        >
          <p>
            {isUsed
              ? `Without it these could run nothing: ${namesText(users)}. Remove them first.`
              : "No deployment uses it. The version before it, if there is one, is the latest then."}
          </p>
        </Question>
      )}
    </>
  );
}

function Sequence({ id }: { id: string }) {
  const loadOne = useCallback(() => ask<SequenceDetail>("GET", `/sequences/${id}`), [id]);
  const { value } = useResource(loadOne);
  return (
    <>
      <p class="back">
        <a href="/sequences">All task sequences</a>
      </p>
      {value === null ? <p class="empty">…</p> : <Detail one={value} />}
    </>
  );
}

function Detail({ one }: { one: SequenceDetail }) {
  const { check, deployments, name, unchecked, version } = one;
  const used = namesText(deployments) || "no deployment";
  return (
    <>
      <Section title={`${name}, version ${version}`} aside={<p class="hint">{`Used by ${used}`}</p>}>
        {check === null ? <p class="risk">{`The agent has not checked it: ${unchecked}`}</p> : null}
        {check === null ? null : <Part part={check} title={name} />}
      </Section>
      {(check?.children ?? []).map((child, index) => (
        <Section key={index} title={`It brings ${child.name || "a sequence without a name"}`}>
          <Part part={child} title={child.name} />
        </Section>
      ))}
    </>
  );
}

function Part({ part, title }: { part: SequencePart; title: string }) {
  const { packages, problems } = part;
  return (
    <>
      {problems.length === 0 ? null : (
        <ul class="problems" aria-label="What may be wrong">
          {problems.map(({ line, severity, text }) => (
            <li key={`${line} ${text}`} data-severity={severity}>
              <span class="state">{severity}</span>
              {` ${text} (line ${line})`}
            </li>
          ))}
        </ul>
      )}
      {packages.length === 0 ? null : (
        <p class="hint">{`Content that it needs: ${packages.map((one) => one.id).join(", ")}`}</p>
      )}
      <SequenceTree part={part} title={title} />
    </>
  );
}
