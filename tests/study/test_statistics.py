"""Every statistic against a published or hand-worked example, and its invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo.study import statistics

# American League East, 1987 season: wins of the row over the column (Agresti, Categorical Data Analysis, table 10.10).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = np.array([
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
])  # fmt: skip
STRENGTHS = (1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0)  # over Baltimore's

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section D: 4 observers, 12 units.
_ = None
OBSERVED = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3),
    (_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _),
)


def test_wilson_as_in_the_textbook():
    """Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263 is .2553 to .3662, 0 of 20 is 0 to .1611."""
    estimate = statistics.wilson(81, 263)
    assert (estimate.low, estimate.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)
    assert statistics.wilson(0, 0).high == 1


def test_bradley_terry_of_a_baseball_season():
    strengths, _ = statistics.davidson(WINS, np.zeros_like(WINS))
    assert strengths - strengths[-1] == pytest.approx(STRENGTHS, abs=2e-3)  # the weak prior shows in the third digit
    assert strengths.sum() == pytest.approx(0)


def test_davidson_of_two_arms_has_a_closed_form():
    """With wins a, b and t ties the strengths' ratio is a / b and nu is t / sqrt(ab): here 4 and 40 / 40 = 1."""
    wins, ties = np.array([[0, 80], [20, 0]]), np.array([[0, 40], [40, 0]])
    strengths, log_nu = statistics.davidson(wins, ties)
    assert strengths[0] - strengths[1] == pytest.approx(np.log(4), abs=1e-3)
    assert log_nu == pytest.approx(0, abs=1e-3)


def test_an_arm_that_never_loses_stays_finite():
    strengths, _ = statistics.davidson(np.array([[0, 30], [0, 0]]), np.zeros((2, 2)))
    assert np.isfinite(strengths).all() and strengths[0] > strengths[1]


def test_many_data_sets_are_fitted_as_each_alone():
    both = np.stack([WINS, WINS.T])
    strengths, _ = statistics.davidson(both, np.zeros_like(both))
    assert strengths[0] == pytest.approx(statistics.davidson(WINS, np.zeros_like(WINS))[0], abs=1e-9)
    assert strengths[1] == pytest.approx(-strengths[0], abs=1e-6)


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_as_its_author_computes_it(level, alpha):
    units = {
        unit: {rater: row[unit] for rater, row in enumerate(OBSERVED) if row[unit] is not None} for unit in range(12)
    }
    assert statistics.agreement(units, level) == pytest.approx(alpha, abs=6e-4)


def test_alpha_needs_something_to_disagree_about():
    assert statistics.agreement({"a": {1: "left"}, "b": {2: "left"}}, "nominal") is None
    assert statistics.agreement({"a": {1: "left", 2: "left"}}, "nominal") is None
    assert statistics.agreement({"a": {1: "x", 2: "x"}, "b": {1: "y", 2: "y"}}, "nominal") == 1


def test_sample_size_by_hand():
    """(1.95996 * 0.5 + 0.84162 * sqrt(0.24))^2 / 0.01 = (0.97998 + 0.41231)^2 / 0.01 = 193.8, so 194."""
    assert statistics.sample_size(0.6) == statistics.sample_size(0.4) == 194
    assert statistics.sample_size(0.5) is None


def test_cliffs_delta_by_hand():
    """Of the six pairs of (3, 5) and (1, 3, 4): 3>1, 3=3, 3<4, 5>1, 5>3, 5>4 make (4 - 1) / 6."""
    assert statistics.cliffs_delta(np.array([3, 5]), np.array([1, 3, 4])) == 0.5


def test_precision_counts_absent_items_as_misses():
    hits = [[True, False, True], [True]]
    assert statistics.precision_at(hits, 1).mean() == 1
    assert list(statistics.precision_at(hits, 2)) == [0.5, 0.5]
    assert list(statistics.precision_at(hits, 3)) == pytest.approx([2 / 3, 1 / 3])


def test_precision_by_hand_where_items_are_missing_or_unjudged():
    """No items: a miss. One unjudged and one hit: 1 of the 1 judged, then 1 of 2 as the third is not there."""
    hits = [[], [None, True], [None, None]]
    assert list(statistics.precision_at(hits, 1)) == pytest.approx([0, np.nan, np.nan], nan_ok=True)
    assert list(statistics.precision_at(hits, 2)) == pytest.approx([0, 1, np.nan], nan_ok=True)
    assert list(statistics.precision_at(hits, 3)) == pytest.approx([0, 0.5, 0], nan_ok=True)
    mean = statistics.weighted_mean(statistics.precision_at(hits, 2), statistics.Resamples(np.ones((5, 3)), ()))
    assert (mean.value, mean.low, mean.high) == (0.5, 0.5, 0.5)
    nothing = statistics.weighted_mean(np.array([np.nan]), statistics.Resamples(np.ones((5, 1)), ()))
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_tables_count_each_judgement_once():
    """Arm 0 beat arm 1, arm 1 beat arm 0 from the left, and 0 and 2 tied; all counted twice by the weight."""
    left, right, score = np.array([0, 1, 0]), np.array([1, 0, 2]), np.array([1, 1, 0.5])
    wins, ties = statistics.tables(left, right, score, 3, np.full((1, 3), 2.0))
    assert wins[0].tolist() == [[0, 2, 0], [2, 0, 0], [0, 0, 0]]
    assert ties[0].tolist() == [[0, 0, 2], [0, 0, 0], [2, 0, 0]]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40))
def test_weights_hold_whole_clusters(labels):
    raters, tasks = (np.array(column) for column in zip(*labels, strict=True))
    weights = statistics.resample(raters, tasks, seed=1, repeats=20).weights
    assert (weights >= 0).all() and weights.shape == (20, len(labels))
    for pair in set(labels):
        same = weights[:, [at for at, label in enumerate(labels) if label == pair]]
        assert (same == same[:, :1]).all(), "one rater's answers to one task are drawn together"


def test_clusters_widen_the_interval():
    """Ten raters who each say the same thing twenty times are ten judgements, not two hundred."""
    raters = np.repeat(np.arange(10), 20)
    values = np.repeat(np.arange(10) % 2, 20).astype(float)
    resamples = statistics.resample(raters, np.zeros(200), seed=2)
    estimate = statistics.weighted_mean(values, resamples)
    assert estimate.high - estimate.low > 0.5
    assert statistics.design_effect(values, resamples) == pytest.approx(20, rel=0.15)


def test_degrees_of_freedom_by_hand():
    """Raters' residuals sum to 1, -1, 0: a variance of 2 * 3/2 = 3. Tasks' to 2, -2: 8 * 2/1 = 16. So 19^2 / (3^2 / 2
    + 16^2 / 1) = 361 / 260.5. With raters alone it is their number less one."""
    residuals = np.array([1.5, -0.5, 0.5, -1.5, 0.0, 0.0])
    raters, tasks = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    assert statistics.freedom(residuals, (raters, tasks)) == pytest.approx(361 / 260.5)
    assert statistics.freedom(residuals, (raters,)) == pytest.approx(2)
    assert statistics.freedom(0 * residuals, (raters, tasks)) == float("inf")


def test_few_clusters_reach_further_by_students_t():
    """With 4 degrees of freedom sqrt(5/4) * 2.776 standard deviations in place of 1.960; with endless ones, 1.960."""
    normal = np.random.default_rng(0).normal(size=400_000)
    assert statistics.interval(normal, 4) == pytest.approx((-3.104, 3.104), abs=0.05)
    assert statistics.interval(normal, float("inf")) == pytest.approx((-1.960, 1.960), abs=0.02)
