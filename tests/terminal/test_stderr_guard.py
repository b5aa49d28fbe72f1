"""Nobody but Textual writes on the screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import ctypes, os, sys
from pathlib import Path
from workbench.terminal.stderr_guard import guarded_screen
with guarded_screen(Path(sys.argv[1])):
    libc = ctypes.CDLL(None)
    libc.write(2, b"from C, stderr\\n", 15)
    libc.write(1, b"from C, stdout\\n", 15)
    os.system("echo from a child")
    sys.__stderr__.write("the screen\\n"); sys.__stderr__.flush()
libc.write(2, b"afterwards\\n", 11)
print("and stdout", file=sys.__stdout__)
"""


def test_c_libraries_and_children_write_to_the_log_and_textual_to_the_terminal(tmp_path: Path) -> None:
    """File descriptors 1 and 2 lead to the log inside, to where they led before outside."""
    log = tmp_path / "log" / "ftwb.log"
    done = subprocess.run([sys.executable, "-c", CODE, str(log)], capture_output=True, text=True, check=True)
    assert log.read_text().splitlines() == ["from C, stderr", "from C, stdout", "from a child"]
    assert done.stderr.splitlines() == ["the screen", "afterwards"]
    assert done.stdout.splitlines() == ["and stdout"]


def test_the_size_of_the_terminal_is_still_known() -> None:
    """`shutil.get_terminal_size` asks `sys.__stdout__`: it must be the terminal, not the log."""
    import pexpect

    code = (
        "import os, shutil; from pathlib import Path\n"
        "from workbench.terminal.bandwidth import prepare_environment\n"
        "prepare_environment(os.environ)\n"
        "from workbench.terminal.stderr_guard import guarded_screen\n"
        "with guarded_screen(Path(os.devnull)):\n"
        "    size = shutil.get_terminal_size((1, 1))\n"
        "print(tuple(size))"
    )
    child = pexpect.spawn(sys.executable, ["-c", code], dimensions=(33, 101), timeout=30, encoding="utf-8")
    child.expect_exact("(101, 33)")
