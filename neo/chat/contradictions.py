"""Where a message and the controls beside the chat say different things: the controls hold, and the reply says so."""

import re

from neo.chat.parts import Controls
from neo.chat.words import words
from neo.items import CatalogItem
from neo.plan import ANY, CHOOSING, Plan, length_called
from neo.wording import Wording


def contradictions(
    plan: Plan,
    controls: Controls,
    wording: Wording,
    message: str = "",
    titled: tuple[CatalogItem, ...] = (),
    history: tuple[CatalogItem, ...] = (),
) -> list[str]:
    """A sentence for every wish of the plan, as the model wrote it, that a control overrules.

    A plan always has a count: only one that `message` names is a wish. `titled` is what was asked for by name, which
    is that thing whatever else was said of it."""
    if plan.act not in CHOOSING:  # what is spoken of need not be what may be suggested
        return []
    if titled:
        pairs = [([f"“{item.title}”"], _hides(item, controls, wording, history)) for item in titled]
    else:
        pairs = _overruled(plan, controls, wording)
        if controls.count and plan.count != controls.count and _counts(message, plan, wording):
            pairs.append(([str(plan.count)], [str(controls.count)]))
    said = words(wording.language)["overruled"]
    return [said.format(asked=wording.joined(asked), set=wording.joined(set_)) for asked, set_ in pairs if set_]


def _overruled(plan: Plan, controls: Controls, wording: Wording) -> list[tuple[list[str], list[str]]]:
    """(what the plan wants, what the controls say) of every field where they differ."""
    notices, pairs = wording.notices, []
    types = [type_ for type_, _ in plan.types if type_ not in (ANY, *controls.types)]
    if controls.types and types:
        pairs.append(([wording.noun(type_, 2) for type_ in types], [wording.noun(one, 2) for one in controls.types]))
    languages = [code for code in plan.languages if code != controls.language]
    if controls.language and languages:
        pairs.append(([_language(code, wording) for code in languages], [_language(controls.language, wording)]))
    wanted = "new" if controls.unheard else controls.familiarity
    if wanted and plan.familiarity not in (None, wanted):
        pairs.append(([notices[plan.familiarity]], [notices[wanted]]))
    refused = [tone for tone in controls.tones if tone in plan.values("tone", wanted=False)]
    if refused:
        labels = [wording.label("tones", tone) for tone in refused]
        pairs.append(([f"{notices['not']} {label}" for label in labels], labels))
    return pairs


def _hides(item: CatalogItem, controls: Controls, wording: Wording, history: tuple[CatalogItem, ...]) -> list[str]:
    """What the controls say that keeps an item out of a reply, as `neo.chat.steering` filters."""
    heard = item.id in {other.id for other in history}
    new, familiar = controls.unheard or controls.familiarity == "new", controls.familiarity == "familiar"
    page = words(wording.language)["page"]
    since = controls.added_since
    long = controls.minutes and (item.minutes is None or item.minutes > controls.minutes)
    reasons = [
        (item.id in controls.without, [words(wording.language)["card"]["refuse"]]),
        (new and heard, [wording.notice("new")]),
        (familiar and history and not heard, [wording.notice("familiar")]),
        (controls.types and item.type not in controls.types, [wording.noun(one, 2) for one in controls.types]),
        (controls.language not in (None, item.language), [_language(controls.language, wording)]),
        (
            controls.tones and not set(controls.tones) & set(item.tones),
            [wording.label("tones", tone) for tone in controls.tones],
        ),
        (controls.clean and item.explicit, [page["clean"]]),
        (since and not (item.added and item.added >= since), [page["recent"]]),
        (long, [wording.length(length_called(controls.minutes or 0))]),
    ]
    return [label for hides, labels in reasons if hides for label in labels]


def _counts(message: str, plan: Plan, wording: Wording) -> bool:
    """Whether a message names a count of the plan; the first word for one is an article, and says nothing."""
    names = {name for _, count in plan.types for name in wording.phrases["numbers"][count][count == 1 :]}
    return any(re.search(rf"\b{re.escape(name)}\b", message, re.IGNORECASE) for name in names)


def _language(code: str, wording: Wording) -> str:
    return wording.phrases["languages"].get(code, [code])[0]
