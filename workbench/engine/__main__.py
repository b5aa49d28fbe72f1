"""`python -m workbench.engine --home DIR --cache DIR`."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from pathlib import Path
from typing import Any

from workbench.engine.daemon import EngineConfig, run
from workbench.engine.estimate import free_memory
from workbench.engine.parts import Parts

HOSTING_SHARE = 0.5
"""Of the memory that is free: the rest is for training, which hosting must never harm."""


def hosting_budget(held: int) -> int:
    """Bytes that all hosts together may take now: a share of what is free, with what they hold themselves.

    Asked each time, because a training that was running at the engine's start ends, and another begins.
    """
    return int((free_memory() + held) * HOSTING_SHARE)


def real_parts(config: EngineConfig, runtime: Path) -> Parts:
    """Models, hosts and trainers of this machine."""
    from workbench.engine.estimate import Estimate, Sized, estimate, record_speed
    from workbench.engine.gpu import GpuWatch, may_have_gpu
    from workbench.engine.hosts.pool import HostPool
    from workbench.engine.launchers.process import ProcessLauncher
    from workbench.engine.models.child import run_child
    from workbench.engine.models.store import ModelStore
    from workbench.engine.trainers import check_settings, probe, trainer_folder

    async def merge(base: Path, adapter: Path, out: Path) -> None:
        arguments = ["--base", str(base), "--adapter", str(adapter), "--out", str(out)]
        await run_child("workbench.engine.models.merge", arguments, lambda _progress: None)

    speeds = config.cache / "training-speeds.json"
    gpus = GpuWatch()

    async def estimating(base: Sized, **asked: Any) -> Estimate:
        return estimate(base, gpu=await gpus.find(), calibration=speeds, **asked)

    def learn(base: Sized, tokens_per_s: float) -> None:
        if gpus.asked or not may_have_gpu():  # else nobody knows yet on what the job was trained
            record_speed(speeds, base.parameters, tokens_per_s, gpus.known)

    return Parts(
        models=ModelStore(config.cache),
        hosts=HostPool(runtime, config.cache, budget_bytes=hosting_budget, find_gpu=gpus.find),
        launcher=ProcessLauncher(),
        probe=functools.partial(probe, cache=config.cache / "probes"),
        check_settings=check_settings,
        trainer_folder=trainer_folder,
        estimate=estimating,
        record_speed=learn,
        merge=merge,
    )


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after a clean stop, 1 where it could not start."""
    parser = argparse.ArgumentParser(prog="python -m workbench.engine", description="The local engine of a workspace.")
    parser.add_argument("--home", type=Path, required=True, help="the workspace; the engine's folder is `engine` in it")
    parser.add_argument("--cache", type=Path, required=True, help="where base models are kept")
    parser.add_argument("--trainer-python", default=os.environ.get("FTWB_TRAINER_PYTHON") or sys.executable)
    parser.add_argument(
        "--idle-minutes",
        type=float,
        default=float(os.environ.get("FTWB_ENGINE_IDLE_MINUTES") or 30),
        help="0: never exit",
    )
    parser.add_argument("--training-at-once", type=int, default=1, help="how many jobs may train at the same time")
    parser.add_argument(
        "--take-over", action="store_true", help="take the workspace from a silent engine of another host"
    )
    asked = parser.parse_args(arguments)
    config = EngineConfig(
        home=asked.home.absolute(),
        cache=asked.cache.absolute(),
        trainer_python=asked.trainer_python,
        idle_s=asked.idle_minutes * 60,
        training_at_once=max(1, asked.training_at_once),
        take_over=asked.take_over,
    )
    return run(config, real_parts)


if __name__ == "__main__":
    sys.exit(main())
