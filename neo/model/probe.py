"""The probe: what a message speaks of and asks for, by its encoder vector and by its letters. A small classifier beside
the model.

The vector knows what things mean, in any language; the letters say how many, in which language, which one. Letters are
hashed runs of words and of characters, one weight for each and output (Joulin et al. 2017, arXiv 1607.01759).

A facet may be named in passing, so a message is also heard in pieces: it speaks of what its best piece speaks of, and
is taught so (learning from bags, Dietterich et al. 1997).
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

WIDTH, DROPOUT = 512, 0.3
FOLLOWS, REFUSES, BARE = ("follows", ""), ("refuses", ""), ("ids", "")
"""The outputs for what changes an earlier request, what says of something that it is not wanted, and what asks for a
list without words."""
FACETS = ("topic", "tone", "format")
"""Fields whose names are heard from vectors alone, in pieces of a message too; all others are heard in the whole."""
RARE = -4.0
"""What a fresh probe's outputs begin at: hardly any of them is true of a message."""
BUCKETS = 1 << 14
RUNS = (3, 4, 5)  # characters
LETTERS = f"{BUCKETS} buckets, runs of {RUNS}, in pieces"
"""What the weights were learned for."""
SWING = 25.0
"""Weights of letters are few and sparse: they move so much faster than the others."""


class Probe(nn.Module):
    """`outputs`: (field, name) of each: a facet that is spoken of, an act, an item type, a count, a language, a
    position in the latest slate, a familiarity, a situation of small talk, SHORTER, or one of FOLLOWS, REFUSES and
    BARE."""

    def __init__(self, encoder_width: int, outputs: tuple[tuple[str, str], ...]):
        super().__init__()
        self.outputs, self.encoder_width = outputs, encoder_width
        self.layers = nn.Sequential()
        if outputs:  # without any, nothing is heard
            last = nn.Linear(WIDTH, len(outputs))
            nn.init.constant_(last.bias, RARE)
            self.layers.extend([nn.Linear(encoder_width, WIDTH), nn.GELU(), nn.Dropout(DROPOUT), last])
        self.facets = [at for at, (field, _) in enumerate(outputs) if field in FACETS]
        self._spelled = [at for at, (field, _) in enumerate(outputs) if field not in FACETS]
        self.letters = nn.EmbeddingBag(BUCKETS, len(self._spelled), mode="sum")
        nn.init.zeros_(self.letters.weight)

    def forward(self, vectors: Tensor, spelled: Sequence[Tensor] | None = None) -> Tensor:
        """Encoder vectors [n, encoder width] of messages or pieces -> logits [n, outputs], each output for itself.
        `spelled`: the letters of each message, None for pieces."""
        logits = self.layers(vectors * vectors.shape[-1] ** 0.5)
        if spelled is None or not self._spelled:
            return logits
        lengths = torch.tensor([len(ids) for ids in spelled])
        shares = torch.repeat_interleave(SWING / lengths.clamp_min(1).sqrt(), lengths)
        heard = self.letters(torch.cat(list(spelled)), lengths.cumsum(0) - lengths, shares)
        return logits.index_add(1, torch.tensor(self._spelled), heard)

    def spoken(self, logits: Tensor, of: Tensor, messages: int) -> Tensor:
        """Logits of pieces [n, outputs], and which message each is of [n] -> logits of what the messages speak of
        [messages, facets]: as much as their best piece."""
        rows = of[:, None].expand(-1, len(self.facets))
        nothing = logits.new_full((messages, len(self.facets)), -torch.inf)
        return nothing.scatter_reduce(0, rows, logits[:, self.facets], "amax")

    def save(self, path: Path) -> None:
        half = {name: tensor.detach().half().contiguous() for name, tensor in self.state_dict().items()}
        about = {"outputs": json.dumps(self.outputs), "width": str(self.encoder_width), "letters": LETTERS}
        save_file(half, path, metadata=about)

    @classmethod
    def load(cls, path: Path) -> "Probe":
        """What `save` wrote. Raises OSError or SafetensorError where the file is missing or cut, KeyError where it is
        of another kind."""
        with safe_open(path, "pt") as stored:
            kept = stored.metadata()
            state = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118 - it is no dict
        if kept["letters"] != LETTERS:
            raise KeyError(f"the probe has letters of {kept['letters']}, expected {LETTERS}")
        probe = cls(int(kept["width"]), tuple(map(tuple, json.loads(kept["outputs"]))))
        probe.load_state_dict(state)
        return probe.eval()


def letters(text: str) -> Tensor:
    """The hashed runs of a message: one to three words or marks, and characters within a word."""
    words = re.findall(r"\w+|[^\w\s]", unicodedata.normalize("NFC", text).lower())
    ends = ["^", *words, "$"]
    runs = {*words, *map(" ".join, zip(ends, ends[1:], strict=False))}
    runs.update(map(" ".join, zip(words, words[1:], words[2:], strict=False)))
    for word in (f"<{word}>" for word in words):
        runs.update(word[at : at + size] for size in RUNS for at in range(len(word) - size + 1))
    return torch.tensor(sorted({crc32(run.encode()) % BUCKETS for run in runs}))
