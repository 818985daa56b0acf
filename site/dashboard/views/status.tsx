/** Status messages: what machines told, filtered and exported, and what the site tells of itself. */
import { useCallback, useState } from "preact/hooks";
import type { SiteStatusEntry, StatusEntry } from "../../../contract/status-messages.ts";
import { Choices, Field, Form, type Filled } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { detailOf } from "../state/location.ts";
import { list, useResource } from "../state/resource.ts";
import { deployments, roster } from "../state/room.ts";
import { saying } from "../state/site.ts";
import { timeText } from "../../quantities.ts";
import { anyStatus, severityTexts, statusQuery, type StatusFilter } from "../words/status.ts";

/** Of one answer. */
const shownMost = "200";

export function StatusView() {
  const machineId = detailOf("/status") ?? "";
  return <Status key={machineId} machineId={machineId} />;
}

function Status({ machineId }: { machineId: string }) {
  const [filter, setFilter] = useState<StatusFilter>({ ...anyStatus, machineId });
  const choose = async ({ text }: Filled): Promise<void> => {
    const names = Object.keys(anyStatus) as (keyof StatusFilter)[];
    setFilter(Object.fromEntries(names.map((name) => [name, text(name)])) as unknown as StatusFilter);
  };
  return (
    <div class="messages">
      <Filter filter={filter} onChoose={choose} />
      <MachineMessages key={JSON.stringify(filter)} filter={filter} />
      <SiteMessages filter={filter} />
    </div>
  );
}

interface FilterProps {
  filter: StatusFilter;
  onChoose: (filled: Filled) => Promise<void>;
}

function Filter({ filter, onChoose }: FilterProps) {
  return (
    <Section title="Which messages">
      <Form keep onSend={onChoose} class="fields" label="Which messages">
        <Field label="Machine">
          <select name="machineId">
            <option value="">any</option>
            {roster.value.map(({ id, name }) => (
              <option key={id} value={id} selected={id === filter.machineId}>
                {name}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Deployment">
          <select name="deploymentId">
            <option value="">any</option>
            <Choices of={deployments.value} />
          </select>
        </Field>
        <Field label="Severity">
          <select name="severity">
            <option value="">any</option>
            {Object.entries(severityTexts).map(([severity, text]) => (
              <option key={severity} value={severity}>
                {text}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Message identifier">
          <input name="messageId" type="number" min={0} placeholder="11135" />
        </Field>
        <Field label="From (your own time)">
          <input name="from" type="datetime-local" />
        </Field>
        <Field label="To (your own time)">
          <input name="to" type="datetime-local" />
        </Field>
        <button type="submit">Show them</button>
      </Form>
    </Section>
  );
}

function MachineMessages({ filter }: { filter: StatusFilter }) {
  const load = useCallback(
    () => list<StatusEntry>(`/status?${statusQuery(filter, { limit: shownMost })}`),
    [filter],
  );
  const { value } = useResource(load);
  const [older, setOlder] = useState<StatusEntry[]>([]);
  const all = [...(value ?? []), ...older];
  const last = all.at(-1);
  const goOn = (): Promise<void> =>
    saying(async () => {
      const query = statusQuery(filter, { limit: shownMost, before: String(last?.sequence ?? 0) });
      const more = await list<StatusEntry>(`/status?${query}`);
      setOlder([...older, ...more]);
      return more.length === 0 ? "These were all." : undefined;
    });
  const file = (format: string): string => `/api/v1/status/export?${statusQuery(filter, { format })}`;
  const files = (
    <p>
      <a href={file("csv")}>As CSV</a> <a href={file("json")}>As JSON</a>
    </p>
  );
  return (
    <Section title="Of machines" aside={files}>
      <Table
        label="Of machines"
        id="statuses"
        head={["Came (UTC)", "Machine", "Deployment", "Severity", "ID", "Message", "Step", "Code", "Said"]}
        empty="There is none of these."
      >
        {all.map((one) => (
          <tr key={one.sequence} data-severity={one.severity}>
            <td>{timeText(one.received)}</td>
            <td>{one.machine}</td>
            <td>{one.deployment}</td>
            <td class="state">{severityTexts[one.severity]}</td>
            <td>{one.messageId}</td>
            <td>{one.message}</td>
            <td>{[one.group, one.action].filter((text) => text !== "").join(": ")}</td>
            <td>{one.exitCode === 0 ? "" : one.exitCode}</td>
            <td class="said">{one.output}</td>
          </tr>
        ))}
      </Table>
      {last === undefined ? null : (
        <button type="button" onClick={() => void goOn()}>
          Older ones
        </button>
      )}
    </Section>
  );
}

function SiteMessages({ filter }: { filter: StatusFilter }) {
  const { from, messageId, severity, to } = filter;
  const load = useCallback(() => {
    const query = statusQuery({ ...anyStatus, from, messageId, severity, to }, { limit: shownMost });
    return list<SiteStatusEntry>(`/site-status?${query}`);
  }, [from, messageId, severity, to]);
  const { value } = useResource(load);
  return (
    <Section title="Of the site">
      <Table
        label="Of the site"
        id="site-statuses"
        head={["Time (UTC)", "Severity", "ID", "Message", "Of what"]}
        empty="There is none of these."
      >
        {(value ?? []).map((one) => (
          <tr key={one.sequence} data-severity={one.severity}>
            <td>{timeText(one.time)}</td>
            <td class="state">{severityTexts[one.severity]}</td>
            <td>{one.messageId}</td>
            <td>{one.message}</td>
            <td>{one.text}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
