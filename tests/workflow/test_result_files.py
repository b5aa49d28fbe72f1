"""A job's result file as series, whichever way its provider writes it."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.result_files import result_series

MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.mark.parametrize(
    ("flavour", "column"),
    [("openai", "valid_mean_token_accuracy"), ("azure", "validation_mean_token_accuracy")],
)
async def test_both_spellings_are_one_series(context: Context, flavour: str, column: str) -> None:
    """OpenAI's comes in base64, Azure's is plain; a cell that is empty is no point."""
    with FakeProvider(flavour=flavour) as fake:
        there = Context(home=context.home, cache=context.cache, environ=fake.environ)
        made = fake._work.create({"model": MODEL, "training_file": "file-1"})
        fake.add_result(f"step,train_loss,{column}\n1,2.5,\n2,1.5,0.75\n")
        found = await result_series(there, made["id"])
    assert found == {"train_loss": [(1, 2.5), (2, 1.5)], "valid_mean_token_accuracy": [(2, 0.75)]}


async def test_without_a_table_it_says_where_the_numbers_are(context: Context, provider: FakeProvider) -> None:
    """None yet, and one that is something else."""
    made = provider._work.create({"model": MODEL, "training_file": "file-1"})
    with pytest.raises(WorkbenchError, match="has no result file") as caught:
        await result_series(context, made["id"])
    assert caught.value.hint == f"`ftwb job series {made['id']}` has what its events said"
    provider.add_result("<html>nothing here</html>")
    with pytest.raises(WorkbenchError, match="is no table of numbers by step"):
        await result_series(context, made["id"])
