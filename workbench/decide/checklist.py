"""The checklist: is fine-tuning the right thing here? Questions in four groups, each with evidence.

The groups and questions are those of Microsoft's *Generative AI for Beginners*, lesson 18; the words are ours. The app
ticks nothing that was not measured: a question without a measurement is open until the person answers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from workbench.catalog.figure import Figure

Group = Literal["use-case", "alternatives", "costs", "benefits"]
Status = Literal["answered", "measured", "open"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the checklist."""

    id: str
    group: Group
    question: str
    why: str


class Evidence(BaseModel):
    """What speaks to a question: a measurement of ours, a published fact, or the person's word."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["measured", "quoted", "estimated", "recorded", "person"]
    text: str
    figure: Figure | None = None
    source: str | None = None
    """The run, job or table it comes from."""


class ChecklistItem(BaseModel):
    """A question with its evidence and where it stands."""

    model_config = ConfigDict(extra="allow")

    id: str
    group: Group
    question: str
    why: str
    status: Status
    evidence: list[Evidence] = Field(default_factory=list)


class PersonAnswer(Protocol):
    """What a person said to a question; `status` is `open` while nothing is said."""

    @property
    def status(self) -> str:
        """`yes`, `no` or `open`."""
        ...

    @property
    def text(self) -> str:
        """In their own words."""
        ...


QUESTIONS: tuple[Question, ...] = (
    Question(
        "use-case",
        "use-case",
        "What is the one task that the model should do?",
        "A tuned model is narrow. If the task cannot be said in a sentence, no test set can stand for it.",
    ),
    Question(
        "aspect",
        "use-case",
        "What does the base model do wrong on it today?",
        "Tuning teaches form, style and a way of answering; new facts it teaches badly. It depends on what is wrong.",
    ),
    Question(
        "prompt-engineering",
        "alternatives",
        "How well does a better prompt do, with examples in it?",
        "It takes an hour and no training. It is the baseline that a tuned model has to beat, on the same items.",
    ),
    Question(
        "rag",
        "alternatives",
        "How well does looking things up do?",
        "Where knowledge is missing, retrieval brings it in, stays current and names its source. Tuning does neither.",
    ),
    Question(
        "tunability",
        "costs",
        "Can this model be tuned, by you, today and next year?",
        "Providers end training and retire models. Whatever was tuned on a model ends with it.",
    ),
    Question(
        "effort",
        "costs",
        "Who prepares the data, measures the result, and does it again?",
        "The job is the small part. Data go stale and models change, so it is never done once.",
    ),
    Question(
        "compute",
        "costs",
        "What do training and hosting take?",
        "Training is paid once; a hosted tuned model may cost by the hour while nobody asks it anything.",
    ),
    Question(
        "data",
        "costs",
        "Are there enough good examples, and none of them in the test set?",
        "Some dozens of clean examples are a start. Wrong ones are learned as well as right ones, and a leak makes "
        "every figure here worthless.",
    ),
    Question(
        "quality",
        "benefits",
        "Is the tuned model better than the best alternative?",
        "Tuning can also make a model worse. Only the same items, scored the same way, with an interval, can tell.",
    ),
    Question(
        "cost",
        "benefits",
        "Does it make a request cheaper or faster?",
        "What was learned need not be said again: prompts get shorter, and a smaller model may be enough.",
    ),
    Question(
        "extensibility",
        "benefits",
        "Can the same base, data and test serve the next task?",
        "Adapters on one base share its host. A pipeline that can be run again is worth more than one good model.",
    ),
)


def build(
    evidence: Mapping[str, list[Evidence]], answers: Mapping[str, PersonAnswer], settled: set[str]
) -> list[ChecklistItem]:
    """The checklist with evidence by question id; `settled` are the questions that a measurement answers."""
    items = []
    for question in QUESTIONS:
        found = list(evidence.get(question.id, []))
        answer = answers.get(question.id)
        status: Status = "open"
        if answer is not None and (answer.text.strip() or answer.status in ("yes", "no")):
            said = ": ".join(part for part in (answer.status if answer.status != "open" else "", answer.text) if part)
            found.append(Evidence(kind="person", text=said, source="the person"))
            status = "answered"
        if question.id in settled:
            status = "measured"
        items.append(
            ChecklistItem(
                id=question.id, group=question.group, question=question.question, why=question.why, status=status,
                evidence=found,
            )
        )  # fmt: skip
    return items
