"""plans, questions: does the model write the plan that a held-out message means, and what are hints worth?

Nothing is served here: a plan takes a fraction of a second, so that many can be asked for.
"""

from neo.evaluation.bench import Bench
from neo.evaluation.metrics import share
from neo.evaluation.steering import GROUPS, same_plan, terms_of

REQUESTS = ("recommend", "search", "refine", "history", "again")
"""Again: a fresh request behind suggestions, of whose plan nothing is meant to stay."""
QUESTIONS = ("why", "describe", "compare", "profile")


def plans(
    bench: Bench, queries: int, progress=lambda: None, tasks: tuple[str, ...] = REQUESTS, unhinted: bool = True
) -> dict:
    """By language and task: act, types with counts, terms, and all of the plan; `unhinted`: that without hints too."""
    out: dict = {}
    for seed, (group, languages) in enumerate(GROUPS.items()):
        composer = bench.composer(50 + seed, languages)
        for task in tasks:
            tally: dict[str, list[bool]] = {}
            for _ in range(max(1, queries // len(tasks))):
                *before, message, reply = composer.compose(task, "plan")
                asked, turns = reply.plan, [*before, message]
                plan = bench.plan(turns)
                right = {
                    "act": plan.act == asked.act,
                    "types and counts": plan.types == asked.types,
                    "terms": terms_of(plan) == terms_of(asked),
                    "all of it": same_plan(plan, asked),
                }
                if unhinted:
                    right["all of it, without hints"] = same_plan(bench.plan(turns, hinted=False), asked)
                for name, is_right in right.items():
                    tally.setdefault(name, []).append(is_right)
                progress()
            out[f"{group} · {task}"] = {name: share(values) for name, values in tally.items()}
    return out


def questions(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """The same of questions about what was suggested, and about the visitor's taste."""
    return plans(bench, queries, progress, QUESTIONS)
