"""Report, export and commands: what they say, what they hide, and what never gets out."""

import csv
import json
import re
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from neo.study import arms as arms_module
from neo.study import charts, sitting, store
from neo.study.assignment import slots
from neo.study.commands import study_app
from neo.study.errors import Hidden, StudyError
from neo.study.export import ANSWER, JUDGEMENT, KINDS, export
from neo.study.judgements import read
from neo.study.replay import Moment
from neo.study.report import SIMULATED, as_html, as_markdown, build, progress, write
from neo.study.simulate import Taste, simulate
from neo.study.statistics import Estimate
from neo.study.tables import SlotRow
from tests.study.test_arms import LetterEncoder

EXAMPLE = Path(arms_module.__file__).parent / "example.yaml"
EVIL = "<script>alert(1)</script> | =1+1"


@pytest.fixture
def done(made, join, judge):
    """(session, study, spec) with every judgement made, by people."""
    session, study, spec = made()
    for verdict in ("left", "right", "tie", "bad", "left", "left"):
        rater = join(session, study, spec)
        while judge(session, spec, rater, verdict=verdict, why=EVIL):
            pass
    return session, study, spec


def test_the_report_says_what_was_found(done, tmp_path):
    session, study, spec = done
    report = build(session, study, spec)
    html, markdown = as_html(report), as_markdown(report)
    for text in (html, markdown):
        assert "12 judgements by 6 raters on 2 tasks" in text and "file " + report.file in text
        assert "SIMULATED" not in text and "alpha" in text and "Krippendorff" in text
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "<script>" not in markdown
    for path in write(report, tmp_path):
        if path.suffix == ".svg":
            ET.parse(path)
            assert f"pictures/{path.name}" in markdown


def test_simulated_raters_are_called_simulated_everywhere(made, arms, tmp_path):
    session, study, spec = made()
    simulate(session, study, spec, arms, Taste({"alpha": 1.0}), 6, seed=1)
    report = build(session, study, spec)
    assert SIMULATED in as_html(report) and SIMULATED in as_markdown(report)
    assert "12 judgements by 6 simulated raters" in as_html(report) and "Raters were simulated." in as_markdown(report)
    export(session, study, spec, tmp_path)
    for name in ("judgements.csv", "answers.csv"):
        assert {row["simulated"] for row in csv.DictReader((tmp_path / name).open())} == {"1"}
    lines = (tmp_path / "conversations.jsonl").read_text().splitlines()
    assert all(json.loads(line)["simulated"] is True for line in lines)


def test_results_stay_hidden_until_all_is_in_and_a_look_is_recorded(made, join, judge):
    session, study, spec = made()
    judge(session, spec, join(session, study, spec))
    with pytest.raises(Hidden, match="1 judgements, expected 12"):
        build(session, study, spec)
    report = build(session, study, spec, peek=True)
    assert "looked at 1 time before" in as_html(report) and progress(session, study, spec).peeks == 1


def test_the_report_names_who_was_left_out_and_why(done):
    session, study, spec = done
    store.decide(session, study, 2, True, "wrote that they guessed")
    with pytest.raises(Hidden, match="10 judgements, expected 12"):  # others judge what rater 2 judged
        build(session, study, spec)
    html = as_html(build(session, study, spec, peek=True))
    assert "10 judgements by 5 raters" in html and "rater 2, 2 judgements: wrote that they guessed" in html


@pytest.mark.parametrize(("pace", "late"), [(0, 2), (86_400, 0)])
def test_a_report_of_single_arms_says_whether_waiting_told_which(made, join, judge, pace, late):
    question = {"id": "relevance", "about": "conversation", "answer": "scale", "words": "Relevant?"}
    session, study, spec = made(design={"kind": "single", "judgements": 3, "pace": pace}, questions=[question])
    for _ in range(3):
        rater = join(session, study, spec)
        while judge(session, spec, rater):
            pass
    report = build(session, study, spec)
    for text in (as_html(report), as_markdown(report)):
        assert f"a reply appeared {'86400' if pace else 0} s after its message whichever arm wrote it" in text
        assert all(f"{arm} {late} of 2" in text for arm in spec.arms)
        assert "both replies" not in text and "mean by task and language" in text
    assert {each.seconds for each in read(session, study, spec)} == {0.0} or not pace, "counted from when it was shown"


def test_the_report_names_who_stopped_and_what_does_not_count(made, join, judge):
    check = {"id": "check", "scenario": "s", "attention": {"question": "better", "answer": "bad"}}
    session, study, spec = made(tasks=[{"id": "sea", "scenario": "s"}, check], design={"judgements": 1})
    store.add_raters(session, study, 1)
    gone, done, waiting = (join(session, study, spec) for _ in range(3))
    sitting.seat(session, spec, gone)
    store.release(session, study, gone.number, "wrote that | they stop")
    while judge(session, spec, done):
        pass
    store.decide(session, study, done.number, True, "guessed")
    sitting.seat(session, spec, waiting)
    report = build(session, study, spec, peek=True)
    for text, why in ((as_html(report), "wrote that | they stop"), (as_markdown(report), "wrote that \\| they stop")):
        assert f"rater {gone.number}, 1 begun and not submitted, then given to others: {why}" in text
        assert f"rater {waiting.number}, 1 begun and not submitted" in text
        assert f"rater {done.number}, 1 judgements: guessed" in text
        assert "1 practice tasks and attention checks" in text
        assert "Of 4 links 3 were followed; 3 raters agreed to take part and 1 judged." in text


def test_the_export_holds_everything_but_tokens(done, tmp_path):
    session, study, spec = done
    [(_, token)] = store.add_raters(session, study, 1)
    sitting.open_link(session, token)
    files = {path.name: path.read_text(encoding="utf-8") for path in export(session, study, spec, tmp_path)}
    assert not any(token in text or store.token_hash(token) in text for text in files.values())
    judgements = list(csv.DictReader(files["judgements.csv"].splitlines()))
    answers = list(csv.DictReader(files["answers.csv"].splitlines()))
    assert len(judgements) == 12 and list(judgements[0]) == list(JUDGEMENT) and list(answers[0]) == list(ANSWER)
    assert len([row for row in answers if row["about"] == "item"]) == 12 * 4
    conversations = [json.loads(line) for line in files["conversations.jsonl"].splitlines()]
    reply = conversations[0]["replies"][0]
    card = next(fields for (kind, fields), _ in reply["parts"] if kind == "Card")
    assert card["item"]["sid"] == {"type": "show", "codes": [1, 2, 3]} and reply["settings"] == {"kind": "scripted"}
    assert {(row["left"], row["right"]) for row in judgements} == {slot.arms for slot in slots(spec)}
    for row in judgements:
        assert {row["left"], row["right"]} == {row["first"], row["second"]}
        if row["side"] in ("left", "right"):
            assert row[row["side"]] == row[row["verdict"]], "the side that was clicked is the arm that won"
    assert files["study.yaml"] == study.file and len(files["assignment.csv"].splitlines()) == 13


def test_the_dictionary_describes_every_column_field_and_event(done, join, tmp_path):
    session, study, spec = done
    rater = join(session, study, spec)
    store.record(session, study.id, "served", {"app": "1", "arms": {}})
    store.decide(session, study, 1, True, "guessed")  # their seats are free again
    slot_id = sitting.seat(session, spec, rater).slot_id
    sitting.say(session, spec, rater, slot_id, "Hello")
    store.release(session, study, rater.number, "left")
    files = {path.name: path.read_text(encoding="utf-8") for path in export(session, study, spec, tmp_path)}
    tables = {name: set(csv.DictReader(text.splitlines()).fieldnames) for name, text in files.items() if "csv" in name}
    rows = {name: [json.loads(line) for line in files[name].splitlines()] for name in files if "jsonl" in name}
    tables |= {name: set().union(*of) for name, of in rows.items()}
    sections = dict(part.split("\n", 1) for part in files["dictionary.md"].split("\n## ")[1:])
    for name, columns in tables.items():
        described = set(re.findall(r"^- `(\w+)`: \S", sections[name].split("\n###")[0], re.MULTILINE))
        assert described == columns, name
    seen = {event["kind"]: set(event["data"]) for event in rows["events.jsonl"]}
    assert seen == {kind: set(fields) for kind, (_, fields) in KINDS.items() if kind != "enough"}
    for kind, (what, fields) in KINDS.items():
        own = files["dictionary.md"].split(f"`{kind}`: {what}")[1].split("\n###")[0]
        assert all(f"- `{field}`: " in own for field in fields)


def test_an_export_before_all_is_in_is_a_look(made, join, judge, tmp_path):
    session, study, spec = made()
    judge(session, spec, join(session, study, spec))
    export(session, study, spec, tmp_path)
    [event] = session.scalars(store.events_of(study.id, "peeked"))
    assert event.data == {"submitted": 1, "by": "export"} and '"peeked"' in (tmp_path / "events.jsonl").read_text()
    assert "looked at 2 times before" in as_html(build(session, study, spec, peek=True))


def test_an_export_after_all_is_in_is_no_look(done, tmp_path):
    session, study, spec = done
    export(session, study, spec, tmp_path)
    assert progress(session, study, spec).peeks == 0


def test_words_of_raters_are_no_formulas(made, join, judge, tmp_path):
    session, study, spec = made()
    judge(session, spec, join(session, study, spec), why='=HYPERLINK("x")')
    export(session, study, spec, tmp_path)
    values = [row["value"] for row in csv.DictReader((tmp_path / "answers.csv").open()) if row["question"] == "why"]
    assert values == ['\'=HYPERLINK("x")']


def test_pictures_put_values_where_they_belong():
    """On an axis from 0 to 1 the dot of one half is in the middle of the axis' ends."""
    picture = ET.fromstring(charts.intervals("A & B", [("<a>", Estimate(0.5, 0.25, 0.75))], 0, 1, 0.5))
    space = "{http://www.w3.org/2000/svg}"
    axis = sorted(float(path.get("d")[1:].split()[0]) for path in picture.iter(f"{space}path")
                  if path.get("stroke") == "#e7e5e4")  # fmt: skip
    assert float(picture.find(f"{space}circle").get("cx")) == pytest.approx((axis[0] + axis[-1]) / 2)
    assert "<a>" in [text.text for text in picture.iter(f"{space}text")]


def run(*arguments):
    return CliRunner().invoke(study_app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_commands_lead_from_a_file_to_links(study_text, tmp_path, url):
    file = tmp_path / "small.yaml"
    file.write_text(study_text())
    assert "3 arms, 2 counted tasks x 6 judgements = 12; 2 a rater, so at least 6" in " ".join(
        run("check", file).output.split()
    )
    run("create", file, "--database", url, "--raters", 2, "--address", "https://x.org", "--out", tmp_path)
    run("links", "small", "--database", url, "--raters", 1, "--address", "https://x.org", "--out", tmp_path)
    rows = list(csv.DictReader((tmp_path / "links.csv").open()))
    assert [row["rater"] for row in rows] == ["1", "2", "3"]
    assert (tmp_path / "links.csv").stat().st_mode & 0o077 == 0, "links are for the organiser alone"
    from catalog.database import open_database

    with Session(open_database(url)) as session:
        for row in rows:
            token = row["link"].removeprefix("https://x.org/?t=")
            assert sitting.open_link(session, token).number == int(row["rater"])
    assert "0 of 12 judgements submitted" in run("status", "small", "--database", url).output


def test_the_example_goes_from_its_file_to_a_report_of_simulated_raters(url, tmp_path, monkeypatch):
    """As the README has it, with an encoder that needs no model."""
    monkeypatch.setattr(arms_module, "TextEncoder", LetterEncoder)
    monkeypatch.chdir(tmp_path)

    def study(command, *arguments):
        result = run(command, *arguments, "--database", url)
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    study("create", EXAMPLE, "--raters", 2)
    assert "python -m neo study report example-simulated --peek" in study("simulate", "example", "--raters", 2)
    study("report", "example-simulated", "--peek")
    study("export", "example-simulated")
    folder = tmp_path / "runs" / "study" / "example-simulated"
    assert SIMULATED in (folder / "report.html").read_text(encoding="utf-8")
    assert "looked at 1 time before" in (folder / "report.md").read_text(encoding="utf-8")
    assert len(list(csv.DictReader((folder / "export" / "judgements.csv").open(encoding="utf-8")))) == 2 * 6
    assert "8 of 48 judgements submitted" in study("status", "example-simulated")
    study("exclude", "example-simulated", 1, "--because", "not attentive")
    assert "4 of 48 judgements submitted" in study("status", "example-simulated")
    study("include", "example-simulated", 1, "--because", "a mistake")
    assert "8 of 48 judgements submitted" in study("status", "example-simulated")
    assert "0 of 48 judgements submitted, 0 taken; 2 links;" in study("status", "example")


@pytest.mark.parametrize("results_after", [1, 2])
def test_a_replay_and_win_rates_are_blind_until_all_is_in(made, join, judge, url, results_after):
    session, row, spec = made(design={"judgements": 6, "results_after": results_after})
    slot_id = judge(session, spec, join(session, row, spec), why="for the sea")
    names = session.get(SlotRow, slot_id).arms
    listed = run("replay", "small", "--database", url).output
    assert re.search(rf"{slot_id} .* 1 .* submitted", listed) and not any(name in listed for name in names)
    shown = run("replay", "small", slot_id, "--database", url).output
    assert "Message" in shown and "word word" in shown and "\n  2. Title 2, Sarah Koenig\n" in shown
    told = [f"{names[0]} and {names[1]} from left to right", f"reply left {names[0]}", "for the sea"]
    assert [each in shown for each in told] == [results_after == 1] * 3
    assert [name in shown for name in names] == [results_after == 1] * 2
    duel = " against ".join(sorted(names))
    assert (f"{duel}: win rate" in run("status", "small", "--database", url).output) == (results_after == 1)
    with pytest.raises(StudyError, match="slot 999 is not of study 'small'"):
        run("replay", "small", 999, "--database", url)


def test_what_a_rater_wrote_does_not_steer_a_terminal():
    moment = Moment(datetime(2026, 1, 1), "message", {"text": "calm\x1b[2J\nété"}, ())
    assert moment.text == "calm\ufffd[2J\nété"


@pytest.mark.parametrize("name", [command.name for command in study_app.registered_commands])
def test_every_command_explains_itself(name):
    assert len(run(name, "--help").output) > 200
