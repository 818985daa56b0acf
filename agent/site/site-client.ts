/** What the agent says to the site, each message checked against the contract both ways. */
import { z } from "zod";
import { apiPrefix, ErrorAnswer, HexKey, Identifier } from "../../contract/common.ts";
import { JoinAnswer, Policy, type JoinRequest } from "../../contract/deployment.ts";
import { BurstAnswer, type BurstRequest, EchoCounts, Examination } from "../../contract/doctor.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { EnrolAnswer, type EnrolRequest, type MachineFacts } from "../../contract/machine.ts";
import {
  ProgressAnswer,
  ReportsAnswer,
  type LogWanted,
  type Progress,
  type Report,
} from "../../contract/report.ts";
import { stateFiles, type StateFolder } from "../state-folder.ts";
import type { Answer, Call, Transport } from "./transport.ts";

/** What the state folder keeps of an enrolment. The keys in it are secret. */
export const Enrolment = z.object({
  site: z.string(),
  authority: z.string(),
  machineId: Identifier,
  machineKey: HexKey,
  manifestKey: z.string(),
});
export type Enrolment = z.infer<typeof Enrolment>;

export interface SiteClientOptions {
  transport: Transport;
  /** "host:port" and PEM, to find out whether a kept enrolment is with this site. */
  site: string;
  authority: string;
  state: StateFolder;
  machine: MachineFacts;
  /** Null when there is none at hand: then only a kept enrolment works. */
  readCredential(): string | null;
  /** Told of each secret before it is used, so that no log shows it. */
  onSecret(secret: string): void;
  /** The site wants the log of this machine's work for that deployment. */
  onLogWanted?(deploymentId: string): void;
}

/**
 * Every method makes one try and throws a VolleyError: the site's own code, or E_SITE_UNREACHABLE, E_SITE_UNTRUSTED.
 * A machine that the site does not know (any more) enrols again by itself when a credential is at hand.
 */
export class SiteClient {
  readonly #options: SiteClientOptions;
  #enrolment: Enrolment | null;
  #enrolling: Promise<Enrolment> | null = null;

  constructor(options: SiteClientOptions) {
    this.#options = options;
    const kept = options.state.read(stateFiles.enrolment, Enrolment);
    const ours = kept !== null && kept.site === options.site && kept.authority === options.authority;
    this.#enrolment = ours ? kept : null;
    if (this.#enrolment !== null) options.onSecret(this.#enrolment.machineKey);
  }

  /** Enrols unless it has been done before. Throws E_CREDENTIAL_REFUSED, E_NOT_ENROLLED (no credential at hand). */
  async enrol(): Promise<Enrolment> {
    return this.#enrolment ?? this.#enrolAnew();
  }

  async policy(): Promise<Policy> {
    return this.#heard(await this.ask(Policy, { method: "GET", path: "/policy" }));
  }

  /** The manifest file's bytes, not yet checked. */
  async manifest(imageId: string): Promise<Buffer> {
    const path = `/images/${imageId}/manifest`;
    return (await this.#authorized({ method: "GET", path, answerBytesMost: limits.manifestBytesMax })).body;
  }

  /** SPKI in PEM of the key that manifests are signed with. */
  async manifestKey(): Promise<string> {
    return (await this.enrol()).manifestKey;
  }

  async join(deploymentId: string, body: JoinRequest): Promise<JoinAnswer> {
    const answer = await this.ask(JoinAnswer, {
      method: "POST",
      path: `/deployments/${deploymentId}/join`,
      body,
    });
    this.#options.onSecret(answer.session.key);
    this.#options.onSecret(answer.receiver.key);
    return answer;
  }

  async progress(deploymentId: string, body: Progress): Promise<ProgressAnswer> {
    const path = `/deployments/${deploymentId}/progress`;
    return this.#heard(await this.ask(ProgressAnswer, { method: "POST", path, body }));
  }

  /** Identifiers of the reports that the site now keeps. */
  async report(reports: readonly Report[]): Promise<string[]> {
    const call: Call = { method: "POST", path: "/reports", body: { reports } };
    return this.#heard(await this.ask(ReportsAnswer, call)).acknowledged;
  }

  /** The end of smsts.log (contract/machine-logs.ts). */
  async log(deploymentId: string, bytes: Buffer): Promise<void> {
    const path = `/deployments/${deploymentId}/machines/me/log`;
    await this.#authorized({ method: "PUT", path, bytes });
  }

  #heard<Answered extends LogWanted>(answer: Answered): Answered {
    if (answer.logOf !== undefined) this.#options.onLogWanted?.(answer.logOf);
    return answer;
  }

  /** Throws E_DOCTOR_BUSY too, as `burst` does. */
  async openExamination(): Promise<Examination> {
    const opened = await this.ask(Examination, { method: "POST", path: "/examinations", body: {} });
    this.#options.onSecret(opened.key);
    return opened;
  }

  /** Answers when the site has sent it. */
  async burst(examinationId: string, body: BurstRequest): Promise<BurstAnswer> {
    return this.ask(BurstAnswer, { method: "POST", path: `/examinations/${examinationId}/bursts`, body });
  }

  async echoCounts(examinationId: string): Promise<EchoCounts> {
    return this.ask(EchoCounts, { method: "GET", path: `/examinations/${examinationId}` });
  }

  async closeExamination(examinationId: string): Promise<void> {
    await this.#authorized({ method: "POST", path: `/examinations/${examinationId}/close`, body: {} });
  }

  /** For parts of the agent that have messages of their own. */
  async ask<Shape extends z.ZodType>(shape: Shape, call: Call): Promise<z.infer<Shape>> {
    return parseAnswer(shape, await this.#authorized(call), call);
  }

  async fetch(call: Call): Promise<Buffer> {
    return (await this.#authorized(call)).body;
  }

  /** A secret of the site's, before it is used: no log shows it. */
  remember(secret: string): void {
    this.#options.onSecret(secret);
  }

  async #authorized(call: Call): Promise<Answer> {
    const used = await this.enrol();
    try {
      return await this.#callAs(used, call);
    } catch (error) {
      if (!(error instanceof VolleyError) || error.code !== "E_NOT_ENROLLED") throw error;
      if (this.#options.readCredential() === null) throw error;
      // Another request may have enrolled anew while this one was on its way.
      return this.#callAs(this.#enrolment === used ? await this.#enrolAnew() : await this.enrol(), call);
    }
  }

  async #callAs(enrolment: Enrolment, call: Call): Promise<Answer> {
    const authorization = `Bearer ${enrolment.machineId}.${enrolment.machineKey}`;
    const answer = await this.#options.transport.call({
      ...call,
      path: `${apiPrefix}${call.path}`,
      authorization,
    });
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, call);
    return answer;
  }

  /** Several requests may find out at once that the machine is not known; it enrols once. */
  #enrolAnew(): Promise<Enrolment> {
    this.#enrolling ??= this.#sendCredential().finally(() => {
      this.#enrolling = null;
    });
    return this.#enrolling;
  }

  async #sendCredential(): Promise<Enrolment> {
    const { authority, machine, site, state, transport } = this.#options;
    const credential = this.#options.readCredential();
    if (credential === null) {
      throw new VolleyError(
        "E_NOT_ENROLLED",
        "This machine is not enrolled at the site, and no credential is at hand",
      );
    }
    const body: EnrolRequest = { credential, machine };
    const call: Call = { method: "POST", path: "/enrol", body };
    const answer = await transport.call({ ...call, path: `${apiPrefix}/enrol` });
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, call);
    const enrolled = parseAnswer(EnrolAnswer, answer, call);
    this.#options.onSecret(enrolled.machineKey);
    this.#enrolment = { site, authority, ...enrolled };
    state.write(stateFiles.enrolment, this.#enrolment);
    return this.#enrolment;
  }
}

function parseAnswer<Shape extends z.ZodType>(shape: Shape, answer: Answer, call: Call): z.infer<Shape> {
  try {
    return shape.parse(JSON.parse(answer.body.toString("utf8")));
  } catch (error) {
    const detail = `The site's answer to ${call.method} ${call.path} is not of the form that was agreed: ${firstIssue(error)}`;
    throw new VolleyError("E_INTERNAL", detail, { cause: error });
  }
}

/** Which field, not which value: an answer may hold keys. */
function firstIssue(error: unknown): string {
  const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
  return issue === undefined ? "it is no JSON" : `${issue.path.join(".") || "the whole"}: ${issue.code}`;
}

function refusal(answer: Answer, call: Call): VolleyError {
  let parsed: ReturnType<typeof ErrorAnswer.safeParse> | null = null;
  try {
    parsed = ErrorAnswer.safeParse(JSON.parse(answer.body.toString("utf8")));
  } catch {
    // Not from the site itself: a proxy, or another server at this address.
  }
  if (parsed?.success) return new VolleyError(parsed.data.code, parsed.data.detail);
  const what = `The site answered ${answer.status} to ${call.method} ${call.path}`;
  if (answer.status === 401) return new VolleyError("E_NOT_ENROLLED", what);
  if (answer.status >= 500) return new VolleyError("E_SITE_UNREACHABLE", what);
  return new VolleyError("E_REQUEST_INVALID", what);
}
