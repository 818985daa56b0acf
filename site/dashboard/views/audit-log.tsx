/** Who did what, the newest first. */
import type { AuditEntry } from "../../../contract/accounts.ts";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { list, useResource } from "../state/resource.ts";
import { mayAdminister } from "../state/site.ts";
import { timeText } from "../../quantities.ts";

const load = (): Promise<AuditEntry[]> => list("/audit?limit=200");

export function AuditLog() {
  if (!mayAdminister.value) return <p class="empty">The audit log is for administrators.</p>;
  return <Entries />;
}

function Entries() {
  const { value } = useResource(load);
  const address = (format: string): string => `/api/v1/audit/export?format=${format}`;
  const files = (
    <p>
      <a href={address("csv")}>As CSV</a> <a href={address("json")}>As JSON</a>
    </p>
  );
  return (
    <Section title="Audit log" aside={files}>
      <Table label="Audit log" id="audit" head={["Time (UTC)", "Who", "From", "What", "About", "Outcome"]}>
        {(value ?? []).map((one) => (
          <tr key={one.sequence}>
            <td>{timeText(one.time)}</td>
            <td>{one.who}</td>
            <td>{one.address}</td>
            <td>{one.action}</td>
            <td>{one.target}</td>
            <td>{one.outcome}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
