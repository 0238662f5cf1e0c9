"""Conversations composed from wordings, catalog and simulated listeners: what the model learns from.

A request template names slots; filling them makes the plan, and the plan together with the catalog makes the slate, so
request, plan, items and words agree by construction. A conversation is rendered in one of three depths:
`plan` (learn the plan), `codes` (plan given, learn the item spans alone) and `full` (plan, items and words about them).
"""

from dataclasses import dataclass, replace

import numpy as np

from neo.format import Facts, Message, Reply, earlier
from neo.items import CatalogItem
from neo.plan import ANY, Plan, Term
from neo.training.listeners import Simulation
from neo.training.shelf import Shelf
from neo.wording import Wording, render, slots

HISTORY = 6  # spans of the latest listens that a prompt carries; the listener's vector carries all
SLOT_TERMS = {  # request slot -> (field, wanted)
    "topic": ("topic", True), "topic2": ("topic", True), "tone": ("tone", True), "format": ("format", True),
    "like": ("like", True), "like2": ("like", True), "maker": ("by", True), "title": ("title", True),
    "not_topic": ("topic", False), "not_tone": ("tone", False), "not_maker": ("by", False),
    "not_title": ("like", False),
}
FACET_KIND = {"topic": "topics", "tone": "tones", "format": "formats"}
PLAN_FACETS = {"topics": ("topic", True), "tones": ("tone", True), "formats": ("format", True),
               "not_topics": ("topic", False), "not_tones": ("tone", False)}


@dataclass(frozen=True)
class Asked:
    """A request in words, the plan it means, and what it was made around."""

    text: str
    plan: Plan
    anchor: int
    """Position of the item whose facets filled the slots: it always fulfils the plan, if `plan` has types."""
    likes: tuple[int, ...] = ()


class Composer:
    """Composes conversations over a shelf. Every draw comes from `rng`; `split` picks the request wordings."""

    def __init__(self, shelf: Shelf, simulation: Simulation, rng: np.random.Generator, split: str = "train",
                 languages: tuple[str, ...] = ("en",), first_listener: int = 0):
        self.shelf, self.simulation, self.rng, self.split = shelf, simulation, rng, split
        self.languages = languages
        self._listener = first_listener
        self._by_language = {
            code: [i for i, item in enumerate(shelf.items) if item.language == code] for code in languages
        }

    # --- drawing ---------------------------------------------------------------------------------------------------

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def wording(self) -> Wording:
        """English seven times of ten, the other languages share the rest."""
        english = self.languages == ("en",) or ("en" in self.languages and self.chance(0.7))
        return Wording.load("en" if english else self.pick([code for code in self.languages if code != "en"]))

    def anchor(self, language: str) -> int:
        """An item, the famous more often."""
        pool = self._by_language.get(language) or range(len(self.shelf.items))
        odds = np.array([self.shelf.items[index].fame for index in pool], dtype=float)
        return int(self.rng.choice(pool, p=odds / odds.sum()))

    # --- requests --------------------------------------------------------------------------------------------------

    def ask(self, act: str, wording: Wording, slate: bool = True, most: int = 10) -> Asked:
        """A request of an act, its slots filled from one anchor item, and the plan that this means."""
        entry = self.pick(wording.requests(self.split)[act])
        say, fixed = (entry, {}) if isinstance(entry, str) else (entry["say"], dict(entry.get("plan", {})))
        needs = slots(say)
        language = self.pick([c for c in self._by_language]) if "language" in needs else wording.language
        anchor = self._anchor_for(fixed, language)
        item = self.shelf.items[anchor]
        values, terms, likes = {}, [], []
        for slot in sorted(needs & set(SLOT_TERMS)):
            if (filled := self._fill(slot, item, anchor, wording, terms, likes)) is None:
                return self.ask(act, wording, slate, most)
            values[slot], value, liked = filled
            likes += [liked] if liked is not None else []
            terms.append(Term(*_term(slot, value)))
        for key, (field, wanted) in PLAN_FACETS.items():
            terms += [Term(field, value, wanted) for value in fixed.get(key, ())]
        types, phrase = self._slate(wording, item, fixed, "slate" in needs, most)
        if "slate" in needs:
            values["slate"], tone = phrase
            terms += [Term("tone", tone)] if tone and tone not in [t.value for t in terms] else []
        languages = tuple(fixed.get("languages", ()))
        if "language" in needs:
            values["language"], languages = self.pick(wording.phrases["languages"][language]), (language,)
        if "clue" in needs:
            values["clue"] = item.description.rstrip(".")
        plan = Plan(
            "recommend" if act == "recommend_history" else act, types if slate else (), languages,
            fixed.get("familiarity"), fixed.get("output") == "ids", (), _unique(terms),
        )
        return Asked(_spoken(render(say, **values)), plan, anchor, tuple(likes))

    def _anchor_for(self, fixed: dict, language: str) -> int:
        wanted = [(kind, set(fixed[kind])) for kind in ("topics", "tones") if fixed.get(kind)]
        formats = set(fixed.get("formats", ()))
        types = set(fixed.get("types", ()))
        for _ in range(200):
            index = self.anchor(self.pick(fixed["languages"]) if fixed.get("languages") else language)
            item = self.shelf.items[index]
            if (all(names & set(getattr(item, kind)) for kind, names in wanted)
                    and (not formats or item.format in formats) and (not types or item.type in types)):
                return index
        return self.anchor(language)

    def _fill(self, slot: str, item: CatalogItem, anchor: int, wording: Wording, terms: list[Term], likes: list[int]):
        """(how it is said, its value in the plan, position if liked), or None if this item has nothing for the slot."""
        said_already = [term.value for term in terms]
        if slot in ("like", "like2"):
            liked = self._alike(anchor, likes)
            said = self._typed(self.shelf.items[liked].title)
            return said, said, liked
        if slot == "title":
            said = self._typed(item.title)
            return said, said, None
        if slot == "maker":
            said = self.pick(item.makers)
            return said, said, None
        kind = slot.removeprefix("not_").rstrip("2")
        other = self.shelf.items[self.anchor(wording.language)]
        if kind in FACET_KIND:
            own = {"topic": item.topics[1:4] if slot == "topic2" else item.topics[:3], "tone": item.tones,
                   "format": (item.format,)}[kind]
            if slot.startswith("not_"):
                own = [name for name in getattr(other, f"{kind}s") if name not in getattr(item, f"{kind}s")]
            free = [name for name in own if name not in said_already]
            if not free:
                return None
            value = self.pick(free)
            return self.pick(wording.phrases[FACET_KIND[kind]].get(value, [value])), value, None
        if other.title == item.title or set(other.makers) & set(item.makers):
            return None
        said = other.title if slot == "not_title" else other.makers[0]
        return said, said, None

    def _alike(self, anchor: int, used: list[int]) -> int:
        """An item that goes with the anchor: near in content or sharing topics, of any type."""
        item = self.shelf.items[anchor]
        score = self.shelf.vectors @ self.shelf.vectors[anchor] + self.rng.gumbel(0, 0.06, len(self.shelf.items))
        for index in np.argsort(-score):
            other = self.shelf.items[index]
            if index != anchor and index not in used and item.shared_topics(other):
                return int(index)
        return int(np.argsort(-score)[1])

    def _typed(self, title: str) -> str:
        """A title as people type it: now and then in lower case, or without its subtitle."""
        short = title.split(":")[0]
        title = short if len(short) > 4 and self.chance(0.5) else title
        return title.lower() if self.chance(0.25) else title

    def _slate(self, wording: Wording, item: CatalogItem, fixed: dict, said: bool, most: int):
        """(types with counts, (phrase, tone or None)): what is asked for, and in which words."""
        if fixed.get("types"):
            return tuple((type_, min(int(count), most)) for type_, count in fixed["types"].items()), (
                wording.phrases["types"]["any"]["one"][0], None)
        if not said:
            return ((ANY, min(int(fixed.get("count", 3)), most)),), ("", None)
        kind = self.rng.random()
        count = int(self.rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
                                    p=[0.34, 0.22, 0.2, 0.07, 0.06, 0.03, 0.02, 0.02, 0.01, 0.03]))
        count = min(int(fixed.get("count", count)), most)
        if kind < 0.16:
            types = [(ANY, count)]
        else:
            types = [(item.type, count)]
            others = [type_ for type_ in self.shelf.types if type_ != item.type]
            if kind > 0.76 and others and count < most:
                types.append((self.pick(others), min(int(self.rng.integers(1, 4)), most - count)))
                types = types[::-1] if self.chance(0.5) else types
        tone = self.pick(item.tones) if self.chance(0.2) else None
        parts = [self._noun_phrase(wording, type_, n, tone if at == 0 else None) for at, (type_, n) in enumerate(types)]
        return tuple(types), (wording.joined(parts), tone)

    def _noun_phrase(self, wording: Wording, type_: str, count: int, tone: str | None) -> str:
        forms = wording.phrases["types"].get(type_, {"one": [type_], "many": [f"{type_}s"]})
        noun = self.pick(forms["one" if count == 1 else "many"])
        if type_ == ANY and count == 1:
            return f"{noun} {self.pick(wording.phrases['tones'][tone])}" if tone else noun
        if tone is None:
            if count == 3 and self.chance(0.3):
                return noun  # a bare plural means three
            return f"{_article(self.pick(wording.phrases['numbers'][count]), noun)} {noun}"
        said = self.pick(wording.phrases["tones"][tone])
        number = self.pick(wording.phrases["numbers"][count])
        pattern = wording.phrases["types"]["tone_pattern"]
        return pattern.format(number=_article(number, said), tone=said, noun=noun)

    # --- slates ----------------------------------------------------------------------------------------------------

    def choose(self, asked: Asked, languages: tuple[str, ...], exclude: set[int], towards: np.ndarray | None) -> list[int]:
        """Items that fulfil the plan, the anchor first among its type: what a well-informed friend would name."""
        toward = self.shelf.vectors[asked.anchor] if towards is None else towards
        score = self.shelf.vectors @ toward + 0.03 * np.array([item.fame for item in self.shelf.items])
        score = score + self.rng.gumbel(0, 0.03, len(score))
        score[asked.anchor] += 1
        chosen: list[int] = [asked.anchor] if asked.plan.values("title") else []
        for type_, count in asked.plan.types if not chosen else ():
            fitting = [i for i in self.shelf.fitting(asked.plan, type_, languages) if i not in exclude | set(chosen)]
            chosen += sorted(fitting, key=lambda index: -score[index])[:count]
        return chosen

    # --- conversations ---------------------------------------------------------------------------------------------

    def message(self, text: str, history: list[int] = (), likes: tuple[int, ...] = ()) -> Message:
        """A message whose vector is still to be encoded (`vector` empty); the history newest last."""
        listener, liked = (
            self.shelf.vectors[list(items)].mean(0) if len(items) else None for items in (history, likes)
        )
        spans = tuple(self.shelf.items[index].sid for index in history[-HISTORY:])
        return Message(text, np.empty(0, np.float32), spans, listener, liked)

    def next_listener(self) -> list[int]:
        self._listener += 1
        return self.simulation.history(self._listener)

    def compose(self, task: str, depth: str) -> list[Message | Reply]:
        """One conversation of a task: recommend, history, search, why, describe, compare, profile, refine or talk."""
        return getattr(self, f"_{task}")(depth, self.wording())

    def _ground(self, depth: str, wording: Wording) -> list[Message | Reply]:
        """What an item's SID means: a text view of it to its span, or its span to its title and topics."""
        index = self.anchor(wording.language)
        item = self.shelf.items[index]
        if self.chance(0.15):
            plan, text = Plan("describe"), wording.named(item)
            return [self.message("?", [index]), Reply(plan, (text,), learn="answer")]
        view = self.pick([
            self._typed(item.title), f"{item.title}, {item.makers[0]}", item.description, item.description,
            f"{wording.labels('topics', item.topics)}, {wording.labels('tones', item.tones)}",
            wording.named(item), f"{wording.label('formats', item.format)}, {wording.labels('topics', item.topics, 4)}",
        ])
        plan = Plan("search", types=((item.type, 1),), ids_only=True)
        return [replace(self.message(view), spoken=self.chance(0.3)), Reply(plan, (item.sid,), learn="answer")]

    def _recommend(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked = self.ask("recommend", wording, most=10 if depth == "plan" else 4 if depth == "codes" else 3)
        return [self.message(asked.text, likes=asked.likes), self.answer(asked, depth, wording)]

    def _search(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked = self.ask("search", wording, most=10 if depth == "plan" else 3)
        named = asked.plan.values("title") or not asked.plan.terms
        if named:  # one thing is looked for, whatever its type
            asked = replace(asked, plan=replace(asked.plan, types=tuple((t, 1) for t, _ in asked.plan.types[:1])))
        return [self.message(asked.text, likes=asked.likes), self.answer(asked, depth, wording)]

    def _history(self, depth: str, wording: Wording) -> list[Message | Reply]:
        heard = self.next_listener()
        kept, targets = heard[:-2], heard[-2:]
        asked = self.ask("recommend_history", wording, most=10 if depth == "plan" else 4 if depth == "codes" else 3)
        if depth == "codes":  # behaviour itself: what the listener played next, whatever the request's words
            plan = Plan("recommend", types=((ANY, len(targets)),), ids_only=True)
            spans = tuple(self.shelf.items[index].sid for index in targets)
            return [self.message(asked.text, kept), Reply(plan, spans, learn="answer")]
        likes = self.shelf.vectors[kept].mean(0)
        likes /= np.linalg.norm(likes)
        reply = self.answer(asked, depth, wording, heard=kept, towards=likes)
        return [self.message(asked.text, kept, asked.likes), reply]

    def answer(self, asked: Asked, depth: str, wording: Wording, heard: list[int] = (), towards=None,
               exclude: set[int] = frozenset()) -> Reply:
        """The reply that fulfils a request, in one of the three depths."""
        if depth == "plan":
            return Reply(asked.plan, open=True)
        languages = asked.plan.languages or tuple({wording.language} | {self.shelf.items[i].language for i in asked.likes})
        chosen = self.choose(asked, languages, set(heard) | set(asked.likes) | set(exclude), towards)
        named = tuple(self.named(index, wording) for index in asked.likes)
        if not chosen:
            return Reply(asked.plan, open=True)
        if depth == "codes" or asked.plan.ids_only:
            plan = replace(asked.plan, ids_only=True)
            return Reply(plan, named + tuple(self.shelf.items[i].sid for i in chosen), learn="all" if asked.plan.ids_only else "answer")
        return Reply(asked.plan, named + self.words_about(chosen, asked, wording, heard))

    def named(self, index: int, wording: Wording) -> Facts:
        item = self.shelf.items[index]
        return Facts(wording.named(item), item.sid)

    def words_about(self, chosen: list[int], asked: Asked, wording: Wording, heard: list[int] = ()) -> tuple:
        """Intro, then each item with its facts and a sentence that says only what the facts say."""
        replies, parts = wording.replies, []
        topics = asked.plan.values("topic")
        like = self.shelf.items[asked.likes[0]] if asked.likes else None
        intro = self._intro(asked, chosen, wording, like, bool(heard))
        for position, index in enumerate(chosen):
            item = self.shelf.items[index]
            relation = like if like and item.shared_topics(like) else self.nearest_heard(item, heard)
            wanted = tuple(topic for topic in topics if topic in item.topics)
            number = f"{position + 1}. " if len(chosen) > 1 else ""
            lead = intro + ("\n" if number else " ") if position == 0 else "\n"
            parts += [lead + number, item.sid, Facts(wording.facts(item, relation, wanted))]
            kind = "item"
            if relation is not None and self.chance(0.8):
                kind = "item_like" if relation is like else "item_history"
            elif wanted and self.chance(0.6):
                kind = "item_asked"
            parts.append(" " + self.sentence(replies[kind], item, wording, relation, wanted))
        return tuple(parts)

    def nearest_heard(self, item: CatalogItem, heard: list[int]) -> CatalogItem | None:
        """The latest item of the history that shares the most topics, or None."""
        best = max(heard, key=lambda i: (len(item.shared_topics(self.shelf.items[i])), i), default=None)
        return self.shelf.items[best] if best is not None and item.shared_topics(self.shelf.items[best]) else None

    def _intro(self, asked: Asked, chosen: list[int], wording: Wording, like, heard: bool) -> str:
        if asked.plan.act == "search" and len(chosen) == 1:
            kind = "found"
        elif like and self.chance(0.6):
            kind = "intro_like"
        elif heard and self.chance(0.7):
            kind = "intro_history"
        elif asked.plan.values("topic") and self.chance(0.5):
            kind = "intro_asked"
        else:
            kind = "intro_one" if len(chosen) == 1 else "intro_many"
        item = self.shelf.items[chosen[0]]
        asked_for = wording.labels("topics", asked.plan.values("topic"))
        return self._say(wording.replies[kind], count=wording.number(len(chosen)), like=like.title if like else None,
                         asked=asked_for or None, title=item.title, maker=item.makers[0])

    def sentence(self, options: list[str], item: CatalogItem, wording: Wording, like=None, asked=()) -> str:
        """One of the templates that this item can fill."""
        shared = item.shared_topics(like) if like else ()
        return self._say(
            options, title=item.title, maker=item.makers[0], type=wording.noun(item.type),
            topic=wording.label("topics", item.topics[0]), topics=wording.labels("topics", item.topics),
            tone=wording.label("tones", item.tones[0]), format=wording.label("formats", item.format),
            year=item.year, description=item.description, like=like.title if like else None,
            shared=wording.labels("topics", shared, 2) or None, asked=wording.labels("topics", asked, 2) or None,
        )

    def _say(self, options: list[str], **values) -> str:
        known = {name: value for name, value in values.items() if value is not None}
        return _spoken(render(self.pick([text for text in options if slots(text) <= set(known)]), **known))

    # --- follow-ups and talk ---------------------------------------------------------------------------------------

    def first_turn(self, wording: Wording) -> tuple[Asked, list[int], list[Message | Reply]]:
        """A request and its slate as an earlier turn of the prompt: plan and numbered spans, nothing to learn."""
        while True:
            asked = self.ask("recommend", wording, most=4)
            if asked.plan.ids_only:
                continue
            languages = asked.plan.languages or (wording.language,)
            if chosen := self.choose(asked, languages, set(asked.likes), None):
                return asked, chosen, [self.message(asked.text), earlier(asked.plan, [self.shelf.items[i].sid for i in chosen])]

    def _ref(self, wording: Wording, chosen: list[int], not_: int | None = None) -> tuple[str, int]:
        position = self.pick([p for p in range(len(chosen)) if p != not_])
        type_ = self.shelf.items[chosen[position]].type
        alone = [self.shelf.items[i].type for i in chosen].count(type_) == 1
        if alone and type_ in wording.phrases["type_refs"] and self.chance(0.35):
            return self.pick(wording.phrases["type_refs"][type_]), position
        if self.chance(0.15):
            title = self.shelf.items[chosen[position]].title
            return title, position
        return self.pick(wording.phrases["ordinals"][position + 1]), position

    def _why(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked, chosen, turns = self.first_turn(wording)
        entry = self.pick(wording.requests(self.split)["why"])
        ref, position = self._ref(wording, chosen) if "ref" in slots(entry) else ("", len(chosen) - 1)
        item = self.shelf.items[chosen[position]]
        plan = Plan("why", refs=(position + 1,))
        like = next((self.shelf.items[i] for i in asked.likes if item.shared_topics(self.shelf.items[i])), None)
        wanted = tuple(topic for topic in asked.plan.values("topic") if topic in item.topics)
        kind = "why_like" if like else "why_asked" if wanted else "why_plain"
        words = self.sentence(wording.replies[kind], item, wording, like, wanted)
        reply = Reply(plan, (Facts(wording.facts(item, like, wanted), item.sid), words), open=depth == "plan")
        if depth == "plan":
            reply = Reply(plan, open=True)
        return [*turns, self.message(_spoken(render(entry, ref=ref))), reply]

    def _describe(self, depth: str, wording: Wording) -> list[Message | Reply]:
        entry = self.pick(wording.requests(self.split)["describe"])
        if "title" in slots(entry):
            index, turns = self.anchor(wording.language), []
            title = self._typed(self.shelf.items[index].title)
            text, plan = render(entry, title=title), Plan("describe", terms=(Term("title", title),))
        else:
            _, chosen, turns = self.first_turn(wording)
            ref, position = self._ref(wording, chosen)
            index, text, plan = chosen[position], render(entry, ref=ref), Plan("describe", refs=(position + 1,))
        item = self.shelf.items[index]
        words = self.sentence(wording.replies["describe"], item, wording)
        parts = (Facts(wording.facts(item), item.sid), words)
        return [*turns, self.message(_spoken(text)), Reply(plan, open=True) if depth == "plan" else Reply(plan, parts)]

    def _compare(self, depth: str, wording: Wording) -> list[Message | Reply]:
        _, chosen, turns = self.first_turn(wording)
        if len(chosen) < 2:
            return self._compare(depth, wording)
        entry = self.pick(wording.requests(self.split)["compare"])
        if "ref" in slots(entry):
            ref, first = self._ref(wording, chosen)
            ref2, second = self._ref(wording, chosen, not_=first)
        else:
            (ref, first), (ref2, second) = ("", 0), ("", 1)
        a, b = self.shelf.items[chosen[first]], self.shelf.items[chosen[second]]
        plan = Plan("compare", refs=(first + 1, second + 1))
        shared = a.shared_topics(b)
        template = self.pick(wording.replies["compare" if shared else "compare_nothing_shared"])
        sides = {side: {"title": x.title, "topics": wording.labels("topics", x.topics), "type": wording.noun(x.type),
                        "tone": wording.label("tones", x.tones[0]), "format": wording.label("formats", x.format)}
                 for side, x in (("a", a), ("b", b))}
        words = _spoken(render(template, shared=wording.labels("topics", shared, 2), **sides))
        parts = (Facts(wording.facts(a, b), a.sid), Facts(wording.facts(b), b.sid), words)
        reply = Reply(plan, open=True) if depth == "plan" else Reply(plan, parts)
        return [*turns, self.message(_spoken(render(entry, ref=ref, ref2=ref2))), reply]

    def _profile(self, depth: str, wording: Wording) -> list[Message | Reply]:
        entry = self.pick(wording.requests(self.split)["profile"])
        heard = self.next_listener() if self.chance(0.75) else []
        items = [self.shelf.items[index] for index in heard]
        facts = wording.profile(items)
        if items:
            topics, tones, titles = facts.split(" | ")
            words = self._say(wording.replies["profile"], topics=topics, tones=tones, titles=titles)
        else:
            words = self.pick(wording.replies["profile_empty"])
        plan = Plan("profile")
        reply = Reply(plan, open=True) if depth == "plan" else Reply(plan, (Facts(facts), words))
        return [self.message(entry, heard), reply]

    def _refine(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked, chosen, turns = self.first_turn(wording)
        entry = self.pick(wording.requests(self.split)["refine"])
        say, fixed = (entry, {}) if isinstance(entry, str) else (entry["say"], dict(entry.get("plan", {})))
        needs, values, new, refs = slots(say), {}, [], ()
        item = self.shelf.items[asked.anchor]
        for slot in sorted(needs & set(SLOT_TERMS)):
            if (filled := self._fill(slot, item, asked.anchor, wording, new, [])) is None:
                return self._refine(depth, wording)
            values[slot], value, _ = filled
            new.append(Term(*_term(slot, value)))
        for key, (field, wanted) in PLAN_FACETS.items():
            new += [Term(field, value, wanted) for value in fixed.get(key, ())]
        if "ref" in needs:
            values["ref"], position = self._ref(wording, chosen)
            refs = (position + 1,)
        plan = asked.plan
        types, phrase = plan.types, ("", None)
        if "slate" in needs or fixed.get("types"):
            types, phrase = self._slate(wording, item, fixed, "slate" in needs, 4)
            values["slate"] = phrase[0]
            new += [Term("tone", phrase[1])] if phrase[1] else []
        elif fixed.get("count"):
            types = ((types[0][0] if len(types) == 1 else ANY, int(fixed["count"])),)
        languages = tuple(fixed.get("languages", plan.languages))
        if "language" in needs:
            language = self.pick(self.languages)
            values["language"], languages = self.pick(wording.phrases["languages"][language]), (language,)
        replaced = {term.field for term in new if term.wanted and term.field in ("topic", "tone", "format", "by")}
        unwanted = {(term.field, term.value) for term in new if not term.wanted}
        kept = [] if refs else [
            term for term in plan.terms
            if not (term.wanted and term.field in replaced) and (term.field, term.value) not in unwanted
        ]
        plan = Plan("recommend", types, languages, fixed.get("familiarity", plan.familiarity), False, refs,
                    _unique([*kept, *new]))
        likes = tuple(chosen[ref - 1] for ref in refs) or (asked.likes if not refs else ())
        follow = Asked(_spoken(render(say, **values)), plan, asked.anchor, likes)
        towards = self.shelf.vectors[likes[0]] if likes else None
        depth = "codes" if depth == "full" and plan.count > 3 else depth
        return [*turns, self.message(follow.text, likes=likes),
                self.answer(follow, depth, wording, towards=towards, exclude=set(chosen))]

    def _talk(self, depth: str, wording: Wording) -> list[Message | Reply]:
        entry = self.pick(wording.requests(self.split)["talk"])
        turns = self.first_turn(wording)[2] if self.chance(0.2) else []
        reply = Reply(Plan("talk"), open=True) if depth == "plan" else Reply(Plan("talk"), (entry["reply"],))
        return [*turns, self.message(entry["say"]), reply]


def _term(slot: str, value: str) -> tuple[str, str, bool]:
    field, wanted = SLOT_TERMS[slot]
    return field, value, wanted


def _unique(terms: list[Term]) -> tuple[Term, ...]:
    return tuple(dict.fromkeys(terms))


def _article(number: str, word: str) -> str:
    return "an" if number == "a" and word[:1].lower() in "aeiou" else number


def _spoken(text: str) -> str:
    return text.strip()
