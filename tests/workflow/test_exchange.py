"""lm-eval through the workflow: where a candidate is reached, and results as runs that judge nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL
from workbench.errors import WorkbenchError
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.exchange import export_lm_eval, import_lm_eval
from workbench.workflow.judge import judge
from workbench.workflow.project import Project
from workbench.workflow.runs import list_runs, run_items


def written(folder: Path, model: str, scores: list[float]) -> Path:
    folder.mkdir()
    table = {"acc,none": sum(scores) / len(scores), "acc_stderr,none": 0.1}
    whole = {"results": {"arc": table}, "config": {"model_args": f"pretrained={model},dtype=float32"}}
    (folder / "results_d.json").write_text(json.dumps(whole))
    lines = [{"doc_id": at, "doc_hash": f"{at}", "target": "x", "acc": score} for at, score in enumerate(scores)]
    (folder / "samples_arc_d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "results_d.json"


def test_a_local_candidate_is_reached_where_it_is_served_and_a_hosted_one_at_its_provider(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    hosted = export_lm_eval(context, f"openai/{MODEL}", project.task, ["gsm8k"])
    assert f"base_url={provider.base_url}/chat/completions" in hosted.command and hosted.key == "OPENAI_API_KEY"
    local = export_lm_eval(context, "local/starter", project.task, ["gsm8k"])
    assert "base_url=http://127.0.0.1:8765/v1/chat/completions" in local.command and local.key == "FTWB_API_KEY"
    assert "base_url=https://gpu:9/v1/" in export_lm_eval(
        context, "local/starter", project.task, ["x"], "https://gpu:9/v1"
    ).command  # fmt: skip
    with pytest.raises(WorkbenchError):
        export_lm_eval(context, "azure/deployment", project.task, ["gsm8k"])
    assert provider.api_key not in hosted.command


def test_results_become_a_run_that_is_marked_and_judges_nobody(
    context: Context, project: Project, tmp_path: Path
) -> None:
    paths = [written(tmp_path / "a", "org/base", [1.0, 0.0] * 30), written(tmp_path / "b", "org/tuned", [1.0] * 60)]
    (run,) = import_lm_eval(context, project, paths)
    assert [row.candidate for row in run.candidates] == ["lm-eval/org/base", "lm-eval/org/tuned"]
    assert list_runs(context, project)[0] == run and run.imported == "lm-eval: arc, acc,none"
    assert len(run_items(context, project, run.run)) == 120
    assert judge(context, project).run is None
    with pytest.raises(WorkbenchError, match="was measured by another program"):
        judge(context, project, run_id=run.run)


def test_files_can_be_named_and_must_be_told_apart(context: Context, project: Project, tmp_path: Path) -> None:
    paths = [written(tmp_path / "a", "same", [1.0]), written(tmp_path / "b", "same", [0.0])]
    with pytest.raises(WorkbenchError, match="a second result is called lm-eval/same"):
        import_lm_eval(context, project, paths)
    with pytest.raises(WorkbenchError, match="1 candidates are named for 2 results files"):
        import_lm_eval(context, project, paths, ["local/starter"])
    (run,) = import_lm_eval(context, project, paths, ["local/starter", "local/ft:x"])
    assert [row.candidate for row in run.candidates] == ["local/starter", "local/ft:x"]
    assert len(list_runs(context, project)) == 1, "what was refused left nothing"
