/**
 * The agent's icon, drawn here: a disk that waves reach from one point, as one sender reaches a room. Everything is in
 * parts of the picture's side, so that one drawing serves every size.
 */
import { deflateSync } from "node:zlib";

type Colour = readonly [red: number, green: number, blue: number];
const night: Colour = [18, 44, 74];
const wave: Colour = [120, 200, 255];
const ball: Colour = [255, 184, 60];

/** Points of a pixel's side at which it is looked at, in each direction: what makes edges smooth. */
const samples = 4;

/** Colour at a place, 0 to 1 from the upper left corner; null outside the picture. */
function colourAt(x: number, y: number): Colour | null {
  const corner = 0.18;
  const [inX, inY] = [Math.max(corner - x, x - 1 + corner, 0), Math.max(corner - y, y - 1 + corner, 0)];
  if (Math.hypot(inX, inY) > corner) return null;
  const [fromX, fromY] = [x - 0.24, 0.76 - y];
  const distance = Math.hypot(fromX, fromY);
  if (distance < 0.12) return ball;
  const isAhead = fromX > 0 && fromY > 0;
  if (isAhead && [0.26, 0.42, 0.58].some((radius) => Math.abs(distance - radius) < 0.045)) return wave;
  return night;
}

/** Rows from the top, four bytes a pixel: red, green, blue, opacity. */
export function drawIcon(side: number): Buffer {
  const pixels = Buffer.alloc(side * side * 4);
  for (let at = 0; at < side * side; at += 1) {
    const sum = [0, 0, 0];
    let hits = 0;
    for (let sample = 0; sample < samples * samples; sample += 1) {
      const place = (pixel: number, part: number): number => (pixel + (part + 0.5) / samples) / side;
      const colour = colourAt(
        place(at % side, sample % samples),
        place(Math.floor(at / side), Math.floor(sample / samples)),
      );
      if (colour === null) continue;
      hits += 1;
      for (const [index, value] of colour.entries()) sum[index] = (sum[index] ?? 0) + value;
    }
    const colours = sum.map((value) => (hits === 0 ? 0 : Math.round(value / hits)));
    pixels.set([...colours, Math.round((255 * hits) / samples ** 2)], at * 4);
  }
  return pixels;
}

/** As PNG ("Portable Network Graphics", W3C): eight bits a channel, no filter. */
export function pngOf(pixels: Buffer, side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const rows = Array.from({ length: side }, (_, row) =>
    Buffer.concat([Buffer.of(0), pixels.subarray(row * side * 4, (row + 1) * side * 4)]),
  );
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(Buffer.concat(rows), { level: 9 })),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(checksum(body), body.length + 4);
  return chunk;
}

/** CRC-32 as the standard's annex D has it. */
function checksum(bytes: Buffer): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest & 1) === 0 ? rest >>> 1 : (rest >>> 1) ^ 0xedb88320;
  }
  return (rest ^ 0xffffffff) >>> 0;
}
