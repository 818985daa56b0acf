/** Install Package: a package's program, or those a list of variables names as "PackageID:Program". */
import { codes } from "./codes.ts";
import { baseVariableList, installAll, type Installation } from "./install-list.ts";
import {
  adapted,
  flag,
  real,
  service,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
} from "./step-kind.ts";
import type { StepContext } from "./step.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const installPackage = stepKind({
  type: "InstallSoftware",
  title: "Install Package",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: adapted("the program's command line is run by /bin/sh"),
  },
  async perform(context) {
    const goOn = flag(context.property("ContinueOnInstallError"), false);
    const base = context.property("BaseVariableName");
    if (base !== "") {
      const entries = baseVariableList(context, base, 3);
      if (entries.length === 0) return succeeded(`${base}001 is not set, so that nothing is installed`);
      return installAll(context, await Promise.all(entries.map((entry) => ofEntry(context, entry))), goOn);
    }
    const packageId = context.property("PackageID");
    const program = setting(context, "ProgramName", "_SMSSWDProgramName");
    if (packageId === "" || program === "") {
      throw new StepFailure(codes.invalidSetting, "Neither a package's program nor a list is named");
    }
    return installAll(context, [await find(context, packageId, program)], goOn);
  },
});

/** "The value is the package ID and the program, with a colon between them", in any case. */
function ofEntry(context: StepContext, entry: string): Promise<Installation> {
  const [packageId = "", ...program] = entry.split(":");
  if (program.length === 0) {
    throw new StepFailure(codes.invalidSetting, `"${entry}" is not of the form PackageID:Program`);
  }
  return find(context, packageId.trim().toUpperCase(), program.join(":").trim());
}

async function find(context: StepContext, packageId: string, name: string): Promise<Installation> {
  const programs = service(context, "programs", "list of programs");
  const program = await programs.ofPackage(packageId, name);
  return { name: `${packageId}:${name}`, packageId, program };
}
