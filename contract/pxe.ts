/** How a site answers machines that boot from the network: its properties, the computers it is told of, its state. */
import { z } from "zod";
import { Fact, Identifier, Port, Time } from "./common.ts";
import { limits } from "./limits.ts";

/** In lower case with colons. */
export const MacAddress = z
  .string()
  .transform((text) => text.toLowerCase().replaceAll("-", ":"))
  .pipe(z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, "a MAC address is six bytes in hex"));
/** As the firmware shows it: version 2.6 of SMBIOS and later. */
export const SmbiosUuid = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(
    z
      .string()
      .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "a UUID is of the form 8-4-4-4-12 in hex"),
  );
const InterfaceName = z.string().regex(/^[A-Za-z0-9_.@-]{1,15}$/, "not a network interface's name");

const listed = <Item extends z.ZodType>(item: Item) => z.array(item).max(limits.pxeListLength);

/** What is done with a computer that the site has no record of: no answer, wait until it is approved, or boot. */
export const UnknownComputers = z.enum(["ignore", "hold", "answer"]);
export type UnknownComputers = z.infer<typeof UnknownComputers>;

const settings = {
  respond: z.boolean(),
  unknown: UnknownComputers,
  /** Whole seconds before an offer, so that another PXE server is heard first. */
  delaySeconds: z.int().min(0).max(limits.pxeDelaySecondsMost),
  /** How long a computer asks whether to take a deployment that is available. */
  promptSeconds: z.int().min(1).max(limits.pxePromptSecondsMost),
  /** What UEFI firmware loads by PXE: the signed chain, which Secure Boot accepts, or iPXE, which is faster. */
  uefiLoader: z.enum(["signed", "ipxe"]),
  /** Which of the media's two PEs machines start that are to start one. */
  bootImage: z.enum(["linux", "winpe"]),
  /** Empty: all that the site was started with. */
  interfaces: listed(InterfaceName),
  /** Computers that get no answer. */
  excludedMacs: listed(MacAddress),
  /** Addresses and UUIDs that say nothing about the computer: docks, adapters that are lent, boards without a number. */
  ignoredMacs: listed(MacAddress),
  ignoredUuids: listed(SmbiosUuid),
};
export const PxeProperties = z.object({
  ...settings,
  /** Whether one is asked for; it is never answered. */
  password: z.boolean(),
});
export type PxeProperties = z.infer<typeof PxeProperties>;

/** POST /pxe/properties: what is not named stays. Answers PxeProperties. */
export const PxePropertiesChange = z
  .strictObject({
    ...settings,
    /** Null: none. */
    password: z
      .string()
      .regex(/^[\x21-\x7e]*$/, "only printable ASCII without spaces can be typed at every machine")
      .min(limits.pxePasswordCharactersLeast)
      .max(limits.pxePasswordCharactersMost)
      .nullable(),
  })
  .partial();
export type PxePropertiesChange = z.infer<typeof PxePropertiesChange>;

/** POST /pxe/clear: required deployments are answered once more to these machines. */
export const PxeClearRequest = z.object({
  machines: z.union([z.literal("all"), z.array(Identifier).min(1).max(65_536)]),
});
export const PxeClearAnswer = z.object({ cleared: z.int() });
export type PxeClearAnswer = z.infer<typeof PxeClearAnswer>;

export const PxeAsked = z.object({
  time: Time,
  uuid: z.string().nullable(),
  mac: z.string().nullable(),
  /** The enrolled machine's or computer's name; null for an unknown one. */
  name: z.string().nullable(),
  answer: z.enum(["boot", "prompt", "hold", "local"]),
  /** Why, a sentence. */
  reason: Fact,
});
export type PxeAsked = z.infer<typeof PxeAsked>;

/** GET /pxe. */
export const PxeStatus = z.object({
  /** Where it answers; null for a site that was started without --pxe. */
  serving: z
    .object({
      interfaces: z.array(
        z.object({ name: z.string(), address: z.ipv4(), mode: z.enum(["server", "proxy"]) }),
      ),
      port: Port,
      /** Why nothing is answered at present, a sentence; null when all is well. */
      failure: z.string().nullable(),
    })
    .nullable(),
  properties: PxeProperties,
  /** The latest answer to each computer, the newest first. */
  asked: z.array(PxeAsked),
});
export type PxeStatus = z.infer<typeof PxeStatus>;
