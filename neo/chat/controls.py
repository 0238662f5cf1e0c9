"""What a visitor sets beside the chat: the filters, and who is listening. Values of the page become `Controls` here."""

from types import SimpleNamespace

import gradio as gr

from neo.chat.cards import Labels, capital
from neo.chat.chips import Menu
from neo.chat.parts import Controls
from neo.chat.shelf import Shelf
from neo.chat.taste import OWN, Taste
from neo.chat.translations import fixed
from neo.chat.visit import Visit
from neo.wording import LANGUAGES

MOST_ITEMS = 6
Choices = list[tuple[str, str]]


def controls_of(
    taste: Taste, shelf: Shelf, types: list[str], language: str, speak: str, count: int, minutes: int | None,
    familiarity: str, tones: list[str], unheard: bool, clean: bool, recent: bool,
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
        clean=clean,
        recent=recent,
        without=tuple(item.id for item in shelf.refused),
        history=taste.items if taste.own else None,
        spoken=shelf.language,
    )


def offered(labels: Labels, menu: Menu, listeners: list[tuple[str, str, bool]]) -> dict[str, Choices]:
    """(label, value) of all that has a name to choose, as `labels` call it."""
    says, languages = labels.says, labels.languages
    names = [(f"{name} ({says['simulated_one']})" if simulated else name, name) for name, _, simulated in listeners]
    return {
        "types": [(label, name) for name, label in labels.types.items()],
        "languages": [(says["as_asked"], ""), *((languages.get(code, code), code) for code in menu.languages)],
        "replies": [(says["as_written"], ""), *((languages.get(code, code), code) for code in LANGUAGES)],
        "tones": [(capital(labels.tones.get(name, name)), name) for name in menu.facets.get("tone", ())],
        "listeners": [(says["nobody"], ""), *names, (says["own"], OWN)],
    }


def named(filters: list[gr.Component], person: SimpleNamespace) -> list[gr.Component]:
    """The components of what is `offered`, in that order."""
    return [*filters[:3], filters[6], person.listener]


def filters(choices: dict[str, Choices]) -> list[gr.Component]:
    """The filters, in the order in which `controls_of` takes them."""
    kinds = gr.CheckboxGroup(
        choices["types"], value=[], label=fixed("only"), info=fixed("any_kind"), elem_id="neo-types"
    )
    language = gr.Dropdown(
        choices["languages"], value="", label=fixed("items_language"), filterable=False, elem_id="neo-language"
    )  # fmt: skip
    speak = gr.Dropdown(
        choices["replies"], value="", label=fixed("reply_language"), filterable=False, elem_id="neo-speak"
    )
    count = gr.Dropdown(
        [(fixed("any_count"), 0), *((str(n), n) for n in range(1, MOST_ITEMS + 1))], value=0, label=fixed("count"),
        filterable=False, elem_id="neo-count",
    )  # fmt: skip
    minutes = gr.Number(
        0, label=fixed("minutes"), info=fixed("any_length"), minimum=0, precision=0, elem_id="neo-minutes"
    )  # fmt: skip
    familiarity = gr.Radio(
        [(fixed("either"), ""), (fixed("new"), "new"), (fixed("familiar"), "familiar")], value="",
        label=fixed("familiarity"), elem_id="neo-familiarity",
    )  # fmt: skip
    tone = gr.Dropdown(
        choices["tones"], value=[], multiselect=True, label=fixed("tone"), info=fixed("any_tone"), elem_id="neo-tones"
    )  # fmt: skip
    marks = [gr.Checkbox(False, label=fixed(name), elem_id=f"neo-{name}") for name in ("unheard", "clean", "recent")]
    return [kinds, language, speak, count, minutes, familiarity, tone, *marks]


def heard_language(visit: Visit, labels: Labels) -> str:
    """What stands under "Reply in": the language of the conversation, once there is one."""
    understood = visit[-1].understood if visit else None
    if not understood:
        return ""
    return labels.says["now"].format(language=labels.languages.get(understood.language, understood.language))


def persona(choices: dict[str, Choices], uploads: bool) -> SimpleNamespace:
    """Whose history counts, the history itself, and a title picker."""
    ui = SimpleNamespace()
    ui.listener = gr.Dropdown(
        choices["listeners"], value="", label=fixed("listener"), filterable=False,
        elem_id="neo-listener", info=fixed("whose"),
    )  # fmt: skip
    ui.view = gr.HTML(elem_id="neo-taste")
    ui.title = gr.Textbox(label=fixed("add"), placeholder=fixed("type"), max_length=120, elem_id="neo-title")
    ui.found = gr.HTML("", elem_id="neo-found")
    ui.file = gr.UploadButton(
        fixed("file"), file_types=[".opml", ".xml", ".csv", ".tsv"], size="sm", visible=uploads,
        elem_id="neo-upload",
    )  # fmt: skip
    return ui
