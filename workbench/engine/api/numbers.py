"""Settings that the engine itself calculates with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.engine.api.errors import invalid
from workbench.engine.hyperparameters import SETTING_OF

NUMBERS = (*SETTING_OF.values(), "max_steps", "gradient_accumulation_steps")


def check_numbers(settings: Mapping[str, Any], names: Iterable[str], place: str) -> None:
    """Raise ApiError 400 for the first of `names` whose value is no number, or too large for one."""
    for name in names:
        value = settings.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
            raise invalid(f"Invalid value for '{place}.{name}': expected a number.", f"{place}.{name}")
