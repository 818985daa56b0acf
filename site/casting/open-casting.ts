/** The parts of multicast that a site and a distribution point elsewhere have alike, put together and started. */
import type { Endings } from "../endings.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import { Director } from "./director.ts";
import { Groups } from "./groups.ts";
import type { QuerierWish } from "./igmp-querier.ts";
import { openIgmpWatch, type IgmpDoor } from "./igmp-watch.ts";
import type { PointProperties } from "./properties.ts";
import type { CastContent, CastingDoor } from "./session-opener.ts";

export interface CastingOptions {
  store: Store;
  content: CastContent;
  native: CastingDoor & IgmpDoor;
  /** IPv4 address that is sent from and listened on. */
  interfaceAddress: string;
  /** Read anew by whoever needs one of them, since they are changed while this runs. */
  properties: PointProperties;
  mtu: number;
  timeToLive: number;
  /** Null = nobody is asked for memberships. */
  querier: QuerierWish | null;
  /** False: sessions that were open are left alone, and nothing is listened to. */
  serving: boolean;
  log: Log;
  /** Called when what the director's `records` says may have changed. */
  changed: () => void;
}

/** Throws E_RAW_SOCKET, E_SOCKET, E_STORE; what was opened by then is in `endings`. */
export async function openCasting(
  options: CastingOptions,
  endings: Endings,
): Promise<{ director: Director; groups: Groups }> {
  const { changed, content, interfaceAddress, log, mtu, native, properties, serving, store, timeToLive } =
    options;
  const igmp = {
    native,
    interfaceAddress,
    get claimsPort() {
      return properties.ports.first;
    },
    querier: options.querier,
    log,
  };
  const watch = serving ? openIgmpWatch(igmp) : null;
  endings.push(() => watch?.close());
  const groups = new Groups({
    get groups() {
      return properties.groups;
    },
    get ports() {
      return properties.ports;
    },
    interfaceAddress,
    timeToLive,
    watch,
    log,
  });
  endings.push(() => groups.close());
  const director = new Director({
    store,
    content,
    native,
    interfaceAddress,
    groups,
    properties,
    get ports() {
      return properties.ports;
    },
    mtu,
    timeToLive,
    log,
    changed,
  });
  endings.push(() => director.stop());
  if (serving) {
    await director.start();
    void groups.lookAhead();
  }
  return { director, groups };
}
