import { statfsSync } from "node:fs";

/** Why a program failed, as far as it can be told from its words. */
export interface Reason {
  readonly kind: ReasonKind;
  /** What happened and what to do about it, for the user. */
  readonly sentence: string;
}

export type ReasonKind =
  | "disk"
  | "pip"
  | "certificate"
  | "network"
  | "hash"
  | "packages"
  | "unknown";

interface Cause {
  readonly kind: ReasonKind;
  /** In the words of uv, pip, or the system. */
  readonly words: RegExp;
  readonly sentence: (folder: string) => string;
}

const fullDisk: Cause = {
  kind: "disk",
  words: /no space left|os error 28|enospc|disk quota/i,
  sentence: (folder) =>
    `the disk is full (${freeOn(folder)}); make room, or name a folder on another disk with ` +
    "ANYCLAUDE_HOME",
};
/** Less than pip alone takes: some programs fail then without saying why. */
const leastBytes = 64e6;

const causes: readonly Cause[] = [
  fullDisk,
  {
    kind: "pip",
    words: /ensurepip is not available|no module named '?(ensurepip|venv)/i,
    sentence: () =>
      "this Python came without pip; add it with `apt install python3-venv`, or install uv " +
      "(https://docs.astral.sh/uv), and start again",
  },
  {
    kind: "certificate",
    words: /certificate verify|certificate_verify|invalid peer certificate|self.signed/i,
    sentence: () =>
      "the package index shows a certificate that is not known here; set SSL_CERT_FILE to the " +
      "certificates of your network, and start again",
  },
  {
    kind: "network",
    words:
      /dns error|name resolution|lookup address|connection (refused|reset|broken)|timed? ?out|unreachable|error sending request/i,
    sentence: () =>
      "the package index cannot be reached, which this step needs once; look at the connection (a " +
      "proxy is named by HTTPS_PROXY, a mirror by UV_DEFAULT_INDEX or PIP_INDEX_URL), and start again",
  },
  {
    kind: "hash",
    words: /hash(es)? (mismatch|do not match)|do not match the hashes/i,
    sentence: () =>
      "the package index gave another file than the one that was asked for; start again, or look " +
      "at the mirror that you use",
  },
  {
    kind: "packages",
    words: /no-build|no matching distribution|not a supported wheel|no solution found/i,
    sentence: () =>
      "there are no packages for this machine; they need macOS 14 on Apple silicon, or Linux with " +
      "glibc 2.35, or newer",
  },
];

/** What is said in `output`; the disk that is meant is the one of `folder`. */
export function reasonOf(output: string, folder: string): Reason {
  const cause = causes.find(({ words }) => words.test(output)) ??
    ((freeBytes(folder) ?? Infinity) < leastBytes ? fullDisk : undefined);
  return cause
    ? { kind: cause.kind, sentence: cause.sentence(folder) }
    : { kind: "unknown", sentence: lastWords(output) };
}

/** The last line that says something; what stands above it is the way there. */
function lastWords(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const words = lines.findLast((line) => /error|cannot|failed/i.test(line));
  return words ?? lines.at(-1) ?? "no reason given";
}

function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined; // gone, or a disk that does not say
  }
}

function freeOn(folder: string): string {
  const bytes = freeBytes(folder);
  return bytes === undefined ? folder : `${Math.floor(bytes / 1e6)} MB left in ${folder}`;
}
