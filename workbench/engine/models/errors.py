"""What can be wrong with a model."""

from __future__ import annotations

from workbench.errors import WorkbenchError


class ModelMissing(WorkbenchError):
    """The model is not on this machine; the hint says how to get it."""

    code = "model_missing"


class ModelRefused(WorkbenchError):
    """The model is there and cannot be used: pickled weights, no weights, code of its own."""

    code = "model_refused"


class PullFailed(WorkbenchError):
    """Fetching or converting a model did not end well; nothing half done is left."""

    code = "pull_failed"
