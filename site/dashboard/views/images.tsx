/** Images: what the library holds and who uses it, what goes on in it, and a new one. */
import { useState } from "preact/hooks";
import type {
  DeploymentRecord,
  Importable,
  ImageRecord,
  ImportState,
  VerificationState,
} from "../../../contract/administration.ts";
import type { PackageRecord } from "../../../contract/sequence.ts";
import { Action } from "../parts/form.tsx";
import { MulticastChoice } from "../parts/multicast-choice.tsx";
import { Question } from "../parts/question.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { ContentWork } from "../parts/content-work.tsx";
import { list, useResource, type Resource } from "../state/resource.ts";
import { deployments, images } from "../state/room.ts";
import { ask, mayAdminister } from "../state/site.ts";
import { firmwareText, sentText } from "../words/content.ts";
import { byName } from "../words/machine.ts";
import { bytesText, namesText, timeText } from "../../quantities.ts";
import { BringImage } from "./bring-image.tsx";
import { ImportImage } from "./import-image.tsx";

interface Content {
  imports: ImportState[];
  verifications: VerificationState[];
  packages: PackageRecord[];
  /** Null for who may not import. */
  importable: Importable | null;
}

async function load(): Promise<Content> {
  const [imports, verifications, packages] = await Promise.all([
    list<ImportState>("/imports"),
    list<VerificationState>("/verifications"),
    list<PackageRecord>("/packages"),
  ]);
  const importable = mayAdminister.value ? await ask<Importable>("GET", "/importable") : null;
  return { imports, verifications, packages, importable };
}

const lookMs = 1000;

export function ImagesView() {
  const content = useResource(load, { everyMs: lookMs });
  if (content.value === null) return <p class="empty">…</p>;
  const { importable, imports, packages, verifications } = content.value;
  return (
    <>
      <Section title="Images">
        <Images packages={packages} act={content.act} />
      </Section>
      {imports.length + verifications.length === 0 ? null : (
        <Section title="Imports and verifications">
          <ContentWork imports={imports} verifications={verifications} />
        </Section>
      )}
      {importable === null ? null : (
        <Section title="Import an image">
          <ImportImage importable={importable} imports={imports} act={content.act} />
          <BringImage importable={importable} act={content.act} />
        </Section>
      )}
    </>
  );
}

/** The names of what stands in the way of its removal. */
function usersOf(image: ImageRecord, packages: readonly PackageRecord[]): string[] {
  const used = deployments.value.filter((one: DeploymentRecord) => one.imageId === image.id);
  const packed = packages.filter(({ imageId }) => imageId === image.id);
  return [
    ...used.map(({ name }) => `deployment ${name}`),
    ...packed.map(({ packageId }) => `package ${packageId}`),
  ];
}

interface ImagesProps {
  packages: readonly PackageRecord[];
  act: Resource<unknown>["act"];
}

function Images({ act, packages }: ImagesProps) {
  const [leaving, setLeaving] = useState<ImageRecord | null>(null);
  const known = images.value.toSorted((one, other) => byName(one.name, other.name));
  return (
    <>
      <Table
        label="Images"
        id="images"
        head={[
          "Name",
          "Size",
          "Stored",
          "Boots with",
          "Sent by",
          "Used by",
          "Root (BLAKE3)",
          "Imported (UTC)",
          "",
        ]}
        empty="There is none yet."
      >
        {known.map((image) => (
          <tr key={image.id}>
            <td>{image.name}</td>
            <td>{bytesText(image.bytes)}</td>
            <td>{bytesText(image.contentBytes)}</td>
            <td>{firmwareText(image)}</td>
            <td>
              <SentBy image={image} act={act} />
            </td>
            <td>{namesText(usersOf(image, packages), 3) || "nothing"}</td>
            <td class="code root">{image.root}</td>
            <td>{timeText(image.imported)}</td>
            <td class="actions">
              {mayAdminister.value ? (
                <ImageActions image={image} act={act} onRemove={() => setLeaving(image)} />
              ) : null}
            </td>
          </tr>
        ))}
      </Table>
      {leaving === null ? null : (
        <Removal
          image={leaving}
          users={usersOf(leaving, packages)}
          act={act}
          onClose={() => setLeaving(null)}
        />
      )}
    </>
  );
}

function SentBy({ act, image }: { image: ImageRecord; act: Resource<unknown>["act"] }) {
  const { id, multicast, name } = image;
  if (!mayAdminister.value) return <>{sentText(image)}</>;
  const choose = (use: ImageRecord["multicast"]): Promise<void> =>
    act(async () => {
      const now = await ask<ImageRecord>("POST", `/images/${id}/multicast`, { multicast: use });
      return `${name} is sent by ${sentText(now)}, in sessions from now on.`;
    });
  return <MulticastChoice label={`How ${name} is sent`} use={multicast} onChoose={choose} />;
}

interface ImageActionsProps {
  image: ImageRecord;
  act: Resource<unknown>["act"];
  onRemove: () => void;
}

function ImageActions({ act, image: { encrypt, id, name }, onRemove }: ImageActionsProps) {
  const verify = async (): Promise<string> => {
    await ask("POST", `/images/${id}/verify`, {});
    return `${name} is being read and compared with its manifest.`;
  };
  const changeEncryption = async (): Promise<string> => {
    await ask("POST", `/images/${id}/encryption`, { encrypt: !encrypt });
    return `${name} is cast ${encrypt ? "without encryption" : "encrypted"}, in sessions from now on.`;
  };
  const encryption = encrypt ? "Do not encrypt" : "Encrypt";
  return (
    <>
      <Action label={`Verify ${name}`} onAct={() => act(verify)}>
        Verify
      </Action>
      <Action label={`${encryption} ${name}`} onAct={() => act(changeEncryption)}>
        {encryption}
      </Action>
      <Action label={`Remove ${name}`} onAct={onRemove}>
        Remove
      </Action>
    </>
  );
}

interface RemovalProps {
  image: ImageRecord;
  users: readonly string[];
  act: Resource<unknown>["act"];
  onClose: () => void;
}

function Removal({ act, image: { contentBytes, id, name }, onClose, users }: RemovalProps) {
  const remove = (): Promise<void> =>
    act(async () => {
      await ask("DELETE", `/images/${id}`);
      return `Image ${name} is removed.`;
    });
  const isUsed = users.length > 0;
  return (
    <Question
      title={isUsed ? `${name} is in use` : `Remove ${name}?`}
      action={isUsed ? null : "Remove it"}
      onDo={remove}
      onClose={onClose}
    >
      {isUsed ? (
        <p>{`Without it these could deploy nothing: ${namesText(users)}. Remove them first.`}</p>
      ) : (
        <p>
          {`No deployment and no package uses it. ${bytesText(contentBytes)} of the library are freed, and computers that hold it are left as they are. To have it back it is imported anew.`}
        </p>
      )}
    </Question>
  );
}
