"""Empty records: of every format, in the shape of another."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.dataset.formats import TARGETS, Format, RecordError, format_of
from workbench.dataset.formats.blank import blank

SYSTEM = {"role": "system", "content": "Be short."}
ASKED, ANSWERED = {"role": "user", "content": ""}, {"role": "assistant", "content": ""}


@pytest.mark.parametrize("fmt", TARGETS)
def test_an_empty_record_is_of_its_format(fmt: Format) -> None:
    """As detection has it; and each is one of its own, to be changed in place."""
    expected = Format.CHAT if fmt is Format.REINFORCEMENT else fmt  # which says nothing but its messages yet
    assert format_of(blank(fmt)) in (fmt, expected)
    blank(fmt).clear()
    first, second = blank(fmt), blank(fmt)
    assert first == second and first is not second
    for held in first.values():
        if isinstance(held, list):
            held[0].clear()
    assert blank(fmt) == second


def test_instructions_and_tools_are_those_of_its_neighbour() -> None:
    """What is said before the first turn, not what was said then."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    like = {"messages": [SYSTEM, {"role": "user", "content": "q"}, SYSTEM], "tools": tools, "n": 1}
    made = blank(Format.CHAT, like)
    assert made == {"messages": [SYSTEM, ASKED, ANSWERED], "tools": tools}
    made["messages"][0]["content"] = "changed"
    made["tools"].clear()
    assert like["messages"] == [SYSTEM, {"role": "user", "content": "q"}, SYSTEM] and tools


@pytest.mark.parametrize(
    ("fmt", "expected"),
    [
        (Format.PROMPT_COMPLETION, {"prompt": [ASKED], "completion": [ANSWERED]}),
        (Format.TRL_PREFERENCE, {"prompt": [ASKED], "chosen": [ANSWERED], "rejected": [ANSWERED]}),
        (Format.UNPAIRED, {"prompt": [ASKED], "completion": [ANSWERED], "label": True}),
        (Format.PROMPT_ONLY, {"prompt": [ASKED]}),
    ],
)
def test_where_the_neighbour_has_messages_it_has_them(fmt: Format, expected: dict[str, Any]) -> None:
    """Trainers want one shape for all records of a file."""
    assert blank(fmt, {"prompt": [{"role": "user", "content": "q"}]}) == expected
    assert blank(fmt, {"prompt": "q"}) == blank(fmt)


def test_what_a_grader_reads_is_there_to_be_filled() -> None:
    """Under the keys of its neighbour."""
    like = {"messages": [{"role": "user", "content": "q"}], "reference": "42", "points": 3}
    assert blank(Format.REINFORCEMENT, like) == {"messages": [ASKED], "reference": "", "points": 3}


@pytest.mark.parametrize("like", [None, [], "text", {"messages": 3}, {"messages": [3]}])
def test_a_broken_neighbour_is_no_model(like: object) -> None:
    """An empty record all the same."""
    assert blank(Format.CHAT, like) == {"messages": [ASKED, ANSWERED]}


def test_no_record_of_no_format() -> None:
    """It is said."""
    with pytest.raises(RecordError, match="no format that is known"):
        blank(Format.UNKNOWN)
