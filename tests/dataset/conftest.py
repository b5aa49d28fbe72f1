"""Property tests of this room write files: how long one example takes depends on the disk, so nothing is timed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("files", deadline=None)
settings.load_profile("files")
