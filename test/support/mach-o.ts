import { createHash } from "node:crypto";

export interface ProgramOptions {
  readonly pages: number;
  /** Bytes of the last page. */
  readonly rest: number;
  /** How many pages have a hash, and how many bytes are said to have one; all if it is not said. */
  readonly hashedPages?: number;
  readonly hashedBytes?: number;
}

const pageSize = 4096;
const identifier = "a.out";

/**
 * A program for macOS with a signature as Bun makes it, made of the format's own description: load
 * commands for `__TEXT` and `__LINKEDIT`, pages of noise, one list of hashes.
 */
export function signedProgram(
  { pages, rest, hashedPages = pages, hashedBytes }: ProgramOptions,
): Uint8Array {
  const signed = (pages - 1) * pageSize + rest;
  const hashesAt = 88 + identifier.length + 1;
  const directorySize = hashesAt + hashedPages * 32;
  const signatureSize = Math.ceil((20 + directorySize) / 16) * 16;
  const file = new Uint8Array(signed + signatureSize);
  for (let at = 0; at < signed; at += 1) file[at] = at * 7 % 251;
  writeLoadCommands(file, signed, signatureSize);

  const view = new DataView(file.buffer, signed);
  [0xfade0cc0, 20 + directorySize, 1, 0, 20].forEach((value, at) => view.setUint32(at * 4, value));
  const directory = new DataView(file.buffer, signed + 20);
  const kind = [0xfade0c02, directorySize, 0x20400, 0x20002];
  const fields = [...kind, hashesAt, 88, 0, hashedPages, hashedBytes ?? signed];
  fields.forEach((value, at) => directory.setUint32(at * 4, value));
  [32, 2, 0, 12].forEach((value, at) => directory.setUint8(36 + at, value));
  directory.setBigUint64(72, BigInt(pageSize));
  directory.setBigUint64(80, 1n);
  file.set(new TextEncoder().encode(identifier), signed + 20 + 88);
  for (let page = 0; page < hashedPages; page += 1) {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, signed));
    file.set(createHash("sha256").update(bytes).digest(), signed + 20 + hashesAt + page * 32);
  }
  return file;
}

function writeLoadCommands(file: Uint8Array, signed: number, signatureSize: number): void {
  const view = new DataView(file.buffer);
  file.fill(0, 0, 32 + 72 * 2 + 16);
  view.setUint32(0, 0xfeedfacf, true);
  view.setUint32(16, 3, true);
  const segment = (at: number, name: string, offset: number, size: number) => {
    view.setUint32(at, 0x19, true);
    view.setUint32(at + 4, 72, true);
    file.set(new TextEncoder().encode(name), at + 8);
    view.setBigUint64(at + 40, BigInt(offset), true);
    view.setBigUint64(at + 48, BigInt(size), true);
  };
  segment(32, "__TEXT", 0, pageSize);
  segment(104, "__LINKEDIT", pageSize, signed + signatureSize - pageSize);
  [0x1d, 16, signed, signatureSize].forEach((value, at) =>
    view.setUint32(176 + at * 4, value, true)
  );
}
