"""Token counts: exact, offline, whatever the text."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.dataset.formats import RecordError
from workbench.dataset.tokens import counter_for, encoding_counter, load_encoding, template_counter
from workbench.errors import WorkbenchError


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("encoding", "text", "ids"),
    [
        ("cl100k_base", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
        ("cl100k_base", "2 + 2 = 4", [17, 489, 220, 17, 284, 220, 19]),
        ("o200k_base", "tiktoken is great!", [83, 8251, 2488, 382, 2212, 0]),
    ],
)
def test_the_shipped_vocabularies_are_the_real_ones(cache: Path, encoding: str, text: str, ids: list[int]) -> None:
    """Published vectors of tiktoken's documentation."""
    assert load_encoding(encoding, cache).encode_ordinary(text) == ids
    assert encoding_counter("cl100k_base", cache).text("お誕生日おめでとう") == 9
    assert encoding_counter("o200k_base", cache).text("お誕生日おめでとう") == 8


def test_text_that_looks_special_is_text(cache: Path) -> None:
    """No crash, and more than the one token it would be; half a surrogate counts as something too."""
    count = encoding_counter("o200k_base", cache).text
    assert count("<|endoftext|>") > 1
    assert count("a\ud800b") >= 1
    assert count("") == 0


def test_the_environment_is_left_as_it_was(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tiktoken's cache variable is the person's."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/somewhere/else")
    load_encoding("cl100k_base", cache)
    assert os.environ["TIKTOKEN_CACHE_DIR"] == "/somewhere/else"


PROGRAM = """
import sys
from pathlib import Path
from workbench.dataset.tokens import encoding_counter
print(encoding_counter("cl100k_base", Path(sys.argv[1])).text("tiktoken is great!"))
"""


def start(cache: Path) -> subprocess.Popen[str]:
    # Any way to the network is a closed door.
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_processes_that_start_at_once_share_one_cache(tmp_path: Path) -> None:
    """Each finds a whole vocabulary, and no temporary file stays."""
    running = [start(tmp_path) for _ in range(3)]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (out.strip(), process.returncode) == ("6", 0), err
    assert len(list((tmp_path / "tiktoken").iterdir())) == 1


def test_a_broken_cache_is_repaired(tmp_path: Path) -> None:
    """A file cut off by a full disk or a kill is written anew, not downloaded."""
    start(tmp_path).communicate(timeout=60)
    [vocabulary] = (tmp_path / "tiktoken").iterdir()
    whole = vocabulary.read_bytes()
    vocabulary.write_bytes(whole[:1000])
    process = start(tmp_path)
    assert process.communicate(timeout=60)[0].strip() == "6"
    assert vocabulary.read_bytes() == whole


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    """A file stands where the folder should be: not even root can write there."""
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    blocked.chmod(stat.S_IRUSR)
    assert start(blocked).communicate(timeout=60)[0].strip() == "6"


def test_an_encoding_that_is_not_shipped_is_one_sentence(tmp_path: Path) -> None:
    """Never a download."""
    with pytest.raises(WorkbenchError, match="r50k_base"):
        load_encoding("r50k_base", tmp_path)


def test_weights_cost_nothing_and_tools_make_it_an_estimate(cache: Path) -> None:
    """The cookbook's counter crashed on both."""
    counter = counter_for("gpt-4o", cache)
    plain = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello there"}]
    weighted = [plain[0], {**plain[1], "weight": 0}]
    assert counter.messages(plain) == counter.messages(weighted)
    # 3 for the conversation; 3, the role's token and the words for each message
    assert counter.messages(plain).total == 3 + (3 + 1 + 1) + (3 + 1 + 2)
    assert counter.messages(plain).assistant == 2 and counter.messages(plain).exact
    named = counter.messages([{**plain[0], "name": "Bob"}, plain[1]])
    assert named.total == counter.messages(plain).total + 1 + counter.text("Bob")
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    called = counter.messages([plain[0], {"role": "assistant", "content": None, "tool_calls": calls}])
    assert not called.exact and called.total > 10
    assert not counter.messages(plain, tools=[{"type": "function"}]).exact
    parts = counter.messages([{"role": "user", "content": [{"type": "text", "text": "hi"}]}, plain[1]])
    assert parts == counter.messages(plain)


CHATML = (
    "{% for message in messages %}{% if message.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    "{{ '<s> ' + message.role + ' : ' + message.content + ' </s>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s> assistant : ' }}{% endif %}"
)


def test_an_open_model_is_counted_by_its_own_template_and_tokenizer(tmp_path: Path) -> None:
    """What training will see, and what of it is trained; a template's refusal is the record's error."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "<s>", "</s>", ":", "user", "assistant", "hi", "hello", "there"]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    counter = template_counter(
        tmp_path / "tokenizer.json", name="tiny", chat_template=CHATML, bos_token="<s>", eos_token="</s>"
    )
    count = counter.messages([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello there"}])
    assert (count.total, count.assistant, count.exact) == (5 + 6, 3, True)
    assert counter.text("hello there") == 2
    with pytest.raises(RecordError, match="no tools here"):
        counter.messages([{"role": "tool", "content": "x"}])
