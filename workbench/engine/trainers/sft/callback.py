"""What happens at each step: progress lines, checkpoints, stopping, and the guard against a loss that is no number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from . import checkpoints
from .failures import TrainingFailed
from .journal import Journal

TOKENS_FILE = "tokens.json"
"""In a checkpoint: tokens seen so far, since TRL's own count starts at 0 after a resume."""

LOG_KEYS = {
    "loss": "train_loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "mean_token_accuracy": "train_mean_token_accuracy",
    "num_tokens": "tokens",
    "entropy": "train_entropy",
    "epoch": "epoch",
}
EVAL_KEYS = {"eval_loss": "valid_loss", "eval_mean_token_accuracy": "valid_mean_token_accuracy", "epoch": "epoch"}


class JobCallback(TrainerCallback):  # type: ignore[misc]
    """Ties TRL's trainer to the job folder."""

    def __init__(self, journal: Journal, job_dir: Path, save_steps: float | None, resumed: Path | None) -> None:
        self.journal = journal
        self.job_dir = job_dir
        self.save_steps = save_steps
        self.resumed = resumed
        self.trainer: Any = None
        self.stop_requested = False
        self.stopped = False
        self.last_eval: tuple[int, dict[str, float]] | None = None
        self._tokens_before = _tokens_of(resumed)
        self._tokens = self._tokens_before
        self._saved_step = checkpoints.step_of(resumed) if resumed else 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The number of steps is known now."""
        self.journal.step, self.journal.total_steps = state.global_step, state.max_steps
        self.save_steps = _interval(self.save_steps, state.max_steps)
        self.journal.save_state()
        self.journal.emit(
            "started",
            resumed_from=f"checkpoints/{self.resumed.name}" if self.resumed else None,
            epochs=args.num_train_epochs,
            bf16=bool(args.bf16),
            device=str(args.device),
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Save when it is time, stop when asked to."""
        self.journal.step = state.global_step
        self.journal.save_state()
        if self._any_process_stops():
            self.stopped = True
            control.should_save = control.should_training_stop = True
        elif self.save_steps and state.global_step % self.save_steps == 0:
            control.should_save = True
        control.should_save = control.should_save and state.global_step != self._saved_step
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """An epoch's end is a checkpoint worth keeping."""
        control.should_save = state.global_step != self._saved_step
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """One line a logged step; the summary at the end and evaluation's lines have no `loss`."""
        if not logs or "loss" not in logs:
            return
        data = {ours: logs[theirs] for theirs, ours in LOG_KEYS.items() if theirs in logs}
        if "tokens" in data:
            self._tokens = int(self._tokens_before + data["tokens"])
            data["tokens"] = self._tokens
        # fp16 finds its loss scale by gradients that overflow; such steps are skipped and harm nothing
        for name in ("train_loss",) if getattr(args, "fp16", False) else ("train_loss", "grad_norm"):
            if name in data and not math.isfinite(data[name]):
                raise TrainingFailed(
                    "loss_not_finite",
                    f"{name} became {data[name]} at step {state.global_step}; use a smaller learning_rate",
                )
        self.journal.step = state.global_step
        self.journal.emit("log", **data)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
        """One line an evaluation."""
        data = {ours: metrics[theirs] for theirs, ours in EVAL_KEYS.items() if theirs in metrics}
        self.last_eval = (state.global_step, data)
        self.journal.emit("eval", **data)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The trainer has written its checkpoint into its scratch folder: publish it."""
        self.trainer.accelerator.wait_for_everyone()
        self._saved_step = state.global_step
        if not self.journal.active:
            return
        source = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (source / TOKENS_FILE).write_text(json.dumps({"tokens": self._tokens}))
        target = self.job_dir / "checkpoints" / f"step-{state.global_step}"
        checkpoints.publish(source, target)
        checkpoints.prune(self.job_dir)
        self.journal.emit("checkpoint", path=f"checkpoints/{target.name}")

    def _any_process_stops(self) -> bool:
        """Whether this process, or any other of a distributed run, was told to stop: all must agree on the step."""
        if self.trainer.accelerator.num_processes == 1:
            return self.stop_requested
        import torch

        asked = torch.tensor(int(self.stop_requested), device=self.trainer.accelerator.device)
        return bool(self.trainer.accelerator.reduce(asked, "sum").item())


def _interval(save_steps: float | None, total_steps: int) -> int:
    """Steps between checkpoints: as set (below 1: a share of all), else a tenth of the run, 5 at least."""
    if not save_steps:
        return max(5, total_steps // 10)
    return max(1, math.ceil(save_steps * total_steps)) if save_steps < 1 else int(save_steps)


def _tokens_of(checkpoint: Path | None) -> int:
    if checkpoint is None or not (checkpoint / TOKENS_FILE).exists():
        return 0
    return int(json.loads((checkpoint / TOKENS_FILE).read_text())["tokens"])
