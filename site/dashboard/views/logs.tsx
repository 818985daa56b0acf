/** Logs: which machines have brought one, and one of them. */
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { detailOf } from "../state/location.ts";
import { list, useResource } from "../state/resource.ts";
import { roster } from "../state/room.ts";
import type { KeptLog } from "../../../contract/machine-logs.ts";
import { timeText } from "../../quantities.ts";
import { MachineLogView } from "./machine-log.tsx";

export function LogsView() {
  const detail = detailOf("/logs");
  if (detail === null) return <Logs />;
  const [machineId = "", deploymentId] = detail.split("/");
  return <MachineLogView key={detail} machineId={machineId} deploymentId={deploymentId} />;
}

const load = (): Promise<KeptLog[]> => list<KeptLog>("/logs");

function Logs() {
  const { value } = useResource(load);
  if (value === null) return <p class="empty">…</p>;
  const newest = value.filter(
    (one, index) => value.findIndex(({ machineId }) => machineId === one.machineId) === index,
  );
  const others = roster.value.filter(({ id }) => newest.every(({ machineId }) => machineId !== id));
  return (
    <>
      <Section title="Logs">
        <Table
          label="Logs"
          id="logs"
          head={["Machine", "Deployment", "Came (UTC)"]}
          empty="None has come yet. A machine brings its log when a deployment fails on it, and when it is asked."
        >
          {newest.map(({ deployment, machine, machineId, received }) => (
            <tr key={machineId}>
              <td>
                <a href={`/logs/${machineId}`}>{machine || machineId}</a>
              </td>
              <td>{deployment}</td>
              <td>{timeText(received)}</td>
            </tr>
          ))}
        </Table>
      </Section>
      {others.length === 0 ? null : (
        <Section title="Machines without one">
          <ul class="names">
            {others.map(({ id, name }) => (
              <li key={id}>
                <a href={`/logs/${id}`}>{name}</a>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
