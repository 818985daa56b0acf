/** Capture Network Settings: membership and adapters, for the Windows that comes after this one. */
import {
  adapted,
  flag,
  real,
  runOrFail,
  service,
  setting,
  stepKind,
  succeeded,
  unsupported,
} from "./step-kind.ts";
import type { AdapterFacts } from "./services.ts";
import type { StepContext } from "./step.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const captureNetworkSettings = stepKind({
  type: "CaptureNetworkSettings",
  title: "Capture Network Settings",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: adapted("the adapters are captured; a Linux has no membership of Windows' kind"),
  },
  async perform(context) {
    const captured: string[] = [];
    const wantsMembership = flag(
      setting(context, "MigrateNetworkMembership", "OSDMigrateNetworkMembership"),
      true,
    );
    if (wantsMembership && context.system === "windows") captured.push(await captureMembership(context));
    if (flag(setting(context, "MigrateAdapterSettings", "OSDMigrateAdapterSettings"), true)) {
      const adapters = await service(context, "network", "account of the network adapters").adapters();
      captureAdapters(context, adapters);
      captured.push(`${adapters.length} adapters`);
    }
    return succeeded(captured.length === 0 ? "Nothing is captured" : `Captured: ${captured.join(", ")}`);
  },
});

async function captureMembership(context: StepContext): Promise<string> {
  const script =
    "Get-CimInstance Win32_ComputerSystem | Select-Object PartOfDomain,Domain,Workgroup | ConvertTo-Json";
  const { output } = await runOrFail(context, "read the membership", {
    command: ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script],
  });
  const facts = JSON.parse(output) as {
    PartOfDomain: boolean;
    Domain: string | null;
    Workgroup: string | null;
  };
  context.variables.set("OSDNetworkJoinType", facts.PartOfDomain ? "0" : "1");
  const name = (facts.PartOfDomain ? facts.Domain : (facts.Workgroup ?? facts.Domain)) ?? "";
  context.variables.set(facts.PartOfDomain ? "OSDDomainName" : "OSDWorkgroupName", name);
  return facts.PartOfDomain ? `domain ${name}` : `workgroup ${name}`;
}

/** The array OSDAdapter of "Task sequence variables", as Apply Network Settings reads it. */
function captureAdapters(context: StepContext, adapters: readonly AdapterFacts[]): void {
  for (const [index, adapter] of adapters.entries()) {
    const values: Record<string, string> = {
      Name: adapter.name,
      MACAddress: adapter.macAddress,
      EnableDHCP: String(adapter.dhcp),
      IPAddressList: adapter.dhcp ? "" : adapter.addresses.map(({ address }) => address).join(","),
      SubnetMask: adapter.dhcp ? "" : adapter.addresses.map(({ mask }) => mask).join(","),
      Gateways: adapter.dhcp ? "" : adapter.gateways.join(","),
      DNSServerList: adapter.dhcp ? "" : adapter.dnsServers.join(","),
      DNSDomain: adapter.dnsDomain,
    };
    for (const [name, value] of Object.entries(values)) {
      context.variables.set(`OSDAdapter${index}${name}`, value);
    }
  }
  context.variables.set("OSDAdapterCount", String(adapters.length));
}
