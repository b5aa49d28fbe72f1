"""Prompts as sent, retrieval, trivial answers, leaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import Candidate, parse_candidate
from workbench.evaluate.diversity import spread_out
from workbench.evaluate.leaks import find_leaks
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.retrieval import Index, Passage, cut, read_passages
from workbench.evaluate.scorers import bind_scorer
from workbench.evaluate.task import Item, item_of
from workbench.evaluate.trivial import best_constant, fit


def item(question: str, answer: str = "blue", index: int = 0, system: str | None = "Name the colour.") -> Item:
    head = [{"role": "system", "content": system}] if system else []
    return item_of([*head, {"role": "user", "content": question}, {"role": "assistant", "content": answer}], index)


TRAIN = [item(f"what colour is thing number {n}", f"answer {n}", n) for n in range(20)]
SCORE = bind_scorer("exact", {}, [])


def contents(candidate: str, one: Item, **kwargs: object) -> list[tuple[str, str]]:
    maker = PromptMaker(**{"train": TRAIN, **kwargs})
    parsed = parse_candidate(candidate)
    maker.check(parsed)
    return [(message["role"], message["content"]) for message in maker.messages(parsed, one)]


def examples(technique: str, question: str = "sky?", **kwargs: object) -> list[Item]:
    few = parse_candidate(f"local/m+{technique}").techniques[0]
    return PromptMaker(**{"train": TRAIN, "seed": 1, **kwargs}).few_shot(few, item(question))


def test_zero_shot_sends_the_item_as_it_is() -> None:
    assert contents("local/m", item("sky?")) == [("system", "Name the colour."), ("user", "sky?")]


def test_few_shot_examples_are_the_same_for_every_item_and_stand_before_it() -> None:
    """One prefix, so that it can be cached."""
    first, second = (contents("local/m+few-shot:3", item(question)) for question in ("sky?", "grass?"))
    assert first[:-1] == second[:-1]
    assert [role for role, _ in first] == ["system", *["user", "assistant"] * 3, "user"]
    asked = {question for role, question in first[:-1] if role == "user"}
    assert asked <= {example.question for example in TRAIN}


def test_few_shot_examples_follow_the_seed_and_the_fewer_are_among_the_more() -> None:
    three, five = examples("few-shot:3"), examples("few-shot:5")
    assert five[:3] == three
    assert examples("few-shot:5", seed=2) != five
    assert examples("few-shot:5") == five


def test_similar_examples_are_the_closest_to_the_item_the_closest_last() -> None:
    """And are filled up where too few share a word with it, so that every item gets as many."""
    assert [one.reference for one in examples("few-shot:2:similar", "thing number 7")][-1] == "answer 7"
    assert len(examples("few-shot:4:similar", "wordless")) == 4
    assert examples("few-shot:3:similar", "thing number 7") != examples("few-shot:3:similar", "thing number 8")


def test_diverse_examples_are_far_from_each_other_and_the_same_for_every_item() -> None:
    """One of each of three subjects, where at random one of them would be missing."""
    subjects = ("red apples and pears", "trains to the north", "the price of silver")
    train = [item(f"{subject} {n}", subject, n) for n, subject in enumerate(subjects * 6)]
    for question in ("sky?", "grass?"):
        chosen = examples("few-shot:3:diverse", question, train=train)
        assert {one.reference for one in chosen} == set(subjects)


def test_texts_without_a_word_can_be_chosen_from() -> None:
    assert spread_out(["!", "?", ";"], 2) == [0, 1]


def test_retrieved_records_are_given_as_solved_examples_the_nearest_last() -> None:
    sent = contents("local/m+rag:2", item("thing number 7"))
    assert [role for role, _ in sent] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert sent[-2] == ("assistant", "answer 7")


def test_a_record_that_is_shown_already_is_not_shown_again() -> None:
    sent = contents("local/m+few-shot:20+rag:3", item("thing number 7"))
    assert len(sent) == 1 + 2 * 20 + 1


def test_passages_stand_before_the_question() -> None:
    passages = [Passage("a.md", "The sky over Oslo is green."), Passage("b.md", "Grass is red.")]
    sent = contents("local/m+rag:1", item("which colour has the sky?"), passages=passages)
    assert sent[-1][1].endswith("which colour has the sky?")
    assert "[1] The sky over Oslo is green." in sent[-1][1]
    assert "Grass" not in sent[-1][1]
    assert len(sent) == 2, "documents come before training records"


def test_a_named_prompt_takes_the_place_of_the_system_prompt() -> None:
    sent = contents("local/m+prompt:short", item("sky?"), prompts={"short": "One word."})
    assert sent == [("system", "One word."), ("user", "sky?")]


@pytest.mark.parametrize(
    ("candidate", "have", "why"),
    [
        ("local/m+few-shot:21", {}, "20 training records"),
        ("local/m+few-shot:1", {"train": []}, "no training file"),
        ("local/m+rag:1", {"train": []}, "nothing to search"),
        ("local/m+prompt:x", {}, "no prompt named 'x'"),
    ],
)
def test_a_technique_without_what_it_needs_is_refused(candidate: str, have: dict, why: str) -> None:
    with pytest.raises(WorkbenchError, match=why):
        contents(candidate, item("sky?"), **have)


def test_the_index_finds_by_words_and_gives_nothing_for_nothing() -> None:
    index = Index(["red apple", "green pear", "red cherry tree", "!!!"])
    assert index.nearest("Apple, RED", 2) == [0, 2]
    assert index.nearest("pear", 9) == [1]
    assert index.nearest("quantum", 3) == []
    assert index.nearest("", 3) == []
    assert Index(["", "?"]).nearest("pear", 1) == []


def test_documents_are_cut_at_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("two")
    (tmp_path / "a.md").write_text("one\n\n\none more")
    (tmp_path / "c.png").write_bytes(b"\x89PNG")
    assert [(one.source, one.text) for one in read_passages(tmp_path)] == [
        ("a.md", "one\n\none more"),
        ("sub/b.txt", "two"),
    ]
    assert all(len(piece) <= 20 for piece in cut("word " * 40 + "x" * 50, 20))
    assert "".join(cut("x" * 50, 20)) == "x" * 50
    with pytest.raises(WorkbenchError, match="no folder"):
        read_passages(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkbenchError, match="no text"):
        read_passages(tmp_path / "empty")


def test_the_constant_answer_is_the_commonest_label_and_the_most_useful_list() -> None:
    labels = [item("q", answer, n) for n, answer in enumerate(["a", "b", "b", "c"])]
    assert best_constant(labels, SCORE) == "b"
    lists = [
        item("q", answer, n) for n, answer in enumerate(['["salt"]', '["salt", "egg"]', '["salt", "oil"]', '["rum"]'])
    ]
    assert best_constant(lists, bind_scorer("set-f1", {}, [])) == '["salt"]'


def test_the_nearest_answer_is_copied() -> None:
    guess = fit(Candidate("trivial", "nearest"), TRAIN, SCORE)
    assert guess(item("colour of thing number 13")) == "answer 13"
    assert guess(item("zebra")) == "answer 0", "nothing near: the constant answer"


def test_the_linear_classifier_learns_words_and_is_the_same_every_time() -> None:
    train = [item(f"my {word} {n}", label, n) for n in range(6) for word, label in (("card", "pay"), ("box", "ship"))]
    guesses = [fit(Candidate("trivial", "tfidf"), train, SCORE) for _ in range(2)]
    asked = [item("the card again"), item("where is the box")]
    assert [[guess(one) for one in asked] for guess in guesses] == [["pay", "ship"]] * 2
    with pytest.raises(WorkbenchError, match="not a few labels"):
        fit(Candidate("trivial", "tfidf"), TRAIN, SCORE)
    with pytest.raises(WorkbenchError, match="no training file"):
        fit(Candidate("trivial", "majority"), [], SCORE)


LONG = "My parcel was promised for Tuesday and the courier left it in the rain at number forty"


def test_leaks_are_counted_exact_and_near() -> None:
    train = [item(LONG, index=0), item("Where can I change the language of the app?", index=1)]
    test = [
        item(LONG.upper() + "!!", index=0),
        item(LONG + " two", index=1),
        item("How do I delete my account?", index=2),
    ]
    report = find_leaks(test, train)
    assert (report.exact, report.near, report.total) == (1, 1, 2)
    assert [(leak.test_index, leak.train_index) for leak in report.leaks] == [(0, 0), (1, 0)]


def test_a_form_that_all_questions_share_is_no_leak() -> None:
    form = "Title: {}\n\nIngredients as they stand in the book: {}\n\nGeneric ingredients, as a list: "
    foods = ["pea soup", "plum cake", "rye bread", "fish pie", "veal stew"] * 8
    train = [item(form.format(f"{food} {n}", f"{n} spoons of {food[::-1]}"), index=n) for n, food in enumerate(foods)]
    test = [item(form.format("lentil curry", "one onion"), index=0)]
    assert find_leaks(test, train).total == 0
    assert find_leaks([train[3]], train).exact == 1


def test_where_system_messages_differ_they_are_part_of_the_question() -> None:
    """One question about two documents is two questions."""
    train = [item("Who signed it?", system="Contract A", index=0)]
    test = [item("Who signed it?", system="Contract B", index=0), item("Who signed it?", system="Contract C", index=1)]
    assert find_leaks(test, train).exact == 0
    assert find_leaks([item("Who signed it?", system="Another prompt")], train).exact == 1


def test_samples_do_not_leak(samples: Callable[[str], tuple[list[Item], list[Item]]]) -> None:
    for name in ("recipes", "tickets", "languages"):
        assert find_leaks(*samples(name)).total == 0, name
