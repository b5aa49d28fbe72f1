"""What is typed into the new-job form, and the request it becomes. Knows no widget."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import WorkbenchError
from workbench.providers.graders import read_grader
from workbench.providers.hyperparameters import AUTO, EFFORTS
from workbench.providers.integrations import SETTING, wandb
from workbench.workflow.like import Pattern

if TYPE_CHECKING:
    from workbench.providers.request import JobRequest
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.wish import Wish

TIER: Final = "trainingType"
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
    beta: str = ""
    """Of preference pairs."""
    grader: str = ""
    """The file with a grader, for reinforcement."""
    effort: str = EFFORTS[0]
    """How much a model reasons while it is reinforced."""
    tier: str = ""
    """Where and how urgently it trains, for profiles that have such tiers; empty: as the provider likes."""
    wandb: str = ""
    """The project at Weights & Biases that is reported to, `TEAM/PROJECT` or `PROJECT`."""


FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = {"dpo": ("beta",), "reinforcement": ("grader", "effort")}
"""The fields that only some methods have."""


def form_for(context: Context, project: Project) -> JobForm:
    """The form as the project's own training fills it."""
    training, files = project.document.training, project.files
    profile = training.profile if training.profile in context.profiles() else "local"
    return form_of(
        Pattern(
            profile, training.model, training.method, training.suffix or project.slug, training.seed,
            training.settings, files.get("train"), files.get("validation"),
        ),
        tiers_known(context),
    )  # fmt: skip


def tiers_known(context: Context) -> dict[str, str]:
    """Those of every profile, since another profile may be chosen in the form."""
    return {name: tier for profile in context.profiles().values() for name, tier in profile.capabilities.tiers.items()}


def form_of(pattern: Pattern, tiers: Mapping[str, str] = MappingProxyType({})) -> JobForm:
    """The form filled with a job to begin with; settings that have no field of their own stand among the others.

    `tiers` are those that can be chosen.
    """
    rest = dict(pattern.settings)

    def taken(names: tuple[str, ...]) -> str:
        return next((str(rest.pop(name)) for name in names if name in rest), "")

    fields = {"epochs": taken(_EPOCHS), "batch": taken(_BATCH), "rate": taken(_RATE)}
    if "beta" in FIELDS_OF.get(pattern.method, ()):
        fields["beta"] = taken(("beta",))
    if "effort" in FIELDS_OF.get(pattern.method, ()):
        fields["effort"] = taken(("reasoning_effort",)) or EFFORTS[0]
    asked = str(rest.get(TIER) or "").lower()  # Azure tells it in another case than it is typed
    if tier := next((one for one in tiers.values() if one.lower() == asked), ""):
        del rest[TIER]
        fields["tier"] = tier
    if project := _wandb_project(rest.get(SETTING)):
        del rest[SETTING]
        fields["wandb"] = project
    more = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in rest.items()]
    return JobForm(
        profile=pattern.profile,
        model=pattern.model,
        method=pattern.method,
        suffix=pattern.suffix or "",
        train=str(pattern.training_file or ""),
        validation=str(pattern.validation_file or ""),
        seed="" if pattern.seed is None else str(pattern.seed),
        more=shlex.join(more),
        **fields,
    )


def _wandb_project(given: Any) -> str:
    """An integration that one line can say; others stay as they are."""
    match given:
        case [{"type": "wandb", "wandb": {"project": str(project), **rest}}] if not {*rest} - {"entity"}:
            return f"{rest['entity']}/{project}" if rest.get("entity") else project
    return ""


def request_of(form: JobForm, context: Context) -> JobRequest:
    """The request that the form describes; raises WorkbenchError that names the field."""
    from workbench.providers.request import JobRequest

    profile = context.profile(form.profile)
    ours = profile.capabilities.ftwb
    if not form.model.strip():
        raise WorkbenchError("model", "is empty", "name a base model, such as starter")
    settings: dict[str, Any] = {}
    if form.epochs.strip():
        settings["n_epochs"] = _or_auto(_number, "epochs", form.epochs)
    if form.batch.strip():
        settings["batch_size"] = _or_auto(_whole, "batch size", form.batch)
    if form.rate.strip():
        name = "learning_rate" if ours else "learning_rate_multiplier"
        settings[name] = _or_auto(_number, "learning rate", form.rate)
    if form.tier and profile.capabilities.tiers:
        settings[TIER] = form.tier
    settings |= _of_method(form) | parse_settings(form.more)
    if form.wandb.strip() and profile.capabilities.integrations:
        settings[SETTING] = [wandb(form.wandb)]
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


def _of_method(form: JobForm) -> dict[str, Any]:
    """The settings of the fields that this method has."""
    settings: dict[str, Any] = {}
    shown = FIELDS_OF.get(form.method, ())
    if "beta" in shown and form.beta.strip():
        settings["beta"] = _or_auto(_number, "beta", form.beta)
    if "grader" in shown and form.grader.strip():
        settings["grader"] = read_grader(Path(form.grader.strip()).expanduser())
    if "effort" in shown and form.effort != EFFORTS[0]:
        settings["reasoning_effort"] = form.effort
    return settings


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


def _or_auto(read: Callable[[str, str], int | float], name: str, text: str) -> int | float | str:
    return AUTO if text.strip().lower() == AUTO else read(name, text)


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
