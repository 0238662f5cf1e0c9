"""The study file: what it says, and that every mistake is named with its line."""

from pathlib import Path

import pytest
import yaml

from neo.study import spec as spec_module
from neo.study.errors import StudyFileInvalid
from neo.study.spec import ModelArm, parse_spec, read_spec, renamed
from neo.study.words import LANGUAGES, words

EXAMPLE = Path(spec_module.__file__).parent / "example.yaml"


def problems(text):
    with pytest.raises(StudyFileInvalid) as caught:
        parse_spec(text)
    return caught.value.problems


def line_of(text, wanted):
    return next(number for number, line in enumerate(text.splitlines(), start=1) if wanted in line)


def test_the_example_is_a_study():
    spec, _ = read_spec(EXAMPLE)
    assert spec.planned == 48 and spec.tasks_each == 4 and [task.id for task in spec.tasks if not task.counted] == [
        "warm-up", "reading-check",
    ]  # fmt: skip


def test_a_model_arm_says_how_it_decodes(study_text):
    arms = {"mine": {"kind": "model", "weights": "runs/x", "beams": 4, "filters": {"types": ["show"]}},
            "simple": {"kind": "bm25"}}  # fmt: skip
    arm = parse_spec(study_text(arms=arms)).arms["mine"]
    assert isinstance(arm, ModelArm) and (arm.beams, arm.temperature, arm.filters.types) == (4, 0.0, ("show",))


def test_a_wrong_value_deep_in_the_file_has_its_line(study_text):
    text = study_text(arms={"mine": {"kind": "model", "beams": 0}, "other": {"kind": "bm25"}})
    assert problems(text) == (
        f"line {line_of(text, 'beams')}: arms.mine.model.beams: Input should be greater than or equal to 1, found 0",
    )


def test_all_problems_are_said_at_once_in_the_order_of_lines(study_text):
    text = study_text(seed="x", tasks=[{"id": "sea", "scenario": "s", "turnz": 2}])
    found = problems(text)
    assert [line.partition(":")[0] for line in found] == [
        f"line {line_of(text, 'seed')}", f"line {line_of(text, 'turnz')}",
    ]  # fmt: skip


def test_a_missing_key_points_at_its_parent(study_text):
    text = study_text(design={"kind": "single"})
    assert problems(text) == (f"line {line_of(text, 'design:')}: design.judgements: Field required",)


def test_a_key_that_stands_twice_is_not_silently_overwritten(study_text):
    text = study_text() + "seed: 4\n"
    assert problems(text) == (f"line {text.count(chr(10))}: key 'seed' stands twice: remove one",)


@pytest.mark.parametrize(
    ("changes", "at", "said"),
    [
        ({"arms": {"only": {"kind": "bm25"}}}, "arms:", "expected at least 2"),
        ({"tasks": [{"id": "sea", "scenario": "s"}, {"id": "sea", "scenario": "t"}]}, "", "given 2 times"),
        ({"tasks": [{"id": "sea", "scenario": "s", "practice": True}]}, "tasks:", "add one that counts"),
        ({"design": {"judgements": 1, "tasks_per_rater": 3}}, "tasks_per_rater", "a rater sees a task once"),
        ({"design": {"judgements": 1, "results_after": 3}}, "results_after", "at most the 2"),
        ({"design": {"kind": "single", "judgements": 1}}, "about: comparison", "needs design kind side-by-side"),
        ({"languages": ["en", "de"], "thanks": {"en": "Thanks"}}, "thanks:", "no words in de"),
    ],
)
def test_what_no_field_can_know_alone_is_checked(study_text, changes, at, said):
    text = study_text(**changes)
    found = [line for line in problems(text) if said in line]
    assert found and (not at or found[0].startswith(f"line {line_of(text, at)}:"))


@pytest.mark.parametrize(
    ("attention", "said"),
    [
        ({"question": "listen", "answer": "would"}, "about the whole task: relevance, better, why"),
        ({"question": "better", "answer": "middle"}, "'middle' cannot be chosen: left, right, tie, bad"),
    ],
)
def test_an_attention_check_must_be_answerable(study_text, attention, said):
    tasks = [{"id": "sea", "scenario": "s"}, {"id": "check", "scenario": "s", "attention": attention}]
    assert said in problems(study_text(tasks=tasks))[0]


@pytest.mark.parametrize("text", ["", "- a", "a: [", "just words", "a: &x [*x]"])
def test_what_is_no_study_is_refused_in_words(text):
    assert problems(text)


def test_the_page_speaks_every_language_with_the_same_words():
    assert {frozenset(words(language)) for language in LANGUAGES} == {frozenset(words("en"))}
    for language in LANGUAGES:
        assert all(isinstance(text, str) and text for text in words(language).values()), language
        assert words(language)["progress"].format(number=1, total=2)


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "x"}))
    with pytest.raises(StudyFileInvalid, match=r"mine\.yaml"):
        read_spec(path)
    with pytest.raises(StudyFileInvalid, match="cannot be read"):
        read_spec(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "line", ["name: small", 'name: "small"  # of all names', "{before}\nname:   small # last", "'name': small"]
)
def test_a_file_under_another_name_is_the_same_file(study_text, line):
    """Comments stay, and so do other names, here a task's scenario."""
    text = study_text(tasks=[{"id": "sea", "scenario": "name: small"}])
    text = text.replace("name: small\n", line.replace("{before}", "# first") + "\n", 1)
    other = parse_spec(renamed(text, "small-simulated"))
    assert other == parse_spec(text).model_copy(update={"name": "small-simulated"})
    assert renamed(text, "small-simulated").count("#") == text.count("#")


def test_the_longest_name_has_room_for_its_double(study_text):
    name = "n" * 40
    assert parse_spec(renamed(study_text(name=name), f"{name}-simulated")).name == f"{name}-simulated"
    with pytest.raises(StudyFileInvalid, match="name"):
        parse_spec(study_text(name=name + "n"))
