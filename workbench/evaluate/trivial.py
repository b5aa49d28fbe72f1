"""Trivial candidates: answers that understand nothing. Whoever cannot beat them has learned nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import MOST_LABELS, Candidate, is_label_task
from workbench.evaluate.retrieval import Index
from workbench.evaluate.scorers import Score
from workbench.evaluate.task import Item

MOST_CONSTANTS = 50
MOST_JUDGED = 200
"""How many training answers are tried as the constant one, and on how many training records."""

Guess = Callable[[Item], str]


def fit(candidate: Candidate, train: Sequence[Item], score: Score) -> Guess:
    """The guesser of a trivial candidate; raises a sentence where it does not apply."""
    what = f"candidate {candidate.text}"
    if not train:
        raise WorkbenchError(
            what, "there is no training file", "give --train a file", code="candidate_lacks", exit_code=2
        )
    if candidate.model == "majority":
        answer = best_constant(train, score)
        return lambda item: answer
    if candidate.model == "nearest":
        return _nearest(train, score)
    if not is_label_task(train):
        why = f"the training answers are not a few labels (at most {MOST_LABELS}, seen 3 times each on average)"
        raise WorkbenchError(what, why, "leave it out", code="candidate_lacks", exit_code=2)
    return _tfidf(train)


def best_constant(train: Sequence[Item], score: Score) -> str:
    """The training answer that scores best when given to every training record: for labels, the commonest.

    At most 50 answers (the commonest first) are tried, on at most 200 records spread evenly.
    """
    counts = Counter(item.reference for item in train)
    step = max(1, len(train) // MOST_JUDGED)
    judged = Counter(item.reference for item in train[::step]) if len(counts) > MOST_LABELS else counts
    totals = {
        answer: sum(score(answer, reference).value * count for reference, count in judged.items())
        for answer, _ in counts.most_common(MOST_CONSTANTS)
    }
    return max(totals, key=lambda answer: totals[answer])


def _nearest(train: Sequence[Item], score: Score) -> Guess:
    index = Index([item.question for item in train])
    fallback = best_constant(train, score)

    def guess(item: Item) -> str:
        found = index.nearest(item.question, 1)
        return train[found[0]].reference if found else fallback

    return guess


def _tfidf(train: Sequence[Item]) -> Guess:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from workbench.evaluate.text import words

    features = TfidfVectorizer(analyzer=lambda text: _grams(words(text)), sublinear_tf=True)
    # lbfgs starts from zero: the same data give the same classifier, without a seed.
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=2_000))
    model.fit([item.question for item in train], [item.reference.strip() for item in train])

    def guess(item: Item) -> str:
        return str(model.predict([item.question])[0])

    return guess


def _grams(tokens: Sequence[str]) -> list[str]:
    return [*tokens, *(f"{a} {b}" for a, b in pairwise(tokens))]
