/** How fast a session sent in the last minutes, as a line under which the room is filled. */
import { ratesOf, rateSamples } from "../state/rates.ts";
import { rateText } from "../../quantities.ts";

const width = 360;
const height = 64;

/** The least round number of a rate that is not below `value`: 1, 2 or 5 with zeros. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((one) => one >= value) ?? 10 * power;
}

interface RatePlotProps {
  sessionId: string;
  name: string;
}

export function RatePlot({ name, sessionId }: RatePlotProps) {
  const rates = ratesOf(sessionId).value;
  const now = rates.at(-1) ?? 0;
  const most = Math.max(...rates, 0);
  const top = roundUp(most);
  const points = rates.map((rate, index) => {
    const x = width - ((rates.length - 1 - index) / (rateSamples - 1)) * width;
    return `${x.toFixed(1)},${(height - 1 - (rate / top) * (height - 3)).toFixed(1)}`;
  });
  const first = points[0]?.split(",")[0] ?? "0";
  const told = `Rate of ${name} over the last minutes: now ${rateText(now)}, at most ${rateText(most)}`;
  return (
    <figure class="plot">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={told}>
        <line x1="0" x2={width} y1={height / 2} y2={height / 2} class="grid" />
        {points.length > 1 ? (
          <>
            <polygon points={`${first},${height} ${points.join(" ")} ${width},${height}`} class="area" />
            <polyline points={points.join(" ")} class="line" />
          </>
        ) : null}
      </svg>
      <figcaption aria-hidden="true">
        <span>{most === 0 ? "0 B/s" : rateText(top)}</span>
        <span>{rateSamples / 60} minutes</span>
      </figcaption>
    </figure>
  );
}
