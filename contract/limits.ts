/** Every bound of what agent and site say to each other, and the relations between them. */
export const limits = {
  chunkBytes: 1_048_576,
  imageBytesMax: 2 ** 46,
  nameCharacters: 100,
  machineFactsCharacters: 256,
  addressesPerMachine: 32,
  reportsPerRequest: 100,
  reportTextCharacters: 4000,
  outboxReports: 10_000,
  requestBodyBytes: 1_048_576,
  manifestBytesMax: 96 + 40 * 2 ** 26 + 64,
  progressIntervalMs: 1000,
  requestTimeoutMs: 15_000,
  retryDelayLeastMs: 250,
  retryDelayMostMs: 10_000,
  machineIdentificationMs: 10_000,
  /** Without an authenticated datagram for so long an agent fetches by unicast. */
  multicastSilenceMs: 4000,
  /** A chunk that made no progress for so long, although multicast is alive, is fetched by unicast. */
  chunkWaitMs: 15_000,
  /** A session nobody has reported progress in for so long is closed. */
  sessionIdleMs: 120_000,
  receiversPerSession: 65_536,
} as const;

if (limits.retryDelayLeastMs >= limits.retryDelayMostMs) throw new Error("limits: retry delays are out of order");
if (limits.progressIntervalMs * 10 > limits.sessionIdleMs) throw new Error("limits: sessions close too early");
