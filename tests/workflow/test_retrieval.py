"""`+rag:K:dense` through a provider's embeddings endpoint, and the settings of retrieval."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL
from workbench.errors import WorkbenchError
from workbench.evaluate.task import RagSettings
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.measure import measure, quote_run
from workbench.workflow.project import Project
from workbench.workflow.runs import run_items

DENSE = f"openai/{MODEL}+rag:2:dense"


def embedded(provider: FakeProvider) -> list[str]:
    return [text for one in provider.requests if one.path.endswith("/embeddings") for text in one.json["input"]]


@pytest.fixture
def task(project: Project, tmp_path: Path):
    """Twelve items and a folder with one passage about each."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for line, number in enumerate(range(2000, 2012)):
        (folder / f"{line:02}.md").write_text(f"Item {number}: shelf notes\n\n" + "filler words here " * 12)
    return project.task.model_copy(update={"docs": str(folder), "train": None, "rag": RagSettings(chunk=120)})


async def test_passages_are_found_by_the_profiles_embedding_model(
    context: Context, provider: FakeProvider, project: Project, task
) -> None:
    quote = await quote_run(context, project, [DENSE], task=task, limit=3)
    assert quote.needs_yes and "texts to embed" in str(quote.cost.source) and embedded(provider) == []
    result = await measure(context, project, [DENSE], task=task, limit=3)
    assert result.task.rag.chunk == 120, "the settings are recorded with the run"
    calls = [one for one in provider.requests if one.path.endswith("/embeddings")]
    assert {one.json["model"] for one in calls} == {"text-embedding-3-small"}
    texts = embedded(provider)
    assert len(texts) == len(set(texts)) and all(len(text) <= 120 for text in texts if "Item 2" not in text[:8])
    row = next(one for one in run_items(context, project, result.run) if one.candidate == DENSE and one.index == 1)
    assert "Item 2001: shelf notes" in row.messages[-1]["content"].split("[2]")[0], "the nearest comes first"
    before = len(texts)
    await measure(context, project, [DENSE, f"openai/{MODEL}+rag:1:dense"], task=task, limit=3)
    assert len(embedded(provider)) == before, "vectors are kept by content"
    assert not (await quote_run(context, project, [DENSE], task=task, limit=3)).needs_yes


async def test_another_profiles_model_can_embed_for_a_model_that_has_none(
    context: Context, provider: FakeProvider, project: Project, task
) -> None:
    local = "local/starter+rag:2:dense"
    with pytest.raises(WorkbenchError, match="profile local: has no embeddings endpoint") as caught:
        await measure(context, project, [local], task=task, limit=2)
    assert "--rag embeddings=PROFILE/MODEL" in caught.value.hint
    named = task.model_copy(update={"rag": RagSettings(embeddings="openai/other-embeddings")})
    await measure(context, project, [DENSE], task=named, limit=2)
    calls = [one.json["model"] for one in provider.requests if one.path.endswith("/embeddings")]
    assert set(calls) == {"other-embeddings"}
    elsewhere = task.model_copy(update={"rag": RagSettings(embeddings="local/starter")})
    with pytest.raises(WorkbenchError, match="profile local: has no embeddings endpoint"):
        await measure(context, project, [DENSE], task=elsewhere, limit=2)


async def test_a_ceiling_needs_a_price_for_embedding_too(
    context: Context, provider: FakeProvider, project: Project, task
) -> None:
    unknown = task.model_copy(update={"max_cost": 1.0, "rag": RagSettings(embeddings="openai/other-embeddings")})
    with pytest.raises(WorkbenchError, match="its embedding model openai/other-embeddings has no known price"):
        await measure(context, project, [DENSE], task=unknown, limit=2)
    await measure(context, project, [DENSE], task=task.model_copy(update={"max_cost": 1.0}), limit=2)
    assert embedded(provider), "the price of OpenAI's own models is in the catalogue"


async def test_answers_of_another_shape_are_said(
    context: Context, provider: FakeProvider, project: Project, task
) -> None:
    provider.embedding = lambda text: []
    with pytest.raises(WorkbenchError, match="not in the shape of OpenAI's API"):
        await measure(context, project, [DENSE], task=task, limit=2)
