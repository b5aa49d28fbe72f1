"""How soon a long run is on screen: 100,000 steps of four series out of our own event log, in the app itself.

Run by hand: `python -m tests.benchmarks.job_charts [STEPS]`. Prints seconds since the Jobs screen was there, and beside
them what reading the same file costs with the standard library alone, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import tempfile
import time
from pathlib import Path

from workbench.app import WorkbenchApp
from workbench.providers.event_log import EventLog
from workbench.providers.jobs import Job
from workbench.screens.jobs import JobsScreen
from workbench.workflow.context import Context
from workbench.workflow.project import new_project


def make(home: Path, steps: int) -> Path:
    """The log of a job that has ended."""
    log = EventLog(home / "jobs" / "openai" / "ftjob-long")
    log.save_job(
        Job(id="ftjob-long", profile="openai", model="m", status="succeeded", created_at=1, finished_at=1_790_200_000)
    )
    with (log.folder / "events.jsonl").open("w", encoding="utf-8") as file:
        for step in range(1, steps + 1):
            data = {
                "step": step,
                "total_steps": steps,
                "train_loss": 2 / math.sqrt(step),
                "valid_loss": 2.2 / math.sqrt(step),
                "learning_rate": 1e-4 * (1 - step / steps),
                "grad_norm": 1 + math.sin(step),
            }
            event = {"id": f"e{step}", "created_at": 1_790_000_000 + step, "level": "info", "type": "metrics"}
            file.write(json.dumps({**event, "message": f"Step {step}/{steps}", "data": data}) + "\n")
    return log.folder / "events.jsonl"


async def measure(context: Context, steps: int) -> tuple[float, float, float]:
    """Seconds to the first chart, to the whole of it, and for one frame of the whole."""
    app = WorkbenchApp(context, new_project(context, "long"), "jobs")
    app.animation_level = "none"
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, JobsScreen)
        chart, started, first = screen._monitor.chart, time.perf_counter(), 0.0
        while True:
            await asyncio.sleep(0.01)
            drawn = any(chart._drawn[:1]) and any("\u2801" <= char <= "\u28ff" for char in chart.render_line(5).text)
            if drawn and not first:
                first = time.perf_counter() - started
            if screen.view is not None and screen.view.step == steps and drawn:
                break
        whole = time.perf_counter() - started
        began = time.perf_counter()
        chart._draw(chart.size.width, chart.size.height)
        frame = time.perf_counter() - began
        await pilot.pause()
    return first, whole, frame


def main() -> None:
    """Make, measure, print."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        path = make(home, steps)
        began = time.perf_counter()
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        bare = time.perf_counter() - began
        del rows
        context = Context(home=home, cache=home / "cache", environ={"PATH": ""})
        first, whole, frame = asyncio.run(measure(context, steps))
    print(f"{steps:,} steps x 4 series, {bare:.2f} s for json.loads of the lines alone")
    print(
        f"first chart {first:.2f} s, all of it {whole:.2f} s ({whole / bare:.1f} times), a frame {frame * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main()
