/** The picture of the scale benchmark: cost against receivers, ours and plain retransmission, one line each. */
import type { Point } from "./scale.ts";

const width = 720;
const height = 400;
const left = 64;
const right = width - 190;
const top = 40;
const bottom = height - 50;
const colours = ["#1b7f5c", "#1f5fbf", "#8a4fbf", "#b06000"];

/** An SVG that reads on a light and on a dark page. */
export function plotScale(points: readonly Point[]): string {
  const mostReceivers = Math.max(...points.map(({ receivers }) => receivers), 10);
  const mostCost = Math.max(...points.flatMap(({ more, plain }) => [more, plain]));
  const x = (receivers: number): number =>
    left + ((right - left) * Math.log10(receivers)) / Math.log10(mostReceivers);
  const y = (cost: number): number => bottom - ((bottom - top) * cost) / mostCost;
  const path = (places: readonly (readonly [number, number])[]): string =>
    places.map(([a, b], i) => `${i === 0 ? "M" : "L"}${a.toFixed(1)} ${b.toFixed(1)}`).join(" ");
  const names = [...new Set(points.map((point) => point.case))];
  const parts: string[] = [];
  for (let receivers = 1; receivers <= mostReceivers; receivers *= 10) {
    parts.push(line(x(receivers), top, x(receivers), bottom, "grid"));
    parts.push(text(x(receivers), bottom + 20, receivers.toLocaleString("en"), "middle"));
  }
  const step = mostCost > 2 ? 0.5 : 0.2;
  for (let cost = 0; cost <= mostCost; cost += step) {
    parts.push(line(left, y(cost), right, y(cost), "grid"));
    parts.push(text(left - 8, y(cost) + 4, `${Math.round(cost * 100)} %`, "end"));
  }
  names.forEach((name, i) => {
    const colour = colours[i % colours.length] ?? "#333";
    const own = points.filter((point) => point.case === name);
    const ours = own.map(({ more, receivers }) => [x(receivers), y(more)] as const);
    const plain = own.map(({ plain: cost, receivers }) => [x(receivers), y(cost)] as const);
    parts.push(`<path d="${path(ours)}" fill="none" stroke="${colour}" stroke-width="2.5"/>`);
    const isBurst = name.includes("burst");
    if (!isBurst) {
      parts.push(
        `<path d="${path(plain)}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="5 4"/>`,
      );
    }
    parts.push(line(right + 14, top + 12 + i * 20, right + 38, top + 12 + i * 20, "key", colour));
    parts.push(text(right + 44, top + 16 + i * 20, name, "start"));
  });
  parts.push(text(right + 14, top + 24 + names.length * 20, "dashed: plain", "start"));
  parts.push(text(right + 14, top + 40 + names.length * 20, "retransmission", "start"));
  parts.push(text((left + right) / 2, height - 10, "receivers", "middle"));
  parts.push(text(left - 40, 22, "datagrams beyond those for one receiver without loss", "start"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
<style>.grid { stroke: #ddd } text { fill: #222 }</style>
${parts.join("\n")}
</svg>
`;
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string, colour?: string): string {
  const stroke = colour === undefined ? "" : ` stroke="${colour}" stroke-width="2.5"`;
  return `<line class="${kind}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"${stroke}/>`;
}

function text(x: number, y: number, words: string, anchor: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
}
