"""From a plan to a filter: what was named is looked up, what is wanted becomes a query, the query becomes trie views.

A filter never chooses an item; it only says which items exist for this reply. A wish that leaves too little is loosened
step by step (tones, then formats, then the length or the topics, then both), and each step is said.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlalchemy.orm import Session

from catalog import queries
from catalog.lookup import MakerIndex, TitleIndex
from catalog.mentions import Mentions
from catalog.names import plain
from catalog.wish import Wish
from neo.chat.parts import Controls, Conversation
from neo.decoding.trie import Tries, View
from neo.items import CatalogItem
from neo.plan import ANY, CHOOSING, CONTROLLED, Plan, Term
from neo.sids.sid import Sid
from neo.wording import Wording


@dataclass(frozen=True)
class Names:
    """Lookup of what visitors call things."""

    titles: TitleIndex
    makers: MakerIndex

    @cached_property
    def mentions(self) -> Mentions:
        """Which of these names stand in a message."""
        return Mentions(self.titles, self.makers)


@dataclass(frozen=True)
class Steered:
    """A plan with everything it names resolved."""

    plan: Plan
    liked: tuple[CatalogItem, ...] = ()
    titled: tuple[CatalogItem, ...] = ()
    views: dict[str, View] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    wish: Wish = Wish()
    """What the views were made of, as one wish."""
    wishes: tuple[Wish, ...] = ()
    """The same as the query asked: an item has to satisfy each."""


def controlled(plan: Plan, controls: Controls) -> Plan:
    """The plan under the page's controls, with the counts that a reply needs."""
    if plan.act not in CHOOSING:
        return replace(plan, types=())
    types = plan.types or ((ANY, 3 if plan.act == "recommend" else 1),)
    if controls.types:
        merged: dict[str, int] = {}
        for type_, count in types:
            only = controls.types[0] if len(controls.types) == 1 else ANY
            kept = type_ if type_ in controls.types else only
            merged[kept] = min(10, merged.get(kept, 0) + count)
        types = tuple(merged.items())
    if controls.count:
        types = _counted(types, controls.count)
    return replace(
        plan,
        types=types,
        languages=(controls.language,) if controls.language else plan.languages,
        familiarity=controls.familiarity or plan.familiarity,
    )


def _counted(types: tuple[tuple[str, int], ...], count: int) -> tuple[tuple[str, int], ...]:
    """`count` items in all, dealt to the types by turns, as long as each wants more; then by turns again."""
    most = max(wanted for _, wanted in types)
    turns = [type_ for turn in range(most) for type_, wanted in types if wanted > turn]
    dealt = [turns[at % len(turns)] for at in range(count)]
    return tuple((type_, dealt.count(type_)) for type_, _ in types if type_ in dealt)


class Steering:
    """Compiles plans for one catalog. Sessions come in as arguments; `where` holds for every filter (`Wish.where`)."""

    def __init__(self, tries: Tries, names: Names, where: str | None = None):
        self.tries, self.names, self.where = tries, names, where

    def steer(
        self,
        session: Session,
        plan: Plan,
        wording: Wording,
        conversation: Conversation,
        history: tuple[CatalogItem, ...],
        controls: Controls = Controls(),
    ) -> Steered:
        """Resolve and filter. What `controls` ask of items holds whatever the plan says."""
        notices: list[str] = []
        plan = self.reread(plan, wording)
        liked = self.items(session, plan.values("like"), wording, notices)
        liked += [conversation.slate[ref - 1] for ref in plan.refs if ref <= len(conversation.slate)]
        titled = self.items(session, plan.values("title"), wording, notices)
        if plan.act not in CHOOSING:
            return Steered(plan, tuple(liked), tuple(titled), notices=tuple(notices))
        said = conversation.said_items if not titled else ()
        disliked = self.items(session, plan.values("like", wanted=False), wording, [])
        disliked += self.items(session, plan.values("title", wanted=False), wording, [])
        new = controls.unheard or controls.familiarity == "new"
        heard = history if new or not (plan.familiarity == "familiar" or titled) else ()
        unwanted = {*controls.without, *(item.id for item in heard)}
        always = Wish(
            types=controls.types,
            most_minutes=controls.minutes,
            added_since=controls.added_since,
            without_explicit=controls.clean,
            where=self.where,
        )
        wish = replace(
            always,
            languages=plan.languages or self._home(wording, liked, history, titled, plan),
            topics=plan.values("topic"),
            tones=plan.values("tone"),
            formats=plan.values("format"),
            makers=self._makers(plan.values("by"), wording, notices),
            most_minutes=_shortest(controls.minutes, plan.most_minutes(conversation.slate)),
            without_topics=plan.values("topic", wanted=False),
            without_tones=plan.values("tone", wanted=False),
            without_formats=plan.values("format", wanted=False),
            without_makers=self._makers(plan.values("by", wanted=False), wording, []),
            without_items=tuple({*unwanted, *(item.id for item in (*liked, *said, *disliked))}),
            only_items=tuple(item.id for item in titled or self._familiar(plan, history)) or None,
        )
        if titled:  # a thing asked for by name is that thing, whatever else was said of it
            only = (controls.language,) if controls.language else ()
            known = {item.id for item in (history if controls.familiarity == "familiar" and history else titled)}
            named = tuple(item.id for item in titled if item.id in known)
            wish = replace(always, languages=only, without_items=tuple(unwanted), only_items=named)
            plan = replace(plan, types=((ANY, len(titled)),))
        views, left_out, wish, wishes = self._loosened(session, wish, plan, controls)
        if left_out and any(views.values()):
            labels = [_label(kind, name, wording) for kind, name in left_out]
            notices.append(wording.notice("loosened", left_out=wording.joined(labels)))
            plan = _less(plan, left_out)  # so that nothing is said to be what it is not
        wish = replace(wish, tones=tuple(dict.fromkeys((*wish.tones, *controls.tones))))
        return Steered(plan, tuple(liked), tuple(titled), views, tuple(notices), wish, wishes)

    @staticmethod
    def _familiar(plan: Plan, history: tuple[CatalogItem, ...]) -> tuple[CatalogItem, ...]:
        """What is familiar is what was heard; where nothing is known of that, anything is."""
        return history if plan.familiarity == "familiar" else ()

    def reread(self, plan: Plan, wording: Wording) -> Plan:
        """The plan with each name read as what bears it: by a title's name is that title, like a maker's name is by
        that maker, and by "space" is topic space. Who bears a name in full keeps it; "Serial and The Daily", which
        nothing does, is two names."""
        terms = []
        for term in plan.terms:
            if term.field in ("like", "title", "by"):
                scores = {
                    kind: found[0].score if (found := index.find(term.value, limit=1)) else 0.0
                    for kind, index in (("title", self.names.titles), ("maker", self.names.makers))
                }
                own, other = ("maker", "title") if term.field == "by" else ("title", "maker")
                facet = wording.facet_called(term.value) if scores[own] < 1 else None
                if facet:
                    term = Term(*facet, term.wanted)
                elif scores[other] > scores[own]:
                    field = "by" if other == "maker" else "title" if plan.act == "search" else "like"
                    term = replace(term, field=field)
                elif not any(scores.values()):
                    terms += [replace(term, value=name) for name in self._listed(term.value, wording)]
                    continue
            terms.append(term)
        return replace(plan, terms=tuple(dict.fromkeys(terms)))

    def _listed(self, value: str, wording: Wording) -> list[str]:
        """The titles that a value lists, if it is nothing but a list of titles; else itself."""
        listed = [mention for mention in self.names.mentions.find(value) if mention.kind == "title"]
        rest = value
        for mention in reversed(listed):
            rest = rest[: mention.start] + " " + rest[mention.stop :]
        between = set(plain(rest).split()) <= {wording.phrases["and"]}
        return [mention.said for mention in listed] if len(listed) > 1 and between else [value]

    def _loosened(
        self, session: Session, wish: Wish, plan: Plan, controls: Controls
    ) -> tuple[dict[str, View], list[tuple[str, str]], Wish, tuple[Wish, ...]]:
        """Views of the strictest form of the wish that leaves enough, what it had to leave out, and that form, as a
        wish and as the query asked it. What `controls` ask for is never left out."""
        steps: list[tuple[Wish, list[tuple[str, str]], bool]] = []
        tones = [("tone", name) for name in wish.tones]
        formats = [("format", name) for name in wish.formats]
        topics = [("topic", name) for name in wish.topics]
        lengths = [("length", name) for name in plan.values("length")]
        any_length = replace(wish, most_minutes=controls.minutes)
        if len(wish.topics) > 1:
            steps.append((wish, [], True))
        steps.append((wish, [], False))
        steps.append((replace(wish, tones=()), tones, False))
        steps.append((replace(wish, tones=(), formats=()), tones + formats, False))
        if lengths:
            steps.append((any_length, lengths, False))
            steps.append((replace(any_length, tones=(), formats=()), tones + formats + lengths, False))
        steps.append((replace(wish, tones=(), formats=(), topics=()), tones + formats + topics, False))
        if lengths and topics:
            nothing_else = replace(any_length, tones=(), formats=(), topics=())
            steps.append((nothing_else, tones + formats + topics + lengths, False))
        if plan.familiarity == "familiar" and not controls.familiarity:
            steps.append((replace(wish, only_items=None), [("familiarity", "familiar")], False))
        for step, left_out, all_topics in steps:
            wishes = _asked(step, all_topics, controls.tones)
            views = self._views(session, wishes)
            if _satisfies(views, plan, strict=all_topics):
                return views, left_out, step, wishes
        wishes = _asked(wish, False, controls.tones)  # no loosening helps: stay with what was said
        return self._views(session, wishes), [], wish, wishes

    def _views(self, session: Session, wishes: tuple[Wish, ...]) -> dict[str, View]:
        return self.tries.only(map(Sid.parse, session.scalars(queries.matching_sids(*wishes))))

    def _home(self, wording: Wording, liked, history, titled, plan: Plan) -> tuple[str, ...]:
        """Languages when none was named: the message's, and those of what the visitor liked or heard."""
        if plan.values("by"):
            return ()  # somebody's works are wanted, in whatever language
        return tuple({wording.language, *(item.language for item in (*liked, *history, *titled))})

    def items(
        self, session: Session, names: tuple[str, ...], wording: Wording, notices: list[str]
    ) -> list[CatalogItem]:
        """The items that names mean; `notices` hears of those that mean none."""
        found = []
        for name in names:
            matches = self.names.titles.find(name, limit=1)
            if matches:
                row = session.scalars(queries.items_by_id([matches[0].item_id])).unique().one()
                found.append(CatalogItem.of(row))
            else:
                notices.append(wording.notice("unknown_title", name=name))
        return found

    def _makers(self, names: tuple[str, ...], wording: Wording, notices: list[str]) -> tuple[int, ...]:
        found: list[int] = []
        for name in names:
            matches = self.names.makers.find(name)
            found += [match.maker_id for match in matches]
            if not matches:
                notices.append(wording.notice("unknown_maker", name=name))
        return tuple(found)


def _label(kind: str, name: str, wording: Wording) -> str:
    if kind == "length":
        return wording.length(name)
    return wording.notice(name) if kind == "familiarity" else wording.label(f"{kind}s", name)


def _shortest(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _less(plan: Plan, left_out: list[tuple[str, str]]) -> Plan:
    """The plan without the wishes that were left out."""
    terms = tuple(term for term in plan.terms if not (term.wanted and (term.field, term.value) in left_out))
    familiarity = None if ("familiarity", "familiar") in left_out else plan.familiarity
    return replace(plan, terms=terms, familiarity=familiarity)


def _asked(wish: Wish, all_topics: bool, must: tuple[str, ...]) -> tuple[Wish, ...]:
    """The wishes that an item has to satisfy, each of them: one a topic, if it must have all."""
    wishes = tuple(replace(wish, topics=(topic,)) for topic in wish.topics) if all_topics else (wish,)
    return (*wishes, Wish(tones=must)) if must else wishes


def _satisfies(views: dict[str, View], plan: Plan, strict: bool) -> bool:
    """Whether every wanted type has something left; a strict step must leave as many as asked for."""
    left = {type_: len(view) for type_, view in views.items()}
    left[ANY] = sum(left.values())
    return all(left.get(type_, 0) >= (count if strict else 1) for type_, count in plan.types)


def chips(plan: Plan, wording: Wording) -> tuple[str, ...]:
    """A plan in words, piece by piece, for people to read."""
    notices, out = wording.notices, []
    for type_, count in plan.types:
        out.append(f"{count} × {notices['any'] if type_ == ANY else wording.noun(type_, count)}")
    out += [wording.phrases["languages"].get(code, [code])[0] for code in plan.languages]
    out += [notices[plan.familiarity]] if plan.familiarity else []
    out += [notices["ids"]] if plan.ids_only else []
    out += [f"#{ref}" for ref in plan.refs]
    for term in plan.terms:
        lead = "" if term.wanted else f"{notices['not']} "
        if term.field in CONTROLLED:
            out.append(lead + _label(term.field, term.value, wording))
        else:
            verb = {"like": notices["like"] + " ", "by": notices["by"] + " ", "title": ""}[term.field]
            out.append(f"{lead}{verb}“{term.value}”")
    return tuple(out)
