"""steer, exclude, valid: does a reply obey what was asked, in held-out wordings whose meaning is known?

"free" is the model's own doing: its plan is not enforced, the trie is off, it opens and ends spans as it likes.
"served" is what a visitor gets: plan and trie on, steps of the filter's loosening included.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from neo.chat.parts import Controls
from neo.decoding import beams, engine
from neo.decoding.grammar import PlanRules, ReplyState
from neo.evaluation.bench import Bench
from neo.evaluation.metrics import share
from neo.format import Facts, Message, Reply
from neo.hints import leanings
from neo.items import CatalogItem
from neo.plan import ANY, Plan, Term
from neo.sids.sid import Sid
from neo.training.requests import Asked
from neo.training.tasks import Composer
from neo.wording import Wording

GROUPS = {"English": ("en",), "es fr de pt it": ("es", "fr", "de", "pt", "it")}
TEXT_ONLY = ("talk", "profile", "describe")
SHORT = 12  # words between served items: what is measured here does not depend on them


def steer(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Of what was asked: type, count, language, output format and the plan itself, free and served."""
    out: dict = {}
    for seed, (group, languages) in enumerate(GROUPS.items()):
        composer, tally = bench.composer(seed + 1, languages), {}
        for at in range(queries // 2):
            if at % 4 == 3:  # every fourth message wants words alone
                message, reply = composer.compose(composer.draw.pick(TEXT_ONLY), "plan")[-2:]
            else:
                message, reply = _small(composer)
            for name, value in _steered(bench, reply.plan, message.text).items():
                tally.setdefault(name, []).append(value)
            progress()
        out[group] = {name: share(values) for name, values in sorted(tally.items())}
    return out


def _small(composer: Composer) -> tuple[Message, Reply]:
    """A held-out request for at most three items: more of them cost time and show nothing new."""
    while True:
        message, reply = composer.compose("recommend", "plan")
        if reply.plan.count <= 3:
            return message, reply


def _steered(bench: Bench, asked: Plan, text: str) -> dict[str, float]:
    host = _free(bench, text)
    free = [event.sid for event in host.events if isinstance(event, engine.Item)]
    known = [bench.shelf.items[bench.by_sid[sid]] for sid in free if sid in bench.by_sid]
    spoke = any(
        any(char.isalpha() for char in bench.assistant.format.text(event.ids))
        for event in host.events
        if isinstance(event, engine.Text)
    )
    plan = bench.assistant.format.parse_plan(host.plan)
    served = bench.serve(text, words=SHORT)
    seen = [item.sid for item in served.items]
    said = served.words if asked.types else " ".join([served.words, *served.notices])  # a question nothing answers
    right: dict[str, bool | float] = {
        "plan: act": plan.act == asked.act,
        "plan: whole": same_plan(plan, asked),
        "free: format": _format_obeyed(asked, len(free), spoke),
        "served: format": _format_obeyed(asked, len(seen), any(map(str.isalpha, said))),
    }
    if asked.types:
        right |= {
            "plan: types and counts": Counter(dict(plan.types)) == Counter(dict(asked.types)),
            "free: type": _types_obeyed([sid.type for sid in free], asked),
            "free: count": len(free) == asked.count,
            "free: SIDs that exist": len(known) / len(free) if free else 1.0,
            "served: type": _types_obeyed([sid.type for sid in seen], asked),
            "served: count": len(seen) == asked.count,
        }
    if asked.languages:
        right["plan: languages"] = plan.languages == asked.languages
        right["free: language"] = bool(known) and _spoken(known, asked)
        right["served: language"] = bool(seen) and _spoken(served.items, asked)
    return {key: float(value) for key, value in right.items()}


def terms_of(plan: Plan) -> set[tuple[str, str, bool]]:
    """A plan's terms, whatever their order and case."""
    return {(term.field, term.value.casefold(), term.wanted) for term in plan.terms}


def same_plan(plan: Plan, asked: Plan) -> bool:
    return (plan.act, plan.types, plan.languages, plan.refs, terms_of(plan)) == (
        asked.act,
        asked.types,
        asked.languages,
        asked.refs,
        terms_of(asked),
    )


def _types_obeyed(got: list[str], asked: Plan) -> bool:
    """Whether every item is of a type that was asked for, and each asked type occurs."""
    wanted = {type_ for type_, _ in asked.types}
    return bool(got) and (ANY in wanted or set(got) == wanted)


def _spoken(items: list[CatalogItem], asked: Plan) -> bool:
    return all(item.language in asked.languages for item in items)


def _format_obeyed(asked: Plan, items: int, spoke: bool) -> bool:
    """Bare IDs without words, words without items, or both, as the request wants it."""
    return (items > 0, spoke) == ((True, not asked.ids_only) if asked.types else (False, True))


def _free(bench: Bench, text: str) -> "_Silent":
    format_ = bench.assistant.format
    message = bench.assistant.message(text)
    rendered, words = format_.render([message]), tuple(format_.words(text))
    rules = PlanRules(format_.vocabulary, bench.assistant.facet_values, (words,), leanings([message]))
    host = _Silent(bench)
    soft = [vector for _, vector in rendered.vectors]
    host.events = list(bench.assistant.engine.reply(rendered.ids, soft, rules, host, engine.Sampling(beam_width=1)))
    return host


class _Silent:
    """A host that enforces nothing: any span may be opened, any code written, and the model ends when it likes."""

    def __init__(self, bench: Bench):
        self.bench, self.plan, self.events = bench, [], []

    def plan_written(self, ids: list[int]) -> engine.Decision:
        format_ = self.bench.assistant.format
        self.plan, vocabulary = ids, format_.vocabulary
        views = {shape.name: beams.Unconstrained(shape) for shape in vocabulary.types}
        available = tuple((type_, 99) for type_ in views)
        state = ReplyState(vocabulary, format_.end, format_.parse_plan(ids).types, available, free=True)
        return engine.Decision(views, state)

    def item_chosen(self, sid: Sid) -> list[int]:
        at = self.bench.by_sid.get(sid)
        if at is None:
            return []
        return self.bench.assistant.format.facts(Facts(Wording.load("en").facts(self.bench.shelf.items[at])))

    def between_items(self, position: int) -> list[int]:
        return self.bench.assistant.format.words(f"\n{position}. ")


def exclude(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Served items that break "nothing by", "not about", "not that mood" or "no longer than", or that the listener had
    heard."""
    composer, broken = bench.composer(7), {"by": [], "topic": [], "tone": [], "like": [], "length": [], "heard": []}
    timed = any(item.minutes for item in bench.shelf.items)
    for at in range(queries):
        if at % 4 == 1 and timed:
            text, plan = _asking(composer, lambda plan: plan.values("length"))
            items, most = bench.serve(text, words=0).items, plan.most_minutes()
            broken["length"] += [not item.minutes or item.minutes > most for item in items]
        elif at % 4:
            text, plan = _asking(composer, _unwanted)
            items = bench.serve(text, words=0).items
            for term in _unwanted(plan):
                broken[term.field] += [term.value in _values(item, term.field) for item in items]
        else:
            heard = tuple(bench.shelf.items[index] for index in composer.next_listener())
            asked: Asked = composer.requests.ask("recommend_history", composer.requests.wording(), most=3)
            if asked.plan.familiarity != "familiar":
                served = bench.serve(asked.text, controls=Controls(history=heard), words=0)
                broken["heard"] += [item in heard for item in served.items]
        progress()
    everything = [value for values in broken.values() for value in values]
    return {"violations": share(everything), **{name: share(values) for name, values in broken.items()}}


def _asking(composer: Composer, wanted: Callable[[Plan], Sequence]) -> tuple[str, Plan]:
    """A held-out request for at most three items whose plan has what is wanted, and that plan."""
    while True:
        message, reply = _small(composer)
        if wanted(reply.plan):
            return message.text, reply.plan


def _unwanted(plan: Plan) -> list[Term]:
    return [term for term in plan.terms if not term.wanted]


def _values(item: CatalogItem, field: str) -> tuple[str, ...]:
    return {"by": item.makers, "topic": item.topics, "tone": item.tones, "like": (item.title,)}[field]


def valid(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """SIDs of all beams under the trie that some item has: 30 a query."""
    composer, exist = bench.composer(11), []
    vocabulary = bench.assistant.format.vocabulary
    for at in range(queries):
        text = _small(composer)[0].text
        type_ = vocabulary.types[at % len(vocabulary.types)].name
        message, plan = bench.assistant.message(text), Plan("recommend", types=((type_, 1),), ids_only=True)
        found = bench.sids(message, plan, type_, bench.tries.by_type[type_].everything(), 30)
        exist += [sid in bench.by_sid for sid in found]
        progress()
    return {"SIDs in the catalog": share(exist)}
