import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo.decoding.trie import Tries, TypeTrie
from neo.errors import SidOutsideCatalog
from neo.sids.sid import Sid


def walk(view, level=0, node=0, prefix=()):
    """Every SID that the children lead to."""
    if level == view.trie.levels:
        yield prefix
        return
    for code, below in zip(*view.children(level, node), strict=True):
        yield from walk(view, level + 1, int(below), (*prefix, int(code)))


catalogs = st.integers(1, 4).flatmap(
    lambda levels: st.sets(st.tuples(*[st.integers(0, 5)] * levels), min_size=1, max_size=60)
)


@given(catalogs, st.randoms())
def test_children_lead_to_the_catalog_and_nowhere_else(catalog, random):
    trie = TypeTrie.build("show", catalog)
    assert set(walk(trie.everything())) == catalog
    kept = {codes for codes in catalog if random.random() < 0.5}
    view = trie.only([Sid("show", codes) for codes in kept])
    assert set(walk(view)) == kept and len(view) == len(kept)
    assert {sid.codes for sid in view.sids()} == kept
    less = view.without([Sid("show", codes) for codes in list(kept)[:1]])
    assert len(less) == max(0, len(kept) - 1)


def test_by_hand():
    trie = TypeTrie.build("show", [(1, 2), (1, 5), (3, 2)])
    codes, nodes = trie.everything().children(0, 0)
    assert codes.tolist() == [1, 3]
    codes, _ = trie.everything().children(1, int(nodes[0]))
    assert codes.tolist() == [2, 5]
    only = trie.only([Sid("show", (3, 2))])
    assert only.children(0, 0)[0].tolist() == [3]
    assert Sid("show", (1, 2)) in trie and Sid("show", (3, 5)) not in trie


@given(catalogs)
def test_a_leaf_is_the_number_of_a_sid_in_order(catalog):
    trie = TypeTrie.build("show", np.array(list(catalog) * 2))
    assert len(trie) == len(catalog)
    assert [trie.leaf(Sid("show", codes)) for codes in sorted(catalog)] == list(range(len(catalog)))


def test_a_saved_trie_is_opened_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    built = TypeTrie.build("show", rng.integers(0, 300, (500, 3)))
    built.save(tmp_path)
    opened = TypeTrie.open(tmp_path, "show")
    assert not opened.codes[0].flags.owndata and opened.levels == 3
    assert opened.everything().sids() == built.everything().sids()
    some = built.everything().sids()[::7]
    assert opened.only(some).sids() == some and some[0] in opened
    with pytest.raises(FileNotFoundError):
        TypeTrie.open(tmp_path / "nowhere", "show")


def test_a_sid_that_is_no_item_is_an_error_not_a_pass():
    trie = TypeTrie.build("show", [(1, 2)])
    with pytest.raises(SidOutsideCatalog, match="show:9-9"):
        trie.only([Sid("show", (9, 9))])


def test_types_do_not_mix():
    tries = Tries.build([Sid("show", (0, 1)), Sid("audiobook", (0, 2, 3))])
    views = tries.only([Sid("audiobook", (0, 2, 3))])
    assert len(views["show"]) == 0 and len(views["audiobook"]) == 1
    assert np.all(~views["show"].open[0])
