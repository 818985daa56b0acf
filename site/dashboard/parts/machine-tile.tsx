/** A machine of the room. It follows its own text alone, so that the others are left as they are. */
import { tileSignal } from "../state/room.ts";
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
      {text.step === "" ? null : <p class="step">{text.step}</p>}
      {text.line === "" ? null : <p class="line">{text.line}</p>}
      {text.figures.length > 0 ? <Figures text={text} /> : null}
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
