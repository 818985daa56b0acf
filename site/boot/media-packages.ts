/** The Debian packages that boot media are made of, fetched the way this computer fetches its own. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { runMediaShell, runMediaTool } from "./media-tools.ts";
import { peFile } from "./media-texts.ts";

const release = "bookworm";

/** What runs in the PE, each for what it is there. */
const pePackages = [
  // The system itself.
  ["busybox-static", "bash", "libc-bin", "kmod", "iproute2", "util-linux", "mount", "tar", "zstd", "rdate"],
  // For the agent.
  "libstdc++6",
  // Disks and volumes.
  ["fdisk", "gdisk", "dosfstools", "e2fsprogs", "ntfs-3g", "efibootmgr"],
  // What starts an applied Windows: files on FAT, and a boot loader for a BIOS.
  ["mtools", "grub-common", "grub-pc-bin"],
  // Windows images and registries, shares.
  ["wimtools", "libhivex-bin", "libwin-hivex-perl", "cifs-utils"],
  "firmware-linux-free",
].flat();

/** Patterns of what is removed again: documents, languages, and what packages bring that nothing here runs. */
const leftOut = [
  "usr/share/{man,info,locale,lintian,bug,bash-completion,initramfs-tools,gdb,apport,perl5/Debian}",
  "usr/share/{python3,debconf,menu,zoneinfo,pixmaps,applications}",
  "usr/lib/python3*",
  "usr/bin/{python3*,pydoc*,py3*,pygettext*,perlbug,perlthanks,cpan*,corelist,dpkg*,debconf*,smb2-quota}",
  "usr/share/perl/5.*/{CPAN*,ExtUtils,Module,Test*,TAP,Unicode,pod,perl5db.pl,Pod/Perldoc*,DBM_Filter*}",
  "usr/lib/x86_64-linux-gnu/perl/5.*/{CORE,auto/Encode/{CN,JP,KR,TW},auto/Unicode}",
  "usr/lib/x86_64-linux-gnu/gconv",
  "usr/lib/{systemd,udev,tmpfiles.d,sysusers.d}",
  "var/{lib,cache,log,backups}/*",
  // The kernel makes these.
  "dev/*",
  "etc/{cron*,default,init.d,systemd,apt,dpkg,pam.d,security,python3*,apparmor*,logrotate.d}",
];

export interface MediaPackages {
  /** Folder with the PE's root file system, without kernel modules. */
  root: string;
  /** Folder with the kernel's and the boot loaders' files. */
  boot: string;
  /** For example "6.1.0-56-amd64". */
  kernel: string;
}

/**
 * Into `work`, which exists. `extra`: names of more Debian packages. Throws E_TOOL_MISSING, E_TOOL_FAILED with what apt
 * said.
 */
export async function fetchMediaPackages(work: string, extra: readonly string[]): Promise<MediaPackages> {
  const root = join(work, "root");
  const boot = join(work, "boot");
  const settings = join(work, "apt.conf");
  writeFileSync(settings, await runMediaTool("apt-config", ["dump", "Acquire"]), { mode: 0o600 });
  await runMediaTool("mmdebstrap", [
    "--variant=extract",
    "--format=directory",
    `--include=${[...pePackages, ...extra].join(",")}`,
    // Files go where merged directories lead, as on any computer of this release.
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    `--aptopt=${settings}`,
    `--extract-hook=sh "${peFile("fetch-boot-packages")}" "$1"`,
    release,
    root,
    ...aptSources(),
  ]);
  const downloads = join(work, "downloads");
  renameSync(join(root, "boot-packages"), downloads);
  mkdirSync(boot);
  for (const name of readdirSync(downloads)) {
    await runMediaTool("dpkg-deb", ["-x", join(downloads, name), boot]);
  }
  rmSync(downloads, { recursive: true });
  await removeLeftOut(root);
  const [kernel] = readdirSync(join(boot, "lib/modules"));
  if (kernel === undefined) throw new VolleyError("E_TOOL_FAILED", "The kernel's package has no modules.");
  return { root, boot, kernel };
}

/** This computer's lists of where Debian is, if they are of the same release. */
function aptSources(): string[] {
  const named = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"];
  return named.filter((path) => {
    try {
      return readFileSync(path, "utf8").includes(release);
    } catch {
      return false;
    }
  });
}

async function removeLeftOut(root: string): Promise<void> {
  await runMediaShell(`shopt -s nullglob; rm -rf ${leftOut.join(" ")}`, [], root);
  // Licences stay with what they are for.
  await runMediaTool("find", ["usr/share/doc", "-type", "f", "!", "-name", "copyright", "-delete"], {
    folder: root,
  });
}
