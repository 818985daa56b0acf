/** A file of this computer, brought to the folder that images are imported from. */
import { useState } from "preact/hooks";
import type { Importable } from "../../../contract/administration.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import { upload, uploadBytesMost } from "../state/upload.ts";
import { bytesText } from "../../quantities.ts";

/** Formats that the site knows, by the ends of files' names. */
const accepted = ".raw,.img,.dd,.bin,.iso,.qcow2,.vhd,.vhdx,.vmdk,.wim,.esd,.swm";

interface Bringing {
  name: string;
  bytes: number;
  received: number;
}

interface BringImageProps {
  importable: Importable;
  act: Resource<unknown>["act"];
}

export function BringImage({ act, importable: { files, folder } }: BringImageProps) {
  const [bringing, setBringing] = useState<Bringing | null>(null);
  const send = async ({ data }: Filled): Promise<string> => {
    const file = data.get("file");
    if (!(file instanceof File) || file.size === 0) throw new Error("Nothing is chosen, or it is empty.");
    const { name, size: bytes } = file;
    if (files.some(({ path }) => path === name)) throw new Error(`There is a file ${name} in ${folder}.`);
    setBringing({ name, bytes, received: 0 });
    try {
      const uploadId = await upload(file, (received) => setBringing({ name, bytes, received }));
      await ask("POST", "/importable", { uploadId, fileName: name });
      return `${name} is at the site, and can be imported.`;
    } finally {
      setBringing(null);
    }
  };
  return (
    <Form act={act} onSend={send} class="fields" label="Bring a file of this computer">
      <p class="hint">
        {`A large image is better copied to ${folder} on the site's computer, or imported there by volley image import: a browser keeps all of a file in its memory, has to stay open, and sends none of more than ${bytesText(uploadBytesMost)}.`}
      </p>
      <Field label="File of this computer">
        <input name="file" type="file" required accept={accepted} />
      </Field>
      <button type="submit" disabled={bringing !== null}>
        Bring it
      </button>
      {bringing === null ? null : (
        <div class="work" data-state="running">
          <progress
            max={bringing.bytes}
            value={bringing.received}
            aria-label={`Progress of ${bringing.name}`}
          />
          <p class="line">{`${bytesText(bringing.received)} of ${bytesText(bringing.bytes)}`}</p>
        </div>
      )}
    </Form>
  );
}
