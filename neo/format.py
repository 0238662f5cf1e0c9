"""The conversation format: one function turns a conversation into token ids, a loss mask and soft vectors.

    <|im_start|>user
    <|listener|> (vector, spans of the history) <|message|> (vector) words
    <|hint|> recommend type:show topic " history"<|/hint|><|im_end|>
    <|im_start|>assistant
    <|plan|> recommend type:show x2 topic " history"<|/plan|> <|facts|>..<|/facts|>
    words span <|facts|>..<|/facts|> words<|im_end|>

Training, serving and tests all go through `Format`. It knows tokens, not models, SQL or templates.
"""

import re
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from neo.errors import PlanInvalid
from neo.plan import ANY, CONTROLLED, Hint, Plan, Term
from neo.sids.sid import Sid
from neo.sids.vocabulary import ACTS, FAMILIARITIES, FIELDS, Vocabulary

HISTORY = 6  # spans of the latest listens that a prompt carries; the listener's vector carries all


@dataclass(frozen=True)
class Message:
    """What a visitor said. `vector` is the encoder's view of it; `listener` that of the history, if there is one, and
    behind it the features of what was heard."""

    text: str
    vector: np.ndarray
    history: tuple[Sid, ...] = ()
    listener: np.ndarray | None = None
    liked: np.ndarray | None = None
    """The mean vector of items that the visitor names as liked; known once the plan is."""
    hint: Hint = Hint()
    spoken: bool = True
    """False leaves the words out and the vector alone speaks: the cheapest way to learn what vectors mean."""

    def taste(self) -> np.ndarray | None:
        """What the reply's spans know of the visitor: the history and the liked items, in equal parts."""
        known = [vector for vector in (self.listener, self.liked) if vector is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Facts:
    """What SQL says of items, as text; `sid` first when the item was named rather than chosen."""

    text: str
    sid: Sid | None = None


@dataclass(frozen=True)
class Reply:
    """A plan, then words (str), items (Sid) and facts in the order they stand.

    `learn` says what of it counts as the model's own: "all", "answer" (the plan was given), "plan" (the rest was given)
    or "nothing" (an earlier turn). An `open` reply is cut after its last part.
    """

    plan: Plan
    parts: tuple["str | Sid | Facts", ...] = ()
    learn: str = "all"
    open: bool = False


@dataclass(frozen=True)
class Rendered:
    """`ids` and `mask` are equally long; mask is True where the model must have written the token itself."""

    ids: list[int]
    mask: list[bool]
    vectors: list[tuple[int, np.ndarray]]
    """(position, vector) of every soft token."""
    spans: list[bool]
    """Where the openers and codes of the last reply's items stand: these positions carry the vectors below as well."""
    message: np.ndarray
    """The last message's vector."""
    listener: np.ndarray | None
    """The mean of the vectors of what was heard and what the visitor says they like, if there is any."""


def earlier(plan: Plan, slate: list[Sid], words: str = "", learn: str = "nothing") -> Reply:
    """A past reply as later prompts show it: plan and numbered spans, or its words if it held no items.

    What the words about items said is left out: a follow-up that needs an item's facts gets them anew.
    """
    if not slate:
        return Reply(plan, (words,), learn=learn)
    parts: list = []
    for position, sid in enumerate(slate):
        parts += [f"{position + 1}. ", sid, "\n"]
    return Reply(plan, tuple(parts), learn=learn)


def copied_values(plan: Plan) -> list[str]:
    """Titles and makers of a plan, as a later plan may copy them."""
    return [f" {term.value}" for term in plan.terms if term.field not in CONTROLLED]


class Format:
    """Renders with one tokenizer and one vocabulary."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary):
        self.tokenizer, self.vocabulary = tokenizer, vocabulary
        self.end = tokenizer.convert_tokens_to_ids("<|im_end|>")
        self._user = [tokenizer.convert_tokens_to_ids("<|im_start|>"), *self.words("user\n")]
        self._assistant = [self.end, *self.words("\n"), self._user[0], *self.words("assistant\n")]
        self._newline = self.words("\n")

    def words(self, text: str) -> list[int]:
        """Plain text to ids. Markers spelled out in the text stay text."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids

    def text(self, ids: list[int]) -> str:
        """The words among `ids`; new tokens are left out."""
        plain = [id_ for id_ in ids if id_ < self.vocabulary.base_size]
        return self.tokenizer.decode(plain, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def render(self, turns: list[Message | Reply]) -> Rendered:
        """A conversation. One that ends with a message also opens the assistant's turn, for the model to go on."""
        ids: list[int] = []
        mask: list[bool] = []
        spans: list[bool] = []
        vectors: list[tuple[int, np.ndarray]] = []
        message = listener = None

        def put(new: list[int], own: bool = False, span: bool = False) -> None:
            ids.extend(new)
            mask.extend([own] * len(new))
            spans.extend([span] * len(new))

        said: list[str] = []
        for turn in turns:
            if isinstance(turn, Message):
                said.append(turn.text)
                message, listener = turn.vector, turn.taste()
                put(self._user)
                put([self.vocabulary.id("listener")])
                if turn.listener is not None:
                    vectors.append((len(ids), turn.listener[: len(turn.vector)]))
                    put([self.vocabulary.id("listener-vector")])
                for sid in turn.history:
                    put(self.vocabulary.span(sid))
                put([self.vocabulary.id("message")])
                vectors.append((len(ids), turn.vector))
                put([self.vocabulary.id("message-vector")])
                if turn.spoken:
                    put(self.words(turn.text))
                    put(self._hint(turn))
                put(self._assistant)
                continue
            own = turn.learn in ("all", "answer")
            plan = self.plan(turn.plan, said, copied=turn.learn != "nothing")
            said += copied_values(turn.plan)
            put(plan[:1])
            put(plan[1:], own=turn.learn in ("all", "plan"))
            for part in turn.parts:
                if isinstance(part, str):
                    put(self.words(part), own)
                elif isinstance(part, Sid):
                    put(self.vocabulary.span(part)[:-1], own, span=own)
                    put(self.vocabulary.span(part)[-1:])
                else:
                    put(self.facts(part))
            if not turn.open:
                put([self.end], own)
                put(self._newline)
        return Rendered(ids, mask, vectors, spans, message, listener)

    def _hint(self, message: Message) -> list[int]:
        """The hint span of a message: its tokens are those of a plan, a "ref" without a position says that the message
        follows up on the turn before, a "not" in front that it refuses something. What it may speak of has a
        span of its own. Nothing for an empty hint."""
        hint, name = message.hint, self.vocabulary.id
        ids = [name(hint.act)] if hint.act else []
        ids += [name("not")] if hint.refuses else []
        ids += [self.vocabulary.opener(type_) for type_ in hint.types]
        ids += [name(f"x{count}") for count in hint.counts]
        ids += [name(f"lang:{code}") for code in hint.languages]
        ids += [name(hint.familiarity)] if hint.familiarity else []
        ids += [name("ids")] if hint.ids_only else []
        ids += [name("ref")] if hint.follows else []
        for ref in hint.refs:
            ids += [name("ref"), name(f"x{ref}")]
        ids += self._named(hint.terms, message.text)
        perhaps = self._named(hint.perhaps, message.text)
        return [id_ for span in (ids, perhaps) if span for id_ in (name("hint"), *span, name("/hint"))]

    def _named(self, terms: tuple[Term, ...], text: str) -> list[int]:
        """Terms of a hint: names as they stand in the text, and as no part of another word."""
        ids: list[int] = []
        for term in terms:
            ids += [self.vocabulary.id(term.field)]
            found = term.field not in CONTROLLED and re.search(rf"(?<!\w){re.escape(term.value)}(?!\w)", text)
            ids += self._covering(text, *found.span()) if found else self.words(" " + term.value)
        return ids

    def facts(self, facts: Facts) -> list[int]:
        span = self.vocabulary.span(facts.sid) if facts.sid else []
        return [self.vocabulary.id("facts"), *span, *self.words(facts.text), self.vocabulary.id("/facts")]

    def plan(self, plan: Plan, said: list[str], copied: bool = True) -> list[int]:
        """The plan span. Values that are not of a controlled vocabulary are copied from `said`, the visitor's messages.

        Raises PlanInvalid for a value that nobody said, unless such values may be spelled out (`copied` False): an
        earlier plan may hold what was said before the messages that a prompt still shows.
        """
        name = self.vocabulary.id
        ids = [name("plan"), name(plan.act)]
        for type_, count in plan.types:
            ids += ([] if type_ == ANY else [self.vocabulary.opener(type_)]) + [name(f"x{count}")]
        ids += [name(f"lang:{code}") for code in plan.languages]
        ids += [name(plan.familiarity)] if plan.familiarity else []
        ids += [name("ids")] if plan.ids_only else []
        for ref in plan.refs:
            ids += [name("ref"), name(f"x{ref}")]
        for term in sorted(plan.terms, key=lambda term: FIELDS.index(term.field)):
            ids += ([] if term.wanted else [name("not")]) + [name(term.field)]
            ids += self.words(" " + term.value) if term.field in CONTROLLED else self._copied(term.value, said, copied)
        return ids + [name("/plan")]

    def _copied(self, value: str, said: list[str], must: bool) -> list[int]:
        """The tokens of the latest message that cover `value`."""
        for text in reversed(said):
            lowered = text.lower()
            same = len(lowered) == len(text)  # some letters take more room in lower case
            start = lowered.rfind(value.lower()) if same else text.rfind(value)
            if start >= 0:
                return self._covering(text, start, start + len(value))
        if not must:
            return self.words(" " + value)
        raise PlanInvalid(f"{value!r} stands in no message: a plan can only name titles and makers that were said")

    def _covering(self, text: str, start: int, stop: int) -> list[int]:
        """The tokens of `text` that cover its letters from `start` to `stop`."""
        coded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        spelled = zip(coded.input_ids, coded.offset_mapping, strict=True)
        return [id_ for id_, (first, last) in spelled if first < stop and last > start]

    def parse_plan(self, ids: list[int]) -> Plan:
        """The plan of a span from `<|plan|>` to `<|/plan|>`, the inverse of `plan` up to the order of terms.

        Raises PlanInvalid where the span is not one.
        """
        names = [self.vocabulary.name(id_) for id_ in ids]
        if len(ids) < 3 or names[0] != "plan" or names[-1] != "/plan" or names[1] not in ACTS:
            raise PlanInvalid(f"{names} is not a plan: expected plan, an act, ..., /plan")
        types, languages, refs, terms = [], [], [], []
        familiarity, ids_only = None, False
        type_, at, wanted = ANY, 2, True
        while at < len(ids) - 1:
            token, name = ids[at], names[at]
            at += 1
            if (opened := self.vocabulary.opened_type(token)) is not None:
                type_ = opened
            elif name is not None and name[0] == "x" and name[1:].isdigit():
                types.append((type_, int(name[1:])))
                type_ = ANY
            elif name == "ref":
                refs.append(int(names[at][1:]))
                at += 1
            elif name == "not":
                wanted = False
            elif name in FAMILIARITIES:
                familiarity = name
            elif name == "ids":
                ids_only = True
            elif name is not None and name.startswith("lang:"):
                languages.append(name.removeprefix("lang:"))
            elif name in FIELDS:
                start = at
                while names[at] is None:
                    at += 1
                value = self.text(ids[start:at]).strip()
                terms.append(Term(name, value, wanted))
                wanted = True
            else:
                raise PlanInvalid(f"unexpected {name or token} in a plan at {at - 1}")
        return Plan(names[1], tuple(types), tuple(languages), familiarity, ids_only, tuple(refs), tuple(terms))
