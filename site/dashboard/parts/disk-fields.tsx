/** The fields of a deployment's disk rule: which disk of each machine is overwritten. */
import type { DiskRule } from "../../../contract/deployment.ts";
import { Field, Tick, type Filled } from "./form.tsx";

/** Disks are sold in powers of 1000. */
const gigabyte = 1e9;

export function diskRuleOf({ isOn, text }: Filled): DiskRule {
  const bytes = (name: string): number => Math.round(Number(text(name)) * gigabyte);
  return {
    removable: isOn("removable"),
    ...(isOn("fit") && { fit: true }),
    ...(text("serial") !== "" && { serial: text("serial") }),
    ...(text("least") !== "" && { leastBytes: bytes("least") }),
    ...(text("most") !== "" && { mostBytes: bytes("most") }),
  };
}

/** `canFit`: an image is written to the whole disk, and no task sequence sees to what comes after. */
export function DiskFields({ canFit }: { canFit: boolean }) {
  return (
    <>
      <Field label="Disk's serial number">
        <input name="serial" placeholder="any" />
      </Field>
      <Field label="Disk of at least, GB">
        <input name="least" type="number" min={0} step="any" placeholder="as the image needs" />
      </Field>
      <Field label="Disk of at most, GB">
        <input name="most" type="number" min={0} step="any" placeholder="any" />
      </Field>
      <Tick name="removable" label="Removable disks too" />
      {canFit ? <Tick name="fit" label="Grow Windows to the disk" /> : null}
    </>
  );
}
