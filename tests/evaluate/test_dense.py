"""Retrieval by vectors: exact, cached by content, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluate.asking import Asker, OverBudget
from workbench.evaluate.budget import Budget
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.dense import BATCH, build_index
from workbench.evaluate.ledger import AnswerCache
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.retrieval import Passage
from workbench.evaluate.task import Item, RagSettings

ANIMALS = {
    "cat": [1.0, 0.1],
    "dog": [0.9, 0.3],
    "car": [0.0, 2.0],
    "what purrs?": [3.0, 0.2],
    "what drives?": [0.1, 1.0],
}


class FakeEmbedder:
    """Vectors by name; notes what it was asked for."""

    profile, identity = "openai", "openai/fake-embeddings"

    def __init__(self, vectors: dict[str, list[float]] = ANIMALS, cost: float | None = 0.01) -> None:
        self.vectors, self.cost, self.asked = vectors, cost, []

    def costs_at_most(self, texts: Sequence[str]) -> float | None:
        return None if self.cost is None else self.cost * len(texts)

    async def __call__(self, texts: Sequence[str]) -> tuple[list[list[float]], float | None]:
        self.asked += texts
        assert len(texts) <= BATCH
        return [self.vectors.get(text, [float(len(text)), 1.0]) for text in texts], self.costs_at_most(texts)


def tear_all(folder: Path) -> None:
    for path in folder.rglob("*.f32"):
        path.write_bytes(b"\x00" * 3)


def asker(tmp_path: Path, ceiling: float | None = None) -> Asker:
    return Asker(AnswerCache(tmp_path / "answers"), Budget(ceiling))


async def test_the_nearest_are_those_by_cosine_whatever_the_length(tmp_path: Path) -> None:
    corpus = ["car", "dog", "cat"]
    index = await build_index(corpus, ["what purrs?", "what drives?"], FakeEmbedder(), asker(tmp_path), tmp_path)
    assert [corpus[at] for at in index.nearest("what purrs?", 2)] == ["cat", "dog"]
    assert [corpus[at] for at in index.nearest("what drives?", 3)] == ["car", "dog", "cat"]


async def test_every_text_is_embedded_once_in_all_runs(tmp_path: Path) -> None:
    """Also where it stands in the corpus twice; a vector that was torn is asked for again."""
    first = FakeEmbedder()
    await build_index(["cat", "cat", "dog"], ["what purrs?"], first, asker(tmp_path), tmp_path)
    assert sorted(first.asked) == ["cat", "dog", "what purrs?"]
    again = FakeEmbedder()
    await build_index(["cat", "car"], ["what purrs?"], again, asker(tmp_path), tmp_path)
    assert again.asked == ["car"]
    tear_all(tmp_path)
    torn = FakeEmbedder()
    await build_index(["cat"], [], torn, asker(tmp_path), tmp_path)
    assert torn.asked == ["cat"]


async def test_embedding_keeps_to_the_budget(tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(3 * BATCH)]
    ask, embedder = asker(tmp_path, ceiling=BATCH * 0.01 * 1.5), FakeEmbedder()
    with pytest.raises(OverBudget):
        await build_index(texts, [], embedder, ask, tmp_path)
    assert len(embedder.asked) == BATCH and ask.budget.spent == pytest.approx(BATCH * 0.01)


async def test_vectors_of_different_lengths_are_said(tmp_path: Path) -> None:
    odd = FakeEmbedder({"cat": [1.0, 0.0], "dog": [1.0, 0.0, 0.0]})
    with pytest.raises(WorkbenchError, match="different lengths"):
        await build_index(["cat", "dog"], [], odd, asker(tmp_path), tmp_path)


def item(question: str) -> Item:
    return Item(0, ({"role": "user", "content": question},), "an animal", "sha")


async def test_prompts_hold_what_the_vectors_found(tmp_path: Path) -> None:
    maker = PromptMaker(passages=[Passage("a.md", text) for text in ("car", "dog", "cat")])
    candidate = parse_candidate("openai/m+rag:1:dense")
    maker.dense[candidate.text] = await build_index(
        maker.corpus, ["what purrs?"], FakeEmbedder(), asker(tmp_path), tmp_path
    )
    assert "[1] cat" in maker.messages(candidate, item("what purrs?"))[-1]["content"]
    assert maker.messages(parse_candidate("openai/m+rag:1"), item("what purrs?"))[-1]["content"] == "what purrs?"


def test_the_template_of_the_task_is_what_is_sent() -> None:
    """Braces in a template, a passage or a question are text."""
    rag = RagSettings(template='{"context": "{passages}", "q": "{question}"}')
    maker = PromptMaker(passages=[Passage("a.md", "a dog {question}")], rag=rag)
    sent = maker.messages(parse_candidate("x/m+rag:1"), item("dog {passages}?"))[-1]["content"]
    assert sent == '{"context": "[1] a dog {question}", "q": "dog {passages}?"}'
    with pytest.raises(ValueError, match=r"does not hold \{question\}"):
        RagSettings(template="{passages}")
