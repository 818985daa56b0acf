/** What the agent says to a distribution point in its building: with a ticket of the site's, under the same authority. */
import { apiPrefix, ErrorAnswer } from "../../contract/common.ts";
import { JoinAnswer, type JoinRequest, type Policy } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { ProgressAnswer, type Progress } from "../../contract/report.ts";
import { openTransport, type Answer, type Call, type Transport } from "./transport.ts";

export type PolicyPoint = NonNullable<NonNullable<Policy["deployment"]>["points"]>[number];

/** Every method makes one try and throws a VolleyError: the point's own code, or E_SITE_UNREACHABLE, E_SITE_UNTRUSTED. */
export class PointClient {
  readonly #point: PolicyPoint;
  readonly #transport: Transport;
  readonly #onSecret: (secret: string) => void;

  constructor(point: PolicyPoint, authority: string, onSecret: (secret: string) => void) {
    this.#point = point;
    this.#onSecret = onSecret;
    this.#transport = openTransport({ host: point.address, port: point.port }, authority);
    onSecret(point.ticket);
  }

  /** The manifest file's bytes, not yet checked. */
  async manifest(imageId: string): Promise<Buffer> {
    const path = `/images/${imageId}/manifest`;
    return (await this.#call({ method: "GET", path, answerBytesMost: limits.manifestBytesMax })).body;
  }

  async join(deploymentId: string, body: JoinRequest): Promise<JoinAnswer> {
    const path = `/deployments/${deploymentId}/join`;
    const answer = JoinAnswer.parse(jsonOf(await this.#call({ method: "POST", path, body })));
    this.#onSecret(answer.session.key);
    this.#onSecret(answer.receiver.key);
    return answer;
  }

  async progress(deploymentId: string, body: Progress): Promise<ProgressAnswer> {
    const path = `/deployments/${deploymentId}/progress`;
    return ProgressAnswer.parse(jsonOf(await this.#call({ method: "POST", path, body })));
  }

  close(): void {
    this.#transport.close();
  }

  async #call(call: Call): Promise<Answer> {
    const authorization = `Ticket ${this.#point.ticket}`;
    const answer = await this.#transport.call({ ...call, path: apiPrefix + call.path, authorization });
    if (answer.status >= 200 && answer.status < 300) return answer;
    const refusal = ErrorAnswer.safeParse(jsonOf(answer));
    if (refusal.success) throw new VolleyError(refusal.data.code, refusal.data.detail);
    throw new VolleyError(
      "E_SITE_UNREACHABLE",
      `Distribution point ${this.#point.name} answered ${answer.status}`,
    );
  }
}

/** Undefined for what is no JSON. */
function jsonOf({ body }: Answer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
