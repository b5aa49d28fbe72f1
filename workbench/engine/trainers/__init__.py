"""What trains: folders copied into a job and run by any interpreter."""

from __future__ import annotations

from workbench.engine.trainers.probe import (
    InterpreterUnusable,
    InvalidSetting,
    Method,
    ProbeResult,
    Setting,
    check_settings,
    probe,
    trainer_folder,
)

__all__ = [
    "InterpreterUnusable",
    "InvalidSetting",
    "Method",
    "ProbeResult",
    "Setting",
    "check_settings",
    "probe",
    "trainer_folder",
]
