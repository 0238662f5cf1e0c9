import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database
from catalog.fulltext import words_of
from catalog.store import store_items, with_keys
from catalog.tables import Item, ItemType


def found(session, text, **options):
    return {item.title for item in session.scalars(queries.search_titles(text, **options)).unique()}


def test_words_begin_words_of_title_or_makers(anywhere, make_row):
    engine = open_database(anywhere)
    with Session(engine) as session:
        session.add(ItemType(name="show", label="Show", plural="Shows"))
        session.flush()
        rows = [make_row("show", "L'Étranger", ["Albert Camus"]), make_row("show", "The Who", ["Ada Sand"])]
        store_items(session, with_keys(rows))
        assert found(session, "etr") == {"L'Étranger"}
        assert found(session, "ÉTRANGER camus") == found(session, "cam l'étr") == {"L'Étranger"}
        assert found(session, "the who") == {"The Who"}
        assert found(session, "tranger") == found(session, "camus who") == found(session, "?!") == set()
        session.query(Item).filter_by(title="The Who").one().title = "Ships"
        session.flush()
        assert found(session, "who") == set() and found(session, "shi") == {"Ships"}
        session.delete(session.query(Item).filter_by(title="Ships").one())
        session.flush()
        assert found(session, "shi") == set()
    engine.dispose()


def test_letters_are_found_as_they_are_written(anywhere, make_row):
    titles = ["Fußball MML", "한국 이야기", "Новый день", "Étranger"]
    engine = open_database(anywhere)
    with Session(engine) as session:
        session.add(ItemType(name="show", label="Show", plural="Shows"))
        session.flush()
        store_items(session, with_keys([make_row("show", title, ["Ada Sand"]) for title in titles]))
        for title in titles:
            for spelled in (title, title.upper() if "ß" not in title else title, unicodedata.normalize("NFD", title)):
                assert found(session, spelled) == {title}
        assert found(session, "fußb") == {"Fußball MML"} and found(session, "한국") == {"한국 이야기"}
    engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_no_text_is_an_error_or_finds_what_lacks_its_words(small, text):
    for item in small.scalars(queries.search_titles(text)).unique():
        words = words_of(f"{item.title} {' '.join(maker.name for maker in item.makers)}")
        assert all(any(word.startswith(asked) for word in words) for asked in words_of(text))
