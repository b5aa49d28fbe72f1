"""How a command line is read, and how it fails: one line, one document, the right code, in every place and encoding."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench.cli.entry import COMMANDS, build_parser
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
TEN = [(f"question number {n}", f"answer {n % 3}") for n in range(12)]
MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.mark.parametrize(
    "arguments",
    [
        ("dataset",),
        ("job", "create"),
        ("job", "show"),
        ("engine", "start", "--no-such"),
        ("datset", "check", "x.jsonl"),
    ],
)
def test_wrong_usage_is_one_line_and_with_json_a_document(ftwb: Ftwb, arguments: tuple[str, ...]) -> None:
    ran = ftwb(*arguments, "--json")
    assert ran.code == 2
    assert ran.err.count("\n") == 1 and ran.err.startswith("ftwb: ")
    assert set(ran.json["error"]) == {"code", "message", "hint"}


def test_options_are_not_taken_by_half_their_names(ftwb: Ftwb, tmp_path: Path) -> None:
    """`--work` of today would be another option of tomorrow."""
    assert ftwb("--work", str(tmp_path / "other"), "project", "list").code == 2


@pytest.mark.parametrize("where", range(4))
def test_shared_options_stand_anywhere(ftwb: Ftwb, tmp_path: Path, where: int) -> None:
    words = ["project", "new", "mine"]
    words[where:where] = ["--workspace", str(tmp_path / "elsewhere"), "--json"]
    assert ftwb(*words).json["name"] == "mine"
    assert (tmp_path / "elsewhere" / "projects" / "mine" / "project.toml").is_file()


def test_a_file_named_like_a_command_is_opened_after_two_dashes(
    ftwb: Ftwb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dataset").write_text("{}\n")
    assert "needs a terminal" in ftwb("--", "dataset").err
    assert "needs a terminal" in ftwb("./dataset").err
    assert "needs a terminal" in ftwb("--start", "jobs", "--low-bandwidth").err


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "--limit", "0"),
        ("evaluate", "--limit", "-1"),
        ("evaluate", "--repeat", "0"),
        ("evaluate", "--max-tokens", "0"),
        ("evaluate", "--temperature", "-1"),
        ("chat", "--temperature", "nan", "hello"),
        ("decide", "--requests-per-month", "0"),
        ("dataset", "stats", "x.jsonl", "--max-tokens", "-5"),
        ("project", "list", "--workspace", ""),
    ],
)
def test_numbers_that_mean_nothing_are_usage_errors(ftwb: Ftwb, arguments: tuple[str, ...]) -> None:
    assert ftwb(*arguments).code == 2


def test_a_refusal_of_the_system_names_its_place(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/srv/locked")

    monkeypatch.setattr("workbench.workflow.doctor.doctor", refused)
    ran = ftwb("doctor", "--json")
    assert ran.code == 1
    assert ran.err.startswith("ftwb: /srv/locked: permission denied; ")
    assert json.loads(ran.out)["error"]["code"] == "os"


def test_an_error_of_many_lines_is_said_on_one(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("workbench.workflow.doctor.doctor", broken)
    assert ftwb("doctor").err.count("\n") == 1


def in_a_process(*arguments: str | bytes, home: Path, stdout: int = subprocess.PIPE, **environ: str):
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | {"FTWB_HOME": str(home)} | environ,
        timeout=60,
    )


def test_a_file_name_that_is_no_unicode_is_answered_in_json(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    file.write_text('{"messages": [{"role": "user", "content": "é"}]}\n')
    done = in_a_process("dataset", "check", os.fsencode(file), "--json", home=tmp_path / "home")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["file"].endswith("caf\udce9.jsonl")


def test_a_terminal_of_ascii_gets_json_and_text(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = in_a_process("project", "new", "x", "--title", "Brötchen", "--json", home=home, PYTHONIOENCODING="ascii")
    assert json.loads(made.stdout)["title"] == "Brötchen"
    shown = in_a_process("project", "show", "x", home=home, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0 and b"Br\\xf6tchen" in shown.stdout


def test_a_full_disk_behind_stdout_is_said(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = in_a_process("profile", "list", home=tmp_path / "home", stdout=full.fileno())
    assert done.returncode == 1
    assert done.stderr.startswith(b"ftwb: ") and done.stderr.count(b"\n") == 1


def test_a_reader_that_has_gone_gets_no_complaint(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = in_a_process("profile", "list", home=tmp_path / "home", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_ctrl_c_on_wait_detaches_and_tells_the_job(provider: FakeProvider, tmp_path: Path, chat_file) -> None:
    """130, the job as it is on stdout, and it runs on at the provider."""
    train = str(chat_file("train.jsonl", *TEN))
    words = ["job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--wait", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"FTWB_HOME": str(tmp_path / "home")},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "detaches" in line:
            break
    seen = len(provider.requests)
    while len(provider.requests) == seen:  # it follows
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["id"] == provider.jobs[0]["id"]
    assert "runs on" in err and "Traceback" not in err
    assert provider.jobs[0]["status"] not in ("cancelled", "failed")


def test_a_job_that_ends_badly_under_wait_ends_with_1_and_says_why(
    ftwb: Ftwb, provider: FakeProvider, chat_file, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.providers import jobs

    create = jobs.create_job

    async def created_and_failed(*args, **more):
        job = await create(*args, **more)
        provider.end_with("failed", job.id, error={"code": "x", "message": "no room"})
        return job

    monkeypatch.setattr(jobs, "create_job", created_and_failed)
    train = str(chat_file("train.jsonl", *TEN))
    ran = ftwb("job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--wait", "--json")
    assert ran.code == 1
    assert ran.json["status"] == "failed"
    assert ran.err.splitlines()[-1].startswith("ftwb: job ") and "no room" in ran.err.splitlines()[-1]


def test_an_error_in_a_stream_of_json_lines_is_a_line(ftwb: Ftwb, provider: FakeProvider, chat_file) -> None:
    train = str(chat_file("train.jsonl", *TEN))
    made = ftwb("job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--json").json
    ftwb("job", "events", made["id"])
    provider.fail(f"/jobs/{made['id']}", status=401, times=9, body={"error": {"message": "who?", "type": "x"}})
    ran = ftwb("job", "events", made["id"], "--follow", "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 1
    assert [sorted(line)[0] for line in lines[:-1]] == ["created_at"] * (len(lines) - 1)
    assert set(lines[-1]) == {"error"}


def test_what_was_last_seen_is_called_so(ftwb: Ftwb, provider: FakeProvider, chat_file) -> None:
    """A job of yesterday must not pass for the job of today."""
    train = str(chat_file("train.jsonl", *TEN))
    made = ftwb("job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--json").json
    provider.fail(f"/jobs/{made['id']}", status=401, times=9, body={"error": {"message": "who?", "type": "x"}})
    for verb in ("show", "events"):
        ran = ftwb("job", verb, made["id"], "--json")
        assert ran.code == 0 and "last seen" in ran.err and "who?" in ran.err, (verb, ran)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--scorer", "nope", "--candidate", "local/starter"), "scorer"),
        (("--scorer", "exact", "--candidate", "local/starter+few-shot:5"), "candidate_lacks"),
        (("--scorer", "exact", "--candidate", "local/starter", "--candidate", "nope/x"), "unknown_profile"),
        (("--scorer", "exact", "--candidate", "local/starter", "--candidate", "azure/x"), "profile_incomplete"),
        (("--scorer", "exact", "--scorer-arg", "a=b", "--candidate", "local/starter"), "scorer"),
        (("--scorer", "exact"), "no_candidate"),
    ],
)
def test_a_wrong_run_is_refused_before_the_engine_starts(
    ftwb: Ftwb, tmp_path: Path, chat_file, words: tuple[str, ...], code: str
) -> None:
    ran = ftwb("evaluate", "--test", str(chat_file("test.jsonl", *TEN)), *words, "--json")
    assert ran.code in (1, 2) and ran.json["error"]["code"] == code
    assert not (tmp_path / "home" / "engine").exists()


def test_another_test_set_is_another_task(ftwb: Ftwb, provider: FakeProvider, chat_file, tmp_path: Path) -> None:
    """The open project's limit of 48 tokens and its frozen hash are those of its own records."""
    ftwb("project", "show")
    document = tmp_path / "home" / "projects" / "default" / "project.toml"
    document.write_text(document.read_text().replace("[task]", '[task]\ntest_sha256 = "0"\nsystem = "A recipe."'))
    test = str(chat_file("test.jsonl", *TEN))
    ran = ftwb("evaluate", "--test", test, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--yes", "--json")
    assert ran.code == 0, ran.err
    asked = next(one.json for one in provider.requests if one.path.endswith("/chat/completions"))
    assert asked["max_tokens"] == 256
    assert [message["role"] for message in asked["messages"]] == ["user"]


def test_a_project_of_files_that_are_not_there_is_not_made(ftwb: Ftwb) -> None:
    assert ftwb("project", "new", "mine", "--train", "nowhere.jsonl").code == 1
    assert ftwb("project", "new", "mine", "--scorer", "nope").code == 2
    assert "mine" not in {one["name"] for one in ftwb("project", "list", "--json").json["projects"]}


def test_a_project_is_found_by_the_name_it_was_given(ftwb: Ftwb) -> None:
    ftwb("project", "new", "My Project")
    assert ftwb("--project", "My Project", "project", "show", "--json").json["name"] == "my-project"


@pytest.mark.parametrize("name", ["../../outside", "a/b", "..", "."])
def test_a_project_name_leads_nowhere_else(ftwb: Ftwb, tmp_path: Path, name: str) -> None:
    ftwb("project", "list")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "project.toml").write_text("schema_version = 1\n")
    ran = ftwb("--project", name, "project", "show", "--json")
    assert ran.code == 1 and ran.json["error"]["code"] == "unknown_project"


def test_a_broken_configuration_is_a_finding_of_the_doctor(ftwb: Ftwb, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("profiles = [\n")
    ran = ftwb("doctor", "--json")
    assert ran.code == 3
    (found,) = [check for check in ran.json["checks"] if check["name"] == "configuration"]
    assert not found["ok"] and "config.toml" in found["detail"]


def test_every_command_is_found_in_its_module() -> None:
    """Only the module of the command that is asked for is loaded: the table has to be right, and whole."""
    help_text = build_parser().format_help()
    for command in COMMANDS:
        assert f"    {command} " in help_text
        with pytest.raises(SystemExit):
            build_parser(command).parse_args([command, "--help"])
    shown = re.findall(r"^    ([a-z]+) ", help_text, flags=re.M)
    assert shown == list(COMMANDS)


def test_one_command_loads_no_other() -> None:
    code = "import sys\nfrom workbench.cli.entry import main\nmain(['doctor', '--no-such'])\n"
    code += "print([name for name in sys.modules if name in ('workbench.cli.job', 'workbench.cli.dataset')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
