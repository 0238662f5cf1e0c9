"""One reply's answers to the engine: what its plan allows, what is known of its items; and events back into parts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from catalog import queries
from neo.chat.contradictions import contradictions
from neo.chat.parts import Card, Controls, Conversation, Notice, Part, Understood, Words
from neo.chat.steering import Steered, Steering, chips, controlled
from neo.chat.words import words
from neo.decoding import engine
from neo.decoding.grammar import ReplyState
from neo.format import Facts, Format, Message
from neo.items import CatalogItem
from neo.plan import ANY, CHOOSING, CONTROLLED, Plan, length_called
from neo.sids.sid import Sid
from neo.wording import LIKED, RELATED, Wording, render

VectorOf = Callable[[tuple[CatalogItem, ...]], np.ndarray | None]


@dataclass(frozen=True)
class Past:
    """A listener's history: items newest last, and the mean of their vectors."""

    items: tuple[CatalogItem, ...] = ()
    vector: np.ndarray | None = None


class Host:
    """One reply's answers to the engine, and the way back from events to parts. `said`: the visitor's messages, the
    latest last; `situation`: which small talk that one would be."""

    def __init__(
        self,
        format_: Format,
        steering: Steering,
        vector_of: VectorOf,
        session: Session,
        wording: Wording,
        conversation: Conversation,
        past: Past,
        controls: Controls,
        said: list[str],
        situation: str | None = None,
    ):
        self.format, self.steering, self.vector_of = format_, steering, vector_of
        self.session, self.wording = session, wording
        self.conversation, self.past, self.controls, self.said = conversation, past, controls, said
        self.situation = situation
        self.steered = Steered(Plan("talk"))
        self.notices: list[str] = []

    def plan_written(self, ids: list[int]) -> engine.Decision:
        written = self.format.parse_plan(ids)
        plan = controlled(self._sayable(written), self.controls)
        steered = self.steering.steer(
            self.session, plan, self.wording, self.conversation, self.past.items, self.controls
        )
        unknown = [f for f in ("like", "title") if plan.values(f) and not getattr(steered, f"{f}d")]
        if unknown:
            steered = replace(steered, plan=plan.without(*unknown))
        overruled = contradictions(written, self.controls, self.wording, self.said[-1], steered.titled, self.past.items)
        self.steered, self.notices = steered, [*overruled, *steered.notices]
        stop, facts = self._facts_for(steered)
        plan = steered.plan
        available = tuple((type_, len(view)) for type_, view in steered.views.items())
        if plan.act in CHOOSING:
            possible = _possible(plan, dict(available))
            if not possible:
                wish = ", ".join(self._wished(plan))
                nothing = render(self.wording.replies["nothing"][0], wish=wish)
                self.notices = overruled if overruled and steered.titled else [*overruled, nothing]
                stop = True
            elif possible != plan.types:  # the plan says what there is, so that the words about it do too
                plan = replace(plan, types=possible)
                steered = self.steered = replace(steered, plan=plan)
                self.notices.append(self.wording.notice("few", number=str(plan.count)))
        state = ReplyState(self.format.vocabulary, self.format.end, steered.plan.types, available)
        changed = self.format.plan(steered.plan, self.said) if steered.plan != written else None
        taste = Message("", np.empty(0), (), self.past.vector, self.vector_of(steered.liked)).taste()
        context = [id_ for fact in facts for id_ in self.format.facts(fact)]
        return engine.Decision(steered.views, state, changed, context, taste, stop)

    def _wished(self, plan: Plan) -> Iterator[str]:
        """What was looked for: the plan, and what the controls ask of items that no plan can say."""
        yield from chips(plan, self.wording)
        yield from (self.wording.label("tones", tone) for tone in self.controls.tones)
        yield from [self.wording.length(length_called(self.controls.minutes))] if self.controls.minutes else []
        says = words(self.wording.language)["page"]
        yield from (says[name] for name in ("clean", "recent") if getattr(self.controls, name))

    def _sayable(self, plan: Plan) -> Plan:
        """The plan without names that are no words of the visitor's, such as half an emoji."""
        said = " ".join(self.said).lower()
        kept = (t for t in plan.terms if t.field in CONTROLLED or (t.value and t.value.lower() in said))
        return replace(plan, terms=tuple(kept))

    def _facts_for(self, steered: Steered) -> tuple[bool, list[Facts]]:
        """(whether to stop here, facts about what the plan names)."""
        plan, slate, wording = steered.plan, self.conversation.slate, self.wording
        if plan.act in CHOOSING:
            return False, [Facts(wording.named(item), item.sid) for item in steered.liked]
        if plan.act == "profile":
            if not self.past.items:
                self.notices.append(wording.notice("no_history"))
                return True, []
            return False, [Facts(wording.profile(list(self.past.items), len(self.conversation.turns)))]
        if plan.act == "talk":
            told = self.situation and wording.small_talk(self.situation, len(self.conversation.turns))
            return False, [Facts(told)] if told else []
        if steered.titled:
            facts = self._facts_about_suggested if plan.act == "why" else wording.facts
            told = [facts(steered.titled[0]), *(wording.facts(item) for item in steered.titled[1:2])]
            return False, [Facts(text, item.sid) for text, item in zip(told, steered.titled, strict=False)]
        if not slate:
            self.notices.append(wording.notice("no_slate"))
            return True, []
        if plan.act == "compare":
            wanted = plan.refs if len(plan.refs) > 1 else (1, 2)
        else:
            wanted = plan.refs or (len(slate),)
        if max(wanted) > len(slate):
            self.notices.append(wording.notice("no_such_position", number=str(len(slate))))
            return True, []
        items = [slate[ref - 1] for ref in wanted]
        if plan.act == "compare":
            others = items[1:] + items[:1]
            return False, [
                Facts(wording.facts(item, other if at == 0 else None), item.sid)
                for at, (item, other) in enumerate(zip(items, others, strict=True))
            ]
        if plan.act == "why":
            return False, [Facts(self._facts_about_suggested(items[0]), items[0].sid)]
        return False, [Facts(wording.facts(item), item.sid) for item in items]

    def _facts_about_suggested(self, item: CatalogItem) -> str:
        """The facts of an item that was suggested, with what an earlier request has in common with it: a liked item,
        and topics asked for."""
        turn = next((turn for turn in reversed(self.conversation.turns) if item in turn.items), None)
        if turn is None or turn.plan is None:
            return self.wording.facts(item)
        liked = self.steering.items(self.session, turn.plan.values("like"), self.wording, [])
        return self._facts_about(item, tuple(liked), turn.plan.values("topic"))

    def _facts_about(self, item: CatalogItem, liked: tuple[CatalogItem, ...], asked: tuple[str, ...]) -> str:
        """The facts of an item, with the liked item that shares topics, or the item of the history that shares the
        most, and those of the topics asked for that it has."""
        like = next((other for other in liked if item.shared_topics(other)), None)
        near = max(self.past.items, key=lambda other: len(item.shared_topics(other)), default=None)
        wanted = tuple(topic for topic in asked if topic in item.topics)
        return self.wording.facts(item, like or near, wanted, LIKED if like else RELATED)

    def item_chosen(self, sid: Sid) -> list[int]:
        """The SID's item as the filter meant it, kept for its card; its facts as a span."""
        item = self._read([sid])[sid]
        if self.steered.plan.ids_only:
            return []
        return self.format.facts(Facts(self._facts_about(item, self.steered.liked, self.steered.plan.values("topic"))))

    def between_items(self, position: int) -> list[int]:
        return self.format.words(f"\n{position}. " if self.steered.plan.count > 1 else " ")

    def _read(self, sids: list[Sid]) -> dict[Sid, CatalogItem]:
        rows = self.session.scalars(queries.items_by_sid(map(str, sids), self.steered.wishes)).unique()
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
                item = chosen[event.sid]
                address = dict(self.session.execute(queries.addresses_of([item.id])).all()).get(item.key)
                yield Card(item, position, event.score, others, address and f"https://{address}")
            else:
                if not spoke:
                    yield Notice(self.wording.notice("nothing_said"))
                yield event


def _possible(plan: Plan, available: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Of the items that a plan wants, those that its filter leaves: (type, count), in the plan's order."""
    left, granted = dict(available), []
    for at, (type_, wanted) in sorted(enumerate(plan.types), key=lambda pair: pair[1][0] == ANY):
        owed = wanted
        for name in left if type_ == ANY else [type_]:
            paid = min(owed, left.get(name, 0))
            left[name] = left.get(name, 0) - paid
            owed -= paid
        granted.append((at, type_, wanted - owed))
    return tuple((type_, count) for _, type_, count in sorted(granted) if count)
