"""What a visitor sets beside the chat: the filters, and who is listening. Values of the page become `Controls` here."""

from types import SimpleNamespace

import gradio as gr

from neo.chat.cards import Labels
from neo.chat.parts import Controls
from neo.chat.shelf import Shelf
from neo.chat.taste import OWN, Taste, taste_html
from neo.chat.visit import Visit
from neo.wording import LANGUAGES

MOST_ITEMS = 6


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


def filters(types: list[tuple[str, str]], languages: list[tuple[str, str]], tones: list[str], labels: Labels):
    """The filters, in the order in which `controls_of` takes them."""
    kinds = gr.CheckboxGroup(
        [(label, name) for name, label in types], value=[], label="Only", info="Nothing ticked: any kind",
        elem_id="neo-types",
    )  # fmt: skip
    language = gr.Dropdown(
        [("Auto: as you ask", ""), *((name, code) for code, name in languages)], value="",
        label="Language of the items", filterable=False, elem_id="neo-language",
    )  # fmt: skip
    speak = gr.Dropdown(
        [("Auto: as you write", ""), *((labels.languages.get(code, code), code) for code in LANGUAGES)],
        value="", label="Reply in", filterable=False, elem_id="neo-speak",
    )  # fmt: skip
    count = gr.Dropdown(
        [("As many as you ask for", 0), *((str(n), n) for n in range(1, MOST_ITEMS + 1))], value=0, label="How many",
        filterable=False, elem_id="neo-count",
    )  # fmt: skip
    minutes = gr.Number(
        0, label="Minutes at most", info="0: any length. A show is as long as its usual episode", minimum=0,
        precision=0, elem_id="neo-minutes",
    )  # fmt: skip
    familiarity = gr.Radio(
        [("Either", ""), ("New to me", "new"), ("Familiar", "familiar")], value="", label="New or familiar",
        elem_id="neo-familiarity",
    )  # fmt: skip
    tone = gr.Dropdown(
        [(name.capitalize(), name) for name in tones], value=[], multiselect=True, label="Tone",
        info="Any of these", elem_id="neo-tones",
    )  # fmt: skip
    unheard = gr.Checkbox(False, label="Hide what I have heard", elem_id="neo-unheard")
    return [kinds, language, speak, count, minutes, familiarity, tone, unheard]


def heard_language(visit: Visit, labels: Labels) -> str:
    """What stands under "Reply in": the language of the conversation, once there is one."""
    understood = visit[-1].understood if visit else None
    return f"Now {labels.languages.get(understood.language, understood.language)}" if understood else ""


def persona(listeners: list[tuple[str, str, bool]], labels: Labels, uploads: bool) -> SimpleNamespace:
    """Whose history counts, the history itself, and a title picker."""
    ui = SimpleNamespace()
    names = [(f"{name} (simulated)" if simulated else name, name) for name, _, simulated in listeners]
    ui.listener = gr.Dropdown(
        [("Nobody", ""), *names, ("My own titles", OWN)], value="", label="Listen as", filterable=False,
        elem_id="neo-listener", info="Whose history counts",
    )  # fmt: skip
    ui.view = gr.HTML(taste_html(Taste(), listeners, labels), elem_id="neo-taste")
    ui.title = gr.Textbox(
        label="Add a title that you heard", placeholder="Begin to type…", max_length=120, elem_id="neo-title",
    )  # fmt: skip
    ui.found = gr.HTML("", elem_id="neo-found")
    ui.file = gr.UploadButton(
        "Add from a file (OPML, CSV)", file_types=[".opml", ".xml", ".csv", ".tsv"], size="sm", visible=uploads,
        elem_id="neo-upload",
    )  # fmt: skip
    return ui
