"""Where a message and the controls beside the chat say different things: the controls hold, and the reply says so."""

from neo.chat.parts import Controls
from neo.chat.words import words
from neo.plan import ANY, Plan
from neo.wording import Wording


def contradictions(plan: Plan, controls: Controls, wording: Wording) -> list[str]:
    """A sentence for every wish of the plan, as the model wrote it, that a control overrules."""
    notices = wording.notices

    def language(code: str) -> str:
        return wording.phrases["languages"].get(code, [code])[0]

    pairs: list[tuple[list[str], list[str]]] = []
    types = [type_ for type_, _ in plan.types if type_ not in (ANY, *controls.types)]
    if controls.types and types:
        pairs.append(([wording.noun(type_, 2) for type_ in types], [wording.noun(one, 2) for one in controls.types]))
    languages = [code for code in plan.languages if code != controls.language]
    if controls.language and languages:
        pairs.append(([language(code) for code in languages], [language(controls.language)]))
    wanted = "new" if controls.unheard else controls.familiarity
    if wanted and plan.familiarity not in (None, wanted):
        pairs.append(([notices[plan.familiarity]], [notices[wanted]]))
    refused = [tone for tone in controls.tones if tone in plan.values("tone", wanted=False)]
    if refused:
        labels = [wording.label("tones", tone) for tone in refused]
        pairs.append(([f"{notices['not']} {label}" for label in labels], labels))
    said = words(wording.language)["overruled"]
    return [said.format(asked=wording.joined(asked), set=wording.joined(set_)) for asked, set_ in pairs]
