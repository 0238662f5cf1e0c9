"""The web page: a chat, who is listening, filters, a shelf, a tour, and an API endpoint `chat`. Layout and wiring only.

Messages are HTML that `neo.chat.cards` has escaped, so the chat's own sanitizer is off: it would strip the drawn covers
and data attributes. As a second line of defence the page is served with a policy that lets no inline handler, foreign
script, font or picture load. What a visitor does is kept in `gr.State`, never in this module.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from sqlalchemy import Engine as Database
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neo.chat.cards import Labels
from neo.chat.chips import Menu
from neo.chat.controls import Choices, filters, named, offered, persona
from neo.chat.feedback import make_table
from neo.chat.handlers import Handlers
from neo.chat.limits import NoUploads, Rate
from neo.chat.shelf import FORMATS, Shelf
from neo.chat.taste import Taste
from neo.chat.translations import SIMULATED, TRANSLATIONS, fixed
from neo.chat.visit import Answering, Tools
from neo.chat.words import words
from neo.plan import CONTROLLED

CSS, SCRIPT = ((Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
TITLE = words("en")["page"]["title"]
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; script-src-attr 'none'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)
FOCUS = "() => neo.focus()"


@dataclass(frozen=True)
class ContentPolicy:
    """Adds the content security policy to every answer."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, send_with_policy if scope["type"] == "http" else send)


async def health(_) -> JSONResponse:
    """`GET /health`: the page is up, its model loaded."""
    return JSONResponse({"status": "ok"})


def launch_options(public: bool = False) -> dict[str, object]:
    """Arguments for `Blocks.launch` that belong to this page: its looks, and nothing that leaves the machine."""
    theme = gr.themes.Soft(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        body_background_fill="*neutral_50", input_border_width="1px",
        input_border_color="*neutral_300", input_border_color_dark="*neutral_600",
        checkbox_border_color="*neutral_400", checkbox_border_color_dark="*neutral_500",
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_400",
        input_placeholder_color="*neutral_500", input_placeholder_color_dark="*neutral_400",
        block_title_background_fill="transparent", block_title_background_fill_dark="transparent",
        block_title_padding="0",
        block_title_text_color="*body_text_color", block_title_text_color_dark="*body_text_color",
        block_info_text_color="*body_text_color_subdued", block_info_text_color_dark="*body_text_color_subdued",
        button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        checkbox_background_color_selected="*primary_700", checkbox_background_color_selected_dark="*primary_600",
    )  # fmt: skip
    return {
        "theme": theme,
        "css": CSS,
        "head": f"<script>{SCRIPT}</script>",
        "share": False,
        "run_history": False,
        "ssr_mode": False,
        "i18n": TRANSLATIONS,
        "footer_links": ["api", "settings"],
        "max_file_size": "5mb",
        "app_kwargs": {
            "middleware": [Middleware(ContentPolicy), *([Middleware(NoUploads)] if public else [])],
            "routes": [Route("/health", health)],
        },
    }


def create_page(
    assistant: Answering,
    at_once: int = 1,
    feedback: Database | None = None,
    public: bool = False,
) -> gr.Blocks:
    """The page for an assistant.

    `at_once`: replies written at the same time; further visitors wait their turn. `feedback`: where likes and dislikes
    are kept, None to ask for none. `public`: for a demo that anybody may open. Nobody can listen as a real person, no
    file is taken, no rating is kept, and one address can ask so often and not more.
    """
    feedback = None if public else feedback
    types, languages, listeners = assistant.types(), assistant.languages(), assistant.listeners()
    if public:
        listeners = [(name, about, simulated) for name, about, simulated in listeners if simulated]
    facets = {kind: tuple(name for each, name in assistant.facets() if each == kind) for kind in CONTROLLED}
    menu = Menu(tuple(name for name, _ in types), tuple(code for code, _ in languages), facets)
    labels = Labels(dict(types), dict(languages))
    if feedback is not None:
        make_table(feedback)
    choices = offered(labels, menu, listeners)
    tools = Tools(menu, feedback is not None)
    do = Handlers(assistant, labels, tools, feedback, Rate() if public else None, tuple(listeners))
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        held = SimpleNamespace(visit=gr.State(()), shelf=gr.State(Shelf()), taste=gr.State(Taste()))
        gr.HTML(fixed(SIMULATED if any(simulated for *_, simulated in listeners) else "header"))
        with gr.Row(elem_id="neo-main"):
            ui = _chat_column()
            with gr.Column(scale=2, min_width=300, visible=False, elem_id="neo-hood") as ui.hood:
                ui.inside = gr.HTML(do.inside((), labels))
            with gr.Column(scale=1, min_width=290, elem_id="neo-controls"), gr.Tabs():
                with gr.Tab(fixed("you"), render_children=True):
                    ui.person = persona(choices, uploads=not public)
                with gr.Tab(fixed("filters"), render_children=True):
                    ui.filters = filters(choices)
                with gr.Tab(fixed("shelf"), render_children=True):
                    ui.shelf = gr.HTML(elem_id="neo-shelf")
                    gr.HTML(fixed("exporting"))
                    with gr.Row(elem_id="neo-exports"):
                        ui.exports = [gr.Button(name, size="sm", min_width=60) for name in FORMATS]
                with gr.Tab(fixed("tour"), render_children=True):
                    gr.HTML(fixed("scenes"))
        ui.text = gr.Textbox(visible=False)
        # Buttons inside messages and lists are plain HTML; this hidden element makes events of them.
        ui.marks = gr.HTML("", visible="hidden", js_on_load=None)
        ui.bridge = gr.HTML("", js_on_load="neo.listen(trigger)", visible="hidden")
        turn_taking = {"concurrency_limit": at_once, "concurrency_id": "reply"}
        _wire(do, ui, held, turn_taking)
        _endpoint(do, choices, held.visit, turn_taking)
        greeted = [held.shelf, ui.shelf, ui.inside, ui.person.view, ui.chat, *named(ui.filters, ui.person)]
        page.load(do.greet, None, greeted, queue=False, show_progress="hidden", api_visibility="private")
    return page


def _chat_column() -> SimpleNamespace:
    ui = SimpleNamespace()
    with gr.Column(scale=3, min_width=300, elem_id="neo-talk"):
        ui.chat = gr.Chatbot(
            elem_id="neo-chat", label="Conversation", show_label=False, layout="bubble", buttons=[], height=None,
            sanitize_html=False, latex_delimiters=[], placeholder=fixed("greeting"),
            examples=[{"text": text} for text in words("en")["examples"]],
        )  # fmt: skip
        with gr.Row(elem_id="neo-composer", equal_height=True):
            ui.box = gr.Textbox(
                elem_id="neo-box", label=fixed("message"), show_label=False, container=False, lines=1, max_lines=6,
                scale=8, placeholder=fixed("begin"), autofocus=True, min_width=120,
            )  # fmt: skip
            ui.send = gr.Button(fixed("send"), variant="primary", scale=1, min_width=84, elem_id="neo-send")
        with gr.Row(elem_id="neo-buttons"):
            ui.stop, ui.retry, ui.undo = (
                gr.Button(fixed(name), size="sm", min_width=60, interactive=False, elem_id=f"neo-{name}")
                for name in ("stop", "retry", "undo")
            )
            ui.clear = gr.Button(fixed("clear"), size="sm", min_width=60, elem_id="neo-clear")
            ui.copy = gr.Button(fixed("copy"), size="sm", min_width=60, elem_id="neo-copy")
            ui.inspect = gr.Checkbox(False, label=fixed("hood"), container=False, elem_id="neo-inspect", min_width=140)
    return ui


def _wire(do: Handlers, ui: SimpleNamespace, held: SimpleNamespace, turn_taking: dict) -> None:
    at_once = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    # Only what comes through the queue can show a box (`gr.Info`); elsewhere Gradio prints its text on the server.
    telling = at_once | {"queue": True, "concurrency_limit": None}
    seen = [held.visit, held.shelf]
    viewed = [held.visit, ui.chat, ui.stop, ui.retry, ui.undo, ui.shelf, ui.inside, ui.filters[2]]

    spoken = gr.on([ui.box.submit, ui.send.click], do.say, [ui.box, *seen], [ui.box, *viewed], **telling)
    example = ui.chat.example_select(do.say_example, seen, viewed, **telling)
    again = ui.retry.click(do.retry, seen, viewed, **at_once)
    acted = ui.bridge.click(do.act, [*seen, ui.box], [ui.box, *viewed], **telling)
    answers = []
    for asked in (spoken, example, again, acted):
        answer = asked.then(
            do.answer,
            [held.visit, ui.inspect, held.taste, held.shelf, *ui.filters],
            [held.visit, ui.chat],
            show_progress="minimal",
            show_progress_on=ui.chat,
            api_visibility="private",
            **turn_taking,
        )
        answer.then(do.view_only, seen, viewed[1:], **at_once)
        answers.append(answer)
    example.then(None, js=FOCUS)
    # Cancelled first, then shown: the other way round one more part could come in after the reply was called stopped.
    cut = ui.stop.click(None, cancels=answers, queue=False, api_visibility="private")
    cut.then(do.stop, seen, viewed, **at_once).then(None, js=FOCUS)
    ui.undo.click(do.undo, [*seen, ui.box], [ui.box, *viewed], **at_once).then(None, js=FOCUS)
    cut = ui.clear.click(None, cancels=answers, queue=False, api_visibility="private")
    cut.then(do.clear, held.shelf, [ui.box, *viewed], **at_once).then(None, js=FOCUS)

    ui.inspect.change(lambda on: gr.Column(visible=on), ui.inspect, ui.hood, **at_once)
    ui.bridge.select(do.shelve, seen, [held.shelf, ui.shelf, ui.marks], **at_once)
    ui.copy.click(do.markdown, held.visit, ui.text, **at_once).then(None, ui.text, None, js="text => neo.copy(text)")
    for button, (name, file) in zip(ui.exports, FORMATS.items(), strict=True):
        button.click(partial(do.export, format_=name), [held.shelf, held.visit], ui.text, **at_once).then(
            None, ui.text, None, js=f"text => neo.save('{file}', text)"
        )

    who, view = ui.person, [held.taste, ui.person.view]
    who.listener.input(do.choose, [who.listener, held.taste], view, **at_once)
    who.title.input(do.search, who.title, who.found, trigger_mode="always_last", **at_once)
    ui.bridge.input(do.listen, held.taste, [*view, who.listener], **at_once)
    ui.bridge.submit(do.keep, held.taste, ui.text, **at_once).then(
        None, ui.text, None, js="text => neo.save('titles.csv', text)"
    )
    who.file.upload(do.upload, [who.file, held.taste], [*view, who.listener], **telling)


def _endpoint(do: Handlers, choices: dict[str, Choices], visit: gr.State, turn_taking: dict) -> None:
    """What programs call: inputs of its own, which are called what its arguments are."""
    message, reply = gr.Textbox(visible=False, label="message"), gr.JSON(visible=False, label="reply")
    types = gr.CheckboxGroup(choices["types"], value=[], visible=False, label="types")
    language, listener = (
        gr.Dropdown(choices[name], value="", visible=False, label=label)
        for name, label in (("languages", "language"), ("listeners", "listener"))
    )
    minutes = gr.Number(0, minimum=0, precision=0, visible=False, label="minutes")
    gr.Button(visible=False).click(
        do.chat,
        [message, types, language, listener, minutes, visit],
        [reply, visit],
        api_name="chat",
        api_description=do.chat.__doc__,
        **turn_taking,
    )
