"""The whole way from simulated raters with known preferences to results, and how often intervals hold the truth."""

import random
from datetime import datetime
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm

from neo.study import statistics
from neo.study.analysis import analyse, duels, ratings, strengths
from neo.study.assignment import slots
from neo.study.judgements import Answer, Judgement, counted, flags, read
from neo.study.simulate import Taste, simulate
from neo.study.spec import parse_spec
from neo.study.store import decide, exclusions
from tests.study.conftest import STUDY

STRENGTHS = {"alpha": 0.8, "beta": 0.0, "gamma": -0.8}
TASTE = Taste(STRENGTHS)
REPETITIONS, RATERS = 100, 40


def test_forty_simulated_raters_through_the_database_recover_the_order(made, arms):
    tasks = [{"id": f"task{n}", "scenario": "s", "message": "Message"} for n in range(4)]
    session, study, spec = made(tasks=tasks, design={"judgements": RATERS})
    simulate(session, study, spec, arms, TASTE, RATERS, seed=1)
    judgements = read(session, study, spec)
    results = analyse(spec, judgements)
    assert (results.judgements, results.raters, results.tasks, results.simulated) == (160, RATERS, 4, True)
    assert list(results.strengths) == ["alpha", "beta", "gamma"]
    assert all(duel.score.value > 0.5 for duel in results.duels), "earlier arms are better"
    assert next(duel for duel in results.duels if duel.arms == ("alpha", "gamma")).differs
    assert sum(duel.total for duel in results.duels) == 160
    means = [rating.mean.value for result in results.questions for rating in result.ratings if rating.mean]
    assert means == sorted(means, reverse=True)
    assert [at[1].value for at in results.precision.values()] == sorted(
        (at[1].value for at in results.precision.values()), reverse=True
    )
    assert results.left.low < 0.5 < results.left.high, "sides are even"


def repetition(spec, seed):
    """Judgements as `simulate` makes them, without the database."""
    chance, found = random.Random(seed), []
    own = [TASTE.own(list(spec.arms), chance) for _ in range(RATERS)]
    for number, slot in enumerate(slots(spec)):
        rater = number % RATERS  # every round holds each task once, so nobody sees a task twice
        arms = tuple(sorted(slot.arms))
        side = TASTE.verdict(own[rater][slot.arms[0]], own[rater][slot.arms[1]], chance)
        first = "left" if slot.arms == arms else "right"
        verdict = side if side in ("tie", "bad") else "first" if side == first else "second"
        found.append(
            Judgement(number, rater, True, "en", slot.task, "counted", arms, slot.arms, verdict, side, None, 9.0,
                      datetime(2026, 1, 1), (), {}, ())
        )  # fmt: skip
    return found


def truth():
    """(score of each pair's first arm, strengths) in a population of such raters, by a million of them."""
    chance = np.random.default_rng(0)
    own = {arm: chance.normal(strength, TASTE.spread, 1_000_000) for arm, strength in STRENGTHS.items()}
    wins, ties, scores = np.zeros((3, 3)), np.zeros((3, 3)), {}
    for (i, one), (j, other) in combinations(enumerate(STRENGTHS), 2):
        a, b = np.exp(own[one]), np.exp(own[other])
        total = a + b + TASTE.nu * np.sqrt(a * b)
        wins[i, j], wins[j, i], ties[i, j] = (a / total).mean(), (b / total).mean(), 1 - ((a + b) / total).mean()
        ties[j, i] = ties[i, j]
        scores[one, other] = wins[i, j] + ties[i, j] / 2
    fitted, _ = statistics.davidson(wins * 1e6, ties * 1e6)
    return scores, dict(zip(STRENGTHS, fitted, strict=True))


def test_intervals_hold_the_truth_in_93_of_100_repetitions(study_text):
    tasks = [{"id": f"task{n}", "scenario": "s"} for n in range(9)]
    spec = parse_spec(study_text(tasks=tasks, design={"judgements": RATERS}))
    scores, fitted = truth()
    held = dict.fromkeys([*scores, *fitted], 0)
    for seed in range(REPETITIONS):
        judgements = repetition(spec, seed)
        for duel in duels(spec, judgements):
            held[duel.arms] += duel.score.low <= scores[duel.arms] <= duel.score.high
        for arm, strength in strengths(spec, judgements).items():
            held[arm] += strength.low <= fitted[arm] <= strength.high
    assert min(held.values()) >= 93, held


LIKING = {"alpha": 3.8, "beta": 3.0, "gamma": 2.2}


def rated(spec, seed, by_rater, by_task):
    """Judgements whose ratings are an arm's liking, the rater's and the task's own leaning, and noise, rounded."""
    chance, found = np.random.default_rng(seed), []
    leniency = chance.normal(0, by_rater, RATERS)
    ease = dict(zip([task.id for task in spec.tasks], chance.normal(0, by_task, len(spec.tasks)), strict=True))
    for number, slot in enumerate(slots(spec)):
        rater, [arm] = number % RATERS, slot.arms
        value = int(np.clip(np.rint(chance.normal(LIKING[arm] + leniency[rater] + ease[slot.task])), 1, 5))
        answers = (Answer("relevance", "conversation", value, "left", arm),)
        found.append(
            Judgement(number, rater, True, "en", slot.task, "counted", slot.arms, slot.arms, None, None, None, 9.0,
                      datetime(2026, 1, 1), answers, {}, ())
        )  # fmt: skip
    return found


@pytest.mark.parametrize(("by_rater", "by_task"), [(0.5, 0.0), (0.0, 0.3), (0.5, 0.3), (0.3, 1.0)])
def test_intervals_of_ratings_hold_the_truth_whatever_the_clusters(study_text, by_rater, by_task):
    """The truth is exact: a mean of 1 to 5 is 5 less the chances to stay under each of the four borders."""
    tasks = [{"id": f"task{n}", "scenario": "s"} for n in range(9)]
    question = STUDY["questions"][1]
    spec = parse_spec(study_text(tasks=tasks, design={"kind": "single", "judgements": RATERS}, questions=[question]))
    spread = (1 + by_rater**2 + by_task**2) ** 0.5
    held = dict.fromkeys(LIKING, 0)
    for seed in range(REPETITIONS):
        for rating in ratings(spec, rated(spec, seed, by_rater, by_task), spec.questions[0]):
            truth = 5 - norm.cdf([1.5, 2.5, 3.5, 4.5], LIKING[rating.arm], spread).sum()
            held[rating.arm] += rating.mean.low <= truth <= rating.mean.high
    assert min(held.values()) >= 93, held


def test_ratings_are_told_by_task_and_by_language(made, join, judge):
    session, study, spec = made()
    judge(session, spec, join(session, study, spec), scale=2)
    [judgement] = read(session, study, spec)
    [_, relevance] = analyse(spec, [judgement]).questions
    for split, name in ((relevance.by_task, judgement.task), (relevance.by_language, "en")):
        assert list(split) == [name]
        means = {rating.arm: rating.mean.value for rating in split[name] if rating.mean}
        assert means == dict.fromkeys(judgement.arms, 2.0)


def test_an_arm_that_shows_nothing_is_not_better_for_it(made, join, judge, arms):
    """Three pairs judge two tasks once each, so beta answers four times; all rows are as long as the longest reply."""
    arms["beta"].system.items, arms["gamma"].system.items = 0, 3
    session, study, spec = made(design={"kind": "side-by-side", "judgements": 3})
    for _ in range(3):
        rater = join(session, study, spec)
        while judge(session, spec, rater):
            pass
    results = analyse(spec, read(session, study, spec))
    found = {arm: [estimate.value for estimate in at] for arm, at in results.precision.items()}
    assert found == {"alpha": [1, 1, pytest.approx(2 / 3)], "beta": [0, 0, 0], "gamma": [1, 1, 1]}
    assert results.without_items == {"alpha": 0, "beta": 4, "gamma": 0}


def test_an_item_of_which_nothing_was_said_is_no_miss(made, join, judge):
    listen = {**STUDY["questions"][0], "required": False}
    session, study, spec = made(questions=[listen, *STUDY["questions"][1:]])
    judge(session, spec, join(session, study, spec), listen=None)
    judgements = read(session, study, spec)
    assert judgements[0].hits == {arm: [[None, None]] for arm in judgements[0].arms}
    assert all(np.isnan(estimate.value) for at in analyse(spec, judgements).precision.values() for estimate in at)


def test_a_verdict_is_about_the_arm_and_not_the_side(made, join, judge):
    session, study, spec = made()
    for _ in range(6):
        rater = join(session, study, spec)
        while judge(session, spec, rater, verdict="left"):
            pass
    judgements = read(session, study, spec)
    assert len(judgements) == 12 and {each.verdict_side for each in judgements} == {"left"}
    for duel in duels(spec, judgements):
        assert (duel.won, duel.lost) == (2, 2), "who always says left says nothing of the arms"


def test_answers_are_traced_to_arm_item_and_reply(made, join, judge):
    session, study, spec = made()
    judge(session, spec, join(session, study, spec), listen="would")
    [judgement] = read(session, study, spec)
    items = [(a.arm, a.position, a.item) for a in judgement.answers if a.about == "item"]
    assert sorted(items) == sorted((arm, n, f"show:{arm}-{n}") for arm in judgement.arms for n in (1, 2))
    assert judgement.hits == {arm: [[True, True]] for arm in judgement.arms}


def test_flags_name_a_reason_and_decisions_exclude(made, join, judge):
    tasks = [{"id": f"task{n}", "scenario": "s"} for n in range(5)]
    tasks += [{"id": "check", "scenario": "s", "attention": {"question": "better", "answer": "bad"}}]
    session, study, spec = made(tasks=tasks, design={"judgements": 6, "quickest": 5})
    for options in ({"verdict": "left", "scale": 3}, {"verdict": "bad", "scale": 3}):
        rater = join(session, study, spec)
        while judge(session, spec, rater, **options):
            pass
    judgements = read(session, study, spec)
    first, second = flags(spec, judgements).values()
    assert first[0] == "failed attention check check" and first[1].startswith("median 0.")
    assert first[2] == "all 12 ratings are 3" and not any("attention" in reason for reason in second)
    decide(session, study, 1, True, "did not read")
    assert exclusions(session, study) == {1: "did not read"}
    assert {each.rater for each in counted(judgements, exclusions(session, study))} == {2}
    decide(session, study, 1, False, "did read after all")
    assert exclusions(session, study) == {}


def test_agreement_compares_only_what_was_the_same(made, join, judge):
    """Each pair of a task is judged twice with the same replies: 6 units of a verdict, all agreed or all opposed."""
    session, study, spec = made()
    for _ in range(6):
        rater = join(session, study, spec)
        while judge(session, spec, rater, verdict="tie", scale=4):
            pass
    better = next(each for each in analyse(spec, read(session, study, spec)).agreement if each.question == "better")
    assert (better.units, better.alpha) == (6, None), "all said the same, so there was nothing to disagree about"


@pytest.mark.parametrize("kind", ["single"])
def test_single_arms_are_rated_without_a_verdict(made, join, judge, kind):
    questions = [{"id": "relevance", "about": "conversation", "answer": "scale", "words": "Relevant?"}]
    session, study, spec = made(design={"kind": kind, "judgements": 3}, questions=questions)
    for number in range(3):
        rater = join(session, study, spec)
        while judge(session, spec, rater, scale=number + 2):
            pass
    results = analyse(spec, read(session, study, spec))
    assert results.duels == () and results.strengths == {}
    assert sum(sum(rating.counts) for rating in results.questions[0].ratings) == 6
