/** What the agent says to the site about one deployment's task sequence (contract/sequence.ts). */
import type { z } from "zod";
import { ImageFacts } from "../../contract/deployment.ts";
import type { RunningStep } from "../../contract/report.ts";
import {
  CapturedAnswer,
  DriverPackages,
  PackageFacts,
  RunCheckpointAnswer,
  RunKey,
  SequenceChildren,
  SequenceVariables,
  StateAnswer,
  UploadState,
  type CapturedRequest,
  type DriverPackage,
  type SequenceFacts,
  type SequenceVariable,
  type UploadRequest,
} from "../../contract/sequence.ts";
import type { PhaseLimits } from "./phase-limits.ts";
import type { RecoveryKeyRequest } from "../../contract/recovery-keys.ts";
import type { SiteClient } from "./site-client.ts";
import type { Call } from "./transport.ts";

/** As SiteClient: each method makes one try. */
export class DeploymentSite {
  readonly #site: SiteClient;
  readonly #deploymentId: string;

  constructor(site: SiteClient, deploymentId: string) {
    this.#site = site;
    this.#deploymentId = deploymentId;
  }

  sequencePiece(offset: number): Promise<Buffer> {
    return this.#bytes(`/sequence/${offset}`);
  }

  /** Sequences that the deployment's own may run. */
  children(): Promise<SequenceFacts[]> {
    return this.#ask(SequenceChildren, "GET", "/children");
  }
  childPiece(sequenceId: string, offset: number): Promise<Buffer> {
    return this.#bytes(`/children/${sequenceId}/${offset}`);
  }

  /** What is hidden among them is secret, as in deviceVariables. */
  variables(): Promise<SequenceVariable[]> {
    return this.#variables("/variables");
  }
  /** This machine's own. */
  deviceVariables(): Promise<SequenceVariable[]> {
    return this.#variables("/machines/me/variables");
  }
  async #variables(path: string): Promise<SequenceVariable[]> {
    const variables = await this.#ask(SequenceVariables, "GET", path);
    for (const { hidden, value } of variables) if (hidden) this.#site.remember(value);
    return variables;
  }

  packageFacts(packageId: string): Promise<PackageFacts> {
    return this.#ask(PackageFacts, "GET", `/packages/${encodeURIComponent(packageId)}`);
  }
  /** Of a package that is cast. */
  packageImage(packageId: string): Promise<ImageFacts> {
    return this.#ask(ImageFacts, "GET", `/packages/${encodeURIComponent(packageId)}/image`);
  }
  application(name: string): Promise<PackageFacts> {
    return this.#ask(PackageFacts, "GET", `/applications/${encodeURIComponent(name)}`);
  }
  /** Packages that hold a driver for a device with one of these PnP identifiers. */
  drivers(identifiers: string[], phases?: PhaseLimits): Promise<DriverPackage[]> {
    const call = { ...this.#to("POST", "/drivers"), body: { identifiers } };
    return this.#site.ask(DriverPackages, { ...call, ...(phases !== undefined && { phases }) });
  }
  packagePiece(packageId: string, offset: number): Promise<Buffer> {
    return this.#bytes(`/packages/${encodeURIComponent(packageId)}/${offset}`);
  }

  /** 64 hexadecimal digits, secret. */
  async key(): Promise<string> {
    const { key } = await this.#ask(RunKey, "POST", "/machines/me/key", {});
    this.#site.remember(key);
    return key;
  }

  /** Null when the site has none. */
  async checkpoint(): Promise<unknown> {
    const { checkpoint } = await this.#ask(RunCheckpointAnswer, "GET", "/machines/me/checkpoint");
    return checkpoint;
  }
  async saveCheckpoint(checkpoint: unknown): Promise<void> {
    await this.#call("PUT", "/machines/me/checkpoint", checkpoint);
  }
  async removeCheckpoint(): Promise<void> {
    await this.#call("DELETE", "/machines/me/checkpoint");
  }

  async atStep(step: RunningStep): Promise<void> {
    await this.#call("POST", "/step", step);
  }

  beginUpload(body: UploadRequest): Promise<UploadState> {
    return this.#site.ask(UploadState, { method: "POST", path: "/uploads", body });
  }
  sendPiece(uploadId: string, offset: number, bytes: Buffer): Promise<UploadState> {
    return this.#site.ask(UploadState, { method: "PUT", path: `/uploads/${uploadId}/${offset}`, bytes });
  }

  captured(body: CapturedRequest): Promise<CapturedAnswer> {
    return this.#ask(CapturedAnswer, "POST", "/machines/me/captured", body);
  }

  /** The key in it is secret. */
  async requestState(purpose: "capture" | "restore"): Promise<StateAnswer> {
    const answer = await this.#ask(StateAnswer, "POST", "/machines/me/state", { purpose });
    this.#site.remember(answer.key);
    return answer;
  }
  /** The site has it durably when this resolves. */
  async keepRecoveryKey(key: RecoveryKeyRequest): Promise<void> {
    this.#site.remember(key.password);
    await this.#call("PUT", "/machines/me/recovery-key", key);
  }

  async storeState(uploadId: string): Promise<void> {
    await this.#call("PUT", "/machines/me/state", { uploadId });
  }
  /** What was stored is back. */
  async stateRestored(): Promise<void> {
    await this.#call("DELETE", "/machines/me/state");
  }
  statePiece(offset: number): Promise<Buffer> {
    return this.#bytes(`/machines/me/state/${offset}`);
  }

  #ask<Shape extends z.ZodType>(
    shape: Shape,
    method: Call["method"],
    path: string,
    body?: unknown,
  ): Promise<z.infer<Shape>> {
    return this.#site.ask(shape, { ...this.#to(method, path), ...(body !== undefined && { body }) });
  }

  async #call(method: Call["method"], path: string, body?: unknown): Promise<void> {
    await this.#site.fetch({ ...this.#to(method, path), ...(body !== undefined && { body }) });
  }

  #bytes(path: string): Promise<Buffer> {
    return this.#site.fetch(this.#to("GET", path));
  }

  #to(method: Call["method"], path: string): Call {
    return { method, path: `/deployments/${this.#deploymentId}${path}` };
  }
}
