"""Arms: the systems that a study compares. Each answers a message with the parts of a reply, as the chat does.

A trained model is the chat's own assistant. Baselines rank the catalog and say a canned sentence; they are what a model
has to beat. Baselines know the filters, the conversation's language and the listener's history, and no more.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database
from catalog.tables import Item, Listen, SidRow
from neo.chat.language import message_language
from neo.chat.parts import Card, Controls, Conversation, Done, Part, Turn, Words
from neo.items import CatalogItem
from neo.prepare import prepare_catalog
from neo.settings import Settings
from neo.sids import store
from neo.sids.encoder import TextEncoder
from neo.study.errors import StudyError
from neo.study.spec import BaselineArm, Filters, ModelArm, StudySpec
from neo.wording import FOLDER as PROMPTS
from neo.wording import LANGUAGES, Wording

CANNED = {
    "en": "Here is what I suggest:",
    "es": "Esto es lo que propongo:",
    "fr": "Voici ce que je propose :",
    "de": "Das schlage ich vor:",
    "pt": "Eis o que sugiro:",
    "it": "Ecco che cosa propongo:",
}
MOST_NAMED = 20
"""Known values that an error lists; a catalog can have thousands of listeners."""
_TOKEN = re.compile(r"\w+")


class Answers(Protocol):
    """What a study needs of a system; `neo.chat.assistant.Assistant` has it."""

    def reply(self, conversation: Conversation, message: str, controls: Controls = Controls()) -> Iterator[Part]: ...


@dataclass(frozen=True)
class OpenArm:
    """An arm ready to answer. `facts`: everything needed to say later what exactly it was."""

    system: Answers
    filters: Filters = Filters()
    facts: dict = field(default_factory=dict)

    def reply(self, conversation: Conversation, message: str, listener: str | None) -> Iterator[Part]:
        controls = Controls(types=self.filters.types, language=self.filters.language, listener=listener)
        return self.system.reply(conversation, message, controls)


Scores = Callable[[str, tuple[CatalogItem, ...]], np.ndarray]
"""(message, history newest last) -> a score for every item of the shelf, higher is better."""


class Shelf:
    """The items that baselines rank, read once, with what the rankings need: listens, vectors, words."""

    def __init__(self, session: Session, encoder: TextEncoder):
        self.encoder = encoder
        self.items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique()]
        if not self.items:
            raise StudyError('the catalog holds no items: run "python -m catalog load" first')
        heard = dict(session.execute(select(Listen.item_id, func.count()).group_by(Listen.item_id)).all())
        self.listens = np.array([heard.get(item.id, 0) for item in self.items])

    @cached_property
    def vectors(self) -> np.ndarray:
        """Unit vectors [items, width]."""
        return self.encoder.encode([store.item_text(item) for item in self.items])

    def popularity(self, message: str, history: tuple[CatalogItem, ...]) -> np.ndarray:
        """How widely known an item is; listens decide between equals."""
        return np.array([item.fame for item in self.items]) + self.listens / (self.listens.max() + 1)

    def neighbours(self, message: str, history: tuple[CatalogItem, ...]) -> np.ndarray:
        """Cosine with the message, and with the mean of the history if there is one, in equal parts."""
        wanted = self.encoder.encode([message])[0]
        if history:
            known = {item.id for item in history}
            mean = self.vectors[[at for at, item in enumerate(self.items) if item.id in known]].mean(0)
            wanted = wanted + mean / np.linalg.norm(mean)
        return self.vectors @ wanted

    @cached_property
    def bm25_index(self) -> "Bm25":
        return Bm25([words_of(store.item_text(item)) for item in self.items])

    def bm25(self, message: str, history: tuple[CatalogItem, ...]) -> np.ndarray:
        return self.bm25_index.scores(words_of(message))


def words_of(text: str) -> list[str]:
    return _TOKEN.findall(text.casefold())


class Bm25:
    """Okapi BM25 with the inverse document frequency that is never negative (Robertson and Zaragoza 2009, section 3.1;
    log(1 + ...) as Lucene has it). k1 = 1.2, b = 0.75."""

    def __init__(self, texts: list[list[str]], k1: float = 1.2, b: float = 0.75):
        self.k1 = k1
        self.counts = [Counter(text) for text in texts]
        lengths = np.array([len(text) for text in texts], dtype=float)
        self.norms = k1 * (1 - b + b * lengths / lengths.mean())
        documents = Counter(word for counts in self.counts for word in counts)
        n = len(texts)
        self.idf = {word: np.log(1 + (n - df + 0.5) / (df + 0.5)) for word, df in documents.items()}

    def scores(self, query: list[str]) -> np.ndarray:
        """One score a text [texts]; words that no text has count nothing."""
        total = np.zeros(len(self.counts))
        for word in query:
            if word in self.idf:
                tf = np.array([counts[word] for counts in self.counts], dtype=float)
                total += self.idf[word] * tf * (self.k1 + 1) / (tf + self.norms)
        return total


class Baseline:
    """The best items of a ranking under the filters, none of them twice in a conversation, and a canned sentence."""

    def __init__(self, shelf: Shelf, scores: Scores, items: int, database: Database):
        self.shelf, self.scores, self.count, self.database = shelf, scores, items, database

    def reply(self, conversation: Conversation, message: str, controls: Controls = Controls()) -> Iterator[Part]:
        language = message_language(message, conversation.turns[-1].language if conversation.turns else "en")
        history = self._history(controls.listener)
        scores = self.scores(message, history)
        out = {item.id for item in (*conversation.said_items, *history)}
        chosen = []
        for at in np.argsort(-scores, kind="stable"):
            item = self.shelf.items[at]
            fits = (not controls.types or item.type in controls.types) and item.language == (
                controls.language or language
            )
            if fits and item.id not in out:
                chosen.append((item, float(scores[at])))
            if len(chosen) == self.count:
                break
        yield Words(CANNED[language])
        for position, (item, score) in enumerate(chosen, start=1):
            yield Card(item, position, score)
        turn = Turn(message, language, None, tuple(item for item, _ in chosen), CANNED[language])
        yield Done(Conversation((*conversation.turns, turn)), "end", {}, language)

    def _history(self, name: str | None) -> tuple[CatalogItem, ...]:
        if name is None:
            return ()
        with Session(self.database) as session:
            listener = next((row for row in session.scalars(queries.listeners()) if row.name == name), None)
            if listener is None:
                raise StudyError(f"listener {name!r} is unknown: expected a name that the catalog has")
            return tuple(CatalogItem.of(row) for row in session.scalars(queries.history_of(listener.id)).unique())[::-1]


def folder_hash(folder: Path) -> str:
    """SHA-256 over names and bytes of the files in a folder, 16 hex digits: which weights or prompts these were."""
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def catalog_hash(session: Session) -> str:
    """Which catalog this is: a hash of its items' keys, texts, types, languages and SIDs."""
    columns = (Item.key, Item.title, Item.description, Item.type, Item.language, func.coalesce(SidRow.sid, ""))
    rows = session.execute(select(*columns).outerjoin(SidRow, SidRow.item_id == Item.id).order_by(Item.key))
    return sha256("\n".join(map("\t".join, rows)).encode()).hexdigest()[:16]


def open_arms(
    spec: StudySpec, database_url: str, encoder: TextEncoder | None = None, report: Callable[[str], None] = print
) -> dict[str, OpenArm]:
    """All arms of a study, ready to answer. Models with the same weights are loaded once.

    Raises StudyError when two models need other SIDs in the same database, and for a listener or filter that a catalog
    does not have.
    """
    database = open_database(database_url)
    opened = _open_models(spec, database_url, report)
    baselines = {name: arm for name, arm in spec.arms.items() if isinstance(arm, BaselineArm)}
    if baselines:
        with Session(database) as session:
            _require_items(session, report)
            for name in baselines:
                _require_known(session, spec, name)
            shelf = Shelf(session, encoder or TextEncoder())
        if any(arm.kind == "neighbours" for arm in baselines.values()):
            report(f"encoding {len(shelf.items)} items for the neighbours")
            _ = shelf.vectors
    with Session(database) as session:
        catalog = catalog_hash(session)
    for name, arm in baselines.items():
        system = Baseline(shelf, getattr(shelf, arm.kind), arm.items, database)
        facts = {**arm.model_dump(mode="json"), "catalog": catalog}
        if arm.kind == "neighbours":
            facts["encoder"] = shelf.encoder.name
        opened[name] = OpenArm(system, arm.filters, facts)
    return {name: opened[name] for name in spec.arms}


def _require_items(session: Session, report: Callable[[str], None]) -> None:
    from catalog.demo import load_demo

    if not session.scalar(queries.count_of(Item)):
        report("loading the demo catalog")
        load_demo(session)
        session.commit()


def _require_known(session: Session, spec: StudySpec, name: str) -> None:
    """Raises StudyError for a filter of this arm, or a listener of a task, that the arm's catalog does not have."""
    filters = spec.arms[name].filters
    types = [type for type, _ in session.execute(queries.counts_by_type())]
    languages = [language for language, _ in session.execute(queries.counts_by_language())]
    listeners = [row.name for row in session.scalars(queries.listeners())]
    asked = [(f"task {task.id!r}: listener", task.listener, listeners) for task in spec.tasks if task.listener]
    asked += [(f"arm {name!r}: filters.types", type, types) for type in filters.types]
    asked += [(f"arm {name!r}: filters.language", filters.language, languages)] if filters.language else []
    for where, value, known in asked:
        if value not in known:
            some = ", ".join(known[:MOST_NAMED]) + (", ..." if len(known) > MOST_NAMED else "")
            raise StudyError(
                f"{where} {value!r} is not in the catalog of arm {name!r}, expected one of {some or 'none yet'}: "
                f"import it into the catalog, or create the study under another name with one of these"
            )


def _open_models(spec: StudySpec, database_url: str, report: Callable[[str], None]) -> dict[str, OpenArm]:
    models = {name: arm for name, arm in spec.arms.items() if isinstance(arm, ModelArm)}
    if not models:
        return {}
    # Imported late: torch takes seconds, and a study of baselines should not wait for it.
    from neo.chat.assistant import Assistant
    from neo.decoding.engine import Sampling
    from neo.model.load import load

    loaded, opened = {}, {}
    for name, arm in models.items():
        settings = Settings(**{key: value for key, value in (("base", arm.base), ("weights", arm.weights)) if value})
        if settings not in loaded:
            loaded[settings] = load(settings, report)
        own = open_database(arm.database or database_url)
        with Session(own) as session:
            prepare_catalog(session, loaded[settings].book, loaded[settings].encoder)
            _require_known(session, spec, name)
            catalog = catalog_hash(session)
        sampling = Sampling(arm.beams, arm.temperature, arm.top_p, arm.seed)
        prompts = arm.prompts or PROMPTS
        for language in LANGUAGES:
            Wording.load(language, prompts)  # a broken prompt set is found before any rater is
        facts = {
            **arm.model_dump(mode="json"),
            "base": Path(settings.base).name if Path(settings.base).is_dir() else settings.base,
            "weights": settings.weights.name,
            "weights_hash": folder_hash(settings.weights),
            "dtype": str(loaded[settings].engine.runner.arithmetic),
            "prompts": prompts.name,
            "prompts_hash": folder_hash(prompts),
            "catalog": catalog,
            "sampling": asdict(sampling),
        }
        facts.pop("database")
        system = Assistant(loaded[settings], own, sampling, prompts, frozen=True)  # all raters judge the same arm
        opened[name] = OpenArm(system, arm.filters, facts)
    for name, arm in models.items():
        settings = Settings(**{key: value for key, value in (("base", arm.base), ("weights", arm.weights)) if value})
        with Session(open_database(arm.database or database_url)) as session:
            if store.outdated(session, loaded[settings].book):
                raise StudyError(
                    f"arm {name!r} has other SIDs than another arm with the same database, expected its own: "
                    f"copy the catalog and name the copy as this arm's `database`"
                )
    return opened


def anonymous(item: CatalogItem) -> CatalogItem:
    """The item as a rater's page may hold it: no SID, no id, and a key that only a cover can be drawn from."""
    return replace(item, id=0, sid=None, key=sha256(item.key.encode()).hexdigest()[:12])
