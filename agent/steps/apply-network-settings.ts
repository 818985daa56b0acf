/**
 * Apply Network Settings: workgroup or domain, and the adapters, into the answer file of the applied Windows; the adapters
 * into the settings of an applied Linux.
 */
import { setLinuxNetwork } from "./applied/linux-network.ts";
import { appliedLinux } from "./applied/system.ts";
import { codes } from "./codes.ts";
import { adapted, real, setting, StepFailure, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { setSetting, type SettingPlace } from "./unattend/answer-file.ts";
import { adapterSettings, readAdapters } from "./unattend/network.ts";
import { changeAnswerFile } from "./unattend/place.ts";
import { elementsOf, type XmlElement } from "./xml/document.ts";

const inPeOnly = unsupported("it runs in a PE alone, on a Windows that does not run yet");
const orLinux = adapted(
  "as documented for Windows; of an applied Linux the adapters with addresses of their own are set, for systemd-networkd or NetworkManager, and it joins nothing",
);
const join = "Microsoft-Windows-UnattendedJoin";
const identification = (path: string): SettingPlace => ({
  pass: "specialize",
  component: join,
  path: `Identification/${path}`,
});

export const applyNetworkSettings = stepKind({
  type: "ApplyNetworkSettings",
  title: "Apply Network Settings",
  support: { winpe: real, linuxpe: orLinux, windows: inPeOnly, linux: inPeOnly },
  async perform(context) {
    const linux = await appliedLinux(context);
    if (linux !== null) {
      const own = (await context.services?.network?.adapters()) ?? [];
      return succeeded(await setLinuxNetwork(linux, readAdapters(context, own)));
    }
    const membership = readMembership(context);
    const known = (await context.services?.network?.adapters()) ?? [];
    const adapters = readAdapters(context, known);
    if (setting(context, "EnableTCPIPFiltering", "OSDEnableTCPIPFiltering").toLowerCase() === "true") {
      context.log.warning("TCP/IP filtering is Windows XP's and is left out");
    }
    await changeAnswerFile(context, (root, architecture) => {
      dropMembership(root);
      for (const [place, value] of membership) setSetting(root, architecture, place, value);
      for (const [place, value] of globalDns(context)) setSetting(root, architecture, place, value);
      for (const adapter of adapters) {
        for (const [place, value] of adapterSettings(adapter)) setSetting(root, architecture, place, value);
      }
    });
    return succeeded(`The answer file has the network settings, with ${adapters.length} adapters`);
  },
});

/** Of several such steps the last one counts, as documented. */
function dropMembership(root: XmlElement): void {
  for (const pass of elementsOf(root, "settings")) {
    pass.children = pass.children.filter(
      (child) => typeof child === "string" || child.attributes.get("name") !== join,
    );
  }
}

/** NetworkJoinType: 0 is a domain, 1 a workgroup. */
function readMembership(context: StepContext): [SettingPlace, string][] {
  const type = setting(context, "NetworkJoinType", "OSDNetworkJoinType");
  const domain = setting(context, "DomainName", "OSDDomainName");
  const workgroup = setting(context, "WorkgroupName", "OSDWorkgroupName");
  if (type !== "" && type !== "0" && type !== "1") {
    throw new StepFailure(codes.invalidSetting, `The type of membership is "${type}", neither 0 nor 1`);
  }
  const isDomain = type === "0" || (type === "" && domain !== "");
  if (!isDomain) return workgroup === "" ? [] : [[identification("JoinWorkgroup"), workgroup]];
  if (domain === "") throw new StepFailure(codes.invalidSetting, "The domain to join is not named");
  const account = setting(context, "DomainUsername", "OSDJoinAccount");
  const password = setting(context, "DomainPassword", "OSDJoinPassword");
  if (account === "" || password === "") {
    throw new StepFailure(
      codes.invalidSetting,
      `The account that joins ${domain}, or its password, is not given: exports leave them out, so they have to be entered again`,
    );
  }
  const [first = "", second] = account.split("\\");
  const settings: [SettingPlace, string][] = [
    [identification("JoinDomain"), domain],
    [identification("Credentials/Domain"), second === undefined ? domain : first],
    [identification("Credentials/Username"), second ?? first],
    [identification("Credentials/Password"), password],
  ];
  // The console writes the unit as a path of LDAP, and Windows Setup takes the name alone.
  const unit = setting(context, "DomainOUName", "OSDDomainOUName").replace(/^LDAP:\/\/(?:[^/=]+\/)?/i, "");
  if (unit !== "") settings.push([identification("MachineObjectOU"), unit]);
  return settings;
}

function globalDns(context: StepContext): [SettingPlace, string][] {
  const component = "Microsoft-Windows-DNS-Client";
  const settings: [SettingPlace, string][] = [];
  const domain = setting(context, "DNSDomain", "OSDDNSDomain");
  if (domain !== "") settings.push([{ pass: "specialize", component, path: "DNSDomain" }, domain]);
  const suffixes = setting(context, "DNSSuffixSearchOrder", "OSDDNSSuffixSearchOrder")
    .split(/[,; ]+/)
    .filter((suffix) => suffix !== "");
  for (const [index, suffix] of suffixes.entries()) {
    const path = `DNSSuffixSearchOrder/DomainName[${index + 1}]`;
    settings.push([{ pass: "specialize", component, path }, suffix]);
  }
  return settings;
}
