"""Known items: a softmax over all of them at once, of which every code gets what lies under it.

An item is told by its features, by its own vector and by that vector as listeners move it (where listeners are
recorded). What the items of a history share, and the message, say which features are wanted, and how much likeness to
what was said and to what was heard counts. What two items say of each other is counted from the same listens. The
chance of a code, behind the codes before it, is that of the items whose SIDs go on so: a softmax over items, read along
the trie. Nothing is chosen here: these are numbers among the scores of a code, learned from requests and listens as the
others are. Items that are new since then are told in the same way, though no pairs are known of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neo.sids.build import rebuilt
from neo.sids.sid import Sid
from neo.sids.store import SidBook
from neo.sids.vocabulary import TypeShape, Vocabulary

WIDTH, MEANT = 512, 128
UNKNOWN = 0.05
"""What of a code's chance is the same for all codes of the level: items come that nobody knew in training."""
LIKENESS, SHARES, SAID = 20.0, 2.5, 4.0  # inputs in a scale in which one step of Adam says something, but not all
HARDLY = -60.0  # the score of what cannot be
NEAR = 0.07  # what the likeness to what was heard counts before anything is learned
PAIRED = 2.2  # what pairs count; found on listeners held out, since those who were counted would make it too much


@dataclass(frozen=True)
class Known:
    """An item as it is known: its features, its vector, and that as listeners move it. `learned`: which bias is its, -1
    if nothing was learned of it."""

    sid: Sid
    features: np.ndarray
    content: np.ndarray
    taste: np.ndarray
    learned: int = -1


@dataclass
class Table:
    """Known items, type by type and in the order of their codes, as tensors [items, ...]."""

    keys: list[Tensor] = field(default_factory=list)
    """Of each type, the numbers that stand for whole SIDs, ascending."""
    starts: list[int] = field(default_factory=list)
    """Of each type, its first item among all."""
    counts: list[int] = field(default_factory=list)
    features: Tensor = torch.empty(0, 0)
    contents: Tensor = torch.empty(0, 0)
    tastes: Tensor = torch.empty(0, 0)
    learned: Tensor = torch.empty(0, dtype=torch.long)
    """As of each item."""

    @classmethod
    def of(cls, items: Sequence[Known], types: Sequence[TypeShape]) -> "Table":
        made, order = cls(), []
        for shape in types:
            own = [at for at, item in enumerate(items) if item.sid.type == shape.name]
            numbers = np.array([items[at].sid.codes for at in own], np.int64).reshape(-1, shape.levels) @ _places(shape)
            ascending = np.argsort(numbers, kind="stable")
            made.keys.append(torch.from_numpy(numbers[ascending]))
            made.starts.append(len(order))
            made.counts.append(len(own))
            order += [own[at] for at in ascending]
        if order:
            made.features, made.contents, made.tastes = (
                torch.from_numpy(np.array([getattr(items[at], name) for at in order], np.float32))
                for name in ("features", "content", "taste")
            )
            made.learned = torch.tensor([items[at].learned for at in order])
        return made

    def __len__(self) -> int:
        return len(self.learned)

    def to(self, device: torch.device) -> "Table":
        moved = (tensor.to(device) for tensor in (self.features, self.contents, self.tastes, self.learned))
        return Table([keys.to(device) for keys in self.keys], self.starts, self.counts, *moved)


@dataclass(frozen=True)
class Told:
    """What vectors say of the items of `table`: scores [m, items], and chances [m, items + 1]: how likely the items in
    front of each are together; those of each type sum to one."""

    table: Table
    scores: Tensor
    chances: Tensor

    @property
    def of_types(self) -> Tensor:
        """Scores [m, types]: what all items of a type have together; nothing where there are none."""
        nothing = self.scores.new_zeros(len(self.scores))
        own = self.scores.split(self.table.counts, dim=1)
        return torch.stack([scores.logsumexp(1) if scores.shape[1] else nothing for scores in own], dim=1)


class KnownItems(nn.Module):
    """The items of a book that have features, and those that were taken up since. Without any, nothing is added to any
    code; behind codes that none of them has, the same to all."""

    def __init__(self, vocabulary: Vocabulary, book: SidBook):
        super().__init__()
        self.types, self._book = vocabulary.types, book
        self.codes = sum(shape.levels * shape.codes for shape in vocabulary.types)
        names = [
            (sid.type, sid.codes, key)
            for key, (sid, rank) in book.assigned.items()
            if rank == 0 and key in book.features.values
        ]
        self._at = {key: at for at, (*_, key) in enumerate(sorted(names))}
        self._items = [self._known(key, book.assigned[key][0]) for key in self._at]
        self.table = Table.of(self._items, self.types)
        self.alike, self.bias = nn.Parameter(torch.tensor([NEAR])), nn.Parameter(torch.zeros(len(names)))
        self.paired = nn.Parameter(torch.tensor([PAIRED]))
        columns = {key: at for at, key in enumerate(book.pairs.keys)}
        none = len(columns)  # also of items that are new
        paired = torch.tensor([*(columns.get(key, none) for key in self._at), none])
        self.register_buffer("_pair_of", paired, persistent=False)
        features, width = len(book.features.names), next(iter(book.quantizers.values())).codebooks.shape[-1]
        if not features:
            return
        self.straight = nn.Linear(features, features)
        self.bent = nn.Sequential(nn.Linear(features, WIDTH), nn.SiLU(), nn.Dropout(0.1), nn.Linear(WIDTH, features))
        self.said, self.counts = nn.Linear(width, features), nn.Linear(width, 1)
        self.meant = nn.Sequential(nn.Linear(width, MEANT), nn.SiLU(), nn.Dropout(0.3), nn.Linear(MEANT, 1))
        for layer in (self.straight, self.bent[3], self.said, self.counts, self.meant[3]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def _known(self, key: str, sid: Sid) -> Known:
        book = self._book
        content = book.contents.get(key)
        if content is None:
            content = self._told_by_codes(sid)
        return Known(sid, book.features.values[key], content, book.tastes.get(key, content), self._at[key])

    def _told_by_codes(self, sid: Sid) -> np.ndarray:
        return rebuilt(self._book.quantizers[sid.type], np.array([sid.codes]))[0]

    def __len__(self) -> int:
        return len(self.table)

    def at(self, keys: Iterable[str]) -> list[int]:
        """Positions of the items of these keys, of those that the book knows."""
        return [self._at[key] for key in keys if key in self._at]

    def knows(self, key: str) -> bool:
        """Whether the item is one of the book's."""
        return key in self._at

    def take_up(self, new: dict[Sid, np.ndarray]) -> None:
        """Know these items beside the book's, in place of any that were taken up before: SIDs and what features they
        have. Their vectors are those that their codes rebuild, and they are liked as much as the others are on average.
        What was told before stays as it was."""
        if not len(self.bias):
            return
        own = {item.sid for item in self._items}
        strangers = [(sid, features, self._told_by_codes(sid)) for sid, features in new.items() if sid not in own]
        items = [*self._items, *(Known(sid, features, vector, vector) for sid, features, vector in strangers)]
        self.table = Table.of(items, self.types).to(self.bias.device)

    def tell(self, message: Tensor, listener: Tensor, heard: Tensor | None = None) -> Told:
        """What the vectors of messages [m, encoder width] and tastes [m, encoder width + features] say: the mean vector
        of what was heard, and the share of it that has each feature. Behind them a taste may have [items of the book's
        pairs] what was heard says of each; those of listeners to learn from have not, for they were counted.

        `heard` [m, most]: items that cannot come next, by position, as many as the book knows where there is none. In
        training alone: nobody hears again what they are known by, and it is most like itself. Afterwards it changes no
        order, since an item's chance along its codes does not depend on what other items have."""
        table = self.table
        if not len(table):
            return Told(table, self.bias.new_zeros(len(message), 0), self.bias.new_zeros(len(message), 1))
        if table.features.device != message.device:
            table = self.table = table.to(message.device)
        sizes = message.shape[1], table.features.shape[1]
        vector, shares, pairs = listener.split([*sizes, listener.shape[1] - sum(sizes)], dim=1)
        shares, counts = SHARES * shares, 2 * torch.sigmoid(self.counts(SAID * message))
        wanted = self.said(SAID * message) + counts * (self.straight(shares) + self.bent(shares))
        near = counts * LIKENESS * self.alike * (vector @ table.tastes.T)
        meant = LIKENESS * self.meant(SAID * message) * (message @ table.contents.T)
        bias = torch.where(table.learned < 0, self.bias.mean(), self.bias[table.learned])
        scores = wanted @ table.features.T + near + meant + bias
        if pairs.shape[1]:
            scores = scores + counts * self.paired * F.pad(pairs, (0, 1))[:, self._pair_of[table.learned]]
        if heard is not None:
            room = torch.cat([scores, scores[:, :1]], dim=1)
            scores = room.scatter(1, heard, HARDLY)[:, :-1]
        own = scores.double().split(table.counts, dim=1)
        likely = torch.cat([torch.softmax(each, dim=1) for each in own], dim=1)
        return Told(table, scores, torch.cat([likely.new_zeros(len(likely), 1), likely.cumsum(1)], dim=1))

    def forward(self, told: Told, of: Tensor, written: Tensor) -> Tensor:
        """What is added to the scores of the codes that may come next [n, codes of all types and levels]; zeros for all
        others. `written` [n, most levels]: the codes so far, counted over all types and levels, -1 where none is yet;
        `of` [n]: by which of the m vectors."""
        out = self.bias.new_zeros(len(written), self.codes)
        depth, first = (written >= 0).sum(1), 0
        for at, shape in enumerate(self.types if len(told.table) else ()):
            own = (written[:, 0] >= first) & (written[:, 0] < first + shape.levels * shape.codes)
            for level in range(shape.levels):
                rows = ((depth == level) & own if level else depth == 0).nonzero()[:, 0]
                if len(rows):
                    column = first + level * shape.codes
                    digits = written[rows, :level] - first - torch.arange(level, device=rows.device) * shape.codes
                    even = UNKNOWN / shape.codes
                    shares = (1 - UNKNOWN) * _shares(told, of[rows], digits, at, shape) + even
                    out[rows, column : column + shape.codes] = shares.log().to(out.dtype)
            first += shape.levels * shape.codes
        return out


def _shares(told: Told, of: Tensor, digits: Tensor, at: int, shape: TypeShape) -> Tensor:
    """[n, codes]: of the chance of all items of the type at `at` behind the codes `digits` [n, codes so far], the share
    that lies under each code that may come next; the same for all codes where there is no such item."""
    places = torch.tensor(_places(shape), device=digits.device)
    level, codes = digits.shape[1], torch.arange(shape.codes + 1, device=digits.device)
    edges = (digits * places[:level]).sum(1, keepdim=True) + codes * places[level]
    behind = torch.searchsorted(told.table.keys[at], edges) + told.table.starts[at]
    under = torch.diff(told.chances[of[:, None], behind], dim=1).clamp_min(0)
    total = under.sum(1, keepdim=True)
    return torch.where(total > 0, under / total.clamp_min(1e-300), 1 / shape.codes)


def _places(shape: TypeShape) -> np.ndarray:
    """[levels]: what a code of each level counts in the number that stands for a whole SID."""
    return shape.codes ** np.arange(shape.levels - 1, -1, -1, dtype=np.int64)
