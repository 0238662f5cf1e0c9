"""The rater's page: consent, instructions, tasks, questions, thanks. Everything it knows it reads from `sitting`.

Replies are written first and shown afterwards, in the same steps and the same time (`neo.study.shown`), and in a study
of single arms not before `design.pace`: neither waiting nor typing tells which arm it is, on a reloaded page neither.
What a rater does is kept in the database, where a rater stands in the session's state.
"""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from neo.chat.cards import Labels, lines_html
from neo.study import sitting
from neo.study.arms import OpenArm
from neo.study.errors import LinkInvalid, NotReady, StudyError
from neo.study.shown import NAMES, STEPS, choices_of, conversation_html, header_html, question_label, scenario_html
from neo.study.sitting import Ask, Seat
from neo.study.spec import StudySpec, said
from neo.study.tables import RaterRow, now
from neo.study.words import words

CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
HEAD = '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
SECONDS = 3.0
"""Over what time replies of any length are shown."""


@dataclass(frozen=True)
class Where:
    """Where a rater stands on the page; lives in the session's state."""

    rater_id: int
    language: str
    stage: str
    """consent, instructions, task or thanks."""
    slot_id: int | None = None


@dataclass(frozen=True)
class Handlers:
    """What the page's events do, for one study. Nothing of a rater is kept here."""

    database: Database
    study_id: int
    spec: StudySpec
    arms: Mapping[str, OpenArm]
    labels: Labels
    pause: float = SECONDS / STEPS

    def arrive(self, request: gr.Request) -> Where | None:
        """Follow the link that the page was opened with; None for a bad one."""
        with Session(self.database) as session:
            try:
                single_use = self.spec.design.links == "single-use"
                rater = sitting.open_link(session, request.query_params.get("t", ""), single_use)
            except LinkInvalid:
                return None
            if rater.study_id != self.study_id:
                return None
            language = sitting.language_of(session, rater)
            if language is None:
                return Where(rater.id, self.spec.languages[0], "consent")
            begun = session.scalar(sitting.slots_of(rater).limit(1)) is not None
            where = Where(rater.id, language, "instructions")
        return self.go_on(where) if begun else where

    def agree(self, where: Where | None, language: str) -> Where | None:
        if where is None:
            return None
        with Session(self.database) as session:
            sitting.consent(session, session.get(RaterRow, where.rater_id), self.spec, language)
        return replace(where, language=language, stage="instructions")

    def go_on(self, where: Where | None) -> Where | None:
        """To the open task, or a new one, or to the end. A message that the file gives is sent at once."""
        if where is None:
            return None
        with Session(self.database) as session:
            rater = session.get(RaterRow, where.rater_id)
            here = sitting.seat(session, self.spec, rater)
            if here is None:
                return replace(where, stage="thanks", slot_id=None)
            if not here.exchanges and here.task.message:
                message = said(here.task.message, where.language)
                sitting.say(session, self.spec, rater, here.slot_id, message)
            return replace(where, stage="task", slot_id=here.slot_id)

    def seat(self, where: Where | None) -> Seat | None:
        if where is None or where.stage != "task":
            return None
        with Session(self.database) as session:
            return sitting.seat_in(session, self.spec, session.get(RaterRow, where.rater_id), where.slot_id)

    def say(self, where: Where | None, message: str) -> str:
        """Send the rater's own message; returns what stays in the box."""
        if where is None or not message.strip():
            return message
        with Session(self.database) as session:
            try:
                sitting.say(session, self.spec, session.get(RaterRow, where.rater_id), where.slot_id, message)
            except StudyError as error:
                gr.Warning(str(error))
                return message
        return ""

    def enough(self, where: Where | None) -> None:
        if where is not None:
            with Session(self.database) as session:
                rater = session.get(RaterRow, where.rater_id)
                sitting.finish_talking(session, self.spec, rater, where.slot_id)

    def hidden(self, here: Seat) -> bool:
        """Whether the replies to the last message are not written yet, or may not be shown yet."""
        return bool(here.exchanges) and (not here.answered or now() < sitting.due(self.spec, here))

    def write(self, where: Where | None) -> Iterator[tuple[str | dict, bool]]:
        """Let the last message be answered: the waiting conversation, then whether there are replies to `show`."""
        here = self.seat(where)
        if here is None or not self.hidden(here):
            yield gr.skip(), False
            return
        yield conversation_html(here, where.language, self.labels, 0), False
        if not here.answered:
            with Session(self.database) as session:
                try:
                    rater = session.get(RaterRow, where.rater_id)
                    sitting.answer(session, self.spec, rater, where.slot_id, self.arms)
                except Exception:
                    # The same words for every fault: what went wrong could tell which arm it was.
                    traceback.print_exc(file=sys.stderr)
                    gr.Warning(words(where.language)["broken"])
                    return
        yield gr.skip(), True

    async def show(self, where: Where | None, fresh: bool) -> AsyncIterator[str]:
        """The conversation step by step while replies that were just written appear."""
        if not fresh:
            return
        here = self.seat(where)
        await asyncio.sleep(max(0.0, (sitting.due(self.spec, here) - now()).total_seconds()))
        for step in range(1, STEPS + 1):
            await asyncio.sleep(self.pause)
            yield conversation_html(here, where.language, self.labels, step)

    def save(self, key: str, where: Where, value: str | int | None) -> None:
        with Session(self.database) as session:
            try:
                rater = session.get(RaterRow, where.rater_id)
                sitting.save(session, self.spec, rater, where.slot_id, key, value)
            except StudyError as error:
                gr.Warning(str(error))

    def submit(self, keys: tuple[str, ...], where: Where, *values: str | int | None) -> tuple[Where, int | object]:
        """Submit what the form holds: where the rater goes on, and the slot that is done.

        Answers that are still on their way are saved first.
        """
        text = words(where.language)
        here = self.seat(where)
        with Session(self.database) as session:
            rater = session.get(RaterRow, where.rater_id)
            try:
                for key, value in zip(keys, values, strict=True):
                    if (value or None) != here.answers.get(key):
                        sitting.save(session, self.spec, rater, where.slot_id, key, value or None)
                here = sitting.seat_in(session, self.spec, rater, where.slot_id)
                sitting.submit(session, self.spec, rater, where.slot_id)
            except NotReady:
                left = [question_label(ask, here, where.language) for ask in sitting.missing(self.spec, here)]
                gr.Warning(text["missing"].format(what=left[0] if left else "…"))
                return where, gr.skip()
            except StudyError:
                gr.Info(text["locked"])
        return self.go_on(where), where.slot_id


def create_page(
    database: Database,
    study_id: int,
    spec: StudySpec,
    arms: Mapping[str, OpenArm],
    labels: Labels = Labels(),
    at_once: int = 1,
    pause: float = SECONDS / STEPS,
) -> gr.Blocks:
    """The rater's page of a study. `at_once`: replies written at the same time; further raters wait their turn."""
    do = Handlers(database, study_id, spec, arms, labels, pause)
    with gr.Blocks(title=said(spec.title, spec.languages[0]), analytics_enabled=False, fill_width=True) as page:
        where, form, done = gr.State(None), gr.State(None), gr.State(None)
        ui = _layout(spec)

        @gr.render(inputs=[where, form], triggers=[form.change], show_progress="hidden")
        def _(stands: Where | None, slot_id: int | None) -> None:
            _questions(do, where, done, stands if slot_id is not None else None)

        _wire(do, page, ui, where, form, done, at_once)
    return page


def _layout(spec: StudySpec) -> SimpleNamespace:
    names = [(words(code)["language"], code) for code in spec.languages]
    ui = SimpleNamespace(header=gr.HTML(elem_id="study-head"))
    with gr.Column(visible=False, elem_id="study-consent") as ui.consenting:
        ui.language = gr.Radio(names, value=spec.languages[0], show_label=False, container=False,
                               visible=len(names) > 1)  # fmt: skip
        ui.consent = gr.HTML()
        ui.agree = gr.Button(variant="primary", elem_id="study-agree")
    with gr.Column(visible=False, elem_id="study-instructions") as ui.instructing:
        ui.instructions = gr.HTML()
        ui.begin = gr.Button(variant="primary", elem_id="study-begin")
    with gr.Column(visible=False, elem_id="study-task") as ui.working:
        ui.scenario, ui.talk = gr.HTML(), gr.HTML(elem_id="study-talk")
        with gr.Row(visible=False, elem_id="study-composer") as ui.composing:
            ui.box = gr.Textbox(show_label=False, container=False, scale=8, elem_id="study-box", lines=1, max_lines=5)
            ui.send = gr.Button(variant="primary", scale=1, min_width=90, elem_id="study-send")
        ui.enough = gr.Button(visible=False, elem_id="study-enough")
    ui.end = gr.HTML(elem_id="study-end")
    return ui


def _wire(
    do: Handlers,
    page: gr.Blocks,
    ui: SimpleNamespace,
    where: gr.State,
    form: gr.State,
    done: gr.State,
    at_once: int,
) -> None:
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    # A state's change, which draws the questions, is only told through the queue.
    queued = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    fresh = gr.State(False)
    shown = [
        ui.header, ui.consenting, ui.language, ui.consent, ui.agree, ui.instructing, ui.instructions, ui.begin,
        ui.working, ui.scenario, ui.talk, ui.composing, ui.box, ui.send, ui.enough, ui.end, form,
    ]  # fmt: skip

    def after(event) -> None:
        """Show where the rater stands, let a message be answered, show what that has opened."""
        viewed = event.then(partial(_view, do, ui, form), where, shown, **queued)
        turn_taking = queued | {"concurrency_limit": at_once, "concurrency_id": "reply"}
        written = viewed.then(do.write, where, [ui.talk, fresh], **turn_taking)
        shown_all = written.then(do.show, [where, fresh], ui.talk, **queued)
        shown_all.then(partial(_view, do, ui, form), where, shown, **queued)

    after(page.load(do.arrive, None, where, **quick))
    after(ui.agree.click(do.agree, [where, ui.language], where, **quick))
    after(ui.begin.click(do.go_on, where, where, **quick))
    after(gr.on([ui.send.click, ui.box.submit], do.say, [where, ui.box], ui.box, **quick))
    after(ui.enough.click(do.enough, where, None, **quick))
    after(done.change(lambda: None, None, None, **quick))
    ui.language.input(partial(_in_language, do, ui), [where, ui.language], [ui.header, ui.consent, ui.agree], **quick)


def _in_language(do: Handlers, ui: SimpleNamespace, where: Where | None, language: str) -> dict:
    if where is None:
        return {}
    return {
        ui.header: header_html(do.spec, language, None),
        ui.consent: f'<p class="study-text">{lines_html(said(do.spec.consent, language))}</p>',
        ui.agree: gr.Button(words(language)["agree"]),
    }


def _view(do: Handlers, ui: SimpleNamespace, form: gr.State, where: Where | None) -> dict:
    """The whole page for where the rater stands."""
    if where is None:
        notes = "".join(f'<p class="study-text">{words(code)["invalid"]}</p>' for code in do.spec.languages)
        return {ui.end: notes, ui.working: gr.Column(visible=False)}
    spec, text, here = do.spec, words(where.language), do.seat(where)
    view = {
        ui.header: header_html(spec, where.language, here),
        ui.consenting: gr.Column(visible=where.stage == "consent"),
        ui.instructing: gr.Column(visible=where.stage == "instructions"),
        ui.working: gr.Column(visible=where.stage == "task"),
        ui.end: "",
        form: None,
    }
    if where.stage == "consent":
        view |= _in_language(do, ui, where, where.language)
    elif where.stage == "instructions":
        paragraphs = (lines_html(said(spec.instructions, where.language)), text["saved"])
        view[ui.instructions] = "".join(f'<p class="study-text">{paragraph}</p>' for paragraph in paragraphs)
        view[ui.begin] = gr.Button(text["begin"])
    elif where.stage == "thanks":
        view[ui.end] = f'<p class="study-text study-thanks">{lines_html(said(spec.thanks, where.language))}</p>'
    else:
        hidden = do.hidden(here)
        may_talk = not hidden and not here.ready
        view |= {
            ui.scenario: scenario_html(here, where.language),
            # Replies that are still to be shown step by step must not be here for a moment before.
            ui.talk: conversation_html(here, where.language, do.labels, 0 if hidden else STEPS),
            ui.composing: gr.Row(visible=may_talk),
            ui.box: gr.Textbox(placeholder=text["ask"], max_length=sitting.MOST_MESSAGE),
            ui.send: gr.Button(text["send"]),
            ui.enough: gr.Button(text["enough"], visible=may_talk and here.answered),
            form: here.slot_id if here.ready and not hidden else None,
        }
    return view


def _questions(do: Handlers, state: gr.State, done: gr.State, where: Where | None) -> None:
    """The form of a task that is ready: what is asked of each side in its column, then what is asked of both."""
    here = do.seat(where)
    if here is None or not here.ready:
        return
    text, fields = words(where.language), {}
    asks = sitting.asks(do.spec, here)
    with gr.Row(elem_id="study-questions", elem_classes=f"study-task-{here.number}", key=f"row-{here.slot_id}"):
        for side in here.sides:
            with gr.Column(min_width=300):
                heading = f"{text['reply']} {NAMES[side]}" if len(here.sides) > 1 else text["reply"]
                gr.HTML(f"<h2>{heading}</h2>")
                for ask in (ask for ask in asks if ask.side == side):
                    fields[ask.key] = _field(ask, here, where.language)
    if any(ask.side is None for ask in asks):
        gr.HTML(f"<h2>{text['compare']}</h2>")
        for ask in (ask for ask in asks if ask.side is None):
            fields[ask.key] = _field(ask, here, where.language)
    gr.HTML(f'<p class="study-final">{text["final"]}</p>')
    button = gr.Button(text["submit"], variant="primary", elem_id="study-submit")
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    for key, field in fields.items():
        changed = field.blur if isinstance(field, gr.Textbox) else field.input
        changed(partial(do.save, key), [state, field], None, **quick)
    # What follows hangs on `done`, outside of this form: the form and its events are gone by then.
    submit = partial(do.submit, tuple(fields))
    queued = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    button.click(submit, [state, *fields.values()], [state, done], **queued)


def _field(ask: Ask, here: Seat, language: str) -> gr.components.Component:
    label = question_label(ask, here, language)
    if not ask.question.required:
        label = f"{label} ({words(language)['optional']})"
    name = f"ask-{ask.key.replace(':', '-')}"
    value = here.answers.get(ask.key)
    if ask.question.answer == "comment":
        return gr.Textbox(value or "", label=label, lines=2, max_length=sitting.MOST_COMMENT, elem_id=name)
    return gr.Radio(choices_of(ask.question, language), value=value, label=label, elem_id=name)
