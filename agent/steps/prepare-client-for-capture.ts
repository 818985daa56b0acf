/** Prepare ConfigMgr Client for Capture: the agent forgets which machine of the site it is. */
import { adapted, service, stepKind, succeeded, unsupported } from "./step-kind.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");
const agentInstead = adapted(
  "the agent of Volley is the client, and forgets its key and its name at the site",
);

export const prepareClientForCapture = stepKind({
  type: "PrepareSMSClient",
  title: "Prepare ConfigMgr Client for Capture",
  support: { winpe: fullSystemOnly, linuxpe: fullSystemOnly, windows: agentInstead, linux: agentInstead },
  async perform(context) {
    await service(context, "agentIdentity", "identity of the agent").forgetInImage();
    return succeeded("The image will hold an agent without an identity");
  },
});
