"""
llama.cpp's own HTTP server, from the wheel that carries it: `python llama_server.py FILE PORT`.
Two requests at a time, 65,536 tokens each. `LLAMA_API_KEY` is the key, as there.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import xllamacpp


def main() -> None:
    file, port = Path(sys.argv[1]), int(sys.argv[2])
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {file.stem}
    params.port = port
    params.n_parallel = 2
    params.n_ctx = 2 * 65_536
    # Threads wait for each other by spinning: on a busy machine two are ten times slower than one.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.api_keys = [key] if (key := os.environ.get("LLAMA_API_KEY")) else []
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
