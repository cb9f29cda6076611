/** Runs the program that is named, as the provisioning does, so that a test can kill this one. */
import process from "node:process";
import { runCommand } from "../../src/provision/command.ts";

const [, , program = "", ...args] = process.argv;
await runCommand({ program, args, env: { ...process.env }, cwd: "/" });
