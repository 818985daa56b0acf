/** Conditions on the registry, and on software that Windows Installer put there. */
import { VolleyError } from "../../../contract/errors.ts";
import type { Condition } from "../tree.ts";
import { compareValues, compareVersions, orderHolds } from "./compare.ts";

export interface RegistryValue {
  /** "REG_SZ", "REG_DWORD", … */
  type: string;
  /** Numbers in decimal, several texts with "\n" between them, bytes as upper-case hex. */
  data: string;
}

/** A registry: the running Windows', or the hives of one that is not running. */
export interface RegistryReader {
  /**
   * `key` from the root on: "HKEY_LOCAL_MACHINE\\SOFTWARE\\…". Null when there is no such key. The default value has
   * the name "". Names are in lower case. Rejects with E_CONDITION where that part of the registry cannot be read.
   */
  values(key: string): Promise<Map<string, RegistryValue> | null>;
}

type RegistryCondition = Extract<Condition, { kind: "registry" }>;
type SoftwareCondition = Extract<Condition, { kind: "software" }>;

const roots: Record<string, string> = {
  hklm: "HKEY_LOCAL_MACHINE",
  hkcu: "HKEY_CURRENT_USER",
  hkcr: "HKEY_CLASSES_ROOT",
  hku: "HKEY_USERS",
  hkcc: "HKEY_CURRENT_CONFIG",
};

/** With the root's long name, and without what people write around it. Throws E_CONDITION. */
export function normaliseKey(path: string): string {
  const parts = path.split(/[\\/]+/).filter((part) => part !== "");
  if (parts[0]?.toLowerCase() === "computer") parts.shift();
  const root = (parts[0] ?? "").replace(/:$/, "");
  const long = roots[root.toLowerCase()] ?? root.toUpperCase();
  if (!Object.values(roots).includes(long)) {
    throw new VolleyError("E_CONDITION", `"${path}" does not begin with a root of the registry`);
  }
  return [long, ...parts.slice(1)].join("\\");
}

/** "Type" counts only where the existence of a value is asked for, as in Configuration Manager. */
export async function registryHolds(
  condition: RegistryCondition,
  registry: RegistryReader,
  expand: (text: string) => string,
): Promise<boolean> {
  const values = await registry.values(normaliseKey(expand(condition.keyPath)));
  const value = values?.get(expand(condition.value).toLowerCase());
  const operator = condition.operator.toLowerCase();
  const isKey = condition.value === "" && condition.type === "";
  const isThere = isKey ? values !== null : value !== undefined && isOfType(value, condition.type);
  if (operator === "exists") return isThere;
  if (operator === "notexists" || operator === "nonexists") return !isThere;
  if (value === undefined) return operator === "notequals";
  return orderHolds(condition.operator, compareData(value, expand(condition.data)));
}

function isOfType(value: RegistryValue, type: string): boolean {
  return type === "" || value.type.toUpperCase() === type.toUpperCase();
}

/** Hex as the console takes it for numbers: 0x1F. */
function compareData(value: RegistryValue, data: string): number {
  const isNumber = value.type === "REG_DWORD" || value.type === "REG_QWORD";
  const wanted = isNumber && /^0x[0-9a-f]{1,16}$/i.test(data) ? String(BigInt(data)) : data;
  if (value.type === "REG_BINARY") return compareValues(value.data, data.replaceAll(/[\s,]/g, ""));
  return compareValues(value.data, wanted.replaceAll("\r\n", "\n"));
}

const uninstall = "Microsoft\\Windows\\CurrentVersion\\Uninstall";
const softwareKeys = ["HKEY_LOCAL_MACHINE\\SOFTWARE", "HKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node"];
const guid = /^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/i;

/** Throws E_CONDITION for what cannot be a product. */
export function checkCodes({
  productCode,
  upgradeCode,
}: Pick<SoftwareCondition, "productCode" | "upgradeCode">): void {
  for (const code of [productCode, upgradeCode]) {
    if (code !== "" && !guid.test(code)) {
      throw new VolleyError("E_CONDITION", `"${code}" is no code of Windows Installer`);
    }
  }
}

/** ThisVersion: that product, in that version. AnyVersion: any product of the same upgrade code. */
export async function softwareHolds(
  condition: SoftwareCondition,
  registry: RegistryReader,
): Promise<boolean> {
  checkCodes(condition);
  const operator = condition.operator.toLowerCase();
  if (operator === "anyversion" && condition.upgradeCode !== "") {
    const key = `HKEY_LOCAL_MACHINE\\SOFTWARE\\Classes\\Installer\\UpgradeCodes\\${packed(condition.upgradeCode)}`;
    const products = await registry.values(key);
    if (products !== null && products.size > 0) return true;
  } else if (operator !== "thisversion" && operator !== "anyversion") {
    throw new VolleyError("E_CONDITION", `There is no operator "${condition.operator}" for software`);
  }
  for (const root of softwareKeys) {
    const product = await registry.values(`${root}\\${uninstall}\\${condition.productCode}`);
    if (product === null) continue;
    if (operator === "anyversion" || condition.version === "") return true;
    const version = product.get("displayversion")?.data ?? "";
    if (version !== "" && compareVersions(version, condition.version) === 0) return true;
  }
  return false;
}

/** Windows Installer's other spelling of a GUID: each group reversed, the last two by pairs of digits. */
function packed(code: string): string {
  const [first = "", second = "", third = "", ...rest] = code.slice(1, -1).toUpperCase().split("-");
  const reversed = (text: string): string => text.split("").toReversed().join("");
  const pairs = rest.join("").replaceAll(/(.)(.)/g, "$2$1");
  return reversed(first) + reversed(second) + reversed(third) + pairs;
}
