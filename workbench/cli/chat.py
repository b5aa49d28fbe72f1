"""`ftwb chat`: one reply."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of, count, model_of, run_async, temperature
from workbench.terminal.escape import visible


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`chat --model PROFILE/MODEL PROMPT`."""
    parser = add_command(commands, shared, "chat", run, "one reply, streamed")
    parser.add_argument("--model", metavar="PROFILE/MODEL", default="local/starter")
    parser.add_argument("--system", metavar="S")
    parser.add_argument("--temperature", metavar="T", type=temperature, default=0.0)
    parser.add_argument("--max-tokens", metavar="N", type=count, default=512, help="default %(default)s")
    parser.add_argument("prompt", metavar="PROMPT")


def run(args: argparse.Namespace) -> int:
    """Stream the reply to stdout; with `--json` print it whole with its counts and times."""
    profile, model = model_of(args.model)
    context = context_of(args)
    messages = [{"role": "system", "content": args.system}] if args.system else []
    messages.append({"role": "user", "content": args.prompt})

    async def reply() -> Any:
        from workbench.providers.chat import stream_chat
        from workbench.workflow.answering import ensure_model
        from workbench.workflow.quickstart import pull_notice

        known = context.complete_profile(profile)
        if known.kind == "local":
            with output.ProgressLine() as line:
                await ensure_model(context, model, lambda step: line(output.fetched(pull_notice("model", step))))
        async with await context.client(profile) as client:
            async for part in stream_chat(
                client, model, messages, temperature=args.temperature, max_tokens=args.max_tokens, profile=known
            ):
                if not isinstance(part, str):
                    return part
                if not args.json:
                    sys.stdout.write("\n".join(visible(line) for line in part.split("\n")))
                    sys.stdout.flush()
        return None

    from workbench.workflow.prices import price_book
    from workbench.workflow.spend import call_cost

    said, replay = run_async(reply()), context.profile(profile).replay
    if args.json:
        output.emit_json(
            {
                "text": said.text,
                "prompt_tokens": said.prompt_tokens,
                "completion_tokens": said.completion_tokens,
                "first_token_s": said.first_token_s,
                "total_s": said.total_s,
                "cost": call_cost(
                    context.profile(profile),
                    model,
                    said.prompt_tokens,
                    said.completion_tokens,
                    cached_tokens=said.cached_tokens,
                    prices=price_book(context),
                ),
                "origin": "recorded" if replay else "measured",
            }
        )
    else:
        output.say()
        if replay:
            output.note(f"note: recorded: the answer is of the recording {replay}")
    return 0
