import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

// Is writing the first table of the new file `workerData`, says so, and is done a little later.
const database = new DatabaseSync(workerData as string);
database.exec("BEGIN IMMEDIATE; CREATE TABLE other (words TEXT)");
parentPort?.postMessage("held");
setTimeout(() => {
  database.exec("COMMIT");
  database.close();
}, 100);
