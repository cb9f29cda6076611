import { statfsSync } from "node:fs";

/** What may have gone wrong, by the words of uv, pip and the system, and what to do about it. */
const causes: readonly (readonly [RegExp, (folder: string) => string])[] = [
  [
    /no space left|os error 28|enospc|disk quota/i,
    (folder) =>
      `the disk is full (${freeOn(folder)}); make room, or name a folder on another disk with ` +
      "ANYCLAUDE_HOME",
  ],
  [
    /certificate|ssl|tls/i,
    () => "set SSL_CERT_FILE to the certificates of your network, and start again",
  ],
  [
    /dns error|resolve|connect|timed? ?out|unreachable|name or service|network|newconnection/i,
    () =>
      "this step needs the network once: look at the connection (a proxy is named by HTTPS_PROXY, " +
      "a mirror by UV_DEFAULT_INDEX or PIP_INDEX_URL), and start again",
  ],
  [
    /hash(es)? (mismatch|do not match)|do not match the hashes/i,
    () => "the package index gave another file than the one that was asked for; start again",
  ],
  [
    /no-build|no matching distribution|not a supported wheel|no solution found/i,
    () => "the packages need macOS 14 on Apple silicon, or Linux with glibc 2.35, or newer",
  ],
];

/** Whether trying the same with another program can help. */
export function isFullDisk(output: string): boolean {
  return causes[0]?.[0].test(output) ?? false;
}

/** The words that say why a program failed, and what can be done. */
export function explain(output: string, folder: string): string {
  const advice = causes.find(([words]) => words.test(output))?.[1](folder);
  return [reasonIn(output), ...(advice ? [advice] : [])].join("; ");
}

/** The last line that says something; what stands above it is the way there. */
export function reasonIn(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const words = lines.findLast((line) => /error|cannot|failed|no space/i.test(line));
  return words ?? lines.at(-1) ?? "no reason given";
}

function freeOn(folder: string): string {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return `${Math.floor(bavail * bsize / 1e6)} MB left in ${folder}`;
  } catch {
    return folder; // gone, or a disk that does not say
  }
}
