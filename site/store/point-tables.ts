/** The tables of distribution points in other buildings, as schema.ts has all others. */
import type { ColumnType } from "kysely";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { Replication } from "../../contract/point.ts";
import type { Json } from "./columns.ts";

/** A distribution point in another building. */
export interface PointTable {
  id: string;
  name: string;
  address: string;
  port: ColumnType<number | null, undefined, number>;
  boundaries: Json<string[]>;
  all_images: boolean;
  all_packages: boolean;
  replication: Json<Replication>;
  properties: Json<DistributionPoint>;
  key_hash: ColumnType<string | null, undefined, string>;
  /** Of its certificate. */
  public_key: ColumnType<string | null, undefined, string>;
  /** Of its next enrolment; null once that was. */
  credential_hash: string | null;
  credential_expires: string | null;
  created: string;
  enrolled: ColumnType<string | null, undefined, string>;
  last_seen: ColumnType<string | null, undefined, string>;
}

export interface PointImageTable {
  point_id: string;
  image_id: string;
}

export interface PointPackageTable {
  point_id: string;
  package_id: string;
}
