import { createHash, timingSafeEqual } from "node:crypto";
import { ProxyError } from "../core/errors.ts";

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** A page in a browser can send requests to loopback under a name of its own. */
export function checkHost(host: string | null | undefined): void {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  if (!loopbackHosts.has(name)) {
    throw new ProxyError("permission_error", "Cannot serve this host name: loopback only");
  }
}

export function checkToken(headers: Headers, token: string): void {
  const bearer = headers.get("authorization")?.match(/^bearer +(.*)$/i)?.[1];
  const given = [bearer, headers.get("x-api-key")].filter((each) => typeof each === "string");
  if (!given.some((each) => isSame(each, token))) {
    throw new ProxyError("authentication_error", "The token of this proxy is missing or wrong");
  }
}

/** In constant time, whatever the lengths. */
function isSame(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => createHash("sha256").update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
