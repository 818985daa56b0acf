/** BitLocker's recovery passwords, which a machine gives its site to keep. */
import { z } from "zod";
import { Name, Time } from "./common.ts";

/** In braces, as Windows shows it when it asks for the password. */
export const ProtectorId = z.string().regex(/^\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/);

/**
 * PUT /deployments/:id/machines/me/recovery-key: the site has it, durably and sealed, when it answers. The same once more
 * changes nothing.
 */
export const RecoveryKeyRequest = z.object({
  /** "C:" */
  drive: z.string().regex(/^[A-Z]:$/),
  id: ProtectorId,
  /** Eight groups of six digits. Secret. */
  password: z.string().regex(/^\d{6}(?:-\d{6}){7}$/),
});
export type RecoveryKeyRequest = z.infer<typeof RecoveryKeyRequest>;

/** GET /devices/:id/recovery-keys: an administrator's, and written into the audit log. Newest first. */
export const RecoveryKey = RecoveryKeyRequest.extend({
  /** Its name when the site got the password. */
  deployment: Name,
  kept: Time,
});
export type RecoveryKey = z.infer<typeof RecoveryKey>;
