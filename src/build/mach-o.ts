import { textAt } from "./text-at.ts";

/** A run of bytes in a file. */
export interface Range {
  readonly offset: number;
  readonly size: number;
}

/** What a signature is about, as the load commands of a program for macOS say it. */
export interface MachO {
  readonly signature: Range;
  /** The last segment: it has to end where the file ends. */
  readonly linkEdit: Range;
  /** The segment with the code. */
  readonly text: Range;
}

const magic64 = 0xfeedfacf;
const headerSize = 32;
const segment64 = 0x19;
const codeSignature = 0x1d;

/** Reads a program of 64 bits for one processor. Throws when it is none, or has no signature. */
export function readMachO(file: Uint8Array): MachO {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < headerSize || view.getUint32(0, true) !== magic64) {
    throw new Error("Cannot read this file: it is no program for macOS");
  }
  const segments = new Map<string, Range>();
  const signatures: Range[] = [];
  let at = headerSize;
  for (let left = view.getUint32(16, true); left > 0; left -= 1) {
    const command = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    if (command === segment64) {
      segments.set(textAt(file, at + 8, 16), {
        offset: Number(view.getBigUint64(at + 40, true)),
        size: Number(view.getBigUint64(at + 48, true)),
      });
    } else if (command === codeSignature) {
      signatures.push({
        offset: view.getUint32(at + 8, true),
        size: view.getUint32(at + 12, true),
      });
    }
    at += size;
  }
  const [signature, second] = signatures;
  const [linkEdit, text] = [segments.get("__LINKEDIT"), segments.get("__TEXT")];
  if (!signature || second || !linkEdit || !text) {
    throw new Error("Cannot read this program: it has not one signature, __TEXT and __LINKEDIT");
  }
  return { signature, linkEdit, text };
}
