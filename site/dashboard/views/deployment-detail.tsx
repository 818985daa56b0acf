/** One deployment: how far each of its machines came in it, whatever they did afterwards. */
import { useCallback } from "preact/hooks";
import type { DeploymentMachine } from "../../../contract/administration.ts";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { list, useResource } from "../state/resource.ts";
import { deployments } from "../state/room.ts";
import { countsText, countsOf } from "../words/deployment.ts";
import { stateNames } from "../words/machine.ts";
import { resultText, timeText } from "../../quantities.ts";

const lookMs = 2000;

export function DeploymentDetail({ id }: { id: string }) {
  const load = useCallback(() => list<DeploymentMachine>(`/deployments/${id}/machines`), [id]);
  const machines = useResource(load, { everyMs: lookMs }).value;
  const name = deployments.value.find((one) => one.id === id)?.name ?? "that is not known";
  return (
    <>
      <p class="back">
        <a href="/deployments">All deployments</a>
      </p>
      <Section
        title={`Deployment ${name}`}
        aside={<p class="hint">{machines === null ? "" : countsText(countsOf(machines))}</p>}
      >
        {machines === null ? <p class="empty">…</p> : <Machines deploymentId={id} machines={machines} />}
      </Section>
    </>
  );
}

interface MachinesProps {
  deploymentId: string;
  machines: readonly DeploymentMachine[];
}

function Machines({ deploymentId, machines }: MachinesProps) {
  return (
    <Table
      label="Machines"
      id="deployment-machines"
      head={["Machine", "State", "Result", "Told last (UTC)", "Log"]}
      empty="It is for no machine that has enrolled."
    >
      {machines.map((machine) => (
        <tr key={machine.id} data-state={machine.state}>
          <td>{machine.name}</td>
          <td class="state">{stateNames[machine.state]}</td>
          <td>{resultText(machine)}</td>
          <td>{machine.updated === null ? "" : timeText(machine.updated)}</td>
          <td>
            {machine.updated === null ? null : (
              <a href={`/logs/${machine.id}/${deploymentId}`} aria-label={`Log of ${machine.name}`}>
                Log
              </a>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
