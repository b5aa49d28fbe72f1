"""What an interpreter can train, asked of itself, and whether settings are among what it knows."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.engine.launchers.environment import child_environment
from workbench.errors import WorkbenchError

TIMEOUT_S = 180.0
"""Importing torch and TRL from a cold network disk takes its time; 8 s are usual."""

BOUNDS: dict[str, tuple[float, float]] = {
    "num_train_epochs": (1e-3, 10_000),
    "per_device_train_batch_size": (1, 65_536),
    "per_device_eval_batch_size": (1, 65_536),
    "gradient_accumulation_steps": (1, 65_536),
    "learning_rate": (1e-12, 10),
    "max_length": (8, 10_000_000),
    "lora_r": (1, 4096),
    "lora_alpha": (1e-3, 65_536),
    "lora_dropout": (0, 0.999),
    "logging_steps": (1e-9, 10**9),
    "eval_steps": (1e-9, 10**9),
    "save_steps": (1e-9, 10**9),
    "warmup_steps": (0, 10**9),
}
"""Least and most of settings whose other values would fail long after the job was accepted."""


class InterpreterUnusable(WorkbenchError):
    """A trainer_python does not run, or lacks what training needs."""

    code = "trainer_python"


class InvalidSetting(WorkbenchError):
    """A setting that the trainer does not know, or a value that it cannot take."""

    code = "invalid_setting"

    def __init__(self, setting: str, why: str, hint: str, code: str) -> None:
        super().__init__(f"setting {setting}", why, hint, code=code, exit_code=2)
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set."""

    name: str
    type: str
    """bool, int, float or str."""
    default: Any
    help: str
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One way to train."""

    name: str
    type: str
    """OpenAI's `method.type`: supervised or dpo."""
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What an interpreter can train."""

    python: str
    """Its version."""
    methods: tuple[Method, ...]
    versions: dict[str, str]
    cuda: bool
    executable: str = ""

    def method(self, name: str) -> Method | None:
        """The method of that name."""
        return next((method for method in self.methods if method.name == name), None)


@dataclass(slots=True)
class _Memory:
    """Probes of this process, by interpreter; concurrent askers wait for one probe."""

    results: dict[str, ProbeResult] = field(default_factory=dict)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)


_memory = _Memory()


def trainer_folder(method: str) -> Path:
    """The trainer of `method`, to be copied into the job. Raises InvalidSetting."""
    folder = Path(__file__).parent / method
    if not (folder / "__main__.py").exists():
        raise InvalidSetting("method", f"{method!r} is not a method of this version", "use sft", "unknown_method")
    return folder


async def probe(python: str, cache: Path | None = None) -> ProbeResult:
    """What `python` (a path, or a command such as `apptainer exec image.sif python`) can train.

    The answer is kept for as long as the packages' versions stay the same; asking for those takes a moment where the
    whole probe imports torch. `cache` is a folder that keeps answers beyond this process. Raises InterpreterUnusable.
    """
    async with _memory.locks.setdefault(python, asyncio.Lock()):
        versions = await _ask(python, "--versions")
        key = _key(python, versions)
        if key not in _memory.results:
            known = _recall(cache, key)
            if known is None:
                answer = await _ask(python, "--probe")
                known = _parse(answer)
                _remember(cache, key, answer)
            _memory.results[key] = known
        return _memory.results[key]


def _recall(cache: Path | None, key: str) -> ProbeResult | None:
    """The answer of an earlier process, unless it is missing or broken."""
    if cache is None:
        return None
    try:
        return _parse(json.loads((cache / f"{key}.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _remember(cache: Path | None, key: str, answer: dict[str, Any]) -> None:
    if cache is None:
        return
    cache.mkdir(parents=True, exist_ok=True)
    temporary = cache / f".{key}.{os.getpid()}"
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace(cache / f"{key}.json")


def _key(python: str, versions: dict[str, Any]) -> str:
    """Names an answer: the interpreter, its packages, and the trainer that asks."""
    digest = hashlib.sha256(json.dumps([python, versions], sort_keys=True).encode())
    for file in sorted(trainer_folder("sft").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


async def _ask(python: str, question: str) -> dict[str, Any]:
    """Run the trainer folder with `question` and read its JSON line."""
    command = _command(python)
    environment = child_environment()
    try:
        process = await asyncio.create_subprocess_exec(
            *command, str(trainer_folder("sft")), question, env=environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except (OSError, IndexError) as error:
        raise InterpreterUnusable(
            f"trainer_python {python}", "does not run", "give the path of a Python that has trl and peft"
        ) from error
    try:
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    except TimeoutError as error:
        raise InterpreterUnusable(
            f"trainer_python {python}", "did not answer in time", "check the interpreter"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer = json.loads(out.decode(errors="replace").strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        words = err.decode(errors="replace").strip().splitlines()
        why = words[-1][:200] if words else f"ended with status {process.returncode}"
        raise InterpreterUnusable(f"trainer_python {python}", why, "give a Python that has trl and peft") from error
    if isinstance(answer, dict) and "error" in answer:
        raise InterpreterUnusable(
            f"trainer_python {python}", str(answer["error"]), "run `pip install ftwb[local]`, or pip install trl peft"
        )
    return dict(answer)


def _command(python: str) -> list[str]:
    """A path as it is, spaces and all; else a command with arguments."""
    return [python] if Path(python).exists() else shlex.split(python)


def _parse(answer: dict[str, Any]) -> ProbeResult:
    methods = []
    for method in answer["methods"]:
        settings = [
            Setting(**{**setting, "choices": tuple(setting["choices"]) if setting.get("choices") else None})
            for setting in method["settings"]
        ]
        methods.append(Method(method["name"], method["type"], tuple(settings)))
    return ProbeResult(
        answer["python"], tuple(methods), dict(answer["versions"]), bool(answer["cuda"]), answer.get("executable", "")
    )


def check_settings(result: ProbeResult, method: str, settings: Mapping[str, Any]) -> None:
    """Raises InvalidSetting for the first setting that the method of that interpreter does not know or cannot take."""
    found = result.method(method)
    if found is None:
        names = ", ".join(item.name for item in result.methods)
        raise InvalidSetting("method", f"{method!r} is not known", f"use one of: {names}", "unknown_method")
    known = {setting.name: setting for setting in found.settings}
    for name, value in settings.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "`ftwb job create --help` lists them"
            trl = result.versions.get("trl", "")
            raise InvalidSetting(name, f"is not a setting of {method} with TRL {trl}", hint, "unknown_setting")
        _check_value(known[name], value)


def _check_value(setting: Setting, value: Any) -> None:
    if value == setting.default or (value is None and setting.default is None):
        return
    fits = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "str": isinstance(value, str),
    }[setting.type]
    if not fits:
        raise InvalidSetting(
            setting.name,
            f"takes {setting.type}, not {json.dumps(value)}",
            f"its default is {setting.default}",
            "invalid_setting",
        )
    if setting.choices and value not in setting.choices:
        close = difflib.get_close_matches(str(value), setting.choices, n=1)
        hint = f"did you mean {close[0]}?" if close else f"use one of: {', '.join(setting.choices)}"
        raise InvalidSetting(setting.name, f"{value!r} is not one of its values", hint, "invalid_setting")
    low, high = BOUNDS.get(setting.name, (float("-inf"), float("inf")))
    if isinstance(value, int | float) and not low <= value <= high:
        raise InvalidSetting(setting.name, f"is {value}", f"use a number from {low:g} to {high:g}", "invalid_setting")
