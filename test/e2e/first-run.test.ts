/**
 * What a stranger meets: the binary alone, on a machine that has never seen it. With
 * `ANYCLAUDE_KILLS=20` so many first runs are killed, each at another moment.
 */
import { describe, test } from "node:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeHostile } from "../../src/build/hostile-folder.ts";
import { lastLine } from "../../src/core/last-line.ts";
import { removeUnused } from "../../src/provision/in-use.ts";
import { random } from "../bench/support.ts";
import { addressOf } from "./support/messages.ts";
import { canMount } from "./support/own-disk.ts";
import { untilEnded } from "./support/processes.ts";
import { createStranger, noBinary, sharedDownloads, type Stranger } from "./support/stranger.ts";
import { summed } from "./support/summary.ts";
import { hasTmux, openTerminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";
import { anyclaudeCommand, type Ran } from "./support/world.ts";

const hasNamespaces = canMount("-n");
const noNamespaces = hasNamespaces
  ? false
  : "this machine lets no user have a network of their own";
const shared = { env: sharedDownloads };

describe("a first run from the binary", { skip: noBinary }, () => {
  test("ends with a right answer, in a hostile folder that cannot be written to", async () => {
    await using stranger = await createStranger();
    const { home, cache, project, temporary } = stranger;
    const hostile = makeHostile(project);
    writeFileSync(join(project, "0 first file.txt"), "hello");
    const by = readOnly(project);
    const ask = ["--model", "tiny", "-p", "list files"];

    const first = await stranger.run(ask, { by });
    const second = await stranger.run(["--fresh", ...ask], { by });

    for (const { code, stdout, stderr } of [first, second]) {
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "0 first file.txt");
    }
    assertMatch(first.stderr, /\nMaking the Python environment in .*\.cache\/anyclaude\/python-/);
    assertMatch(first.stderr, /\n {2}downloading \S+ \(\d+\.\d ?MiB\)\n/);
    assertMatch(first.stderr, /\nPython environment ready after \d+ s, \d{3} MB\n/);
    assert(!second.stderr.includes("Making the Python environment"), second.stderr);
    assert(summed(second, "Tokens from Cache") > 15_000, second.stderr);
    assertEquals(hostile.faults().filter((fault) => fault.startsWith("obeyed")), []);

    const names = readdirSync(cache).map((name) => name.replace(/-[0-9a-f]{16}$/, ""));
    assertEquals(names.toSorted(), ["making.lock", "prefixes", "python", "server"]);
    assertEquals(readdirSync(join(home, ".cache")), ["anyclaude"]);
    assertEquals(readdirSync(temporary).filter((name) => /pip|uv|anyclaude/.test(name)), []);
    assertEquals(lstatSync(cache).mode & 0o777, 0o700);

    // The server of the second run is still warm.
    const before = readdirSync(cache).toSorted();
    await removeUnused(cache, []);
    const during = readdirSync(cache).toSorted();
    const servers = stranger.processes().map(({ pid }) => pid);
    for (const pid of servers) process.kill(pid);
    await untilEnded(servers);
    await removeUnused(cache, []);
    assertEquals(during, before);
    assertEquals(readdirSync(cache).toSorted(), ["making.lock", "prefixes"]);
  });

  const kills = Number(process.env["ANYCLAUDE_KILLS"] ?? 3);
  const seed = Number(process.env["ANYCLAUDE_SEED"] ?? Date.now() % 1e6);
  const moment = random(seed);
  for (let kill = 1; kill <= kills; kill += 1) {
    const seconds = moment() * 9;

    test(`killed at a random moment is made up for by the next one (${kill})`, async () => {
      await using stranger = await createStranger();
      const killed = stranger.start(["server", "--json", "--model", "tiny"], shared);
      await delay(seconds * 1000);
      killed.child.kill("SIGKILL");
      await killed.exited;

      const moment = `killed after ${seconds.toFixed(2)} s, seed ${seed}`;
      const said = await usesServer(stranger).catch((cause: Error) => {
        throw new Error(`${moment}: ${cause.message}`, { cause });
      });

      // One that was started for the killed one waits for it, but not for long.
      await until("the end of its server", () => stranger.processes().length === 0);
      assertEquals(leftIn(stranger), [], `${moment}: ${said}`);
    });
  }

  test("that is one of two at once makes one environment with the other", async () => {
    await using stranger = await createStranger();

    const said = await Promise.all([usesServer(stranger), usesServer(stranger)]);

    assertEquals(leftIn(stranger), []);
    assertEquals(said.filter((each) => each.includes("Making the Python environment")).length, 1);
    assertEquals(said.filter((each) => each.includes("Waiting for another anyclaude")).length, 1);
  });

  test("without Python says what to install", async () => {
    await using stranger = await createStranger(["claude"]);

    const ran = await stranger.run(["--model", "tiny", "-p", "hi"]);

    assertFails(
      ran,
      /^anyclaude: Cannot find a Python from 3\.11 to 3\.14: there is none; install/,
    );
  });

  test("without a network says so", { skip: noNamespaces }, async () => {
    await using stranger = await createStranger();

    const ran = await stranger.run(["--model", "tiny", "-p", "hi"], { by: ["unshare", "-rn"] });

    assertFails(
      ran,
      /^anyclaude: Cannot make the Python environment: .* cannot be reached, which this step needs/,
    );
    assertEquals(leftIn(stranger), []);
  });

  test("on a full disk says so, and leaves it as it was", { skip: noNamespaces }, async () => {
    await using stranger = await createStranger();
    mkdirSync(stranger.cache, { recursive: true });
    const left = join(stranger.project, "left");
    const by = mounted(stranger.cache, "size=30m", `"$@"; code=$?; ls "$0" >'${left}'; exit $code`);

    const ran = await stranger.run(["--model", "tiny", "-p", "hi"], { by });

    assertFails(ran, /^anyclaude: Cannot make the Python environment: .*the disk is full \(\d+ MB/);
    assertMatch(readFileSync(left, "utf8"), /^making\.lock\nserver-[0-9a-f]{16}\n$/);
  });

  test("in a home that cannot be written to says so", { skip: noNamespaces }, async () => {
    await using stranger = await createStranger();
    const by = mounted(realpathSync(stranger.home), "ro,size=1m", 'exec "$@"');

    const ran = await stranger.run(["--model", "tiny", "-p", "hi"], { by });

    assertFails(ran, /^anyclaude: Cannot .* ANYCLAUDE_HOME names another/);
  });

  test("without Claude Code names the ways to install it, and runs none", async () => {
    await using stranger = await createStranger(["python3"]);
    const npm = fakeNpm(stranger);

    const ran = await stranger.run(["--model", "tiny", "-p", "hi"]);

    assertFails(ran, /^anyclaude: Cannot find Claude Code: .*install it with `curl .*` or `brew/);
    assert(!existsSync(npm.claude));
  });

  const noTerminal = hasTmux ? false : "tmux is not installed";
  test("without Claude Code offers a user at a terminal to install it", {
    skip: noTerminal,
  }, async () => {
    await using stranger = await createStranger(["python3"]);
    const npm = fakeNpm(stranger);
    const command = [...anyclaudeCommand(), "--mode", "claude", "--base-url", "http://127.0.0.1:9"];
    const open = () =>
      openTerminal([...command, "--version"], { cwd: stranger.project, env: stranger.env });

    using refused = open();
    await refused.see("Install it now");
    refused.press("Enter");
    await refused.see("[ended with 1]");
    assert(!existsSync(npm.claude), refused.history());
    using accepted = open();
    await accepted.see("Install it now");
    accepted.press("Up"); // npm is the last way, after the first answer, which is no
    accepted.press("Enter");
    await accepted.see("[ended with 0]");

    assertStringIncludes(accepted.history(), "this is claude --version");
  });
});

/** Starts a server and waits until it is ready, as it does when a model has generated a token. */
async function usesServer(stranger: Stranger): Promise<string> {
  const running = stranger.start(["server", "--json", "--model", "tiny"], shared);
  const { url } = await addressOf(running);
  const health = await (await fetch(`${url}/health`)).json() as { status: string };
  assertEquals(health.status, "ready");
  const { code, stderr } = await running.end();
  assertEquals(code, 0, stderr);
  return stderr;
}

/** What a first run should not have left behind: half-made folders and running programs. */
function leftIn(stranger: Stranger): readonly string[] {
  const files = readdirSync(stranger.cache)
    .filter((name) => !/^(making\.lock|prefixes|(python|server)-[0-9a-f]{16})$/.test(name));
  return [...files, ...stranger.processes().map(({ command }) => command)];
}

function assertFails({ code, stderr }: Ran, sentence: RegExp): void {
  assertEquals(code, 1, stderr);
  assertMatch(lastLine(stderr), sentence);
  assert(!/^\s+at /m.test(stderr), stderr);
}

/** Runs what follows in this folder, in which nothing can be written, not even by root. */
function readOnly(folder: string): readonly string[] {
  if (!hasNamespaces) {
    chmodSync(folder, 0o555);
    return [];
  }
  const script = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"`;
  return ["unshare", "-rm", "sh", "-c", script, folder];
}

/** Runs what follows with a disk of its own for a folder. */
function mounted(folder: string, options: string, run: string): readonly string[] {
  const script = `mount -t tmpfs -o ${options} none "$0" && { ${run}; }`;
  return ["unshare", "-rm", "sh", "-c", script, folder];
}

/** An npm that installs a claude which says what it was given. */
function fakeNpm({ home, env }: Stranger): { readonly claude: string } {
  const claude = join(home, ".local", "bin", "claude");
  const bin = env["PATH"]?.split(":")[0] ?? "";
  const script = `#!/bin/sh
[ "$*" = "install -g @anthropic-ai/claude-code" ] || exit 9
printf '#!/bin/sh\\necho this is claude "$@"\\n' > '${claude}'
chmod +x '${claude}'
`;
  mkdirSync(dirname(claude), { recursive: true });
  writeFileSync(join(bin, "npm"), script, { mode: 0o755 });
  return { claude };
}
