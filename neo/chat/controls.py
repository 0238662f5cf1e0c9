"""What a visitor sets beside the chat: the filters, and who is listening. Values of the page become `Controls` here."""

from types import SimpleNamespace

import gradio as gr

from neo.chat.cards import Labels, capital
from neo.chat.parts import Controls
from neo.chat.shelf import Shelf
from neo.chat.taste import OWN, Taste
from neo.chat.translations import say
from neo.chat.visit import Visit
from neo.wording import LANGUAGES

MOST_ITEMS = 6
NAMED = (0, 1, 2, 6)
"""Which of the filters offer names: those of `choices`."""


def controls_of(
    taste: Taste, shelf: Shelf, types: list[str], language: str, speak: str, count: int, minutes: int | None,
    familiarity: str, tones: list[str], unheard: bool,
) -> Controls:  # fmt: skip
    """The page's values as hard filters."""
    return Controls(
        types=tuple(types or ()),
        language=language or None,
        listener=None if taste.own else taste.listener,
        reply_language=speak or None,
        count=int(count) or None,
        minutes=minutes or None,
        familiarity=familiarity or None,
        tones=tuple(tones or ()),
        unheard=unheard,
        without=tuple(item.id for item in shelf.refused),
        history=taste.items if taste.own else None,
    )


def choices(labels: Labels, languages: list[str], tones: list[str]) -> list[list[tuple[str, str]]]:
    """What can be chosen of types, languages of items, languages of replies and tones, as `labels` call it."""
    return [
        [(label, name) for name, label in labels.types.items()],
        [(say("as_asked"), ""), *((labels.languages.get(code, code), code) for code in languages)],
        [(say("as_written"), ""), *((labels.languages.get(code, code), code) for code in LANGUAGES)],
        [(capital(labels.tones.get(name, name)), name) for name in tones],
    ]


def filters(labels: Labels, languages: list[str], tones: list[str]) -> list[gr.Component]:
    """The filters, in the order in which `controls_of` takes them."""
    types, of_items, of_replies, of_tones = choices(labels, languages, tones)
    kinds = gr.CheckboxGroup(types, value=[], label=say("only"), info=say("any_kind"), elem_id="neo-types")
    language = gr.Dropdown(
        of_items, value="", label=say("items_language"), filterable=False, elem_id="neo-language"
    )  # fmt: skip
    speak = gr.Dropdown(of_replies, value="", label=say("reply_language"), filterable=False, elem_id="neo-speak")
    count = gr.Dropdown(
        [(say("any_count"), 0), *((str(n), n) for n in range(1, MOST_ITEMS + 1))], value=0, label=say("count"),
        filterable=False, elem_id="neo-count",
    )  # fmt: skip
    minutes = gr.Number(
        0, label=say("minutes"), info=say("any_length"), minimum=0, precision=0, elem_id="neo-minutes"
    )  # fmt: skip
    familiarity = gr.Radio(
        [(say("either"), ""), (say("new"), "new"), (say("familiar"), "familiar")], value="", label=say("familiarity"),
        elem_id="neo-familiarity",
    )  # fmt: skip
    tone = gr.Dropdown(
        of_tones, value=[], multiselect=True, label=say("tone"), info=say("any_tone"), elem_id="neo-tones"
    )  # fmt: skip
    unheard = gr.Checkbox(False, label=say("unheard"), elem_id="neo-unheard")
    return [kinds, language, speak, count, minutes, familiarity, tone, unheard]


def heard_language(visit: Visit, labels: Labels) -> str:
    """What stands under "Reply in": the language of the conversation, once there is one."""
    understood = visit[-1].understood if visit else None
    if not understood:
        return ""
    return labels.says["now"].format(language=labels.languages.get(understood.language, understood.language))


def persona(listeners: list[tuple[str, str, bool]], uploads: bool) -> SimpleNamespace:
    """Whose history counts, the history itself, and a title picker."""
    ui = SimpleNamespace()
    names = [(f"{name} (simulated)" if simulated else name, name) for name, _, simulated in listeners]
    ui.listener = gr.Dropdown(
        [(say("nobody"), ""), *names, (say("own"), OWN)], value="", label=say("listener"), filterable=False,
        elem_id="neo-listener", info=say("whose"),
    )  # fmt: skip
    ui.view = gr.HTML(say("no_taste"), elem_id="neo-taste")
    ui.title = gr.Textbox(label=say("add"), placeholder=say("type"), max_length=120, elem_id="neo-title")
    ui.found = gr.HTML("", elem_id="neo-found")
    ui.file = gr.UploadButton(
        say("file"), file_types=[".opml", ".xml", ".csv", ".tsv"], size="sm", visible=uploads,
        elem_id="neo-upload",
    )  # fmt: skip
    return ui
