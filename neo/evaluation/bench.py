"""What every suite works with: the served assistant, the catalog as a shelf, and two ways to ask the model.

`rank` reads the beams of one span behind a given plan. `serve` holds a turn of a conversation as a visitor gets it.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from sqlalchemy.orm import Session

from neo.chat.assistant import Assistant
from neo.chat.parts import Card, Controls, Conversation, Done, Notice, Understood, Words
from neo.decoding import beams
from neo.decoding.engine import Sampling
from neo.decoding.grammar import PlanRules
from neo.decoding.trie import Tries
from neo.format import Message, Reply, copied_values
from neo.hints import leanings
from neo.items import CatalogItem
from neo.plan import Hint, Plan
from neo.settings import Settings
from neo.sids.sid import Sid
from neo.training.listeners import FIRST_HELD_OUT, Listeners, listeners_of
from neo.training.shelf import Shelf
from neo.training.tasks import Composer
from neo.wording import LANGUAGES


@dataclass(frozen=True)
class Served:
    """A turn as a visitor got it."""

    message: str
    plan: Plan | None
    cards: tuple[Card, ...]
    words: str
    notices: tuple[str, ...]
    conversation: Conversation
    language: str

    @property
    def items(self) -> list[CatalogItem]:
        return [card.item for card in self.cards]


@dataclass
class Bench:
    """One set of weights on one catalog."""

    assistant: Assistant
    shelf: Shelf
    settings: Settings
    listeners: Listeners

    @classmethod
    def of(cls, assistant: Assistant, settings: Settings) -> "Bench":
        with Session(assistant.database) as session:
            shelf = Shelf.of(session, assistant.encoder, assistant.book)
            return cls(assistant, shelf, settings, listeners_of(session, shelf.items, shelf.vectors))

    @cached_property
    def by_sid(self) -> dict[Sid, int]:
        return {item.sid: index for index, item in enumerate(self.shelf.items)}

    @cached_property
    def tries(self) -> Tries:
        return Tries.build(item.sid for item in self.shelf.items)

    def composer(self, seed: int, languages: tuple[str, ...] = LANGUAGES) -> Composer:
        """Composes from the held-out wordings, with held-out listeners."""
        rng = np.random.default_rng(seed)
        return Composer(self.shelf, self.listeners, rng, "heldout", languages, FIRST_HELD_OUT + 1000 * seed)

    def encode(self, text: str) -> np.ndarray:
        return self.assistant.encoder.encode([text])[0]

    def plan(self, turns: list[Message | Reply], hinted: bool = True) -> Plan:
        """The plan that the model writes for composed turns, the last of which is a message; `hinted` False leaves the
        messages' hints out."""
        format_, engine = self.assistant.format, self.assistant.engine
        heard = [
            self._heard(turn, self._titles(turns[at - 1]) if at else (), hinted) if isinstance(turn, Message) else turn
            for at, turn in enumerate(turns)
        ]
        said = [
            text for turn in heard for text in ([turn.text] if isinstance(turn, Message) else copied_values(turn.plan))
        ]
        words = tuple(map(tuple, map(format_.words, said)))
        rules = PlanRules(format_.vocabulary, self.assistant.facet_values, words, leanings(heard))
        rendered = format_.render(heard)
        return format_.parse_plan(engine.plan(rendered.ids, [vector for _, vector in rendered.vectors], rules))

    def _titles(self, reply: Reply) -> tuple[str, ...]:
        return tuple(self.shelf.items[self.by_sid[part]].title for part in reply.parts if isinstance(part, Sid))

    def _heard(self, message: Message, slate: tuple[str, ...], hinted: bool) -> Message:
        """A composed message as the assistant would read it."""
        read = self.assistant.message(message.text, message.history, message.listener, slate)
        return read if hinted else replace(read, hint=Hint())

    def rank(self, message: Message, plan: Plan, type_: str, view, width: int = 20) -> list[int]:
        """Positions of the items of the model's beams for one span of `type_` behind a given plan, best first."""
        return [self.by_sid[sid] for sid in self.sids(message, plan, type_, view, width)]

    def sids(self, message: Message, plan: Plan, type_: str, view, width: int) -> list[Sid]:
        """The beams themselves."""
        format_, runner = self.assistant.format, self.assistant.engine.runner
        rendered = format_.render([message])
        ids = rendered.ids + format_.plan(plan, [message.text])
        context = runner.start(ids, [vector for _, vector in rendered.vectors])
        context.condition(rendered.message, rendered.listener)
        return [beams.as_sid(beam, type_) for beam in beams.search(context, format_.vocabulary, type_, view, width)]

    def serve(
        self,
        message: str,
        conversation: Conversation = Conversation(),
        controls: Controls = Controls(),
        words: int = Sampling.most_words,
    ) -> Served:
        """A turn through the assistant; `words` limits the text between items, which steers nothing."""
        usual = self.assistant.sampling
        self.assistant.sampling = replace(usual, most_words=words)
        try:
            parts = list(self.assistant.reply(conversation, message, controls))
        finally:
            self.assistant.sampling = usual
        done: Done = parts[-1]
        return Served(
            message,
            next((part.plan for part in parts if isinstance(part, Understood)), None),
            tuple(part for part in parts if isinstance(part, Card)),
            "".join(part.text for part in parts if isinstance(part, Words)),
            tuple(part.text for part in parts if isinstance(part, Notice)),
            done.conversation,
            done.language,
        )
