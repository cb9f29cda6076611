/** A thread that makes the file it is told a database, says so, and is done a little later. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

using database = new DatabaseSync(workerData as string);
database.exec("BEGIN IMMEDIATE; CREATE TABLE other (words TEXT)");
parentPort?.postMessage("held");
await delay(100);
database.exec("COMMIT");
