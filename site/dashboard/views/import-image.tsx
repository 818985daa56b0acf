/** A new image, of a file in the folder of the site's machine that it imports from. */
import { useState } from "preact/hooks";
import type { Importable, ImportRequest, ImportState } from "../../../contract/administration.ts";
import { Field, Form, Tick, type Filled } from "../parts/form.tsx";
import { WimEditions } from "../parts/wim-editions.tsx";
import type { Resource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import { bytesText } from "../../quantities.ts";

interface ImportImageProps {
  importable: Importable;
  imports: readonly ImportState[];
  act: Resource<unknown>["act"];
}

export function ImportImage({ act, importable: { files, folder }, imports }: ImportImageProps) {
  const [chosen, setChosen] = useState("");
  /** The last one that was asked for, and what the site calls it. */
  const [last, setLast] = useState<{ id: string; request: ImportRequest } | null>(null);
  const start = async (request: ImportRequest): Promise<string> => {
    const { id, name } = await ask<ImportState>("POST", "/images", request);
    setLast({ id, request });
    return `${name} is being imported.`;
  };
  const send = async (filled: Filled): Promise<string> => {
    const said = await start(requestOf(filled));
    setChosen("");
    return said;
  };
  if (files.length === 0) {
    return (
      <p class="empty">
        {"Copy an image to "}
        <span class="code">{folder}</span>
        {
          " on the site's computer: raw, qcow2, VHD, VHDX, VMDK, WIM, or a folder of Clonezilla or FOG. It is offered here then."
        }
      </p>
    );
  }
  const isWim = /\.(wim|esd|swm)$/i.test(chosen);
  const ended = imports.find(({ id }) => id === last?.id);
  return (
    <>
      <Form act={act} onSend={send} class="fields" label="Import an image">
        <Field label={`File in ${folder}`}>
          <select
            name="path"
            required
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
          >
            <option value="">Choose a file</option>
            {files.map(({ bytes, path }) => (
              <option key={path} value={path}>
                {bytes === null ? `${path} (folder)` : `${path} (${bytesText(bytes)})`}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Name in the library">
          <input name="name" maxLength={100} placeholder="as the file" />
        </Field>
        {isWim ? <WimFields /> : null}
        <Tick name="encrypt" label="Cast it encrypted" />
        <button type="submit">Import it</button>
      </Form>
      {last !== null && ended?.error?.code === "E_IMAGE_CHOICE" ? (
        <WimEditions
          path={last.request.path}
          editions={ended.editions}
          onChoose={(index) => act(() => start({ ...last.request, index }))}
        />
      ) : null}
    </>
  );
}

/** Which of a WIM's images is asked once the site has looked into it. */
function WimFields() {
  return (
    <>
      <Field label="It becomes">
        <select name="as">
          <option value="disk">a whole disk that UEFI starts</option>
          <option value="disk-mbr">a whole disk that a BIOS starts</option>
          <option value="volume">a volume for a task sequence's partition</option>
        </select>
      </Field>
      <Field label="For disks with sectors of">
        <select name="sectorBytes">
          <option value="512">512 bytes</option>
          <option value="4096">4096 bytes (4Kn)</option>
        </select>
      </Field>
    </>
  );
}

function requestOf({ isOn, text }: Filled): ImportRequest {
  const [name, form] = [text("name"), text("as") as ImportRequest["as"] | ""];
  return {
    path: text("path"),
    ...(name !== "" && { name }),
    ...(form !== "" && { as: form, sectorBytes: text("sectorBytes") === "4096" ? 4096 : 512 }),
    encrypt: isOn("encrypt"),
  };
}
