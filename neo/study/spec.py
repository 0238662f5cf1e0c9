"""The study file: what is compared, on which tasks, by which questions. YAML in, frozen values out.

Whatever is wrong is reported at once and with the line it stands on: the shape is checked by pydantic, and what no
single field can know (names that refer to each other, missing translations) by `_crosscheck`.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from neo.study.errors import StudyFileInvalid
from neo.study.words import LANGUAGES

ANY_LANGUAGE = "*"
VERDICTS = ("left", "right", "tie", "bad")
"""What a side-by-side verdict can be: a side as the rater saw it, as good as each other, or neither is any good."""

SIMULATED = "-simulated"
"""What the name of a study's double for simulated raters ends with."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
StudyName = Annotated[str, StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,39}}({SIMULATED})?$")]
Language = Literal[LANGUAGES]
Says = Annotated[
    dict[str, str], BeforeValidator(lambda given: {ANY_LANGUAGE: given} if isinstance(given, str) else given)
]
"""Words for raters: one text for all, or a text a language."""


def said(words: dict[str, str], language: str) -> str:
    """`words` in this language."""
    return words.get(language) or words[ANY_LANGUAGE]


class Strict(BaseModel):
    """A value of the file: frozen, and a misspelled key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Filters(Strict):
    """Hard filters on what an arm may recommend."""

    types: tuple[str, ...] = ()
    language: str | None = None


class ModelArm(Strict):
    """A trained model as `python -m neo train` writes it."""

    kind: Literal["model"]
    weights: Path | None = None
    base: str | None = None
    beams: int = Field(10, ge=1, le=100)
    temperature: float = Field(0.0, ge=0, le=5)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = 0
    prompts: Path | None = None
    """A prompt set of its own: a copy of the folder `prompts/` with other phrases, replies and notices."""
    database: str | None = None
    """A catalog of its own, for weights whose SIDs are not those of the study's database."""
    filters: Filters = Filters()


class BaselineArm(Strict):
    """Something simple to beat: a ranking of the catalog and a canned sentence."""

    kind: Literal["popularity", "neighbours", "bm25"]
    items: int = Field(3, ge=1, le=10)
    filters: Filters = Filters()


Arm = Annotated[ModelArm | BaselineArm, Field(discriminator="kind")]


class Attention(Strict):
    """The one right answer of a task that checks whether a rater reads."""

    question: Name
    answer: str | int


class Task(Strict):
    id: Name
    scenario: Says
    message: Says | None = None
    """The first message, sent as it is; left out, the rater writes it."""
    turns: int = Field(1, ge=1, le=20)
    listener: str | None = None
    practice: bool = False
    """Done first by everybody and counted nowhere."""
    attention: Attention | None = None

    @property
    def counted(self) -> bool:
        return not self.practice and self.attention is None


class Choice(Strict):
    id: Name
    words: Says


class Question(Strict):
    id: Name
    about: Literal["item", "reply", "conversation", "comparison"]
    answer: Literal["scale", "choice", "verdict", "comment"]
    words: Says
    points: Literal[5, 7] = 5
    low: Says | None = None
    high: Says | None = None
    choices: tuple[Choice, ...] = ()
    hits: tuple[Name, ...] = ()
    """Choices of an item question that count as a hit in precision at k."""
    required: bool = True

    @property
    def options(self) -> tuple[str | int, ...]:
        """Every answer that can be given; empty for a comment."""
        match self.answer:
            case "scale":
                return tuple(range(1, self.points + 1))
            case "choice":
                return tuple(choice.id for choice in self.choices)
            case "verdict":
                return VERDICTS
        return ()


class Design(Strict):
    kind: Literal["side-by-side", "single"] = "side-by-side"
    judgements: int = Field(ge=1, le=1000)
    """Judgements a task, spread evenly over the arms (or pairs of arms)."""
    tasks_per_rater: int | None = Field(None, ge=1)
    """Counted tasks that one rater does; all if left out."""
    links: Literal["resumable", "single-use"] = "resumable"
    results_after: int | None = Field(None, ge=1)
    """Judgements before results may be looked at; all if left out, so that nobody stops when it looks good."""
    quickest: float = Field(5.0, ge=0)
    """Seconds a judgement takes an attentive rater at least; a rater whose median is lower is flagged."""
    pace: float = Field(15.0, ge=0)
    """Seconds from a message to its reply in a study of single arms, whichever arm wrote it, so that waiting does not
    tell which; more than the slowest arm needs. Side by side both replies wait for the slower one."""


class StudySpec(Strict):
    name: StudyName
    title: Says
    languages: tuple[Language, ...] = Field(("en",), min_length=1)
    seed: int
    design: Design
    arms: dict[Name, Arm]
    tasks: tuple[Task, ...]
    questions: tuple[Question, ...]
    consent: Says
    instructions: Says
    thanks: Says
    cite: str = ""

    def task(self, id: str) -> Task:
        return next(task for task in self.tasks if task.id == id)

    def question(self, id: str) -> Question | None:
        return next((question for question in self.questions if question.id == id), None)

    @property
    def counted_tasks(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if task.counted)

    @property
    def tasks_each(self) -> int:
        """Counted tasks that one rater does."""
        return self.design.tasks_per_rater or len(self.counted_tasks)

    @property
    def planned(self) -> int:
        """Counted judgements of the whole study."""
        return len(self.counted_tasks) * self.design.judgements

    @property
    def wait(self) -> float:
        """Seconds after a message before which its replies are not shown."""
        return 0.0 if self.side_by_side else self.design.pace

    @property
    def side_by_side(self) -> bool:
        return self.design.kind == "side-by-side"


def fingerprint(text: str) -> str:
    """The first 16 hex digits of a text's SHA-256: which version of a file this is."""
    return sha256(text.encode()).hexdigest()[:16]


def renamed(text: str, name: str) -> str:
    """A study file's text under another name; everything else, comments too, stays as it is."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    old = next(value for key, value in root.value if key.value == "name")
    return text[: old.start_mark.index] + name + text[old.end_mark.index :]


def read_spec(path: Path) -> tuple[StudySpec, str]:
    """The study of a file, and the file's text. Raises StudyFileInvalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyFileInvalid(path, [f"cannot be read ({error}): give the path of a study file"]) from error
    return parse_spec(text, path), text


def parse_spec(text: str, name: object = "the study file") -> StudySpec:
    """The study that a text describes. Raises StudyFileInvalid with a line for every problem."""
    try:
        for token in yaml.scan(text):
            if isinstance(token, yaml.AliasToken):  # an alias can hold itself, and a line could not be named
                where = f"line {token.start_mark.line + 1}"
                raise StudyFileInvalid(name, [f"{where}: alias *{token.value}, expected its value: write it out"])
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise StudyFileInvalid(name, [f"{where}{getattr(error, 'problem', error)}: expected YAML"]) from error
    if not isinstance(given, dict):
        raise StudyFileInvalid(name, ["line 1: expected keys such as name, design, arms, tasks, questions"])
    lines = dict(_lines(root))
    problems = [(line, f"key {key!r} stands twice: remove one") for key, line in _twice(root)]
    try:
        spec = StudySpec.model_validate(given)
        problems += [(_line_of(lines, place), message) for place, message in _crosscheck(spec)]
    except ValidationError as invalid:
        for error in invalid.errors():
            place = ".".join(map(str, error["loc"]))
            found = f", found {error['input']!r:.60}" if error["type"] != "missing" else ""
            problems.append((_line_of(lines, error["loc"]), f"{place}: {error['msg']}{found}"))
    if problems:
        raise StudyFileInvalid(name, [f"line {line}: {message}" for line, message in sorted(problems)])
    return spec


def _crosscheck(spec: StudySpec) -> Iterator[tuple[tuple, str]]:
    """(place, problem) of everything that one field alone cannot know."""
    needed = 2 if spec.side_by_side else 1
    if len(spec.arms) < needed:
        yield ("arms",), f"{len(spec.arms)} arms, expected at least {needed} for design {spec.design.kind!r}"
    for what, rows in (("tasks", spec.tasks), ("questions", spec.questions)):
        for id, times in Counter(row.id for row in rows).items():
            if times > 1:
                at = max(index for index, row in enumerate(rows) if row.id == id)
                yield (what, at, "id"), f"id {id!r} is given {times} times: ids are unique"
    if not spec.counted_tasks:
        yield ("tasks",), "no task counts (practice and attention checks do not): add one that counts"
    elif spec.tasks_each > len(spec.counted_tasks):
        yield (
            ("design", "tasks_per_rater"),
            f"{spec.tasks_each} tasks a rater, but only {len(spec.counted_tasks)} count: a rater sees a task once",
        )
    if (spec.design.results_after or 0) > spec.planned:
        yield ("design", "results_after"), f"expected at most the {spec.planned} judgements that are planned"
    yield from _question_problems(spec)
    for at, task in enumerate(spec.tasks):
        if task.attention is None:
            continue
        question = spec.question(task.attention.question)
        if question is None or question.about not in ("comparison", "conversation"):
            known = ", ".join(q.id for q in spec.questions if q.about in ("comparison", "conversation"))
            yield ("tasks", at, "attention", "question"), f"expected a question about the whole task: {known}"
        elif task.attention.answer not in question.options:
            offered = ", ".join(map(str, question.options))
            yield ("tasks", at, "attention", "answer"), f"{task.attention.answer!r} cannot be chosen: {offered}"
    for place, words in _wordings(spec):
        missing = [language for language in spec.languages if ANY_LANGUAGE not in words and not words.get(language)]
        if missing:
            yield place, f"no words in {', '.join(missing)}: the study's languages need them all"


def _question_problems(spec: StudySpec) -> Iterator[tuple[tuple, str]]:
    verdicts = [at for at, question in enumerate(spec.questions) if question.answer == "verdict"]
    if not spec.questions:
        yield ("questions",), "no questions, expected at least one"
    if spec.side_by_side and len(verdicts) != 1:
        yield ("questions",), f"{len(verdicts)} questions with answer: verdict, expected one in a side-by-side study"
    for at, question in enumerate(spec.questions):
        compares = question.about == "comparison"
        if compares and not spec.side_by_side:
            yield ("questions", at, "about"), "a comparison needs design kind side-by-side"
        if question.answer == "verdict" and not (compares and question.required):
            yield ("questions", at), "a verdict is required and about: comparison"
        if (question.answer == "choice") != (len(question.choices) > 1):
            yield ("questions", at), "answer: choice needs two or more choices, and other answers have none"
        if stray := set(question.hits) - {choice.id for choice in question.choices}:
            yield ("questions", at, "hits"), f"{sorted(stray)[0]!r} is not one of the choices"
        if question.hits and question.about != "item":
            yield ("questions", at, "hits"), "hits are for questions about an item"


def _wordings(spec: StudySpec) -> Iterator[tuple[tuple, dict[str, str]]]:
    for field in ("title", "consent", "instructions", "thanks"):
        yield (field,), getattr(spec, field)
    for at, task in enumerate(spec.tasks):
        yield ("tasks", at, "scenario"), task.scenario
        if task.message is not None:
            yield ("tasks", at, "message"), task.message
    for at, question in enumerate(spec.questions):
        yield ("questions", at, "words"), question.words
        for field in ("low", "high"):
            if getattr(question, field) is not None:
                yield ("questions", at, field), getattr(question, field)
        for number, choice in enumerate(question.choices):
            yield ("questions", at, "choices", number, "words"), choice.words


def _lines(node: Node | None, place: tuple = ()) -> Iterator[tuple[tuple, int]]:
    """(place, line from 1) of everything in a YAML tree; a mapping's key is where its value is said to be."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield (*place, key.value), key.start_mark.line + 1
            yield from _lines(value, (*place, key.value))
    elif isinstance(node, SequenceNode):
        for at, value in enumerate(node.value):
            yield (*place, at), value.start_mark.line + 1
            yield from _lines(value, (*place, at))


def _twice(node: Node | None) -> Iterator[tuple[str, int]]:
    """(key, line) of keys that a mapping has already: YAML would silently keep the last."""
    children = node.value if isinstance(node, MappingNode | SequenceNode) else ()
    seen = set()
    for child in children:
        if isinstance(child, tuple):
            key, child = child
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
        yield from _twice(child)


def _line_of(lines: dict[tuple, int], place: tuple) -> int:
    """The line of the innermost known part of a place. Steps that the file lacks (pydantic's tags) are passed."""
    at, line = (), 1
    for step in place:
        if (*at, step) in lines:
            at = (*at, step)
            line = lines[at]
    return line
