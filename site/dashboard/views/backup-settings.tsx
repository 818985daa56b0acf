/** A backup of the site into a file of this computer, and how the last one went. */
import type { AuditEntry } from "../../../contract/accounts.ts";
import { Facts } from "../parts/facts.tsx";
import { Field, Form, type Filled } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { keepFile } from "../state/keep-file.ts";
import { list, useResource } from "../state/resource.ts";
import { askFile, mayAdminister } from "../state/site.ts";
import { bytesText, timeText } from "../../quantities.ts";

export function BackupSettings() {
  if (!mayAdminister.value) return <p class="empty">Backups are for administrators.</p>;
  return <Backup />;
}

/** The audit log has every backup that somebody asked for, and what came of it. */
const load = (): Promise<AuditEntry[]> => list<AuditEntry>("/audit?text=/api/v1/backup&limit=1");

function Backup() {
  const { act, value } = useResource(load);
  if (value === null) return <p class="empty">…</p>;
  const [last] = value;
  const make = async ({ typed }: Filled): Promise<string> => {
    const passphrase = typed("passphrase");
    if (passphrase !== typed("again")) throw new Error("The passphrase is not the same both times.");
    const file = await askFile("/backup", { passphrase });
    keepFile(`volley-${new Date().toISOString().slice(0, 10)}.backup`, file);
    return `The backup has ${bytesText(file.size)}. Read it back with volley restore --verify.`;
  };
  return (
    <Section title="Backup">
      {last === undefined ? <p class="empty">Nobody has made one.</p> : <Facts facts={factsOf(last)} />}
      <p>
        It holds the database, the keys and the small files, sealed under the passphrase, which is nowhere
        else. Images and other large content are not in it, and are copied as files.
      </p>
      <Form act={act} onSend={make} class="fields" label="Make a backup">
        <Field label="Passphrase">
          <input name="passphrase" type="password" autocomplete="new-password" minLength={12} required />
        </Field>
        <Field label="Once more">
          <input name="again" type="password" autocomplete="new-password" minLength={12} required />
        </Field>
        <button type="submit">Make a backup</button>
      </Form>
    </Section>
  );
}

function factsOf({ outcome, time, who }: AuditEntry): [string, string][] {
  return [
    ["Last asked for (UTC)", timeText(time)],
    ["By", who],
    ["It", outcome === "done" ? "succeeded" : `failed: ${outcome}`],
  ];
}
