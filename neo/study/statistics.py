"""The statistics of a study, as functions of arrays. No database, no words; each formula names its source.

Judgements come in clusters: a rater's answers resemble each other, and so do all answers to a task. Intervals therefore
resample raters and tasks, not judgements (`resample`), and reach further where these are few (`freedom`).
"""

from dataclasses import dataclass
from math import ceil

import krippendorff
import numpy as np
from scipy.stats import binomtest, norm, t

LEVEL = 0.95
REPEATS = 2000
PRIOR = 0.01
"""Precision of the weak normal prior on Bradley-Terry strengths: finite where an arm never loses, else unnoticeable."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, of: int) -> Estimate:
    """A proportion with its score interval (Wilson 1927); no data is a value of NaN between 0 and 1."""
    if of == 0:
        return Estimate(float("nan"), 0.0, 1.0)
    interval = binomtest(hits, of).proportion_ci(LEVEL, method="wilson")
    return Estimate(hits / of, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Resamples:
    """Judgements drawn anew, many times."""

    weights: np.ndarray
    """[repeats, judgements]: how often each counts."""
    clusters: tuple[np.ndarray, ...]
    """The number of each judgement's rater, and of its task; a way of clustering that has one cluster is left out."""

    def only(self, chosen: np.ndarray) -> "Resamples":
        """Of the judgements where `chosen` [judgements] is True."""
        return Resamples(self.weights[:, chosen], tuple(numbers[chosen] for numbers in self.clusters))


def resample(raters: np.ndarray, tasks: np.ndarray, seed: int, repeats: int = REPEATS) -> Resamples:
    """The pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1:386).

    `raters`, `tasks`: a label for every judgement. Raters and tasks are drawn anew, each with replacement; a judgement
    counts as often as its rater times as often as its task was drawn. Never narrower than the truth on average.
    """
    chance = np.random.default_rng(seed)
    weights, clusters = np.ones((repeats, len(raters))), []
    for labels in (raters, tasks):
        names, at = np.unique(labels, return_inverse=True)
        if len(names) > 1:  # one task alone cannot be resampled: it is then fixed, and the report says so
            weights *= chance.multinomial(len(names), np.full(len(names), 1 / len(names)), repeats)[:, at]
            clusters.append(at)
    return Resamples(weights, tuple(clusters))


def weighted_mean(values: np.ndarray, resamples: Resamples) -> Estimate:
    """The mean of values [n] with its interval over the resamples of n judgements; of what is not NaN."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    values, resamples = values[known], resamples.only(known)
    totals = resamples.weights.sum(1)
    means = (resamples.weights @ values)[totals > 0] / totals[totals > 0]
    return Estimate(float(values.mean()), *interval(means, freedom(values - values.mean(), resamples.clusters)))


def interval(repeats: np.ndarray, degrees: float) -> tuple[float, float]:
    """The middle 95 % of bootstrap values [repeats]; with few degrees of freedom more of them, up to all that was
    drawn: Student's t reaches further and a bootstrap's spread is too small (Hesterberg 2015, The American Statistician
    69:371, section 4.3)."""
    tail = norm.cdf((1 + 1 / degrees) ** 0.5 * t.ppf((1 - LEVEL) / 2, degrees))
    low, high = np.quantile(repeats, [tail, 1 - tail])
    return float(low), float(high)


def freedom(residuals: np.ndarray, clusters: tuple[np.ndarray, ...]) -> float:
    """Degrees of freedom of a mean whose variance adds up over ways of clustering (Satterthwaite 1946).

    `residuals` [n] from what was expected; `clusters`: the cluster's number of each of the n, once a way. Four tasks
    tell little of how tasks differ, but that matters only as far as they do. Infinite where nothing varies.
    """
    variances, known = [], []
    for numbers in clusters:
        present = np.unique(numbers, return_inverse=True)[1]
        count = present.max() + 1
        if count > 1:
            variances.append((np.bincount(present, residuals) ** 2).sum() * count / (count - 1))
            known.append(count - 1)
    spread = sum(variance**2 / free for variance, free in zip(variances, known, strict=True))
    return float(sum(variances) ** 2 / spread) if spread > 0 else float("inf")


def davidson(wins: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bradley-Terry strengths with ties: log strengths [..., arms], summing to zero, and the log of nu [...].

    `wins[..., i, j]`: how often i beat j; `ties[..., i, j]`: how often they tied, the same number at [j, i]. Leading
    axes are data sets, fitted side by side. P(i beats j) = p_i / (p_i + p_j + nu sqrt(p_i p_j)) (Davidson 1970, JASA
    65:317). Newton's method; the log likelihood is concave.
    """
    arms = wins.shape[-1]
    outcomes, counts = [], []
    for i in range(arms):
        for j in range(i + 1, arms):
            one, other = np.eye(arms + 1)[i], np.eye(arms + 1)[j]
            tie = (one + other) / 2 + np.eye(arms + 1)[arms]
            outcomes.append([one, other, tie])
            counts.append(np.stack([wins[..., i, j], wins[..., j, i], ties[..., i, j]], -1))
    x = np.array(outcomes)  # [pairs, 3, arms + 1]
    y = np.stack(counts, -2).astype(float)  # [..., pairs, 3]
    n = y.sum(-1, keepdims=True)
    theta = np.zeros((*y.shape[:-2], arms + 1))
    for _ in range(100):
        scores = np.einsum("pok,...k->...po", x, theta)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        gradient = np.einsum("pok,...po->...k", x, y - n * p) - PRIOR * theta
        mean = np.einsum("pok,...po->...pk", x, p)
        second = np.einsum("pok,pol,...po->...pkl", x, x, p) - mean[..., :, None] * mean[..., None, :]
        hessian = (n[..., None] * second).sum(-3) + PRIOR * np.eye(arms + 1)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        step *= np.minimum(1, 2 / np.maximum(np.abs(step).max(-1, keepdims=True), 1e-12))
        theta = theta + step
        if np.abs(step).max() < 1e-9:
            break
    strengths = theta[..., :arms] - theta[..., :arms].mean(-1, keepdims=True)
    return strengths, theta[..., arms]


def tables(left: np.ndarray, right: np.ndarray, score: np.ndarray, arms: int, weights: np.ndarray):
    """Win and tie counts [repeats, arms, arms] of judgements: arms' numbers, 1 / 0.5 / 0 for `left`, and weights."""
    wins = np.zeros((len(weights), arms, arms))
    ties = np.zeros_like(wins)
    for i in range(arms):
        for j in range(arms):
            here = (left == i) & (right == j)
            wins[:, i, j] += weights[:, here & (score == 1)].sum(1)
            wins[:, j, i] += weights[:, here & (score == 0)].sum(1)
            tied = weights[:, here & (score == 0.5)].sum(1)
            ties[:, i, j] += tied
            ties[:, j, i] += tied
    return wins, ties


def cliffs_delta(one: np.ndarray, other: np.ndarray) -> float:
    """P(one > other) - P(one < other), -1 to 1 (Cliff 1993): the effect size of ordinal ratings."""
    return float(np.sign(one[:, None] - other[None, :]).mean())


def agreement(units: dict, level: str) -> float | None:
    """Krippendorff's alpha of answers by unit ({unit: {rater: value}}); `level` nominal, ordinal or interval.

    None where fewer than two answers overlap, or where all are the same and nothing could be disagreed about.
    """
    raters = sorted({rater for answers in units.values() for rater in answers})
    shared = {unit: answers for unit, answers in units.items() if len(answers) > 1}
    domain = sorted({value for answers in shared.values() for value in answers.values()})
    if len(domain) < 2:
        return None
    number = {value: (float(at) if level == "nominal" else float(value)) for at, value in enumerate(domain)}
    data = np.full((len(raters), len(shared)), np.nan)
    for column, answers in enumerate(shared.values()):
        for rater, value in answers.items():
            data[raters.index(rater), column] = number[value]
    return float(krippendorff.alpha(reliability_data=data, level_of_measurement=level))


def precision_at(hits: list[list[bool | None]], k: int) -> np.ndarray:
    """Share of the first k items of each reply that are hits [replies].

    An item that is not there is no hit; one of which nobody said anything (None) is left out, NaN if that leaves none.
    """
    judged = [k - reply[:k].count(None) for reply in hits]
    return np.array([
        reply[:k].count(True) / of if of else np.nan for reply, of in zip(hits, judged, strict=True)
    ])  # fmt: skip


def sample_size(p: float, power: float = 0.8) -> int | None:
    """Independent decided judgements to tell a win rate of p from one half, two-sided at 5 % (Fleiss 1981, 2.2).

    None when there is nothing to tell apart.
    """
    if not 0 <= p <= 1 or abs(p - 0.5) < 1e-9:
        return None
    from_alpha, from_power = norm.ppf((1 + LEVEL) / 2), norm.ppf(power)
    return ceil((0.5 * from_alpha + from_power * (p * (1 - p)) ** 0.5) ** 2 / (p - 0.5) ** 2)


def design_effect(values: np.ndarray, resamples: Resamples) -> float:
    """How many times the variance of the mean [n values] grows because judgements come in clusters; at least 1."""
    independent, weights = values.var() / len(values), resamples.weights
    totals = weights.sum(1)
    means = (weights @ values)[totals > 0] / totals[totals > 0]
    return max(1.0, float(means.var() / independent)) if independent > 0 else 1.0
