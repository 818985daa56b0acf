/**
 * One end of a TCP download, a process of the benchmark's room: `tcp-peer.js send PORT`, or `tcp-peer.js receive ADDRESS
 * PORT`, which tells its parent the bytes it has got, twenty times a second.
 */
import { connect, createServer } from "node:net";

const pieceBytes = 256 * 1024;
const tellIntervalMs = 50;

const [mode, ...words] = process.argv.slice(2);
// A parent that has gone takes the download with it.
process.once("disconnect", () => process.exit(0));

if (mode === "send") {
  const piece = Buffer.alloc(pieceBytes);
  const server = createServer((socket) => {
    const pour = (): void => {
      while (socket.write(piece));
    };
    socket.on("drain", pour).on("error", () => socket.destroy());
    pour();
  });
  server.listen(Number(words[0]), () => process.send?.({ kind: "listening" }));
} else {
  let bytes = 0;
  const socket = connect(Number(words[1]), words[0] ?? "");
  socket.on("data", (data) => {
    bytes += data.length;
  });
  setInterval(() => process.send?.({ kind: "bytes", bytes }), tellIntervalMs);
}
