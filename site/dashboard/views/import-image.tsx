/** A new image, of a file in the folder of the site's machine that it imports from. */
import { useState } from "preact/hooks";
import type { Importable, ImportState } from "../../../contract/administration.ts";
import { Field, Form, Tick, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import { bytesText } from "../../quantities.ts";

interface ImportImageProps {
  importable: Importable;
  act: Resource<unknown>["act"];
}

export function ImportImage({ act, importable: { files, folder } }: ImportImageProps) {
  const [chosen, setChosen] = useState("");
  const send = async ({ isOn, text }: Filled): Promise<string> => {
    const [name, index, form] = [text("name"), text("index"), text("as")];
    const { name: known } = await ask<ImportState>("POST", "/images", {
      path: text("path"),
      ...(name !== "" && { name }),
      ...(index !== "" && { index: Number(index) }),
      ...(form !== "" && { as: form }),
      encrypt: isOn("encrypt"),
    });
    setChosen("");
    return `${known} is being imported.`;
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
  return (
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
      {isWim ? (
        <>
          <Field label="Image of the WIM">
            <input name="index" type="number" min="1" placeholder="its number, where it has several" />
          </Field>
          <Field label="It becomes">
            <select name="as">
              <option value="disk">a whole disk that UEFI starts</option>
              <option value="disk-mbr">a whole disk that a BIOS starts</option>
              <option value="volume">a volume for a task sequence's partition</option>
            </select>
          </Field>
        </>
      ) : null}
      <Tick name="encrypt" label="Cast it encrypted" />
      <button type="submit">Import it</button>
    </Form>
  );
}
