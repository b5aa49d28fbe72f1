"""What can go wrong with a host."""

from __future__ import annotations

from workbench.errors import WorkbenchError


class HostFailed(WorkbenchError):
    """The process that serves a model does not come up, or keeps dying."""

    code = "host_failed"


class NoRoom(WorkbenchError):
    """The memory set aside for hosts does not hold the model."""

    code = "host_memory"
