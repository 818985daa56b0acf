/** Every bound of what agent and site say to each other, and the relations between them. */
export const limits = {
  chunkBytes: 1_048_576,
  imageBytesMax: 2 ** 46,
  nameCharacters: 100,
  machineFactsCharacters: 256,
  addressesPerMachine: 32,
  reportsPerRequest: 100,
  /** Of several machines, that become one transaction of the site's. */
  reportsPerBatch: 500,
  reportTextCharacters: 4000,
  outboxReports: 10_000,
  requestBodyBytes: 1_048_576,
  /** At one address and port of the site. */
  connectionsMost: 70_000,
  manifestBytesMax: 96 + 40 * 2 ** 26 + 64,
  progressIntervalMs: 1000,
  /** Where more machines take part than one a second would do for this many a second in all, each tells it less often... */
  progressPerSecondMost: 250,
  /** ...but as often as this. */
  progressIntervalMostMs: 4000,
  requestTimeoutMs: 15_000,
  /** For the answer to an administrator's request; some are answered when a program of the site's has ended. */
  administrationAnswerMs: 90_000,
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
  /** A session whose machines are all done is closed after so long, so that a last one can still join. */
  sessionLingerMs: 10_000,
  /** The site looks this often for sessions to close. */
  sessionCheckMs: 1000,
  sessionsOpen: 64,
  /** Scheduled multicast: the longest start delay; who has not asked again for so long waits no more; names that are shown. */
  startDelayMinutesMost: 1440,
  waitingSilentMs: 60_000,
  waitingNames: 50,
  /** How often one machine may be moved back to a faster stream, and how long after its last move. */
  streamMovesUpMost: 1,
  streamSettleMs: 60_000,
  /** Before a site takes a multicast group: how long it listens and asks for others, how often; how many first, and twice as many each next round. */
  groupAskMs: 300,
  groupQuestions: 4,
  groupsAskedFirst: 2,
  groupRounds: 4,
  /** After every group was said to be used a site takes groups unasked for so long. */
  groupCrowdedMs: 10_000,
  /** Between two answers of a site about one of its groups. */
  groupAnswerMs: 30,
  /** IGMP at the site: how often it looks, groups that it keeps in mind and for how long, groups it asks after at once. */
  igmpLookMs: 100,
  igmpGroupsWanted: 10_000,
  igmpWantedMs: 260_000,
  igmpGroupsLeft: 256,
  /** Another querier is waited for at most so many times as long as others would wait for this one. */
  igmpOtherTimesMost: 4,
  /** Wrong credentials or tokens from one address before it has to wait for the rest of the span. */
  failedAttempts: 20,
  failedAttemptsSpanMs: 60_000,
  failedAttemptsAddresses: 10_000,
  pageLoginHours: 12,
  devicesMost: 65_536,
  deviceImportCharacters: 900_000,
  /** Of names that are repeated at once: those of every collection, with " and " between. */
  confirmationCharacters: 105_000,
  collectionsMost: 1000,
  collectionDevices: 20_000,
  ruleConditions: 50,
  deploymentSubnets: 100,
  /** A deployment that acts by itself on more devices than that has to be confirmed (volley site --high-risk-size). */
  highRiskDevices: 100,
  previewNames: 20,
  /** Signed in at once with one account; the oldest is signed out. */
  pageSessionsPerAccount: 20,
  passwordCharactersLeast: 12,
  passwordCharactersMost: 200,
  /** Wrong passwords of one account, from wherever, before it has to wait for the rest of the span. */
  failedSignIns: 10,
  /** Passwords that wait to be looked at, one after another: each costs memory and a good part of a second. */
  passwordChecksWaiting: 16,
  accountsMost: 1000,
  tokensMost: 1000,
  tokenDaysMost: 3650,
  /** Refusals of one caller that are written down in a minute: the log's size is not a caller's to choose. */
  auditRefusals: 20,
  auditDays: 400,
  auditAnswerMost: 10_000,
  /** Exports of the audit log and of status messages are read so many entries at a time. */
  exportPageEntries: 1000,
  /** How long status messages are kept, how often those that are older go, and how many one answer has. */
  statusDays: 180,
  statusPruneMs: 3_600_000,
  /** Signed reports of runs that have ended, which are kept as long. */
  deploymentReportsPerMachine: 400,
  /** The webhook: how often it is looked after, what goes in one request, how long that may take, and tries after failures. */
  webhookLookMs: 1000,
  webhookMessagesAtOnce: 100,
  /** Messages that are not to be sent are noted as passed by so many at a time. */
  webhookPassedMost: 1000,
  webhookRequestMs: 15_000,
  webhookClaimMs: 60_000,
  webhookRetryLeastMs: 2000,
  webhookRetryMostMs: 600_000,
  webhookSecretCharactersLeast: 16,
  /** So long after it was told a message is sent: others that were told before it are there then. */
  webhookSettleMs: 2000,
  statusAnswerMost: 10_000,
  /** How often the files of an own certificate are looked at. */
  certificateLookMs: 5000,
  /** Imports and verifications that go on at once, and finished ones that are remembered. */
  contentTasksAtOnce: 4,
  contentTasksRemembered: 100,
  /** Files that are shown of the folder that images are imported from, and folders in one another below it. */
  importableMost: 1000,
  importableDepth: 4,
  /** How long a program that looks into an image file (qemu-img) may take. */
  imageToolMs: 60_000,
  /** How long wimlib may take to apply an image, and images that one WIM may hold. */
  wimToolMs: 14_400_000,
  wimImagesMost: 100,
  /** How long the programs may take through which one saved partition goes (partclone, a decompressor). */
  savedToolMs: 14_400_000,
  /** Sizes a volume is tried with, each twice the one before; full with so much free around it, it is the volume that is. */
  volumeSizesTried: 3,
  volumeFullBytesFree: 134_217_728,
  /** How long tar may take to make one file of a package's folder. */
  packageToolMs: 14_400_000,
  /** How long one program that makes boot media may take: the longest fetches some 200 MB of packages. */
  mediaToolMs: 1_800_000,
  /** A Windows PE: files of a folder of drivers or of the ADK, and bytes of drivers, which are in each machine's memory. */
  winpeFilesMost: 20_000,
  winpeDriverBytes: 1_073_741_824,
  /** How its boot manager fetches by TFTP: a block that fits a frame, and blocks before an acknowledgement (RFC 7440). */
  winpeTftpBlockBytes: 1456,
  winpeTftpWindowBlocks: 16,
  /** The live page: least time between two states, open pages, and bytes a page may be behind. */
  roomIntervalMs: 250,
  /** The part of the time that putting it together may take. */
  roomShare: 0.25,
  roomSubscribers: 64,
  roomBacklogBytes: 4_194_304,
  reportsKeptPerMachine: 20_000,
  /** How long a command waits for another process to let go of the data folder. */
  siteLockWaitMs: 30_000,
  /** To a database on a server: connections, and how long one may take to be made, a statement to run and be answered. */
  databaseConnections: 12,
  databaseConnectMs: 10_000,
  databaseStatementMs: 30_000,
  databaseAnswerMs: 40_000,
  /** Statements whose plan the embedded database keeps. */
  databasePlans: 200,
  /**
   * Of several processes of a site one serves: how long it does so without saying again that it is there, how often it
   * says so and the others look, and after how long without an answer it ends by itself.
   */
  siteLeaseMs: 20_000,
  siteLeaseRenewMs: 3000,
  siteLeaseLookMs: 1000,
  siteLeaseGiveUpMs: 12_000,
  /**
   * One that waits passes requests on to the one that serves: how long a connection may take to be made, and how long one is
   * kept that nothing is asked on.
   */
  peerConnectMs: 5000,
  peerIdleMs: 30_000,
  /** From the moment in which the one that serves is gone until another does, where nothing else is in its way. */
  siteTakeoverMs: 40_000,
  /** How long an agent that runs once tries to reach a site it has never spoken to. */
  firstContactMs: 120_000,
  /** Tries of the agent in an applied Windows before it waits for the next start of Windows, and the pause between two. */
  handedOverTriesMost: 1000,
  handedOverPauseSeconds: 30,
  /** How long an agent in the middle of a deployment waits for a site that went away. */
  siteAwayMs: 6 * 3_600_000,
  /** Between two looks at the policy, spread by half to either side. */
  policyIntervalMs: 10_000,
  /** Disks that an agent remembers to have had. */
  seenDisks: 256,
  /** Who was heard of within so long is there: boot media give nobody its place. Longer than an idle agent is silent. */
  machineAliveMs: 20_000,
  statisticsIntervalMs: 300,
  /** A receiver that verified nothing for so long, while the site answers, is started anew. */
  receiverStallMs: 90_000,
  /** Receivers in a row that fail or stall without having verified a chunk before a deployment is given up. */
  fruitlessReceiversMost: 8,
  /** At its end an agent waits so long for its last reports to be taken; what is left is sent at the next start. */
  outboxFarewellMs: 60_000,
  /** Reports of one request together, serialised: well below requestBodyBytes. */
  reportBytesPerRequest: 524_288,
  outboxBytes: 33_554_432,
  /** The end of a machine's log that the site keeps, how many of them, and how long an agent that failed tries to bring it. */
  logTailBytes: 262_144,
  machineLogsMost: 20_000,
  logTailMs: 5000,
  /** As Configuration Manager does: at this size smsts.log becomes smsts.lo_. */
  logBytes: 250_000,
  /** Of what a step's program printed, the last characters are kept. */
  stepOutputCharacters: 262_144,
  /** Examinations (volley-agent doctor): open at once, silent before they end, and in all. */
  doctorExaminations: 16,
  doctorIdleMs: 15_000,
  doctorLifeMs: 1_800_000,
  /** Headers and tag. */
  doctorPacketBytesLeast: 76,
  doctorBurstPackets: 20_000,
  doctorBurstMs: 2000,
  doctorMbps: 950,
  /** What many machines may ask for at once. Faster bursts go out one at a time, and none while a session is casting. */
  doctorGentleMbps: 10,
  /** All test multicast of a site: what may be sent in one go, a part of it for gentle bursts only, and how it comes back. */
  doctorBytes: 201_326_592,
  doctorGentleBytes: 16_777_216,
  doctorBytesPerSecond: 2_000_000,
  /** Datagrams of one examination that the site sends back. */
  doctorEchoes: 2000,
  /** One piece of a file on its way between a site and a machine or an administrator. */
  filePieceBytes: 1_048_576,
  uploadBytesMost: 1_099_511_627_776,
  /** Uploads that go on at a site; one that nothing came for in so long is forgotten. */
  uploadsOpen: 256,
  uploadIdleMs: 600_000,
  /** The disk of the site's data folder keeps so much free. */
  freeBytesKept: 1_073_741_824,
  /** A package of fewer bytes is there by unicast before a session has begun: it is cast only where that is asked for. */
  packageCastBytesLeast: 16_777_216,
  /** Distribution points elsewhere: how many, what one tells at once, and images that a ticket names. */
  pointsMost: 1000,
  pointSessions: 128,
  pointProgress: 2000,
  pointImages: 10_000,
  ticketImages: 100,
  ticketCharacters: 12_000,
  pointSyncBytes: 4_194_304,
  /** How long a machine goes on with what it was told, while the site cannot be asked. */
  ticketMs: 86_400_000,
  pointCredentialHours: 24,
  /** A point tells the site so often while something goes on, and else; unheard for so long it is not there. */
  pointSyncMs: 1000,
  pointQuietSyncMs: 5000,
  pointSilentMs: 20_000,
  /** How fast an image comes to a point is said of so long. */
  pointRateMs: 15_000,
  /** A machine asks a point for so long before it goes on to the next, and leaves one that fell silent after so long. */
  pointJoinMs: 8000,
  pointAwayMs: 20_000,
  /** Chunks that came wrong are fetched again so often, then after a pause that doubles each time up to so long. */
  pointRepairs: 3,
  pointCorruptPauseMostMs: 3_600_000,
  sequenceBytesMost: 67_108_864,
  /** A machine's PnP identifiers, and what a package of drivers may hold. */
  pnpIdentifierCharacters: 300,
  pnpIdentifiersMost: 10_000,
  driverFilesMost: 20_000,
  driverIdentifiersMost: 500_000,
  /** The agent's check of an uploaded sequence. */
  sequenceCheckMs: 60_000,
  sequenceCheckMebibytes: 1024,
  /** A run's checkpoint as the site keeps it. */
  checkpointBytesMost: 8_388_608,
  /** How often a refresh restarts into the PE from a system that it comes back to. */
  stagedStartsMost: 2,
  /** For how many starts BitLocker's protection is suspended: into the PE, and back into the Windows that left for it. */
  stagedProtectorRestarts: 2,
  /** Beside the PE's files a file system keeps so much free. */
  stagingBytesKept: 33_554_432,
  /** Boot loaders for UEFI: what they need on an EFI system partition. */
  stagedLoaderBytes: 8_388_608,
  /** Beside the PE's files an EFI system partition keeps so much free; the agent's state goes there, too. */
  stagedEfiBytesKept: 8_388_608,
  /** A file of the agent's state that goes along into the PE. */
  carriedFileBytes: 16_777_216,
  /** Of a machine's recovery passwords the newest that are kept. */
  recoveryKeysPerMachine: 100,
  /** How long captured user state is kept once it is back. */
  stateStoreDays: 30,
  /** How long a file of the file library that no row names is kept aside. */
  lostFileDays: 30,
  /** PXE: entries of a list, and what its properties may be. dnsmasq counts seconds; firmware gives up after a minute. */
  pxeListLength: 10_000,
  pxeDelaySecondsMost: 30,
  pxePromptSecondsMost: 3600,
  pxePasswordCharactersLeast: 8,
  pxePasswordCharactersMost: 64,
  /** Unknown computers that wait for approval, and computers whose last question is remembered. */
  pxeWaitingMost: 1000,
  /** New ones that one address may add in a minute: machines ask from addresses of their own. */
  pxeWaitingPerMinute: 30,
  pxeAskedKept: 1000,
  /** A computer that asks again so soon has lost the answer; later it has restarted. */
  pxeAnswerGraceMs: 120_000,
  /** How long a computer that was told to restart into a Windows PE gets its boot manager: servers take minutes to restart. */
  pxeNextStartMs: 900_000,
  /** How often a computer that waits for approval asks. */
  pxeHoldSeconds: 5,
  /** Changes so close together restart the DHCP server once. */
  pxeSettleMs: 200,
  pxeRestartLeastMs: 1000,
  pxeRestartMostMs: 60_000,
  pxeConnections: 2000,
  /** A machine that takes nothing of a boot file for so long loses its connection. */
  pxeStalledMs: 60_000,
  /** Computers whose GRUB is answered, or whose firmware is to load Windows' boot manager. */
  pxeTransfers: 1000,
  /** At each address: atftpd has two descriptors for each, and waits by select(), which takes 1024. Who comes later asks again. */
  pxeTftpTransfers: 450,
  /** How long an answer waits for GRUB, which asks every second. */
  pxeGrubAnswerMs: 15_000,
  pxeNonceMs: 300_000,
  /** How long an answer of another DHCP server is waited for. */
  pxeProbeMs: 3000,
  /** Wake-on-LAN: how often each packet is sent, and how long after one another; packets after which there is a pause. */
  wakeRounds: 3,
  wakeRoundMs: 500,
  wakeBurst: 64,
  wakesAtOnce: 64,
  /** How often deployments are looked for that are to wake their machines, and how often one is tried in vain. */
  wakeLookMs: 2000,
  wakeTries: 150,
  /** A backup: larger files are named in it only; rows that are read or written in one go, and about how much of them. */
  backupFileBytes: 4_194_304,
  backupRowsAtOnce: 500,
  backupFetchBytes: 4_194_304,
  backupLoadCharacters: 4_194_304,
  backupLineBytes: 67_108_864,
  /** How long a site may take to make one before the first byte of it comes. */
  backupMs: 1_800_000,
  backupPassphraseCharactersMost: 1000,
  /** The disk of the data folder: what is kept for the database alone, below what nothing new is taken, how often it is looked at. */
  diskReserveBytes: 50_331_648,
  diskBytesLeast: 16_777_216,
  diskLookMs: 1000,
  toolTimeMs: 5000,
  /** A program that waits for a disk or for a service of the system: a mount, a registry hive, netsh. */
  slowToolMs: 30_000,
  /** How long kexec may read a kernel and check its signature. */
  kexecMs: 60_000,
  /** How often, and after how long again, the kernel is told of new partitions; how long their nodes may take. */
  partitionShowTries: 5,
  partitionShowAgainMs: 200,
  partitionNodeMs: 10_000,
  /** How long one program may take that fits a disk: the recovery partition is moved as a whole. */
  fitToolMs: 1_800_000,
  /** For taking down a volume: a file system in memory may have much to write. */
  unmountMs: 600_000,
  toolOutputBytes: 8_388_608,
} as const;
