/** Disk images that machines captured and that are imported, as rows: which upload became which, and what is to be done. */
import type { Database } from "./schema.ts";

export interface CapturedDisk {
  uploadId: string;
  /** Of the image. */
  name: string;
  /** In the file library. */
  file: string;
  /** Of the image that it becomes, chosen before; null for what an earlier release took. */
  imageId: string | null;
}

export class CaptureStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async add({ file, imageId, name, uploadId }: CapturedDisk): Promise<void> {
    const added = new Date().toISOString();
    const row = { upload_id: uploadId, name, file, image_id: imageId, open: true, added };
    await this.#database.insertInto("captured_disk").values(row).execute();
  }

  /** Also one whose import has ended. */
  async find(uploadId: string): Promise<CapturedDisk | undefined> {
    return (await this.#disks()).find((disk) => disk.uploadId === uploadId);
  }

  async listOpen(): Promise<CapturedDisk[]> {
    return (await this.#disks()).filter(({ open }) => open);
  }

  async chooseImage(uploadId: string, imageId: string): Promise<void> {
    await this.#database
      .updateTable("captured_disk")
      .set({ image_id: imageId })
      .where("upload_id", "=", uploadId)
      .execute();
  }

  /** Its import has ended, well or not. */
  async end(uploadId: string): Promise<void> {
    await this.#database
      .updateTable("captured_disk")
      .set({ open: false })
      .where("upload_id", "=", uploadId)
      .execute();
  }

  async #disks(): Promise<(CapturedDisk & { open: boolean })[]> {
    const rows = await this.#database.selectFrom("captured_disk").selectAll().orderBy("added").execute();
    return rows.map(({ file, image_id: imageId, name, open, upload_id: uploadId }) => ({
      uploadId,
      name,
      file,
      imageId,
      open,
    }));
  }
}
