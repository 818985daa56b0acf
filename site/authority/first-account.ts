/** The account that a new site has, so that somebody can sign in. */
import type { Store } from "../store/store.ts";
import { newPassword, type Passwords } from "./passwords.ts";

export const firstAccountName = "admin";

/** Made where there is none at all: answers its password, which is nowhere else; else null. */
export async function firstAccount(
  { accounts }: Pick<Store, "accounts">,
  passwords: Passwords,
): Promise<string | null> {
  if ((await accounts.list()).length > 0) return null;
  const password = newPassword();
  const proof = await passwords.hash(password);
  await accounts.add({ name: firstAccountName, role: "administrator", proof, mustChangePassword: true });
  return password;
}
