"""Which words are words: those that people use in the catalog's home languages. What is none may be a typo of a name.

Word lists of wordfreq, of words that come up at least about once in a million.
"""

from functools import cache

from marisa_trie import Trie

from catalog.names import ARTICLES, plain


def is_word(word: str) -> bool:
    """Whether a plain word is one in any of the languages."""
    return word in _words()


@cache
def _words() -> Trie:
    from wordfreq import get_frequency_list, iter_wordlist  # here: reading takes a second that few commands need

    fold = plain.__wrapped__  # past its memory: so many words would push the names out of it
    words = {fold(word) for language in ARTICLES for word in iter_wordlist(language, wordlist="small")}
    get_frequency_list.cache_clear()  # it would keep 20 MB
    return Trie(words - {""})
