"""The jobs of a `FakeProvider`: their life goes on only when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

Flavour = Literal["openai", "azure"]
TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_AFTER = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}


class FakeClock:
    """Ids and times that never repeat and never depend on the machine."""

    def __init__(self) -> None:
        self._ids = 0
        self._now = 1_790_000_000

    def tick(self) -> int:
        """The next second."""
        self._now += 1
        return self._now

    def name(self, prefix: str) -> str:
        """The next id."""
        self._ids += 1
        return f"{prefix}-{self._ids:08d}fake"


class FakeJobs:
    """Jobs, events and checkpoints in the shapes that the services really send."""

    def __init__(self, flavour: Flavour, total_steps: int, clock: FakeClock, add_model: Callable[[str], None]) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.checkpoints: dict[str, list[dict[str, Any]]] = {}
        self._flavour: Flavour = flavour
        self._total_steps = total_steps
        self._clock = clock
        self._add_model = add_model

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A new job of a request's body."""
        made = {**_job(self._flavour, body), "id": self._clock.name("ftjob"), "created_at": self._clock.tick()}
        self.jobs[made["id"]], self.events[made["id"]], self.checkpoints[made["id"]] = made, [], []
        self.emit(made, f"Created fine-tuning job: {made['id']}")
        self.emit(made, f"Validating training file: {body['training_file']}")
        return made

    def job(self, job_id: str | None) -> dict[str, Any]:
        """A job, or the newest one. KeyError."""
        return self.jobs[job_id or next(reversed(self.jobs))]

    def act(self, job_id: str, action: str) -> str | None:
        """Cancel, pause or resume; the sentence why not, else None."""
        job = self.job(job_id)
        if action not in _AFTER or job["status"] in TERMINAL:
            return f"The job is {job['status']}."
        self.put(job, _AFTER[action])
        return None

    def put(self, job: dict[str, Any], status: str) -> None:
        """Put a job into any status."""
        job["status"] = status
        if status in TERMINAL:
            job["finished_at"] = self._clock.tick()
        self.emit(job, f"The job is {status}")

    def step(self, job: dict[str, Any]) -> None:
        """One step in a job's life."""
        trained = len(self.checkpoints[job["id"]])
        match job["status"]:
            case "validating_files" | "pending":
                job["status"] = "queued"
                self.emit(job, "Files validated, moving job to queued state")
            case "queued":
                job["status"] = "running"
                self.emit(job, "Fine-tuning job started")
            case "running" if trained < self._total_steps:
                self._train(job, trained + 1)
            case "running":
                suffix = job.get("suffix") or job.get("user_provided_suffix") or ""
                name = f"ft:{job['model']}:fake:{suffix}:{job['id'][-8:]}"
                job.update(fine_tuned_model=name, trained_tokens=1000, finished_at=self._clock.tick())
                self._add_model(name)
                job["status"] = "succeeded"
                self.emit(job, f"New fine-tuned model created: {name}")

    def emit(self, job: Mapping[str, Any], message: str, data: Mapping[str, Any] | None = None) -> None:
        """Add an event."""
        self.events[job["id"]].append(
            {
                "id": self._clock.name("ftevent"),
                "object": "fine_tuning.job.event",
                "created_at": self._clock.tick(),
                "level": "info",
                "type": "metrics" if data else "message",
                "message": message,
                "data": dict(data or {}),
            }
        )

    def _train(self, job: Mapping[str, Any], step: int) -> None:
        data: dict[str, Any] = {"step": step, "train_loss": 2.0 / step, "train_mean_token_accuracy": 1 - 1 / (step + 1)}
        of = ""
        if self._flavour == "openai":  # Azure does not say of how many
            data["total_steps"], of = self._total_steps, f"/{self._total_steps}"
        self.emit(job, f"Step {step}{of}: training loss={data['train_loss']:.2f}", data)
        self.checkpoints[job["id"]].append(
            {
                "id": self._clock.name("ftckpt"),
                "object": "fine_tuning.job.checkpoint",
                "created_at": self._clock.tick(),
                "fine_tuned_model_checkpoint": f"ft:{job['model']}:fake::{job['id'][-8:]}:ckpt-step-{step}",
                "fine_tuning_job_id": job["id"],
                "step_number": step,
                "metrics": {"step": step, "train_loss": data["train_loss"]},
            }
        )


def _job(flavour: Flavour, body: Mapping[str, Any]) -> dict[str, Any]:
    """A new job's object, without id and time."""
    method = body.get("method") or {"type": "supervised"}
    given = (method.get(method["type"]) or {}).get("hyperparameters") or body.get("hyperparameters") or {}
    auto: Any = -1 if flavour == "azure" else "auto"
    hyper = {name: given.get(name, auto) for name in ("n_epochs", "batch_size", "learning_rate_multiplier")}
    job = {
        "object": "fine_tuning.job",
        "model": body["model"],
        "status": "pending" if flavour == "azure" else "validating_files",
        "finished_at": None,
        "fine_tuned_model": None,
        "hyperparameters": hyper,
        "training_file": body["training_file"],
        "validation_file": body.get("validation_file"),
        "seed": body.get("seed", 7),
        "method": {"type": method["type"], method["type"]: {"hyperparameters": {**given, **hyper}}},
        "metadata": body.get("metadata"),
        "integrations": body.get("integrations"),
        "error": None,
    }
    if flavour == "azure":
        return job | {"suffix": body.get("suffix"), "trainingType": body.get("trainingType"), "estimated_finish": 0}
    own = {"ftwb": body["ftwb"]} if "ftwb" in body else {}
    suffix = {"user_provided_suffix": body.get("suffix")}
    return job | own | suffix | {"organization_id": "org-fake", "result_files": [], "trained_tokens": None}
