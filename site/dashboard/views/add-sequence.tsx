/** A task sequence from a file of this computer; one of a known name is its next version. */
import type { SequenceRecord } from "../../../contract/sequence.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import { upload } from "../state/upload.ts";

export function AddSequence({ act }: { act: Resource<unknown>["act"] }) {
  const send = async ({ data, text }: Filled): Promise<string> => {
    const file = data.get("file");
    if (!(file instanceof File) || file.size === 0) throw new Error("No file is chosen, or it is empty.");
    const { name, version } = await ask<SequenceRecord>("POST", "/sequences", {
      name: text("name") || file.name.replace(/\.[^.]*$/, ""),
      packageId: text("packageId") || null,
      fileName: file.name,
      uploadId: await upload(file),
    });
    return `Version ${version} of ${name} is at the site.`;
  };
  return (
    <Form act={act} onSend={send} class="fields" label="Add a task sequence">
      <Field label="XML, or the console's .zip">
        <input name="file" type="file" accept=".xml,.zip" required />
      </Field>
      <Field label="Sequence's name">
        <input name="name" maxLength={100} placeholder="as the file; a known one gets a version" />
      </Field>
      <Field label="Identifier for parents">
        <input name="packageId" placeholder="PS100045" />
      </Field>
      <button type="submit">Add it</button>
    </Form>
  );
}
