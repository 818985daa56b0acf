/** What Windows says of its network. It counts for each protocol and not for each card, so counters are not known. */
import { plainLinks, type MachineNetwork } from "../machine-network.ts";
import type { WindowsFacts } from "./facts.ts";

export function windowsNetwork(facts: WindowsFacts): MachineNetwork {
  return {
    links() {
      const adapters = facts.adapters();
      return plainLinks().map((link) => {
        const adapter = adapters.find(({ addresses }) =>
          addresses.some(({ address }) => address === link.address),
        );
        if (adapter === undefined) return link;
        const { kind, mtuBytes, speedMbps } = adapter;
        return { ...link, wireless: kind === "wireless", mtuBytes, speedMbps };
      });
    },
    counters: () => null,
    querierHeard: () => null,
  };
}
