"""`ftwb profile`: where models are trained and answer."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of, run_async


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`profile list|show|add|edit|test|remove`."""
    verbs = add_group(commands, shared, "profile", "where models are trained and answer")
    add_command(verbs, shared, "list", run_list, "all profiles, and what each misses")
    add = add_command(verbs, shared, "add", run_add, "keep a profile; its key stays in the environment or in a command")
    _add_fields(add)
    add.add_argument("--replace", action="store_true", help="put it in the place of one of that name")
    edit = add_command(verbs, shared, "edit", run_edit, "change what is given of a profile; an empty value clears it")
    _add_fields(edit)
    add_command(verbs, shared, "show", run_show, "where it is, where its key comes from, what it can").add_argument(
        "name", metavar="NAME"
    )
    add_command(verbs, shared, "test", run_test, "which calls answer, which models, how long").add_argument(
        "name", metavar="NAME"
    )
    add_command(verbs, shared, "remove", run_remove, "forget a profile; its jobs and runs stay").add_argument(
        "name", metavar="NAME"
    )


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="small letters, digits and dashes")
    parser.add_argument("--kind", choices=("openai", "azure", "compatible", "local"), help="default: compatible")
    parser.add_argument("--url", metavar="URL", help="the API's address; for azure the resource's endpoint")
    parser.add_argument("--key-env", metavar="VARIABLE", help="the environment variable that holds the key")
    parser.add_argument("--key-command", metavar="COMMAND", help="a command that prints the key, as `pass show openai`")
    parser.add_argument(
        "--entra", action=argparse.BooleanOptionalAction,
        help="azure: sign in with Entra instead of a key (azure extra)",
    )  # fmt: skip
    parser.add_argument("--resource-id", metavar="ID", help="azure: the resource's ARM id, for deployments")
    parser.add_argument("--replay", metavar="R", help="a bundled recording instead of a provider: openai, azure, …")
    parser.add_argument("--embedding-model", metavar="M", help="what embeds texts for retrieval")
    parser.add_argument("--concurrency", metavar="N", type=int, help="calls in flight at once while measuring")


def run_list(args: argparse.Namespace) -> int:
    """All profiles, and what each misses."""
    from workbench.workflow.profile_facts import known_profiles

    found = known_profiles(context_of(args))
    if args.json:
        output.emit_json({"profiles": found})
    else:
        output.table(
            [[p.name, p.kind, p.host, p.missing or (f"replays {p.replay}" if p.replay else "ready")] for p in found],
            ["NAME", "KIND", "HOST", "STATE"],
        )
    return 0


def run_show(args: argparse.Namespace) -> int:
    """One profile."""
    from workbench.workflow.profile_facts import facts_of, rows_of

    context = context_of(args)
    facts = facts_of(context, context.profile(args.name), own=args.name in context.config.profiles)
    if args.json:
        output.emit_json(facts)
        return 0
    for name, text in (("kind", facts.kind), ("state", facts.missing or "ready"), *rows_of(facts)):
        output.say(f"{name:<10}  {text}")
    return 0


def run_add(args: argparse.Namespace) -> int:
    """Keep a profile, and say what it still misses."""
    from workbench.workflow.profiles import add_profile

    context = context_of(args)
    return _kept(args, context, add_profile(context, args.name, replace=args.replace, **_fields(args)))


def run_edit(args: argparse.Namespace) -> int:
    """Change a profile, and say what it still misses."""
    from workbench.workflow.profiles import change_profile

    context = context_of(args)
    return _kept(args, context, change_profile(context, args.name, **_fields(args)))


def _fields(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "kind": args.kind,
        "base_url": args.url,
        "api_key_env": args.key_env,
        "api_key_command": args.key_command,
        "auth": None if args.entra is None else "entra" if args.entra else "key",
        "resource_id": args.resource_id,
        "replay": args.replay,
        "embedding_model": args.embedding_model,
        "concurrency": args.concurrency,
    }


def _kept(args: argparse.Namespace, context: Any, profile: Any) -> int:
    from workbench.workflow.profile_facts import facts_of

    facts = facts_of(context, profile)
    if args.json:
        output.emit_json(facts)
    else:
        state = facts.missing or f"`ftwb profile test {profile.name}` tries it"
        output.say(f"profile {profile.name} ({profile.kind}) is kept; {state}")
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Try what the profile claims to have; exit code 3 where something does not answer."""
    from workbench.workflow.profiles import try_profile

    context = context_of(args)
    found, replay = run_async(try_profile(context, args.name)), context.profile(args.name).replay
    if args.json:
        output.emit_json(
            {"name": args.name, "ok": found.ok, "calls": found.probes, "models": found.models, "replay": replay}
        )
    else:
        output.table(
            [[p.call, "ok" if p.ok else "no", f"{p.seconds:.2f} s", p.detail] for p in found.probes],
            ["CALL", "ANSWERS", "TOOK", "SAID"],
        )
        if replay:
            output.say(f"recorded: the recording {replay} answered, no provider")
        for model in found.models[:20]:
            output.say(f"  {model.id}" + (f" (retires {model.retires})" if model.retires else ""))
        if len(found.models) > 20:
            output.say(f"  and {len(found.models) - 20} more: `ftwb model list --profile {args.name}`")
    return 0 if found.ok else 3


def run_remove(args: argparse.Namespace) -> int:
    """Forget a profile."""
    from workbench.workflow.profiles import remove_profile

    shipped = remove_profile(context_of(args), args.name)
    if args.json:
        output.emit_json({"name": args.name, "removed": True})
    else:
        output.say(f"profile {args.name} is {'as it comes with ftwb again' if shipped else 'forgotten'}")
    return 0
