"""What counts a model's tokens: an encoding for hosted models, its own tokenizer and template for a local one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.workflow.context import Context
from workbench.workflow.prepare import counter_of

if TYPE_CHECKING:
    from workbench.dataset.tokens import Counter


async def counter_of_model(context: Context, model: str, profile: str | None = None) -> tuple[str, Counter]:
    """The model's name without its profile, and what counts its tokens.

    A model is local where `profile` is, or where its name begins with a local profile (`local/starter`). Its tokenizer
    is asked of the engine, which is started; where it has no chat template, chatml stands for it. Raises WorkbenchError
    where the engine knows no such model.
    """
    first, slash, rest = model.partition("/")
    if slash and rest and first in context.profiles():
        profile, model = first, rest
    if profile is None or context.profile(profile).kind != "local":
        return model, counter_of(context, model)
    from workbench.dataset.chat_templates import CHATML
    from workbench.dataset.tokens import template_counter

    told = await context.engine.call("GET", "tokenizer", params={"model": model})
    counter = template_counter(
        Path(told["path"]) / "tokenizer.json",
        name=model,
        chat_template=str(told.get("chat_template") or CHATML),
        bos_token=told.get("bos_token"),
        eos_token=told.get("eos_token"),
    )
    return model, counter
