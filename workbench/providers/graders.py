"""Graders of reinforcement fine-tuning, checked before they are sent: their shape, by the published document."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

LARGEST_SOURCE = 256 * 1024
"""Bytes of a Python grader's source (OpenAI's guide to graders)."""
OPERATIONS = ("eq", "ne", "like", "ilike")
METRICS = ("cosine", "fuzzy_match", "bleu", "gleu", "meteor", *(f"rouge_{n}" for n in range(1, 6)), "rouge_l")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "string_check": ("name", "input", "reference", "operation"),
    "text_similarity": ("name", "input", "reference", "evaluation_metric"),
    "python": ("name", "source"),
    "score_model": ("name", "model", "input"),
    "multi": ("name", "graders", "calculate_output"),
}
"""What each type must have (published OpenAPI document, 2026-08-21)."""
_LISTS: Mapping[str, tuple[str, ...]] = {"score_model": ("input",)}
_TABLES: Mapping[str, tuple[str, ...]] = {"multi": ("graders",)}


def read_grader(path: Path) -> dict[str, Any]:
    """The grader in a JSON file, checked. A `.py` file becomes a Python grader of that source."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "is not UTF-8 text"
        raise WorkbenchError(f"grader {path}", why, "name a JSON file", code="unreadable") from None
    if path.suffix == ".py":
        grader: Any = {"type": "python", "name": path.stem, "source": text}
    else:
        try:
            grader = json.loads(text)
        except json.JSONDecodeError as error:
            why = f"is not JSON (line {error.lineno}: {error.msg.lower()})"
            raise WorkbenchError(f"grader {path}", why, "write one JSON object", code="bad_grader") from None
    check_grader(grader)
    return dict(grader)


def check_grader(grader: Any, place: str = "grader") -> None:
    """Raise `WorkbenchError` that names what a grader lacks, or has wrong."""
    if not isinstance(grader, Mapping):
        raise _refused(place, "is no JSON object", f"give one with a type: {', '.join(_NEEDED)}")
    kind: Any = grader.get("type")
    if kind not in _NEEDED:
        raise _refused(place, f"has the type {kind!r}", f"there are {', '.join(_NEEDED)}")
    for name in _NEEDED[kind]:
        wanted: type = str
        called = "text"
        if name in _LISTS.get(kind, ()):
            wanted, called = list, "a list of messages"
        elif name in _TABLES.get(kind, ()):
            wanted, called = dict, "an object of graders by name"
        if not isinstance(grader.get(name), wanted) or not grader[name]:
            raise _refused(f"{place} of type {kind}", f"lacks {name!r}", f"give {name} as {called}")
    match kind:
        case "string_check":
            _one_of(place, grader, "operation", OPERATIONS)
        case "text_similarity":
            _one_of(place, grader, "evaluation_metric", METRICS)
        case "python":
            _check_source(place, str(grader["source"]))
        case "multi":
            for name, inner in grader["graders"].items():
                if isinstance(inner, Mapping) and inner.get("type") == "multi":
                    raise _refused(
                        f"{place} {name!r}", "is a multi grader inside another", "name its graders beside it"
                    )
                check_grader(inner, f"grader {name!r}")


def _one_of(place: str, grader: Mapping[str, Any], name: str, known: tuple[str, ...]) -> None:
    if grader[name] not in known:
        raise _refused(place, f"has the {name} {grader[name]!r}", f"there are {', '.join(known)}")


def _check_source(place: str, source: str) -> None:
    """It must be Python, with a function `grade(sample, item)`. It is never run here."""
    if len(source.encode("utf-8", "replace")) > LARGEST_SOURCE:
        raise _refused(place, f"has a source of more than {LARGEST_SOURCE // 1024} kB", "shorten it")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        at = f" (line {error.lineno}: {error.msg})" if isinstance(error, SyntaxError) else ""
        raise _refused(place, f"has a source that is not Python{at}", "check the source") from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "grade"]
    if not functions or len(functions[-1].args.args) != 2:
        raise _refused(place, "has no function grade(sample, item)", "define it; it returns a number")


def _refused(what: str, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(what, why, hint, code="bad_grader", exit_code=2)
