/** Prints the exit block of the case that is named: run by a test under several locales. */
import process from "node:process";
import { summaryCases } from "./summary-cases.ts";
import { toSummary } from "../../src/monitor/summary.ts";

const { records, comparison } = summaryCases[process.argv[2] ?? ""] ?? { records: [] };
process.stdout.write(toSummary(records, comparison) ?? "");
