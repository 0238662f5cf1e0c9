"""The assistant: a message in, parts of a reply out. Ties model, catalog and wordings together; keeps no visitor's state.

Each reply: detect the language, render the conversation, let the engine write a plan, steer, let it write the reply,
and turn its events into words and cards. Items are read from SQL when their SID appears.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from catalog import queries
from catalog.lookup import MakerIndex, TitleIndex
from catalog.database import open_database
from catalog.demo import load_demo
from catalog.tables import Item
from neo.chat.language import message_language
from neo.facets import facet_tries
from neo.chat.parts import Card, Controls, Conversation, Done, Notice, Part, Turn, Understood, Words
from neo.chat.steering import CHOOSING, Names, Steered, Steering, chips, controlled
from neo.decoding import engine
from neo.decoding.grammar import PlanRules, ReplyState
from neo.decoding.trie import Tries
from neo.errors import NeoError
from neo.format import Facts, Format, Message, earlier
from neo.items import CatalogItem
from neo.model.load import Loaded, load
from neo.plan import Plan
from neo.settings import Settings
from neo.sids import store
from neo.sids.sid import Sid
from neo.training.tasks import HISTORY
from neo.wording import Wording, render

MOST_CHARACTERS = 2000  # of one message
MOST_TURNS = 4  # earlier turns that a prompt carries


@dataclass(frozen=True)
class Past:
    """A listener's history: items newest last, and the mean of their vectors."""

    items: tuple[CatalogItem, ...] = ()
    vector: np.ndarray | None = None


class Assistant:
    """Serves any number of visitors, one reply at a time each."""

    def __init__(self, loaded: Loaded, database: Database, sampling: engine.Sampling = engine.Sampling()):
        self.format: Format = loaded.format
        self.encoder, self.sampling = loaded.encoder, sampling
        self.database, self.engine = database, loaded.engine
        with Session(database) as session:
            sids = [Sid.parse(text) for text in session.scalars(queries.matching_sids(queries.Wish()))]
            self.steering = Steering(
                Tries.build(sids), Names(TitleIndex.from_session(session), MakerIndex.from_session(session))
            )
            self._values = facet_tries(session, self.format)
        if not sids:
            raise NeoError('the catalog has no SIDs: run "python -m catalog load" and "python -m neo sids write"')
        self._pasts: dict[str, Past] = {}

    # --- what the page asks ----------------------------------------------------------------------------------------

    def listeners(self) -> list[tuple[str, str, bool]]:
        """(name, about, simulated) of everybody with a history."""
        with Session(self.database) as session:
            return [(row.name, row.about, row.simulated) for row in session.scalars(queries.listeners())]

    def types(self) -> list[tuple[str, str]]:
        """(name, label) of the item types that can be recommended."""
        with Session(self.database) as session:
            rows = session.scalars(queries.item_types()).all()
            return [(row.name, row.label) for row in rows if row.name in self.steering.tries.by_type]

    def languages(self) -> list[tuple[str, str]]:
        """(code, name) of the items' languages, most items first."""
        with Session(self.database) as session:
            codes = [code for code, _ in session.execute(queries.counts_by_language())]
        names = Wording.load("en").phrases["languages"]
        return [(code, names.get(code, [code])[0]) for code in codes]

    def checked(self, controls: Controls) -> Controls:
        """The same controls. Raises NeoError naming what the catalog does not have."""
        for what, value, known in (
            ("item type", controls.types, [name for name, _ in self.types()]),
            ("language", (controls.language,) if controls.language else (), [code for code, _ in self.languages()]),
            ("listener", (controls.listener,) if controls.listener else (), [name for name, *_ in self.listeners()]),
        ):
            for one in value:
                if one not in known:
                    raise NeoError(f"{what} {one!r} is unknown: expected one of {', '.join(known)}")
        return controls

    # --- a reply ---------------------------------------------------------------------------------------------------

    def reply(self, conversation: Conversation, message: str, controls: Controls = Controls(),
              plan: Plan | None = None) -> Iterator[Part]:
        """Parts of the reply, `Done` with the next conversation last. `plan` replaces the model's own."""
        clock = time.perf_counter()
        seconds: dict[str, float | None] = {"first_text": None, "first_item": None}
        message = message.strip()
        previous = conversation.turns[-1].language if conversation.turns else "en"
        language = message_language(message, previous)
        said, items, understood = [], [], None
        reason = "end"
        for part in self._parts(conversation, message, language, controls, plan):
            kind = {Words: "first_text", Notice: "first_text", Card: "first_item"}.get(type(part))
            if kind and seconds[kind] is None:
                seconds[kind] = round(time.perf_counter() - clock, 3)
            if isinstance(part, Words | Notice):
                said.append(part.text)
            elif isinstance(part, Card):
                items.append(part.item)
            elif isinstance(part, Understood):
                understood = part.plan
            elif isinstance(part, engine.End):
                reason = part.reason
                continue
            yield part
        seconds["total"] = round(time.perf_counter() - clock, 3)
        turn = Turn(message[:MOST_CHARACTERS], language, understood, tuple(items), "".join(said))
        kept = conversation if understood is None else Conversation((*conversation.turns, turn))
        yield Done(kept, reason, seconds, language)

    def _parts(self, conversation: Conversation, message: str, language: str, controls: Controls,
               plan: Plan | None) -> Iterator[Part | engine.End]:
        wording = Wording.load(language)
        if not message:
            yield Notice(wording.notice("empty"))
            return
        if len(message) > MOST_CHARACTERS:
            yield Notice(wording.notice("too_long", length=f"{len(message):,}", most=f"{MOST_CHARACTERS:,}"))
            return
        past = self._past(controls.listener)
        turns = conversation.turns[-MOST_TURNS:]
        prompt = []
        for at, (text, turn) in enumerate([(turn.message, turn) for turn in turns] + [(message, None)]):
            spans = tuple(item.sid for item in past.items[-HISTORY:]) if at == 0 else ()
            vector = self.encoder.encode([text])[0]
            prompt.append(Message(text, vector, spans, past.vector if at == 0 else None))
            if turn is not None:
                prompt.append(earlier(turn.plan, [item.sid for item in turn.items], turn.words))
        rendered = self.format.render(prompt)
        said = [turn.message for turn in turns] + [message]
        rules = PlanRules(self.format.vocabulary, self._values, tuple(tuple(self.format.words(text)) for text in said))
        given = self.format.plan(plan, said) if plan else None
        with Session(self.database) as session:
            host = _Host(self, session, wording, conversation, past, controls, said)
            soft = [vector for _, vector in rendered.vectors]
            events = self.engine.reply(rendered.ids, soft, rules, host, self.sampling, given)
            yield from host.parts(events)

    def _past(self, name: str | None) -> Past:
        """A listener's history; its vectors are encoded once."""
        if name is None:
            return Past()
        if name not in self._pasts:
            with Session(self.database) as session:
                self.checked(Controls(listener=name))
                listener = next(row for row in session.scalars(queries.listeners()) if row.name == name)
                rows = list(session.scalars(queries.history_of(listener.id)).unique())[::-1]
                items = tuple(CatalogItem.of(row) for row in rows if row.sid)
                self._pasts[name] = Past(items, self.mean_vector(items))
        return self._pasts[name]

    def mean_vector(self, items: tuple[CatalogItem, ...]) -> np.ndarray | None:
        """The mean of the items' encoder vectors, None for no items."""
        return self.encoder.encode([store.item_text(item) for item in items]).mean(0) if items else None


class _Host:
    """One reply's answers to the engine, and the way back from events to parts."""

    def __init__(self, assistant: Assistant, session: Session, wording: Wording, conversation: Conversation,
                 past: Past, controls: Controls, said: list[str]):
        self.assistant, self.session, self.wording = assistant, session, wording
        self.conversation, self.past, self.controls, self.said = conversation, past, controls, said
        self.format = assistant.format
        self.steered = Steered(Plan("talk"))
        self.notices: list[str] = []
        self._item: CatalogItem | None = None

    def plan_written(self, ids: list[int]) -> engine.Decision:
        written = self.format.parse_plan(ids)
        plan = controlled(written, self.controls)
        steered = self.assistant.steering.steer(
            self.session, plan, self.wording, self.conversation, self.past.items, self.controls.types
        )
        unknown = [f for f in ("like", "title") if plan.values(f) and not getattr(steered, f"{f}d")]
        if unknown:
            steered = replace(steered, plan=plan.without(*unknown))
        self.steered, self.notices = steered, list(steered.notices)
        stop, facts = self._facts_for(steered)
        available = tuple((type_, len(view)) for type_, view in steered.views.items())
        if plan.act in CHOOSING and not any(n for type_, n in available if type_ in dict(plan.types) or "any" in dict(plan.types)):
            wish = ", ".join(chips(plan, self.wording))
            self.notices = [text for text in self.notices] + [self._say_nothing(wish)]
            stop = True
        state = ReplyState(self.format.vocabulary, self.format.end, steered.plan.types, available)
        changed = self.format.plan(steered.plan, self.said) if steered.plan != written else None
        taste = Message("", np.empty(0), (), self.past.vector, self.assistant.mean_vector(steered.liked)).taste()
        context = [id_ for fact in facts for id_ in self.format.facts(fact)]
        return engine.Decision(steered.views, state, changed, context, taste, stop)

    def _say_nothing(self, wish: str) -> str:
        return render(self.wording.replies["nothing"][0], wish=wish)

    def _facts_for(self, steered: Steered) -> tuple[bool, list[Facts]]:
        """(whether to stop here, facts about what the plan names)."""
        plan, slate, wording = steered.plan, self.conversation.slate, self.wording
        if plan.act in CHOOSING:
            return False, [Facts(wording.named(item), item.sid) for item in steered.liked]
        if plan.act == "profile":
            return False, [Facts(wording.profile(list(self.past.items)))]
        if plan.act == "talk":
            return False, []
        if steered.titled:
            return False, [Facts(wording.facts(item), item.sid) for item in steered.titled[:2]]
        if not slate:
            self.notices.append(wording.notice("no_slate"))
            return True, []
        wanted = plan.refs or ((1, 2) if plan.act == "compare" else (len(slate),))
        if max(wanted) > len(slate):
            self.notices.append(wording.notice("no_such_position", number=str(len(slate))))
            return True, []
        items = [slate[ref - 1] for ref in wanted]
        if plan.act == "compare":
            others = items[1:] + items[:1]
            return False, [
                Facts(wording.facts(item, other if at == 0 else None), item.sid)
                for at, (item, other) in enumerate(zip(items, others))
            ]
        if plan.act == "why":
            return False, [Facts(wording.facts(items[0], *self._reasons(items[0])), items[0].sid)]
        return False, [Facts(wording.facts(item), item.sid) for item in items]

    def _reasons(self, item: CatalogItem) -> tuple[CatalogItem | None, tuple[str, ...]]:
        """What an earlier request has in common with an item it brought: a liked item, and topics asked for."""
        turn = next((turn for turn in reversed(self.conversation.turns) if item in turn.items), None)
        if turn is None or turn.plan is None:
            return None, ()
        liked = self.assistant.steering._items(self.session, turn.plan.values("like"), self.wording, [])
        return self._related(item, tuple(liked)), tuple(t for t in turn.plan.values("topic") if t in item.topics)

    def _related(self, item: CatalogItem, liked: tuple[CatalogItem, ...]) -> CatalogItem | None:
        """The liked item that shares topics, or the item of the history that shares the most."""
        if like := next((other for other in liked if item.shared_topics(other)), None):
            return like
        best = max(self.past.items, key=lambda other: len(item.shared_topics(other)), default=None)
        return best if best is not None and item.shared_topics(best) else None

    def item_chosen(self, sid: Sid) -> list[int]:
        """The SID's item as the filter meant it, kept for its card; its facts as a span."""
        item = self._read([sid])[sid]
        self._item = item
        if self.steered.plan.ids_only:
            return []
        wanted = tuple(topic for topic in self.steered.plan.values("topic") if topic in item.topics)
        facts = self.wording.facts(item, self._related(item, self.steered.liked), wanted)
        return self.format.facts(Facts(facts))

    def between_items(self, position: int) -> list[int]:
        return self.format.words(f"\n{position}. ") if position > 1 else self.format.words(" ")

    def _read(self, sids: list[Sid]) -> dict[Sid, CatalogItem]:
        rows = self.session.scalars(queries.items_by_sid([str(sid) for sid in sids])).unique()
        found: dict[Sid, CatalogItem] = {}
        for row in rows:
            item = CatalogItem.of(row)
            found.setdefault(item.sid, item)
        return found

    def parts(self, events: Iterator[engine.Event]) -> Iterator[Part | engine.End]:
        """Events to parts. Words appear as soon as their bytes are whole."""
        pending: list[int] = []
        position, spoke = 0, False
        for event in events:
            if isinstance(event, engine.Plan):
                yield Understood(self.steered.plan, self.wording.language, chips(self.steered.plan, self.wording))
                for text in self.notices:
                    spoke = True
                    yield Notice(text)
            elif isinstance(event, engine.Text):
                pending += event.ids
                text = self.format.text(pending)
                if text and not text.endswith("\ufffd"):
                    pending = []
                    spoke = spoke or bool(text.strip())
                    yield Words(text)
            elif isinstance(event, engine.Item):
                pending, position, spoke = [], position + 1, True
                chosen = self._read([event.sid, *(sid for sid, _ in event.alternatives)])
                others = tuple((chosen[sid], score) for sid, score in event.alternatives if sid in chosen)
                yield Card(chosen[event.sid], position, event.score, others)
            else:
                if not spoke:
                    yield Notice(self.wording.notice("nothing_said"))
                yield event


def open_assistant(settings: Settings, database_url: str, report=lambda text: None) -> Assistant:
    """The assistant for a catalog and weights: loads the demo into an empty database, and the SIDs the model knows."""
    database = open_database(database_url)
    loaded = load(settings, report)
    with Session(database) as session:
        if not session.scalar(queries.count_of(Item)):
            report("loading the demo catalog")
            load_demo(session)
        if store.outdated(session, loaded.book):
            report("giving the items their SIDs")
            store.write(session, loaded.book, loaded.encoder)
        session.commit()
    return Assistant(loaded, database)
