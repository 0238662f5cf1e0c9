"""How a reply comes about, watched from between host and engine: every token, every filter, the time of every phase.

A `Watch` is a host to the engine and hands everything on to the real one, so nothing else changes when it looks on.
"""

from collections.abc import Iterator
from dataclasses import fields
from time import perf_counter

from neo.chat.host import Host
from neo.chat.parts import Stretch, Token, Trace
from neo.decoding import engine
from neo.decoding.beams import Children
from neo.format import Format
from neo.sids.sid import Sid

PHASES = ("encode", "plan", "filter", "words", "items", "facts", "page")
"""Message and history to vectors and ids; prompt read and plan written; SQL and trie views; words; item spans; SQL for
facts; what happens between two parts: cards and the page."""


class Watch:
    """A host for one reply that takes notes. `encode`: seconds that the prompt took to make."""

    def __init__(self, host: Host, format_: Format, prompt: list[int], encode: float):
        self.host, self.format = host, format_
        self.seconds = dict.fromkeys(PHASES, 0.0) | {"encode": encode}
        self.prompt = prompt
        self.own_plan: list[int] = []
        self.spliced: list[int] = []
        self.views: dict[str, Children] = {}
        self.stretches: list[tuple[str, list[int]]] = []
        self.children: list[tuple[int, ...]] = []

    # --- what the engine asks --------------------------------------------------------------------------------------

    def plan_written(self, ids: list[int]) -> engine.Decision:
        self.own_plan = ids
        decision = self._timed("filter", self.host.plan_written, ids)
        self.views, self.spliced = dict(decision.views), decision.context
        return decision

    def item_chosen(self, sid: Sid) -> list[int]:
        facts = self._timed("facts", self.host.item_chosen, sid)
        self._note("spliced", facts)
        return facts

    def between_items(self, position: int) -> list[int]:
        return self.host.between_items(position)

    # --- what the engine says --------------------------------------------------------------------------------------

    def events(self, events: Iterator[engine.Event]) -> Iterator[engine.Event]:
        """The same events, noted and timed."""
        while True:
            before, asked = perf_counter(), self.seconds["filter"] + self.seconds["facts"]
            event = next(events, None)
            if event is None:
                return
            phase = {engine.Plan: "plan", engine.Item: "items"}.get(type(event), "words")
            inside = self.seconds["filter"] + self.seconds["facts"] - asked
            self.seconds[phase] += perf_counter() - before - inside
            match event:
                case engine.Plan():
                    self._note("plan", event.ids)
                    self._note("spliced", self.spliced)
                case engine.Text():
                    self._note("said", event.ids)
                case engine.Item():
                    self._note("said", self.format.vocabulary.span(event.sid))
                    view = self.views[event.sid.type]
                    self.children.append(children_along(view, event.sid))
                    self.views[event.sid.type] = view.without([event.sid])
            resumed = perf_counter()
            yield event
            self.seconds["page"] += perf_counter() - resumed

    def trace(self) -> Trace:
        steering, steered = self.host.steering, self.host.steered
        return Trace(
            self._tokens(self.prompt),
            tuple(Stretch(origin, self._tokens(ids)) for origin, ids in self.stretches),
            self._tokens(self.own_plan),
            tuple(self.children),
            tuple((type_, len(view), len(steering.tries.by_type[type_])) for type_, view in steered.views.items()),
            tuple(
                (field.name, _shown(field.name, value))
                for field in fields(steered.wish)
                if field.name != "where"  # whoever runs the program need not tell
                if (value := getattr(steered.wish, field.name))
            ),
            tuple((phase, round(1000 * self.seconds[phase], 1)) for phase in PHASES),
        )

    def _timed(self, phase: str, ask, *arguments):
        before = perf_counter()
        try:
            return ask(*arguments)
        finally:
            self.seconds[phase] += perf_counter() - before

    def _note(self, origin: str, ids: list[int]) -> None:
        if not ids:
            return
        if self.stretches and self.stretches[-1][0] == origin:
            self.stretches[-1][1].extend(ids)
        else:
            self.stretches.append((origin, list(ids)))

    def _tokens(self, ids: list[int]) -> tuple[Token, ...]:
        return tuple(tokens(self.format, ids))


COUNTED = ("makers", "without_makers", "without_items", "only_items")
"""Fields of a filter that hold ids: how many says more than which."""


def tokens(format_: Format, ids: list[int]) -> Iterator[Token]:
    """Ids as tokens that can be read."""
    vocabulary = format_.vocabulary
    for id_ in ids:
        if id_ < vocabulary.base_size:
            yield Token(format_.tokenizer.decode([id_], clean_up_tokenization_spaces=False), "word")
        elif (code := vocabulary.code(id_)) is not None:
            yield Token(str(code[2]), "code", code[0], code[1])
        else:
            name = vocabulary.name(id_)
            closes, _, type_ = name.partition("type:")
            if type_:
                yield Token(name, "closer" if closes else "opener", type_)
            else:
                yield Token(name, "vector" if name.endswith("-vector") else "control")


def children_along(view: Children, sid: Sid) -> tuple[int, ...]:
    """How many continuations a view allows at each level on the way to a SID."""
    counts, node = [], 0
    for level, code in enumerate(sid.codes):
        codes, nodes = view.children(level, node)
        counts.append(len(codes))
        node = int(nodes[list(codes).index(code)])
    return tuple(counts)


def _shown(name: str, value: object) -> str:
    """What a filter asks for, or how many items it names."""
    if name in COUNTED:
        return str(len(value))
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
