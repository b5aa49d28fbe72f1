"""AutoTrain's column mappings as templates of ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.dataset.formats import Format
from workbench.dataset.sources.mapping import ColumnMapping, check_shape
from workbench.dataset.sources.text_template import placeholder
from workbench.errors import WorkbenchError

_KEYS = ("text_column", "rejected_text_column", "prompt_text_column")
_TASKS = ("llm-sft", "llm-generic", "llm-default", "llm-reward", "llm-dpo", "llm-orpo")
_PAIRS = ("llm-reward", "llm-dpo", "llm-orpo")


def mapping_of_autotrain(
    task: str, column_mapping: Mapping[str, Any], *, chat_template: str | None = None
) -> ColumnMapping:
    """The template for `data.column_mapping` of an AutoTrain config of the task `llm-…` (or AutoTrain's `llm:…`).

    With a chat template the columns hold lists of messages, or text that spells them; `none` is none. Raises a
    WorkbenchError for a task or a key that is not one for language models, and for a missing column.
    """
    task = task.replace(":", "-")
    if task not in _TASKS:
        raise WorkbenchError(f"task {task!r}", "is none that trains a chat model", f"there are: {', '.join(_TASKS)}")
    unknown = [key for key in column_mapping if key not in _KEYS]
    if unknown:
        raise WorkbenchError(
            f"column_mapping.{unknown[0]}", "is no column of a language model", f"there are: {', '.join(_KEYS)}"
        )
    named = {key: str(value) for key, value in column_mapping.items() if value}
    text = named.get("text_column", "text")
    listed = chat_template is not None and chat_template.lower() not in ("none", "")
    if task not in _PAIRS:
        mapping = (
            ColumnMapping(conversation=text) if listed else ColumnMapping(format=Format.TEXT, text=placeholder(text))
        )
        return _checked(mapping)
    rejected = named.get("rejected_text_column")
    if rejected is None:
        raise WorkbenchError("column_mapping.rejected_text_column", "is missing", f"name it: {task} needs two answers")
    prompt = named.get("prompt_text_column")
    if prompt is None and task != "llm-reward":
        raise WorkbenchError("column_mapping.prompt_text_column", "is missing", f"name it: {task} needs the prompt")
    return _checked(
        ColumnMapping(
            format=Format.TRL_PREFERENCE,
            chosen=placeholder(text),
            rejected=placeholder(rejected),
            prompt=placeholder(prompt) if prompt is not None and task != "llm-reward" else None,
            parse=(text, rejected) if listed else (),
        )
    )


def read_autotrain(path: Path) -> ColumnMapping:
    """The template that an AutoTrain config (YAML) says; raises a WorkbenchError for what is none."""
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())[:200]
        raise WorkbenchError(str(path), f"is not YAML ({why})", "correct it there", code="bad_template") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be read ({why})", "check the path", code="not_found") from error
    data = config.get("data") if isinstance(config, Mapping) else None
    columns = data.get("column_mapping") if isinstance(data, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(data, Mapping) or not isinstance(columns, Mapping):
        raise WorkbenchError(
            str(path), "has no data.column_mapping, so it is no AutoTrain config", "give one, or a template in TOML",
            code="bad_template",
        )  # fmt: skip
    params = config.get("params")
    trainer = params.get("trainer") if isinstance(params, Mapping) else None
    task = str(config.get("task", ""))
    if task == "llm":  # the trainer is then a parameter
        task = f"llm-{trainer or 'default'}"
    template = data.get("chat_template")
    return mapping_of_autotrain(task, columns, chat_template=None if template is None else str(template))


def _checked(mapping: ColumnMapping) -> ColumnMapping:
    check_shape(mapping)
    return mapping
