"""Why a training ended badly, in a sentence and a stable code."""

from __future__ import annotations

import errno


class TrainingFailed(Exception):
    """A failure that this trainer itself found."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def explain(error: BaseException) -> dict[str, str]:
    """`{"code", "message"}` of any error that ended the training."""
    text = f"{type(error).__name__}: {error}".strip().rstrip(":")
    lowered = text.lower()
    if isinstance(error, TrainingFailed):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, MemoryError) or "out of memory" in lowered or "can't allocate memory" in lowered:
        return {
            "code": "out_of_memory",
            "message": "the memory of this machine was not enough; use a smaller per_device_train_batch_size or "
            "max_length, or set gradient_checkpointing",
        }
    # safetensors and torch report a full disk as their own errors, with the system's words in the text
    if (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "no space left" in lowered:
        return {
            "code": "disk_full",
            "message": "the disk is full; free some space and resume: the last checkpoint is intact",
        }
    if isinstance(error, ImportError):
        return {"code": "missing_package", "message": f"this interpreter lacks a package: {error}"}
    return {"code": "trainer_failed", "message": text or "the trainer failed"}
