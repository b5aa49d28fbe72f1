"""The document store: nobody's save is lost, nothing broken is overwritten, nothing unknown is dropped."""

from __future__ import annotations

import errno
import os
import random
import shutil
import stat
import tempfile
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from workbench.errors import WorkbenchError
from workbench.workspace.errors import BrokenDocument, NewerDocument, WorkspaceLocked
from workbench.workspace.lock import Lock, flock, no_kernel_locks
from workbench.workspace.store import Store


class Profile(BaseModel):
    """A nested table that does not keep extra keys by itself."""

    name: str = ""
    url: str | None = None


class Config(BaseModel):
    model_config = ConfigDict(extra="allow")
    schema_version: int = 1
    count: int = 0
    text: str = ""
    folder: Path | None = None
    opened: datetime | None = None
    marks: dict[str, int] = {}
    profiles: list[Profile] = []
    main: Profile = Profile()


def count_up(config: Config) -> Config:
    return config.model_copy(update={"count": config.count + 1})


def test_a_missing_document_reads_as_a_fresh_one_and_nothing_is_written(tmp_path: Path) -> None:
    assert Store(tmp_path / "w").read("config.toml", Config) == Config()
    assert not (tmp_path / "w").exists()


def test_what_was_saved_is_read_back_and_only_its_owner_may(tmp_path: Path) -> None:
    store = Store(tmp_path / "w")
    at = datetime(2026, 11, 22, 10, 20, tzinfo=UTC)
    saved = store.update("projects/demo/project.toml", Config, lambda _: Config(folder=Path("/x"), opened=at))
    assert store.read("projects/demo/project.toml", Config) == saved
    assert tomllib.loads((tmp_path / "w/projects/demo/project.toml").read_text())["opened"] == at
    for path in (tmp_path / "w").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700


def test_unknown_keys_survive_at_every_depth(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'schema_version = 1\nfuture = 2026-11-22\n[main]\nname = "a"\nlater = "kept"\n'
        '[[profiles]]\nname = "p"\nextra = 7\n[[profiles]]\nname = "q"\n[unknown.table]\ndeep = [1, 2]\n'
    )
    Store(tmp_path).update("config.toml", Config, count_up)
    found = tomllib.loads((tmp_path / "config.toml").read_text())
    assert found["count"] == 1
    assert found["future"].isoformat() == "2026-11-22"
    assert found["main"] == {"name": "a", "later": "kept"}
    assert found["profiles"] == [{"name": "p", "extra": 7}, {"name": "q"}]
    assert found["unknown"] == {"table": {"deep": [1, 2]}}


def test_a_key_that_was_set_to_none_or_removed_goes_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "config.toml").write_text('mine = 1\n[main]\nname = "a"\nurl = "u"\n[marks]\na = 1\nb = 2\n')

    def change(config: Config) -> Config:
        del config.__pydantic_extra__["mine"]  # type: ignore[union-attr]
        return config.model_copy(update={"main": Profile(name="a"), "marks": {"b": 2}})

    store.update("config.toml", Config, change)
    found = tomllib.loads((tmp_path / "config.toml").read_text())
    assert found["main"] == {"name": "a"}
    assert found["marks"] == {"b": 2}
    assert "mine" not in found


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8")),
    marks=st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(-(2**63), 2**63 - 1)),
)
def test_any_text_and_any_key_comes_back_as_it_was(text: str, marks: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.update("a.toml", Config, lambda c: c.model_copy(update={"text": text, "marks": marks}))
        found = store.read("a.toml", Config)
        assert (found.text, found.marks) == (text, marks)


def test_a_name_that_is_not_unicode_is_refused_with_a_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.update("a.toml", Config, count_up)
    with pytest.raises(WorkbenchError, match="not valid Unicode"):
        store.update("a.toml", Config, lambda c: c.model_copy(update={"text": "caf\udce9.jsonl"}))
    assert store.read("a.toml", Config).count == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"count = 1\ntext = \n", 2),
        (b"count = 1\n\n[main\n", 3),
        (b'count = 1\ntext = "half', 2),
        (b"count = 1\ntext = 'caf\xe9'\n", 2),
        (b"schema_version = 1\ncount = 'many'\n", 2),
        (b"[main]\nname = 'a'\n[[profiles]]\nname = 'x'\n[[profiles]]\nname = 4\n", 6),
        (b"count = 1\nschema_version = 'one'\n", None),
    ],
)
def test_a_broken_document_is_named_with_its_line_and_stays_as_it_is(
    tmp_path: Path, content: bytes, line: int | None
) -> None:
    store = Store(tmp_path)
    path = tmp_path / "config.toml"
    store.update("config.toml", Config, count_up)
    store.update("config.toml", Config, count_up)
    path.write_bytes(content)
    for attempt in (lambda: store.read("config.toml", Config), lambda: store.update("config.toml", Config, count_up)):
        with pytest.raises(BrokenDocument) as caught:
            attempt()
        assert caught.value.line == line
        assert "config.toml" in caught.value.what
        assert "config.toml.bak" in caught.value.hint
        assert path.read_bytes() == content
    store.restore("config.toml")
    assert store.read("config.toml", Config).count == 1
    assert (tmp_path / "config.toml.broken.bak").read_bytes() == content


def test_a_file_that_was_emptied_is_broken_but_an_empty_one_of_a_person_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "config.toml").touch()
    assert store.update("config.toml", Config, count_up).count == 1
    (tmp_path / "config.toml").write_bytes(b"")
    with pytest.raises(BrokenDocument, match="is empty, and it was not"):
        store.update("config.toml", Config, count_up)


def test_an_editor_s_byte_order_mark_and_windows_lines_are_let_pass(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbfcount = 3\r\ntext = 'x'\r\n")
    assert Store(tmp_path).read("config.toml", Config).count == 3


def test_a_linked_document_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("count = 1\n")
    (tmp_path / "w").mkdir()
    (tmp_path / "w/config.toml").symlink_to(real)
    Store(tmp_path / "w").update("config.toml", Config, count_up)
    assert (tmp_path / "w/config.toml").is_symlink()
    assert tomllib.loads(real.read_text())["count"] == 2


def test_the_last_good_copy_is_the_one_before(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(3):
        store.update("a.toml", Config, count_up)
    assert tomllib.loads((tmp_path / "a.toml.bak").read_text())["count"] == 2
    store.update("a.toml", Config, lambda c: c)
    assert tomllib.loads((tmp_path / "a.toml.bak").read_text())["count"] == 2, "nothing changed, nothing saved"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path: Path, code: int) -> None:
    Store(tmp_path).update("a.toml", Config, count_up)

    def full(fd: int, data: bytes) -> int:
        if os.fstat(fd).st_size:
            raise OSError(code, os.strerror(code))
        return os.write(fd, data[:3])

    with pytest.raises(WorkbenchError, match="no space is left") as caught:
        Store(tmp_path, write=full).update("a.toml", Config, count_up)
    assert caught.value.code == "disk_full"
    assert Store(tmp_path).read("a.toml", Config).count == 1
    assert not [path for path in tmp_path.iterdir() if path.name not in {"a.toml", ".lock"}]


def test_a_read_only_workspace_is_said_in_a_sentence_and_can_be_read() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    Store(folder).update("a.toml", Config, count_up)
    for path in (folder / "a.toml", folder / ".lock"):
        path.chmod(0o444)
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may write everywhere
    try:
        assert Store(folder).read("a.toml", Config).count == 1
        with pytest.raises(WorkbenchError, match=r"read-only.*--workspace") as caught:
            Store(folder).update("a.toml", Config, count_up)
        assert caught.value.code == "read_only"
        with pytest.raises(WorkbenchError, match="read-only"):
            Store(folder).check_writable()
        with pytest.raises(WorkbenchError, match="read-only"):
            Store(folder / "new").update("a.toml", Config, count_up)
    finally:
        os.seteuid(user)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_workspace_that_is_a_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("x")
    with pytest.raises(WorkbenchError, match="a file is where a folder should be"):
        Store(tmp_path / "w").update("a.toml", Config, count_up)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        Store(tmp_path / "w").read("a.toml", Config)


@pytest.mark.parametrize("relative", ["/etc/passwd", "../a.toml", "x/../../a.toml", ""])
def test_a_path_out_of_the_workspace_is_refused(tmp_path: Path, relative: str) -> None:
    with pytest.raises(ValueError, match="not a path below"):
        Store(tmp_path).read(relative, Config)


def test_list_exists_and_delete_see_documents_and_not_their_backups(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("projects/b/project.toml", "projects/a/project.toml"):
        store.update(name, Config, count_up)
        store.update(name, Config, count_up)
    assert store.list("projects/*/*") == ["projects/a/project.toml", "projects/b/project.toml"]
    store.delete("projects/a/project.toml")
    store.delete("projects/never/was.toml")
    assert not store.exists("projects/a/project.toml")
    assert list((tmp_path / "projects/a").iterdir()) == []


class Older(BaseModel):
    model_config = ConfigDict(extra="allow")
    schema_version: int = 3
    MIGRATIONS: ClassVar[Mapping[int, Any]] = {
        1: lambda raw: {**{k: v for k, v in raw.items() if k != "nmae"}, "name": raw["nmae"]},
        2: lambda raw: {"names": [raw.pop("name")], **raw},
    }
    names: list[str] = []


def test_an_older_schema_is_migrated_in_order_with_a_backup_and_its_unknown_keys(tmp_path: Path) -> None:
    original = 'schema_version = 1\nnmae = "x"\nother = true\n'
    (tmp_path / "a.toml").write_text(original)
    store = Store(tmp_path)
    assert store.read("a.toml", Older).names == ["x"]
    assert (tmp_path / "a.toml").read_text() == original, "reading writes nothing"
    store.update("a.toml", Older, lambda d: d)
    assert tomllib.loads((tmp_path / "a.toml").read_text()) == {"schema_version": 3, "names": ["x"], "other": True}
    assert (tmp_path / "a.toml.v1.bak").read_text() == original


def test_a_newer_schema_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("schema_version = 9\n")
    for attempt in (Store(tmp_path).read, lambda n, k: Store(tmp_path).update(n, k, count_up)):
        with pytest.raises(NewerDocument, match=r"newer ftwb \(schema 9; this one knows up to 1\); upgrade"):
            attempt("a.toml", Config)
    assert (tmp_path / "a.toml").read_text() == "schema_version = 9\n"


def _save_many(root: Path, name: str, times: int, host: str | None, kernel: Any) -> None:
    store = Store(root, lock=Lock(root, timeout_s=60, host=host, kernel=kernel))
    for index in range(times):
        store.update(
            "a.toml",
            Config,
            lambda c, i=index: c.model_copy(update={"count": c.count + 1, "marks": {**c.marks, f"{name}{i}": i}}),
        )


def test_two_processes_and_a_second_host_saving_at_once_lose_nothing(tmp_path: Path) -> None:
    """The second host's file system has no kernel locks, so only the soft lock is between it and the others."""
    context = get_context("fork")
    savers = [
        context.Process(target=_save_many, args=(tmp_path, name, 20, host, kernel))
        for name, host, kernel in (("a", None, flock), ("b", None, flock), ("c", "other-host", no_kernel_locks))
    ]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    found = Store(tmp_path).read("a.toml", Config)
    assert [saver.exitcode for saver in savers] == [0, 0, 0]
    assert found.count == 60
    assert set(found.marks) == {f"{name}{index}" for name in "abc" for index in range(20)}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a.toml", "a.toml.bak"]


def _save_for_ever(root: Path, acknowledged: Any) -> None:
    store = Store(root)
    while True:
        acknowledged.value = store.update(
            "a.toml", Config, lambda c: c.model_copy(update={"count": c.count + 1, "text": "x" * 50_000})
        ).count


def test_kill_9_while_saving_never_tears_a_file_or_loses_an_acknowledged_save(tmp_path: Path) -> None:
    context = get_context("fork")
    acknowledged = context.Value("q", 0, lock=False)
    store = Store(tmp_path)
    seed = random.Random(4)
    for _ in range(30):
        before = acknowledged.value
        saver = context.Process(target=_save_for_ever, args=(tmp_path, acknowledged))
        saver.start()
        while acknowledged.value == before and saver.is_alive():
            time.sleep(0.001)
        time.sleep(seed.uniform(0, 0.01))
        saver.kill()
        saver.join()
        assert store.read("a.toml", Config).count in {acknowledged.value, acknowledged.value + 1}
        acknowledged.value = store.update("a.toml", Config, count_up).count
        assert len(tomllib.loads((tmp_path / "a.toml.bak").read_text())["text"]) == 50_000
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_held_lock_is_said_with_its_holder(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=0.05)
    with Lock(tmp_path).hold(), pytest.raises(WorkspaceLocked, match=f"process {os.getpid()} on "):
        store.update("a.toml", Config, count_up)
    other = Lock(tmp_path, host="elsewhere", kernel=no_kernel_locks)
    with other.hold(), pytest.raises(WorkspaceLocked, match="on elsewhere"):
        store.update("a.toml", Config, count_up)
    assert store.update("a.toml", Config, count_up).count == 1


@pytest.mark.parametrize(
    ("host", "boot", "kernel"),
    [(None, "an earlier boot", flock), (None, None, no_kernel_locks), (None, None, flock)],
    ids=["rebooted", "dead process without kernel locks", "dead process"],
)
def test_the_lock_of_a_dead_process_is_broken_at_once(
    tmp_path: Path, host: str | None, boot: str | None, kernel: Any
) -> None:
    def hold_and_die() -> None:
        with Lock(tmp_path, host=host, boot=boot, kernel=kernel).hold():
            os._exit(0)

    child = get_context("fork").Process(target=hold_and_die)
    child.start()
    child.join()
    assert (tmp_path / ".lock-holder").exists()
    Store(tmp_path, lock=Lock(tmp_path, timeout_s=1, kernel=kernel)).update("a.toml", Config, count_up)
    assert not (tmp_path / ".lock-holder").exists()


def test_another_host_s_lock_is_broken_only_when_it_is_a_minute_old_and_its_sleeper_notices(tmp_path: Path) -> None:
    sleeper = Store(tmp_path, lock=Lock(tmp_path, host="sleeper", kernel=no_kernel_locks))
    awake = Store(tmp_path, lock_timeout_s=1)
    calls = []

    def fall_asleep(config: Config) -> Config:
        if not calls:
            old = time.time() - 120
            os.utime(tmp_path / ".lock-holder", (old, old))
            awake.update("a.toml", Config, count_up)
        calls.append(config.count)
        return count_up(config)

    sleeper.update("a.toml", Config, fall_asleep)
    assert calls == [0, 1], "it started again on the newest state"
    assert awake.read("a.toml", Config).count == 2


def test_toml_stays_readable_by_anybody(tmp_path: Path) -> None:
    Store(tmp_path).update("a.toml", Config, lambda c: c.model_copy(update={"text": "two\nlines"}))
    assert '"""' not in (tmp_path / "a.toml").read_text()
    assert tomli_w.dumps(tomllib.loads((tmp_path / "a.toml").read_text())) == (tmp_path / "a.toml").read_text()
