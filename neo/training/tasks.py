"""Conversations composed from wordings, catalog and simulated listeners: what the model learns from.

Request, plan, slate and words agree by construction. A conversation is rendered in one of three depths: `plan` (learn
the plan), `codes` (plan given, learn the item spans alone) and `full` (plan, items and words about them).
"""

from dataclasses import replace

import numpy as np

from neo.format import HISTORY, Facts, Message, Reply, earlier
from neo.plan import ANY, SHORTER, Hint, Plan, Term
from neo.training.answers import Answers
from neo.training.listeners import SHORTEST_HISTORY, Listeners
from neo.training.meaning import SLOT_TERMS, fixed_terms, term_of, unique
from neo.training.requests import ENGLISH, Asked, Requests, in_order
from neo.training.shelf import Shelf
from neo.training.wordings import MOST_TRIES, Draw
from neo.wording import LIKED, RELATED, Wording, render, slots

REPLACED = ("topic", "tone", "format", "by", "length")
"""Fields of which a changed request keeps nothing where it names another value."""
AFRESH = ("recommend", "recommend", "recommend", "search", "search", "history")
"""Tasks of a fresh request after a slate, the likelier more often."""
LISTENERS = 0.25
"""Share of whole replies to requests and to "why" that go to somebody with a history."""
NAMED = 0.5
"""Share of whole replies to the others whose request names something liked: what is named was not heard here."""
SAME_LANGUAGE = 0.85
"""Share of fresh requests in the language of the conversation: a language alone tells nothing of what is meant."""


class Composer:
    """Composes conversations over a shelf. Every draw comes from `rng`; `split` picks the request wordings, and `fold`
    (which, of how many) one part of them."""

    def __init__(
        self,
        shelf: Shelf,
        listeners: Listeners,
        rng: np.random.Generator,
        split: str = "train",
        languages: tuple[str, ...] = ("en",),
        first_listener: int = 0,
        english: float = ENGLISH,
        fold: tuple[int, int] = (0, 1),
    ):
        self.shelf, self.listeners, self.languages = shelf, listeners, languages
        self.draw = Draw(rng)
        self.requests = Requests(shelf, self.draw, split, languages, english, fold)
        self.answers = Answers(shelf, self.draw)
        self._listener = first_listener

    def message(self, text: str, history: list[int] = (), likes: tuple[int, ...] = ()) -> Message:
        """A message whose vector is still to be encoded (`vector` empty); the history newest last."""
        listener, liked = (self.shelf.tastes[list(items)].mean(0) if len(items) else None for items in (history, likes))
        spans = tuple(self.shelf.items[index].sid for index in history[-HISTORY:])
        return Message(text, np.empty(0, np.float32), spans, listener, liked)

    def next_listener(self) -> list[int]:
        self._listener += 1
        return self.listeners.history(self._listener)

    def ask_for_next(self) -> str:
        """A message that leaves the choice to the history."""
        return self.requests.ask("recommend_history", self.requests.wording()).text

    def compose(self, task: str, depth: str) -> list[Message | Reply]:
        """One conversation of a task: recommend, vocabulary, history, search, why, describe, compare, profile,
        again, refine or talk."""
        return getattr(self, f"_{task}")(depth, self.requests.wording())

    def _ground(self, depth: str, wording: Wording) -> list[Message | Reply]:
        """What an item's SID means: a text view of it to its span, or its span to its title and topics."""
        index = self.requests.anchor(wording.language)
        item = self.shelf.items[index]
        if self.draw.chance(0.15):
            plan, text = Plan("describe"), wording.named(item)
            return [self.message("?", [index]), Reply(plan, (text,), learn="answer")]
        views = [
            self.requests.typed(item.title),
            ", ".join((item.title, *item.makers[:1])),
            item.description,
            item.description,
            f"{wording.labels('topics', item.topics)}, {wording.labels('tones', item.tones)}",
            wording.named(item),
            f"{wording.label('formats', item.format)}, {wording.labels('topics', item.topics, 4)}",
        ]
        view = self.draw.pick([view for view in views if len(view) > 2])
        plan = Plan("search", types=((item.type, 1),), ids_only=True)
        return [replace(self.message(view), spoken=self.draw.chance(0.3)), Reply(plan, (item.sid,), learn="answer")]

    def _recommend(self, depth: str, wording: Wording) -> list[Message | Reply]:
        heard = self.history_of_some(depth)
        named = depth == "full" and not heard and self.draw.chance(NAMED)
        most = 10 if depth == "plan" else 4 if depth == "codes" else 3
        for _ in range(MOST_TRIES if named else 1):
            asked = self.requests.ask("recommend", wording, most=most)
            if asked.likes:
                break
        return [self.message(asked.text, heard, asked.likes), self.answers.answer(asked, depth, wording, heard)]

    def _vocabulary(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked = self.requests.vocabulary(wording)
        return [self.message(asked.text, likes=asked.likes), Reply(asked.plan, open=True)]

    def _again(self, depth: str, wording: Wording) -> list[Message | Reply]:
        """A fresh request after a slate: nothing of the earlier plan is meant to stay."""
        turns = self.first_turn(wording)[2]
        afresh = wording if self.draw.chance(SAME_LANGUAGE) else self.requests.wording()
        return [*turns, *getattr(self, f"_{self.draw.pick(AFRESH)}")(depth, afresh)]

    def _search(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked = self.requests.ask("search", wording, most=10 if depth == "plan" else 3)
        named = asked.plan.values("title") or not asked.plan.terms
        if named:  # one thing is looked for, whatever its type
            asked = replace(asked, plan=replace(asked.plan, types=tuple((t, 1) for t, _ in asked.plan.types[:1])))
        return [self.message(asked.text, likes=asked.likes), self.answers.answer(asked, depth, wording)]

    def _history(self, depth: str, wording: Wording) -> list[Message | Reply]:
        heard = self.next_listener()
        cut = int(self.draw.rng.integers(SHORTEST_HISTORY, len(heard))) if depth == "codes" else len(heard)
        kept, targets = heard[:cut], heard[cut : cut + 2]
        asked = self.requests.ask(
            "recommend_history", wording, most=10 if depth == "plan" else 4 if depth == "codes" else 3
        )
        if depth == "codes":  # behaviour itself: what the listener played next, whatever the request's words
            chosen = [self.shelf.items[index] for index in targets]
            types = tuple((item.type, 1) for item in chosen) if self.draw.chance(0.5) else ((ANY, len(chosen)),)
            plan = Plan("recommend", types=types, ids_only=True)
            message = replace(self.message(asked.text, kept), listener=self.shelf.tastes_of(heard)[:cut].mean(0))
            return [message, Reply(plan, tuple(item.sid for item in chosen), learn="answer")]
        likes = self.shelf.tastes[kept].mean(0)
        likes /= np.linalg.norm(likes)
        reply = self.answers.answer(asked, depth, wording, heard=kept, towards=likes)
        return [self.message(asked.text, kept, asked.likes), reply]

    def history_of_some(self, depth: str) -> list[int]:
        """The history of somebody who gets a whole reply, or nothing: words have to tell what was heard from what was
        only named."""
        return self.next_listener() if depth == "full" and self.draw.chance(LISTENERS) else []

    def with_history(self, first: Message, heard: list[int]) -> Message:
        """The first message of a prompt, where it shows a history."""
        known = self.message("", heard)
        return replace(first, history=known.history, listener=known.listener)

    def first_turn(self, wording: Wording) -> tuple[Asked, list[int], list[Message | Reply]]:
        """A request and its slate as an earlier turn of the prompt: plan and numbered spans. The plan is learned too,
        for it costs nothing more, unless it rests on words that the prompt does not show."""
        while True:
            asked = self.requests.ask("recommend", wording, most=4)
            if asked.plan.ids_only:
                continue
            languages = asked.plan.languages or (wording.language,)
            if chosen := self.answers.choose(asked, languages, set(asked.likes), None):
                break
        learn = "plan"
        if self.draw.chance(0.3):  # the request was refined once already
            follow = self.follow(asked, chosen, wording)
            others = self.answers.choose(follow, follow.plan.languages or languages, self.past(follow, chosen), None)
            if others and not follow.plan.ids_only and follow.plan.count <= 4:
                asked, chosen, learn = follow, others, "nothing"
        slate = [self.shelf.items[index].sid for index in chosen]
        return asked, chosen, [self.message(asked.text), earlier(asked.plan, slate, learn=learn)]

    def ref(self, wording: Wording, chosen: list[int], not_: int | None = None) -> tuple[str, int]:
        position = self.draw.pick([p for p in range(len(chosen)) if p != not_])
        type_ = self.shelf.items[chosen[position]].type
        alone = [self.shelf.items[i].type for i in chosen].count(type_) == 1
        if alone and type_ in wording.phrases["type_refs"] and self.draw.chance(0.35):
            return self.draw.pick(wording.phrases["type_refs"][type_]), position
        if self.draw.chance(0.15):
            title = self.shelf.items[chosen[position]].title
            return title, position
        return self.draw.pick(wording.phrases["ordinals"][position + 1]), position

    def _why(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked, chosen, turns = self.first_turn(wording)
        entry = self.draw.pick(self.requests.wordings.of("why", wording))
        ref, position = self.ref(wording, chosen) if "ref" in slots(entry) else ("", len(chosen) - 1)
        item = self.shelf.items[chosen[position]]
        plan = Plan("why", refs=(position + 1,))
        heard = self.history_of_some(depth)
        turns[0] = self.with_history(turns[0], heard)
        named = next((self.shelf.items[i] for i in asked.likes if item.shared_topics(self.shelf.items[i])), None)
        like = named or self.answers.nearest_heard(item, heard)
        wanted = tuple(topic for topic in asked.plan.values("topic") if topic in item.topics)
        kind = "why_like" if named else "why_history" if like else "why_asked" if wanted else "why_plain"
        words = self.answers.sentence(wording.replies[kind], item, wording, like, wanted)
        facts = Facts(wording.facts(item, like, wanted, LIKED if named else RELATED), item.sid)
        reply = Reply(plan, (facts, words), open=depth == "plan")
        if depth == "plan":
            reply = Reply(plan, open=True)
        return [*turns, self.message(render(entry, ref=ref).strip()), reply]

    def _describe(self, depth: str, wording: Wording) -> list[Message | Reply]:
        entry = self.draw.pick(self.requests.wordings.of("describe", wording))
        if "title" in slots(entry):
            index = self.requests.anchor(wording.language)
            turns = self.first_turn(wording)[2] if self.draw.chance(0.5) else []
            title = self.requests.typed(self.shelf.items[index].title)
            text, plan = render(entry, title=title), Plan("describe", terms=(Term("title", title),))
        else:
            _, chosen, turns = self.first_turn(wording)
            ref, position = self.ref(wording, chosen) if "ref" in slots(entry) else ("", len(chosen) - 1)
            index, text, plan = chosen[position], render(entry, ref=ref), Plan("describe", refs=(position + 1,))
        item = self.shelf.items[index]
        words = self.answers.sentence(wording.replies["describe"], item, wording)
        parts = (Facts(wording.facts(item), item.sid), words)
        return [*turns, self.message(text.strip()), Reply(plan, open=True) if depth == "plan" else Reply(plan, parts)]

    def _compare(self, depth: str, wording: Wording) -> list[Message | Reply]:
        _, chosen, turns = self.first_turn(wording)
        if len(chosen) < 2:
            return self._compare(depth, wording)
        entry = self.draw.pick(self.requests.wordings.of("compare", wording))
        if "ref" in slots(entry):
            ref, first = self.ref(wording, chosen)
            ref2, second = self.ref(wording, chosen, not_=first)
        else:
            (ref, first), (ref2, second) = ("", 0), ("", 1)
        a, b = self.shelf.items[chosen[first]], self.shelf.items[chosen[second]]
        plan = Plan("compare", refs=(first + 1, second + 1))
        shared = a.shared_topics(b)
        template = self.draw.pick(wording.replies["compare" if shared else "compare_nothing_shared"])
        sides = {
            side: {
                "title": x.title,
                "topics": wording.labels("topics", x.topics),
                "type": wording.noun(x.type),
                "tone": wording.labels("tones", x.tones, 1),
                "format": wording.label("formats", x.format),
            }
            for side, x in (("a", a), ("b", b))
        }
        words = render(template, shared=wording.labels("topics", shared, 2), **sides).strip()
        parts = (Facts(wording.facts(a, b), a.sid), Facts(wording.facts(b), b.sid), words)
        reply = Reply(plan, open=True) if depth == "plan" else Reply(plan, parts)
        return [*turns, self.message(render(entry, ref=ref, ref2=ref2).strip()), reply]

    def _profile(self, depth: str, wording: Wording) -> list[Message | Reply]:
        entry = self.draw.pick(self.requests.wordings.of("profile", wording))
        heard = self.next_listener() if self.draw.chance(0.75) else []
        plan = Plan("profile")
        reply = Reply(plan, open=True)
        if heard and depth == "full":  # without a history the host says so itself
            turn = int(self.draw.rng.integers(len(wording.replies["profile"])))
            words = wording.profile([self.shelf.items[index] for index in heard], turn)
            reply = Reply(plan, (Facts(words), words))
        if self.draw.chance(0.55):
            return [self.message(entry, heard), reply]
        first, slate = self.first_turn(wording)[2]
        return [self.with_history(first, heard), slate, self.message(entry), reply]

    def follow(self, asked: Asked, chosen: list[int], wording: Wording) -> Asked:
        """A request that changes an earlier one: what stays of its plan, and what takes its place."""
        say, fixed = self.requests.wordings.entry("refine", wording)
        needs, values, new, refs = slots(say), {}, [], ()
        item = self.shelf.items[asked.anchor]
        for slot in in_order(say, needs & set(SLOT_TERMS)):
            if (filled := self.requests.fill(slot, item, asked.anchor, wording, new, [])) is None:
                return self.follow(asked, chosen, wording)
            values[slot], value, _ = filled
            new.append(term_of(slot, value))
        new += fixed_terms(fixed)
        if "ref" in needs:
            values["ref"], position = self.ref(wording, chosen)
            refs = (position + 1,)
        plan, phrase, said = asked.plan, ("", None), ()
        types = plan.types
        if "slate" in needs or fixed.get("types"):
            said, phrase = self.requests.slate(wording, item, fixed, "slate" in needs, 4, {term.value for term in new})
            types, values["slate"] = said, phrase[0]
            new += [phrase[1]] if phrase[1] else []
        elif fixed.get("count"):
            said = ((ANY, int(fixed["count"])),)
            types = ((types[0][0] if len(types) == 1 else ANY, said[0][1]),)
        languages = tuple(fixed.get("languages", ()))
        if "language" in needs:
            language = self.draw.pick(self.requests.catalog_languages)
            values["language"], languages = self.draw.pick(wording.phrases["languages"][language]), (language,)
        bare = fixed.get("output") == "ids"
        told = Plan("recommend", said, languages, fixed.get("familiarity"), bare, refs, unique(new))
        replaced = {term.field for term in new if term.wanted and term.field in REPLACED}
        unwanted = {(term.field, term.value) for term in new if not term.wanted}
        kept = (
            []
            if refs
            else [
                term
                for term in plan.terms
                if not (term.wanted and term.field in replaced) and (term.field, term.value) not in unwanted
                if term.value != SHORTER
            ]
        )
        plan = replace(
            told,
            types=types,
            languages=languages or plan.languages,
            familiarity=told.familiarity or plan.familiarity,
            terms=unique([*kept, *new]),
        )
        likes = tuple(chosen[ref - 1] for ref in refs) or (asked.likes if not refs else ())
        return Asked(self.requests.cased(render(say, **values).strip(), plan), plan, asked.anchor, likes, told)

    def past(self, follow: Asked, chosen: list[int]) -> set[int]:
        """Items that a changed request cannot mean: those of the slate that it changes, and longer ones."""
        most = follow.plan.most_minutes(self.shelf.items[index] for index in chosen)
        return {*chosen, *follow.likes, *map(int, np.flatnonzero(~self.shelf.within(most)))}

    def _refine(self, depth: str, wording: Wording) -> list[Message | Reply]:
        asked, chosen, turns = self.first_turn(wording)
        follow = self.follow(asked, chosen, wording)
        towards = self.shelf.tastes[follow.likes[0]] if follow.likes else None
        depth = "codes" if depth == "full" and follow.plan.count > 3 else depth
        heard = self.history_of_some(depth)
        turns[0] = self.with_history(turns[0], heard)
        return [
            *turns,
            self.message(follow.text, likes=follow.likes),
            self.answers.answer(follow, depth, wording, heard, towards, self.past(follow, chosen)),
        ]

    def _talk(self, depth: str, wording: Wording) -> list[Message | Reply]:
        entry = self.draw.pick(self.requests.wordings.of("talk", wording))
        turns = self.first_turn(wording)[2] if self.draw.chance(0.45) else []
        words = self.draw.pick(wording.replies["talk"][entry["reply"]])
        reply = Reply(Plan("talk"), open=True) if depth == "plan" else Reply(Plan("talk"), (Facts(words), words))
        return [*turns, replace(self.message(entry["say"]), hint=Hint(situation=entry["reply"])), reply]
