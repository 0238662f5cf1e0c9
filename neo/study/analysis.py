"""From judgements to results: win rates, strengths, ratings, agreement, precision. Values only; `report` words them."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from neo.study import statistics
from neo.study.judgements import Judgement
from neo.study.spec import Question, StudySpec
from neo.study.statistics import Estimate

FEW = 10
"""Raters or tasks below which intervals are called rough."""


@dataclass(frozen=True)
class Duel:
    """Two arms side by side, seen from the first."""

    arms: tuple[str, str]
    won: int
    lost: int
    tied: int
    bad: int
    decided: Estimate
    """Wins among decided judgements, Wilson interval."""
    score: Estimate
    """Wins plus half of what was not decided, interval clustered by rater and task."""
    design_effect: float
    needed: int | None
    """Judgements needed to tell this score from one half with 80 % power, clusters and undecided ones included."""

    @property
    def total(self) -> int:
        return self.won + self.lost + self.tied + self.bad

    @property
    def differs(self) -> bool:
        return not self.score.low <= 0.5 <= self.score.high


@dataclass(frozen=True)
class Rating:
    """Answers to a question about one arm."""

    arm: str
    mean: Estimate | None
    """Of a scale; None for choices."""
    counts: tuple[int, ...]
    """By option, in the question's order."""


@dataclass(frozen=True)
class QuestionResult:
    question: Question
    ratings: tuple[Rating, ...]
    effects: tuple[tuple[str, str, float], ...]
    """(arm, other arm, Cliff's delta) of a scale."""
    by_task: dict[str, tuple[Rating, ...]]
    by_language: dict[str, tuple[Rating, ...]]


@dataclass(frozen=True)
class Agreement:
    question: str
    alpha: float | None
    units: int
    """Things that two or more raters judged in the same form."""


@dataclass(frozen=True)
class Results:
    judgements: int
    raters: int
    tasks: int
    simulated: bool
    duels: tuple[Duel, ...]
    by_task: dict[str, tuple[Duel, ...]]
    by_language: dict[str, tuple[Duel, ...]]
    strengths: dict[str, Estimate]
    """Log strengths of Bradley-Terry with ties, strongest first; they sum to zero."""
    questions: tuple[QuestionResult, ...]
    precision: dict[str, list[Estimate]]
    """By arm, at 1, 2, ... items: to the longest reply of any arm."""
    without_items: dict[str, int]
    """By arm: replies without any item; in `precision` they are all misses."""
    agreement: tuple[Agreement, ...]
    left: Estimate
    """How often the left side won, of decided judgements: far from one half means that the place mattered."""
    seconds: float
    """Median of a judgement."""


def analyse(spec: StudySpec, judgements: list[Judgement]) -> Results:
    """Results of counted judgements (see `neo.study.judgements.counted`), at least one of them."""
    sides = Counter(each.verdict_side for each in judgements)
    return Results(
        len(judgements),
        len({each.rater for each in judgements}),
        len({each.task for each in judgements}),
        any(each.simulated for each in judgements),
        duels(spec, judgements),
        {task: duels(spec, own) for task, own in _split(judgements, "task").items()},
        {language: duels(spec, own) for language, own in _split(judgements, "language").items()},
        strengths(spec, judgements),
        tuple(_question(spec, judgements, question) for question in spec.questions if question.about != "comparison"
              and question.answer != "comment"),
        _precision(spec, judgements),
        {arm: sum(not reply for *_, reply in _replies(judgements, arm)) for arm in spec.arms},
        tuple(_agreement(judgements, question) for question in spec.questions if question.answer != "comment"),
        statistics.wilson(sides["left"], sides["left"] + sides["right"]),
        float(np.median([each.seconds for each in judgements])),
    )  # fmt: skip


def _resamples(spec: StudySpec, judgements: list[Judgement]) -> statistics.Resamples:
    raters = np.array([each.rater for each in judgements])
    return statistics.resample(raters, np.array([each.task for each in judgements]), spec.seed)


def duels(spec: StudySpec, judgements: list[Judgement]) -> tuple[Duel, ...]:
    """Every pair that was judged, in the order of the study's arms."""
    found = []
    for pair in combinations(spec.arms, 2):
        own = [each for each in judgements if each.arms == pair]
        if own:
            found.append(_duel(spec, pair, own))
    return tuple(found)


def _duel(spec: StudySpec, pair: tuple[str, str], own: list[Judgement]) -> Duel:
    verdicts = Counter(each.verdict for each in own)
    values = np.array([each.score for each in own])
    resamples = _resamples(spec, own)
    won, lost = verdicts["first"], verdicts["second"]
    effect = statistics.design_effect(values, resamples)
    needed = None
    if won + lost and (size := statistics.sample_size(won / (won + lost))):
        needed = int(np.ceil(size * effect * len(own) / (won + lost)))
    decided, score = statistics.wilson(won, won + lost), statistics.weighted_mean(values, resamples)
    return Duel(pair, won, lost, verdicts["tie"], verdicts["bad"], decided, score, effect, needed)


def _split(judgements: list[Judgement], by: str) -> dict[str, list[Judgement]]:
    names = sorted({getattr(each, by) for each in judgements})
    return {name: [each for each in judgements if getattr(each, by) == name] for name in names}


def strengths(spec: StudySpec, judgements: list[Judgement]) -> dict[str, Estimate]:
    """Bradley-Terry with ties over all pairs; "both bad" is a tie. Empty for single arms."""
    if not spec.side_by_side:
        return {}
    order = list(spec.arms)
    first, second = (np.array([order.index(each.arms[side]) for each in judgements]) for side in (0, 1))
    score = np.array([each.score for each in judgements])
    resamples = _resamples(spec, judgements)
    once, _ = statistics.davidson(*statistics.tables(first, second, score, len(order), np.ones((1, len(score)))))
    again, _ = statistics.davidson(*statistics.tables(first, second, score, len(order), resamples.weights))
    pair = first * len(order) + second
    unexpected = score - (np.bincount(pair, score) / np.maximum(1, np.bincount(pair)))[pair]
    found = {}
    for at, arm in enumerate(order):
        residuals = unexpected * ((first == at) * 1.0 - (second == at))
        free = statistics.freedom(residuals, resamples.clusters)
        found[arm] = Estimate(float(once[0, at]), *statistics.interval(again[:, at], free))
    return dict(sorted(found.items(), key=lambda pair: -pair[1].value))


def _question(spec: StudySpec, judgements: list[Judgement], question: Question) -> QuestionResult:
    values = {}
    if question.answer == "scale":
        rows = {arm: _rows(judgements, question, arm) for arm in spec.arms}
        values = {arm: np.array([value for *_, value in own], float) for arm, own in rows.items() if own}
    return QuestionResult(
        question,
        ratings(spec, judgements, question),
        tuple((a, b, statistics.cliffs_delta(values[a], values[b])) for a, b in combinations(values, 2)),
        {task: ratings(spec, own, question) for task, own in _split(judgements, "task").items()},
        {language: ratings(spec, own, question) for language, own in _split(judgements, "language").items()},
    )


def _rows(judgements: list[Judgement], question: Question, arm: str) -> list[tuple[int, str, str | int]]:
    """(rater, task, answer) of every answer to a question about an arm."""
    return [
        (each.rater, each.task, answer.value)
        for each in judgements
        for answer in each.answers
        if answer.question == question.id and answer.arm == arm
    ]


def ratings(spec: StudySpec, judgements: list[Judgement], question: Question) -> tuple[Rating, ...]:
    """Answers to a question about each arm; means have an interval clustered by rater and task."""
    found = []
    for arm in spec.arms:
        rows = _rows(judgements, question, arm)
        counts, mean = Counter(value for *_, value in rows), None
        if question.answer == "scale" and rows:
            raters, tasks, values = (np.array(column) for column in zip(*rows, strict=True))
            resamples = statistics.resample(raters, tasks, spec.seed)
            mean = statistics.weighted_mean(values.astype(float), resamples)
        found.append(Rating(arm, mean, tuple(counts[option] for option in question.options)))
    return tuple(found)


def _replies(judgements: list[Judgement], arm: str) -> list[tuple[int, str, list[bool | None]]]:
    """(rater, task, hits) of every reply of an arm."""
    return [(each.rater, each.task, hits) for each in judgements for hits in each.hits.get(arm, ())]


def _precision(spec: StudySpec, judgements: list[Judgement]) -> dict[str, list[Estimate]]:
    found, longest = (
        {},
        max((len(hits) for each in judgements for own in each.hits.values() for hits in own), default=0),
    )
    for arm in spec.arms:
        rows = _replies(judgements, arm)
        if rows and longest:
            raters, tasks = (np.array(column) for column in list(zip(*rows, strict=True))[:2])
            hits = [row[2] for row in rows]
            resamples = statistics.resample(raters, tasks, spec.seed)
            found[arm] = [
                statistics.weighted_mean(statistics.precision_at(hits, k), resamples) for k in range(1, longest + 1)
            ]
    return found


def _agreement(judgements: list[Judgement], question: Question) -> Agreement:
    units: dict[tuple, dict[int, str | int]] = {}
    for each in judgements:
        for answer in each.answers:
            if answer.question != question.id:
                continue
            value = each.verdict if question.answer == "verdict" else answer.value
            shown = (answer.arm, answer.shown) if answer.arm else (each.arms, each.shown)
            units.setdefault((each.task, shown, answer.turn, answer.item), {})[each.rater] = value
    level = "ordinal" if question.answer == "scale" else "nominal"
    return Agreement(question.id, statistics.agreement(units, level), sum(len(unit) > 1 for unit in units.values()))
