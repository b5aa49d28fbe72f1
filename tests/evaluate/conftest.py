"""Files of records."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from workbench.evaluate.task import Item, load_items
from workbench.resources import samples_dir

# Shared cores and first imports of scipy make single examples slow: time is no test.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write question and answer pairs as chat records; gives the path. Extra keys may depend on the number."""

    def to(name: str, pairs: Sequence[tuple[str, str]], **extra: Any) -> str:
        path = tmp_path / name
        records = (
            {
                "messages": [
                    {"role": "system", "content": "Name the colour."},
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": answer},
                ],
                **{key: value(number) if callable(value) else value for key, value in extra.items()},
            }
            for number, (question, answer) in enumerate(pairs)
        )
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return str(path)

    return to


@pytest.fixture
def samples() -> Callable[[str], tuple[list[Item], list[Item]]]:
    """Test and training items of a bundled sample."""

    def load(name: str) -> tuple[list[Item], list[Item]]:
        folder = samples_dir() / name
        return load_items(folder / "test.jsonl"), load_items(folder / "train.jsonl")

    return load
