/** Apply Windows Settings: who the computer is and what it speaks, into the answer file of the applied Windows. */
import { randomBytes } from "node:crypto";
import { makeOwnLinux } from "./applied/linux-identity.ts";
import { appliedLinux } from "./applied/system.ts";
import { codes } from "./codes.ts";
import {
  adapted,
  flag,
  real,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
} from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { setSetting, type SettingPlace } from "./unattend/answer-file.ts";
import { changeAnswerFile } from "./unattend/place.ts";

const inPeOnly = unsupported("it runs in a PE alone, on a Windows that does not run yet");
const windowsOrLinux = adapted(
  "as documented for Windows; an applied Linux gets its name, new host keys and machine id, and where they are given root's password and a time zone by its name in the IANA database",
);
const shell = "Microsoft-Windows-Shell-Setup";
const international = "Microsoft-Windows-International-Core";

/** Settings that are written as they are: property, variable, place. */
const plain: { property: string; variable: string; place: SettingPlace }[] = [
  row("ComputerName", "OSDComputerName", "specialize", shell, "ComputerName"),
  row("ProductKey", "OSDProductKey", "specialize", shell, "ProductKey"),
  row("RegisteredUserName", "OSDRegisteredUserName", "specialize", shell, "RegisteredOwner"),
  row("RegisteredUserName", "OSDRegisteredUserName", "oobeSystem", shell, "RegisteredOwner"),
  row("RegisteredOrgName", "OSDRegisteredOrgName", "specialize", shell, "RegisteredOrganization"),
  row("RegisteredOrgName", "OSDRegisteredOrgName", "oobeSystem", shell, "RegisteredOrganization"),
  row("TimeZone", "OSDTimeZone", "specialize", shell, "TimeZone"),
  row("TimeZone", "OSDTimeZone", "oobeSystem", shell, "TimeZone"),
  ...["InputLocale", "SystemLocale", "UILanguage", "UILanguageFallback", "UserLocale"].map((name) =>
    row(name, `OSDWindowsSettings${name}`, "oobeSystem", international, name),
  ),
];

function row(
  property: string,
  variable: string,
  pass: SettingPlace["pass"],
  component: string,
  path: string,
): (typeof plain)[number] {
  return { property, variable, place: { pass, component, path } };
}

/** Without these Windows stops at its first start and waits for somebody. */
const unattendedStart: readonly [string, string][] = [
  ["OOBE/HideEULAPage", "true"],
  ["OOBE/HideOEMRegistrationScreen", "true"],
  ["OOBE/HideOnlineAccountScreens", "true"],
  ["OOBE/HideWirelessSetupInOOBE", "true"],
  ["OOBE/ProtectYourPC", "1"],
];

export const applyWindowsSettings = stepKind({
  type: "ApplyWindowsSettings",
  title: "Apply Windows Settings",
  support: { winpe: real, linuxpe: windowsOrLinux, windows: inPeOnly, linux: inPeOnly },
  async perform(context) {
    const linux = await appliedLinux(context);
    if (linux !== null) return succeeded(await applyToLinux(context, linux));
    const values = readValues(context);
    const password = readPassword(context);
    await changeAnswerFile(context, (root, architecture) => {
      for (const [path, value] of unattendedStart) {
        setSetting(root, architecture, { pass: "oobeSystem", component: shell, path }, value);
      }
      for (const { place, value } of values) setSetting(root, architecture, place, value);
      for (const [name, value] of [
        ["Value", hiddenPassword(password)],
        ["PlainText", "false"],
      ] as const) {
        const path = `UserAccounts/AdministratorPassword/${name}`;
        setSetting(root, architecture, { pass: "oobeSystem", component: shell, path }, value);
      }
    });
    return succeeded("The answer file has the Windows settings");
  },
});

const computerName = (context: StepContext): string =>
  setting(context, "ComputerName", "OSDComputerName") || context.variables.get("_SMSTSMachineName");

/** Where nothing is said of root's password the image's stays. */
async function applyToLinux(context: StepContext, root: string): Promise<string> {
  const password = setting(context, "AdminPassword", "OSDLocalAdminPassword");
  const random = flag(setting(context, "RandomAdminPassword", "OSDRandomAdminPassword"), false);
  const name = computerName(context);
  await makeOwnLinux(context, root, {
    computerName: name,
    timeZone: setting(context, "TimeZone", "OSDTimeZone"),
    password: random ? "" : password,
    lockRoot: random,
  });
  return `The applied Linux is called ${name}`;
}

function readValues(context: StepContext): { place: SettingPlace; value: string }[] {
  const name = computerName(context);
  return plain
    .map(({ place, property, variable }) => ({
      place,
      value: property === "ComputerName" ? name : setting(context, property, variable),
    }))
    .filter(({ value }) => value !== "");
}

/**
 * "Randomly generate the local administrator password and disable the account" is what the step does when nothing is
 * said. The account is disabled when Windows is set up, since it is enabled on the way.
 */
function readPassword(context: StepContext): string {
  const written = setting(context, "AdminPassword", "OSDLocalAdminPassword");
  const random = flag(setting(context, "RandomAdminPassword", "OSDRandomAdminPassword"), written === "");
  if (!random && written === "") {
    throw new StepFailure(
      codes.invalidSetting,
      "The local administrator's password is not given: exports leave it out, so it has to be entered again",
    );
  }
  setOutput(context, "_VolleyDisableAdministrator", random ? "true" : "");
  return random ? `${randomBytes(24).toString("base64url")}aA1!` : written;
}

/** As Windows System Image Manager hides it: UTF-16 of the password and the element's name, in Base64. */
function hiddenPassword(password: string): string {
  return Buffer.from(`${password}AdministratorPassword`, "utf16le").toString("base64");
}
