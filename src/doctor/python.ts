import type { Environment } from "../core/find-program.ts";
import { lastLine } from "../core/last-line.ts";
import { toShellWord } from "../core/shell-word.ts";
import { UserError } from "../core/user-error.ts";
import type { RunCommand } from "../provision/command.ts";
import { type ReadyPython, readyPython } from "../provision/ready-python.ts";
import { findPythonSources } from "../provision/sources.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

export interface PythonSetting {
  readonly cacheFolder: string;
  readonly environment: Environment;
  readonly tell: (line: string) => void;
  readonly run: RunCommand;
  /** The paths of the programs of that name; those of the PATH and the usual places if not said. */
  readonly programs?: (name: string) => readonly string[];
  readonly platform: string;
}

/** Imports what the server imports, and computes something. Says what it is and runs on. */
const trial = `
from anyclaude_mlx.mlx_engine.blas import prefer_openblas
blas = prefer_openblas() or ""
import mlx.core as mx, mlx_lm, starlette, uvicorn, llguidance
from importlib.metadata import version
assert (mx.ones((64, 64)) @ mx.ones((64, 64))).sum().item() == 64 ** 3
device = "Metal" if mx.metal.is_available() else "CUDA" if mx.cuda.is_available() else "CPU"
print(f"{device}|{blas}|mlx {version('mlx')}, mlx-lm {version('mlx-lm')}")
`;

/** The Python environment, made if it is not there yet, and what MLX computes on. */
export async function examinePython(setting: PythonSetting): Promise<readonly Finding[]> {
  const { environment: env, platform, ...making } = setting;
  using used = new DisposableStack();
  let found: ReadyPython;
  try {
    const sources = used.use(await findPythonSources(making)).folder;
    found = used.use(await readyPython(sources, { ...making, env }));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [says = "", ...fix] = error.message.split("; ");
    return [broken("Python", says, fix.join("; ") || "see what is said there, then try again")];
  }
  const { folder, python, variables } = found;
  const trying = { program: python, args: ["-c", trial], cwd: folder, env: variables };
  const { code, output } = await setting.run(trying);
  const said = lastLine(output);
  if (code !== 0) {
    return [broken(
      "Python",
      `the environment in ${folder} is damaged: ${said}`,
      `rm -r ${toShellWord(folder)}; the next start makes it anew`,
    )];
  }
  const [device = "", blas = "", versions = ""] = said.split("|");
  return [ok("Python", `${versions} in ${folder}`), examineDevice(device, blas, platform)];
}

function examineDevice(device: string, blas: string, platform: string): Finding {
  if (platform === "darwin" && device !== "Metal") {
    return broken(
      "MLX device",
      `${device}: MLX does not see this Mac's GPU`,
      "run anyclaude on the Mac itself: a virtual machine has no GPU for it",
    );
  }
  if (device === "CPU" && blas === "reference") {
    return warning(
      "MLX device",
      "CPU, with MLX's own slow linear algebra",
      "install OpenBLAS, which reads prompts about three times as fast: apt install libopenblas0, " +
        "or dnf install openblas",
    );
  }
  return ok("MLX device", blas === "" ? device : `${device} with ${blas}`);
}
