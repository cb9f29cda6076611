import { afterEach, beforeEach, describe, test } from "node:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { takeAlone } from "../../src/core/exclusive.ts";
import { UserError } from "../../src/core/user-error.ts";
import type { Command, CommandResult } from "../../src/provision/command.ts";
import { ensureEnvironment } from "../../src/provision/environment.ts";

interface Machine {
  /** Paths of programs that are installed, best first. */
  readonly programs?: readonly string[];
  /** What a Python answers who is asked what it is. */
  readonly python?: (program: string) => string;
  /** What a command says that fails; undefined when it does not. */
  readonly fails?: (line: string) => string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** The Python that uv knows of. */
  readonly known?: string;
}

const machineName = process.arch === "x64" ? "x86_64" : "arm64";
const python312 = `cpython 3 12 ${machineName} False\n`;

describe("the Python environment", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "any claude "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A machine on which nothing really runs; `venv` makes the folder. */
  function machine(
    {
      programs = ["/usr/bin/python3", "/opt/uv/uv"],
      python = () => python312,
      fails = () => undefined,
      env = {},
      known,
    }: Machine = {},
  ) {
    const ran: Command[] = [];
    const told: string[] = [];
    const lockFile = join(folder, "requirements.lock");
    if (!existsSync(lockFile)) writeFileSync(lockFile, "mlx==1\n");
    const cacheFolder = join(folder, "cache");
    const run = (command: Command): Promise<CommandResult> => {
      const { program, args, onLine } = command;
      ran.push(command);
      const line = [program, ...args].join(" ");
      const failure = fails(line);
      if (failure !== undefined) return Promise.resolve({ code: 1, output: `${failure}\n` });
      if (args.includes("venv")) mkdirSync(join(args.at(-1) ?? "", "bin"), { recursive: true });
      if (args.includes("-S")) return Promise.resolve({ code: 0, output: python(program) });
      if (args[1] === "find") return Promise.resolve({ code: known ? 0 : 1, output: known ?? "" });
      if (args[1] === "install" && args[0] === "python") fetchPython(args[3] ?? "");
      if (args.includes("-r")) {
        onLine?.("Downloading numpy (16.1MiB)");
        mkdirSync(command.env["UV_CACHE_DIR"] ?? "", { recursive: true });
      }
      return Promise.resolve({ code: 0, output: "" });
    };
    const options = {
      ...{ lockFile, cacheFolder, env, run, tell: (line: string) => void told.push(line) },
      programs: (name: string) => programs.filter((path) => basename(path) === name),
    };
    const ensure = async () => {
      using environment = await ensureEnvironment(options);
      return environment.folder;
    };
    const lines = () => ran.map(({ program, args }) => [program, ...args].join(" "));
    return { ensure, options, ran, lines, told, cacheFolder, lockFile };
  }

  test("is made once, by uv, from hashes only, and then reused", async () => {
    const { ensure, lines } = machine();

    const made = await ensure();
    const before = lines().length;
    const again = await ensure();

    assertEquals(again, made);
    assertEquals(lines().length, before + 1); // its Python is asked whether it is still the same
    const install = lines().find((line) => line.includes("uv pip install")) ?? "";
    assertStringIncludes(install, "--require-hashes");
    assertStringIncludes(install, "--only-binary=:all:");
    assertEquals(lines().filter((line) => line.includes(" -m pip ")), []);
  });

  test("is made by a uv of its own where there is none, and by pip where none can be had", async () => {
    const programs = ["/usr/bin/python3"];
    const one = machine({ programs });
    await one.ensure();
    rmSync(one.cacheFolder, { recursive: true });
    const other = machine({ programs, fails: (line) => /installer/.test(line) ? "no" : undefined });
    await other.ensure();

    assert(one.lines().some((line) => /tools\/bin\/uv pip install/.test(line)));
    assert(other.told.includes("  installing packages with pip"));
    const pip = other.lines().findLast((line) => line.includes(" -m pip ")) ?? "";
    assertStringIncludes(pip, "--require-hashes");
    assertStringIncludes(pip, "environment/bin/python");
  });

  test("is another one for another lock, and the same one for another Python", async () => {
    const one = machine();
    const first = await one.ensure();
    const second = await machine({ programs: ["/other/python3.13", "/opt/uv/uv"] }).ensure();
    writeFileSync(one.lockFile, "mlx==2\n");
    const third = await one.ensure();

    assertEquals([second === first, third === first], [true, false]);
  });

  test("is made anew when its Python is gone or another one", async () => {
    for (const now of ["", `cpython 3 13 ${machineName} False\n`]) {
      const before = machine();
      const made = await before.ensure();
      const inIt = (program: string) => program.startsWith(made) ? now : python312;
      const answers = [inIt, inIt, () => now || python312];
      const after = machine({
        python: (program) => (answers.length > 1 ? answers.shift()! : answers[0]!)(program),
      });

      assertEquals(await after.ensure(), made);
      assert(after.told.some((line) => line.startsWith("Making the Python environment")));
      rmSync(before.cacheFolder, { recursive: true });
    }
  });

  test("leaves nothing behind when it cannot be made, and says what failed", async () => {
    const { ensure, cacheFolder } = machine({
      fails: (line) => / -r /.test(line) ? "ERROR: it is broken" : undefined,
    });

    await assertRejects(ensure, UserError, "installing packages failed: ERROR: it is broken");
    assertEquals(environmentsIn(cacheFolder), []);
  });

  test("says what to add to a Python without pip where there is no uv", async () => {
    const { ensure } = machine({
      programs: ["/usr/bin/python3"],
      fails: (line) =>
        / -m venv .*tools$/.test(line)
          ? "because ensurepip is not available.  On Debian\n\nFailing command: /a/python3\n"
          : undefined,
    });

    await assertRejects(ensure, UserError, "preparing pip failed: this Python came without pip;");
  });

  for (
    const [output, advice] of [
      [
        "error: failed to write: No space left on device (os error 28)",
        /the disk is full \(\d+ MB/,
      ],
      [
        "error: Failed to fetch\n  Caused by: dns error",
        /cannot be reached, which this step needs/,
      ],
      ["error: invalid peer certificate: UnknownIssuer", /SSL_CERT_FILE/],
      ["error: Hash mismatch for numpy", /another file than the one that was asked for/],
      ["hint: because building from source is disabled (`--no-build`)", /macOS 14 .* glibc 2.35/],
      [
        "Retrying after connection broken by x\nERROR: No matching distribution found for a==1",
        /cannot be reached/,
      ],
    ] as const
  ) {
    test(`says what to do after: ${output.split("\n").at(-1)?.trim()}`, async () => {
      const { ensure } = machine({ fails: (line) => / -r /.test(line) ? output : undefined });

      const error = await assertRejects(ensure, UserError, " failed: ");
      assert(advice.test(error.message), error.message);
      assertEquals(error.message.split("\n").length, 1);
    });
  }

  const [python3, uv] = ["/usr/bin/python3", "/opt/uv/uv"];
  for (
    const [what, programs, output, tries] of [
      ["uv on a full disk", [python3, uv], "No space left on device", 1],
      ["uv without a network", [python3, uv], "dns error", 2],
      ["pip without a network", [python3], "connection broken", 1],
      ["pip for any other reason", [python3], "no uv for this machine", 2],
    ] as const
  ) {
    test(`is tried in another way after ${what} only if that can help`, async () => {
      const { ensure, lines } = machine({
        programs,
        fails: (line) => / -r /.test(line) ? output : undefined,
      });

      await assertRejects(ensure, UserError, " failed: ");

      const tried = lines().filter((line) => / -r /.test(line));
      assertEquals(tried.length, tries);
      // A uv that is installed and failed is not fetched again.
      assertEquals(tried.some((line) => line.includes("installer.lock")), !programs.includes(uv));
    });
  }

  test("is made anew when the run before was killed in the middle", async () => {
    const { ensure, cacheFolder } = machine();
    const made = await ensure();
    rmSync(join(made, "anyclaude-python"));
    const left = join(`${made}.unfinished-${process.pid}`, "environment", "bin");
    mkdirSync(`${made}.unfinished-1`);
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, "half"), "");

    assertEquals(await ensure(), made);
    assertEquals(environmentsIn(cacheFolder), [basename(made)]);
    assert(!existsSync(join(made, "bin", "half")));
  });

  test("keeps what was downloaded until it is complete", async () => {
    const broken = machine({
      fails: (line) => line.includes("import mlx.core") ? "ImportError: libstdc++" : undefined,
      env: { PIP_CACHE_DIR: "/mine" },
    });
    const { ensure, cacheFolder } = machine();

    await assertRejects(broken.ensure, UserError, "loading MLX failed: ImportError: libstdc++");
    const during = environmentsIn(cacheFolder);
    await ensure();

    const { env } = broken.ran.find(({ args }) => args.includes("-r"))!;
    assertEquals(during, [basename(dirname(env["UV_CACHE_DIR"] ?? ""))]);
    assertEquals(env["PIP_CACHE_DIR"], "/mine");
    assertEquals(environmentsIn(cacheFolder).filter((name) => name.includes(".")), []);
  });

  test("is made in the cache folder, by nothing that the user's folder or variables say", async () => {
    const env = {
      HOME: "/h",
      PYTHONPATH: "/p",
      PYTHONHOME: "/q",
      VIRTUAL_ENV: "/v",
      PIP_USER: "1",
    };
    const { ensure, ran, cacheFolder } = machine({ env: { ...env, PIP_INDEX_URL: "https://i" } });

    await ensure();
    await ensure();

    for (const { args, cwd, env, program } of ran) {
      assertEquals(cwd, cacheFolder);
      assertEquals(
        [env["PYTHONPATH"], env["PYTHONHOME"], env["VIRTUAL_ENV"], env["PIP_USER"]],
        [undefined, undefined, undefined, undefined],
      );
      assertEquals([env["HOME"], env["PIP_INDEX_URL"]], ["/h", "https://i"]);
      assert(basename(program) === "uv" || args[0] === "-I", args.join(" "));
    }
  });

  test("tells what is downloaded with its size, and how large all of it is", async () => {
    const { ensure, told } = machine();

    await ensure();

    assert(told.includes("  downloading numpy (16.1MiB)"), told.join("\n"));
    assert(/ready after \d+ s, \d+ MB$/.test(told.at(-1) ?? ""), told.at(-1));
  });

  for (
    const [what, answer, fault] of [
      ["too old", `cpython 3 9 ${machineName} False`, "is 3.9, which is too old"],
      ["too new", `cpython 3 15 ${machineName} False`, "is 3.15, for which there are no packages"],
      ["not CPython", `pypy 3 11 ${machineName} False`, "is pypy"],
      ["free-threaded", `cpython 3 13 ${machineName} True`, "without the lock"],
      ["for another processor", "cpython 3 13 sparc False", "for another processor (sparc)"],
    ] as const
  ) {
    test(`is made with the next Python when the first one is ${what}`, async () => {
      const programs = ["/a/python3", "/b/python3"];
      const python = (program: string) => program.startsWith("/a") ? answer : python312;
      const both = machine({ programs, python });
      const alone = machine({ programs: ["/a/python3"], python });

      await both.ensure();
      rmSync(both.cacheFolder, { recursive: true });

      assert(both.lines().some((line) => line.startsWith("/b/python3 -I -m venv")));
      const error = await assertRejects(alone.ensure, UserError, "Python from 3.11 to 3.14: /a");
      assertStringIncludes(error.message, fault);
      assertStringIncludes(error.message, "or install uv");
    });
  }

  test("is made with a Python that uv knows of", async () => {
    const { ensure, lines, told } = machine({
      programs: ["/opt/uv/uv"],
      known: "warning: a word\n/managed/python3.12\n",
    });

    await ensure();

    assert(lines().some((line) => line.startsWith("/managed/python3.12 -I -m venv")));
    assert(!told.some((line) => line.includes("uv fetches")), told.join("\n"));
  });

  test("is made with a Python that uv fetches, into our own folder, when it says so", async () => {
    const { ensure, lines, told, cacheFolder } = machine({ programs: ["/opt/uv/uv"] });

    await ensure();

    const fetched = join(cacheFolder, "interpreters", "cpython-3.13.9", "bin", "python3.13");
    assert(lines().some((line) => line.startsWith(`${fetched} -I -m venv`)), lines().join("\n"));
    assert(told.some((line) => line.includes("uv fetches 3.13")), told.join("\n"));
  });

  test("cannot be made when uv cannot fetch a Python", async () => {
    const { ensure } = machine({
      programs: ["/opt/uv/uv"],
      fails: (line) => line.includes("python install") ? "error: no way there" : undefined,
    });

    await assertRejects(
      ensure,
      UserError,
      "uv cannot fetch one (error: no way there); install one",
    );
  });

  test("needs a folder that can be used", async () => {
    const { ensure, cacheFolder } = machine();
    writeFileSync(cacheFolder, "");

    await assertRejects(ensure, UserError, "ANYCLAUDE_HOME names another place");
  });

  test("is made by one of two that come at once", async () => {
    const { ensure, lines } = machine();

    await Promise.all([ensure(), ensure()]);

    assertEquals(lines().filter((line) => line.includes("-m venv")).length, 1);
  });

  test("is not to be removed while it is used", async () => {
    const { options } = machine();
    const environment = await ensureEnvironment(options);
    const lock = join(environment.folder, "in-use");

    const during = takeAlone(lock);
    environment[Symbol.dispose]();
    using after = takeAlone(lock);

    assertEquals([during, after === undefined], [undefined, false]);
  });
});

function fetchPython(folder: string): void {
  const bin = join(folder, "cpython-3.13.9", "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "python3.13"), "", { mode: 0o755 });
}

/** What is there beside the lock, which stays. */
function environmentsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => !name.endsWith(".lock"));
}
