"""The grammar of candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluate.candidates import (
    Candidate,
    CandidateError,
    Technique,
    TechniqueKind,
    parse_candidate,
    trivial_candidates,
)
from workbench.evaluate.task import TaskSpec, item_of

K, NAME = TechniqueKind, "[A-Za-z0-9][A-Za-z0-9_.-]{0,8}"

profiles = st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True).filter(lambda profile: profile != "trivial")
models = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=30).filter(str.strip)
numbers = st.integers(min_value=1, max_value=9999).map(str)
arguments = {
    K.PROMPT: st.from_regex(NAME, fullmatch=True),
    K.RAG: numbers,
    K.FEW_SHOT: st.builds(str.__add__, numbers, st.sampled_from(["", ":similar", ":diverse"])),
}
techniques = st.permutations(list(K)).flatmap(
    lambda kinds: st.tuples(*[st.none() | st.builds(Technique, st.just(kind), arguments[kind]) for kind in kinds])
)


@given(profiles, models, techniques)
def test_what_is_written_is_read_back(profile: str, model: str, some: tuple[Technique | None, ...]) -> None:
    """Any model name that does not itself end in a technique survives, whatever characters it is made of."""
    candidate = Candidate(profile, model, tuple(one for one in some if one is not None))
    try:
        assert parse_candidate(candidate.text) == candidate
    except CandidateError:
        assert any(f"+{kind}:" in model for kind in K), "only a name that looks like a technique may be refused"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        assert parse_candidate(text).text == text
    except CandidateError as error:
        assert error.exit_code == 2
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "profile", "model", "tail"),
    [
        ("local/starter", "local", "starter", ""),
        ("local/ft:starter:local:recipes:1a2b3c4d", "local", "ft:starter:local:recipes:1a2b3c4d", ""),
        ("local/ft:a:b:ckpt-step-9+few-shot:5", "local", "ft:a:b:ckpt-step-9", "+few-shot:5"),
        ("x/org/name+rag:3+prompt:strict", "x", "org/name", "+rag:3+prompt:strict"),
        ("openai/m+rag:3:dense", "openai", "m", "+rag:3:dense"),
        ("local//data/c++/model", "local", "/data/c++/model", ""),
        ("local/a+few-shot:5/b", "local", "a+few-shot:5/b", ""),
        ("local/a+b+rag:2", "local", "a+b", "+rag:2"),
        ("azure/my-deployment+few-shot:12", "azure", "my-deployment", "+few-shot:12"),
        ("local/a+few-shot:3:similar+prompt:p", "local", "a", "+few-shot:3:similar+prompt:p"),
    ],
)
def test_the_model_is_all_between_profile_and_technique(text: str, profile: str, model: str, tail: str) -> None:
    candidate = parse_candidate(text)
    assert (candidate.profile, candidate.model) == (profile, model)
    assert "".join(map(str, candidate.techniques)) == tail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no profile"),
        ("starter", "no profile"),
        ("Local/starter", "not made of"),
        ("/starter", "not made of"),
        ("local/", "names no model"),
        ("local/+few-shot:5", "names no model"),
        ("local/starter+few-shot:0", "whole number"),
        ("local/starter+few-shot:05", "whole number"),
        ("local/starter+few-shot:five", "whole number"),
        ("local/starter+rag:٣", "whole number"),
        ("local/starter+rag:", "whole number"),
        ("local/starter+rag:3:similar", "no way to search"),
        ("local/starter+few-shot:3:best", "no way to choose"),
        ("local/starter+few-shot:3:random", "no way to choose"),
        ("local/starter+few-shot::similar", "whole number"),
        ("local/starter+prompt:", "prompt name"),
        ("local/starter+rag:3+rag:4", "twice"),
        ("local/star\nter", "control"),
        ("trivial/best", "no such trivial"),
        ("trivial/majority+few-shot:5", "no such trivial"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(CandidateError, match=why):
        parse_candidate(text)


def items(answers: list[str]) -> list:
    return [
        item_of([{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": answer}], n)
        for n, answer in enumerate(answers)
    ]


def test_trivial_candidates_come_where_they_apply() -> None:
    labels = items(["yes", "no"] * 6)
    names = [candidate.text for candidate in trivial_candidates(TaskSpec(scorer="classification"), labels)]
    assert names == ["trivial/majority", "trivial/nearest", "trivial/tfidf"]
    free = items([f"answer {n}" for n in range(12)])
    assert "trivial/tfidf" not in [one.text for one in trivial_candidates(TaskSpec(scorer="exact"), free)]
    assert "trivial/tfidf" not in [one.text for one in trivial_candidates(TaskSpec(scorer="token-f1"), labels)]
    assert trivial_candidates(TaskSpec(), []) == []
