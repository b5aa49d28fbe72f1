"""The llama.cpp host: one GGUF, one private socket, no TCP.

`FTWB_HOST_KEY=… python -m workbench.engine.hosts.llama --model FILE --socket PATH [--context N] [--parallel N]`

llama.cpp's own HTTP server does the work: OpenAI's chat completions with SSE, continuous batching, `GET /health`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from workbench.engine.hosts.life import settle

PARALLEL = 4
"""Requests that are answered at once; others wait. More gains little on a CPU (87 → 107 tokens/s from 1 to 4)."""


def main(arguments: list[str]) -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="llama")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--parallel", type=int, default=PARALLEL)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args(arguments)
    key = settle(given.socket)
    # What spares a busy machine in training ruins a small model's hundreds of barriers a token: 30 tokens/s with
    # passive waiting, 79 with OpenMP's own (four requests, two threads). Read when the library loads.
    os.environ.pop("OMP_WAIT_POLICY", None)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(given.model)
    params.hostnames = [str(given.socket)]  # a name that ends in .sock is a Unix socket, and then no TCP port is opened
    params.api_keys = [key]
    params.n_parallel = given.parallel
    params.n_ctx = given.context
    params.kv_unified = True  # the slots share one context, else each had a quarter of it
    params.cont_batching = True
    params.ctx_shift = False  # a prompt that is too long is refused, not silently cut
    params.cache_ram_mib = 0  # its default of 8 GiB beside the model is not ours to take
    params.endpoint_slots = False  # it shows other requests' prompts
    params.ui = False
    params.warmup = True
    params.verbosity = 1
    params.cpuparams.n_threads = given.threads
    params.cpuparams_batch.n_threads = given.threads
    server = xllamacpp.Server(params)
    print(f"serving at {server.listening_address}", flush=True)  # noqa: T201 - the host's log
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
