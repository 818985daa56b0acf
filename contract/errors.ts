/**
 * The error registry: every error a person or another program can meet, with what it means, whether trying again
 * can help, what to do, the HTTP status the site answers with, and the exit code of a command that ends with it.
 * docs/ERRORS.md is written from this table.
 */
export interface ErrorEntry {
  /** What it means, a sentence. */
  meaning: string;
  retry: "no" | "later" | "after-remedy";
  /** What to do about it, a sentence in the imperative. */
  remedy: string;
  httpStatus: number;
  exitCode: number;
}

const entries = {
  E_USAGE: entry(
    "The command line is not understood.",
    "no",
    "Read the command's --help and call it again.",
    400,
    2,
  ),
  E_INTERNAL: entry(
    "Volley broke one of its own rules.",
    "no",
    "Report it with the log; nothing further was written.",
    500,
    70,
  ),
  E_CANCELLED: entry("The work was cancelled.", "no", "Start it again when you want it done.", 499, 130),
  E_REQUEST_INVALID: entry(
    "A request is not of the form the site takes.",
    "no",
    "Correct the field that is named.",
    400,
    65,
  ),
  E_NOT_FOUND: entry(
    "What was asked for does not exist at this site.",
    "no",
    "Check the name or identifier against the list.",
    404,
    66,
  ),
  E_CONFLICT: entry(
    "What was asked for contradicts what is there.",
    "after-remedy",
    "Look at the present state, then decide again.",
    409,
    73,
  ),
  E_NOT_ENROLLED: entry(
    "The machine's key is missing or unknown to the site.",
    "after-remedy",
    "Enrol the machine with a valid credential.",
    401,
    77,
  ),
  E_FORBIDDEN: entry(
    "The key is valid but not for this.",
    "no",
    "Use an account or token whose role allows it, or a machine of the deployment.",
    403,
    77,
  ),
  E_NOT_SIGNED_IN: entry(
    "The request carries no sign-in and no token that the site knows.",
    "after-remedy",
    "Sign in on the page, or send a token that has not expired.",
    401,
    77,
  ),
  E_SIGN_IN: entry(
    "The name or the password is wrong, or the account is disabled.",
    "after-remedy",
    "Try again, or have an administrator set a new password (volley user password).",
    403,
    77,
  ),
  E_PASSWORD_CHANGE: entry(
    "The account still has a password that was made for it.",
    "after-remedy",
    "Choose a password of your own; then everything goes on.",
    403,
    77,
  ),
  E_PAGE_MARK: entry(
    "A change came with the page's cookie but not from the page.",
    "no",
    "Send the mark that GET /me answers as x-volley-page, or use a token.",
    403,
    77,
  ),
  E_NOT_CONFIRMED: entry(
    "A deployment of high risk was not confirmed.",
    "after-remedy",
    "Read what will happen, then repeat the name that is asked for as the confirmation.",
    409,
    73,
  ),
  E_CERTIFICATE: entry(
    "The certificate or key that was given cannot be used.",
    "after-remedy",
    "Give a PEM certificate (with its chain) that is valid now, names a host, and the key that belongs to it.",
    500,
    78,
  ),
  E_CREDENTIAL_REFUSED: entry(
    "The enrolment credential is unknown, used up or expired.",
    "after-remedy",
    "Make a new credential at the site.",
    403,
    77,
  ),
  E_MACHINE_ALIVE: entry(
    "A machine with the same numbers is enrolled and speaks to the site now.",
    "later",
    "Wait half a minute after that machine was turned off; where there are two of them, use a credential made for the new one.",
    409,
    77,
  ),
  E_TOO_MANY_ATTEMPTS: entry(
    "Too many wrong credentials, passwords or tokens came from this address or for this account.",
    "later",
    "Wait a minute, then try again with the right one.",
    429,
    77,
  ),
  E_SITE_UNREACHABLE: entry(
    "The site does not answer.",
    "later",
    "Check the address, the network and that the site runs.",
    503,
    69,
  ),
  E_SITE_UNTRUSTED: entry(
    "The site's certificate does not come from the expected authority.",
    "no",
    "Compare the authority's fingerprint with the one the site shows at start; if that is a new one, build the boot media anew.",
    495,
    77,
  ),
  E_CLOCK: entry(
    "By this machine's clock the site's certificate is not valid now.",
    "after-remedy",
    "Set date and time in the firmware setup (an empty battery forgets them); if they are right, look at the site's clock.",
    495,
    77,
  ),
  E_SITE_BUSY: entry(
    "Another site process uses this data folder.",
    "later",
    "Stop the other process or name another folder.",
    409,
    75,
  ),
  E_SITE_CHANGING: entry(
    "None of the site's processes serves at this moment.",
    "later",
    "Wait some seconds: another one takes over by itself. If none does, look whether one runs, and at its log.",
    503,
    75,
  ),
  E_STORE: entry(
    "The site's database failed.",
    "later",
    "Look at the site's log and at the free space of the data folder.",
    500,
    74,
  ),
  E_DISK_FULL: entry(
    "The disk of the site's data folder is full.",
    "later",
    "Free space on it, or remove images; the site goes on by itself.",
    507,
    74,
  ),
  E_UPGRADE: entry(
    "The site's data does not go with this version of Volley.",
    "after-remedy",
    "Run the version that used it last, or a newer one; the data is as it was.",
    500,
    78,
  ),
  E_BACKUP: entry(
    "The file is no backup that can be restored with this passphrase.",
    "no",
    "Check the passphrase, then try an earlier backup.",
    400,
    65,
  ),
  E_TOOL_MISSING: entry(
    "A program Volley needs is not installed.",
    "after-remedy",
    "Install the package that is named.",
    500,
    69,
  ),
  E_TOOL_FAILED: entry(
    "A program Volley runs ended with an error.",
    "after-remedy",
    "Read what it printed, which follows.",
    500,
    70,
  ),
  E_STAGING: entry(
    "This machine cannot be restarted into the PE from its own disk, or it came back from there.",
    "after-remedy",
    "Make room on its disk; a Linux needs GRUB (grub-common, cpio) or kexec-tools, a Windows a Windows PE at the site; else start the machine from the network or a medium.",
    500,
    71,
  ),
  E_SOURCE_READ: entry(
    "The image file cannot be read.",
    "after-remedy",
    "Check the path, its permissions and the disk it is on.",
    400,
    66,
  ),
  E_IMAGE_FORMAT: entry(
    "The image file is not of the format its name or the request says.",
    "after-remedy",
    "Check the file, or name its real format.",
    400,
    65,
  ),
  E_IMAGE_TRUNCATED: entry(
    "The image is cut short, or longer than it says.",
    "after-remedy",
    "Copy or make the image again.",
    400,
    65,
  ),
  E_IMAGE_UNSAFE: entry(
    "The image refers to other files.",
    "no",
    "Convert it to an image of its own without a backing file.",
    400,
    65,
  ),
  E_IMAGE_CHOICE: entry(
    "The file holds several images, and none was chosen.",
    "no",
    "Name one of those that are listed with --index.",
    400,
    65,
  ),
  E_IMAGE_KIND: entry(
    "The step cannot apply an image of this kind.",
    "after-remedy",
    "Name an image of a volume or a WIM in the step; a whole disk's is for Apply Operating System Image.",
    400,
    65,
  ),
  E_IMAGE_IN_USE: entry(
    "The image belongs to a deployment.",
    "after-remedy",
    "Remove the deployment first.",
    409,
    73,
  ),
  E_CONTENT_CORRUPT: entry(
    "Stored content does not match its manifest.",
    "after-remedy",
    "Import the image again; look at the disk of the library.",
    500,
    65,
  ),
  E_CONTENT_READ: entry(
    "The content library cannot be read.",
    "later",
    "Look at the disk of the data folder.",
    500,
    74,
  ),
  E_CONTENT_WRITE: entry(
    "The content library cannot be written.",
    "after-remedy",
    "Free space or repair the disk of the data folder.",
    507,
    74,
  ),
  E_MANIFEST_INVALID: entry(
    "A manifest does not agree with itself.",
    "no",
    "Import the image again.",
    500,
    65,
  ),
  E_MANIFEST_SIGNATURE: entry(
    "A manifest is not signed by this site.",
    "no",
    "Import the image again at this site; look for who changed it.",
    500,
    77,
  ),
  E_DISK_NOT_FOUND: entry(
    "No disk of this machine fits the rule of the deployment.",
    "after-remedy",
    "Look at the list of disks and why each was refused.",
    400,
    66,
  ),
  E_DISK_REFUSED: entry(
    "The disk may not be overwritten: it is the running system's, removable, or in use.",
    "after-remedy",
    "Choose another disk, or say that removable disks are meant.",
    400,
    77,
  ),
  E_DISK_AMBIGUOUS: entry(
    "More than one disk fits the rule of the deployment.",
    "after-remedy",
    "Name the disk.",
    400,
    64,
  ),
  E_DEVICE_TOO_SMALL: entry(
    "The disk is smaller than the image needs.",
    "after-remedy",
    "Use a larger disk or a smaller image.",
    400,
    65,
  ),
  E_SECTOR_SIZE: entry(
    "The disk's sector size is not the image's.",
    "no",
    "Use an image made for this sector size.",
    400,
    65,
  ),
  E_FIRMWARE: entry(
    "The image does not boot with this machine's firmware.",
    "after-remedy",
    "Use an image for this firmware, or change the machine's boot mode.",
    400,
    65,
  ),
  E_PLAN_DECLINED: entry(
    "The plan was shown and not confirmed.",
    "no",
    "Nothing was written. Start again to be asked again.",
    400,
    10,
  ),
  E_DEVICE_OPEN: entry(
    "The disk cannot be opened for writing.",
    "after-remedy",
    "Unmount it, end what uses it, and run as root.",
    500,
    74,
  ),
  E_DEVICE_READ: entry("The disk fails to read.", "no", "Replace the disk or its cable.", 500, 74),
  E_DEVICE_WRITE: entry("The disk fails to write.", "no", "Replace the disk or its cable.", 500, 74),
  E_DEVICE_FULL: entry(
    "The disk or the file system under it is full.",
    "after-remedy",
    "Free space under the disk's file.",
    507,
    74,
  ),
  E_DEVICE_FLUSH: entry(
    "The disk fails to make what was written durable.",
    "no",
    "Replace the disk or its cable.",
    500,
    74,
  ),
  E_DEVICE_MISMATCH: entry(
    "The disk returns other bytes than were written, again and again.",
    "no",
    "Replace the disk: it loses data.",
    500,
    74,
  ),
  E_NO_MAC: entry(
    "No MAC address is known of what is to be woken.",
    "after-remedy",
    "Add the device with its MAC, or let it boot into the PE once: the agent tells its addresses.",
    409,
    66,
  ),
  E_SOCKET: entry(
    "A network socket cannot be opened or used.",
    "after-remedy",
    "Check the address, the port and whether something else uses it.",
    500,
    71,
  ),
  E_RAW_SOCKET: entry(
    "The system does not let this program send and hear raw packets, which IGMP takes.",
    "after-remedy",
    "Run it as root or give it the capability CAP_NET_RAW, or do without the IGMP querier.",
    500,
    77,
  ),
  E_GROUP_JOIN: entry(
    "The multicast group cannot be joined on this interface.",
    "after-remedy",
    "Check the interface and its route to the group.",
    500,
    71,
  ),
  E_SESSION_GONE: entry(
    "The multicast session has ended.",
    "later",
    "Join again: the site starts a new one.",
    410,
    69,
  ),
  E_SESSION_WAITING: entry(
    "The session waits for more machines, or for its time, as the distribution point's properties say.",
    "later",
    "Wait, or start it with volley deployment start; volley dp show says who is missing.",
    503,
    75,
  ),
  E_POINT_FULL: entry(
    "The distribution point serves as many machines as its properties permit.",
    "later",
    "Wait until others are done, or raise volley dp set --maximum-clients.",
    503,
    75,
  ),
  E_REPORT_FORGED: entry(
    "A deployment's report is not what the site signed.",
    "no",
    "Fetch the report from the site anew, and ask who changed this one.",
    422,
    65,
  ),
  E_TOO_SLOW: entry(
    "The machine is slower than its deployment allows, and that is by multicast only.",
    "after-remedy",
    "Look at what holds it back, its disk or its network (volley-agent doctor); then start it again, or deploy it by unicast.",
    409,
    75,
  ),
  E_NO_MULTICAST: entry(
    "No multicast brings the machine its image, and its deployment is by multicast only.",
    "after-remedy",
    "Run volley-agent doctor on it and do what it says, or deploy it by unicast.",
    503,
    69,
  ),
  E_NO_SENDER: entry(
    "No udp-sender answers, or it went away before the end.",
    "later",
    "Start the sender again, with the same port base and in the same network; say which interface is meant (--interface).",
    504,
    69,
  ),
  E_OUT_OF_MEMORY: entry(
    "There is not enough memory for the buffers.",
    "after-remedy",
    "Give the machine more memory.",
    500,
    71,
  ),
  E_ADDON: entry(
    "The agent's native part cannot be unpacked or loaded.",
    "after-remedy",
    "Let the agent write to the folder that is named, with room for it, and let programs be loaded from there.",
    500,
    74,
  ),
  E_OUTBOX: entry(
    "The agent cannot keep its reports.",
    "after-remedy",
    "Give it a folder it can write to.",
    500,
    74,
  ),
  E_SEQUENCE_UNREADABLE: entry("The file is no task sequence.", "no", "Export the sequence again.", 400, 65),
  E_SEQUENCE_TOO_LARGE: entry("The task sequence is too large.", "no", "Split it into children.", 413, 65),
  E_VARIABLE: entry(
    "A task sequence variable has a name or value that is not allowed.",
    "after-remedy",
    "Correct the step, script or layer that sets it.",
    400,
    65,
  ),
  E_CONDITION: entry(
    "A condition of a task sequence cannot be judged here.",
    "after-remedy",
    "Correct the condition, or ask for what this machine can say.",
    400,
    65,
  ),
  E_SEQUENCE_CHANGED: entry(
    "The task sequence is not the one that was begun.",
    "after-remedy",
    "Resume with the file it was begun with, or begin anew with another state folder.",
    409,
    65,
  ),
  E_SEQUENCE_FAILED: entry(
    "A step of the task sequence failed, and nothing above it continues on error.",
    "after-remedy",
    "Look at the step that is named, and at its code and output in smsts.log.",
    500,
    1,
  ),
  E_RESTART_NEEDED: entry(
    "The computer has to restart before the task sequence goes on.",
    "after-remedy",
    "Restart it and start the agent again, or let the agent do it with --allow-restart.",
    503,
    194,
  ),
  E_CHECKPOINT: entry(
    "The checkpoint of a task sequence cannot be read or opened.",
    "after-remedy",
    "Restore it or its key; to begin anew, take another state folder.",
    500,
    74,
  ),
  E_DOCTOR_FAULT: entry(
    "Something stands between this machine and a session.",
    "after-remedy",
    "Do what the checks that found a fault say, and run the doctor again.",
    500,
    11,
  ),
  E_DOCTOR_BUSY: entry(
    "The site has no test multicast to spare now.",
    "later",
    "Run the doctor again in a minute, or when no session is casting.",
    503,
    75,
  ),
  E_PXE_INTERFACE: entry(
    "The network interface that PXE is to answer on cannot be used.",
    "after-remedy",
    "Name an interface of this computer that has an IPv4 address.",
    400,
    66,
  ),
  E_PXE_PORT: entry(
    "Another program uses a port that PXE needs.",
    "after-remedy",
    "End the other DHCP, TFTP or web server on this computer, or give the web server's part another --pxe-port.",
    409,
    71,
  ),
  E_PXE_OTHER_SERVER: entry(
    "Another DHCP server answers on this network.",
    "after-remedy",
    "Leave out --pxe-range, so that Volley answers beside it as proxyDHCP, or turn the other server off.",
    409,
    73,
  ),
  E_PXE_MEDIA: entry(
    "The folder of boot media lacks what machines boot from.",
    "after-remedy",
    "Build it with volley media build, and name it with --pxe-media.",
    400,
    66,
  ),
  E_WINPE_PART: entry(
    "A file is missing that a Windows PE is made of or started by.",
    "after-remedy",
    "Name the file: the ADK has it, or an image of a newer Windows PE.",
    400,
    66,
  ),
} as const satisfies Record<string, ErrorEntry>;

function entry(
  meaning: string,
  retry: ErrorEntry["retry"],
  remedy: string,
  httpStatus: number,
  exitCode: number,
): ErrorEntry {
  return { meaning, retry, remedy, httpStatus, exitCode };
}

export type ErrorCode = keyof typeof entries;
export const errors: Readonly<Record<ErrorCode, ErrorEntry>> = entries;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(entries, code);
}

/** An error from the registry: `detail` says what happened to what. */
export class VolleyError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.name = "VolleyError";
    this.code = code;
    this.detail = detail;
  }

  get entry(): ErrorEntry {
    return errors[this.code];
  }

  /** Three lines for a person: the code, what happened, what to do. */
  override toString(): string {
    return `${this.code}: ${this.detail}\n  ${this.entry.meaning}\n  ${this.entry.remedy}`;
  }
}

/** Any thrown value as a VolleyError: a native error keeps its code, anything unknown is E_INTERNAL. */
export function toVolleyError(error: unknown): VolleyError {
  if (error instanceof VolleyError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  return new VolleyError(isErrorCode(code) ? code : "E_INTERNAL", message, { cause: error });
}
