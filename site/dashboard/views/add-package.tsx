/** A new package: a folder or a file of this computer, or an image of the library under a package's identifier. */
import { useState } from "preact/hooks";
import type { PackageRecord } from "../../../contract/sequence.ts";
import { Choices, Field, Form, Tick, type Filled } from "../parts/form.tsx";
import { MulticastOptions } from "../parts/multicast-choice.tsx";
import { folderArchive } from "../state/folder-archive.ts";
import type { Resource } from "../state/resource.ts";
import { images } from "../state/room.ts";
import { ask } from "../state/site.ts";
import { upload } from "../state/upload.ts";
import { pairsOf } from "../words/pairs.ts";

type Kind = PackageRecord["kind"];

export function AddPackage({ act }: { act: Resource<unknown>["act"] }) {
  const [kind, setKind] = useState<Kind>("folder");
  const send = async (filled: Filled): Promise<string> => {
    const { packageId } = await ask<PackageRecord>("POST", "/packages", await requestOf(kind, filled));
    return `Package ${packageId} is at the site.`;
  };
  return (
    <Form act={act} onSend={send} class="fields" label="Add a package">
      <Field label="It is">
        <select
          name="kind"
          value={kind}
          onChange={(event) => setKind((event.currentTarget.value as Kind | undefined) ?? "folder")}
        >
          <option value="folder">a folder</option>
          <option value="file">one file, as a WIM</option>
          <option value="image">an image of the library</option>
        </select>
      </Field>
      <Field label="Package identifier">
        <input name="packageId" required pattern="[A-Za-z0-9_\-]{1,32}" placeholder="PS100012" />
      </Field>
      {kind === "image" ? <ImageChoice /> : <FileChoice key={kind} kind={kind} />}
      <button type="submit">Add it</button>
    </Form>
  );
}

async function requestOf(kind: Kind, { data, isOn, text }: Filled): Promise<object> {
  const packageId = text("packageId");
  if (kind === "image") return { kind, packageId, imageId: text("imageId") };
  const files = data.getAll("files").filter((one) => one instanceof File && one.size > 0) as File[];
  const [first] = files;
  if (first === undefined) throw new Error("Nothing is chosen, or it is empty.");
  const use = text("multicast");
  const common = { kind, packageId, ...(use !== "" && { multicast: use }), encrypt: isOn("encrypt") };
  const name = text("name");
  if (kind === "file") {
    return { ...common, name: name || first.name, fileName: first.name, uploadId: await upload(first) };
  }
  return {
    ...common,
    name: name || first.webkitRelativePath.split("/")[0],
    driverCategory: text("category") || null,
    programs: pairsOf(text("programs")).map((one) => ({ name: one.name, commandLine: one.value })),
    uploadId: await upload(await folderArchive(files)),
  };
}

function ImageChoice() {
  return (
    <Field label="Image">
      <select name="imageId" required>
        <Choices of={images.value} />
      </select>
    </Field>
  );
}

function FileChoice({ kind }: { kind: "folder" | "file" }) {
  return (
    <>
      <Field label={kind === "folder" ? "Folder" : "File"}>
        <input
          name="files"
          type="file"
          required
          // Preact's types do not know the attribute, which every browser has.
          {...(kind === "folder" && { webkitdirectory: true })}
        />
      </Field>
      <Field label="Package's name">
        <input name="name" maxLength={100} placeholder={`as the ${kind}`} />
      </Field>
      {kind === "folder" ? (
        <>
          <Field label="Category of its drivers">
            <input name="category" maxLength={100} placeholder="of drivers alone" />
          </Field>
          <Field label="Programs">
            <textarea name="programs" rows={2} placeholder="NAME=COMMAND, a line each" />
          </Field>
        </>
      ) : null}
      <Field label="Sent by">
        <select name="multicast">
          <option value="">multicast where it is large</option>
          <MulticastOptions />
        </select>
      </Field>
      <Tick name="encrypt" label="Cast it encrypted" />
    </>
  );
}
