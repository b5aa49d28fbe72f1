"""What is typed into the new-job form, and the request it becomes. Knows no widget."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.providers.request import JobRequest
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.wish import Wish

_EPOCHS: Final = ("n_epochs", "num_train_epochs")
_BATCH: Final = ("batch_size", "per_device_train_batch_size")
_RATE: Final = ("learning_rate", "learning_rate_multiplier")
"""A setting's names: OpenAI's, the trainer's. Our engine takes both; others take OpenAI's."""
NOTHING_AFTER: Final = "nothing"
CHECKPOINTS_TOO: Final = "checkpoints"
AFTER: Final = (
    ("nothing", NOTHING_AFTER),
    ("the model", "model"),
    ("checkpoints", CHECKPOINTS_TOO),
)
"""What can follow a training, as a choice shows it and as the form keeps it."""


@dataclass(frozen=True, slots=True)
class JobForm:
    """The fields as typed."""

    profile: str
    model: str
    method: str
    suffix: str
    train: str
    validation: str
    epochs: str
    batch: str
    rate: str
    seed: str
    more: str
    """Further settings, `name=value` with blanks between; a JSON value, else a string."""
    then: str = NOTHING_AFTER
    """What is measured when the training has succeeded: a value of `AFTER`."""
    items: str = ""
    """The first so many of the test set."""
    questions: str = ""
    """A file of questions of general ability, in place of the bundled ones."""
    ceiling: str = ""
    """US dollars that measuring may cost."""


def form_for(context: Context, project: Project) -> JobForm:
    """The form as the project's own training fills it."""
    training, files = project.document.training, project.files
    rest = dict(training.settings)

    def taken(names: tuple[str, ...]) -> str:
        return next((str(rest.pop(name)) for name in names if name in rest), "")

    epochs, batch, rate = taken(_EPOCHS), taken(_BATCH), taken(_RATE)
    profile = training.profile if training.profile in context.profiles() else "local"
    more = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in rest.items()]
    return JobForm(
        profile=profile,
        model=training.model,
        method=training.method,
        suffix=training.suffix or project.slug,
        train=str(files.get("train", "")),
        validation=str(files.get("validation", "")),
        epochs=epochs,
        batch=batch,
        rate=rate,
        seed=str(training.seed),
        more=shlex.join(more),
    )


def request_of(form: JobForm, context: Context) -> JobRequest:
    """The request that the form describes; raises WorkbenchError that names the field."""
    from workbench.providers.request import JobRequest

    profile = context.profile(form.profile)
    ours = profile.capabilities.ftwb
    if not form.model.strip():
        raise WorkbenchError("model", "is empty", "name a base model, such as starter")
    settings: dict[str, Any] = {}
    if form.epochs.strip():
        settings["n_epochs"] = _number("epochs", form.epochs)
    if form.batch.strip():
        settings["batch_size"] = _whole("batch size", form.batch)
    if form.rate.strip():
        settings["learning_rate" if ours else "learning_rate_multiplier"] = _number("learning rate", form.rate)
    settings |= parse_settings(form.more)
    return JobRequest(
        profile=form.profile,
        model=form.model.strip(),
        training_file=_file("training file", form.train),
        validation_file=_file("validation file", form.validation) if form.validation.strip() else None,
        method=form.method,
        suffix=form.suffix.strip() or None,
        seed=_whole("seed", form.seed) if form.seed.strip() else None,
        settings=settings,
    )


def wish_of_form(form: JobForm, project: Project) -> Wish | None:
    """What is to be measured when the training has succeeded; None for nothing."""
    from workbench.workflow.wish import Wish

    if form.then == NOTHING_AFTER:
        for title, text in (("items at most", form.items), ("own questions", form.questions),
                            ("USD at most", form.ceiling)):  # fmt: skip
            if text.strip():
                raise WorkbenchError(
                    title, "is for measuring, and nothing is measured then", "choose what, or empty it"
                )
        return None
    items, ceiling = form.items.strip(), form.ceiling.strip()
    limit = _whole("items at most", items) if items else None
    dollars = float(_number("USD at most", ceiling)) if ceiling else None
    if limit is not None and limit < 1:
        raise WorkbenchError("items at most", f"{limit} is less than 1", "leave it empty for all")
    if dollars is not None and not 0 <= dollars < math.inf:
        raise WorkbenchError("USD at most", f"{ceiling} is no amount of dollars", "leave it empty for the price")
    return Wish(
        project=project.slug,
        checkpoints=form.then == CHECKPOINTS_TOO,
        questions=str(_file("own questions", form.questions).absolute()) if form.questions.strip() else None,
        limit=limit,
        max_cost=dollars,
    )


def parse_settings(text: str) -> dict[str, Any]:
    """`name=value name=value`, quoted as in a shell; a value is JSON where it is JSON, else the string."""
    try:
        words = shlex.split(text)
    except ValueError:
        hint = "write name=value name='other value'"
        raise WorkbenchError("more settings", "a quotation mark has no partner", hint) from None
    read: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WorkbenchError("more settings", f"{word!r} is not name=value", "for example lora_r=16")
        try:
            read[name] = json.loads(value)
        except json.JSONDecodeError:
            read[name] = value
    return read


def _file(name: str, text: str) -> Path:
    path = Path(text.strip()).expanduser()
    if not text.strip():
        raise WorkbenchError(name, "is not given", "give the path of a JSONL file")
    if not path.is_file():
        raise WorkbenchError(name, f"{path} is not a file", "give the path of a JSONL file")
    return path


def _number(name: str, text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:
        raise WorkbenchError(name, f"{text!r} is not a number", "for example 3 or 2e-4") from None
    return int(value) if value.is_integer() and abs(value) < 1e9 else value


def _whole(name: str, text: str) -> int:
    value = _number(name, text)
    if not isinstance(value, int):
        raise WorkbenchError(name, f"{text!r} is not a whole number", "for example 8")
    return value
