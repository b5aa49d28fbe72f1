"""The environment that trainers and other children get: nothing secret, nothing that slows this machine."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

_SECRET = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)|APIKEY", re.IGNORECASE)


def child_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The engine's environment without variables that are named like secrets, and with what training needs."""
    kept = {name: value for name, value in environ.items() if not _SECRET.search(name)}
    return kept | {
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads starve a busy machine: 4 to 8 times slower steps were measured
        # A step's logits (over 100 MB) are taken and given back each time; kept instead, half the system time is gone
        # and the peak is the same (measured). glibc's names; other C libraries do not read them.
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "268435456",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def interpreter_command(python: str) -> list[str]:
    """A path as it is, spaces and all; else a command with arguments, such as `apptainer exec image.sif python`."""
    return [python] if Path(python).exists() else shlex.split(python)
