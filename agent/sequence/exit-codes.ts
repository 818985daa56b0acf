/** What codes of steps mean and what to do about them, for people who look at the screen. */

export interface CodeMeaning {
  meaning: string;
  remedy: string;
}

export const exitCodes = {
  success: 0,
  rebootRequired: 3010,
  /** What HRESULTs call an unspecified failure. */
  failed: 0x80004005,
  /** HRESULT of ERROR_NOT_SUPPORTED. */
  notSupported: 0x80070032,
  /** HRESULT of ERROR_OPERATION_ABORTED: begun, and not to be begun again. */
  interrupted: 0x800703e3,
  /** HRESULT of ERROR_TIMEOUT. */
  timedOut: 0x800705b4,
} as const;

const meanings: Record<number, CodeMeaning> = {
  [1]: say("Incorrect function.", "Read what the program printed: most programs end with 1 for any failure."),
  [2]: say(
    "The system cannot find the file specified.",
    "Check the path and that the package holds the file.",
  ),
  [5]: say("Access is denied.", "Check the account and the permissions of what is read or written."),
  [127]: say(
    "The shell does not find the program.",
    "Check the command line, and that the program is installed.",
  ),
  [1603]: say("Fatal error during installation.", "Read the installer's own log."),
  [1618]: say(
    "Another installation is already in progress.",
    "Wait for it, or put the step behind a restart.",
  ),
  [4316]: say("A readiness check failed.", "Look at which check failed; _TS_CR… says so for each."),
  [0x80004005]: say("Unspecified error.", "Read the lines before it in smsts.log."),
  [0x80070002]: say(
    "The system cannot find the file specified.",
    "Check the path, and that the content was distributed.",
  ),
  [0x80070005]: say("Access is denied.", "Check the account and the permissions of what is read or written."),
  [0x8007000d]: say("The data is invalid.", "Look at the file the step names; make it again."),
  [0x80070015]: say(
    "The device is not ready.",
    "The step needs a service that this machine or site does not give.",
  ),
  [0x80070032]: say(
    "The request is not supported.",
    "Run the step in the system it is for, or set its Run in.",
  ),
  [0x80070035]: say("The network path was not found.", "Check name, network and firewall of the server."),
  [0x80070057]: say(
    "The parameter is incorrect.",
    "Correct the step's settings, which the line before names.",
  ),
  [0x80070070]: say(
    "There is not enough space on the disk.",
    "Use a larger disk or make the partition larger.",
  ),
  [0x800703e3]: say(
    "The step was begun when the machine or the agent stopped, and is not to be run twice.",
    "Look at what the step had done, then begin the sequence anew.",
  ),
  [0x80070490]: say("Element not found.", "Look at what the step looked for."),
  [0x80070570]: say(
    "The file or directory is corrupted and unreadable.",
    "Check the disk; distribute the content again.",
  ),
  [0x800705b4]: say(
    "The step took longer than its time limit.",
    "Give it more time, or look at what it waited for.",
  ),
  [0x80072ee7]: say("The server name could not be resolved.", "Check the network and its name server."),
  [0x80072efd]: say(
    "A connection with the server could not be established.",
    "Check the network and that the server runs.",
  ),
  [0x80091007]: say("The hash value is not correct.", "Distribute the content again."),
  [0x801901f4]: say("The server answered with an internal error.", "Look at the server's log."),
};

function say(meaning: string, remedy: string): CodeMeaning {
  return { meaning, remedy };
}

/** A code nobody has described gets words that fit any. */
export function meaningOf(exitCode: number): CodeMeaning {
  const known = meanings[exitCode >>> 0];
  if (known !== undefined) return known;
  // HRESULTs of plain Windows errors mean what those mean.
  const inner = exitCode >>> 16 === 0x8007 ? meanings[exitCode & 0xffff] : undefined;
  return (
    inner ??
    say("The step ended with an error.", "Look at its output and at the lines before it in smsts.log.")
  );
}

/** "80070002", as logs write codes. */
export function hexCode(exitCode: number): string {
  return (exitCode >>> 0).toString(16).toUpperCase().padStart(8, "0");
}
