"""Scorers: how near an output is to its reference, from 0 to 1.

Each is one small function, registered with its formula; the registry is the source of the command line's help. A
scorer is bound to its arguments and to all references of the task once, then called for every item.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from workbench.errors import WorkbenchError
from workbench.evaluate.reading import flatten, read_json, read_list
from workbench.evaluate.text import normalise, words

LONGEST_SEARCHED = 20_000
"""Characters of an output a regular expression is tried on."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A score and, where the output could not be read as what was asked for, why."""

    value: float
    note: str | None = None


Score = Callable[[str, str], Scored]
"""(output, reference) -> Scored."""
Bind = Callable[[Mapping[str, str], Sequence[str]], Score]
"""(arguments, all references) -> Score."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """One way to score, with what the help says about it."""

    name: str
    summary: str
    formula: str
    binary: bool
    """Whether scores are only 0 or 1."""
    bind: Bind
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Argument name -> what it does."""


SCORERS: dict[str, Scorer] = {}
JUDGE = "judge"
"""The scorer that asks a model."""


class ScorerError(WorkbenchError):
    """A scorer that does not exist, or that was given what it cannot use."""

    code = "scorer"

    def __init__(self, name: str, why: str, hint: str) -> None:
        super().__init__(f"scorer {name}", why, hint, exit_code=2)


def scorer(
    name: str, *, binary: bool, formula: str, arguments: Mapping[str, str] | None = None
) -> Callable[[Bind], Bind]:
    """Register a binder under a name; its docstring's first line is the summary."""

    def register(bind: Bind) -> Bind:
        summary = (bind.__doc__ or "").strip().splitlines()[0]
        SCORERS[name] = Scorer(name, summary, formula, binary, bind, dict(arguments or {}))
        return bind

    return register


def bind_scorer(name: str, arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The scorer `name`, ready to score; raises `ScorerError` for a wrong name, argument or reference."""
    found = SCORERS.get(name)
    if found is None:
        raise ScorerError(name, "there is no such scorer", f"choose from {', '.join(SCORERS)}")
    for argument in arguments:
        if argument not in found.arguments:
            takes = ", ".join(found.arguments) or "no arguments"
            raise ScorerError(name, f"it knows no argument {argument!r}", f"it takes {takes}")
    return found.bind(arguments, references)


def _flag(right: bool) -> Scored:
    return Scored(1.0 if right else 0.0)


def _bad_reference(name: str, index: int, why: str, hint: str) -> NoReturn:
    raise ScorerError(name, f"the reference of item {index} {why}", hint)


def f1(hits: float, found: float, wanted: float) -> float:
    """Harmonic mean of precision and recall, 2 * hits / (found + wanted); two empty sides agree."""
    return 1.0 if found + wanted == 0 else 2 * hits / (found + wanted)


@scorer("exact", binary=True, formula="1 if strip(output) = strip(reference), else 0")
def exact(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The output is the reference, character for character, but for white space around it."""
    return lambda output, reference: _flag(output.strip() == reference.strip())


@scorer("normalized", binary=True, formula="1 if norm(output) = norm(reference), else 0; norm: NFKC, lower case, "
        "punctuation and symbols to spaces, single spaces")  # fmt: skip
def normalized(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The output is the reference but for case, punctuation and spacing."""
    return lambda output, reference: _flag(normalise(output) == normalise(reference))


@scorer("contains", binary=True, formula="1 if the words of the reference stand in the output in a row, else 0")
def contains(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The output contains the reference as whole words; case and punctuation do not count."""
    for index, reference in enumerate(references):
        if not normalise(reference):
            _bad_reference("contains", index, "has no words, every output contains it", "use the scorer exact")
    return lambda output, reference: _flag(f" {normalise(reference)} " in f" {normalise(output)} ")


@scorer(
    "regex",
    binary=True,
    formula="with a group: 1 if norm(first group of the first match) = norm(reference); without: 1 if the pattern "
    "is found, {reference} standing for the reference itself",
    arguments={"pattern": "a Python regular expression, required"},
)
def regex(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """A regular expression finds the answer in the output."""
    pattern = arguments.get("pattern")
    if not pattern:
        raise ScorerError("regex", "it needs a pattern", "give --scorer-arg pattern='answer: (\\w+)'")
    try:
        compiled = re.compile(pattern.replace("{reference}", "x"))
    except re.error as error:
        raise ScorerError("regex", f"the pattern is no regular expression: {error}", "mend the pattern") from error
    if compiled.groups == 0 and "{reference}" not in pattern:
        hint = "put a group around the answer, or {reference} where the reference must stand"
        raise ScorerError("regex", "the pattern never looks at the reference", hint)
    has_group = compiled.groups > 0

    def score(output: str, reference: str) -> Scored:
        found = re.search(pattern.replace("{reference}", re.escape(reference.strip())), output[:LONGEST_SEARCHED])
        if found is None:
            return Scored(0.0, "the pattern is not found")
        return _flag(not has_group or normalise(found[1] or "") == normalise(reference))

    return score


@scorer("json", binary=True, formula="1 if parse(output) = parse(reference), else 0; order of keys does not count")
def json_equal(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The output is the same JSON value as the reference; a code fence around it is forgiven."""
    for index, reference in enumerate(references):
        if read_json(reference) is None:
            _bad_reference("json", index, "is no JSON", "choose another scorer")

    def score(output: str, reference: str) -> Scored:
        given, wanted = read_json(output), read_json(reference)
        if given is None or wanted is None:
            return Scored(0.0, "no JSON")
        return _flag(flatten(given.value) == flatten(wanted.value))

    return score


@scorer(
    "json-fields",
    binary=False,
    formula="fields that agree / (fields of the reference or the output), a field being the path to one plain value",
    arguments={"fields": "only these top-level fields, separated by commas"},
)
def json_fields(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The share of a JSON object's fields that are right; missing and extra ones count as wrong."""
    only = {name.strip() for name in arguments.get("fields", "").split(",") if name.strip()}
    for index, reference in enumerate(references):
        parsed = read_json(reference)
        if parsed is None or not isinstance(parsed.value, dict):
            _bad_reference("json-fields", index, "is no JSON object", "choose another scorer")

    def fields(value: object) -> dict[tuple[str | int, ...], object]:
        return {path: leaf for path, leaf in flatten(value).items() if not only or (path and path[0] in only)}

    def score(output: str, reference: str) -> Scored:
        given, wanted = read_json(output), read_json(reference)
        if given is None or wanted is None or not isinstance(given.value, dict):
            return Scored(0.0, "no JSON object")
        mine, theirs = fields(given.value), fields(wanted.value)
        union = mine.keys() | theirs.keys()
        same = sum(path in mine and path in theirs and mine[path] == theirs[path] for path in union)
        return Scored(same / len(union) if union else 1.0)

    return score


@scorer(
    "set-f1",
    binary=False,
    formula="2 * |output and reference| / (|output| + |reference|) over lower-cased, stripped items of the two lists",
)
def set_f1(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """Two lists compared as sets; JSON, or items separated by lines or commas. A reply that is no list scores 0."""
    for index, reference in enumerate(references):
        if read_list(reference) is None:
            _bad_reference("set-f1", index, "is no list", "choose another scorer")

    def score(output: str, reference: str) -> Scored:
        given, wanted = read_list(output), read_list(reference)
        if given is None or wanted is None:
            return Scored(0.0, "no list")
        mine, theirs = set(given), set(wanted)
        return Scored(f1(len(mine & theirs), len(mine), len(theirs)))

    return score


@scorer("token-f1", binary=False, formula="2 * common words / (words of output + words of reference), with repeats")
def token_f1(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """Words in common, order ignored (SQuAD's F1, but articles count); ideographs and kana one by one."""

    def score(output: str, reference: str) -> Scored:
        mine, theirs = Counter(words(output)), Counter(words(reference))
        return Scored(f1((mine & theirs).total(), mine.total(), theirs.total()))

    return score


@scorer(
    "rouge-l",
    binary=False,
    formula="2 * L / (words of output + words of reference), L the longest common subsequence of words",
)
def rouge_l(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """Words in common in the same order (ROUGE-L F1, Lin 2004, without stemming)."""

    def score(output: str, reference: str) -> Scored:
        mine, theirs = words(output), words(reference)
        return Scored(f1(longest_common_subsequence(mine, theirs), len(mine), len(theirs)))

    return score


def longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Its length, bit-parallel in one big integer (Hyyro 2004): linear in `b` for texts of ordinary length."""
    positions: dict[str, int] = {}
    for index, word in enumerate(a):
        positions[word] = positions.get(word, 0) | 1 << index
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        matches = row & positions.get(word, 0)
        row = ((row + matches) | (row - matches)) & full
    return len(a) - row.bit_count()


@scorer(
    "classification",
    binary=True,
    formula="1 if the label read from the output = the reference's, else 0",
    arguments={"labels": "the labels, separated by commas; without it, the distinct references of the test set"},
)
def classification(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """The output names the right label: it is a label, or the only label named in it.

    A label counts as named where its words stand in the output in a row, longest labels first, so that `not spam` is
    not read as `spam`. Several labels named, or none, is wrong.
    """
    given = [label for label in arguments.get("labels", "").split(",") if label.strip()]
    labels = sorted({normalise(label) for label in given or references} - {""}, key=lambda label: (-len(label), label))
    known = set(labels)
    for index, reference in enumerate(references):
        if normalise(reference) not in known:
            _bad_reference("classification", index, "is none of the labels", "name all labels, or leave labels out")

    def score(output: str, reference: str) -> Scored:
        named = _labels_named(normalise(output), labels, known)
        if len(named) != 1:
            return Scored(0.0, "names several labels" if named else "names no label")
        return _flag(named == {normalise(reference)})

    return score


def _labels_named(text: str, labels: Sequence[str], known: set[str]) -> set[str]:
    if text in known:
        return {text}
    padded, named = f" {text} ", set()
    for label in labels:
        if f" {label} " in padded:
            named.add(label)
            padded = padded.replace(f" {label} ", " | ")
    return named


@scorer(
    JUDGE,
    binary=False,
    formula="(outcome shown first + outcome shown second) / 2; outcome: win over the reference 1, tie 1/2, loss 0",
    arguments={
        "model": "PROFILE/MODEL of the judge, required",
        "criterion": "what to decide by; else which answer is more correct and more useful",
    },
)
def judge(arguments: Mapping[str, str], references: Sequence[str]) -> Score:
    """A model compares the output with the reference, blind and in both orders; a reply without a verdict is failed.

    Models are asked by `evaluate.judge`; what is bound here is the stand-in by which trivial candidates are fitted.
    """
    if not arguments.get("model"):
        raise ScorerError(JUDGE, "it needs a model", "give --scorer-arg model=PROFILE/MODEL")
    return token_f1({}, references)
