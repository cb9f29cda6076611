import { settings } from "../../config/schema.ts";

/** Settings that are options of a start; a port is for `serve` and `server`. */
export const launchOptions = Object.entries(settings).flatMap((
  [setting, { flag, hint, meaning }],
) => flag && flag !== "--port" ? [{ setting, flag, hint, meaning }] : []);
