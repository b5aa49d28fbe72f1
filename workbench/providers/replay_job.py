"""One job of a recording at a moment: what it is, which of its events have come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.providers.replay_state import ReplayState

_FOREVER = 1e12


@dataclass(frozen=True)
class ReplayedJob:
    """A recorded job under another id, begun at another time."""

    template: Mapping[str, Any]
    id: str
    begun: float
    """Unix seconds."""
    body: Mapping[str, Any]
    """What it was created with."""
    speed: float = 1.0
    """Recorded seconds in a second."""
    marks: tuple[tuple[str, float], ...] = field(default=())
    """cancel, pause and resume, with their times."""

    @classmethod
    def from_state(cls, template: Mapping[str, Any], one: Mapping[str, Any], speed: float) -> ReplayedJob:
        """A job that somebody created."""
        marks = tuple((str(action), float(at)) for action, at in one["marks"])
        return cls(_by_method(template, one["body"]), str(one["id"]), float(one["created"]), one["body"], speed, marks)

    @classmethod
    def finished(cls, template: Mapping[str, Any], one: Mapping[str, Any]) -> ReplayedJob:
        """The recorded job itself, long ended."""
        body = {"model": template["object"]["model"], **one}
        return cls(_by_method(template, body), str(one["id"]), float(one["created_at"]), body)

    @property
    def created_at(self) -> int:
        """Unix seconds, whole."""
        return int(self.begun)

    def status(self, now: float) -> str:
        """One of the recording's, or what somebody made of it."""
        last, since = self.marks[-1] if self.marks else ("", 0.0)
        if last == "pause" and (now - since) * self.speed < self.template.get("pausing", 0):
            return "pausing"
        if last in ("cancel", "pause"):
            return {"cancel": "cancelled", "pause": "paused"}[last]
        at = self._position(now)
        return str([status for begin, status in self.template["statuses"] if begin <= at][-1])

    def object(self, now: float) -> dict[str, Any]:
        """As GET /fine_tuning/jobs/{id} tells it."""
        found = {**self.template["object"], "id": self.id, "created_at": self.created_at, "status": self.status(now)}
        found |= {"model": self.body["model"], "training_file": self.body.get("training_file")}
        found |= {"validation_file": self.body.get("validation_file"), "metadata": self.body.get("metadata")}
        found |= {"seed": self.body["seed"]} if self.body.get("seed") is not None else {}
        suffix_key = "suffix" if "suffix" in found else "user_provided_suffix"
        found[suffix_key] = self.body.get("suffix")
        if self.body.get("trainingType"):
            asked = str(self.body["trainingType"])
            found["trainingType"] = asked[:1].lower() + asked[1:]  # taken in any case, told in one
        given = self._given()
        over = found["status"] == "succeeded"
        chosen = self.template["choices"] if over else {}
        found["hyperparameters"] = {**found["hyperparameters"], **chosen, **given}
        method = self.body.get("method") or {}
        kind = method.get("type", "supervised")
        # A grader and its like are told as they were given.
        found["method"] = {
            "type": kind,
            kind: {**(method.get(kind) or {}), "hyperparameters": found["hyperparameters"]},
        }
        if found["status"] in ("succeeded", "cancelled"):
            found["finished_at"] = int(self._time(self._end(now)))
        if over:
            found |= {"fine_tuned_model": self._named("tuned"), "trained_tokens": self.template["trained_tokens"]}
            found["result_files"] = [self._result_file()]
        return found

    def events(self, now: float) -> list[dict[str, Any]]:
        """Those that have come, the newest first."""
        names = {
            "id": self.id,
            "training_file": str(self.body.get("training_file")),
            "result_file": self._result_file(),
        }
        come = []
        position = self._position(now)  # some come after the status that ends the job
        for number, one in enumerate(self.template["events"]):
            if one["at"] <= position:
                come.append(
                    {
                        "id": f"ftevent-{hashlib.sha256(f'{self.id}/{number}'.encode()).hexdigest()[:24]}",
                        "object": "fine_tuning.job.event",
                        "created_at": int(self._time(one["at"])),
                        "level": one["level"],
                        "type": one["type"],
                        "message": _filled(one["message"], names),
                        "data": one["data"],
                    }
                )
        return come[::-1]

    def checkpoints(self, now: float) -> list[dict[str, Any]]:
        """Those that were written, the newest first."""
        return [
            {
                "id": self._named("checkpoint_id", step=one["step_number"], hex=self._hex(one["step_number"])),
                "object": "fine_tuning.job.checkpoint",
                "created_at": int(self._time(one["at"])),
                "fine_tuned_model_checkpoint": self._named("checkpoint", step=one["step_number"]),
                "fine_tuning_job_id": self.id,
                "step_number": one["step_number"],
                "metrics": one["metrics"],
            }
            for one in reversed(self.template["checkpoints"])
            if one["at"] <= self._end(now)
        ]

    def _position(self, now: float) -> float:
        """Recorded seconds that have been played by `now`; they stand still while it is paused."""
        played, since, running = 0.0, self.begun, True
        for action, at in (*self.marks, ("now", max(now, self.begun))):
            played += (at - since) * self.speed if running else 0.0
            since, running = at, action == "resume"
        return played

    def _end(self, now: float) -> float:
        return min(self._position(now), float(self.template["statuses"][-1][0]))

    def _time(self, position: float) -> float:
        """When a recorded second was, or will be, played."""
        low, high = self.begun, self.begun + _FOREVER
        if not self.marks:
            return self.begun + position / self.speed
        while high - low > 0.5:
            middle = (low + high) / 2
            low, high = (low, middle) if self._position(middle) >= position else (middle, high)
        return high

    def _hex(self, step: int) -> str:
        return hashlib.sha256(f"{self.id}/{step}".encode()).hexdigest()[:32]

    def _given(self) -> dict[str, Any]:
        method = self.body.get("method") or {}
        inner = (method.get(method.get("type", "")) or {}).get("hyperparameters") or {}
        return {**(self.body.get("hyperparameters") or {}), **inner}

    def _result_file(self) -> str:
        return f"file-result{hashlib.sha256(self.id.encode()).hexdigest()[:12]}"

    def _named(self, what: str, **more: Any) -> str:
        suffix, digest = str(self.body.get("suffix") or ""), hashlib.sha256(self.id.encode()).hexdigest()
        names = {"model": str(self.body["model"]), "suffix": suffix, "-suffix": f"-{suffix}" if suffix else ""}
        return _filled(str(self.template[what]), {**names, "short": digest[:8], "hex": digest[:32], **more})


def replayed_jobs(recording: Mapping[str, Any], state: ReplayState) -> list[ReplayedJob]:
    """The recording's jobs and those that somebody created, the newest first."""
    template = recording["job"]
    made = [ReplayedJob.from_state(template, one, recording["speed"]) for one in state.of("jobs").values()]
    old = [ReplayedJob.finished(template, one) for one in recording["finished"]]
    return sorted([*made, *old], key=lambda job: (job.created_at, job.id), reverse=True)


def made_models(jobs: Sequence[ReplayedJob], now: float) -> list[tuple[str, ReplayedJob]]:
    """The models that jobs have made by `now`, checkpoints too."""
    found = []
    for job in jobs:
        names = [job.object(now)["fine_tuned_model"]]
        names += [one["fine_tuned_model_checkpoint"] for one in job.checkpoints(now)]
        found += [(str(name), job) for name in names if name]
    return found


def _by_method(template: Mapping[str, Any], body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Other methods report other numbers."""
    kind = (body.get("method") or {}).get("type")
    return {**template, **template.get("methods", {}).get(kind, {})}


def _filled(text: str, names: Mapping[str, Any]) -> str:
    """`{name}` by its value, once: values are not looked through again."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
