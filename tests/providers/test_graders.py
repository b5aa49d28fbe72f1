"""Graders are checked before they are sent; what passes fits the published document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.openai_spec import check
from workbench.errors import WorkbenchError
from workbench.providers.graders import check_grader, read_grader

STRING = {"type": "string_check", "name": "a", "input": "{{sample.output_text}}", "reference": "x", "operation": "eq"}
SIMILAR = {"type": "text_similarity", "name": "b", "input": "i", "reference": "r", "evaluation_metric": "rouge_l"}
PYTHON = {"type": "python", "name": "c", "source": "def grade(sample, item):\n    return 1.0\n"}
MODEL = {"type": "score_model", "name": "d", "model": "gpt-4.1", "input": [{"role": "user", "content": "rate it"}]}
MULTI = {"type": "multi", "name": "e", "graders": {"a": STRING, "c": PYTHON}, "calculate_output": "(a + c) / 2"}


@pytest.mark.parametrize(
    ("schema", "grader"),
    [
        ("GraderStringCheck", STRING),
        ("GraderTextSimilarity", SIMILAR),
        ("GraderPython", PYTHON),
        ("GraderScoreModel", MODEL),
    ],
)
def test_what_passes_fits_the_document(schema: str, grader: dict[str, Any]) -> None:
    check_grader(grader)
    check(schema, grader)


def test_a_multi_grader_names_others() -> None:
    """The document has one grader where the API takes several by name, so there is nothing to hold it against."""
    check_grader(MULTI)


@pytest.mark.parametrize(
    ("grader", "said"),
    [
        ([], "grader: is no JSON object"),
        ({"type": "magic"}, "has the type 'magic'; there are string_check"),
        ({**STRING, "operation": "equals"}, "has the operation 'equals'; there are eq, ne, like, ilike"),
        ({**SIMILAR, "evaluation_metric": "rouge"}, "has the evaluation_metric 'rouge'"),
        ({key: value for key, value in STRING.items() if key != "reference"}, "lacks 'reference'"),
        ({**PYTHON, "source": "def grade(sample, item:"}, "has a source that is not Python (line 1"),
        ({**PYTHON, "source": "def grade(sample):\n    return 1"}, "has no function grade(sample, item)"),
        ({**PYTHON, "source": "#" * 300_000}, "more than 256 kB"),
        ({**MODEL, "input": "rate it"}, "lacks 'input'; give input as a list of messages"),
        ({**MULTI, "graders": {"a": {**STRING, "operation": "x"}}}, "grader 'a': has the operation 'x'"),
        ({**MULTI, "graders": {"m": MULTI}}, "is a multi grader inside another"),
        ({**MULTI, "calculate_output": ""}, "lacks 'calculate_output'"),
    ],
)
def test_what_is_wrong_is_named(grader: Any, said: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        check_grader(grader)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_is_read_json_or_python(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps(STRING))
    (tmp_path / "score.py").write_text(PYTHON["source"])
    assert read_grader(tmp_path / "g.json") == STRING
    assert read_grader(tmp_path / "score.py") == {**PYTHON, "name": "score"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("g.json", b"{", "is not JSON (line 1"),
        ("g.json", b"\xff", "is not UTF-8 text"),
        ("none.json", None, "no such file"),
        ("bad.py", b"x = 1", "has no function grade"),
    ],
)
def test_a_file_that_is_no_grader_is_named(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WorkbenchError) as caught:
        read_grader(tmp_path / name)
    assert said in str(caught.value)
