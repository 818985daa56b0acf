/** Distribution points in other buildings: which are there, what has come to each, and what each sends. */
import type { PointRecord } from "../../../contract/point.ts";
import type { PackageRecord } from "../../../contract/sequence.ts";
import { Facts } from "../parts/facts.tsx";
import { Action } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { SessionCard } from "../parts/session-card.tsx";
import { WaitingList } from "../parts/waiting-list.tsx";
import { list, useResource } from "../state/resource.ts";
import { images, isKnown, points, sessions, waiting } from "../state/room.ts";
import { ask, mayAdminister, mayOperate, saying } from "../state/site.ts";
import { addressText, copiesOf, copyRuleText, pointState } from "../words/point.ts";
import { timeText } from "../../quantities.ts";
import { CopyImage, CopyPackage, NewPoint, PointAdministration } from "./point-administration.tsx";

/** Packages come and go without a word to the page. */
const lookMs = 5000;
const loadPackages = (): Promise<PackageRecord[]> => list<PackageRecord>("/packages");

export function PointsView() {
  const packages = useResource(loadPackages, { everyMs: lookMs }).value ?? [];
  if (!isKnown.value) return <p class="empty">…</p>;
  return (
    <>
      {points.value.map((point) => (
        <Point key={point.id} point={point} packages={packages} />
      ))}
      {points.value.length === 0 || mayAdminister.value ? (
        <Section title="Distribution points in other buildings">
          {points.value.length === 0 ? (
            <p class="empty">There is none: the site itself sends to every machine.</p>
          ) : null}
          {mayAdminister.value ? <NewPoint /> : null}
        </Section>
      ) : null}
    </>
  );
}

function Point({ packages, point }: { point: PointRecord; packages: readonly PackageRecord[] }) {
  const facts: [string, string][] = [
    ["State", pointState(point)],
    ["Address", addressText(point)],
    ["Its machines", point.boundaries.join(", ") || "none yet"],
    ["Content comes", copyRuleText(point)],
    ["Last seen (UTC)", point.lastSeen === null ? "never" : timeText(point.lastSeen)],
  ];
  const own = sessions.value.filter((session) => session.point === point.name && session.state !== "closed");
  return (
    <Section title={point.name}>
      <Facts facts={facts} state={point.here ? "here" : "away"} />
      <Copies point={point} />
      {mayOperate.value && !point.allImages ? <CopyImage point={point} /> : null}
      {mayOperate.value && !point.allPackages ? <CopyPackage point={point} packages={packages} /> : null}
      <WaitingList of={waiting.value.filter((one) => one.point === point.name)} />
      {own.length === 0 ? (
        <p class="empty">No session is open there.</p>
      ) : (
        <div class="sessions">
          {own.map((session) => (
            <SessionCard key={session.id} session={session} />
          ))}
        </div>
      )}
      {mayAdminister.value ? <PointAdministration point={point} /> : null}
    </Section>
  );
}

function Copies({ point }: { point: PointRecord }) {
  const copies = copiesOf(point, images.value);
  if (copies.length === 0) return <p class="empty">Nothing is to be there.</p>;
  return (
    <ul class="works" aria-label={`Content of ${point.name}`}>
      {copies.map(({ isChosen, isWhole, name, part, path, text, trouble }) => (
        <li key={path} class="work" data-state={stateOf(isWhole, trouble)}>
          <div class="head">
            <h3>{name}</h3>
            <span class="state">{isWhole ? "there" : trouble === "" ? "on its way" : "held up"}</span>
          </div>
          <progress max={1} value={part} aria-label={`${name} at ${point.name}`} />
          <p class="line">{text}</p>
          {trouble === "" ? null : <p class="risk">{trouble}</p>}
          {mayOperate.value && isChosen ? (
            <p>
              <Action
                label={`Take it away from ${point.name}: ${name}`}
                onAct={() =>
                  saying(async () => {
                    await ask("POST", `${path}/points`, { remove: [point.id] });
                    return `${name} is no longer copied to ${point.name}.`;
                  })
                }
              >
                Take it away
              </Action>
            </p>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function stateOf(isWhole: boolean, trouble: string): string {
  if (isWhole) return "done";
  return trouble === "" ? "running" : "failed";
}
