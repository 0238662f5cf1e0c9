import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo.sids.sid import Sid
from neo.sids.vocabulary import TypeShape, Vocabulary

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).flatmap(
    lambda levels: st.tuples(
        *(st.builds(TypeShape, st.just(f"t{n}"), st.just(k), st.integers(1, 40)) for n, k in enumerate(levels))
    )
)


@given(shapes)
def test_every_new_id_has_one_meaning(types):
    vocabulary = Vocabulary(100, types, ("en", "es"))
    names = [vocabulary.describe(id_) for id_ in range(100, vocabulary.size)]
    assert len(set(names)) == len(names)
    for id_ in range(100, vocabulary.size):
        assert (vocabulary.name(id_) is None) != (vocabulary.code(id_) is None)
    for shape in types:
        sid = Sid(shape.name, tuple(range(shape.codes))[:1] * shape.levels)
        opener, *codes, closer = vocabulary.span(sid)
        assert vocabulary.opened_type(opener) == shape.name and closer == opener + 1
        assert [vocabulary.code(id_) for id_ in codes] == [(shape.name, n, c) for n, c in enumerate(sid.codes)]


@given(st.text("abc-:", min_size=1).filter(lambda t: t.strip(":")), st.lists(st.integers(0, 999), min_size=1))
def test_sid_text_round_trip(type_, codes):
    sid = Sid(type_, tuple(codes))
    assert Sid.parse(str(sid)) == sid


@pytest.mark.parametrize("text", ["", "show", "show:", ":1-2", "show:1-x"])
def test_what_is_no_sid_is_refused(text):
    with pytest.raises(ValueError):
        Sid.parse(text)
