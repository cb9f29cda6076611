import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { testPython } from "../../support/test-python.ts";
import { root } from "./world.ts";

/** As `hub_stand_in.py` has it; what is left out is as usual. */
export interface Fault {
  /** A part of the path of the requests that it befalls. */
  readonly path: string;
  readonly times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the content so many bytes are sent, … */
  readonly sent?: number;
  /** … and then nothing any more, on a connection that stays. */
  readonly holds?: boolean;
  readonly changes?: boolean;
}

export interface Seen {
  readonly path: string;
  readonly range: string | null;
}

export interface HubStandIn extends Disposable {
  readonly url: string;
  fail(...faults: readonly Fault[]): Promise<void>;
  /** Requests so far, but for those that ask this. */
  seen(): Promise<readonly Seen[]>;
}

/** The hub's HTTP interface, with the models that lie in these folders, by name. */
export async function hubStandIn(models: Readonly<Record<string, string>>): Promise<HubStandIn> {
  const script = join(root, "test", "python", "hub_stand_in.py");
  const named = Object.entries(models).map(([name, folder]) => `${name}=${folder}`);
  const child = spawn(await testPython(), [script, ...named], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value = "{}" } = await lines.next();
  const { url } = JSON.parse(value) as { url: string };
  return {
    url,
    async fail(...faults) {
      await fetch(`${url}/faults`, { method: "POST", body: JSON.stringify(faults) });
    },
    async seen() {
      const all = await (await fetch(`${url}/seen`)).json() as readonly Seen[];
      return all.filter(({ path }) => path !== "/seen");
    },
    [Symbol.dispose]: () => void child.kill(),
  };
}
