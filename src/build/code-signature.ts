import { createHash } from "node:crypto";
import { type MachO, readMachO } from "./mach-o.ts";
import { textAt } from "./text-at.ts";

/**
 * What is wrong with the signature of a program for macOS; nothing is what a Mac wants, which ends
 * a program with a wrong one before its first instruction. Every page is hashed again. Signatures
 * without a certificate only, as Bun makes them: who signed is not looked at.
 */
export function faultsOfSignature(file: Uint8Array): readonly string[] {
  try {
    const program = readMachO(file);
    const directory = readDirectory(file, program);
    return [...faultsOfLayout(file, program, directory), ...faultsOfPages(file, directory)];
  } catch (error) {
    // A length that leads out of the file is a RangeError of the view.
    return [(error as Error).message];
  }
}

/** What says which hash each page has. All of it is written in network order. */
interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
  readonly identifier: string;
  readonly pageSize: number;
  readonly pages: number;
  readonly hashesAt: number;
  readonly hashedBytes: number;
  /** Has no value in what is for larger files, teams and scattered pages. */
  readonly isPlain: boolean;
  readonly text: { readonly offset: number; readonly size: number; readonly flags: number };
}

const superBlobMagic = 0xfade0cc0;
const directoryMagic = 0xfade0c02;
const directorySlot = 0;
const withTextRange = 0x20400;
const directoryHeaderSize = 88;
const sha256 = 2;
const hashSize = 32;
/** Without a certificate, by the program that linked it. */
const adHocByLinker = 0x20002;
const mainBinary = 0x1;

function readDirectory(file: Uint8Array, { signature }: MachO): Directory {
  const view = new DataView(file.buffer, file.byteOffset + signature.offset, signature.size);
  if (view.getUint32(0) !== superBlobMagic) throw new Error("The signature does not begin as one");
  const [blobs, kind, offset] = [8, 12, 16].map((at) => view.getUint32(at));
  if (blobs !== 1 || kind !== directorySlot || offset === undefined) {
    throw new Error("The signature holds more than one list of hashes");
  }
  const at = (position: number) => view.getUint32(offset + position);
  const [magic, size, version] = [at(0), at(4), at(8)];
  if (magic !== directoryMagic || version !== withTextRange) {
    throw new Error("The list of hashes does not begin as one");
  }
  if (view.getUint8(offset + 36) !== hashSize || view.getUint8(offset + 37) !== sha256) {
    throw new Error("The hashes are not SHA-256");
  }
  if (at(24) !== 0) throw new Error("There are hashes of other things than pages");
  const start = signature.offset + offset;
  return {
    offset: start,
    size,
    flags: at(12),
    identifier: textAt(file, start + directoryHeaderSize, size - directoryHeaderSize),
    pageSize: 2 ** view.getUint8(offset + 39),
    pages: at(28),
    hashesAt: start + at(16),
    hashedBytes: at(32),
    isPlain: at(20) === directoryHeaderSize && view.getUint8(offset + 38) === 0 &&
      isZero(file.subarray(start + 40, start + 64)),
    text: {
      offset: Number(view.getBigUint64(offset + 64)),
      size: Number(view.getBigUint64(offset + 72)),
      flags: Number(view.getBigUint64(offset + 80)),
    },
  };
}

function faultsOfLayout(file: Uint8Array, program: MachO, directory: Directory): readonly string[] {
  const { signature, linkEdit, text } = program;
  const end = signature.offset + signature.size;
  const directoryEnd = directory.offset + directory.size;
  const blobSize = new DataView(file.buffer, file.byteOffset).getUint32(signature.offset + 4);
  const rules: readonly (readonly [boolean, string])[] = [
    [signature.offset % 16 === 0, "The signature does not begin at a multiple of 16"],
    [end === file.length, "The signature does not end where the file ends"],
    [linkEdit.offset + linkEdit.size === file.length, "The file does not end with __LINKEDIT"],
    [signature.offset + blobSize === directoryEnd, "Something stands behind the list of hashes"],
    [directory.hashedBytes === signature.offset, "Not everything before the signature is hashed"],
    [directory.flags === adHocByLinker, "It does not say that there is no certificate"],
    [directory.isPlain, "It has fields of other kinds of signatures"],
    [/^[\w.-]+$/.test(directory.identifier), "It names no program"],
    [
      directory.text.offset === text.offset && directory.text.size === text.size,
      "It is about other code",
    ],
    [directory.text.flags === mainBinary, "It is not for a program"],
    [isZero(file.subarray(directoryEnd, end)), "Something stands behind the signature"],
  ];
  return rules.flatMap(([holds, fault]) => holds ? [] : [fault]);
}

function faultsOfPages(file: Uint8Array, directory: Directory): readonly string[] {
  const { pageSize, pages, hashesAt, hashedBytes } = directory;
  const wanted = Math.ceil(hashedBytes / pageSize);
  if (pages !== wanted) return [`${pages} pages are hashed, not ${wanted}`];
  const wrong = Array.from({ length: pages }, (_, page) => page).filter((page) => {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, hashedBytes));
    const at = hashesAt + page * hashSize;
    return !createHash("sha256").update(bytes).digest().equals(file.subarray(at, at + hashSize));
  });
  return wrong.length === 0
    ? []
    : [`${wrong.length} of ${pages} pages have another hash, the first at ${wrong[0]! * pageSize}`];
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
