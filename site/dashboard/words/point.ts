/** A distribution point in another building in words: whether it is there, and how far each image is on its way. */
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

/** An image that is to be at a point. */
export interface Copy {
  imageId: string;
  name: string;
  /** Of it that is there, from 0 to 1. */
  part: number;
  isWhole: boolean;
  text: string;
  trouble: string;
}

/** In the order in which they are copied. */
export function copiesOf(point: PointRecord, images: readonly ImageRecord[]): Copy[] {
  const known = new Map(images.map((image) => [image.id, image]));
  return point.images.map((imageId) => {
    const image = known.get(imageId);
    const held = point.holding.find((one) => one.imageId === imageId);
    const [name, total] = [image?.name ?? imageId, image?.contentBytes ?? 0];
    const bytes = held?.bytes ?? 0;
    const isWhole = held?.whole ?? false;
    const part = isWhole ? 1 : total === 0 ? 0 : Math.min(1, bytes / total);
    const text = isWhole
      ? `${bytesText(total)}, verified`
      : onTheWay(bytes, total, held?.bytesPerSecond ?? 0);
    return { imageId, name, part, isWhole, text, trouble: held?.trouble ?? "" };
  });
}

function onTheWay(bytes: number, total: number, bytesPerSecond: number): string {
  if (bytes === 0 && bytesPerSecond === 0) return "waits for its turn";
  const done = `${percentText(total === 0 ? 0 : bytes / total)} of ${bytesText(total)}`;
  if (bytes >= total) return `${done}, is being verified`;
  if (bytesPerSecond <= 0) return done;
  return `${done}, ${rateText(bytesPerSecond)}, ${durationText((total - bytes) / bytesPerSecond)} left`;
}
