"""What the page's events do, for one assistant. What a visitor has comes in and goes out; nothing is kept here."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import monotonic

import gradio as gr
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from catalog.errors import CatalogError
from neo.chat import feedback
from neo.chat.cards import Labels
from neo.chat.chips import changed, removed
from neo.chat.controls import controls_of, heard_language, offered
from neo.chat.inspector import inspection_html
from neo.chat.limits import Rate
from neo.chat.log import log_reply
from neo.chat.parts import Controls, Notice, Words
from neo.chat.shelf import Shelf, exported, marks_html, shelf_html
from neo.chat.sid_map import SidMap
from neo.chat.taste import OWN, Taste, found_html, found_words, taste_html, titles_csv
from neo.chat.tour import SCENES
from neo.chat.transcript import as_markdown
from neo.chat.uploads import titles_in
from neo.chat.visit import (
    Answering,
    Exchange,
    Rating,
    Tools,
    Visit,
    answered,
    as_dict,
    card_of,
    messages,
    reply_html,
    said,
    waits,
)
from neo.chat.words import spoken, words
from neo.items import CatalogItem
from neo.plan import Plan, Term
from neo.sids.vocabulary import MOST

BUSY = "A reply is still being written. Press Stop to cut it short."
SHOWN_EVERY = 0.1  # seconds; words that follow each other faster are shown together, as every showing costs the browser
TOO_FAST = "That was quick. This page gives {most} replies in {seconds:.0f} seconds; try again in {wait:.0f} s."


@dataclass(frozen=True)
class Handlers:
    assistant: Answering
    labels: Labels
    tools: Tools = Tools()
    kept: Database | None = None
    """Where ratings go."""
    rate: Rate | None = None
    listeners: tuple[tuple[str, str, bool], ...] = ()
    """(name, about, simulated) of those whom a visitor may listen as."""

    def inside(self, visit: Visit, labels: Labels) -> str:
        """The latest reply taken apart. Maps of the SID space are drawn when the first trace asks for them."""
        latest = visit[-1] if visit else None
        return inspection_html(latest, labels, self._maps if latest and latest.trace else {})

    @cached_property
    def _maps(self) -> dict[str, SidMap]:
        return {type_: SidMap(*space) for type_, space in self.assistant.sid_space().items()}

    # --- the conversation ------------------------------------------------------------------------------------------

    def view(self, visit: Visit, shelf: Shelf) -> tuple:
        """The visit, its messages, which of Stop, Retry and Undo can be pressed, and what else shows of a visit."""
        labels = self.labels.spoken(shelf.language)
        busy = waits(visit)
        buttons = (gr.Button(interactive=on) for on in (busy, bool(visit) and not busy, bool(visit) and not busy))
        return (
            visit,
            messages(visit, self.labels, self.tools),
            *buttons,
            shelf_html(shelf, visit, labels),
            self.inside(visit, labels),
            gr.Dropdown(info=heard_language(visit, labels)),
        )

    def view_only(self, visit: Visit, shelf: Shelf) -> tuple:
        """The view without the visit, which somebody may have gone on with since: they must not be undone."""
        return self.view(visit, shelf)[1:]

    def say(self, message: str, visit: Visit, shelf: Shelf) -> tuple:
        if not message.strip():
            return gr.skip(), *self.view(visit, shelf)
        if self._busy(visit):
            return gr.skip(), *self.view(visit, shelf)
        return "", *self.view(said(visit, message.strip()), shelf)

    def say_example(self, visit: Visit, shelf: Shelf, event: gr.SelectData) -> tuple:
        return self.say(event.value["text"], visit, shelf)[1:]

    def answer(
        self, visit: Visit, inspect: bool, taste: Taste, shelf: Shelf, types: list[str], language: str, speak: str,
        count: int, minutes: int | None, familiarity: str, tones: list[str], unheard: bool, clean: bool, recent: bool,
        request: gr.Request,
    ) -> Iterator[tuple]:  # fmt: skip
        """The reply as it grows; what is to be said next is said and answered too."""
        controls = controls_of(
            taste, shelf, types, language, speak, count, minutes, familiarity, tones, unheard, clean, recent
        )
        if visit and visit[-1].scene:  # a scene shows what it is made to show, whatever is set beside the chat
            controls = Controls(spoken=shelf.language)
        while waits(visit) and not visit[-1].begun:
            *earlier, asked = visit
            shown, at = messages(visit, self.labels, self.tools), len(earlier)
            for exchange in self._replies(asked, controls, inspect, request):
                html = reply_html(exchange, self.labels, self.tools, at)
                shown = [*shown[:-1], {"role": "assistant", "content": html}]
                visit = (*earlier, exchange)
                yield visit, shown
            if exchange.then:
                visit = said(visit, exchange.then[0], then=exchange.then[1:], scene=exchange.scene)
                yield visit, messages(visit, self.labels, self.tools)

    def _replies(self, asked: Exchange, controls: Controls, inspect: bool, request: gr.Request) -> Iterator[Exchange]:
        """The exchange as it grows, or at once the refusal of somebody who asks too often."""
        wait = self.rate.wait(request.client.host) if self.rate and request.client else 0
        if wait:
            text = TOO_FAST.format(most=self.rate.most, seconds=self.rate.seconds, wait=wait + 0.5)
            yield replace(asked, parts=(Notice(text),), then=(), begun=True, ended="done")
        else:
            exchange, shown = asked, 0.0
            try:
                for exchange in answered(self.assistant, asked, controls, inspect):
                    more_words = not exchange.ended and isinstance(exchange.parts[-1], Words)
                    if not more_words or monotonic() - shown >= SHOWN_EVERY:
                        shown = monotonic()
                        yield exchange
            finally:  # also of a reply that was cut short
                log_reply(exchange)

    def retry(self, visit: Visit, shelf: Shelf) -> tuple:
        return self.view((*visit[:-1], visit[-1].afresh()) if visit and not waits(visit) else visit, shelf)

    def stop(self, visit: Visit, shelf: Shelf) -> tuple:
        return self.view((*visit[:-1], visit[-1].stopped()) if visit else visit, shelf)

    def undo(self, visit: Visit, shelf: Shelf, draft: str) -> tuple:
        """Takes the last exchange back; its message returns to the box unless another one is being written there."""
        if not visit or waits(visit):
            return draft, *self.view(visit, shelf)
        return draft if draft.strip() else visit[-1].message, *self.view(visit[:-1], shelf)

    def clear(self, shelf: Shelf) -> tuple:
        return "", *self.view((), shelf)

    def _busy(self, visit: Visit) -> bool:
        if waits(visit):
            gr.Info(BUSY, duration=4)
        return waits(visit)

    # --- buttons on messages ---------------------------------------------------------------------------------------

    def act(self, visit: Visit, shelf: Shelf, draft: str, event: gr.EventData) -> tuple:
        """A button or list on a message. What it says came from a browser: what makes no sense does nothing."""
        if self._busy(visit):
            return draft, *self.view(visit, shelf)
        asked = event._data or {}
        do, at = asked.get("do"), str(asked.get("at", ""))
        place, value, key = (str(asked.get(name, "")) for name in ("place", "value", "key"))
        exchange = visit[int(at)] if at.isdigit() and int(at) < len(visit) else None
        if do in ("why", "more") and (item := card_of(visit, key)):
            visit = self._asked_about(visit, item, do)
        elif do in ("chip", "unchip") and visit and (understood := visit[-1].understood):
            plan = understood.plan
            plan = removed(plan, place) if do == "unchip" else changed(plan, place, value, self.tools.menu)
            visit = visit if plan == understood.plan else (*visit[:-1], visit[-1].afresh(plan))
        elif do == "edit" and exchange:
            draft, visit = exchange.message, visit[: int(at)]
        elif do in ("rate", "reason") and exchange and self.kept:
            visit = (*visit[: int(at)], self._rated(exchange, do, value), *visit[int(at) + 1 :])
        elif do == "scene" and (scene := SCENES.get(value)):
            visit = said((), scene.messages[0], then=scene.messages[1:], scene=True)
        return draft, *self.view(visit, shelf)

    def _asked_about(self, visit: Visit, item: CatalogItem, do: str) -> Visit:
        """What a card's button says in the visitor's place, with the plan that it means."""
        language, slate = visit[-1].spoken, visit[-1].after.slate
        if do == "more":
            plan = Plan("recommend", ((item.type, 3),), terms=(Term("like", item.title),))
        elif item in slate[:MOST]:
            plan = Plan("why", refs=(slate.index(item) + 1,))
        else:
            plan = Plan("why", terms=(Term("title", item.title),))
        message = words(language)["ask"][do].format(title=item.title)
        return said(visit, message, plan=plan, language=language)

    def _rated(self, exchange: Exchange, do: str, value: str) -> Exchange:
        liked = value == "like" if do == "rate" else False
        reason = value if do == "reason" else None
        with Session(self.kept) as session:
            row = feedback.rate(session, exchange, liked, reason)
            session.commit()
        return replace(exchange, rating=Rating(row, liked, reason))

    # --- shelf and transcript --------------------------------------------------------------------------------------

    def shelve(self, visit: Visit, shelf: Shelf, event: gr.EventData) -> tuple:
        """Save and Not for me; both can be taken back."""
        asked = event._data or {}
        key = str(asked.get("key", ""))
        item = card_of(visit, key) or shelf.find(key)
        if item:
            shelf = shelf.refuse(item) if asked.get("do") == "refuse" else shelf.save(item)
        return shelf, shelf_html(shelf, visit, self.labels.spoken(shelf.language)), marks_html(shelf)

    def export(self, shelf: Shelf, visit: Visit, format_: str) -> str:
        shown = (*shelf.saved, *(card.item for exchange in visit for card in exchange.cards))
        return exported(shelf, visit, format_, self.assistant.addresses(shown))

    def markdown(self, visit: Visit) -> str:
        return as_markdown((exchange.message, exchange.parts) for exchange in visit)

    # --- who is listening ------------------------------------------------------------------------------------------

    def choose(self, name: str, taste: Taste, request: gr.Request) -> tuple:
        if name == OWN:
            taste = replace(taste, listener=OWN) if taste.own else Taste(OWN)
        else:
            taste = Taste(name, self.assistant.history(name)) if name else Taste()
        return taste, self.taste_view(taste, request)

    def _asked_for(self, request: gr.Request) -> Labels:
        """Labels in the language of the browser."""
        return self.labels.spoken(spoken(request.headers.get("accept-language")))

    def taste_view(self, taste: Taste, request: gr.Request) -> str:
        return taste_html(taste, list(self.listeners), self._asked_for(request))

    def search(self, text: str, request: gr.Request) -> str:
        found = self.assistant.titles(text.strip()) if text.strip() else ()
        return found_html(found, text, self._asked_for(request))

    def listen(self, taste: Taste, event: gr.EventData, request: gr.Request) -> tuple:
        """A title added to the history or taken out of it."""
        asked = event._data or {}
        key = str(asked.get("key", ""))
        taste = taste.forgot(key) if asked.get("do") == "forget" else taste.heard(self.assistant.items([key]))
        return taste, self.taste_view(taste, request), taste.listener or ""

    def keep(self, taste: Taste) -> str:
        return titles_csv(taste)

    def upload(self, path: str, taste: Taste, request: gr.Request) -> tuple:
        """The titles of a file that the catalog knows, as history of this visit."""
        try:
            titles = titles_in(path)
        except CatalogError as error:
            gr.Warning(str(error), duration=8)
            return taste, self.taste_view(taste, request), taste.listener or ""
        finally:
            Path(path).unlink(missing_ok=True)  # what is in it is this visit's and nobody else's
        found = {title: self.assistant.called([title]) for title in titles}
        gr.Info(found_words(found), duration=10)
        taste = taste.heard(item for items in found.values() for item in items)
        return taste, self.taste_view(taste, request), taste.listener or ""

    # --- beginning, and programs -----------------------------------------------------------------------------------

    def greet(self, request: gr.Request) -> tuple:
        """What the page says itself beside its fixed words, in the browser's language: an empty shelf, nothing to take
        apart, nobody's history, example prompts, and the names of what can be chosen."""
        shelf = Shelf(language=spoken(request.headers.get("accept-language")))
        labels = self.labels.spoken(shelf.language)
        examples = gr.Chatbot(examples=[{"text": text} for text in words(shelf.language)["examples"]])
        types, *others = offered(labels, self.tools.menu, self.listeners).values()
        chosen = (gr.CheckboxGroup(choices=types), *(gr.Dropdown(choices=names) for names in others))
        said_itself = (shelf_html(shelf, (), labels), self.inside((), labels), self.taste_view(Taste(), request))
        return shelf, *said_itself, examples, *chosen

    def chat(
        self, message: str, types: list[str], language: str, listener: str, minutes: int | None, visit: Visit,
        request: gr.Request,
    ) -> Iterator[tuple]:  # fmt: skip
        """For programs: the reply as JSON that grows. Calls of one client continue one conversation."""
        visit = said(visit, message)
        listener = None if listener == OWN else listener or None
        controls = Controls(tuple(types or ()), language or None, listener, minutes=minutes or None)
        for exchange in self._replies(visit[-1], controls, False, request):
            yield as_dict(exchange), (*visit[:-1], exchange)
