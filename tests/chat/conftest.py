"""A scripted assistant: no model, the same parts every time, with catalog strings that try to break out of the page."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import create_engine

from neo.chat.parts import (
    Card,
    Controls,
    Conversation,
    Done,
    Notice,
    Part,
    Stretch,
    Token,
    Trace,
    Turn,
    Understood,
    Words,
)
from neo.chat.steering import chips
from neo.errors import NeoError
from neo.items import CatalogItem
from neo.plan import Plan, Term
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid
from neo.wording import Wording
from tests import tiny
from tests.chat.browser import ENDLESS, PATIENCE, picture

MARKER = '__i18n__{"key": "<img src=x onerror=window.hacked=1>"}'
"""The page puts a translation, or the key, in place of such where it is allowed to."""

SEA = CatalogItem(
    1, "audiobook:the-sea-around-us", "audiobook", "The Sea Around Us", ("Rachel Carson",), "en", 1951, 550, 4,
    ("sea", "nature", "science"), ("calm",), "nonfiction", "How the oceans came to be, and what moves in them.",
    Sid("audiobook", (3, 1, 4)),
)  # fmt: skip
SERIAL = replace(
    SEA, id=2, key="show:serial", type="show", title="Serial", makers=("Sarah Koenig",), year=2014, minutes=50,
    topics=("true crime", "law"), description="One story, week by week.", sid=Sid("show", (1, 2, 3)),
)  # fmt: skip
EVIL = replace(
    SEA, id=3, key='show:"><script>window.hacked=1</script>', type="show", title="<img src=x onerror=window.hacked=1>",
    makers=("**Bold** & <b>Sons</b>", MARKER), year=None, minutes=None, format="",
    topics=("[link](http://example.com)",),
    description="Line one\n\n# no heading\n<script>window.hacked=1</script> $$x^2$$ `code`", sid=None,
)  # fmt: skip

ITEMS = (SEA, SERIAL, EVIL)
PLAN = Plan("recommend", (("show", 1), ("audiobook", 1)), terms=(Term("topic", "sea"),))
TRACE = Trace(
    (Token("<script>x</script>", "word"), Token("message-vector", "vector")),
    (
        Stretch("plan", (Token("plan", "control"), Token("recommend", "control"), Token("/plan", "control"))),
        Stretch("said", (
            Token(" Two", "word"), Token("type:audiobook", "opener", "audiobook"), Token("3", "code", "audiobook", 0),
            Token("1", "code", "audiobook", 1), Token("4", "code", "audiobook", 2),
            Token("/type:audiobook", "closer", "audiobook"),
        )),
        Stretch("spliced", (Token("facts", "control"), Token("<b>", "word"))),
    ),
    (Token("plan", "control"), Token("talk", "control"), Token("/plan", "control")),
    ((7, 3, 1), (5, 2, 1)),
    (("show", 12, 40), ("audiobook", 9, 44)),
    (("languages", "en"), ("without_topics", "true crime"), ("without_items", "2")),
    (("encode", 12.0), ("plan", 310.5), ("filter", 8.1), ("words", 420.0),
     ("items", 150.2), ("facts", 3.0), ("page", 9.9)),
)  # fmt: skip


@dataclass
class Scripted:
    """Answers by what a message contains: "evil", "fail", "refuse", "slow", "count"; otherwise two items."""

    pause: float = 0.0
    closed: list[str] = field(default_factory=list)
    controls: list[Controls] = field(default_factory=list)
    plans: list[Plan | None] = field(default_factory=list)
    given: int = 0
    """Parts of all replies so far."""

    def reply(
        self,
        conversation: Conversation,
        message: str,
        controls: Controls = Controls(),
        plan: Plan | None = None,
        inspect: bool = False,
    ) -> Iterator[Part]:
        self.controls.append(controls)
        self.plans.append(plan)
        items, said = [], ""
        plan = plan or PLAN
        try:
            for part in self._script(conversation, message, plan):
                if isinstance(part, Card):
                    items.append(part.item)
                elif isinstance(part, Words):
                    said += part.text
                time.sleep(self.pause)
                self.given += 1
                yield part
            if inspect:
                yield TRACE
            turn = Turn(message, "en", plan, tuple(items), said)
            yield Done(Conversation((*conversation.turns, turn)), "end", {"first_text": 0.1, "total": 0.2})
        finally:
            self.closed.append(message)

    def _script(self, conversation: Conversation, message: str, plan: Plan) -> Iterator[Part]:
        if "refuse" in message:
            raise NeoError("the message is too long: expected at most 2,000 characters, shorten it")
        yield Understood(plan, "en", chips(plan, Wording.load("en")))
        if "count" in message:
            yield Words(f"Turn {len(conversation.turns) + 1}; first was {conversation.turns[0].message!r}."
                        if conversation.turns else "Turn 1.")  # fmt: skip
            return
        if "evil" in message:
            yield Words("Beware: <script>window.hacked=1</script> *stars* ![x](http://example.com/x.png)\n\n\n1. ")
            yield Card(EVIL, 1, -1.0, ((EVIL, -2.0),))
            return
        if "slow" in message:
            if "calm" in message:
                yield Card(SEA, 1, -0.5, ((SERIAL, -1.5),))
            for number in range(ENDLESS):
                yield Words(f"word{number} ")
                time.sleep(0.2)
            return
        yield Words("Two for you.\n1. ")
        yield Card(SEA, 1, -0.5, ((SERIAL, -1.5),))
        yield Words(" Slow and deep, ")
        if "fail" in message:
            raise RuntimeError("secret detail")
        yield Words("told by a biologist.\n2. ")
        yield Card(SERIAL, 2, -0.7)
        yield Words(" One story, week by week.")
        yield Notice('I do not know "Moby Duck".')

    def listeners(self) -> list[tuple[str, str, bool]]:
        return [("Nadia", "A night-shift nurse who wants <b>long</b> stories.", True), ("Ana", "", False)]

    def types(self) -> list[tuple[str, str]]:
        return [("show", "Podcast show"), ("audiobook", "Audiobook")]

    def languages(self) -> list[tuple[str, str]]:
        return [("en", "English"), ("fr", "French")]

    def facets(self) -> list[tuple[str, str]]:
        return [("topic", "sea"), ("topic", "space"), ("tone", "calm"), ("format", "nonfiction")]

    def sid_space(self) -> dict[str, tuple[ResidualQuantizer, list[Sid]]]:
        return {item.type: (tiny.book({item.type: (3, 8)}).quantizers[item.type], [item.sid]) for item in (SEA, SERIAL)}

    def history(self, name: str) -> tuple[CatalogItem, ...]:
        return (SEA,)

    def titles(self, text: str, limit: int = 8) -> tuple[CatalogItem, ...]:
        return tuple(item for item in ITEMS if text.lower() in item.title.lower())[:limit]

    def called(self, titles: Iterable[str]) -> tuple[CatalogItem, ...]:
        return tuple(item for item in ITEMS if item.title in tuple(titles))

    def items(self, keys: Iterable[str]) -> tuple[CatalogItem, ...]:
        return tuple(item for item in ITEMS if item.key in tuple(keys))

    def addresses(self, items: Iterable[CatalogItem]) -> dict[str, str]:
        return {item.key: "https://serial.example/feed" for item in items if item == SERIAL}


@pytest.fixture(scope="session")
def scripted() -> Callable[..., Scripted]:
    return Scripted


@pytest.fixture
def sea() -> CatalogItem:
    return SEA


@pytest.fixture
def evil() -> CatalogItem:
    return EVIL


@pytest.fixture(scope="module")
def script(scripted):
    return scripted(pause=0.08)


@pytest.fixture(scope="module")
def address(serving, script, tmp_path_factory):
    database = create_engine(f"sqlite:///{tmp_path_factory.mktemp('page') / 'feedback.db'}")
    return serving(script, at_once=2, feedback=database)


@pytest.fixture
def visit(browser, address, request):
    """Opens the page: `visit(width=390, dark=True, locale="de-DE")`. Fails if the page asks anything of another host,
    or breaks.

    What it shows at the end is kept as a picture."""
    contexts, foreign, broken = [], [], []

    def open_page(width=1280, height=860, dark=False, locale="en-US"):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale=locale
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: foreign.append(request.url) if not local(request.url) else None)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#neo-box textarea")
        return page

    def local(url):
        return url.startswith((address, "data:", "blob:"))

    yield open_page
    for at, context in enumerate(contexts, 1):
        for page in context.pages:
            picture(page, f"{request.node.name} {at if len(contexts) > 1 else ''}")
        context.close()
    assert not foreign and not broken
