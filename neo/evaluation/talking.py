"""explain, dialogue, language, talk: is what the model says true, does it follow a conversation, in whose language, and
what does it say where nothing is asked for?"""

import re
from collections.abc import Mapping
from dataclasses import replace

from rapidfuzz import fuzz

from neo.chat.parts import Controls, Conversation
from neo.evaluation.bench import Bench, Served
from neo.evaluation.metrics import share
from neo.evaluation.steering import GROUPS, SHORT, _small, terms_of
from neo.items import CatalogItem
from neo.plan import Plan
from neo.training.requests import Asked
from neo.wording import LANGUAGES, Wording, render, slots

SHORTEST_NAME = 8  # letters; shorter titles are words like any other
TURNS = (3, 4, 5)
HEARD_BEFORE = {  # language -> how its replies say that the visitor has a history
    "en": r"\byour (history|list|listening|past|earlier)\b|\ba listen\b"
    r"|\b(listened|heard|played|usually play|already met)\b",
    "es": r"escuchaste|escuchado|sueles escuchar|lo que escuchas|historial",
    "fr": r"écouté|écoutes\b",
    "de": r"\bhast\b.*\bgehört\b|Verlauf|sonst hörst|für dich weitergehen",
    "pt": r"\bouviu\b|seu histórico",
    "it": r"ascoltat|ascolti\b",
}


def explain(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Replies and explanations whose words name a title, maker or topic that neither facts nor visitor gave; and, in
    every language, replies to somebody without a history that speak of one, and of held-out listeners who ask the
    same those that name something of theirs."""
    composer = bench.composer(13, ("en",))
    found: dict[str, list[bool]] = {"titles": [], "makers": [], "topics": []}
    pretended: dict[str, list[bool]] = {group: [] for group in GROUPS}
    told: dict[str, list[bool]] = {group: [] for group in GROUPS}
    wording = Wording.load("en")
    while len(found["titles"]) < queries:
        first = bench.serve(_small(composer)[0].text)
        turns = [first]
        if first.items:
            turns.append(bench.serve("Why the first one?", first.conversation))
        for turn in turns:
            for kind, wrong in unsupported(bench, turn, first, wording).items():
                found[kind].append(bool(wrong))
            progress()
    for seed, (group, languages) in enumerate(GROUPS.items()):
        composer = bench.composer(400 + seed, languages)
        for _ in range(queries):
            text = _small(composer)[0].text
            pretended[group].append(speaks_of_a_history(bench.serve(text)))
            heard = tuple(bench.shelf.items[index] for index in composer.next_listener())
            told[group].append(names_one(bench.serve(text, controls=Controls(history=heard)), heard))
            progress()
    return {
        **{f"replies with unsupported {kind}": share(values) for kind, values in found.items()},
        **{f"a history where there is none, {group}": share(values) for group, values in pretended.items()},
        **{f"the history named where there is one, {group}": share(values) for group, values in told.items()},
    }


def speaks_of_a_history(turn: Served) -> bool:
    """Whether the words of a reply say that the visitor has heard something before."""
    words = turn.words
    for item in turn.items:
        words = words.replace(item.title, " ").replace(item.description or item.title, " ")
    return re.search(HEARD_BEFORE[turn.language], words, re.IGNORECASE) is not None


def names_one(turn: Served, heard: tuple[CatalogItem, ...]) -> bool:
    """Whether the words of a reply name an item of the history."""
    return any(re.search(rf"(?<!\w){re.escape(item.title)}(?!\w)", turn.words) for item in heard)


def unsupported(bench: Bench, turn: Served, first: Served, wording: Wording) -> dict[str, set[str]]:
    """Names in a turn's words that stand in no fact of the items in sight and in nothing the visitor said."""
    named = [*first.items, *turn.items]
    for plan in filter(None, (first.plan, turn.plan)):
        for value in plan.values("like") + plan.values("title"):
            if match := bench.assistant.steering.names.titles.find(value, limit=1):
                named += [item for item in bench.shelf.items if item.id == match[0].item_id]
    support = " ".join([first.message, turn.message, *(_support(item, wording) for item in named)]).casefold()
    words = turn.words
    for item in named:  # a title or a description may hold other names
        words = words.replace(item.title, " ").replace(item.description, " ")
    items = bench.shelf.items
    return {
        "titles": _missing({item.title for item in items if len(item.title) >= SHORTEST_NAME}, words, support),
        "makers": _missing({maker for item in items for maker in item.makers if " " in maker}, words, support),
        "topics": _missing({wording.label("topics", t) for item in items for t in item.topics}, words, support),
    }


def _support(item: CatalogItem, wording: Wording) -> str:
    return f"{wording.facts(item)} {item.description}"


def _missing(names: set[str], words: str, support: str) -> set[str]:
    return {
        name
        for name in names
        if name in words and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) and name.casefold() not in support
    }


def dialogue(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Follow-ups of composed conversations of three to five turns whose plan says what was meant."""
    composer = bench.composer(17, ("en",))
    wording = Wording.load("en")
    kinds: dict[str, list[bool]] = {}
    for _ in range(queries):
        if sum(map(len, kinds.values())) >= queries:
            break
        turn = bench.serve(_small(composer)[0].text, words=SHORT)
        progress()
        for _ in range(composer.draw.pick(TURNS) - 1):
            if len(turn.conversation.slate) < 2:
                break
            kind, text, right = _follow_up(bench, composer, turn.conversation, wording)
            turn = bench.serve(text, turn.conversation, words=SHORT)
            kinds.setdefault(kind, []).append(turn.plan is not None and right(turn))
            progress()
    everything = [value for values in kinds.values() for value in values]
    return {"resolved": share(everything), **{kind: share(values) for kind, values in sorted(kinds.items())}}


def _follow_up(bench: Bench, composer, conversation: Conversation, wording: Wording):
    """(kind, message, whether a reply's plan means it) of a turn that follows on the slate of `conversation`."""
    slate = [bench.by_sid[item.sid] for item in conversation.slate][:5]
    kind = composer.draw.pick(("refine", "refine", "refine", "why", "describe", "compare", "thanks"))
    if kind == "thanks":
        return kind, composer.draw.pick(THANKS), lambda turn: turn.plan.act == "talk"
    if kind != "refine":
        entries = [e for e in wording.requests("heldout")[kind] if "ref" in slots(e) and "title" not in slots(e)]
        entry = composer.draw.pick(entries)
        ref, first = composer.ref(wording, slate)
        ref2, second = composer.ref(wording, slate, not_=first)
        refs = {first + 1, second + 1} if kind == "compare" else {first + 1}
        return kind, render(entry, ref=ref, ref2=ref2), lambda turn: (turn.plan.act, {*turn.plan.refs}) == (kind, refs)
    before = next(turn.plan for turn in reversed(conversation.turns) if turn.items)
    follow = composer.follow(Asked("", replace(before, ids_only=False), slate[0]), slate, wording)
    new = {(t.field, t.value.casefold(), t.wanted) for t in follow.plan.terms if t not in before.terms}

    def meant(turn: Served) -> bool:
        plan = turn.plan
        return (
            plan.act == "recommend"
            and _as_many(turn, follow.plan, wording)
            and plan.refs == follow.plan.refs
            and plan.languages == follow.plan.languages
            and new <= terms_of(plan)
        )

    return kind, follow.text, meant


def _as_many(turn: Served, meant: Plan, wording: Wording) -> bool:
    """Whether a reply is of the types and counts that were meant, or of as many as it says the catalog has."""
    if wording.notice("few", number=str(turn.plan.count)) in turn.notices:
        return all(count <= dict(meant.types).get(type_, 0) for type_, count in turn.plan.types)
    return sorted(turn.plan.types) == sorted(meant.types)


THANKS = ("Thanks a lot!", "great, thank you", "Cheers, that will do.", "thank you very much")


def language(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Replies whose words are in the language of the message, as langdetect sees them with the titles taken out."""
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0
    out = {}
    for seed, code in enumerate(LANGUAGES):
        composer, right = bench.composer(100 + seed, (code,)), []
        for _ in range(queries // len(LANGUAGES)):
            served = bench.serve(_small(composer)[0].text)
            progress()
            words = served.words
            for item in served.items:
                for name in (item.title, *item.makers):
                    words = words.replace(name, " ")
            try:
                likely = [guess.lang for guess in detect_langs(words) if guess.lang in LANGUAGES]
            except LangDetectException:
                continue  # no words to judge
            right.append(likely[:1] == [code])
        out[code] = share(right)
    return out


def talk(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Small talk in held-out words: is it taken for that, does the reply suit the situation, is it said letter for
    letter as it was learned, and does it bring nothing to hear?"""
    out = {}
    for seed, (group, languages) in enumerate(GROUPS.items()):
        found: dict[str, list[bool]] = {"act": [], "situation": [], "letter for letter": [], "without items": []}
        wordings = map(Wording.load, languages)
        entries = [(wording, entry) for wording in wordings for entry in wording.requests("heldout")["talk"]]
        bench.composer(300 + seed).draw.rng.shuffle(entries)
        for wording, entry in entries[: queries // len(GROUPS)]:
            served = bench.serve(entry["say"])
            replies, words = wording.replies["talk"], served.words.strip()
            act = served.plan is not None and served.plan.act == "talk"
            found["act"].append(act)
            found["situation"].append(act and situation_of(words, replies) == entry["reply"])
            found["letter for letter"].append(any(words in known for known in replies.values()))
            found["without items"].append(not served.items)
            progress()
        out[group] = {name: share(values) for name, values in found.items()}
    return out


def situation_of(words: str, replies: Mapping[str, list[str]]) -> str:
    """The situation that has the reply most like `words`."""
    return max(replies, key=lambda situation: max(fuzz.ratio(words, known) for known in replies[situation]))
