"""One job from its folder: load, resume, train, save."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import checkpoints, settings
from .failures import TrainingFailed, explain
from .journal import Journal

if TYPE_CHECKING:
    from .callback import JobCallback


class _Stop:
    """Remembers a SIGTERM that came before there was a step to end."""

    def __init__(self) -> None:
        self.asked = False
        self.callback: JobCallback | None = None
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True
        if self.callback is not None:
            self.callback.stop_requested = True


def main(job_dir: Path) -> int:
    """Train, and write how it ended; 0 when finished or stopped, 1 when failed."""
    journal = Journal(job_dir, active=settings.world_rank() == 0)
    stop = _Stop()
    try:
        journal.open()
        reason = _train(job_dir, journal, stop)
    except Exception as error:  # noqa: BLE001 - the outermost frame: whatever ends a training is reported
        traceback.print_exc()
        shutil.rmtree(job_dir / "scratch", ignore_errors=True)  # first: on a full disk it makes room for the report
        _report_failure(journal, explain(error))
        return 1
    journal.emit(reason)
    journal.save_state(reason)
    return 0


def _report_failure(journal: Journal, reason: dict[str, str]) -> None:
    try:
        journal.emit("error", **reason)
        journal.save_state("failed", reason)
    except OSError as error:  # a full disk can refuse even this: the log and the exit status remain
        print(f"could not write the state: {error}", file=sys.stderr)


def _train(job_dir: Path, journal: Journal, stop: _Stop) -> str:
    job = json.loads((job_dir / "settings.json").read_text(encoding="utf-8"))
    if (job_dir / "model" / "adapter_config.json").exists():
        return "finished"
    if journal.active:
        checkpoints.clean(job_dir)
    # TRL sets a name that transformers has deprecated, and says so at every start
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
    from .callback import JobCallback

    resumed = checkpoints.newest(job_dir)
    train = _load_tokens(job_dir / job["train"])
    validation = _load_tokens(job_dir / job["validation"]) if job.get("validation") else None
    arguments = settings.build_arguments(
        job["settings"], scratch=job_dir / "scratch", seed=int(job["seed"]), validation=validation is not None
    )
    callback = JobCallback(journal, job_dir, job["settings"].get("save_steps"), resumed)
    trainer = _trainer(job, arguments, train, validation, callback)
    stop.callback = callback
    callback.stop_requested = stop.asked
    if stop.asked:
        return "stopped"
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    if callback.stopped and trainer.state.global_step < trainer.state.max_steps:
        return "stopped"
    if validation is not None:
        if callback.last_eval is None or callback.last_eval[0] != trainer.state.global_step:
            trainer.evaluate()
        assert callback.last_eval is not None
        found = callback.last_eval[1]
        journal.emit(
            "eval",
            full_valid_loss=found.get("valid_loss"),
            full_valid_mean_token_accuracy=found.get("valid_mean_token_accuracy"),
        )
    _save_model(trainer, job_dir, journal)
    return "finished"


def _load_tokens(path: Path) -> Any:
    """The tokenized records as a dataset in memory: `input_ids` and `completion_mask`."""
    from datasets import Dataset

    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    if not rows:
        raise TrainingFailed("no_records", f"{path.name} has no record to train on")
    return Dataset.from_list([{key: row[key] for key in ("input_ids", "completion_mask")} for row in rows])


def _trainer(job: dict[str, Any], arguments: Any, train: Any, validation: Any, callback: JobCallback) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
    from trl import SFTTrainer

    base = job["base"]["path"]
    # fp32 weights on a CPU; on a GPU the frozen base in bfloat16, while PEFT keeps the adapter in fp32.
    dtype = torch.bfloat16 if arguments.bf16 and torch.cuda.is_available() else torch.float32
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=dtype, trust_remote_code=False, use_safetensors=True, local_files_only=True
    )
    tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False, local_files_only=True)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=validation,
        processing_class=tokenizer,
        peft_config=settings.build_lora(job["settings"]),
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    callback.trainer = trainer
    return trainer


def _save_model(trainer: Any, job_dir: Path, journal: Journal) -> None:
    """The adapter as `model/`, complete when it is visible."""
    scratch = job_dir / "scratch" / "model"
    trainer.save_model(str(scratch))
    if journal.active:
        checkpoints.publish(scratch, job_dir / "model")
        shutil.rmtree(job_dir / "scratch", ignore_errors=True)
