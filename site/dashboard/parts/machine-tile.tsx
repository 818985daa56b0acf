/** A machine of the room. It follows its own text alone, so that the others are left as they are. */
import { deploymentNames, points, tileSignal } from "../state/room.ts";
import type { TileText } from "../words/machine.ts";

export function MachineTile({ id }: { id: string }) {
  const text = tileSignal(id).value;
  return (
    <li class="machine" data-state={text.state}>
      <div class="head">
        <h3>
          <a href={`/logs/${id}`} title={`The log of ${text.name}`}>
            {text.name}
          </a>
        </h3>
        <span class="state">{text.stateText}</span>
      </div>
      <progress max={1} value={text.part} aria-label={`Progress of ${text.name}`} />
      <Place text={text} />
      {text.step === "" ? null : <p class="step">{text.step}</p>}
      {text.line === "" ? null : <p class="line">{text.line}</p>}
      {text.figures.length > 0 ? <Figures text={text} /> : null}
      {text.pace === "" ? null : <p class="line pace">{text.pace}</p>}
      {text.wait === "" ? null : (
        <p class="line wait" title={text.wait}>
          {text.wait}
        </p>
      )}
      {text.problem === "" ? null : (
        <div class="problem">
          <p class="detail" title={text.problem}>
            {text.problem}
          </p>
          <p>{text.remedy}</p>
        </div>
      )}
    </li>
  );
}

/** Which deployment, and in which building where there are several. */
function Place({ text: { building, deploymentId } }: { text: TileText }) {
  const deployment = deploymentNames.value.get(deploymentId ?? "") ?? "";
  const where = points.value.length === 0 ? "" : building;
  const told = [deployment, where].filter((one) => one !== "").join(", ");
  return told === "" ? null : <p class="place">{told}</p>;
}

function Figures({ text }: { text: TileText }) {
  return (
    <dl class="figures">
      {text.figures.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
