"""OpenAI's hyperparameters as settings of a trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BASE_LEARNING_RATE = 1e-3
"""`learning_rate_multiplier` 1: what LoRA on small models wants (measured on the starter model)."""

TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
"""TARGET_EPOCHS and this: the OpenAI cookbook's data-preparation notebook."""
MAX_TARGET_EXAMPLES = 6_000
"""The cookbook has 25,000; a small model on one machine has learned its task long before, and waits are hours."""
MAX_AUTO_EPOCHS = 10
"""The cookbook has 25; a small LoRA has memorised a tiny set by then."""
AUTO_BATCH = 4
"""Four short records fit 2.8 GB beside the starter model on a CPU; eight take 5.4 GB (both measured)."""
MIN_STEPS_AN_EPOCH = 4

SETTING_OF = {
    "n_epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "learning_rate_multiplier": "learning_rate",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """Numbers for every `auto`."""

    hyperparameters: dict[str, Any]
    """OpenAI's names."""
    settings: dict[str, Any]
    """The trainer's names: what the hyperparameters mean, and the settings that were asked for."""


def auto_epochs(records: int) -> int:
    """The cookbook's heuristic, capped for small local models.

    Three epochs; more for few records, until 100 examples are seen, but at most 10 epochs; fewer for many, so that at
    most 6,000 examples are seen.
    """
    records = max(1, records)
    if records * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return max(1, min(MAX_AUTO_EPOCHS, MIN_TARGET_EXAMPLES // records))
    if records * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(1, MAX_TARGET_EXAMPLES // records)
    return TARGET_EPOCHS


def auto_batch(records: int) -> int:
    """Four, or fewer so that an epoch still has a few steps."""
    return max(1, min(AUTO_BATCH, records // MIN_STEPS_AN_EPOCH))


def resolve(asked: Mapping[str, Any], settings: Mapping[str, Any], records: int) -> Resolved:
    """Numbers for a job over `records` training records. A trainer setting stands above an `auto`."""
    batch = _given(asked, settings, "batch_size", auto_batch(records))
    if "max_steps" in settings and settings["max_steps"] > 0:
        steps = settings["max_steps"] * batch * settings.get("gradient_accumulation_steps", 1)
        automatic = max(1, math.ceil(steps / max(1, records)))
    else:
        automatic = auto_epochs(records)
    epochs = _given(asked, settings, "n_epochs", automatic)
    if "learning_rate" in settings:
        multiplier, rate = settings["learning_rate"] / BASE_LEARNING_RATE, settings["learning_rate"]
    else:
        multiplier = asked.get("learning_rate_multiplier", "auto")
        multiplier = 1.0 if multiplier == "auto" else float(multiplier)
        rate = multiplier * BASE_LEARNING_RATE
    meaning = {
        "num_train_epochs": epochs,
        "per_device_train_batch_size": batch,
        "learning_rate": rate,
    }
    return Resolved(
        hyperparameters={
            **asked,
            "n_epochs": min(50, max(1, round(epochs))),
            "batch_size": min(256, batch),
            "learning_rate_multiplier": multiplier,
        },
        settings={**meaning, **settings},
    )


def _given(asked: Mapping[str, Any], settings: Mapping[str, Any], name: str, automatic: int) -> Any:
    """The number asked for under either name, else the automatic one."""
    if SETTING_OF[name] in settings:
        return settings[SETTING_OF[name]]
    value = asked.get(name, "auto")
    return automatic if value == "auto" else value


def twice_given(asked: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """The trainer setting that a hyperparameter with a number already sets, None if there is none."""
    for name, setting in SETTING_OF.items():
        if asked.get(name, "auto") != "auto" and setting in settings:
            return setting
    return None


def trained_tokens(tokens: int, records: int, settings: Mapping[str, Any]) -> int:
    """Tokens of the data × epochs, as OpenAI bills; with `max_steps`, the share of the epochs that was run."""
    steps = settings.get("max_steps", -1)
    if isinstance(steps, int) and steps > 0 and records > 0:
        batch = settings.get("per_device_train_batch_size", 1) * settings.get("gradient_accumulation_steps", 1)
        return round(tokens * steps * int(batch) / records)
    return round(tokens * float(settings.get("num_train_epochs", 1)))
