import manifest from "../../package.json" with { type: "json" };

/** Put in by build.ts: the commit that a binary was made from, empty outside of a repository. */
declare const ANYCLAUDE_COMMIT: string | undefined;
/** Put in by build.ts for a release: `owner/name` of the repository on GitHub that has it. */
declare const ANYCLAUDE_REPOSITORY: string | undefined;

export const version: string = manifest.version;

/** What `--version` says: from source there is no commit that it could be sure of. */
export const fullVersion: string = typeof ANYCLAUDE_COMMIT === "string" && ANYCLAUDE_COMMIT !== ""
  ? `${version} (${ANYCLAUDE_COMMIT})`
  : version;

/** Undefined in what is no release. */
export const repository: string | undefined =
  typeof ANYCLAUDE_REPOSITORY === "string" && ANYCLAUDE_REPOSITORY !== ""
    ? ANYCLAUDE_REPOSITORY
    : undefined;
