"""What this interpreter can train: methods, their settings, versions; one JSON object on standard output."""

from __future__ import annotations

import importlib.metadata
import json
import sys

from . import settings

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")


def main(whole: bool) -> int:
    """0 with the versions and, when the `whole` is asked, the methods; 1 with `{"error": …}` for a missing package."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    missing = [package for package, version in versions.items() if version is None]
    found: dict[str, object] = {"python": sys.version.split()[0], "executable": sys.executable, "versions": versions}
    if missing:
        print(json.dumps({**found, "error": f"lacks {', '.join(missing)}"}))
        return 1
    if not whole:
        print(json.dumps(found))
        return 0
    import torch

    found["cuda"] = bool(torch.cuda.is_available())
    found["methods"] = [{"name": "sft", "type": "supervised", "settings": settings.exposed()}]
    print(json.dumps(found))
    return 0
