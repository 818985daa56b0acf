/** The small files of boot media: the PE's scripts, and what boot loaders read. */
import { ownFile } from "../own-files.ts";

/** The kernel is quiet, so that the screen is the agent's; after a panic the machine tries again. */
export const kernelOptions = "console=ttyS0,115200 console=tty0 quiet loglevel=1 panic=30";

/** Path of a file in site/boot/pe. */
export function peFile(name: string): string {
  return ownFile(`site/boot/pe/${name}`);
}

/** GRUB's word for what it reads from ("cd0", "hd0,gpt1", "tftp,192.0.2.1"): the agent tells a medium from the network by it. */
const startedFrom = "volley.root=${root}";

/**
 * Kernel and initramfs are at the root of what GRUB has started from: a server, a disc, a volume. Without `shell` nobody
 * changes an entry or gets a command line: an empty "superusers" leaves nobody who may ("Authentication and
 * authorisation", GRUB manual). It is said in this file, since a file that GRUB is led to has variables of its own.
 */
export function grubMenu({ shell }: { shell: boolean }): string {
  return `${shell ? "" : 'set superusers=""\n'}set timeout=1
menuentry "Volley" --unrestricted {
  linux /vmlinuz ${startedFrom} ${kernelOptions}
  initrd /initrd.zst
}
menuentry "Volley, with the kernel's messages" --unrestricted {
  linux /vmlinuz ${startedFrom} console=ttyS0,115200 console=tty0
  initrd /initrd.zst
}
`;
}

/** Finds the volume and goes on with the menu that is on it. */
export function grubSearch(label: string): string {
  return `search --no-floppy --set=root --label ${label}\nset prefix=($root)/boot/grub\n`;
}

/** Names are looked up where the script itself came from. UEFI kernels find their initramfs by its name. */
export const ipxeScript = `#!ipxe
kernel vmlinuz initrd=initrd.zst ${kernelOptions}
initrd initrd.zst
boot
`;

/** What the PE's scripts read (pe/common); nothing in it needs quoting, which the command has made sure of. */
export function peSettings(settings: {
  site: string;
  /** 64 hex digits. */
  fingerprint: string;
  /** Seconds since 1970. */
  built: number;
  version: string;
  shell: boolean;
}): string {
  const { built, fingerprint, shell, site, version } = settings;
  return Object.entries({ site, fingerprint, built, version, shell: shell ? "yes" : "no" })
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}
