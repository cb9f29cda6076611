import type { Readable } from "node:stream";
import * as zlib from "node:zlib";

/** The text of a body that was sent compressed; as it came when its encoding is not known. */
export function decoded(body: Readable, encoding: string | null): Readable {
  const decoders: Readonly<Record<string, (() => NodeJS.ReadWriteStream) | undefined>> = {
    gzip: zlib.createGunzip,
    deflate: zlib.createInflate,
    br: zlib.createBrotliDecompress,
    zstd: zlib.createZstdDecompress,
  };
  const decoder = decoders[encoding ?? "identity"]?.();
  return decoder ? body.pipe(decoder) as unknown as Readable : body;
}
