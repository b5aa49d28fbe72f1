"""`PYTHON FOLDER JOB_DIR` trains the job; `PYTHON FOLDER --probe` prints what this interpreter can train, as JSON, and
`--versions` only the versions of its packages, which needs no import of them.

The folder is copied into the job, so that neither an upgrade nor a user's own interpreter matters to a run. It is
loaded as a package of its own name, because Python puts the folder itself first on the path, where short module names
would hide others'.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "ftwb_sft_trainer"

ENVIRONMENT = {
    # Spinning OpenMP threads cost 3 to 8 times the time on a busy machine (measured); must be set before torch loads.
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def _load(module: str) -> object:
    folder = Path(__file__).resolve().parent
    if PACKAGE not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"{folder} is not a trainer folder")
        package = importlib.util.module_from_spec(spec)
        sys.modules[PACKAGE] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{PACKAGE}.{module}")


def main(arguments: list[str]) -> int:
    """Returns the exit status: 0 finished or stopped, 1 failed, 2 wrong use."""
    os.environ.update(ENVIRONMENT)
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [entry for entry in sys.path if entry != here]
    if arguments in (["--probe"], ["--versions"]):
        status: int = _load("probe").main(whole=arguments == ["--probe"])  # type: ignore[attr-defined]
    elif len(arguments) == 1:
        status = _load("run").main(Path(arguments[0]))  # type: ignore[attr-defined]
    else:
        print("usage: PYTHON FOLDER JOB_DIR | --probe | --versions", file=sys.stderr)
        status = 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
