/** Imports and verifications: how far each is, how fast, and how it ended. */
import { useRef } from "preact/hooks";
import type { ImportState, VerificationState } from "../../../contract/administration.ts";
import { images } from "../state/room.ts";
import { endText, withLook, workPart, workText } from "../words/content.ts";

/** Of those that ended, the last. */
const endedShown = 5;

interface ContentWorkProps {
  imports: readonly ImportState[];
  verifications: readonly VerificationState[];
}

const stateTexts: Record<ImportState["state"], string> = {
  running: "at work",
  done: "done",
  failed: "failed",
};

export function ContentWork({ imports, verifications }: ContentWorkProps) {
  const all = [...imports, ...verifications].toSorted((one, other) => other.began.localeCompare(one.began));
  const looks = useRef(withLook(new Map(), [], 0));
  looks.current = withLook(looks.current, all, Date.now());
  const running = all.filter(({ state }) => state === "running");
  const ended = all.filter(({ state }) => state !== "running").slice(0, endedShown);
  const nameOf = (work: ImportState | VerificationState): string =>
    "imageId" in work
      ? `Verification of ${images.value.find(({ id }) => id === work.imageId)?.name ?? "an image that is gone"}`
      : `Import of ${work.name}`;
  return (
    <ul class="works">
      {[...running, ...ended].map((work) => (
        <li key={work.id} class="work" data-state={work.state}>
          <div class="head">
            <h3>{nameOf(work)}</h3>
            <span class="state">{stateTexts[work.state]}</span>
          </div>
          {work.state === "running" ? (
            <>
              <progress max={1} value={workPart(work)} aria-label={`Progress: ${nameOf(work)}`} />
              <p class="line">{workText(work, looks.current.get(work.id) ?? [])}</p>
            </>
          ) : (
            <p class="line">{endText(work)}</p>
          )}
        </li>
      ))}
    </ul>
  );
}
