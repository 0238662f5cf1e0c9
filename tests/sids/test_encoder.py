"""The sentence encoder: unit vectors in the order of the texts, whatever their lengths, by one thread."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from neo.sids.encoder import EncoderUnknown, TextEncoder


def test_vectors_keep_the_order_of_texts_of_all_lengths():
    texts = ["a long story about the sea and those who cross it in small boats", "", "sea", "ein Podcast über das Meer"]
    vectors = TextEncoder().encode(texts, batch=2)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.allclose(TextEncoder().encode([text])[0], vector, atol=1e-5)
    assert vectors[0] @ vectors[2] > vectors[0] @ TextEncoder().encode(["tax law"])[0]


def test_it_computes_with_one_thread(monkeypatch):
    """With more, each waits for the other where a core is busy: a text took thirty times as long."""
    encoder, threads = TextEncoder(), []
    encoder.encode(["sea"])
    backend = encoder._model._model
    compute = backend._encode

    def watched(texts):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return compute(texts)

    monkeypatch.setattr(backend, "_encode", watched)
    encoder.encode(["sea"])
    assert set(threads) == {1}


def test_an_unknown_encoder_is_told():
    with pytest.raises(EncoderUnknown, match="word2vec"):
        TextEncoder("word2vec")
