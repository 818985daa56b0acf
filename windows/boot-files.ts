/** Which files of an applied Windows start it, and where bcdboot puts them. Names are to be found in any case. */

export interface BootFilePlan {
  /** The folder below Windows\Boot that they are in. */
  source: string;
  /** Among them what the firmware starts. */
  manager: string;
  /** Where that goes, from the root of the partition that is started from. */
  managerPlace(architecture: "amd64" | "x86" | "arm64"): string;
  /** Where the others go, with fonts, resources and the boot configuration. */
  folder: string;
  /** Whether it is one of the others. */
  goesAlong(name: string): boolean;
}

/** Where firmware looks for a boot manager when it has no entry of its own: "Removable Media Boot Behavior" (UEFI). */
const firmwareDefault = { amd64: "bootx64.efi", x86: "bootia32.efi", arm64: "bootaa64.efi" } as const;

/** The image's own store, where it has one, would name another machine's disk: it is among what stays. */
export const bootFilePlans: Readonly<Record<"uefi" | "bios", BootFilePlan>> = {
  uefi: {
    source: "EFI",
    manager: "bootmgfw.efi",
    managerPlace: (architecture) => `EFI/Boot/${firmwareDefault[architecture]}`,
    folder: "EFI/Microsoft/Boot",
    goesAlong: (name) => !/^bcd/i.test(name),
  },
  bios: {
    source: "PCAT",
    manager: "bootmgr",
    managerPlace: () => "bootmgr",
    folder: "Boot",
    goesAlong: (name) => !/^(bootmgr|bcd.*)$/i.test(name),
  },
};

/** Folders below Windows\Boot that go along as they are. */
export const bootExtras = ["Fonts", "Resources"] as const;
