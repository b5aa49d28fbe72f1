"""What a person edits (`config.toml`) and what the app remembers (`workspace.toml`)."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.catalog.prices import OwnPrice
from workbench.errors import WorkbenchError
from workbench.providers.profiles import Profile, built_in, without_secrets


class Preferences(BaseModel):
    """How the app looks and behaves for this person."""

    model_config = ConfigDict(extra="allow")

    theme: str = "ftwb-dark"
    """`ftwb-dark`, `ftwb-light` or any Textual theme."""
    low_bandwidth: bool | None = None
    """Fewer bytes to the terminal; None decides by `SSH_CONNECTION`."""
    bell: bool = True
    """The terminal's bell when a job ends."""
    notify: bool = True
    """A desktop notification (OSC 9) when a job ends, where the terminal knows how."""
    on_job_end: str = ""
    """A command that is run when a job ends, without a shell; FTWB_JOB_ID, _STATUS, _MODEL and _PROFILE tell which."""


class Config(BaseModel):
    """`config.toml`: rewritten only by `ftwb config set`."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    profiles: dict[str, Profile] = Field(default_factory=dict)
    preferences: Preferences = Field(default_factory=Preferences)
    keymap: dict[str, str] = Field(default_factory=dict)
    """Action id → keys, as in the README's key table."""
    prices: dict[str, OwnPrice] = Field(default_factory=dict)
    """`PROFILE/MODEL` → what it costs this person, in US dollars."""

    @model_validator(mode="before")
    @classmethod
    def _profiles_say_only_what_differs(cls, data: Any) -> Any:
        """A profile's table need not repeat its own name, nor what a profile out of the box of that name is."""
        if isinstance(data, dict) and isinstance(data.get("profiles"), dict):
            known = {name: profile.model_dump() for name, profile in built_in().items()}
            whole = {
                name: known.get(name, {}) | table | {"name": name} if isinstance(table, dict) else table
                for name, table in data["profiles"].items()
            }
            return {**data, "profiles": whole}
        return data


class Remembered(BaseModel):
    """`workspace.toml`: where the person was."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    open_project: str | None = None
    mode: str = "datasets"


def settable_keys(config: Config) -> dict[str, Any]:
    """Every dotted key of the configuration with its present value, profiles and keymap included; keys in it are not
    shown."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            hidden = without_secrets(prefix.rpartition(".")[2], value)
            flat[prefix] = value if hidden is None else hidden

    walk("", config.model_dump(exclude={"schema_version", "prices"}))
    walk("", {"prices": {name: own.model_dump(mode="json", exclude_none=True) for name, own in config.prices.items()}})
    return flat


PROFILE_NAME = re.compile(r"[a-z0-9-]+")
"""As a candidate spells it; see the grammar in `evaluate.candidates`."""
_PROFILE_FIELDS = frozenset(Profile.model_fields) - {"name"}


def with_value(config: Config, key: str, value: Any) -> Config:
    """A copy of `config` in which the dotted `key` is `value`.

    Raises WorkbenchError for a key that no part of ftwb reads, and for a value of the wrong type.
    """
    parts = _parts(key)
    if without_secrets(parts[-1], value) is not None:
        address = parts[-1] == "base_url"
        why = "holds a user name, password or key" if address else "seems to hold the key itself"
        hint = "give the address alone" if address else "name a variable or a command that prints it"
        raise WorkbenchError(key, why, hint, code="bad_value", exit_code=2)
    data = config.model_dump()
    place = data
    for part in parts[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise _unknown_key(key)
        place = inner
    place[parts[-1]] = value
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise WorkbenchError(
            key, f"does not take {value!r}: {first['msg']}", "see `ftwb config list`", code="bad_value", exit_code=2
        ) from None


def _parts(key: str) -> list[str]:
    """Where in the document a dotted key is; raises WorkbenchError for one that nothing reads."""
    if key.startswith("prices."):  # the name of a model may have dots of its own
        name, _, rate = key.removeprefix("prices.").rpartition(".")
        if "/" in name.strip("/") and rate in OwnPrice.model_fields:
            return ["prices", name, rate]
        raise _unknown_key(key)
    match key.split("."):
        case ["preferences", name] if name in Preferences.model_fields:
            return ["preferences", name]
        case ["keymap", *words] if all(words) and words:
            return ["keymap", ".".join(words)]  # an action's id has a dot of its own
        case ["profiles", name, field] if PROFILE_NAME.fullmatch(name) and field in _PROFILE_FIELDS:
            return ["profiles", name, field]
        case ["profiles", name, "settings", *more] if PROFILE_NAME.fullmatch(name) and all(more):
            return ["profiles", name, "settings", *more]
    raise _unknown_key(key)


def _unknown_key(key: str) -> WorkbenchError:
    shown = "preferences.*, keymap.ACTION, profiles.NAME.*, prices.PROFILE/MODEL.input"
    hint = f"`ftwb config list` shows them: {shown}"
    return WorkbenchError(key, "is not a setting", hint, code="unknown_key", exit_code=2)
