"""Slots: balanced over groups and sides, within tasks and over the whole, and the same for the same seed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from neo.study.assignment import groups_of, slots, uncounted_slot
from neo.study.spec import parse_spec


def study(study_text, arms, tasks, judgements, kind="side-by-side", seed=3):
    questions = None
    if kind == "single":
        questions = [{"id": "relevance", "about": "conversation", "answer": "scale", "words": "Relevant?"}]
    changes = {
        "seed": seed,
        "design": {"kind": kind, "judgements": judgements},
        "arms": {f"arm{n}": {"kind": "bm25"} for n in range(arms)},
        "tasks": [{"id": f"task{n}", "scenario": "s"} for n in range(tasks)],
    }
    return parse_spec(study_text(**changes, **({"questions": questions} if questions else {})))


def even(counts, of):
    """Whether numbers differ by at most one, absent ones being zero."""
    numbers = [counts[each] for each in of]
    return max(numbers) - min(numbers) <= 1


def pairs(found):
    return Counter(tuple(sorted(slot.arms)) for slot in found)


@given(st.integers(2, 5), st.integers(1, 7), st.integers(1, 13), st.integers(0, 5))
def test_pairs_and_sides_are_even(arms, tasks, judgements, seed):
    spec = study(_text, arms, tasks, judgements, seed=seed)
    found, groups = slots(spec), [tuple(sorted(group)) for group in groups_of(spec)]
    assert Counter(slot.task for slot in found) == {task.id: judgements for task in spec.tasks}
    assert even(pairs(found), groups)
    for task in spec.tasks:
        assert even(pairs([slot for slot in found if slot.task == task.id]), groups)
    for group in groups:
        sides = Counter(slot.arms for slot in found if set(slot.arms) == set(group))
        assert even(sides, [group, group[::-1]])


def _text(**changes):
    import yaml

    from tests.study.conftest import STUDY

    return yaml.safe_dump({**STUDY, **changes}, sort_keys=False)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 9))
def test_single_arms_are_even_too(arms, tasks, judgements):
    spec = study(_text, arms, tasks, judgements, kind="single")
    assert even(Counter(slot.arms for slot in slots(spec)), groups_of(spec))


@given(st.integers(1, 6), st.integers(1, 9))
def test_a_study_that_ends_early_has_seen_all_tasks_alike(tasks, judgements):
    found = slots(study(_text, 3, tasks, judgements))
    for end in range(len(found)):
        assert even(Counter(slot.task for slot in found[:end]), [f"task{n}" for n in range(tasks)])


def test_the_seed_decides():
    one, same, other = (slots(study(_text, 4, 5, 6, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_uncounted_slots_depend_on_the_rater_and_nothing_else():
    spec = study(_text, 4, 1, 1)
    drawn = [uncounted_slot(spec, spec.tasks[0], rater) for rater in range(30)]
    assert drawn == [uncounted_slot(spec, spec.tasks[0], rater) for rater in range(30)]
    assert len({slot.arms for slot in drawn}) > 6, "both sides and several pairs"
