"""Parts of a reply as HTML: words, cards, plan chips and notices, in the order in which they arrived.

Every string of a catalog, a model or a visitor passes through `escaped`, so what this module returns holds only markup
written here. That is what lets the page show it without a sanitizer, which would strip covers and data attributes.
The HTML is one line: a chat that reads Markdown then takes it as one HTML block and looks for nothing inside.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape

from neo.chat.covers import cover_svg
from neo.chat.parts import Card, Done, Notice, Part, Understood, Words
from neo.chat.words import words
from neo.items import CatalogItem
from neo.wording import LANGUAGES, Wording

OTHERS = 3  # how many of the other beams a card names
_LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_NEVER_SHOWN = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Labels:
    """Names for people, and what stands around them: of item types, languages, topics, formats and tones in one
    language. What is missing shows as it is."""

    types: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    tones: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=lambda: words("en")["page"])
    hood: Mapping = field(default_factory=lambda: words("en")["hood"])

    def spoken(self, language: str) -> "Labels":
        """The same in another language, as far as it has names; English is what a catalog itself has."""
        if language == "en" or language not in LANGUAGES:
            return self
        phrases = Wording.load(language).phrases

        def first(kind: str) -> dict[str, str]:
            return {name: said[0] for name, said in phrases[kind].items()}

        types = {name: capital(phrases["types"][name]["one"][0]) for name in self.types if name in phrases["types"]}
        return replace(
            self,
            types={**self.types, **types},
            languages={**self.languages, **{code: capital(name) for code, name in first("languages").items()}},
            topics={name: _ARTICLE.sub("", said) for name, said in first("topics").items()},
            formats=first("formats"),
            tones=first("tones"),
            says=words(language)["page"],
            hood=words(language)["hood"],
        )


_ARTICLE = re.compile(r"^(?:l'|(?:le|la|les|der|die|das) )")
"""In front of a topic in a sentence; on a card it stands alone."""


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def escaped(text: str) -> str:
    """`text` for an element's content or a quoted attribute, without control characters."""
    return escape(_NEVER_SHOWN.sub("", text), quote=True)


def lines_html(text: str) -> str:
    """`text` with its line breaks, on one line of HTML."""
    return _LINE_ENDS.sub("<br>", escaped(text))


def line_html(text: str) -> str:
    """`text` on one line, whatever breaks it has: for attributes and titles."""
    return " ".join(escaped(_LINE_ENDS.sub(" ", text)).split())


def duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


def year_words(year: int) -> str:
    return str(year) if year >= 0 else f"{-year} BCE"


def _facts(item: CatalogItem, labels: Labels) -> Iterable[str]:
    """The small print: language, year, length, format; what is unknown is left out."""
    yield labels.languages.get(item.language, item.language)
    if item.year is not None:
        yield year_words(item.year)
    if item.minutes:
        yield duration(item.minutes)
    if item.format:
        yield labels.formats.get(item.format, item.format)


def _others_html(card: Card, label: str) -> str:
    others = card.alternatives[:OTHERS]
    if not others:
        return ""
    rows = "".join(
        f"<li>{line_html(item.title)}{f' · {line_html(item.makers[0])}' if item.makers else ''}</li>"
        for item, _ in others
    )
    return f'<details class="neo-others"><summary>{label}</summary><ul>{rows}</ul></details>'


ACTIONS = ("why", "more", "refuse", "save")
TOGGLES = ("refuse", "save")


def _actions_html(item: CatalogItem, actions: Mapping[str, str] | None) -> str:
    """Buttons; a page listens for their `data-do`. The two that can be taken back are toggles."""
    if not actions:
        return ""
    toggle = ' aria-pressed="false"'
    buttons = "".join(
        f'<button type="button" data-do="{name}" data-key="{line_html(item.key)}"'
        f' aria-label="{line_html(actions[name])}: {line_html(item.title)}"'
        f"{toggle if name in TOGGLES else ''}>{line_html(actions[name])}</button>"
        for name in ACTIONS
    )
    return f'<div class="neo-actions">{buttons}</div>'


def _title_html(card: Card) -> str:
    title = line_html(card.item.title)
    if not card.address:
        return title
    return f'<a href="{line_html(card.address)}" target="_blank" rel="noopener noreferrer nofollow">{title}</a>'


def card_html(card: Card, labels: Labels = Labels(), actions: Mapping[str, str] | None = None) -> str:
    """An item as a card. Its SID, type and key are data attributes; `actions` are the words on its buttons."""
    item = card.item
    type_label = labels.types.get(item.type, item.type)
    facts = "".join(f"<li>{line_html(fact)}</li>" for fact in _facts(item, labels) if fact)
    topics = "".join(f"<li>{line_html(labels.topics.get(topic, topic))}</li>" for topic in item.topics)
    makers = f'<p class="neo-makers">{line_html(", ".join(item.makers))}</p>' if item.makers else ""
    return (
        f'<article class="neo-card" data-sid="{line_html(str(item.sid) if item.sid else "")}"'
        f' data-type="{line_html(item.type)}" data-key="{line_html(item.key)}"'
        f' aria-label="{card.position}. {line_html(item.title)}, {line_html(type_label)}">'
        f'<div class="neo-art">{cover_svg(item.key, item.type)}<span class="neo-number">{card.position}</span></div>'
        f'<div class="neo-body"><p class="neo-kind">{line_html(type_label)}</p>'
        f'<h3 class="neo-title">{_title_html(card)}</h3>{makers}'
        f'<ul class="neo-facts" aria-label="{labels.says["facts"]}">{facts}</ul>'
        + (f'<p class="neo-description">{lines_html(item.description)}</p>' if item.description else "")
        + (f'<ul class="neo-topics" aria-label="{labels.says["topics"]}">{topics}</ul>' if topics else "")
        + f"{_others_html(card, labels.says['others'])}{_actions_html(item, actions)}</div></article>"
    )


def plan_html(understood: Understood, label: str) -> str:
    """The plan as chips, or nothing for a plan that needs no words."""
    chips = "".join(f"<li>{line_html(chip)}</li>" for chip in understood.chips)
    return f'<ul class="neo-plan" aria-label="{label}">{chips}</ul>' if chips else ""


def notice_html(notice: Notice) -> str:
    return f'<p class="neo-notice" role="note">{lines_html(notice.text)}</p>'


def message_html(message: str) -> str:
    """What a visitor said. Escaped like everything else: Markdown and tags in it are shown, not followed."""
    return f'<div class="neo-said">{lines_html(message)}</div>'


class ReplyHtml:
    """One reply as one HTML string that grows with every part."""

    def __init__(self, labels: Labels = Labels(), actions: Mapping[str, str] | None = None):
        self._labels, self._actions = labels, actions or {}
        self._plan = ""
        self._blocks: list[str] = []
        self._words = ""
        self._ended: str | None = None

    @classmethod
    def of(
        cls, parts: Iterable[Part], labels: Labels = Labels(), actions: Mapping[str, str] | None = None
    ) -> "ReplyHtml":
        reply = cls(labels, actions)
        for part in parts:
            reply.add(part)
        return reply

    def add(self, part: Part) -> None:
        match part:
            case Understood():
                self._plan = plan_html(part, self._labels.says["understood"])
            case Words():
                self._words += part.text
            case Card():
                # The card wears its number, so the "2." that led to it would be said twice.
                self._words = re.sub(rf"(^|\s){part.position}[.)]\s*$", r"\1", self._words)
                self._close_words()
                self._blocks.append(card_html(part, self._labels, self._actions))
            case Notice():
                self._close_words()
                self._blocks.append(notice_html(part))
            case Done():
                self.end("done")

    def end(self, state: str) -> None:
        """Nothing more will come. `state` is "done" or "stopped"; the first end counts."""
        self._ended = self._ended or state

    def html(self, plan: str | None = None, foot: str = "") -> str:
        """The reply so far. `data-state` is waiting, live, stopped or done. `plan` stands in place of the chips."""
        body = "".join(self._blocks) + _words_html(self._words)
        state = self._ended or ("live" if body or self._plan else "waiting")
        if state == "waiting":
            thinking = self._labels.says["thinking"]
            body = f'<p class="neo-waiting"><span class="neo-hidden">{thinking}</span><i></i><i></i><i></i></p>'
        elif state == "stopped":
            body += f'<p class="neo-stopped">{self._labels.says["stopped"]}</p>'
        return f'<div class="neo-reply" data-state="{state}">{self._plan if plan is None else plan}{body}{foot}</div>'

    def _close_words(self) -> None:
        self._blocks.append(_words_html(self._words))
        self._words = ""


def _words_html(text: str) -> str:
    return f'<div class="neo-words">{lines_html(text.strip())}</div>' if text.strip() else ""
