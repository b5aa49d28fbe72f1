"""Jobs of the engine, by the SDK over its socket, with a trainer that only pretends."""

from __future__ import annotations

import base64
import json

import openai
import psutil
import pytest

from tests.engine.engine_process import EngineProcess, until
from tests.engine.engine_training import RECORDS, create, upload
from tests.engine.openai_spec import check


def wire(engine: EngineProcess, path: str) -> dict:
    with engine.http() as http:
        return http.get(f"/v1/fine_tuning/jobs{path}").raise_for_status().json()


def messages(engine: EngineProcess, job_id: str) -> list[str]:
    events = list(engine.sdk().fine_tuning.jobs.list_events(job_id, limit=7))
    return [event.message for event in reversed(events)]


def test_a_job_runs_to_its_end_in_openais_shapes(engine: EngineProcess) -> None:
    """Every body on the way fits the SDK's strict types and OpenAI's published schemas."""
    training, validation = upload(engine), upload(engine, name="validation.jsonl")
    job = create(
        engine, training_file=training, validation_file=validation, suffix="My model!", seed=3, metadata={"a": "b"}
    )
    assert (job.status, job.error, job.fine_tuned_model, job.finished_at) == ("validating_files", None, None, None)
    check("FineTuningJob", wire(engine, f"/{job.id}"))
    assert engine.wait(job.id, "succeeded", "failed") == "succeeded"
    done = engine.sdk().fine_tuning.jobs.retrieve(job.id)
    check("FineTuningJob", wire(engine, f"/{job.id}"))
    assert done.fine_tuned_model is not None
    assert done.fine_tuned_model.startswith("ft:starter:local:My-model:")
    assert len(done.fine_tuned_model.rpartition(":")[2]) == 8
    assert (done.error, done.seed, done.metadata) == (None, 3, {"a": "b"})
    assert (done.training_file, done.validation_file) == (training, validation)
    # 12 records: the cookbook's heuristic gives 100 // 12 epochs; 10 tokens a record
    assert done.hyperparameters.model_dump() == {"n_epochs": 8, "batch_size": 3, "learning_rate_multiplier": 1.0}
    assert done.trained_tokens == 12 * 10 * 8
    assert done.method is not None and done.method.type == "supervised"
    assert done.created_at <= done.finished_at


def test_events_are_openais_newest_first(engine: EngineProcess) -> None:
    training, validation = upload(engine), upload(engine)
    job = create(engine, training_file=training, validation_file=validation, settings={"steps": 5})
    engine.wait(job.id, "succeeded")
    found = wire(engine, f"/{job.id}/events?limit=1000")
    check("ListFineTuningJobEventsResponse", found)
    assert found["has_more"] is False
    told = [event["message"] for event in reversed(found["data"])]
    result = engine.record(job.id)["result_files"][0]
    model = engine.record(job.id)["model_id"]
    assert told == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {training}",
        f"Validating validation file: {validation}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Step 1/5: training loss=1.00",
        "Step 2/5: training loss=0.50",
        "Step 3/5: training loss=0.33",
        "Step 4/5: training loss=0.25",
        "Step 5/5: training loss=0.20",
        "Step 5/5: training loss=0.20, validation loss=0.40",
        "Checkpoint created at step 5",
        "Step 5/5: training loss=0.20, full validation loss=0.40",
        f"Created results file: {result}",
        f"New fine-tuned model created: {model}",
        "The job has successfully completed",
    ]
    metrics = next(event for event in found["data"] if event["message"] == "Step 2/5: training loss=0.50")
    assert metrics["type"] == "metrics"
    assert metrics["data"] == {
        "step": 2, "total_steps": 5, "train_loss": 0.5, "learning_rate": 0.001, "train_mean_token_accuracy": 0.4,
        "tokens": 14,
    }  # fmt: skip
    assert found["data"][0]["data"] == {}
    assert found["data"][0]["type"] == "message"


def test_events_are_paged_with_a_cursor(engine: EngineProcess) -> None:
    job = create(engine)
    engine.wait(job.id, "succeeded")
    everything = wire(engine, f"/{job.id}/events?limit=1000")["data"]
    first = wire(engine, f"/{job.id}/events?limit=3")
    assert (first["data"], first["has_more"]) == (everything[:3], True)
    rest = wire(engine, f"/{job.id}/events?limit=1000&after={first['data'][-1]['id']}")
    assert (rest["data"], rest["has_more"]) == (everything[3:], False)


def test_checkpoints_carry_the_metrics_of_their_step(engine: EngineProcess) -> None:
    job = create(engine, validation_file=upload(engine), settings={"steps": 10, "checkpoint_every": 5})
    engine.wait(job.id, "succeeded")
    found = wire(engine, f"/{job.id}/checkpoints")
    check("ListFineTuningJobCheckpointsResponse", found)
    assert [item["step_number"] for item in found["data"]] == [10, 5]
    five = found["data"][1]
    assert five["fine_tuned_model_checkpoint"] == f"{engine.record(job.id)['model_id']}:ckpt-step-5"
    assert (five["metrics"]["train_loss"], five["metrics"]["valid_loss"]) == (0.2, 0.4)


def test_the_result_file_is_openais_csv(engine: EngineProcess) -> None:
    job = create(engine, validation_file=upload(engine), settings={"steps": 5})
    engine.wait(job.id, "succeeded")
    result = engine.sdk().fine_tuning.jobs.retrieve(job.id).result_files[0]
    assert engine.sdk().files.retrieve(result).purpose == "fine-tune-results"
    lines = engine.sdk().files.content(result).read().decode().splitlines()
    assert lines[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert lines[1] == "1,1.0,0.2,,"
    assert lines[-1] == "5,0.2,1.0,0.4,0.5"
    with pytest.raises(ValueError):  # plain text, not OpenAI's base64
        base64.b64decode(lines[0], validate=True)


def test_the_manifest_says_what_made_the_model(engine: EngineProcess) -> None:
    job = create(engine, settings={"learning_rate": 0.002}, seed=7)
    engine.wait(job.id, "succeeded")
    with engine.http() as http:
        manifest = http.get(f"/ftwb/v1/manifest?job={job.id}").json()
    assert manifest["data"]["train"]["records"] == 12
    assert manifest["data"]["train"]["sha256"] == engine.record(job.id)["training"]["sha256"]
    assert manifest["base"]["sha256"] == "5" * 64
    assert len(manifest["template"]["sha256"]) == 64
    assert manifest["settings"]["learning_rate"] == 0.002
    assert manifest["settings"]["steps"] == 0, "defaults of the interpreter's trainer belong to the settings"
    assert (manifest["seed"], manifest["device"], manifest["status"]) == (7, "cpu", "succeeded")
    assert manifest["versions"]["packages"]["pydantic"]
    assert manifest["times"]["created"] <= manifest["times"]["started"] <= manifest["times"]["finished"]
    assert manifest["result"]["trained_tokens"] == 960
    assert (engine.job_dir(job.id) / "data" / "train.jsonl").read_bytes() == RECORDS


def test_jobs_train_one_at_a_time_in_order(engine: EngineProcess) -> None:
    first = create(engine, settings={"hold_at": 3})
    second = create(engine)
    engine.wait_step(first.id, 2)
    engine.wait(second.id, "queued")
    (engine.job_dir(first.id) / "go").touch()
    engine.wait(second.id, "succeeded")
    times = {job.id: engine.record(job.id)["launches"][0]["at"] for job in (first, second)}
    assert engine.record(first.id)["finished"] <= times[second.id]
    listed = wire(engine, "")
    check("ListPaginatedFineTuningJobsResponse", listed)
    assert [job["id"] for job in listed["data"]] == [second.id, first.id]


def test_the_list_is_filtered_and_paged(engine: EngineProcess) -> None:
    ids = [create(engine, metadata={"ftwb_run": str(number)}).id for number in range(3)]
    sdk = engine.sdk()
    assert [job.id for job in sdk.fine_tuning.jobs.list(metadata={"ftwb_run": "1"})] == [ids[1]]
    assert [job.id for job in sdk.fine_tuning.jobs.list(limit=1)] == list(reversed(ids))
    page = wire(engine, f"?limit=1&after={ids[2]}")
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([ids[1]], True)


def test_a_running_job_is_cancelled_at_once(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 3})
    engine.wait_step(job.id, 2)
    trainer = engine.trainer(job.id)
    gone = engine.sdk().fine_tuning.jobs.cancel(job.id)
    assert (gone.status, gone.fine_tuned_model) == ("cancelled", None)
    until(lambda: not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE, "the trainer's end")
    assert engine.sdk().fine_tuning.jobs.cancel(job.id).status == "cancelled", "asking again is no error"
    assert wire(engine, f"/{job.id}/events")["data"][0]["message"] == "Fine-tuning job cancelled"


def test_a_queued_job_is_cancelled(engine: EngineProcess) -> None:
    first, second = create(engine, settings={"hold_at": 1}), create(engine)
    engine.wait(second.id, "queued")
    assert engine.sdk().fine_tuning.jobs.cancel(second.id).status == "cancelled"
    assert engine.status(first.id) == "running"


def test_a_finished_job_cannot_be_cancelled(engine: EngineProcess) -> None:
    job = create(engine)
    engine.wait(job.id, "succeeded")
    for verb in ("cancel", "pause", "resume"):
        with pytest.raises(openai.BadRequestError) as caught:
            getattr(engine.sdk().fine_tuning.jobs, verb)(job.id)
        assert caught.value.param == "fine_tuning_job_id"


def test_pause_keeps_the_work_and_resume_goes_on(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 4, "checkpoint_every": 100})
    engine.wait_step(job.id, 3)
    with engine.http() as http:
        asked = http.post(f"/v1/fine_tuning/jobs/{job.id}/pause").json()
        assert asked["status"] in ("pausing", "paused")
        engine.wait(job.id, "paused")
        (engine.job_dir(job.id) / "go").touch()
        assert http.post(f"/v1/fine_tuning/jobs/{job.id}/resume").json()["status"] == "queued"
    engine.wait(job.id, "succeeded")
    assert engine.steps(job.id) == list(range(1, 11)), "each step once, none lost"
    assert [launch["from_step"] for launch in engine.record(job.id)["launches"]] == [0, 4]
    told = messages(engine, job.id)
    assert "Fine-tuning job paused at step 4" in told
    assert "Fine-tuning job resumed from step 4" in told


def test_a_paused_job_can_be_cancelled_and_frees_its_place(engine: EngineProcess) -> None:
    first, second = create(engine, settings={"hold_at": 1}), create(engine)
    engine.wait_step_started(first.id)
    with engine.http() as http:
        http.post(f"/v1/fine_tuning/jobs/{first.id}/pause")
    engine.wait(first.id, "paused")
    engine.wait(second.id, "succeeded")
    assert engine.sdk().fine_tuning.jobs.cancel(first.id).status == "cancelled"


def test_bad_data_fails_the_job_with_its_line(engine: EngineProcess) -> None:
    job = create(engine, training_file=upload(engine, b'{"ok": 1}\n{"bad": 1}\n'))
    engine.wait(job.id, "failed")
    failed = engine.sdk().fine_tuning.jobs.retrieve(job.id)
    check("FineTuningJob", wire(engine, f"/{job.id}"))
    assert failed.error is not None
    assert failed.error.model_dump() == {
        "message": "training_file, line 2: is bad", "code": "invalid_training_file", "param": "training_file",
    }  # fmt: skip
    assert failed.finished_at is not None
    newest = wire(engine, f"/{job.id}/events")["data"][0]
    assert (newest["level"], newest["message"]) == ("error", "Fine-tuning job failed: training_file, line 2: is bad")


def test_a_trainer_that_fails_says_why(engine: EngineProcess) -> None:
    job = create(engine, settings={"fail_at": 3, "fail_with": "the loss is no number", "fail_code": "loss_not_finite"})
    engine.wait(job.id, "failed")
    error = engine.record(job.id)["error"]
    assert (error["code"], error["message"]) == ("loss_not_finite", "the loss is no number")
    assert len(engine.record(job.id)["launches"]) == 1, "what fails by itself is not tried again"


def test_a_full_disk_pauses_the_job(engine: EngineProcess) -> None:
    job = create(engine, settings={"fail_at": 8, "fail_with": "No space left on device", "fail_code": "disk_full"})
    engine.wait(job.id, "paused")
    newest = wire(engine, f"/{job.id}/events")["data"][0]
    assert (newest["level"], newest["message"].split(":")[0]) == ("error", "The disk is full")


def test_a_trainer_that_dies_without_progress_is_given_up(engine: EngineProcess) -> None:
    """It is resumed three times; the end of its log is in the error."""
    job = create(engine, settings={"die_at": 3})
    engine.wait(job.id, "failed")
    record = engine.record(job.id)
    assert len(record["launches"]) == 4
    assert record["error"]["code"] == "trainer_died"
    assert "about to die" in record["error"]["message"]
    assert engine.steps(job.id) == [1, 2]


def test_dying_after_progress_is_forgiven(engine: EngineProcess) -> None:
    """Each launch gets a checkpoint further, so it is resumed more often than three times."""
    job = create(engine, settings={"checkpoint_every": 1, "step_s": 0.1, "steps": 7})
    pid = 0
    for step in range(1, 6):
        trainer = engine.trainer(job.id, other_than=pid)
        engine.wait_step(job.id, step)
        pid = trainer.pid
        trainer.kill()
    engine.wait(job.id, "succeeded")
    assert len(engine.record(job.id)["launches"]) == 6
    assert engine.steps(job.id) == list(range(1, 8))


def test_an_interpreter_that_is_not_there_fails_the_job(engine: EngineProcess) -> None:
    job = create(engine, extra_body={"ftwb": {"trainer_python": "/nowhere/python"}})
    engine.wait(job.id, "failed")
    error = engine.record(job.id)["error"]
    assert "/nowhere/python" in error["message"]
    assert error["param"] == "ftwb.trainer_python"


def test_an_interpreter_may_be_a_command(engine: EngineProcess) -> None:
    import sys

    job = create(engine, extra_body={"ftwb": {"trainer_python": f"/usr/bin/env -u FOO {sys.executable}"}})
    engine.wait(job.id, "succeeded")
    assert engine.record(job.id)["versions"]["executable"] == sys.executable


def test_the_trainers_environment_has_no_keys(engine: EngineProcess) -> None:
    job = create(engine)
    engine.wait(job.id, "succeeded")
    line = next(
        line for line in (engine.job_dir(job.id) / "train.log").read_text().splitlines() if line.startswith("environ")
    )
    environ = json.loads(line.removeprefix("environment "))
    assert engine.environ["SOME_API_KEY"] not in environ.values()
    assert (environ["OMP_WAIT_POLICY"], environ["HF_HUB_OFFLINE"]) == ("PASSIVE", "1")
    assert environ["TOKENIZERS_PARALLELISM"] == "false"


def test_legacy_hyperparameters_and_settings_meet(engine: EngineProcess) -> None:
    job = create(
        engine,
        hyperparameters={"n_epochs": 2, "learning_rate_multiplier": 0.5},
        settings={"per_device_train_batch_size": 4},
    )
    engine.wait(job.id, "succeeded")
    done = engine.sdk().fine_tuning.jobs.retrieve(job.id)
    assert done.hyperparameters.model_dump() == {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5}
    settings = json.loads((engine.job_dir(job.id) / "settings.json").read_text())["settings"]
    assert settings == {"num_train_epochs": 2, "per_device_train_batch_size": 4, "learning_rate": 0.0005}
    assert done.model_extra["ftwb"]["settings"] == {"per_device_train_batch_size": 4}


def test_a_base_model_that_is_not_here_yet_is_fetched(engine: EngineProcess) -> None:
    with engine.http() as http:
        lines = http.post("/ftwb/v1/pull", json={"model": "slow"}).text.splitlines()
    assert [json.loads(line)["phase"] for line in lines] == ["download", "download", "ready"]
    job = create(engine, model="slow")
    engine.wait(job.id, "succeeded")
