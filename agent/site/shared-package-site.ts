/** What the agent says to the site about one package that every machine may have (contract/sequence.ts). */
import { ImageFacts, JoinAnswer, type JoinRequest } from "../../contract/deployment.ts";
import { ProgressAnswer, type Progress } from "../../contract/report.ts";
import { PackageFacts } from "../../contract/sequence.ts";
import type { SiteClient } from "./site-client.ts";

/** As SiteClient: each method makes one try. */
export class SharedPackageSite {
  readonly #site: Pick<SiteClient, "ask" | "fetch" | "remember">;
  readonly #path: string;

  constructor(site: Pick<SiteClient, "ask" | "fetch" | "remember">, packageId: string) {
    this.#site = site;
    this.#path = `/shared-packages/${encodeURIComponent(packageId)}`;
  }

  facts(): Promise<PackageFacts> {
    return this.#site.ask(PackageFacts, { method: "GET", path: this.#path });
  }
  piece(offset: number): Promise<Buffer> {
    return this.#site.fetch({ method: "GET", path: `${this.#path}/${offset}` });
  }

  /** Of a package that is cast. */
  image(): Promise<ImageFacts> {
    return this.#site.ask(ImageFacts, { method: "GET", path: `${this.#path}/image` });
  }
  async join(body: JoinRequest): Promise<JoinAnswer> {
    const answer = await this.#site.ask(JoinAnswer, { method: "POST", path: `${this.#path}/join`, body });
    this.#site.remember(answer.session.key);
    this.#site.remember(answer.receiver.key);
    return answer;
  }
  progress(body: Progress): Promise<ProgressAnswer> {
    return this.#site.ask(ProgressAnswer, { method: "POST", path: `${this.#path}/progress`, body });
  }
}
