/** The room: what is sent now, and every machine as a tile. */
import { MachineTile } from "../parts/machine-tile.tsx";
import { Section } from "../parts/section.tsx";
import { SessionCard } from "../parts/session-card.tsx";
import { WaitingList } from "../parts/waiting-list.tsx";
import { isDense, RoomFilter, shown } from "./room-filter.tsx";
import { isKnown, roster, sessions, waiting } from "../state/room.ts";

/** Sessions that ended: the latest are enough to see how it went; the sessions' own view has all. */
const endedShown = 1;

export function RoomView() {
  return (
    <>
      <Sessions />
      <Section title="Machines" aside={<RoomFilter />}>
        <Tiles />
      </Section>
    </>
  );
}

function Sessions() {
  const open = sessions.value.filter(({ state }) => state !== "closed");
  const ended = sessions.value.filter(({ state }) => state === "closed").slice(0, endedShown);
  const isEmpty = isKnown.value && sessions.value.length + waiting.value.length === 0;
  return (
    <Section title="Sessions">
      {isEmpty ? (
        <p class="empty">No session is open. One starts when the first machine of a deployment joins.</p>
      ) : null}
      <WaitingList of={waiting.value} />
      <div class="sessions">
        {[...open, ...ended].map((session) => (
          <SessionCard key={session.id} session={session} />
        ))}
      </div>
    </Section>
  );
}

function Tiles() {
  if (isKnown.value && roster.value.length === 0) {
    return (
      <p class="empty">
        No machine is enrolled yet. <a href="/devices">Devices</a> makes the credential that one needs.
      </p>
    );
  }
  if (shown.value.length === 0 && roster.value.length > 0) {
    return <p class="empty">No machine is as asked for.</p>;
  }
  return (
    <ul class={isDense.value ? "machines dense" : "machines"}>
      {shown.value.map(({ id }) => (
        <MachineTile key={id} id={id} />
      ))}
    </ul>
  );
}
