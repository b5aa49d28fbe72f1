"""Which host serves a model: transformers on a GPU; on the processor llama.cpp where it can, else transformers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.engine.hosts.process import Plan, kv_cache_bytes
from workbench.engine.models.child import run_child
from workbench.engine.models.folder import read_folder
from workbench.engine.models.served import refusal, served_gguf

if TYPE_CHECKING:
    from workbench.engine.gpu import Gpu
    from workbench.engine.hosts.pool import Servable
    from workbench.engine.models.folder import ModelFolder

CONTEXT = 8192
"""Tokens that the requests of one llama.cpp host share at most; a longer one is refused by name."""

LLAMA_OVERHEAD = 250_000_000
"""Bytes beside weights and cache: Python and compute buffers (390 MB resident for the starter's 145 + 190 MB)."""

TORCH_OVERHEAD = 700_000_000
"""Bytes that torch and transformers take before any model (measured)."""


GPU_PROCESS = 2_000_000_000
"""Bytes of the processor's memory that CUDA's libraries and the loading take in addition."""

GPU_TOKENS = (16_384, 32_768, 65_536)
"""Positions that the cache of a host on a GPU can have, over all requests that are answered at once."""

GPU_OVERHEAD = 1_000_000_000
"""Bytes of the GPU beside weights and cache: CUDA's context, its libraries' workspaces, activations of a prompt."""


async def make_plan(served: Servable, cache: Path, gpu: Gpu | None) -> Plan:
    """How to serve `served`; makes its GGUF in a child process where there is none. Raises what that raises."""
    base = read_folder(served.base.path, served.id, cache / "hashes")
    context = min(base.max_length, CONTEXT)
    if gpu is not None:
        return _on_gpu(served, base, context, gpu)
    gguf = await _gguf(served, cache) if importlib.util.find_spec("xllamacpp") else None
    if gguf is not None:
        return Plan(
            host="llama.cpp",
            precision="Q8_0",
            module="workbench.engine.hosts.llama",
            arguments=("--model", str(gguf), "--context", str(context)),
            memory=gguf.stat().st_size + kv_cache_bytes(base.config, context, 2) + LLAMA_OVERHEAD,
        )
    return Plan(
        host="transformers",
        precision="float32",
        module="workbench.engine.hosts.transformers_host",
        arguments=_transformers(served, context),
        memory=4 * base.parameters + kv_cache_bytes(base.config, context, 4) + TORCH_OVERHEAD,
    )


def _on_gpu(served: Servable, base: ModelFolder, context: int, gpu: Gpu) -> Plan:
    """On the GPU, with as large a cache as leaves room for other models; a small one where memory is short."""
    each = 2 if gpu.bf16 else 4
    weights = each * base.parameters + GPU_OVERHEAD
    roomy = [tokens for tokens in GPU_TOKENS if weights + kv_cache_bytes(base.config, tokens, each) < gpu.free / 2]
    tokens = max([context, *roomy])
    return Plan(
        host="transformers",
        precision="bfloat16" if gpu.bf16 else "float32",
        module="workbench.engine.hosts.transformers_host",
        arguments=(*_transformers(served, context), "--cache-tokens", str(tokens)),
        memory=TORCH_OVERHEAD + GPU_PROCESS,
        gpu_memory=weights + kv_cache_bytes(base.config, tokens, each),
    )


def _transformers(served: Servable, context: int) -> tuple[str, ...]:
    """The arguments of the transformers host."""
    adapter = () if served.adapter is None else ("--adapter", str(served.adapter))
    return ("--model", str(served.base.path), "--context", str(context), *adapter)


async def _gguf(served: Servable, cache: Path) -> Path | None:
    """The model's GGUF, made if needed; None where llama.cpp does not take it."""
    file = served_gguf(cache, served.sha256)
    if file.exists():
        return file
    if refusal(cache, served.sha256) is not None:
        return None
    arguments = ["--cache", str(cache), "--sha256", served.sha256, "--base", str(served.base.path)]
    if served.adapter is not None:
        arguments += ["--adapter", str(served.adapter)]
    made = await run_child("workbench.engine.models.served", arguments, lambda _progress: None)
    return Path(made["gguf"]) if "gguf" in made else None
