"""Building from a recipe: what a person did and saved, replayed; this month's recipe on next month's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.formats import Format, detect
from workbench.dataset.recipe.build import build, source_of
from workbench.dataset.recipe.document import Recipe, parse_recipe, read_recipe, write_recipe
from workbench.dataset.recipe.record import (
    extended,
    recipe_of,
    step_for_drop,
    step_for_insert,
    step_for_move,
    step_for_patch,
)
from workbench.dataset.recipe.replay import order_of, preview
from workbench.dataset.rows import Document, open_document, open_rows
from workbench.errors import WorkbenchError


def chat(*texts: str, **extra: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]} | extra


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def bulk(document: Document, step: dict[str, Any]) -> None:
    """What a dialog does: preview on all rows, then one undo step."""
    ids = [int(row) for row in document.ids()]
    fmt = detect(document.rows.sample()).format
    shown = preview(step, ((row, document.raw(row), document.line(row)) for row in ids), fmt)
    if shown.changes:
        document.replace({row: after for row, _, after in shown.changes}, title=shown.title, step=shown.step)
    elif shown.dropped and len(shown.dropped) < len(document):
        document.delete([row for row, _ in shown.dropped], title=shown.title, step=shown.step)


def bulk_on_some(document: Document, step: dict[str, Any], places: list[int]) -> None:
    """The same on records that a person picked."""
    ids = [document.id_at(place) for place in places]
    fmt = detect(document.rows.sample()).format
    records = [(row, document.raw(row), document.line(row)) for row in ids]
    shown = preview(step, records, fmt, chosen=document.position_of)
    if shown.changes:
        document.replace({row: after for row, _, after in shown.changes}, title=shown.title, step=shown.step)
    elif shown.dropped and len(shown.dropped) < len(document):
        document.delete([row for row, _ in shown.dropped], title=shown.title, step=shown.step)


def shuffled(document: Document, seed: int) -> None:
    """All records in another order."""
    step = {"kind": "order", "by": "shuffle", "seed": seed}
    records = [(int(row), document.raw(int(row)), None) for row in document.ids()]
    document.reorder(order_of(step, records, Format.CHAT), title="shuffle", step=step)


def by_hand(document: Document, data: st.DataObject) -> None:
    """One edit by hand, or an undo or redo."""
    kind = data.draw(st.sampled_from(["patch", "patch", "drop", "insert", "move", "undo", "redo"]))
    size = len(document)
    if kind == "undo":
        document.undo()
    elif kind == "redo":
        document.redo()
    elif kind == "insert":
        at = data.draw(st.integers(0, size))
        raws = [json.dumps(chat("new", data.draw(st.sampled_from("ab")))).encode()]
        document.insert(at, raws, title="insert", step=step_for_insert(raws, at))
    elif size:
        at = data.draw(st.integers(0, size - 1))
        row = document.id_at(at)
        raw = document.raw(row)
        if kind == "patch":
            after = data.draw(st.sampled_from([raw.replace(b"a", b"bc"), json.dumps(chat("x", "y")).encode()]))
            document.replace({row: after}, title="edit", step=step_for_patch(raw, after, at))
        elif kind == "drop" and size > 1:
            document.delete([row], title="delete", step=step_for_drop([(raw, at)]))
        elif kind == "move":
            to = data.draw(st.integers(0, size))
            document.move([row], to, title="move", step=step_for_move([(raw, at)], to))


FILES = [
    lines(chat("a", "<b>x</b>"), chat("b ", "y"), chat("a", "<b>x</b>"), chat("c", "a@example.com")),
    b"\xef\xbb\xbf\r\n" + lines(chat("a", "1"), chat("b", "2")).replace(b"\n", b"\r\n\r\n") + b'{"messages": []}',
    json.dumps([chat("a", "1"), chat("b", "2 "), chat("c", "3")], indent=2).encode() + b"\n",
    b'[{"messages":[]}]',
    lines(chat("a", "1")) + b"{broken\n" + lines(chat("a", "1"))[:-1],
]
STEPS = [
    {"kind": "clean", "fix": "html"},
    {"kind": "clean", "fix": "whitespace"},
    {"kind": "replace", "find": "a", "with": "zz", "roles": ["user"]},
    {"kind": "clean", "fix": "placeholders", "scope": "file"},
    {"kind": "dedupe"},
    {"kind": "drop", "rules": ["J001"]},
]


@settings(max_examples=60)
@given(data=st.data(), source=st.sampled_from(FILES))
def test_a_saved_document_and_its_replayed_steps_are_the_same_bytes(
    data: st.DataObject, source: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any edits by hand and in bulk, with undo and redo, on any layout of file."""
    folder = tmp_path_factory.mktemp("replay")
    path, saved, out = folder / "in.jsonl", folder / "saved.jsonl", folder / "out.jsonl"
    path.write_bytes(source)
    document = open_document(path, folder / "journals")
    document.index_rest()
    for _ in range(data.draw(st.integers(0, 8))):
        what = data.draw(st.sampled_from(["hand", "hand", "bulk", "some", "shuffle"]))
        if what == "hand":
            by_hand(document, data)
        elif what == "bulk":
            bulk(document, data.draw(st.sampled_from(STEPS)))
        elif what == "shuffle":
            shuffled(document, data.draw(st.integers(0, 3)))
        else:
            places = sorted(data.draw(st.sets(st.integers(0, len(document) - 1))))
            bulk_on_some(document, data.draw(st.sampled_from(STEPS)), places)
    recipe = recipe_of(document.steps(), made_on=source_of(path))
    document.save(saved)
    document.close()
    built = build(parse_recipe(recipe.dump()), path, out)
    assert out.read_bytes() == saved.read_bytes()
    assert [difference for difference in built.differences if difference.code != "share_changed"] == []


def test_the_recipe_of_one_month_is_replayed_on_the_next_months_file(tmp_path: Path) -> None:
    """Bulk steps do their work on what is new; hand edits find their records again; the rest is said."""
    march = [
        chat("Where is it?\n\nBest regards,\nAnn", "ACME sends it to ann@example.com."),
        chat("Typo hree", "Thanks"),
        chat("spam", "spam"),
        *(chat(f"question {number}", "yes") for number in range(6)),
    ]
    (tmp_path / "march.jsonl").write_bytes(lines(*march))
    document = open_document(tmp_path / "march.jsonl", tmp_path / "journals")
    document.index_rest()
    for step in ({"kind": "clean", "fix": "signatures"}, {"kind": "clean", "fix": "placeholders"}):
        bulk(document, step)
    raw = document.raw(document.id_at(1))
    fixed = raw.replace(b"hree", b"here")
    document.replace({document.id_at(1): fixed}, title="edit", step=step_for_patch(raw, fixed, 1))
    raw = document.raw(document.id_at(2))
    document.delete([document.id_at(2)], title="delete", step=step_for_drop([(raw, 2)]))
    made_on, steps = source_of(tmp_path / "march.jsonl"), document.steps()
    document.save()
    document.close()
    recipe = recipe_of(steps, name="support", made_on=made_on, gives=source_of(tmp_path / "march.jsonl"))
    write_recipe(recipe, tmp_path / "support.recipe.toml")

    april = [
        chat("Where is mine?\n\nBest regards,\nBob", "Sent to bob@example.com and bob@example.com.", ticket=5),
        chat("Typo hree", "Thanks"),
        {"messages": [{"role": "developer", "content": "be kind"}, *chat("a", "b")["messages"]]},
    ]
    (tmp_path / "april.jsonl").write_bytes(lines(*april).replace(b"\n", b"\r\n"))
    built = build(read_recipe(tmp_path / "support.recipe.toml"), tmp_path / "april.jsonl", tmp_path / "out.jsonl")
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()] == [
        chat("Where is mine?", "Sent to [EMAIL_1] and [EMAIL_1].", ticket=5),
        chat("Typo here", "Thanks"),
        april[2],
    ]
    assert (built.records, built.written, built.dropped) == (3, 3, ())
    said = {difference.code: difference.text for difference in built.differences}
    assert said["encoding_changed"] == "the file is UTF-8, CRLF; it was UTF-8"
    assert said["new_column"] == "columns that were not there: 'ticket'"
    assert said["new_role"] == "roles that were not there: 'developer'"
    assert "there was nothing to drop" in said["record_missing"]
    assert all(said["share_changed"].startswith(start) for start in ("clean",)) or "share_changed" not in said


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And what it was made on, with what it did, is in it for the auditor."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(lines(chat("a", "yes"), chat("b", "no"), chat("c", "yes"), chat("d", "no")))
    recipe = recipe_of([{"kind": "dedupe", "seen": 4, "touched": 0, "dropped": 0}], name="x", made_on=source_of(path))
    write_recipe(recipe, tmp_path / "r.toml")
    again = read_recipe(tmp_path / "r.toml")
    assert again == recipe
    assert again.made_on is not None and again.made_on.labels == ["no", "yes"] and again.made_on.records == 4
    assert again.made_on.roles == ["assistant", "user"] and again.made_on.columns == ["messages"]
    assert again.made_on.format is Format.CHAT and again.made_at


def test_new_labels_are_told(tmp_path: Path) -> None:
    """A class that nobody trained for is the most expensive surprise."""
    march, april = tmp_path / "march.jsonl", tmp_path / "april.jsonl"
    march.write_bytes(lines(*(chat(f"{number}", ("yes", "no")[number % 2]) for number in range(8))))
    april.write_bytes(lines(*(chat(f"{number}", ("yes", "No", "no")[number % 3]) for number in range(9))))
    built = build(Recipe(made_on=source_of(march)), april, tmp_path / "out.jsonl")
    assert [difference.text for difference in built.differences] == ["labels that were not there: 'No'"]


def test_what_was_done_after_a_save_goes_on_in_the_same_recipe(tmp_path: Path) -> None:
    """Two sittings, one recipe from the first file to the last."""
    path, first = tmp_path / "in.jsonl", tmp_path / "first.jsonl"
    path.write_bytes(lines(chat("a", "1"), chat("b", "2")))
    first.write_bytes(path.read_bytes())
    made_on = source_of(path)
    recipe = Recipe(made_on=made_on)
    for text in (b"x", b"y"):
        document = open_document(path, tmp_path / "journals")
        document.index_rest()
        raw = document.raw(document.id_at(1))
        after = raw.replace(b'"b', b'"b' + text)
        document.replace({document.id_at(1): after}, title="edit", step=step_for_patch(raw, after, 1))
        steps = document.steps()
        document.save()
        document.close()
        recipe = extended(recipe, steps, source_of(path), "2026-01-01")
    assert len(recipe.steps) == 1
    build(recipe, first, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == path.read_bytes() == lines(chat("a", "1"), chat("byx", "2"))


IMPORT = """
[[steps]]
kind = "import"
[steps.mapping]
format = "chat"
[[steps.mapping.messages]]
role = "user"
text = "{question}"
[[steps.mapping.messages]]
role = "assistant"
text = "{answer}"

[[steps]]
kind = "clean"
fix = "html"
"""


def test_a_recipe_can_begin_with_a_table(tmp_path: Path) -> None:
    """Rows that find no place are among the dropped, with their line; a column that is gone is named."""
    (tmp_path / "crm.csv").write_text("question,answer\nhi,<b>ho</b>\nnobody,\nwhy,so\n")
    recipe = parse_recipe(IMPORT)
    built = build(recipe, tmp_path / "crm.csv", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == lines(chat("hi", "ho"), chat("why", "so"))
    assert (built.records, built.written) == (3, 2)
    assert built.dropped[0].line == 3
    (tmp_path / "other.csv").write_text("question,reply\nhi,ho\n")
    with pytest.raises(WorkbenchError, match="there is no column 'answer'"):
        build(recipe, tmp_path / "other.csv", tmp_path / "other.jsonl")
    (tmp_path / "t.toml").write_text('format = "text"\ntext = "{question}"\n')
    by_file = parse_recipe('[[steps]]\nkind = "import"\ntemplate = "t.toml"\n')
    build(by_file, tmp_path / "crm.csv", tmp_path / "text.jsonl", folder=tmp_path)
    assert (tmp_path / "text.jsonl").read_bytes().splitlines()[0] == b'{"text": "hi"}'


def test_the_input_and_what_is_there_are_never_overwritten_unasked(tmp_path: Path) -> None:
    """The input never; anything else with force."""
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(lines(chat("a", "b")))
    out.write_bytes(b"mine")
    for target, force, why in ((path, True, "is the input itself"), (out, False, "exists already")):
        with pytest.raises(WorkbenchError, match=why):
            build(Recipe(), path, target, force=force)
    assert out.read_bytes() == b"mine"
    build(Recipe(), path, out, force=True)
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("steps = 3", "steps: input should be a valid list"),
        ("a = [", "is not TOML"),
        ('[[steps]]\nkind = "x"', "step 1: has the kind 'x'"),
        ("[[steps]]\nfix = 1", "step 1: has no kind"),
        ('[[steps]]\nkind = "clean"', "step 1 (clean): fix: field required"),
        ("[made_on]\nfile = 1", "made_on.file"),
    ],
)
def test_a_wrong_recipe_says_where(tmp_path: Path, text: str, error: str) -> None:
    """The file, the step and the key."""
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(WorkbenchError) as caught:
        read_recipe(path)
    assert error in str(caught.value) and str(path) in caught.value.what


def test_a_recipe_that_leaves_nothing_writes_nothing(tmp_path: Path) -> None:
    """An empty file helps nobody."""
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(b"{broken\n")
    with pytest.raises(WorkbenchError, match="has no record left"):
        build(parse_recipe('[[steps]]\nkind = "drop"\nrules = ["J001"]'), path, out)
    assert not out.exists()


def test_what_progress_raises_stops_the_build(tmp_path: Path) -> None:
    """Cancelled: nothing is written."""
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(lines(*(chat("a", str(number)) for number in range(4001))))

    def stop(done: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        build(Recipe(), path, out, progress=stop)
    assert not out.exists()
    with open_rows(path) as rows:
        assert len(rows) == 4001
