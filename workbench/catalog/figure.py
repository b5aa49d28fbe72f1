"""A number that says where it comes from."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Origin(StrEnum):
    """How a figure came to be known."""

    MEASURED = "measured"
    QUOTED = "quoted"
    """By a provider or a dated table."""
    ESTIMATED = "estimated"
    """By a formula named in `source`."""
    RECORDED = "recorded"
    """Replayed from a recording."""
    NOT_MEASURED = "not-measured"


RECORDED = "recorded; "
"""What the source of a replayed figure begins with."""


class Figure(BaseModel):
    """A value with unit and origin; `value` is None exactly when the origin is *not measured*."""

    model_config = ConfigDict(frozen=True)

    value: float | None = None
    unit: str
    origin: Origin
    source: str | None = None
    """The formula, table or call that gave it."""
    as_of: str | None = None
    """ISO date of the source, where it has one."""

    @classmethod
    def measured(cls, value: float, unit: str, source: str | None = None) -> Figure:
        """A value this machine measured."""
        return cls(value=value, unit=unit, origin=Origin.MEASURED, source=source)

    @classmethod
    def quoted(cls, value: float, unit: str, source: str, as_of: str | None) -> Figure:
        """A value somebody publishes."""
        return cls(value=value, unit=unit, origin=Origin.QUOTED, source=source, as_of=as_of)

    @classmethod
    def estimated(cls, value: float, unit: str, source: str, as_of: str | None = None) -> Figure:
        """A value a named formula gives."""
        return cls(value=value, unit=unit, origin=Origin.ESTIMATED, source=source, as_of=as_of)

    @property
    def replayed(self) -> Figure:
        """The same value as one of a recording: it says nothing about what is really there."""
        if self.value is None or self.origin is Origin.RECORDED:
            return self
        return self.model_copy(update={"origin": Origin.RECORDED, "source": f"{RECORDED}{self.source or 'a replay'}"})

    @classmethod
    def not_measured(cls, unit: str, source: str | None = None) -> Figure:
        """No value: what it would be, and in `source` why it is missing."""
        return cls(value=None, unit=unit, origin=Origin.NOT_MEASURED, source=source)
