/**
 * What a computer's boot loader is told to do: scripts of iPXE, and configurations of the signed GRUB. Each answer has the
 * same steps in both: ask, where a person has to be asked, and fetch `accepted`, which notes the answer and boots the PE.
 */
import { limits } from "../../contract/limits.ts";
import { passwordUser } from "./pxe-password.ts";

export type PxeAnswer =
  | { kind: "boot"; what: string }
  | { kind: "prompt"; what: string; seconds: number }
  | { kind: "hold"; as: string }
  | { kind: "local"; reason: string };

export interface ScriptPlace {
  /** Host, and port unless it is 80, of the site's boot files. */
  host: string;
  /** Below it: the path of this computer's questions. */
  path: string;
  hasPassword: boolean;
}

/** Names come from people: nothing in them is a command, a variable or a quote. */
const plain = (text: string): string => text.replaceAll(/[^A-Za-z0-9 ._,:()+-]/g, "?");

/** The same for all: it says who the computer is. */
export function ipxeBootstrap(host: string): string {
  return lines(
    "#!ipxe",
    "isset ${uuid} || set uuid none",
    "isset ${netX/mac} || set netX/mac none",
    "set tries:int32 0",
    ":again",
    `chain --replace --autofree http://${host}/boot/ipxe/\${uuid}/\${netX/mac:hexhyp} ||`,
    "echo Volley: the site does not answer.",
    ...tryAgain,
  );
}

const tryAgain = ["inc tries", "iseq ${tries} 10 && exit ||", "sleep 3 || exit", "goto again"];

export function ipxeScript(answer: PxeAnswer, { hasPassword, host, path }: ScriptPlace): string {
  const url = `http://${host}${path}`;
  if (answer.kind === "local") {
    return lines("#!ipxe", `echo Volley: ${plain(answer.reason)}`, "sleep 2 || exit", "exit");
  }
  if (answer.kind === "hold") {
    return lines(
      "#!ipxe",
      `echo Volley: this computer waits until it is approved at the site: ${plain(answer.as)}`,
      "echo Ctrl-C starts it from its disk.",
      ":again",
      `sleep ${limits.pxeHoldSeconds} || exit`,
      `chain --replace --autofree ${url} || goto again`,
    );
  }
  // iPXE tells its commands of Enter as a line feed (0x0a), whatever the keyboard sends.
  const enter = `Press Enter for ${plain(answer.what)}`;
  const question =
    answer.kind === "prompt"
      ? [`prompt --key 0x0a --timeout ${answer.seconds * 1000} Volley: ${enter}, or wait. || exit`]
      : [`echo Volley: ${plain(answer.what)}`];
  if (!hasPassword) {
    return lines(
      "#!ipxe",
      ...question,
      "set tries:int32 0",
      ":again",
      `chain --replace --autofree ${url}/accepted ||`,
      ...tryAgain,
    );
  }
  return lines(
    "#!ipxe",
    ...question,
    ":ask",
    `set username ${passwordUser}`,
    "clear password",
    "login || exit",
    // iPXE answers a challenge with what stands here, and sends neither.
    `chain --replace --autofree http://${passwordUser}:\${password:uristring}@${host}${path}/accepted ||`,
    "echo The password is not right.",
    "sleep 2 || exit",
    "goto ask",
  );
}

export function ipxeBoot(host: string): string {
  return lines("#!ipxe", `chain --replace --autofree http://${host}/boot.ipxe`);
}

/**
 * A Windows PE. wimboot takes one boot configuration for both kinds of firmware, that of a BIOS. Without it Windows' own
 * loaders come by TFTP from the site; option 252 tells bootmgr.exe which boot configuration is a BIOS's.
 */
export function ipxeWinpe(host: string, address: string, hasWimboot: boolean): string {
  const url = `http://${host}/winpe`;
  if (hasWimboot) {
    return lines(
      "#!ipxe",
      `kernel ${url}/wimboot`,
      // A BIOS's wimboot knows a file by the words behind its address, UEFI's by its name.
      ...[
        ["BCD.bios", "BCD"],
        ["boot.sdi", "boot.sdi"],
        ["boot.wim", "boot.wim"],
      ].map(([file, name]) => `initrd --name ${name} ${url}/Boot/${file} ${name}`),
      "boot",
    );
  }
  return lines(
    "#!ipxe",
    `set netX/next-server ${address}`,
    "iseq ${platform} efi && goto efi ||",
    "set netX/252:string \\Boot\\BCD.bios",
    `chain --autofree tftp://${address}/pxeboot.n12`,
    ":efi",
    `chain --autofree tftp://${address}/bootmgfw.efi`,
  );
}

/** Where GRUB asks by TFTP, below its root: Debian's signed GRUB 2.06 has no HTTP. */
export const grubFolder = "boot";

/** The same for all. The site makes the answer when it hears of the question, so the first time it is not there. */
export function grubBootstrap(): string {
  return lines(
    "set uuid=none",
    "smbios --type 1 --get-uuid 8 --set uuid",
    'if [ -z "$uuid" ]; then set uuid=none; fi',
    "set mac=none",
    'if [ -n "$net_default_mac" ]; then set mac=$net_default_mac; fi',
    "echo Volley: asking the site",
    ...grubAsking(`/${grubFolder}/\${uuid}_\${mac}.cfg`),
  );
}

/**
 * What leaves a boot loader goes back to firmware, which takes that for a success and shows its menu ("Boot Manager", UEFI
 * 2.10, 3.1; so does EDK2): the disk's own loader is started from here. Windows' has its place, and any other system that is
 * to start without an entry in the firmware has the removable media path (3.5.1.1).
 */
const diskLoaders = [
  "/EFI/Microsoft/Boot/bootmgfw.efi",
  // What the disk's shim would start, verified by the one that is here.
  "/EFI/BOOT/grubx64.efi",
  "/EFI/BOOT/BOOTX64.EFI",
];
const grubFromDisk = [
  `for loader in ${diskLoaders.join(" ")}; do`,
  // By "root" the loader is told which device it comes from.
  "  if search --no-floppy --set=root --file $loader; then",
  "    if chainloader $loader; then boot; fi",
  "  fi",
  "done",
  "exit",
];

/** GRUB says of each file that is not there yet that it was not found. */
function grubAsking(path: string): string[] {
  return [
    "for try in 1 2 3 4 5 6 7 8 9 10; do",
    `  configfile ${path}`,
    "  sleep 1",
    "done",
    "echo Volley: the site does not answer",
    "sleep 5",
    "exit",
  ];
}

export function grubConfiguration(
  answer: PxeAnswer,
  { computer, passwordHash }: { computer: string; passwordHash: string | null },
): string {
  if (answer.kind === "local") {
    return lines(`echo "Volley: ${plain(answer.reason)}"`, "sleep 2", ...grubFromDisk);
  }
  if (answer.kind === "hold") {
    return lines(
      `echo "Volley: this computer waits until it is approved at the site: ${plain(answer.as)}"`,
      'echo "Esc starts it from its disk."',
      `if sleep --interruptible ${limits.pxeHoldSeconds}; then`,
      ...grubAsking(`/${grubFolder}/${computer}.cfg`),
      "fi",
      ...grubFromDisk,
    );
  }
  const accept = grubAsking(`/${grubFolder}/${computer}_accepted.cfg`);
  if (answer.kind === "boot" && passwordHash === null) return lines(...accept);
  return lines(
    ...(passwordHash === null
      ? []
      : [`set superusers=${passwordUser}`, `password_pbkdf2 ${passwordUser} ${passwordHash}`]),
    `set default=${answer.kind === "boot" ? "volley" : "local"}`,
    `set timeout=${answer.kind === "boot" ? 0 : answer.seconds}`,
    `menuentry "Start from the disk" --id local --unrestricted {`,
    ...grubFromDisk.map((line) => `  ${line}`),
    "}",
    `menuentry "Volley: ${plain(answer.what)}" --id volley ${passwordHash === null ? "--unrestricted " : ""}{`,
    ...accept.map((line) => `  ${line}`),
    "}",
  );
}

/** The media's own configuration loads the kernel, without asking again. */
export function grubBoot(): string {
  return lines("set superusers=", "set default=0", "set timeout=0", "configfile /grub/media.cfg");
}

/** Windows' boot manager is for the firmware to load (`NextStarts`). */
export function grubRestart(): string {
  return lines("echo Volley: this computer restarts into its Windows PE", "sleep 5", "reboot");
}

function lines(...text: string[]): string {
  return `${text.join("\n")}\n`;
}
