"""Runs that we did not start: what their own files say, as the events of a job."""

from __future__ import annotations

from workbench.providers.attached.reading import Reading, Source, event_of
from workbench.providers.attached.sources import open_source

__all__ = ["Reading", "Source", "event_of", "open_source"]
