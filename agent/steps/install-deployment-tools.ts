/** Install Deployment Tools: Sysprep of Windows XP and Server 2003, which Windows has had by itself ever since. */
import { adapted, stepKind, succeeded, unsupported } from "./step-kind.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const installDeploymentTools = stepKind({
  type: "InstallDeployTools",
  title: "Install Deployment Tools",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: adapted("nothing is installed: Sysprep has been part of Windows since Windows Vista"),
    linux: unsupported("it prepares a Windows, and none runs here"),
  },
  perform: () => Promise.resolve(succeeded("Sysprep is part of Windows")),
});
