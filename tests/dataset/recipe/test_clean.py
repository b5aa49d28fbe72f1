"""Bulk text fixes: what each removes, what each must leave, and that doing it twice is doing it once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.formats import Format
from workbench.dataset.recipe.clean import CLEANERS, Placeholders, clean_text, find_cleaner
from workbench.dataset.recipe.entry import Entry, Shelf
from workbench.dataset.recipe.replay import replay
from workbench.dataset.recipe.steps import parse_step
from workbench.errors import WorkbenchError


def cleaned(name: str, text: str) -> str:
    return clean_text(CLEANERS[name], text)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello&nbsp;<b>Ann</b>,</p>\n<p>see&#33; A &amp; B</p>", "Hello\u00a0Ann,\n\nsee! A & B"),
        ("one<br>two<br/>\nthree", "one\ntwo\nthree"),
        ('Read <a href="https://x.org/a?b=1">the page</a>.', "Read the page (https://x.org/a?b=1)."),
        ('<a href="https://x.org/">x.org</a>', "x.org"),
        ('<a href="mailto:a@x.org">a@x.org</a>', "a@x.org"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<script>alert(1)</script><style>p{}</style>hi<!-- no -->", "hi"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<div>a\n  b</div><pre>x\n  y</pre>", "a b\n\nx\n  y"),
    ],
)
def test_html_becomes_the_text_it_shows(html: str, text: str) -> None:
    """Paragraphs, lists, links and entities keep their meaning."""
    assert cleaned("html", html) == text


@pytest.mark.parametrize(
    "text",
    [
        "if a<b and c>d then e",
        "vector<int> v; List<String> w",
        "<answer>42</answer> <think>",
        "write &lt;b&gt; for bold",
        "a?x=1&copy=2&notit",
        "use `<b>bold</b>` or\n```html\n<p>&amp;</p>\n```\ndone",
        "3 < 4 && 5 > 2",
        "R&D; AT&T",
    ],
)
def test_what_is_no_markup_is_left_alone(text: str) -> None:
    """Comparisons, generics, tags of the prompt's own, escaped tags and code are meant as they stand."""
    assert cleaned("html", text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("My order is late.\n\n-- \nAnn Smith\nACME Ltd", "My order is late."),
        ("Please help.\n\nBest regards,\nAnn", "Please help."),
        ("Bitte helfen.\r\n\r\nMit freundlichen Grüßen\r\nJürgen Maß", "Bitte helfen."),
        ("Merci d'avance.\n\nCordialement,\nLuc", "Merci d'avance."),
        ("It broke.\n\nSent from my iPhone", "It broke."),
        ("Kaputt.\n\nVon meinem iPhone gesendet", "Kaputt."),
        ("Cassé.\n\nEnvoyé de mon iPhone", "Cassé."),
        ("Help.\n\nCheers,\nBob\n\nSent from my Galaxy", "Help."),
        ("My order is late.\n\nKind regards, Ann", "My order is late."),
        ("My order is late.\nkind regards Ann-Marie O’Neill\nACME Ltd\n+49 30 1234", "My order is late."),
        ("My order is late.\n\nThanks, Bob Lee", "My order is late."),
        ("can you look at my order\nthanks, Bob", "can you look at my order"),
        ("Is it on its way?\n\nBest - Ann\n", "Is it on its way?"),
        ("It broke.\n\nMany thanks – J. van der Berg\n\nSent from my Galaxy", "It broke."),
        ("Bitte helfen.\n\nLiebe Grüße Jürgen", "Bitte helfen."),
        ("Merci d'avance.\n\nCordialement, Luc Étienne", "Merci d'avance."),
        ("Best regards,\nAnn", "Best regards,\nAnn"),
        ("Regards\nare what I want to talk about: how do you close a letter?", None),
        ("Which of these two phones is the\nbest", None),
        ("It is fixed.\n\nThanks, that works.", None),
        ("It is fixed.\n\nThanks, Perfect", None),
        ("It is fixed.\n\nThanks, Bob, that works", None),
        ("It is fixed.\n\nThanks, Bob.\nCan you close it?", None),
        ("Please answer by Friday.\n\nThanks, ASAP", None),
        ("Translate:\n\nThank you very much, Ann", None),
        ("Best - ann", None),
        ("Who won?\nWorst - Bob\nBest - Ann", None),
        ("There are two ways to close a letter: with love and with a wish, which is the\nbest, Ann", None),
        ("He was welcomed.\n\nKind regards from Berlin", None),
        ("He was welcomed.\n\nKind regards to Ann and Bob", None),
        ("What is below is code.\n\n```\nKind regards, Ann\n```", None),
        ("Kind regards, Ann", None),
        ("a table\n--\nb | c\n" + "row\n" * 12, None),
    ],
)
def test_a_signature_at_the_end_goes(text: str, kept: str | None) -> None:
    """And nothing else; a text that is only a signature stays."""
    assert cleaned("signatures", text) == (text if kept is None else kept)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Yes, please.\n\nOn Mon, 3 Nov 2025 at 10:12, Support <s@x.org> wrote:\n> Shall we?\n> Bye", "Yes, please."),
        ("Ja.\n\nAm 03.11.2025 um 10:12 schrieb Support\n<s@x.org>:\n> Sollen wir?", "Ja."),
        ("Oui.\n\nLe 3 nov. 2025 à 10:12, Support a écrit :\n> On y va ?", "Oui."),
        ("No.\n\n-----Original Message-----\nFrom: Support\nShall we?", "No."),
        ("Nein.\n\n-----Ursprüngliche Nachricht-----\nVon: Support\nSollen wir?", "Nein."),
        (
            "Ok.\n________________\nVon: Support\nGesendet: Montag\nAn: Ann\nBetreff: Re\n\nSollen wir?",
            "Ok.",
        ),
        ("Ok.\n\nDe : Support\nEnvoyé : lundi\nÀ : Ann\nObjet : Re\n\nOn y va ?", "Ok."),
        ("> Is it broken?\nYes.\n> Since when?\nMonday.", "Yes.\nMonday."),
        ("> only a quotation", None),
        ("On Monday she wrote:\nI am fine, thanks.", None),
        ("```\n> a shell prompt\n```\ntext", None),
        ("From: Paris\nto Rome, please.", None),
    ],
)
def test_the_answered_mail_goes(text: str, kept: str | None) -> None:
    """In the words of English, German and French mail programs; sentences that only look like them stay."""
    assert cleaned("quotes", text) == (text if kept is None else kept)


def test_whitespace_is_tidied_but_not_in_code() -> None:
    """Carriage returns go everywhere, the rest only outside fences; leading blanks and joiners stay."""
    text = "\r\n\u00a0a \u200b b  \r\n\r\n\r\n\r\n  c\u200dd\r\n```\r\nx  \r\n\r\n\r\n\r\ny\u00a0\r\n```\r\n \r\n"
    assert cleaned("whitespace", text) == " a  b\n\n  c\u200dd\n```\nx  \n\n\n\ny\u00a0\n```"


def test_accents_are_composed_and_controls_go() -> None:
    """Arabic marks, tabs and line feeds stay; colours of a terminal and marks that turn text round go."""
    assert cleaned("unicode", "Cafe\u0301") == "Café"
    assert cleaned("controls", "a\x00\x1b[31mred\x1b[0m\x1b]0;title\x07\tb\n\u202ec\x85\u200f") == "ared\tb\nc\u200f"


PIECES = st.sampled_from(
    [
        "<b>", "</b>", "<p>", "<br>", "<a href='http://x'>", "</a>", "<", ">", "&lt;", "&amp;", "&gt;", "b", "p", "/",
        ";", "<!--", "-->", "<script>", "</script>", "<li>", "#60;", "&#x3c;", "pre>", "<pre>", "```", "`", "~~~",
        "\n", "\n\n", " ", "  \n", "\r\n", "> ", "-- ", "--", "Best regards,", "Ann", "best", "Sent from my iPhone",
        "On Monday Ann wrote:", "-----Original Message-----", "From: a", "Sent: b", "To: c", "\u00a0", "\u200b",
        "e\u0301", "\x1b[", "31m", "\x1b", "\x00",
    ]
)  # fmt: skip


@pytest.mark.parametrize("name", [name for name, cleaner in CLEANERS.items() if cleaner.change is not None])
@settings(max_examples=150)
@given(text=st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=60)))
def test_cleaning_twice_is_cleaning_once(name: str, text: str) -> None:
    """So a recipe can be replayed on data that was cleaned before."""
    once = cleaned(name, text)
    assert cleaned(name, once) == once
    assert CLEANERS[name].change(once) == once  # type: ignore[misc]


def test_roles_decide_whose_texts_are_cleaned() -> None:
    """Signatures are the user's by default; roles that are named are the ones."""
    text = "Hi.\n\nBest regards,\nAnn"

    def record() -> dict:
        return {"messages": [{"role": role, "content": text} for role in ("user", "assistant")]}

    value = record()
    assert CLEANERS["signatures"].record(value, Format.CHAT) == 1
    assert [message["content"] for message in value["messages"]] == ["Hi.", text]
    value = record()
    assert CLEANERS["signatures"].record(value, Format.CHAT, ["assistant"]) == 1
    assert [message["content"] for message in value["messages"]] == [text, "Hi."]


@pytest.mark.parametrize(
    ("fmt", "value", "after"),
    [
        (Format.PROMPT_COMPLETION, {"prompt": "a ", "completion": "b "}, {"prompt": "a", "completion": "b"}),
        (Format.TEXT, {"text": "a\r\n", "id": "x "}, {"text": "a", "id": "x "}),
        (
            Format.ALPACA,
            {"instruction": "a ", "input": "", "output": "b ", "history": [["c ", "d "]]},
            {"instruction": "a", "input": "", "output": "b", "history": [["c", "d"]]},
        ),
        (
            Format.SHAREGPT,
            {"conversations": [{"from": "human", "value": "a "}]},
            {"conversations": [{"from": "human", "value": "a"}]},
        ),
        (
            Format.PREFERENCE,
            {
                "input": {"messages": [{"role": "user", "content": "a "}]},
                "preferred_output": [{"role": "assistant", "content": [{"type": "text", "text": "b "}]}],
                "non_preferred_output": [{"role": "assistant", "content": None}],
            },
            {
                "input": {"messages": [{"role": "user", "content": "a"}]},
                "preferred_output": [{"role": "assistant", "content": [{"type": "text", "text": "b"}]}],
                "non_preferred_output": [{"role": "assistant", "content": None}],
            },
        ),
        (
            Format.TRL_PREFERENCE,
            {"prompt": "a ", "chosen": "b ", "rejected": [{"role": "assistant", "content": "c "}]},
            {"prompt": "a", "chosen": "b", "rejected": [{"role": "assistant", "content": "c"}]},
        ),
        (Format.CHAT, ["no", "record"], ["no", "record"]),
    ],
)
def test_every_format_has_its_texts_cleaned(fmt: Format, value: object, after: object) -> None:
    """Wherever a format keeps what people said; ids and the like are no texts."""
    CLEANERS["whitespace"].record(value, fmt)
    assert value == after


def test_an_unknown_fix_names_the_known_ones() -> None:
    """A typing error in a recipe is met with the way out."""
    with pytest.raises(WorkbenchError, match=r"clean 'htm'.*html, quotes"):
        find_cleaner("htm")


def masked(*texts: str, step: dict | None = None) -> list[str]:
    """What the records (one text each) become."""
    rows = [json.dumps({"text": text}).encode() for text in texts]
    shelf = Shelf()
    entries = (Entry(number, number + 1, raw.__bytes__, shelf) for number, raw in enumerate(rows))
    made = replay([parse_step({"kind": "clean", "fix": "placeholders"} | (step or {}))], entries, Format.TEXT)
    return [entry.value["text"] for entry in made.entries]


def test_the_same_value_has_the_same_placeholder() -> None:
    """Numbered as they appear, by kind; so an answer can still say which address it means."""
    assert masked("write b@x.org or a@x.org, not b@x.org; card 4111 1111 1111 1111") == [
        "write [EMAIL_1] or [EMAIL_2], not [EMAIL_1]; card [CREDIT_CARD_1]"
    ]


def test_numbers_begin_anew_in_every_record_or_go_through_the_file() -> None:
    """By choice; numbers that stand there already are not given again, also those of later records."""
    texts = ("a@x.org", "b@x.org a@x.org", "[EMAIL_7] c@x.org")
    assert masked(*texts) == ["[EMAIL_1]", "[EMAIL_1] [EMAIL_2]", "[EMAIL_7] [EMAIL_8]"]
    assert masked(*texts, step={"scope": "file"}) == ["[EMAIL_8]", "[EMAIL_9] [EMAIL_8]", "[EMAIL_7] [EMAIL_10]"]


def test_only_some_kinds_can_be_masked() -> None:
    """By kind or group."""
    text = "a@x.org 4111 1111 1111 1111"
    assert masked(text, step={"kinds": ["email"]}) == ["[EMAIL_1] 4111 1111 1111 1111"]
    assert masked(text, step={"kinds": ["secret"]}) == [text]


def test_placeholders_reach_arguments_of_tools_and_metadata_unless_roles_are_named() -> None:
    """Whatever leaves the house; with roles only what those said, their calls included."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"to": "a@x.org"}'}}

    def record() -> dict:
        said = {"role": "assistant", "content": None, "tool_calls": [json.loads(json.dumps(call))]}
        return {"messages": [{"role": "user", "content": "a@x.org"}, said], "meta": {"from": "b@x.org"}}

    value = record()
    assert Placeholders().replace(value, Format.CHAT) == 3
    assert value["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"to": "[EMAIL_1]"}'
    assert value["meta"] == {"from": "[EMAIL_2]"} and value["messages"][0]["content"] == "[EMAIL_1]"
    value = record()
    assert Placeholders().replace(value, Format.CHAT, frozenset({"assistant"})) == 1
    assert value["messages"][0]["content"] == "a@x.org" and value["meta"] == {"from": "b@x.org"}


@settings(max_examples=60)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(["a@x.org", "b@x.org", "[EMAIL_1]", "[EMAIL_2]", "4111 1111 1111 1111", "text"]))
        .map(" ".join), max_size=4,
    ),
    scope=st.sampled_from(["record", "file"]),
)  # fmt: skip
def test_masking_twice_is_masking_once(texts: list[str], scope: str) -> None:
    """A placeholder is nobody's address."""
    once = masked(*texts, step={"scope": scope})
    assert masked(*once, step={"scope": scope}) == once
    assert not any("@" in text or "4111" in text for text in once)
