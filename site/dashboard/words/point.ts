/** A distribution point in another building in words: whether it is there, and how far what is copied to it is on its way. */
import type { ImageRecord } from "../../../contract/administration.ts";
import type { PointRecord } from "../../../contract/point.ts";
import { bytesText, durationText, percentText, rateText, timeText } from "../../quantities.ts";

export function pointState({ enrolled, here, lastSeen }: PointRecord): string {
  if (enrolled === null) return "not enrolled yet";
  if (here) return "here";
  return lastSeen === null ? "not heard of" : `silent since ${timeText(lastSeen)}`;
}

export function addressText({ address, port }: PointRecord): string {
  return port === null ? address : `${address}:${port}`;
}

export function copyRuleText({ replication: { hours, rateMbps } }: PointRecord): string {
  const when = hours === null ? "at any hour" : `from ${hours.from} to ${hours.to} o'clock there`;
  return rateMbps === 0 ? when : `${when}, at most ${rateMbps} Mbit/s`;
}

/** An image or a package that is to be at a point. */
export interface Copy {
  /** Where the site is asked about it: /images/ID or /packages/ID. */
  path: string;
  name: string;
  /** It was named, and is not there because all of its kind are. */
  isChosen: boolean;
  /** Of it that is there, from 0 to 1. */
  part: number;
  isWhole: boolean;
  text: string;
  trouble: string;
}

export function copiesOf(point: PointRecord, images: readonly ImageRecord[]): Copy[] {
  const known = new Map(images.map((image) => [image.id, image]));
  return [
    ...point.images.map((imageId) => {
      const { contentBytes = 0, name = imageId } = known.get(imageId) ?? {};
      const head = { path: `/images/${imageId}`, name, isChosen: !point.allImages };
      return { ...head, ...stateOf(point, imageId, contentBytes) };
    }),
    ...point.packages.map(({ contentBytes, imageId, packageId }) => {
      const path = `/packages/${encodeURIComponent(packageId)}`;
      const head = { path, name: `Package ${packageId}`, isChosen: !point.allPackages };
      return { ...head, ...stateOf(point, imageId, contentBytes) };
    }),
  ];
}

/** `imageId` is null while the site has nothing to copy. */
function stateOf(
  { holding }: PointRecord,
  imageId: string | null,
  total: number,
): Pick<Copy, "part" | "isWhole" | "text" | "trouble"> {
  if (imageId === null) {
    return { part: 0, isWhole: false, text: "is not cast (yet): the site sends it by HTTPS", trouble: "" };
  }
  const held = holding.find((one) => one.imageId === imageId);
  const { bytes = 0, bytesPerSecond = 0, trouble = "", whole: isWhole = false } = held ?? {};
  const part = isWhole ? 1 : total === 0 ? 0 : Math.min(1, bytes / total);
  const text = isWhole ? `${bytesText(total)}, verified` : onTheWay(bytes, total, bytesPerSecond);
  return { part, isWhole, text, trouble };
}

function onTheWay(bytes: number, total: number, bytesPerSecond: number): string {
  if (bytes === 0 && bytesPerSecond === 0) return "waits for its turn";
  const done = `${percentText(total === 0 ? 0 : bytes / total)} of ${bytesText(total)}`;
  if (bytes >= total) return `${done}, is being verified`;
  if (bytesPerSecond <= 0) return done;
  return `${done}, ${rateText(bytesPerSecond)}, ${durationText((total - bytes) / bytesPerSecond)} left`;
}
