import type { Environment } from "./find-program.ts";

const loopback = ["127.0.0.1", "localhost", "::1"];

/**
 * What the proxy settings of an environment must say so that this machine itself is asked without
 * one: everything of ours talks over loopback, and a proxy elsewhere cannot reach it. Empty where
 * no proxy is set. Both spellings, because programs differ in which one they believe.
 */
export function toLoopbackExemptions(
  environment: Environment,
): Readonly<Record<string, string>> {
  const isProxied = Object.entries(environment)
    .some(([name, value]) => /^(https?|all)_proxy$/i.test(name) && value);
  if (!isProxied) return {};
  const listed = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(",")
    .map((each) => each.trim()).filter((each) => each !== "");
  if (listed.includes("*")) return {};
  const all = [...new Set([...listed, ...loopback])].join(",");
  return { NO_PROXY: all, no_proxy: all };
}
