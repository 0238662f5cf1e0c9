"""Answers with known truth: the slate that fulfils a plan, and words about items that say only what their facts say."""

from dataclasses import replace

import numpy as np

from neo.format import Facts, Reply
from neo.items import CatalogItem
from neo.training.requests import Asked
from neo.training.shelf import Shelf
from neo.training.wordings import Draw
from neo.wording import LIKED, RELATED, Wording, render, slots


class Answers:
    """Composes replies over a shelf."""

    def __init__(self, shelf: Shelf, draw: Draw):
        self.shelf, self.draw = shelf, draw

    def choose(
        self, asked: Asked, languages: tuple[str, ...], exclude: set[int], towards: np.ndarray | None
    ) -> list[int]:
        """Items that fulfil the plan, the anchor first among its type: what a well-informed friend would name."""
        vectors = self.shelf.tastes[:, : self.shelf.vectors.shape[1]]
        toward = vectors[asked.anchor] if towards is None else towards[: vectors.shape[1]]
        score = vectors @ toward + 0.03 * np.array([item.fame for item in self.shelf.items])
        score = score + self.draw.rng.gumbel(0, 0.03, len(score))
        score[asked.anchor] += 1
        chosen: list[int] = [asked.anchor] if asked.plan.values("title") else []
        for type_, count in asked.plan.types if not chosen else ():
            taken = np.array([*exclude, *chosen], dtype=int)
            fitting = np.setdiff1d(self.shelf.fitting(asked.plan, type_, languages), taken)
            chosen += [int(index) for index in fitting[np.argsort(-score[fitting], kind="stable")][:count]]
        return chosen

    def answer(
        self,
        asked: Asked,
        depth: str,
        wording: Wording,
        heard: list[int] = (),
        towards=None,
        exclude: set[int] = frozenset(),
    ) -> Reply:
        """The reply that fulfils a request, in one of the three depths."""
        if depth == "plan":
            return Reply(asked.plan, open=True)
        languages = asked.plan.languages or tuple(
            {wording.language} | {self.shelf.items[i].language for i in asked.likes}
        )
        chosen = self.choose(asked, languages, set(heard) | set(asked.likes) | set(exclude), towards)
        named = tuple(self.named(index, wording) for index in asked.likes)
        if not chosen:
            return Reply(asked.plan, open=True)
        if depth == "codes" or asked.plan.ids_only:
            plan = replace(asked.plan, ids_only=True)
            return Reply(
                plan,
                named + tuple(self.shelf.items[i].sid for i in chosen),
                learn="all" if asked.plan.ids_only else "answer",
            )
        return Reply(asked.plan, named + self.words_about(chosen, asked, wording, heard))

    def named(self, index: int, wording: Wording) -> Facts:
        item = self.shelf.items[index]
        return Facts(wording.named(item), item.sid)

    def words_about(self, chosen: list[int], asked: Asked, wording: Wording, heard: list[int] = ()) -> tuple:
        """Intro, then each item with its facts and a sentence that says only what the facts say."""
        replies, parts = wording.replies, []
        topics = asked.plan.values("topic")
        like = self.shelf.items[asked.likes[0]] if asked.likes else None
        intro = self._intro(asked, chosen, wording, like)
        for position, index in enumerate(chosen):
            item = self.shelf.items[index]
            relation = like if like and item.shared_topics(like) else self.nearest_heard(item, heard)
            wanted = tuple(topic for topic in topics if topic in item.topics)
            number = f"{position + 1}. " if len(chosen) > 1 else ""
            lead = intro + ("\n" if number else " ") if position == 0 else "\n"
            facts = wording.facts(item, relation, wanted, LIKED if relation is like else RELATED)
            parts += [lead + number, item.sid, Facts(facts)]
            kind = "item"
            if relation is not None and self.draw.chance(0.8):
                kind = "item_like" if relation is like else "item_history"
            elif wanted and self.draw.chance(0.6):
                kind = "item_asked"
            parts.append(" " + self.sentence(replies[kind], item, wording, relation, wanted))
        return tuple(parts)

    def nearest_heard(self, item: CatalogItem, heard: list[int]) -> CatalogItem | None:
        """The latest item of the history that shares the most topics, or None."""
        best = max(heard, key=lambda i: (len(item.shared_topics(self.shelf.items[i])), i), default=None)
        return self.shelf.items[best] if best is not None and item.shared_topics(self.shelf.items[best]) else None

    def _intro(self, asked: Asked, chosen: list[int], wording: Wording, like) -> str:
        if asked.plan.act == "search" and len(chosen) == 1:
            kind = "found"
        elif like and self.draw.chance(0.6):
            kind = "intro_like"
        elif asked.plan.values("topic") and self.draw.chance(0.5):
            kind = "intro_asked"
        else:
            kind = "intro_one" if len(chosen) == 1 else "intro_many"
        item = self.shelf.items[chosen[0]]
        asked_for = wording.labels("topics", asked.plan.values("topic"))
        return self.say(
            wording.replies[kind],
            like=like.title if like else None,
            asked=asked_for or None,
            title=item.title,
            maker=next(iter(item.makers), None),
        )

    def sentence(self, options: list[str], item: CatalogItem, wording: Wording, like=None, asked=()) -> str:
        """One of the templates that this item can fill."""
        shared = item.shared_topics(like) if like else ()
        return self.say(
            options,
            title=item.title,
            maker=next(iter(item.makers), None),
            type=wording.noun(item.type),
            topic=wording.labels("topics", item.topics, 1) or None,
            topics=wording.labels("topics", item.topics) or None,
            tone=wording.labels("tones", item.tones, 1) or None,
            format=wording.label("formats", item.format) or None,
            year=item.year,
            description=item.description or None,
            like=like.title if like else None,
            shared=wording.labels("topics", shared, 2) or None,
            asked=wording.labels("topics", asked, 2) or None,
        )

    def say(self, options: list[str], **values) -> str:
        """One of the options whose slots have values; the title alone where an item knows too little for any."""
        known = {name: value for name, value in values.items() if value is not None}
        sayable = [text for text in options if slots(text) <= set(known)]
        return render(self.draw.pick(sayable), **known).strip() if sayable else f"{known.get('title', '')}."
