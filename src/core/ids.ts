import { randomBytes } from "node:crypto";

/** Makes a fresh, unguessable id such as `msg_0f3c…`, injected wherever one is needed. */
export type NewId = (prefix: string) => string;

export const randomId: NewId = (prefix) => `${prefix}_${randomBytes(12).toString("hex")}`;
