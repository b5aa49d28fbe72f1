"""What a person edits (`config.toml`) and what the app remembers (`workspace.toml`)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import WorkbenchError
from workbench.providers.profiles import Profile


class Preferences(BaseModel):
    """How the app looks and behaves for this person."""

    model_config = ConfigDict(extra="allow")

    theme: str = "ftwb-dark"
    """`ftwb-dark`, `ftwb-light` or any Textual theme."""
    low_bandwidth: bool | None = None
    """Fewer bytes to the terminal; None decides by `SSH_CONNECTION`."""


class Config(BaseModel):
    """`config.toml`: rewritten only by `ftwb config set`, `ftwb profile add` and the app's own theme switch."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    profiles: dict[str, Profile] = Field(default_factory=dict)
    preferences: Preferences = Field(default_factory=Preferences)
    keymap: dict[str, str] = Field(default_factory=dict)
    """Action id → keys, as in the README's key table."""

    @model_validator(mode="before")
    @classmethod
    def _profiles_know_their_names(cls, data: Any) -> Any:
        """A profile's table need not repeat its own name."""
        if isinstance(data, dict) and isinstance(data.get("profiles"), dict):
            named = {
                name: {"name": name, **table} if isinstance(table, dict) else table
                for name, table in data["profiles"].items()
            }
            return {**data, "profiles": named}
        return data


class Remembered(BaseModel):
    """`workspace.toml`: where the person was."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    open_project: str | None = None
    mode: str = "datasets"


def settable_keys(config: Config) -> dict[str, Any]:
    """Every dotted key of the configuration with its present value, profiles and keymap included."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            flat[prefix] = value

    walk("", config.model_dump(exclude={"schema_version"}))
    return flat


_GROUPS = ("profiles", "preferences", "keymap")


def with_value(config: Config, key: str, value: Any) -> Config:
    """A copy of `config` in which the dotted `key` is `value`.

    Raises WorkbenchError for a key that no part of ftwb reads, and for a value of the wrong type.
    """
    parts = key.split(".")
    if parts[0] not in _GROUPS or len(parts) < 2:
        raise _unknown_key(key)
    if parts[0] == "preferences" and (len(parts) != 2 or parts[1] not in Preferences.model_fields):
        raise _unknown_key(key)
    if parts[0] == "keymap" and len(parts) != 2:
        raise _unknown_key(key)
    if parts[0] == "profiles" and (len(parts) < 3 or parts[2] not in Profile.model_fields):
        raise _unknown_key(key)
    data = config.model_dump()
    place = data
    for part in parts[:-1]:
        place = place.setdefault(part, {})
    place[parts[-1]] = value
    if parts[0] == "profiles":
        place.setdefault("name", parts[1])
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise WorkbenchError(
            key, f"does not take {value!r}: {first['msg']}", "see `ftwb config list`", code="bad_value"
        ) from None


def _unknown_key(key: str) -> WorkbenchError:
    return WorkbenchError(
        key, "is not a setting", "`ftwb config list` shows them: preferences.*, keymap.ACTION, profiles.NAME.*",
        code="unknown_key", exit_code=2,
    )  # fmt: skip
