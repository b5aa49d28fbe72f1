"""Dated data: names, encodings, lifecycles, prices, limits."""

from __future__ import annotations

import re
from datetime import date

import pytest

from workbench.catalog.encodings import base_name, encoding_for, is_tuned
from workbench.catalog.figure import Origin
from workbench.catalog.limits import KINDS, example_tokens, limits_for
from workbench.catalog.models import lifecycle, lifecycles, retires
from workbench.catalog.prices import UNITS, entries, price
from workbench.errors import WorkbenchError

AZURE_TUNED = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef-recipes"


@pytest.mark.parametrize(
    ("model", "encoding", "exact"),
    [
        ("gpt-4o", "o200k_base", True),
        ("gpt-4o-mini-2024-07-18", "o200k_base", True),
        ("chatgpt-4o-latest", "o200k_base", True),
        ("gpt-4.1-nano", "o200k_base", True),
        ("gpt-4.5-preview", "o200k_base", True),
        ("gpt-5", "o200k_base", True),
        ("gpt-5.6-luna", "o200k_base", True),
        ("gpt-6-luna", "o200k_base", True),
        ("o1", "o200k_base", True),
        ("o4-mini-2025-04-16", "o200k_base", True),
        ("gpt-4", "cl100k_base", True),
        ("gpt-4-0613", "cl100k_base", True),
        ("gpt-4-turbo-2024-04-09", "cl100k_base", True),
        ("gpt-3.5-turbo-0125", "cl100k_base", True),
        ("gpt-35-turbo", "cl100k_base", True),
        ("babbage-002", "cl100k_base", True),
        # tiktoken takes this one for a GPT-4
        ("ft:gpt-4.1-mini-2025-04-14:org::x", "o200k_base", True),
        ("ft:gpt-3.5-turbo-0613:org:suffix:id", "cl100k_base", True),
        (AZURE_TUNED, "o200k_base", True),
        ("starter", "o200k_base", False),
        ("ft:starter:local:recipes:0a1b2c3d", "o200k_base", False),
        ("meta-llama/Llama-3.3-70B-Instruct", "o200k_base", False),
        ("gpt-oss-20b", "o200k_base", False),
        ("gpt-40", "o200k_base", False),
        ("olmo-2", "o200k_base", False),
    ],
)
def test_every_model_name_finds_its_encoding_or_is_an_estimate(model: str, encoding: str, exact: bool) -> None:
    """Base, dated, OpenAI-tuned and Azure-tuned names; what we do not know is said to be an estimate."""
    choice = encoding_for(model)
    assert (choice.name, choice.exact) == (encoding, exact)


def test_a_tuned_name_holds_its_base() -> None:
    """OpenAI's and Azure's spellings, and names that are none."""
    assert base_name("ft:gpt-4.1-2025-04-14:acme:tickets:Ab1:ckpt-step-88") == "gpt-4.1-2025-04-14"
    assert base_name(AZURE_TUNED) == "gpt-4.1-mini-2025-04-14"
    assert base_name("org/name") == "org/name"
    assert is_tuned("ft:gpt-4o:o::x") and is_tuned(AZURE_TUNED) and not is_tuned("gpt-4o")


def test_lifecycles_tell_when_training_and_answering_end() -> None:
    """The dates of provider_api.md: OpenAI's wind-down, and Azure's later one."""
    openai = lifecycle("gpt-4.1-mini")
    assert openai is not None
    assert openai.training_ends == date(2027, 1, 6)
    assert openai.trainable(date(2027, 1, 5)) is True and openai.trainable(date(2027, 1, 6)) is False
    assert retires("ft:gpt-4o-mini-2024-07-18:org::x") == date(2027, 1, 14)
    assert retires(AZURE_TUNED) == date(2027, 10, 14)
    assert retires("gpt-4o", "azure") == date(2026, 10, 1)
    nano = lifecycle("gpt-4.1-nano-2025-04-14")
    assert nano is not None and nano.trainable(date(2026, 11, 22)) is False
    luna = lifecycle("gpt-6-luna")
    assert luna is not None and luna.trainable(date(2026, 11, 22)) is False
    assert lifecycle("starter") is None and retires("ft:starter:local:x:0a1b2c3d") is None


def test_every_dated_entry_has_a_source() -> None:
    """Nothing in the tables stands without source and date, and no model is listed twice in one provider."""
    seen: set[tuple[str, str]] = set()
    for entry in lifecycles():
        assert entry.source and entry.as_of
        for name in entry.models:
            assert (entry.provider, name) not in seen
            seen.add((entry.provider, name))
    for priced in entries():
        assert priced.source and priced.as_of


@pytest.mark.parametrize(
    ("model", "what", "options", "value"),
    [
        ("gpt-4o-mini-2024-07-18", "training", {}, 3.0),
        ("ft:gpt-4.1-2025-04-14:org::x", "training", {}, 25.0),
        ("ft:gpt-4.1-2025-04-14:org::x", "input", {}, 3.0),
        ("gpt-4.1", "input", {}, 2.0),
        ("ft:gpt-4o-2024-08-06:org::x", "hosting_hour", {}, 0.0),
        ("gpt-4.1-mini", "training", {"provider": "azure"}, 5.0),
        ("gpt-4.1-mini", "training", {"provider": "azure", "tier": "regional"}, 5.5),
        (AZURE_TUNED, "output", {}, 1.6),
        (AZURE_TUNED, "hosting_hour", {}, 1.7),
        (AZURE_TUNED, "hosting_hour", {"tier": "developer"}, 0.0),
        ("o4-mini", "training_hour", {}, 100.0),
        ("text-embedding-3-small", "input", {}, 0.02),
    ],
)
def test_prices_are_quoted_with_source_and_date(model: str, what: str, options: dict[str, str], value: float) -> None:
    """Tuned and base models cost differently at OpenAI; tiers differ at Azure."""
    figure = price(model, what, **options)  # type: ignore[arg-type]
    assert figure.value == value
    assert figure.origin is Origin.QUOTED and figure.source
    assert figure.as_of is not None and re.fullmatch(r"\d{4}-\d\d-\d\d", figure.as_of)
    assert figure.unit == UNITS[what]  # type: ignore[index]


@pytest.mark.parametrize("model", ["starter", "gpt-9", "ft:starter:local:x:0a1b2c3d"])
def test_an_unknown_price_is_not_measured_and_says_why(model: str) -> None:
    """No guess, and no zero."""
    figure = price(model, "training")
    assert figure.value is None and figure.origin is Origin.NOT_MEASURED
    assert figure.source is not None and model in figure.source


def test_limits_by_kind_and_model() -> None:
    """Minimum records, BOM, and how long an example may be."""
    assert limits_for("openai").min_records == limits_for("azure").min_records == 10
    assert limits_for("azure").bom_wanted and not limits_for("openai").bom_wanted
    assert set(KINDS) == {"openai", "azure", "compatible", "local"}
    assert example_tokens("gpt-3.5-turbo-0125") == 16_385
    assert example_tokens("ft:gpt-4o-mini-2024-07-18:o::x") == 65_536
    assert example_tokens("gpt-4.1-nano") == 32_768
    assert example_tokens("something-else") is None
    with pytest.raises(WorkbenchError) as caught:
        limits_for("opnai")
    assert caught.value.exit_code == 2 and "openai" in caught.value.hint
