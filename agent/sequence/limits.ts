/** Bounds of the task-sequence engine. Those of variables are Microsoft's, "How to use task sequence variables". */
export const sequenceLimits = {
  variableNameCharacters: 256,
  variableValueCharacters: 4000,
  /** Names and values together, in UTF-8. */
  environmentBytes: 33_554_432,
  /** "Configuration Manager doesn't support more than 1,000 assigned variables for a device." */
  deviceVariables: 1000,
  /** Values that are watched for, so that what holds one of them is hidden, too. */
  hiddenValues: 1000,
  /** Shorter hidden values are too common to look for inside other texts. */
  hiddenValueCharactersLeast: 4,
  /** Characters of a WQL query; the console takes as many. */
  wqlCharacters: 16_384,
  /** How deep parentheses of a WQL query may nest. */
  wqlDepth: 64,
  /** Child sequences inside child sequences. */
  childDepth: 32,
  /** Starts of one step that ended with the agent's or the machine's death. */
  stepStarts: 1000,
  /** Restarts for one request, when the machine does not come to where it was to go. */
  restartTries: 3,
  /** Of an executable file, when its version is looked for. */
  versionResourceBytes: 1_048_576,
  /** A notice before a restart, and a rest after one; the console takes no longer ones. */
  restartSecondsMost: 86_400,
  /** How long a step may take to end after it was told to. */
  stepGraceMs: 10_000,
  /** How long a program that reads a registry hive may take. */
  hiveToolMs: 30_000,
  /** Of one request to the environment of a running sequence, and its answer. */
  environmentRequestBytes: 65_536,
  environmentConnections: 32,
  environmentIdleMs: 10_000,
  /** "By default, this value is 900 seconds": SMSTSErrorDialogTimeout. */
  errorDialogSeconds: 900,
  errorDialogSecondsMost: 86_400,
} as const;
