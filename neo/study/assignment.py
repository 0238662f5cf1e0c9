"""Which arms answer which task for how many judgements, and on which side: balanced, and fixed by the seed alone.

Groups (arms, or pairs of arms in a side-by-side study) differ by at most one judgement within a task and over the whole
study; the sides of a pair likewise. Slots are given out round by round, so that a study which ends early is as even as
can be. Who takes which slot is decided by arrival (`neo.study.sitting`) and recorded.
"""

import random
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from neo.study.spec import StudySpec, Task


@dataclass(frozen=True)
class Slot:
    """A seat for one judgement; `arms` from left to right."""

    task: str
    arms: tuple[str, ...]


def groups_of(spec: StudySpec) -> list[tuple[str, ...]]:
    """What is judged together: pairs of arms, or single arms."""
    return list(combinations(spec.arms, 2 if spec.side_by_side else 1))


def slots(spec: StudySpec) -> list[Slot]:
    """The counted slots, in the order in which they are given out."""
    chance = random.Random(spec.seed)
    groups = groups_of(spec)
    chance.shuffle(groups)
    tasks = [task.id for task in spec.counted_tasks]
    chance.shuffle(tasks)
    first_side = {group: chance.randrange(2) for group in groups}
    judgements, seen = spec.design.judgements, Counter()
    by_round: list[list[Slot]] = [[] for _ in range(judgements)]
    for number, task in enumerate(tasks):
        for judgement in range(judgements):
            group = groups[(number * judgements + judgement) % len(groups)]
            turned = (first_side[group] + seen[group]) % 2
            seen[group] += 1
            # Shifted by the task, so that a round holds all groups even where a task holds each once.
            by_round[(judgement + number) % judgements].append(Slot(task, group[::-1] if turned else group))
    for slots_of_round in by_round:
        chance.shuffle(slots_of_round)
    return [slot for slots_of_round in by_round for slot in slots_of_round]


def uncounted_slot(spec: StudySpec, task: Task, rater: int) -> Slot:
    """A practice or attention slot of one rater (by number): a group and sides drawn for this rater and task."""
    chance = random.Random(f"{spec.seed}:{rater}:{task.id}")
    group = list(chance.choice(groups_of(spec)))
    chance.shuffle(group)
    return Slot(task.id, tuple(group))
