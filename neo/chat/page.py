"""The web page: a chat, a listener to speak as, filters, and an API endpoint `chat`. Gradio is imported here only.

Messages are HTML that `neo.chat.cards` has escaped, so the chat's own sanitizer is off: it would strip the drawn covers
and data attributes. As a second line of defence the page is served with a policy that lets no inline handler, foreign
script, font or picture load. What a visitor does is kept in `gr.State`, never in this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neo.chat.cards import Labels, lines_html
from neo.chat.parts import Controls
from neo.chat.visit import Answering, Visit, answered, as_dict, messages, reply_html, said, waits

CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
TITLE = "What shall we listen to?"
SUBTITLE = "Say it in your own words. One language model answers, and every pick is a real item of the catalog."
SIMULATED = "Demo listeners are simulated."
EXAMPLES = (
    "Something calm about the sea, an audiobook, nothing by Verne",
    "I loved Serial. Two more shows like it, please",
    "Surprise me with something new for a long drive",
    "Recomiéndame dos podcasts de historia en español",
)
PLACEHOLDER = (
    '<div class="neo-empty"><h2>Tell me what you feel like hearing</h2>'
    "<p>A mood, a topic, a title you loved, a language, something you can’t stand. "
    "Then keep talking: <em>more like the second one</em>, <em>why that one?</em>, <em>shorter, please</em>.</p></div>"
)
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; script-src-attr 'none'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)
FOCUS = "() => { if (matchMedia('(pointer: fine)').matches) document.querySelector('#neo-box textarea')?.focus() }"
# Gradio names every message by its source, so a screen reader would spell out our markup in place of its text.
UNLABEL = (
    "new MutationObserver(() => document.querySelectorAll('#neo-chat [data-testid][aria-label*=\"<\"]')"
    ".forEach(message => message.removeAttribute('aria-label')))"
    ".observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['aria-label']})"
)


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


def launch_options() -> dict[str, object]:
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
    )  # fmt: skip
    return {
        "theme": theme,
        "css": CSS,
        "head": f"<script>{UNLABEL}</script>",
        "share": False,
        "run_history": False,
        "ssr_mode": False,
        "footer_links": ["api", "settings"],
        "app_kwargs": {"middleware": [Middleware(ContentPolicy)]},
    }


def header_html(simulated: bool) -> str:
    note = f' <span class="neo-simulated">{SIMULATED}</span>' if simulated else ""
    return (
        '<header class="neo-header"><svg class="neo-logo" viewBox="0 0 40 40" aria-hidden="true">'
        '<circle cx="20" cy="20" r="20"/><path d="M10 22v-4M15 27V13M20 30V10M25 25V15M30 22v-4"/></svg>'
        f"<div><h1>{TITLE}</h1><p>{SUBTITLE}{note} "
        '<a class="neo-jump" href="#neo-controls">Listener and filters</a></p>'
        "</div></header>"
    )


def about_html(listeners: list[tuple[str, str, bool]], chosen: str) -> str:
    """The chosen listener in a sentence."""
    for name, about, simulated in listeners:
        if name == chosen:
            mark = '<span class="neo-mark">simulated</span> ' if simulated else ""
            return f'<p class="neo-about">{mark}{lines_html(about)}</p>'
    return '<p class="neo-about">No history: only your words count.</p>'


@dataclass(frozen=True)
class Handlers:
    """What the page's events do, for one assistant. A visit comes in and goes out; nothing is kept here."""

    assistant: Answering
    labels: Labels

    def view(self, visit: Visit) -> tuple:
        """The visit itself, its messages, and which of Stop, Retry and Undo can be pressed."""
        busy = waits(visit)
        buttons = (gr.Button(interactive=on) for on in (busy, bool(visit) and not busy, bool(visit) and not busy))
        return visit, messages(visit, self.labels), *buttons

    def say(self, message: str, visit: Visit) -> tuple:
        if not message.strip():
            return gr.skip(), *self.view(visit)
        if waits(visit):
            gr.Info("A reply is still being written. Press Stop to cut it short.", duration=4)
            return gr.skip(), *self.view(visit)
        return "", *self.view(said(visit, message.strip()))

    def say_example(self, visit: Visit, event: gr.SelectData) -> tuple:
        return self.say(event.value["text"], visit)[1:]

    def answer(self, visit: Visit, types: list[str], language: str, listener: str) -> Iterator[tuple]:
        if not waits(visit) or visit[-1].begun:
            return
        controls = Controls(tuple(types), language or None, listener or None)
        earlier, shown = visit[:-1], messages(visit, self.labels)
        for exchange in answered(self.assistant, visit[-1], controls):
            shown = [*shown[:-1], {"role": "assistant", "content": reply_html(exchange, self.labels)}]
            yield (*earlier, exchange), shown

    def retry(self, visit: Visit) -> tuple:
        return self.view((*visit[:-1], visit[-1].afresh()) if visit and not waits(visit) else visit)

    def stop(self, visit: Visit) -> tuple:
        return self.view((*visit[:-1], visit[-1].stopped()) if visit else visit)

    def undo(self, visit: Visit, draft: str) -> tuple:
        """Takes the last exchange back; its message returns to the box unless another one is being written there."""
        if not visit or waits(visit):
            return draft, *self.view(visit)
        return draft if draft.strip() else visit[-1].message, *self.view(visit[:-1])

    def chat(self, message: str, types: list[str], language: str, listener: str, visit: Visit) -> Iterator[tuple]:
        """For programs: the reply as JSON that grows. Calls of one client continue one conversation."""
        visit = said(visit, message)
        for exchange in answered(
            self.assistant, visit[-1], Controls(tuple(types or ()), language or None, listener or None)
        ):
            yield as_dict(exchange), (*visit[:-1], exchange)


def create_page(assistant: Answering, at_once: int = 1) -> gr.Blocks:
    """The page for an assistant. `at_once`: replies written at the same time; further visitors wait their turn."""
    types, languages, listeners = assistant.types(), assistant.languages(), assistant.listeners()
    do = Handlers(assistant, Labels(dict(types), dict(languages)))
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        visit = gr.State(())
        gr.HTML(header_html(any(simulated for *_, simulated in listeners)))
        with gr.Row(elem_id="neo-main"):
            ui = _chat_column()
            with gr.Column(scale=1, min_width=250, elem_id="neo-controls"):
                controls = _controls(types, languages, listeners)
        _wire(do, ui, visit, controls, {"concurrency_limit": at_once, "concurrency_id": "reply"})
    return page


def _chat_column() -> SimpleNamespace:
    ui = SimpleNamespace()
    with gr.Column(scale=3, min_width=300, elem_id="neo-talk"):
        ui.chat = gr.Chatbot(
            elem_id="neo-chat", label="Conversation", show_label=False, layout="bubble", buttons=[], height=None,
            sanitize_html=False, latex_delimiters=[], placeholder=PLACEHOLDER,
            examples=[{"text": text} for text in EXAMPLES],
        )  # fmt: skip
        with gr.Row(elem_id="neo-composer", equal_height=True):
            ui.box = gr.Textbox(
                elem_id="neo-box", label="Your message", show_label=False, container=False, lines=1, max_lines=6,
                scale=8, placeholder="A mood, a title, a topic…", autofocus=True, min_width=120,
            )  # fmt: skip
            ui.send = gr.Button("Send", variant="primary", scale=1, min_width=84, elem_id="neo-send")
        with gr.Row(elem_id="neo-buttons"):
            ui.stop, ui.retry, ui.undo = (
                gr.Button(name, size="sm", min_width=60, interactive=False, elem_id=f"neo-{name.lower()}")
                for name in ("Stop", "Retry", "Undo")
            )
            ui.clear = gr.Button("Clear", size="sm", min_width=60, elem_id="neo-clear")
    return ui


def _controls(types, languages, listeners) -> list[gr.components.Component]:
    """Item types, language, listener: what a visitor sets beside the chat."""
    names = [(f"{name} (simulated)" if simulated else name, name) for name, _, simulated in listeners]
    listener = gr.Dropdown(
        [("Nobody", ""), *names], value="", label="Listen as", filterable=False, elem_id="neo-listener",
        info="Whose history counts",
    )  # fmt: skip
    about = gr.HTML(about_html(listeners, ""), elem_id="neo-listener-about")
    kinds = gr.CheckboxGroup(
        [(label, name) for name, label in types], value=[], label="Only", info="Nothing ticked: any kind",
        elem_id="neo-types",
    )  # fmt: skip
    language = gr.Dropdown(
        [("Auto: what you write or ask for", ""), *((name, code) for code, name in languages)], value="",
        label="Language of the items", filterable=False, elem_id="neo-language",
    )  # fmt: skip
    listener.change(
        lambda name: about_html(listeners, name), listener, about, queue=False, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    return [kinds, language, listener]


def _wire(do: Handlers, ui: SimpleNamespace, visit: gr.State, controls: list, turn_taking: dict) -> None:
    at_once = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    viewed = [visit, ui.chat, ui.stop, ui.retry, ui.undo]

    spoken = gr.on([ui.box.submit, ui.send.click], do.say, [ui.box, visit], [ui.box, *viewed], **at_once)
    example = ui.chat.example_select(do.say_example, visit, viewed, **at_once)
    again = ui.retry.click(do.retry, visit, viewed, **at_once)
    answers = []
    for asked in (spoken, example, again):
        answer = asked.then(
            do.answer,
            [visit, *controls],
            [visit, ui.chat],
            show_progress="hidden",
            api_visibility="private",
            **turn_taking,
        )
        answer.then(do.view, visit, viewed, **at_once)
        answers.append(answer)
    example.then(None, js=FOCUS)
    # Cancelled first, then shown: the other way round one more part could come in after the reply was called stopped.
    cut = ui.stop.click(None, cancels=answers, queue=False, api_visibility="private")
    cut.then(do.stop, visit, viewed, **at_once).then(None, js=FOCUS)
    ui.undo.click(do.undo, [visit, ui.box], [ui.box, *viewed], **at_once).then(None, js=FOCUS)
    cut = ui.clear.click(None, cancels=answers, queue=False, api_visibility="private")
    cut.then(lambda: ("", *do.view(())), None, [ui.box, *viewed], **at_once).then(None, js=FOCUS)

    message, reply = gr.Textbox(visible=False, label="message"), gr.JSON(visible=False, label="reply")
    gr.Button(visible=False).click(
        do.chat,
        [message, *controls, visit],
        [reply, visit],
        api_name="chat",
        api_description=do.chat.__doc__,
        **turn_taking,
    )
