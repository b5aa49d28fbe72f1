"""Sockets: a private Unix socket on local disk, and TCP where a person asks for it."""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import WorkbenchError

LONGEST_PATH = 107
"""Bytes of an AF_UNIX path on Linux: `sun_path` has 108, the last one is 0 (macOS: 103)."""
BACKLOG = 128


class SocketTrouble(WorkbenchError):
    """A socket cannot be opened."""

    code = "socket"


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The private folder for sockets: `$XDG_RUNTIME_DIR/ftwb`, else `/tmp/ftwb-UID`. Made with mode 0700.

    Raises SocketTrouble where it is a link, is somebody else's, or is open to others: whoever could write there could
    pose as the engine.
    """
    parent = environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(parent) / "ftwb" if parent and Path(parent).is_dir() else Path(f"/tmp/ftwb-{os.getuid()}")  # noqa: S108
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise SocketTrouble(str(folder), f"cannot be made ({error.strerror})", "set XDG_RUNTIME_DIR") from error
    check_private(folder)
    return folder


def check_private(folder: Path) -> None:
    """Raise SocketTrouble unless `folder` is a real folder of this user with mode 0700."""
    facts = folder.lstat()
    if stat.S_ISLNK(facts.st_mode) or not stat.S_ISDIR(facts.st_mode):
        raise SocketTrouble(str(folder), "is not a folder but a link or file", "remove it")
    if facts.st_uid != os.getuid():
        raise SocketTrouble(
            str(folder), f"belongs to another user (uid {facts.st_uid})", "set XDG_RUNTIME_DIR to a folder of yours"
        )
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise SocketTrouble(str(folder), "is open to other users", f"chmod 700 {folder}")


def socket_path(home: Path, folder: Path) -> Path:
    """The engine's socket of one workspace: short, the same for each path that leads to it.

    Raises SocketTrouble where it is longer than a socket path may be.
    """
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    path = folder / f"{digest}.sock"
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        raise SocketTrouble(
            str(path),
            f"is too long for a socket ({length} bytes, {LONGEST_PATH} fit)",
            "set XDG_RUNTIME_DIR to a shorter folder",
        )
    return path


def bind_unix(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0600, in place of a dead one. Call only with the engine's lock held."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SocketTrouble(str(path), f"cannot be a socket ({error.strerror})", "set XDG_RUNTIME_DIR") from error
    listener.setblocking(False)
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises SocketTrouble with code `port_taken`, `port_forbidden` or `host_unknown`."""
    place = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise SocketTrouble(place, "is no address of this machine", "try 127.0.0.1", code="host_unknown") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SocketTrouble(
                f"port {port}", f"is taken on {host}", "choose another with --port", code="port_taken"
            ) from error
        if error.errno == errno.EACCES:
            raise SocketTrouble(
                f"port {port}", "needs more rights than this user has", "choose one above 1023", code="port_forbidden"
            ) from error
        raise SocketTrouble(
            place, f"cannot be listened on ({error.strerror})", "try 127.0.0.1", code="host_unknown"
        ) from error
    listener.setblocking(False)
    return listener
