/** Disks, volumes and network adapters as WMI names them. */
import { freeBytes } from "../free-bytes.ts";
import type { WmiFacts } from "../sequence-machine.ts";
import { diskDrive } from "../wmi-hardware.ts";
import type { WindowsAdapter, WindowsFacts } from "./facts.ts";

const interfaces: Record<string, string> = { usb: "USB", ata: "IDE", sata: "IDE", ieee1394: "1394" };

export function diskRows(facts: WindowsFacts): WmiFacts[] {
  return facts.disks().map((disk) => {
    const { bus, number, path } = disk;
    return diskDrive(disk, { bus: interfaces[bus] ?? "SCSI", name: path.toUpperCase(), number });
  });
}

export function partitionRows(facts: WindowsFacts): WmiFacts[] {
  return facts.disks().flatMap((disk) =>
    disk.partitions.map(({ offsetBytes, sizeBytes }, index) => ({
      DiskIndex: disk.number,
      Index: index,
      DeviceID: `Disk #${disk.number}, Partition #${index}`,
      Name: `Disk #${disk.number}, Partition #${index}`,
      Size: sizeBytes,
      StartingOffset: offsetBytes,
    })),
  );
}

export function volumeRows(facts: WindowsFacts, kind: "logical" | "volume"): WmiFacts[] {
  return facts.disks().flatMap(({ partitions, removable }) =>
    partitions.flatMap(({ fileSystem, label, mountPoints, sizeBytes, volume }) => {
      const letter = mountPoints.find((place) => /^[A-Z]:\\$/i.test(place));
      if (volume === null || (kind === "logical" && letter === undefined)) return [];
      const drive = letter?.slice(0, 2) ?? null;
      const own = {
        DriveType: removable ? 2 : 3,
        FileSystem: fileSystem || null,
        FreeSpace: freeBytes(letter),
      };
      return [
        kind === "logical"
          ? { ...own, DeviceID: drive, Name: drive, Size: sizeBytes, VolumeName: label }
          : {
              ...own,
              DeviceID: volume,
              Name: letter ?? volume,
              DriveLetter: drive,
              Capacity: sizeBytes,
              Label: label,
            },
      ];
    }),
  );
}

/** Not the loopback. */
function realAdapters(facts: WindowsFacts): WindowsAdapter[] {
  return facts.adapters().filter(({ kind }) => kind !== "loopback");
}

export function adapterRows(facts: WindowsFacts): WmiFacts[] {
  return realAdapters(facts).map(
    ({ description, hardware, kind, macAddress, name, speedMbps, up }, index) => ({
      DeviceID: String(index),
      Index: index,
      Name: description,
      Description: description,
      NetConnectionID: name,
      MACAddress: macAddress?.toUpperCase() ?? null,
      AdapterType: kind === "wireless" ? "Wireless" : "Ethernet 802.3",
      AdapterTypeID: kind === "wireless" ? 9 : 0,
      // 2 is "connected", 7 "media disconnected".
      NetConnectionStatus: up ? 2 : 7,
      NetEnabled: up,
      PhysicalAdapter: hardware,
      Speed: speedMbps === null ? null : speedMbps * 1_000_000,
      Installed: true,
    }),
  );
}

export function adapterConfigurationRows(facts: WindowsFacts): WmiFacts[] {
  return realAdapters(facts).map(({ addresses, description, gateways, macAddress }, index) => ({
    Index: index,
    Description: description,
    Caption: description,
    MACAddress: macAddress?.toUpperCase() ?? null,
    IPEnabled: addresses.length > 0,
    IPAddress: addresses.length === 0 ? null : addresses.map(({ address }) => address),
    IPSubnet: addresses.length === 0 ? null : addresses.map(({ prefixBits }) => maskOf(prefixBits)),
    DefaultIPGateway: gateways.length === 0 ? null : gateways,
  }));
}

/** "255.255.255.0" for 24. */
export function maskOf(prefixBits: number): string {
  const bits = "1".repeat(prefixBits).padEnd(32, "0");
  return [0, 8, 16, 24].map((at) => Number.parseInt(bits.slice(at, at + 8), 2)).join(".");
}
