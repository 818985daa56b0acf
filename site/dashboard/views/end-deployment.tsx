/** Asked before a deployment is closed or removed: how many machines are at work on it, and what becomes of them. */
import type { DeploymentRecord } from "../../../contract/administration.ts";
import { Question } from "../parts/question.tsx";
import type { Resource } from "../state/resource.ts";
import { roster } from "../state/room.ts";
import { ask } from "../state/site.ts";
import { atWorkText } from "../words/deployment.ts";

export interface Ending {
  one: DeploymentRecord;
  how: "close" | "remove";
}

interface EndDeploymentProps {
  ending: Ending;
  act: Resource<unknown>["act"];
  onClose: () => void;
}

export function EndDeployment({ act, ending: { how, one }, onClose }: EndDeploymentProps) {
  const { id, name, open } = one;
  const working = roster.value.filter(
    ({ deploymentId, state }) => deploymentId === id && (state === "working" || state === "planned"),
  );
  const close = async (): Promise<string> => {
    await ask("POST", `/deployments/${id}/close`, {});
    return `Deployment ${name} is closed.`;
  };
  const remove = async (): Promise<string> => {
    await ask("DELETE", `/deployments/${id}`);
    return `Deployment ${name} is removed.`;
  };
  const isRemoval = how === "remove";
  return (
    <Question
      title={isRemoval ? `Remove ${name}?` : `Close ${name}?`}
      action={isRemoval ? "Remove it" : "Close it"}
      onDo={() => act(isRemoval ? remove : close)}
      onClose={onClose}
    >
      <p>{atWorkText(working.map((machine) => machine.name))}</p>
      {open ? <p>Its sessions end, and no machine begins it any more.</p> : null}
      {isRemoval ? <p>How far each machine came in it is forgotten.</p> : null}
    </Question>
  );
}
