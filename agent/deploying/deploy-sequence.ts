/** A deployment's task sequence on this machine: fetched, run or taken up, and the restarts in between. */
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { SequenceFacts as SequenceFile } from "../../contract/sequence.ts";
import type { DiskFacts } from "../platform/platform.ts";
import { packageCast, type PackageCast } from "./cast-package.ts";
import { handOver } from "./hand-over.ts";
import type { Performer, SequenceDeployment, TellFailure } from "./performer.ts";
import { folderStore, peekAtRun, type CheckpointStore } from "../sequence/checkpoint.ts";
import type { SequenceFacts } from "../sequence/facts.ts";
import type { SystemName } from "../sequence/tree.ts";
import { failureOf } from "../running/sequence-end.ts";
import { mediaTypeOf, peLaunchMode, standAloneFacts } from "../running/sequence-facts.ts";
import { loadProgram, type ChildReference, type LoadedProgram } from "../running/sequence-files.ts";
import { runLoaded, workFolder } from "../running/sequence-runner.ts";
import { StepTeller } from "../report/step-teller.ts";
import { pause, untilItWorks } from "../back-off.ts";
import { DeploymentSite } from "../site/deployment-site.ts";
import { downloadFile } from "../site/file-transfer.ts";
import { keptState } from "./kept-state.ts";
import { Refresh } from "./refresh.ts";
import { siteContent } from "./site-content.ts";
import { siteKey, siteStore } from "./site-checkpoint.ts";
import { siteServices } from "./site-services.ts";
import { tellSite } from "./tell-site.ts";
import { markTouched, wasStaged } from "../staging/staging.ts";
import { openStateFolder } from "../state-folder.ts";
import type { StepServices } from "../steps/services.ts";
import { machineServices } from "../running/step-services.ts";

/**
 * Resolves when it has succeeded. Throws E_SEQUENCE_FAILED with the step and its code, E_RESTART_NEEDED, after which the
 * same deployment goes on, E_CANCELLED, and with what keeps the sequence from being begun.
 */
export async function deploySequence(
  deployment: SequenceDeployment,
  by: Performer,
  tellFailure: TellFailure,
): Promise<void> {
  const site = new DeploymentSite(by.site, deployment.id);
  const folder = join(by.state.path, "deployments", deployment.id);
  const state = openStateFolder(folder, (path) => by.platform.flushFolder(path));
  const loaded = await fetchSequence(deployment, site, folder, by);
  const stores = [folderStore(state), siteStore(site, by.log, by.signal)] as const;
  const before = await peekAtRun({ stores, onWarning: (text) => by.log.warning(text) });
  by.delivery.tell({ kind: "started", deploymentId: deployment.id, resume: before !== null });
  const { facts, system } = await factsOf(deployment, loaded, folder, by);
  const refresh = refreshOf(deployment, stores, by);
  const isToLeave = (await refresh?.isToLeave()) ?? false;
  if (isToLeave) await restart({ target: "WinPE", seconds: 0, message: "", refresh }, by);
  const yes = by.yes || deployment.unattended;
  const content = siteContent({
    site,
    siteAddress: by.siteAddress,
    cast: castTo(deployment, site, by),
    folder: join(by.state.path, "packages"),
    log: by.log,
    signal: by.signal,
  });
  const handing = handOver(deployment, folder, by);
  const services = {
    ...tellingPlans(machineServices({ ...by.sequences, work: workFolder(facts), yes }), by),
    ...siteServices({ deployment, site, content, state, broken: before?.begun ?? false, by }),
    handOver: handing,
    ...(by.disk !== null && { disks: onlyDisk(by.disk, by) }),
    ...(refresh !== null && { bootStaging: refresh.bootStaging }),
    keptState: keptState({
      site,
      folder,
      state: by.state,
      packages: deployment.packages,
      disks: () => by.platform.listDisks(),
      log: by.log,
    }),
  };
  const patience = {
    signal: by.signal,
    patienceMs: limits.siteAwayMs,
    onWait: (failure: VolleyError) => by.log.warning(`Waiting for the variables: ${failure.detail}`),
  };
  const collection = await untilItWorks(() => site.variables(), patience);
  const device = await untilItWorks(() => site.deviceVariables(), patience);
  const steps = new StepTeller((step) => site.atStep(step));
  const ran = await runLoaded(
    {
      loaded,
      facts,
      system,
      state,
      layers: { collection, device },
      breaks: [],
      stores,
      secretKey: siteKey(site, by.log, by.signal),
      content,
      services,
      status: (status) => tellSite({ kind: "step-status", deploymentId: deployment.id, status }, by),
      atStep: (step) => steps.offer(step),
      failed: (end) => tellFailure(failureOf(end)),
      beforeRestart: (ended) => handing.finish(ended),
      logs: by.logs,
    },
    by.sequences,
  );
  if (ran.end.kind === "restart") {
    const { notice, target } = ran.end;
    await restart({ target, ...(notice ?? { seconds: 0, message: "" }), refresh }, by);
  }
  await refresh?.abandon();
  if (ran.end.kind === "failed") throw failureOf(ran.end);
}

/** Null where there is no system to leave for the PE. */
function refreshOf(
  { id: deploymentId }: SequenceDeployment,
  stores: readonly CheckpointStore[],
  { log, signal, site, staging }: Performer,
): Refresh | null {
  const endRun = async (): Promise<void> => {
    for (const store of stores) await store.remove();
  };
  return staging === null ? null : new Refresh({ deploymentId, staging, site, log, endRun, signal });
}

/** What steps take away from a disk they show first. */
function tellingPlans(services: StepServices, by: Performer): StepServices {
  const { plans } = services;
  if (plans === undefined || by.staging !== null) return services;
  return {
    ...services,
    plans: {
      async show(lines) {
        await plans.show(lines);
        markTouched(by.state, lines);
      },
    },
  };
}

/**
 * With the children that the site has of it. Throws E_CONTENT_CORRUPT for a file that is not what the site names, and what
 * loadProgram throws.
 */
async function fetchSequence(
  { sequence }: SequenceDeployment,
  site: DeploymentSite,
  folder: string,
  by: Performer,
): Promise<LoadedProgram> {
  const { fileName, name } = sequence;
  const own = join(folder, "sequence");
  const path = await fetchFile(sequence, own, (offset) => site.sequencePiece(offset), by);
  let children: Promise<SequenceFile[]> | null = null;
  const loaded = await loadProgram(path, async (reference) => {
    children ??= untilItWorks(() => site.children(), {
      signal: by.signal,
      patienceMs: limits.siteAwayMs,
      onWait: (failure) => by.log.warning(`Waiting for the sequence's children: ${failure.detail}`),
    });
    const child = findChild(await children, reference);
    if (child === undefined) return null;
    return fetchFile(child, join(own, child.id), (offset) => site.childPiece(child.id, offset), by);
  });
  // A sequence without a name of its own goes by its file's, and the site's says more.
  return loaded.program.name === fileName ? { ...loaded, program: { ...loaded.program, name } } : loaded;
}

/** Answers where it is. */
async function fetchFile(
  { bytes, fileName, hash, name }: SequenceFile,
  folder: string,
  piece: (offset: number) => Promise<Buffer>,
  by: Performer,
): Promise<string> {
  const path = join(folder, fileName);
  const what = `Task sequence "${name}"`;
  const onWait = (failure: VolleyError): void => by.log.warning(`${what}: ${failure.detail}`);
  await downloadFile({ path, bytes, hash, what, piece, onWait, progress: () => {}, signal: by.signal });
  return path;
}

/** By its identifier; without that by its name, both in any case. */
function findChild(
  children: readonly SequenceFile[],
  { name, packageId }: ChildReference,
): SequenceFile | undefined {
  const isOf = (text: string | null, wanted: string): boolean => text?.toLowerCase() === wanted.toLowerCase();
  return (
    children.find((child) => isOf(child.packageId, packageId)) ??
    children.find((child) => isOf(child.name, packageId)) ??
    children.find((child) => isOf(child.name, name))
  );
}

/** The bar on the screen is the step's. */
function castTo(deployment: SequenceDeployment, site: DeploymentSite, by: Performer): PackageCast {
  const caster = {
    name: `deployment ${deployment.name}`,
    multicast: deployment.multicast,
    castOf: async (packageId: string) => ({ ...deployment, image: await site.packageImage(packageId) }),
  };
  return packageCast(caster, { ...by, screen: { ...by.screen, progress: () => {} } });
}

async function factsOf(
  deployment: SequenceDeployment,
  { program, sequence }: LoadedProgram,
  folder: string,
  by: Performer,
): Promise<{ facts: SequenceFacts; system: SystemName }> {
  const { operatingSystem } = by.machine;
  const facts = await standAloneFacts({
    machineName: by.machine.name,
    hardware: by.machine,
    machine: by.platform.sequenceMachine,
    sequence,
    logPath: by.logFolder,
    dataPath: folder,
  });
  const { machineId } = await by.site.enrol();
  // What a refresh has put on the disk was started by the system there.
  const isOfPe = facts.inPe && !wasStaged(by.state, deployment.id);
  const launchMode = isOfPe ? ((await peLaunchMode(by.platform.sequenceMachine)) ?? "PXE") : "SMS";
  return {
    system: operatingSystem === "linux-pe" ? "linuxpe" : operatingSystem,
    facts: {
      ...facts,
      launchMode,
      mediaType: mediaTypeOf(launchMode, "BootMedia"),
      userStatePath: operatingSystem === "linux" ? join(folder, "UserState") : "",
      // Only a full system has it, and what it set lasts: so a sequence tells a refresh from bare metal.
      clientCache: facts.inPe ? "" : join(by.state.path, "packages"),
      clientGuid: machineId,
      packageId: deployment.sequence.id,
      packageName: program.name,
      deploymentId: deployment.id,
      managementPoint: by.siteAddress.host,
      managementPointPort: by.siteAddress.port,
      userStarted: false,
    },
  };
}

/** The disk that a person named is the only one that the sequence sees. */
const onlyDisk = (path: string, by: Performer) => ({
  list: async (): Promise<DiskFacts[]> => [await by.platform.findDisk(path)],
});

interface Restart {
  target: "HD" | "WinPE";
  seconds: number;
  message: string;
  refresh: Refresh | null;
}

/** Never resolves: the same deployment goes on when the machine is back. */
async function restart({ message, refresh, seconds, target }: Restart, by: Performer): Promise<never> {
  const into = target === "HD" ? "its installed system" : "a boot image";
  const leaving = target === "WinPE" ? refresh : null;
  await leaving?.arm();
  if (by.allowRestart) {
    if (message !== "") by.log.info(message);
    by.log.info(`This machine restarts into ${into} in ${seconds} seconds`);
    await pause(seconds * 1000, by.signal);
    // A PE forgets its outbox, and by what it told a site knows where the machine is to start next.
    await by.delivery.settle(limits.outboxFarewellMs);
    try {
      const isRestarted = (await leaving?.restart()) ?? false;
      if (!isRestarted) await by.platform.restart();
    } catch (error) {
      await leaving?.giveUp();
      throw error;
    }
  }
  throw new VolleyError("E_RESTART_NEEDED", `The machine is to be restarted into ${into}`);
}
