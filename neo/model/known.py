"""Known items: a softmax over all of them at once, of which every code gets what lies under it.

An item is told by its features, by its own vector and by that vector as listeners move it (where listeners are
recorded). What the items of a history share, and the message, say which features are wanted, and how much likeness to
what was said and to what was heard counts. The chance of a code, behind the codes before it, is that of the items whose
SIDs go on so: a softmax over items, read along the trie. Nothing is chosen here: these are numbers among the scores of
a code, learned from listens as the others are.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from neo.sids.store import SidBook
from neo.sids.vocabulary import TypeShape, Vocabulary

WIDTH, MEANT = 512, 128
UNKNOWN = 0.05
"""What of a code's chance is the same for all codes of the level: items come that nobody knew in training."""
LIKENESS, SHARES, SAID = 20.0, 2.5, 4.0  # inputs in a scale in which one step of Adam says something, but not all
HARDLY = -60.0  # the score of what cannot be
NEAR = 0.07  # what the likeness to what was heard counts before anything is learned


class KnownItems(nn.Module):
    """The items of a book that have features, type by type and in the order of their codes. Without any, nothing is
    added to any code; behind codes that none of them has, the same to all."""

    def __init__(self, vocabulary: Vocabulary, book: SidBook):
        super().__init__()
        self.types, self._counts = vocabulary.types, []
        self._first, self._start = {}, {}  # of each type, its first code among all and its first item
        names, contents, first = [], [], 0
        for shape in vocabulary.types:
            known = sorted(
                (sid.codes, key)
                for key, (sid, rank) in book.assigned.items()
                if sid.type == shape.name and rank == 0 and key in book.features.values
            )
            codes = np.array([codes for codes, _ in known], np.int64).reshape(-1, shape.levels)
            self._first[shape.name], self._start[shape.name] = first, len(names)
            self.register_buffer(f"keys_{shape.name}", torch.from_numpy(codes @ _places(shape)), persistent=False)
            rebuilt = book.quantizers[shape.name].decode(codes)
            names += [key for _, key in known]
            contents += [book.contents.get(key, vector) for (_, key), vector in zip(known, rebuilt, strict=True)]
            self._counts.append(len(codes))
            first += shape.levels * shape.codes
        self.codes, self._at = first, {key: at for at, key in enumerate(names)}
        values = np.array([book.features.values[key] for key in names], np.float32)
        features = len(book.features.names)
        self.register_buffer("features", torch.from_numpy(values.reshape(len(names), features)), persistent=False)
        self.alike, self.bias = nn.Parameter(torch.tensor([NEAR])), nn.Parameter(torch.zeros(len(names)))
        if not names:
            return
        moved = [book.tastes.get(key, vector) for key, vector in zip(names, contents, strict=True)]
        for name, vectors in (("contents", contents), ("tastes", moved)):
            self.register_buffer(name, torch.from_numpy(np.array(vectors, np.float32)), persistent=False)
        width = self.contents.shape[1]
        self.straight = nn.Linear(features, features)
        self.bent = nn.Sequential(nn.Linear(features, WIDTH), nn.SiLU(), nn.Dropout(0.1), nn.Linear(WIDTH, features))
        self.said, self.counts = nn.Linear(width, features), nn.Linear(width, 1)
        self.meant = nn.Sequential(nn.Linear(width, MEANT), nn.SiLU(), nn.Dropout(0.3), nn.Linear(MEANT, 1))
        for layer in (self.straight, self.bent[3], self.said, self.counts, self.meant[3]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def __len__(self) -> int:
        return len(self.features)

    def at(self, keys: Iterable[str]) -> list[int]:
        """Positions of the items of these keys, of those that are known."""
        return [self._at[key] for key in keys if key in self._at]

    def scores(self, message: Tensor, listener: Tensor, heard: Tensor | None = None) -> Tensor:
        """[n, items] from the vectors of messages [n, encoder width] and tastes [n, encoder width + features]: the
        mean vector of what was heard, and the share of it that has each feature.

        `heard` [n, most]: items that cannot come next, by position, `len(self)` where there is none. In training alone:
        nobody hears again what they are known by, and it is most like itself. Afterwards it changes no order, since an
        item's chance along its codes does not depend on what other items have."""
        if not len(self):
            return self.bias.new_zeros(len(message), 0)
        vector, shares = listener[:, : message.shape[1]], SHARES * listener[:, message.shape[1] :]
        counts = 2 * torch.sigmoid(self.counts(SAID * message))
        wanted = self.said(SAID * message) + counts * (self.straight(shares) + self.bent(shares))
        near = counts * LIKENESS * self.alike * (vector @ self.tastes.T)
        meant = LIKENESS * self.meant(SAID * message) * (message @ self.contents.T)
        scores = wanted @ self.features.T + near + meant + self.bias
        if heard is None:
            return scores
        room = torch.cat([scores, scores[:, :1]], dim=1)
        return room.scatter(1, heard, HARDLY)[:, :-1]

    def chances(self, scores: Tensor) -> Tensor:
        """Scores [n, items] -> [n, items + 1]: how likely the items in front of each are together; those of each type
        sum to one."""
        likely = torch.cat([torch.softmax(own, dim=1) for own in scores.double().split(self._counts, dim=1)], dim=1)
        return torch.cat([likely.new_zeros(len(likely), 1), likely.cumsum(1)], dim=1)

    def type_scores(self, scores: Tensor) -> Tensor:
        """Scores [n, items] -> [n, types]: what all items of a type have together; nothing where there are none."""
        of_types = scores.split(self._counts, dim=1)
        nothing = scores.new_zeros(len(scores))
        return torch.stack([own.logsumexp(1) if own.shape[1] else nothing for own in of_types], dim=1)

    def forward(self, chances: Tensor, of: Tensor, written: Tensor) -> Tensor:
        """What is added to the scores of the codes that may come next [n, codes of all types and levels]; zeros for all
        others. `written` [n, most levels]: the codes so far, counted over all types and levels, -1 where none is yet;
        `of` [n]: by which of the `chances` [m, items + 1]."""
        out = self.bias.new_zeros(len(written), self.codes)
        depth = (written >= 0).sum(1)
        for shape in self.types if len(self) else ():
            first = self._first[shape.name]
            own = (written[:, 0] >= first) & (written[:, 0] < first + shape.levels * shape.codes)
            for level in range(shape.levels):
                rows = ((depth == level) & own if level else depth == 0).nonzero()[:, 0]
                if len(rows):
                    column = first + level * shape.codes
                    shares = self._shares(chances, of[rows], written[rows, :level], shape)
                    even = UNKNOWN / shape.codes
                    out[rows, column : column + shape.codes] = ((1 - UNKNOWN) * shares + even).log().to(out.dtype)
        return out

    def _shares(self, chances: Tensor, of: Tensor, written: Tensor, shape: TypeShape) -> Tensor:
        """[n, codes]: of the chance of all items of a type behind the codes `written` [n, codes so far], the share
        that lies under each code that may come next; the same for all codes where there is no such item."""
        places = torch.tensor(_places(shape), device=written.device)
        level, codes = written.shape[1], torch.arange(shape.codes + 1, device=written.device)
        levels = torch.arange(level, device=written.device)
        digits = written - self._first[shape.name] - levels * shape.codes
        edges = (digits * places[:level]).sum(1, keepdim=True) + codes * places[level]
        at = torch.searchsorted(getattr(self, f"keys_{shape.name}"), edges) + self._start[shape.name]
        under = torch.diff(chances[of[:, None], at], dim=1).clamp_min(0)
        total = under.sum(1, keepdim=True)
        return torch.where(total > 0, under / total.clamp_min(1e-300), 1 / shape.codes)


def _places(shape: TypeShape) -> np.ndarray:
    """[levels]: what a code of each level counts in the number that stands for a whole SID."""
    return shape.codes ** np.arange(shape.levels - 1, -1, -1, dtype=np.int64)
