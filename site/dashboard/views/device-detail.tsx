/** One device: what is known of it, its variables, what it has for its deployments, and its recovery passwords. */
import { useCallback, useState } from "preact/hooks";
import type { SignedReport } from "../../../contract/deployment-report.ts";
import type { DeviceRecord } from "../../../contract/devices.ts";
import type { RecoveryKey } from "../../../contract/recovery-keys.ts";
import type { KeptState } from "../../../contract/sequence.ts";
import { Facts } from "../parts/facts.tsx";
import { Action } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { Variables } from "../parts/variables.tsx";
import { keepFile } from "../state/keep-file.ts";
import { list, useResource } from "../state/resource.ts";
import { ask, mayAdminister, mayOperate, saying } from "../state/site.ts";
import { bytesText, keptStateText, timeText } from "../../quantities.ts";
import { deviceName, deviceState } from "../words/deployment.ts";

export function DeviceDetail({ device }: { device: DeviceRecord }) {
  const { id, machineId } = device;
  const name = deviceName(device);
  const report = (): Promise<void> =>
    saying(async () => {
      const signed = await ask<SignedReport>("GET", `/machines/${machineId}/report`);
      keepFile(`report-${name}.json`, new Blob([JSON.stringify(signed)], { type: "application/json" }));
    });
  const answerAgain = (): Promise<void> =>
    saying(async () => {
      await ask("POST", "/pxe/clear", { machines: [machineId] });
      return `Network boot answers ${name} as if it had taken no required deployment.`;
    });
  const links =
    machineId === null ? null : (
      <p>
        <a href={`/logs/${machineId}`}>Its log</a> <a href={`/status/${machineId}`}>Its status messages</a>{" "}
        <Action label={`Signed report of the deployment of ${name}`} onAct={report}>
          Signed report
        </Action>
        {mayOperate.value ? (
          <Action label={`Network boot once more for ${name}`} onAct={answerAgain}>
            Network boot once more
          </Action>
        ) : null}
      </p>
    );
  return (
    <>
      <Section title={name} aside={links}>
        <Facts facts={factsOf(device)} />
      </Section>
      <Variables
        address={`/devices/${id}/variables`}
        hint="They count over its collections' and its deployment's."
      />
      {machineId === null ? null : (
        <>
          <UserState machineId={machineId} name={name} />
          {mayAdminister.value ? <RecoveryKeys id={id} name={name} /> : null}
        </>
      )}
    </>
  );
}

function factsOf(device: DeviceRecord): [string, string][] {
  const { added, facts, lastSeen, mac, uuid } = device;
  const told: [string, string][] = [
    ["State", deviceState(device)],
    ["UUID", uuid ?? facts?.smbiosUuid ?? "not known"],
    ["MAC", facts?.macAddresses.join(", ") || (mac ?? "not known")],
    ["Known since (UTC)", timeText(added)],
    ["Last seen (UTC)", timeText(lastSeen)],
  ];
  if (facts === null) return told;
  return [
    ...told,
    ["Model", `${facts.manufacturer ?? ""} ${facts.model ?? ""}`.trim() || "not known"],
    ["Serial number", facts.serial ?? "not known"],
    ["Firmware", facts.firmware],
    ["Memory", bytesText(facts.memoryBytes)],
    ["Agent", `${facts.agentVersion} on ${facts.operatingSystem}`],
  ];
}

/** Asked for when somebody wants to see them, since the site writes down who did. */
function RecoveryKeys({ id, name }: { id: string; name: string }) {
  const [keys, setKeys] = useState<RecoveryKey[] | null>(null);
  const show = (): Promise<void> =>
    saying(async () => setKeys(await list<RecoveryKey>(`/devices/${id}/recovery-keys`)));
  return (
    <Section title="BitLocker recovery" aside={<p class="hint">Who looks is written into the audit log.</p>}>
      {keys === null ? (
        <Action label={`Show recovery passwords of ${name}`} onAct={show}>
          Show recovery passwords
        </Action>
      ) : (
        <Table
          label="BitLocker recovery"
          id="recovery-keys"
          head={["Key identifier", "Drive", "Recovery password", "Deployment", "Kept since (UTC)"]}
          empty="The site keeps none of this device."
        >
          {keys.map((key) => (
            <tr key={key.id}>
              <td class="code">{key.id}</td>
              <td>{key.drive}</td>
              <td class="code">{key.password}</td>
              <td>{key.deployment}</td>
              <td>{timeText(key.kept)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

/** What it captured for a migration goes by itself some days after it was restored. */
function UserState({ machineId, name }: { machineId: string; name: string }) {
  const load = useCallback(() => ask<KeptState>("GET", `/machines/${machineId}/state`), [machineId]);
  const { act, value } = useResource(load);
  if (value === null) return null;
  const drop = (): Promise<void> =>
    act(async () => {
      await ask("DELETE", `/machines/${machineId}/state`);
      return `The user state of ${name} is gone from the site.`;
    });
  return (
    <Section title="Migrated user state">
      <p>{keptStateText(value)}</p>
      {value.kept !== null && mayAdminister.value ? (
        <Action label={`Drop the user state of ${name}`} onAct={drop}>
          Drop the user state
        </Action>
      ) : null}
    </Section>
  );
}
