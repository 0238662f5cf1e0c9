import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo.evaluation.metrics import hit_rate, ndcg, share


def test_by_hand():
    """Right answers at ranks 2 and 4 of {b, d}: (1/log2 3 + 1/log2 5) / (1 + 1/log2 3)."""
    ranked = ["a", "b", "c", "d"]
    assert ndcg(ranked, {"b", "d"}, 10) == pytest.approx((0.63093 + 0.43068) / 1.63093, abs=1e-4)
    assert ndcg(ranked, {"b"}, 1) == 0
    assert hit_rate(ranked, {"b"}, 1) == 0 and hit_rate(ranked, {"b"}, 2) == 1


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1), st.integers(1, 12))
def test_bounds(ranked, relevant, k):
    assert 0 <= ndcg(ranked, relevant, k) <= 1 + 1e-9
    best = sorted(ranked, key=lambda item: item not in relevant)
    assert ndcg(best, relevant, k) == pytest.approx(1)
    assert hit_rate(ranked, relevant, k) == (ndcg(ranked, relevant, k) > 0)


def test_a_share_has_an_interval_around_it():
    found = share([1.0] * 30 + [0.0] * 10)
    assert found["mean"] == 0.75 and found["n"] == 40
    low, high = found["interval"]
    assert 0.55 < low < 0.75 < high < 0.95
    assert share([]) == {"n": 0}
