"""The engine: token ids in, events out. It knows no SQL, no page and no strings.

A reply is a plan, then words and item spans. The host is asked twice: when the plan is closed (what does it allow, what
facts belong to it?) and when an item is chosen (what are its facts?). Facts are spliced into the context, not decoded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from neo.decoding.beams import Beam, Children, as_sid, search
from neo.decoding.grammar import PlanRules, PlanState, ReplyState
from neo.errors import NothingAllowed
from neo.sids.sid import Sid
from neo.sids.vocabulary import Vocabulary


@dataclass(frozen=True)
class Plan:
    """The plan span as the reply follows it, opener and closer included."""

    ids: list[int]


@dataclass(frozen=True)
class Text:
    ids: list[int]


@dataclass(frozen=True)
class Item:
    """A chosen SID with its score, and the other beams, best first."""

    sid: Sid
    score: float
    alternatives: list[tuple[Sid, float]]


@dataclass(frozen=True)
class End:
    """`reason`: "end" the model was done, "length" the token budget was, "stopped" the host allowed no reply."""

    reason: str


Event = Plan | Text | Item | End


@dataclass(frozen=True)
class Sampling:
    """How words are chosen, and how widely spans are searched. Temperature 0 is greedy."""

    beam_width: int = 10
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    most_tokens: int = 600
    most_words: int = 90
    """Text tokens between two items, or after the last."""


@dataclass(frozen=True)
class Decision:
    """What the host makes of a plan."""

    views: dict[str, Children]
    """Item type -> what its spans may hold; types left out may not be opened."""
    state: ReplyState
    plan: list[int] | None = None
    """A corrected plan span to go on with instead of the model's."""
    context: list[int] = field(default_factory=list)
    """Facts about the items that the plan names, spliced in after it."""
    listener: np.ndarray | None = None
    """What the spans know of the visitor's taste, as an encoder vector."""
    stop: bool = False


class Host(Protocol):
    """Who asked for the reply."""

    def plan_written(self, ids: list[int]) -> Decision: ...

    def item_chosen(self, sid: Sid) -> list[int]:
        """The facts span of an item, as ids."""
        ...

    def between_items(self, position: int) -> list[int]:
        """Words that lead to the item at `position` (from 1) where the model ends a line, or would have ended."""
        ...


class Engine:
    """Decodes replies with one runner. `banned`: base-vocabulary ids that are no words; `end` closes a turn;
    `line_ends`: words that break a line."""

    def __init__(self, runner, end: int, banned: list[int], line_ends: frozenset[int] = frozenset()):
        self.runner, self.end, self._line_ends = runner, end, line_ends
        self.vocabulary: Vocabulary = runner.vocabulary
        self._text_mask = np.zeros(self.vocabulary.control_ids.stop, dtype=bool)
        self._text_mask[: self.vocabulary.base_size] = True
        self._text_mask[banned] = False

    def reply(
        self,
        ids: list[int],
        soft: list[np.ndarray],
        rules: PlanRules,
        host: Host,
        sampling: Sampling = Sampling(),
        plan: list[int] | None = None,
    ) -> Iterator[Event]:
        """Events of the reply to a rendered prompt, whose last soft vector is that of the message to be answered.

        `plan`: a plan span to follow; the model then writes none.
        """
        context = self.runner.start(ids, soft)
        start, hidden = context.length, context.hidden
        written = plan or self._write_plan(context, rules)
        decision = host.plan_written(written)
        if plan is not None or decision.plan is not None:
            written = decision.plan or written
            context.crop(start, hidden)
            context.extend(written)
        yield Plan(written)
        if decision.stop:
            yield End("stopped")
            return
        if decision.context:
            context.extend(decision.context)
        context.condition(soft[-1], decision.listener)
        yield from self._write_reply(context, decision, host, sampling)

    def plan(self, ids: list[int], soft: list[np.ndarray], rules: PlanRules) -> list[int]:
        """The plan span that a rendered prompt leads to, and nothing more."""
        return self._write_plan(self.runner.start(ids, soft), rules)

    def _write_plan(self, context, rules: PlanRules) -> list[int]:
        """Greedy under the plan's grammar; a token that alone is allowed costs no score."""
        written = [self.vocabulary.id("plan")]
        state = PlanState(rules)
        context.extend(written)
        while not state.closed:
            allowed = sorted(state.allowed())
            if not allowed:
                raise NothingAllowed("the plan's grammar left nothing to write")
            id_ = allowed[0]
            if len(allowed) > 1:
                scores = self.runner.text_scores(context.hidden)[allowed]
                scores = scores + np.array([state.gain(option) for option in allowed])
                id_ = allowed[int(np.argmax(scores))]
            state = state.advance(id_)
            written.append(id_)
            context.write(id_)
        return written

    def _write_reply(self, context, decision: Decision, host: Host, sampling: Sampling) -> Iterator[Event]:
        rng = np.random.default_rng(sampling.seed)
        state, views = decision.state, dict(decision.views)
        first, words, position = context.length, 0, 0
        alone = state.any_type_will_do() and sum(count for _, count in state.owed) == 1
        while True:
            left = sampling.most_tokens - (context.length - first)
            id_ = self._next(context, state, sampling, rng) if words < sampling.most_words else self.end
            if id_ == self.end and state.may_end():
                yield End("end" if words < sampling.most_words else "length")
                return
            if id_ == self.end or (id_ in self._line_ends and not state.may_end()):
                lead = host.between_items(position + 1)
                context.extend(lead)
                yield Text(lead)
                id_ = self._opener(context, state)
            elif self.vocabulary.opened_type(id_) and state.any_type_will_do():
                id_ = self._opener(context, state)
            type_ = self.vocabulary.opened_type(id_)
            types = state.openable() if type_ and alone else [type_] if type_ else []
            if left <= max((self.vocabulary.shape(type_).levels + 2 for type_ in types), default=0):
                yield End("length")
                return
            if not types:
                if (position or words) and state.ends_with_the_line() and id_ in self._line_ends:
                    yield End("end")  # the line about the last item is the last line, words alone are one line
                    return
                context.write(id_)
                words += 1
                yield Text([id_])
                continue
            item = self._span(context, types, views, sampling.beam_width)
            state, position, words = state.item(item.sid.type), position + 1, 0
            views[item.sid.type] = views[item.sid.type].without([item.sid])
            yield item
            if facts := host.item_chosen(item.sid):
                context.extend(facts)

    def _next(self, context, state: ReplyState, sampling: Sampling, rng: np.random.Generator) -> int:
        """The next word, opener, or the end (which the caller may have to turn into another item)."""
        allowed = self._text_mask.copy()
        allowed[list(state.allowed_controls())] = True
        scores = np.where(allowed, self.runner.text_scores(context.hidden), -np.inf)
        if sampling.temperature <= 0:
            return int(scores.argmax())
        chances = np.exp((scores - scores.max()) / sampling.temperature)
        order = np.argsort(-chances)
        kept = order[: int(np.searchsorted(np.cumsum(chances[order]) / chances.sum(), sampling.top_p)) + 1]
        return int(rng.choice(kept, p=chances[kept] / chances[kept].sum()))

    def _opener(self, context, state: ReplyState) -> int:
        allowed = sorted(state.allowed_controls())
        scores = self.runner.text_scores(context.hidden)[allowed]
        if state.any_type_will_do():
            leanings = context.type_scores()
            scores = scores + np.array([leanings[self.vocabulary.opened_type(id_)] for id_ in allowed])
        return allowed[int(np.argmax(scores))]

    def _span(self, context, types: Sequence[str], views: dict[str, Children], width: int) -> Item:
        """The best item of one type, or of several, whose type then counts as the first of its codes."""
        leanings = context.type_scores() if len(types) > 1 else dict.fromkeys(types, 0.0)
        start, hidden, found = context.length, context.hidden, []
        for type_ in (order := sorted(types, key=leanings.get)):
            context.crop(start, hidden)
            beams: list[Beam] = search(context, self.vocabulary, type_, views[type_], width)
            found += [(leanings[type_] + beam.score, as_sid(beam, type_), beam.slots) for beam in beams]
        found = sorted(found, key=lambda one: -one[0])[:width]
        score, sid, slots = found[0]
        views[sid.type].check(sid)
        *codes, last = self.vocabulary.codes(sid)
        if sid.type == order[-1]:  # its branches are still there
            context.settle(slots)
        else:
            context.crop(start, hidden)
            context.extend([self.vocabulary.opener(sid.type), *codes], span=1 + len(codes))
        context.extend([last, self.vocabulary.closer(sid.type)], span=1)
        return Item(sid, score, [(other, score) for score, other, _ in found[1:]])
