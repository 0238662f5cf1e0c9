"""The assistant: a message in, parts of a reply out. Ties model, catalog and wordings; no visitor's state stays here.

Each reply: detect the language, render the conversation, let the engine write a plan, steer, let it write the reply,
and turn its events into words and cards. Items are read from SQL when their SID appears.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock, Thread

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database
from catalog.lookup import MakerIndex, TitleIndex
from neo.chat.host import Host, Past
from neo.chat.language import message_language
from neo.chat.parts import Card, Controls, Conversation, Done, Notice, Part, Turn, Understood, Words
from neo.chat.steering import Names, Steering
from neo.chat.trace import Watch
from neo.decoding import engine
from neo.decoding.grammar import PlanRules
from neo.decoding.trie import Tries
from neo.errors import NeoError
from neo.facets import facet_tries
from neo.format import HISTORY, Format, Message, copied_values, earlier
from neo.hints import Hints, leanings, placed
from neo.items import CatalogItem
from neo.model.load import Loaded, load
from neo.plan import LENGTHS, Plan
from neo.prepare import prepare_catalog
from neo.settings import Settings
from neo.sids import store
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid
from neo.wording import FOLDER, Wording

MOST_CHARACTERS = 2000  # of one message
LOOKS_EVERY = 5.0  # seconds, for changes of the catalog
MOST_NEW = 50_000  # items that the model is told of beside those that it learned: 130 MB
MOST_IN_QUERY = 500


class Assistant:
    """Serves any number of visitors, one reply at a time each.

    `prompts` is the folder of the prompt set; `frozen` keeps to today's catalog, whatever is imported."""

    def __init__(
        self,
        loaded: Loaded,
        database: Database,
        sampling: engine.Sampling = engine.Sampling(),
        prompts: Path = FOLDER,
        frozen: bool = False,
        where: str | None = None,
    ):
        self.prompts, self.frozen, self.where = prompts, frozen, where
        self.format: Format = loaded.format
        self.encoder, self.probe, self.sampling = loaded.encoder, loaded.probe, sampling
        self.database, self.engine, self.book = database, loaded.engine, loaded.book
        self._looked, self._looking = time.monotonic(), Lock()
        with Session(database) as session:
            self._read_catalog(session)
            if not self._sids:
                raise NeoError('the catalog has no SIDs: run "python -m catalog load" and "python -m neo sids write"')
            if where:
                _require_some(session, where)

    def _read_catalog(self, session: Session) -> None:
        """Everything that is kept of the catalog between replies."""
        self._extent = session.execute(queries.extent()).one()
        self._sids = [Sid.parse(text) for text in session.scalars(queries.matching_sids(queries.Wish()))]
        names = Names(TitleIndex.from_session(session), MakerIndex.from_session(session))
        self.steering = Steering(Tries.build(self._sids), names, self.where)
        known = set(map(tuple, session.execute(queries.facet_names())))
        self.hints = Hints(self.probe, self.encoder, names.mentions, known)
        self.facet_values = facet_tries(session, self.format)
        self._pasts: dict[str, Past] = {}
        self._take_up_new_items(session)

    def _take_up_new_items(self, session: Session) -> None:
        """Tell the model of items that are new to it: by what they share with those it knows, and by their codes. Of
        those that share a SID the most famous is told of."""
        known = self.engine.runner.model.rows.shortcut.known
        stored = session.execute(queries.sids_by_key())
        new = [key for key, _, sid in stored if sid and not known.knows(key)][:MOST_NEW]
        parts = (new[at : at + MOST_IN_QUERY] for at in range(0, len(new), MOST_IN_QUERY))
        rows = [row for part in parts for row in session.scalars(queries.items_by_key(part)).unique()]
        items = sorted(map(CatalogItem.of, rows), key=lambda item: item.fame)
        features = self.book.features.rows(items)
        known.take_up({item.sid: own for item, own in zip(items, features, strict=True)})

    def _look_for_changes(self) -> None:
        """Every now and then, beside the reply: it goes on with the catalog that it began with."""
        if not self.frozen and time.monotonic() - self._looked > LOOKS_EVERY:
            self._looked = time.monotonic()
            Thread(target=self.renew, daemon=True).start()

    def renew(self) -> bool:
        """Take up what imports and deletions have changed: new items get SIDs from the stored codebooks, and the
        tries are built anew. Whether anything had changed."""
        with self._looking, Session(self.database) as session:
            if session.execute(queries.extent()).one() == self._extent:
                return False
            store.write_missing(session, self.book, self.encoder)
            session.commit()
            self._read_catalog(session)
            return True

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

    def facets(self) -> list[tuple[str, str]]:
        """(kind, name) of every topic, tone and format that an item has, and of the lengths that can be asked for."""
        with Session(self.database) as session:
            names = [(kind, name) for kind, name in session.execute(queries.facet_names())]
        return names + [("length", length) for length in LENGTHS]

    def sid_space(self) -> dict[str, tuple[ResidualQuantizer, list[Sid]]]:
        """Item type -> its quantizer and the SIDs in use."""
        return {
            name: (self.book.quantizers[name], [s for s in self._sids if s.type == name]) for name, _ in self.types()
        }

    def history(self, name: str) -> tuple[CatalogItem, ...]:
        """What a listener heard, newest last. Raises NeoError for an unknown name."""
        return self._past(name).items

    def titles(self, text: str, limit: int = 8) -> tuple[CatalogItem, ...]:
        """Items for a title picker, the last word half typed; if there are none, those spelled nearly so."""
        with Session(self.database) as session:
            types = tuple(self.steering.tries.by_type)
            rows = session.scalars(queries.search_titles(text, types, limit)).unique().all()
            if not rows and (near := self.steering.names.titles.find(text, limit)):
                rows = session.scalars(queries.items_by_id([match.item_id for match in near])).unique().all()
            return tuple(CatalogItem.of(row) for row in rows)

    def called(self, titles: Iterable[str]) -> tuple[CatalogItem, ...]:
        """The items that bear these titles, each the best match of one; titles that nothing bears are passed over."""
        matches = [match for title in titles for match in self.steering.names.titles.find(title, limit=1)]
        return self.items(match.key for match in matches)

    def items(self, keys: Iterable[str]) -> tuple[CatalogItem, ...]:
        """The items of these keys, in their order; keys that nothing has are passed over."""
        keys = tuple(keys)
        with Session(self.database) as session:
            found = {row.key: CatalogItem.of(row) for row in session.scalars(queries.items_by_key(keys)).unique()}
        return tuple(found[key] for key in dict.fromkeys(keys) if key in found)

    def addresses(self, items: Iterable[CatalogItem]) -> dict[str, str]:
        """Item key -> address on the web, of those that have one."""
        with Session(self.database) as session:
            rows = session.execute(queries.addresses_of(item.id for item in items))
            return {key: f"https://{value}" for key, value in rows}

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

    def reply(
        self,
        conversation: Conversation,
        message: str,
        controls: Controls = Controls(),
        plan: Plan | None = None,
        inspect: bool = False,
    ) -> Iterator[Part]:
        """Parts of the reply, `Done` with the next conversation last.

        `plan` replaces the model's own; `inspect` adds a `Trace` before `Done`.
        """
        self._look_for_changes()
        clock = time.perf_counter()
        seconds: dict[str, float | None] = {"first_text": None, "first_item": None}
        message = message.strip()
        previous = conversation.turns[-1].language if conversation.turns else controls.spoken
        language = controls.reply_language or message_language(message, previous)
        said, items, understood = [], [], None
        reason = "end"
        for part in self._parts(conversation, message, language, controls, plan, inspect):
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

    def _parts(
        self,
        conversation: Conversation,
        message: str,
        language: str,
        controls: Controls,
        plan: Plan | None,
        inspect: bool,
    ) -> Iterator[Part | engine.End]:
        began = time.perf_counter()
        wording = Wording.load(language, self.prompts)
        if not message:
            yield Notice(wording.notice("empty"))
            return
        if len(message) > MOST_CHARACTERS:
            yield Notice(wording.notice("too_long", length=f"{len(message):,}", most=f"{MOST_CHARACTERS:,}"))
            return
        past = self._past(controls.listener) if controls.history is None else self._own(controls.history)
        turns = conversation.context
        prompt = []
        for at, (text, turn) in enumerate([(turn.message, turn) for turn in turns] + [(message, None)]):
            spans = tuple(item.sid for item in past.items[-HISTORY:]) if at == 0 else ()
            slate = tuple(item.title for item in turns[at - 1].items) if at else ()
            prompt.append(self.message(text, spans, past.vector if at == 0 else None, slate))
            if turn is not None:
                prompt.append(earlier(turn.plan, [item.sid for item in turn.items], turn.words))
        rendered = self.format.render(prompt)
        said = [text for turn in turns for text in (turn.message, *copied_values(turn.plan))] + [message]
        rules = PlanRules(
            self.format.vocabulary,
            self.facet_values,
            tuple(tuple(self.format.words(text)) for text in said),
            leanings(prompt),
        )
        given = self.format.plan(plan, said) if plan else None
        with Session(self.database) as session:
            host = Host(
                self.format,
                self.steering,
                self.mean_vector,
                session,
                wording,
                conversation,
                past,
                controls,
                said,
                prompt[-1].hint.situation,
            )
            soft = [vector for _, vector in rendered.vectors]
            if not inspect:
                yield from host.parts(self.engine.reply(rendered.ids, soft, rules, host, self.sampling, given))
                return
            watch = Watch(host, self.format, rendered.ids, time.perf_counter() - began)
            events = self.engine.reply(rendered.ids, soft, rules, watch, self.sampling, given)
            yield from host.parts(watch.events(events))
            yield watch.trace()

    def message(
        self,
        text: str,
        history: tuple[Sid, ...] = (),
        listener: np.ndarray | None = None,
        slate: tuple[str, ...] = (),
    ) -> Message:
        """A message as the model reads it: the words, what the encoder makes of them, and their hint. `slate`: the
        titles that the turn before suggested."""
        hint = placed(self.hints.of([text])[0], slate)
        return Message(text, self.encoder.encode([text])[0], history, listener, hint=hint)

    def _own(self, items: tuple[CatalogItem, ...]) -> Past:
        """A visitor's own history; nothing of it is kept here."""
        known = tuple(item for item in items if item.sid)
        return Past(known, self.mean_vector(known))

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
        """The mean of what the items say of a taste, None for no items."""
        return np.mean(store.tastes_of(items, self.book, self.encoder), axis=0) if items else None


def _require_some(session: Session, where: str) -> None:
    """Raises NeoError for a condition that is no SQL, or that no item fulfils."""
    try:
        found = session.scalars(queries.matching_sids(queries.Wish(where=where)).limit(1)).first()
    except SQLAlchemyError as error:
        raise NeoError(
            f"the condition {where!r} cannot be asked ({getattr(error, 'orig', error)}): expected SQL about the "
            "columns of items, such as \"language = 'en' and year >= 2000\""
        ) from error
    if found is None:
        raise NeoError(f"the condition {where!r} leaves no item: loosen it, or leave --where out")


def open_assistant(settings: Settings, database_url: str, report=lambda text: None) -> Assistant:
    """The assistant for a catalog and weights; an empty database gets the demo catalog."""
    database = open_database(database_url)
    loaded = load(settings, report)
    with Session(database) as session:
        prepare_catalog(session, loaded.book, loaded.encoder)
    loaded.encoder.encode(["loads its weights now, not at the first message"])
    return Assistant(loaded, database, where=settings.where)
