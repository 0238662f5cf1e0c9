"""names: is a mistyped title recognised in a message, and none where nobody named one? No model is asked."""

from catalog.lookup import SHORT
from catalog.names import plain
from neo.evaluation.bench import Bench
from neo.evaluation.metrics import share
from neo.wording import LANGUAGES, Wording, render, slots

NAMELESS = ("recommend", "search", "history", "talk", "profile")
"""Tasks whose messages need not name a title."""
NAMES = ("title", "like", "by")


def names(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Titles with one letter missing or swapped in held-out requests of all languages, resolved to the item; and typos
    of titles seen in composed requests that name nothing."""
    composer, mentions = bench.composer(35), bench.assistant.hints.mentions
    titles = bench.assistant.steering.names.titles
    draw, items = composer.draw, [item for item in bench.shelf.items if len(item.title) >= SHORT]
    asking = {code: _by_title(Wording.load(code)) for code in LANGUAGES}
    resolved, seen = [], []
    for _ in range(queries):
        item, entry = draw.pick(items), draw.pick(asking[draw.pick(LANGUAGES)])
        text = render(entry, title=composer.requests.misspelt(item.title))
        said = [mention.said for mention in mentions.find(text) if mention.kind == "title"]
        found = [match.title for name in said for match in titles.find(name, limit=1)]
        resolved.append(any(plain(title) == plain(item.title) for title in found))
        progress()
    while len(seen) < queries:
        *_, message, reply = composer.compose(draw.pick(NAMELESS), "plan")
        if any(term.field in NAMES for term in reply.plan.terms):
            continue
        said = [mention.said for mention in mentions.find(message.text) if mention.kind == "title"]
        seen.append(any(titles.called(plain(name)) is None for name in said))
        progress()
    return {"mistyped titles resolved": share(resolved), "typos seen where nothing is named": share(seen)}


def _by_title(wording: Wording) -> list[str]:
    """Held-out requests for an item by its title alone."""
    entries = wording.requests("heldout")["search"]
    return [entry for entry in entries if isinstance(entry, str) and slots(entry) == {"title"}]
