"""`ftwb dataset show`: one record as a model reads it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of, count, run_async
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.formats import Format
    from workbench.workflow.microscope import Magnified


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """`dataset show`."""
    show = add_command(verbs, shared, "show", run_show, "one record as a model reads it: template, tokens, training")
    show.add_argument("file", metavar="FILE")
    show.add_argument("--line", metavar="N", type=count, required=True, help="the line that the record stands on")
    show.add_argument("--model", metavar="M", help="whose tokenizer and template: PROFILE/MODEL, or a model's name")
    show.add_argument("--template", metavar="T", help="own, chatml, zephyr or none (else the model's own)")
    show.add_argument("--max-tokens", metavar="N", type=count, help="where a record is cut")
    show.add_argument("--boundaries", action="store_true", help="a bar between tokens")
    show.add_argument("--other", action="store_true", help="of a pair: the answer that is not preferred")


def run_show(args: argparse.Namespace) -> int:
    """Render one record; the engine is started where the model is a local one."""
    from workbench.workflow.microscope import GUTTERS, lens_of, magnify, strips

    value, fmt = _record(Path(args.file), args.line)
    context = context_of(args)
    lens = run_async(lens_of(context, args.model, args.template, args.max_tokens))
    seen = magnify(value, fmt, lens, other_side=args.other)
    if args.json:
        output.emit_json(_document(args, fmt, seen))
        return 0
    output.say(f"{args.file}, line {args.line}: {fmt}, {seen.summary}")
    note = f" ({lens.note})" if lens.note else ""
    output.say(f"{lens.model}, template {lens.template}, limit {lens.limit:,}{note}")
    output.say()
    for strip in strips(seen, boundaries=args.boundaries):
        output.say(GUTTERS[strip.kind] + "".join(text for text, _ in strip.pieces))
    return 0


def _record(path: Path, line: int) -> tuple[Any, Format]:
    from workbench.dataset.formats import detect
    from workbench.dataset.rows import open_rows

    with open_rows(path) as rows:
        for row in range(len(rows)):
            here = rows.line(row)
            if here == line:
                return rows.decode(row), detect(rows.sample()).format
            if here > line:
                break
        last = rows.line(len(rows) - 1) if len(rows) else 0
    raise WorkbenchError(
        f"{path}, line {line}", "holds no record", f"the last one is on line {last}", code="usage", exit_code=2
    )


def _document(args: argparse.Namespace, fmt: Format, seen: Magnified) -> dict[str, Any]:
    lens = seen.lens
    return {
        "file": args.file,
        "line": args.line,
        "format": str(fmt),
        "model": lens.model,
        "template": lens.template,
        "exact": lens.exact,
        "note": lens.note or None,
        "limit": lens.limit,
        "cut_at": seen.cut_at,
        "n_tokens": len(seen.tokens),
        "n_trained": seen.trained,
        "text": "".join(token.text for token in seen.tokens),
        "tokens": [{"text": token.text, "trained": token.trained, "special": token.special} for token in seen.tokens],
    }
