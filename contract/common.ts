/** Pieces that several messages share. */
import { z } from "zod";
import { limits } from "./limits.ts";
import { errors, type ErrorCode } from "./errors.ts";

export const Identifier = z.uuid();
export const Name = z.string().min(1).max(limits.nameCharacters);
export const Fact = z.string().max(limits.machineFactsCharacters);
export const HexRoot = z.string().regex(/^[0-9a-f]{64}$/);
/** 32 secret bytes in hex. Never logged: see agent/report and site/main. */
export const HexKey = z.string().regex(/^[0-9a-f]{64}$/);
export const Port = z.int().min(1).max(65_535);
export const Time = z.iso.datetime();
export const ByteCount = z.int().min(0).max(limits.imageBytesMax);

const codes = Object.keys(errors) as [ErrorCode, ...ErrorCode[]];
export const ErrorAnswer = z.object({
  code: z.enum(codes),
  detail: z.string().max(limits.reportTextCharacters),
  remedy: z.string(),
});
export type ErrorAnswer = z.infer<typeof ErrorAnswer>;

/**
 * By which ways content reaches machines, as far as it has a say: "no" by unicast alone, "allowed" by multicast with
 * unicast for what that does not bring, "only" by multicast and nothing else.
 */
export const MulticastUse = z.enum(["no", "allowed", "only"]);
export type MulticastUse = z.infer<typeof MulticastUse>;

/** Where the site's API is, below https://host:port. */
export const apiPrefix = "/api/v1";
