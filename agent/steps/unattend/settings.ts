/**
 * The settings of answer files that Volley writes: component, configuration passes, path. Source: "Unattended Windows
 * Setup Reference" (Windows), whose names of components and settings these are.
 */
export const passes = [
  "windowsPE",
  "offlineServicing",
  "generalize",
  "specialize",
  "auditSystem",
  "auditUser",
  "oobeSystem",
] as const;
export type Pass = (typeof passes)[number];

export interface DocumentedSetting {
  passes: readonly Pass[];
  /** What the reference says of the value; null: any text. */
  form: RegExp | null;
}

const boolean = /^(true|false|0|1)$/;
const whole = /^\d{1,10}$/;
/** "ComputerName": at most 15 bytes, none of these characters, not digits alone; "*" is a random name. */
const computerName = /^(\*|(?!\d+$)[^\p{Cc}\s{|}~[\\\]^':;<=>?@!"#$%`()+/.,*&]{1,15})$/u;
const productKey = /^[A-Z0-9]{5}(-[A-Z0-9]{5}){4}$/i;
const locale = /^[A-Za-z0-9:;,_ {}-]{2,80}$/;
const address = /^[0-9A-Fa-f.:]+$/;
const addressAndPrefix = /^[0-9A-Fa-f.:]+\/\d{1,3}$/;

const shell = "Microsoft-Windows-Shell-Setup";
const international = "Microsoft-Windows-International-Core";
const internationalInPe = "Microsoft-Windows-International-Core-WinPE";
const join = "Microsoft-Windows-UnattendedJoin";
const tcpip = "Microsoft-Windows-TCPIP";
const dns = "Microsoft-Windows-DNS-Client";
const netbios = "Microsoft-Windows-NetBT";
const drivers = "Microsoft-Windows-PnpCustomizationsNonWinPE";
const deployment = "Microsoft-Windows-Deployment";
const licensing = "Microsoft-Windows-Security-SPP";

const user: readonly Pass[] = ["auditSystem", "auditUser", "oobeSystem"];
const both: readonly Pass[] = ["specialize", "auditSystem", "oobeSystem"];
const specialize: readonly Pass[] = ["specialize"];
const network: readonly Pass[] = ["windowsPE", "specialize"];
const oobe: readonly Pass[] = ["oobeSystem"];
const displayed: readonly Pass[] = ["auditSystem", "auditUser", "oobeSystem", "specialize"];
const languages: readonly Pass[] = ["specialize", "oobeSystem"];

type Row = readonly [component: string, path: string, passes: readonly Pass[], form?: RegExp];
const rows: readonly Row[] = [
  [shell, "ComputerName", ["offlineServicing", "specialize"], computerName],
  [shell, "ProductKey", specialize, productKey],
  [shell, "RegisteredOwner", both],
  [shell, "RegisteredOrganization", both],
  [shell, "TimeZone", both],
  [shell, "CopyProfile", specialize, boolean],
  [shell, "UserAccounts/AdministratorPassword/Value", user],
  [shell, "UserAccounts/AdministratorPassword/PlainText", user, boolean],
  [shell, "Display/ColorDepth", displayed, whole],
  [shell, "Display/HorizontalResolution", displayed, whole],
  [shell, "Display/RefreshRate", displayed, whole],
  [shell, "Display/VerticalResolution", displayed, whole],
  [shell, "OOBE/HideEULAPage", oobe, boolean],
  [shell, "OOBE/HideOEMRegistrationScreen", oobe, boolean],
  [shell, "OOBE/HideOnlineAccountScreens", oobe, boolean],
  [shell, "OOBE/HideWirelessSetupInOOBE", oobe, boolean],
  [shell, "OOBE/HideLocalAccountScreen", oobe, boolean],
  [shell, "OOBE/ProtectYourPC", oobe, /^[123]$/],
  [shell, "OOBE/NetworkLocation", oobe, /^(Home|Work|Other)$/],
  [shell, "OOBE/SkipMachineOOBE", oobe, boolean],
  [shell, "OOBE/SkipUserOOBE", oobe, boolean],
  [international, "InputLocale", languages, locale],
  [international, "SystemLocale", languages, locale],
  [international, "UILanguage", languages, locale],
  [international, "UILanguageFallback", languages, locale],
  [international, "UserLocale", languages, locale],
  [internationalInPe, "LayeredDriver", ["windowsPE"], /^[1-6]$/],
  [join, "Identification/JoinDomain", specialize],
  [join, "Identification/JoinWorkgroup", specialize],
  [join, "Identification/MachineObjectOU", specialize],
  [join, "Identification/Credentials/Domain", specialize],
  [join, "Identification/Credentials/Username", specialize],
  [join, "Identification/Credentials/Password", specialize],
  [tcpip, "Interfaces/Interface/Identifier", network],
  [tcpip, "Interfaces/Interface/Ipv4Settings/DhcpEnabled", network, boolean],
  [tcpip, "Interfaces/Interface/UnicastIpAddresses/IpAddress", network, addressAndPrefix],
  [tcpip, "Interfaces/Interface/Routes/Route/Identifier", network, whole],
  [tcpip, "Interfaces/Interface/Routes/Route/Prefix", network, addressAndPrefix],
  [tcpip, "Interfaces/Interface/Routes/Route/NextHopAddress", network, address],
  [tcpip, "Interfaces/Interface/Routes/Route/Metric", network, whole],
  [dns, "DNSDomain", network],
  [dns, "DNSSuffixSearchOrder/DomainName", network],
  [dns, "Interfaces/Interface/Identifier", network],
  [dns, "Interfaces/Interface/DNSDomain", network],
  [dns, "Interfaces/Interface/DNSServerSearchOrder/IpAddress", network, address],
  [dns, "Interfaces/Interface/DisableDynamicUpdate", network, boolean],
  [dns, "Interfaces/Interface/EnableAdapterDomainNameRegistration", network, boolean],
  [netbios, "EnableLMHOSTS", network, boolean],
  [netbios, "Interfaces/Interface/Identifier", network],
  [netbios, "Interfaces/Interface/NetbiosOptions", network, /^[012]$/],
  [netbios, "Interfaces/Interface/NameServerList/IpAddress", network, address],
  [drivers, "DriverPaths/PathAndCredentials/Path", ["offlineServicing", "auditSystem"]],
  [licensing, "SkipRearm", ["generalize"], /^[01]$/],
  [deployment, "RunSynchronous/RunSynchronousCommand/Order", specialize, whole],
  [deployment, "RunSynchronous/RunSynchronousCommand/Path", specialize],
  [deployment, "RunSynchronous/RunSynchronousCommand/Description", specialize],
];

const settings = new Map<string, DocumentedSetting>(
  rows.map(([component, path, inPasses, form]) => [
    `${component} ${path}`,
    { passes: inPasses, form: form ?? null },
  ]),
);
const components = new Set(rows.map(([component]) => component));

export function findSetting(component: string, path: readonly string[]): DocumentedSetting | null {
  return settings.get(`${component} ${path.join("/")}`) ?? null;
}

/** Whether the settings of this component are tabulated, so that an unknown one is a mistake worth a word. */
export function isTabulated(component: string): boolean {
  return components.has(component);
}
