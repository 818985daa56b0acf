/** What `scripts/bench all` runs, in order: each figure of docs/BENCHMARKS.md that has a bound, and those that show more. */

const receivers = ["1", "8"];
const losses = ["0", "0.1", "1"];
const rateMbps = "500";

function* casts(): Generator<string[]> {
  for (const count of receivers) {
    for (const loss of losses) yield ["--receivers", count, "--loss", loss, "--vs", "udpcast"];
    yield ["--receivers", count, "--vs", "raw", "--runs", "3"];
    for (const loss of ["0", "1"]) yield ["--receivers", count, "--loss", loss, "--wire", "--vs", "udpcast"];
  }
  for (const count of [...receivers, "16"]) {
    for (const loss of ["0", "1"]) {
      yield ["--receivers", count, "--loss", loss, "--rate", rateMbps, "--vs", "udpcast"];
    }
  }
  yield ["--rate", rateMbps, "--tcp"];
}

export const everything: readonly (readonly [string, ...string[]])[] = [
  ...[...casts()].map((words): [string, ...string[]] => ["cast", ...words]),
  ["cast-cases", "--vs", "udpcast", "--runs", "2"],
  ["write", "--plain", "--runs", "5"],
  ["write", "--runs", "5"],
  ["write", "--decompress", "--runs", "5"],
  ["write", "--verify"],
  ["fec"],
  ["hash"],
  ["resume"],
  ["agent"],
  ["wim", "--machines", "4"],
  ["site", "--seconds", "30", "--spread", "60"],
  ["boot"],
  ["scale"],
];
