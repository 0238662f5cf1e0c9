"""What a rater sees, as HTML: replies side by side, the scenario, progress, and how questions are called. No Gradio.

A `Seat` holds no arm, and replies are shown without SIDs, ids, plans or other candidates, so nothing here tells which
arm a side is; both sides have the same number of steps, so their rhythm does not tell either.
"""

from dataclasses import replace

from neo.chat.cards import Labels, ReplyHtml, line_html, lines_html, message_html
from neo.chat.parts import Card, Notice, Part, Words
from neo.study.arms import anonymous
from neo.study.sitting import Ask, Seat
from neo.study.spec import Question, StudySpec, said
from neo.study.words import words

STEPS = 16
"""In how many steps a reply of any length is shown."""
NAMES = {"left": "A", "right": "B"}


def units(parts: tuple[Part, ...]) -> list[Part]:
    """What may be seen of a reply, in pieces of about a word: the same for every kind of arm."""
    pieces: list[Part] = []
    for part in parts:
        if isinstance(part, Words):
            pieces += [Words(f"{word} ") for word in part.text.split(" ")[:-1]] + [Words(part.text.split(" ")[-1])]
        elif isinstance(part, Card):
            pieces.append(replace(part, item=anonymous(part.item), score=0.0, alternatives=()))
        elif isinstance(part, Notice):
            pieces.append(part)
    return pieces


def reply_html(parts: tuple[Part, ...], step: int, labels: Labels) -> str:
    """A reply after `step` of STEPS steps. Replies of all lengths begin and end together."""
    pieces = units(parts)
    reply = ReplyHtml.of(pieces[: -(-len(pieces) * step // STEPS)], labels)
    if step == STEPS:
        reply.end("done")
    return reply.html()


def conversation_html(here: Seat, language: str, labels: Labels, step: int = STEPS) -> str:
    """Messages, each with its replies side by side; the last replies are shown up to `step`, from 0 on."""
    text, out = words(language), []
    thinking = text["thinking"] if len(here.sides) > 1 else text["writing"]
    for turn, exchange in enumerate(here.exchanges, start=1):
        out.append(f'<div class="study-said">{message_html(exchange.message)}</div>')
        shown = step if turn == len(here.exchanges) else STEPS
        if len(exchange.replies) < len(here.sides):
            shown = 0
        columns = []
        for side in here.sides:
            name = f"{text['reply']} {NAMES[side]}" if len(here.sides) > 1 else text["reply"]
            reply = reply_html(exchange.replies[side] if shown else (), shown, labels)
            columns.append(f'<section class="study-side" aria-label="{name}"><h3>{name}</h3>{reply}</section>')
        out.append(f'<div class="study-pair study-of-{len(here.sides)}">{"".join(columns)}</div>')
        if not shown:
            out.append(f'<p class="study-thinking" role="status">{thinking}</p>')
    return f'<div class="study-talk">{"".join(out)}</div>'


def header_html(spec: StudySpec, language: str, here: Seat | None) -> str:
    progress = ""
    if here:
        label = words(language)["progress"].format(number=here.number, total=here.total)
        progress = f'<p>{label} <progress value="{here.number - 1}" max="{here.total}">{label}</progress></p>'
    return f'<header class="study-header"><h1>{line_html(said(spec.title, language))}</h1>{progress}</header>'


def scenario_html(here: Seat, language: str) -> str:
    practice = f'<p class="study-practice">{words(language)["practice"]}</p>' if here.task.practice else ""
    return f'{practice}<p class="study-scenario">{lines_html(said(here.task.scenario, language))}</p>'


def question_label(ask: Ask, here: Seat, language: str) -> str:
    """A question with what it is about: an item's title, or a turn's number where there are several."""
    text = said(ask.question.words, language)
    if ask.position:
        card = next(c for c in here.exchanges[ask.turn - 1].cards(ask.side) if c.position == ask.position)
        return f"{ask.position}. {card.item.title}: {text}"
    if ask.turn and len(here.exchanges) > 1:
        return f"{words(language)['message']} {ask.turn}: {text}"
    return text


def choices_of(question: Question, language: str) -> list[tuple[str, str | int]]:
    """(label, value) of every option."""
    if question.answer == "verdict":
        return [(words(language)[option], option) for option in question.options]
    if question.answer == "choice":
        return [(said(choice.words, language), choice.id) for choice in question.choices]
    ends = {1: question.low, question.points: question.high}
    return [(f"{at} {said(ends[at], language)}" if ends.get(at) else str(at), at) for at in question.options]
