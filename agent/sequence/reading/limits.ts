/** The bounds of reading a task sequence from a file nobody vouches for. */
export const readingLimits = {
  /** Of the file, an archive or not. */
  fileBytes: 67_108_864,
  /** Of everything taken out of an archive, counted as it is inflated. */
  inflatedBytes: 134_217_728,
  archiveEntries: 10_000,
  sequencesPerArchive: 1000,
  /** XML elements of one document. */
  elements: 2_000_000,
  attributesPerElement: 1000,
  /** Steps and groups of one sequence. */
  nodes: 500_000,
  /** What is said one by one; how many more there were is said in one sentence. */
  problems: 5000,
  /** Characters of the file that a sentence about it repeats. */
  quotedCharacters: 80,
  /** Characters that are given to the XML parser at once. */
  chunkCharacters: 262_144,
} as const;

if (readingLimits.nodes > readingLimits.elements) {
  throw new Error("limits: a sequence of steps is longer than its elements");
}
if (readingLimits.inflatedBytes < readingLimits.fileBytes) {
  throw new Error("limits: a stored archive would not fit");
}
