"""A text in the person's own editor, while the app stands aside."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import WorkbenchError

COMMON = ("nano", "vi")
"""What is tried where neither VISUAL nor EDITOR is set."""


class EditorError(WorkbenchError):
    """The person's editor could not be used."""

    code = "editor"


def editor_command(environ: Mapping[str, str]) -> list[str]:
    """The command of `VISUAL`, else of `EDITOR`, else what most systems have; raises EditorError."""
    for name in ("VISUAL", "EDITOR"):
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            command = shlex.split(text)
        except ValueError as error:
            raise EditorError(f"{name} ({text!r})", f"is no command ({error})", "correct it and start again") from error
        if shutil.which(command[0], path=environ.get("PATH")) is None:
            raise EditorError(f"{name} ({text!r})", "is not installed here", "set it to an editor that is")
        return command
    for name in COMMON:
        if shutil.which(name, path=environ.get("PATH")) is not None:
            return [name]
    raise EditorError("no editor", "was found", "set EDITOR to one, for example `export EDITOR=nano`")


def edit_outside(text: str, environ: Mapping[str, str], suffix: str = ".txt") -> str:
    """`text` as the editor leaves it; the caller has given the terminal free.

    The line end that editors put behind the last line is taken away where the text had none. Raises EditorError where
    the editor fails; what was written then stays in its file, which the error names.
    """
    command = editor_command(environ)
    handle, name = tempfile.mkstemp(prefix="ftwb-", suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise EditorError(name, f"cannot be written ({error.strerror})", "check the free space") from error
    try:
        # The app's guard leads descriptors 1 and 2 to a log: the terminal is where sys.__stdout__ points meanwhile.
        ended = subprocess.run([*command, name], env=dict(environ), stdout=sys.__stdout__, stderr=sys.__stderr__)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise EditorError(command[0], f"cannot be started ({error.strerror})", "set EDITOR to another one") from error
    if ended.returncode != 0:
        raise EditorError(command[0], f"ended with status {ended.returncode}", f"what was written is in {name}")
    edited = _read_back(path)
    path.unlink(missing_ok=True)
    if edited.endswith("\n") and not text.endswith("\n") and edited != text:
        edited = edited.removesuffix("\n")
    return edited


def _read_back(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogatepass")
    except OSError as error:
        raise EditorError(str(path), f"cannot be read back ({error.strerror})", "nothing was changed") from error
    except UnicodeDecodeError as error:
        raise EditorError(str(path), "is no UTF-8 any more", "it is kept: save it as UTF-8 and paste it") from error
