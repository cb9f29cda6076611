import { Buffer } from "node:buffer";
import { textAt } from "./text-at.ts";

/** A file in an archive. Everything that differs between two machines is left out of it. */
export interface TarEntry {
  readonly name: string;
  readonly body: Uint8Array;
  readonly isProgram: boolean;
}

const block = 512;

/** The same entries are the same bytes: no times, no owners. Names are short and ASCII. */
export function writeTar(entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  const parts = entries.flatMap((entry) => [headerOf(entry), entry.body, padding(entry.body)]);
  return Buffer.concat([...parts, new Uint8Array(2 * block)]);
}

/** The body of one file; undefined when there is none of that name. */
export function readFromTar(tar: Uint8Array, wanted: string): Uint8Array | undefined {
  for (let at = 0; at + block <= tar.length;) {
    const name = textAt(tar, at, 100);
    const size = Number.parseInt(textAt(tar, at + 124, 12), 8) || 0;
    const start = at + block;
    if (name === wanted) return tar.subarray(start, start + size);
    at = start + Math.ceil(size / block) * block;
  }
  return undefined;
}

function headerOf({ name, body, isProgram }: TarEntry): Uint8Array {
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, width: number) =>
    header.write(value.toString(8).padStart(width - 1, "0"), at, "ascii");
  header.write(name, 0, 100, "ascii");
  octal(isProgram ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(body.length, 124, 12);
  octal(0, 136, 12);
  header.write("0", 156, "ascii");
  header.write("ustar\x0000", 257, "ascii");
  // The sum counts its own field as spaces.
  header.fill(" ", 148, 156);
  header.write(`${sum(header).toString(8).padStart(6, "0")}\0 `, 148, "ascii");
  return header;
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0);
}

function padding(body: Uint8Array): Uint8Array {
  return new Uint8Array((block - body.length % block) % block);
}
