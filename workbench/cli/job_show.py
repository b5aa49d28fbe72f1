"""How commands print one job, with what follows it."""

from __future__ import annotations

import argparse
import time
from typing import Any

from workbench.cli import output


def show_job(args: argparse.Namespace, context: Any, job: Any, **so_far: Any) -> None:
    """Print a job, the figures of `so_far`, and what was asked to follow it."""
    from workbench.workflow.job_facts import facts
    from workbench.workflow.wish import as_it_is, in_words, wish_of

    wish = wish_of(context, job.profile, job.id)
    wish = as_it_is(context, wish) if wish is not None else None
    if args.json:
        output.emit_json(output.plain(job) | so_far | {"after_training": wish})
        return
    rows = [*facts(job, output.when)]
    for name, found in so_far.items():
        if found.value is not None:
            rows.append((name.replace("_", " "), output.figure(found, 0 if found.unit == "tokens" else 2)))
    if wish is not None:
        rows.append(("then", in_words(wish)))
    width = max(len(row[0]) for row in rows)
    for key, value in rows:
        output.say(f"{key:<{width}}  {value}")


def trouble_text(view: Any) -> str:
    """What is in the way, and when it is tried again."""
    from workbench.workflow.outage import outage_text

    if view.outage is None:
        return str(view.trouble)
    return f"{outage_text(view.outage, view.outage.wait_s, now=time.time())} ({view.trouble})"
