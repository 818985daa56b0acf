/** Which machines of the room are shown: by state, deployment, building and name; and how densely. */
import { computed, signal, type Signal } from "@preact/signals";
import { Choices } from "../parts/form.tsx";
import { counts, deployments, points, roster } from "../state/room.ts";
import { siteBuilding, stateNames, type TileState } from "../words/machine.ts";

/** Which machines are shown; null: all. */
const wantedState = signal<TileState | null>(null);
const wantedName = signal("");
/** By identifier; empty: any. */
const wantedDeployment = signal("");
/** By name; empty: any. */
const wantedBuilding = signal("");
/** As a person chose; null: by how many there are. */
const wantedDense = signal<boolean | null>(null);
/** From so many on, tiles show no more than who is where and what is wrong, so that a screen holds more of them. */
const denseFrom = 100;
export const isDense = computed(() => wantedDense.value ?? roster.value.length >= denseFrom);

export const shown = computed(() => {
  const name = wantedName.value.trim().toLowerCase();
  return roster.value.filter(
    (one) =>
      (wantedState.value === null || one.state === wantedState.value) &&
      (wantedDeployment.value === "" || one.deploymentId === wantedDeployment.value) &&
      (wantedBuilding.value === "" || one.building === wantedBuilding.value) &&
      (name === "" || one.name.toLowerCase().includes(name)),
  );
});

/** Deployments that a machine of the room is in. */
const deployed = computed(() => {
  const taken = new Set(roster.value.map(({ deploymentId }) => deploymentId));
  return deployments.value.filter(({ id }) => taken.has(id));
});
const buildings = computed(() =>
  [siteBuilding, ...points.value.map(({ name }) => name)].map((name) => ({ id: name, name })),
);

interface ChoiceProps {
  label: string;
  /** What is said where none is chosen. */
  any: string;
  wanted: Signal<string>;
  of: readonly { id: string; name: string }[];
}

function Choice({ any, label, of, wanted }: ChoiceProps) {
  return (
    <select
      aria-label={label}
      value={wanted.value}
      onChange={(event) => {
        wanted.value = event.currentTarget.value;
      }}
    >
      <option value="">{any}</option>
      <Choices of={of} />
    </select>
  );
}

export function RoomFilter() {
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
      <Choice label="Deployment" any="Any deployment" wanted={wantedDeployment} of={deployed.value} />
      {points.value.length === 0 ? null : (
        <Choice label="Building" any="Any building" wanted={wantedBuilding} of={buildings.value} />
      )}
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
