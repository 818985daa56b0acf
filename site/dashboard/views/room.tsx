/** The room: what is sent now, and every machine as a tile. */
import { computed, signal } from "@preact/signals";
import { MachineTile } from "../parts/machine-tile.tsx";
import { Section } from "../parts/section.tsx";
import { SessionCard } from "../parts/session-card.tsx";
import { counts, isKnown, roster, sessions, waiting } from "../state/room.ts";
import type { TileState } from "../words/machine.ts";
import { waitingText } from "../words/session.ts";

/** Sessions that ended: the latest are enough to see how it went; the sessions' own view has all. */
const endedShown = 1;

const stateNames: Record<TileState, string> = {
  failed: "Failed",
  working: "Working",
  planned: "Showing their plan",
  enrolled: "Waiting",
  succeeded: "Done",
};

/** Which machines are shown; null: all. */
const wantedState = signal<TileState | null>(null);
const wantedName = signal("");
/** As a person chose; null: by how many there are. */
const wantedDense = signal<boolean | null>(null);
/** From so many on, tiles show no more than who is where and what is wrong, so that a screen holds more of them. */
const denseFrom = 100;
const isDense = computed(() => wantedDense.value ?? roster.value.length >= denseFrom);

const shown = computed(() => {
  const name = wantedName.value.trim().toLowerCase();
  return roster.value.filter(
    (one) =>
      (wantedState.value === null || one.state === wantedState.value) &&
      (name === "" || one.name.toLowerCase().includes(name)),
  );
});

export function RoomView() {
  return (
    <>
      <Sessions />
      <Section title="Machines" aside={<Filter />}>
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
      {waiting.value.length > 0 ? (
        <ul class="waiting-sessions">
          {waiting.value.map((one) => (
            <li key={`${one.deploymentId} ${one.imageId}`}>{waitingText(one)}</li>
          ))}
        </ul>
      ) : null}
      <div class="sessions">
        {[...open, ...ended].map((session) => (
          <SessionCard key={session.id} session={session} />
        ))}
      </div>
    </Section>
  );
}

function Filter() {
  if (roster.value.length < 2) return null;
  const choices = (Object.keys(stateNames) as TileState[]).filter(
    (state) => counts.value[state] > 0 || wantedState.value === state,
  );
  const chip = (text: string, state: TileState | null) => (
    <button
      key={text}
      type="button"
      class="chip"
      data-state={state ?? undefined}
      aria-pressed={wantedState.value === state}
      onClick={() => {
        wantedState.value = state;
      }}
    >
      {text}
    </button>
  );
  return (
    <div class="filter" role="group" aria-label="Which machines are shown">
      {chip(`All ${roster.value.length}`, null)}
      {choices.map((state) => chip(`${stateNames[state]} ${counts.value[state]}`, state))}
      <button
        type="button"
        class="chip"
        aria-pressed={isDense.value}
        onClick={() => {
          wantedDense.value = !isDense.value;
        }}
      >
        Dense
      </button>
      <input
        type="search"
        aria-label="Find a machine"
        placeholder="Find a machine"
        value={wantedName.value}
        onInput={(event) => {
          wantedName.value = event.currentTarget.value;
        }}
      />
    </div>
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
