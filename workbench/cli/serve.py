"""`ftwb serve`: the engine's API on a TCP port."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of, run_async
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`serve --host H --port P`."""
    parser = add_command(
        commands, shared, "serve", run, "open the engine's OpenAI-compatible API on a TCP port (FTWB_API_KEY)"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--new-key", action="store_true", help="make a key and print it once on stderr")
    parser.add_argument("--certfile", metavar="PEM", help="TLS certificate; needed off loopback unless --insecure-http")
    parser.add_argument("--keyfile", metavar="PEM")
    parser.add_argument(
        "--insecure-http", action="store_true", help="off loopback without TLS: the key travels in clear text"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the running engine to listen; it goes on listening when this command has ended."""
    context = context_of(args)
    key = context.environ.get("FTWB_API_KEY")
    if args.new_key:
        import secrets

        key = secrets.token_urlsafe(32)
        output.note(f"key (shown once): {key}")
    if not key:
        raise WorkbenchError(
            "serve",
            "opens a port only with a key",
            "set FTWB_API_KEY, or add --new-key",
            code="no_key",
            exit_code=2,
        )
    body = {
        "host": args.host,
        "port": args.port,
        "api_key": key,
        "certfile": str(Path(args.certfile).resolve()) if args.certfile else None,
        "keyfile": str(Path(args.keyfile).resolve()) if args.keyfile else None,
        "insecure_http": args.insecure_http,
    }

    async def listen() -> Any:
        return await context.engine.call("POST", "listen", body)

    answer = run_async(listen())
    scheme = "https" if args.certfile else "http"
    host = f"[{answer['host']}]" if ":" in answer["host"] else answer["host"]
    url = f"{scheme}://{host}:{answer['port']}/v1"
    if args.json:
        output.emit_json(answer | {"base_url": url})
    else:
        output.say(f"listening on {url}; stop it with `ftwb engine stop`")
    return 0
