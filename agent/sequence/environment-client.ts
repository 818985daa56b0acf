/** The other end of environment-server.ts: what `volley-agent env` asks inside a step. */
import { connect } from "node:net";
import { isErrorCode, VolleyError } from "../../contract/errors.ts";
import { sequenceLimits } from "./limits.ts";
import {
  socketVariable,
  tokenVariable,
  type EnvironmentAnswer,
  type EnvironmentRequest,
} from "./environment-server.ts";

/** `variables`: the environment of this process. Rejects with E_NOT_FOUND outside a step, and with what the engine says. */
export async function askEnvironment(
  request: EnvironmentRequest,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<{ value: string } | { names: string[] }> {
  const path = variables[socketVariable];
  const token = variables[tokenVariable];
  if (path === undefined || token === undefined) {
    throw new VolleyError("E_NOT_FOUND", "No step of a task sequence has started this program");
  }
  const answer = JSON.parse(await exchange(path, JSON.stringify({ ...request, token }))) as EnvironmentAnswer;
  if (!("error" in answer)) return answer;
  const { code, detail } = answer.error;
  throw new VolleyError(isErrorCode(code) ? code : "E_INTERNAL", detail);
}

function exchange(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new VolleyError("E_NOT_FOUND", `The running sequence does not answer: ${reason}`));
    };
    socket.setEncoding("utf8");
    socket.setTimeout(sequenceLimits.environmentIdleMs, () => fail("it takes too long"));
    socket.on("error", (error) => fail(error.message));
    socket.on("data", (piece: string) => (text += piece));
    socket.on("end", () => (text.endsWith("\n") ? resolve(text) : fail("it hung up")));
    socket.write(`${line}\n`);
  });
}
