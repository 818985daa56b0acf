/** A transfer onto a disk as a person sees it: how much, how fast, by which way, and what holds it back. */
import type { Progress } from "../../contract/report.ts";
import { durationText, sizeText } from "./words.ts";

export interface ProgressView {
  phase: "preparing" | "receiving" | "finishing" | "done" | "failed";
  /** A sentence; empty when the work goes on. */
  waitingFor: string;
  bottleneck: Progress["bottleneck"];
  bytesVerified: number;
  bytesTotal: number;
  multicastBytes: number;
  unicastBytes: number;
  /** Raw bytes that the disk held already. */
  bytesFound: number;
  repairedSymbols: number;
  bytesPerSecond: number;
  secondsLeft: number | null;
}

/** "61 %  612 MB of 1.0 GB  52 MB/s  8 s left" */
export function amountText(view: ProgressView): string {
  const pieces = [
    `${String(Math.floor(part(view) * 100)).padStart(3)} %`,
    `${sizeText(view.bytesVerified)} of ${sizeText(view.bytesTotal)}`,
  ];
  if (view.phase === "receiving" && view.bytesPerSecond > 0) {
    pieces.push(`${sizeText(view.bytesPerSecond)}/s`);
  }
  if (view.phase === "receiving" && view.secondsLeft !== null) {
    pieces.push(`${durationText(view.secondsLeft)} left`);
  }
  return pieces.join("  ");
}

/** "receiving · 600 MB by multicast · held back by this machine's disk"; what it waits for instead, where it waits. */
export function pathText(view: ProgressView): string {
  const pieces = [
    view.phase === "receiving" && view.waitingFor !== "" ? view.waitingFor : phaseText[view.phase],
  ];
  if (view.multicastBytes > 0) pieces.push(`${sizeText(view.multicastBytes)} by multicast`);
  if (view.unicastBytes > 0) pieces.push(`${sizeText(view.unicastBytes)} by unicast`);
  if (view.bytesFound > 0) pieces.push(`${sizeText(view.bytesFound)} was there`);
  if (view.repairedSymbols > 0) pieces.push(`${view.repairedSymbols} repaired`);
  if (heldBack[view.bottleneck] !== "") pieces.push(`held back by ${heldBack[view.bottleneck]}`);
  return pieces.join(" · ");
}

/** Empty where it is the site's pace, which is nobody's fault. */
const heldBack: Record<ProgressView["bottleneck"], string> = {
  none: "",
  site: "",
  network: "the network",
  processor: "this machine's processor",
  disk: "this machine's disk",
};

const phaseText = {
  preparing: "preparing the disk",
  receiving: "receiving",
  finishing: "making it durable and bootable",
  done: "verified",
  failed: "failed",
} as const;

/** 0 to 1. */
export function part(view: ProgressView): number {
  return view.bytesTotal === 0 ? 0 : Math.min(1, view.bytesVerified / view.bytesTotal);
}
