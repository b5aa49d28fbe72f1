"""An adapter merged into its base: a model folder of its own, as transformers saves it.

`python -m workbench.engine.models.merge --base DIR --adapter DIR --out DIR [--dtype auto|float32|bfloat16]`
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from workbench.engine.models.child import child_main, emit_progress
from workbench.engine.models.errors import ModelRefused
from workbench.engine.models.folder import weight_files
from workbench.engine.models.progress import PullProgress

_OWN = frozenset({"config.json", "model.safetensors.index.json", "generation_config.json"})
"""Files that the merged model brings itself; all others of the base (tokenizer, template) are kept as they are."""


def merge(base: Path, adapter: Path, out: Path, dtype: str = "auto") -> Path:
    """Write base + adapter to the new folder `out`, which appears complete. Imports torch; raises ModelRefused."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    weight_files(base)
    weight_files(adapter)
    out.parent.mkdir(parents=True, exist_ok=True)
    arriving = Path(tempfile.mkdtemp(dir=out.parent, prefix=".merge-"))
    try:
        # merged in full precision whatever is stored: the adapter's changes are smaller than bfloat16's steps
        model: Any = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, trust_remote_code=False, use_safetensors=True, local_files_only=True
        )
        stored = getattr(torch, _stored_dtype(base) if dtype == "auto" else dtype)
        try:
            model = PeftModel.from_pretrained(model, str(adapter), local_files_only=True).merge_and_unload()
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelRefused(str(adapter), f"does not fit {base}: {error}", "use the base it was made on") from error
        model.to(stored)
        model.config.dtype = stored
        model.save_pretrained(arriving)
        for file in base.iterdir():
            if file.is_file() and file.suffix in {".json", ".jinja", ".model", ".txt"} and file.name not in _OWN:
                shutil.copyfile(file, arriving / file.name)
        arriving.rename(out)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return out


def _stored_dtype(base: Path) -> str:
    """What the base's weights are on disk, as torch names it."""
    from workbench.engine.models.folder import tensors

    names = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
    _, kind, _ = next(tensors(weight_files(base)[0]))
    return names.get(kind, "float32")


def main(arguments: list[str]) -> int:
    """The child process; see workbench.engine.models.child for what it prints."""
    parser = argparse.ArgumentParser(prog="merge")
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"])
    given = parser.parse_args(arguments)

    def work() -> dict[str, str]:
        emit_progress(PullProgress("merge", 0, 1, "steps"))
        return {"path": str(merge(given.base, given.adapter, given.out, given.dtype))}

    return child_main(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
