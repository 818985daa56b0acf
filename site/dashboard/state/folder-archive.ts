/** A folder of this computer as the archive that the site takes for a package: tar, gzipped. */
import { packTar } from "modern-tar";

/** `files` as a browser gives a chosen folder's: each with its path, which begins with the folder's own name. */
export async function folderArchive(files: readonly File[]): Promise<File> {
  const entries = files
    .map((file) => ({ file, name: file.webkitRelativePath.split("/").slice(1).join("/") }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ file, name }) => ({
      header: { name, size: file.size, mtime: new Date(file.lastModified), type: "file" as const },
      body: file,
    }));
  const tar = new Blob([await packTar(entries)]);
  const packed = await new Response(tar.stream().pipeThrough(new CompressionStream("gzip"))).blob();
  return new File([packed], "package.tar.gz");
}
