/**
 * What grows an NTFS volume to its partition, in this order. Growing marks the volume for a check at Windows' next start,
 * which would hold up a whole room for a volume that was verified and then only gained free clusters: the mark is taken away
 * again.
 */
export function growNtfsCommands(device: string): [string, ...string[]][] {
  return [
    ["ntfsresize", "--force", "--no-progress-bar", device],
    ["ntfsfix", "--clear-dirty", device],
    ["ntfslabel", "--new-serial", device],
  ];
}
