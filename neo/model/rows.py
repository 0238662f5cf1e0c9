"""What training adds to the base model besides the adapter: rows for the new tokens, and projections for soft tokens.

A code's row is a learned linear map of its centroid plus a free part, so that what one code learns is shared with the
codes near it (separate maps for input and output; the output starts at zero, which is a uniform choice). Control
tokens start at the mean embedding of a word for them. The base model's own rows are never touched.

The positions of an item span under construction carry the message's and the listener's vectors too, added to their
rows: what the encoder knows then needs no attention head to find its way to where a code is chosen. A shortcut leads
from the same vectors and the codes written so far straight to the scores of the next code, past the backbone: a skip
connection, trained on vectors alone, that leaves the backbone to learn what words and plan add. It has a say in which
type of item a span is to hold where the plan leaves that open.
"""

import numpy as np
import torch
from torch import Tensor, nn

from neo.model.known import KnownItems, Told
from neo.sids.store import SidBook
from neo.sids.vocabulary import Vocabulary

SHORTCUT_WIDTH = 256
ASKED_WIDTH = 128
LIKENESS = 20.0  # the inverse temperature of a cosine: what counts for much in one step of Adam
OUTPUT_SCALE = 0.1  # hidden states are long (about 54 here): unscaled, one step of Adam would swing every code's score

WORDS_FOR = {  # control tokens whose name says little to the base model
    "/plan": "end",
    "/facts": "end",
    "/hint": "end",
    "listener-vector": "listener",
    "message-vector": "message",
    "ref": "number",
    "ids": "list",
    "like": "similar to",
    "by": "author",
    "lang:en": "English",
    "lang:es": "Spanish",
    "lang:fr": "French",
    "lang:de": "German",
    "lang:pt": "Portuguese",
    "lang:it": "Italian",
    "lang:nl": "Dutch",
    "lang:sv": "Swedish",
}


class NewRows(nn.Module):
    """Input and output rows of every token above the base vocabulary, and the soft tokens.

    A listener's vector [encoder width + features] tells of what they heard: the mean of the encoder's view of it, which
    alone the backbone reads, and the share of it that has each feature.
    """

    def __init__(self, vocabulary: Vocabulary, width: int, book: SidBook):
        super().__init__()
        self.vocabulary = vocabulary
        books = [book.quantizers[shape.name].codebooks for shape in vocabulary.types]
        centroids = torch.from_numpy(np.concatenate([each.reshape(-1, each.shape[-1]) for each in books]))
        controls, codes = len(vocabulary.controls), len(centroids)
        self.register_buffer("centroids", _level_scaled(vocabulary, centroids), persistent=False)
        levels = torch.tensor([n for n, (s, _) in enumerate(_levels(vocabulary)) for _ in range(s.codes)])
        self.register_buffer("level_of", levels, persistent=False)
        depths = torch.tensor([level for shape, level in _levels(vocabulary) for _ in range(shape.codes)])
        self.register_buffer("depth_of", depths, persistent=False)
        self.register_buffer("residuals", centroids.clone(), persistent=False)
        self.control_in = nn.Parameter(torch.zeros(controls, width))
        self.control_out = nn.Parameter(torch.zeros(controls, width))
        self.free_in = nn.Parameter(torch.zeros(codes, width))
        self.free_out = nn.Parameter(torch.zeros(codes, width))
        self.level_in = nn.Parameter(torch.zeros(int(levels.max()) + 1, width))
        self.map_in = nn.Linear(centroids.shape[1], width, bias=False)
        self.map_out = nn.Linear(centroids.shape[1], width, bias=False)
        self.soft = nn.ModuleDict({name: _Soft(centroids.shape[1], width) for name in ("listener", "message")})
        self.span = nn.ModuleDict(
            {name: nn.Linear(centroids.shape[1], width, bias=False) for name in ("listener", "message")}
        )
        nn.init.zeros_(self.map_out.weight)
        self.encoder_width = centroids.shape[1]
        self.shortcut = Shortcut(self.encoder_width, codes, len(vocabulary.types), KnownItems(vocabulary, book))
        self.taste_width = self.encoder_width + len(book.features.names)

    @torch.no_grad()
    def start_from(self, embeddings: Tensor, tokenize) -> None:
        """Initialise in the scale of the base's `embeddings` [base vocabulary, width]; `tokenize` maps text to ids."""
        for index, name in enumerate(self.vocabulary.controls):
            word = WORDS_FOR.get(name) or name.rpartition(":")[2].lstrip("/x").replace("-", " ")
            row = embeddings[tokenize(" " + word)].mean(0)
            self.control_in[index] = row
            self.control_out[index] = row
        scale = embeddings.norm(dim=1).mean()
        nn.init.normal_(self.map_in.weight, std=float(scale) / embeddings.shape[1] ** 0.5)
        for layer in self.span.values():  # one space for items, messages and tastes from the start
            layer.weight.copy_(self.map_in.weight)

    def inputs(self) -> Tensor:
        """Input rows [new tokens, width]."""
        return torch.cat([self.control_in, self.map_in(self.centroids) + self.free_in + self.level_in[self.level_of]])

    def condition(self, message: Tensor, listener: Tensor) -> Tensor:
        """What the positions of an item span carry besides their token: [n, width] from a message's vector [n, encoder
        width] and a listener's; one of whom nothing is known is a zero vector."""
        return self.span["message"](message) + self.span["listener"](listener[:, : self.encoder_width])

    def written(self, ids: Tensor) -> Tensor:
        """The codes of its span up to each token [..., tokens] -> [..., tokens, most levels], counted over all types
        and levels; -1 where none is yet, or a token is no code."""
        code = ids - self.vocabulary.control_ids.stop
        depth = torch.where(code >= 0, self.depth_of[code.clamp_min(0)], -1)
        here = torch.arange(ids.shape[-1], device=ids.device)
        levels = range(max(shape.levels for shape in self.vocabulary.types))
        at = [code.gather(-1, (here - depth + level).clamp(0, ids.shape[-1] - 1)) for level in levels]
        return torch.stack([torch.where(depth >= level, at[level], -1) for level in levels], dim=-1)

    def rebuilt(self, written: Tensor) -> Tensor:
        """The sum of the residuals of codes [n, most levels] -> [n, encoder width]."""
        return (self.residuals[written.clamp_min(0)] * (written >= 0)[..., None]).sum(-2)

    def shortcut_scores(
        self,
        message: Tensor,
        listener: Tensor,
        told: Told,
        of: Tensor,
        written: Tensor,
        outputs: Tensor | None = None,
    ) -> Tensor:
        """What is added to the scores of every code [n, codes of all types and levels] past the backbone, behind the
        codes written so far [n, most levels]. `of` [n] says by which of the messages' vectors [m, encoder width], of
        the listeners' and of what they say of known items (`KnownItems.tell`); `outputs` are `shortcut_outputs()`,
        computed here if left out."""
        tastes = listener[:, : self.encoder_width]
        outputs = self.shortcut_outputs() if outputs is None else outputs
        alike = self.shortcut.likeness(message, tastes) * (message @ self.residuals.T)
        learned = self.shortcut(message[of], tastes[of], self.rebuilt(written)) @ outputs.T
        return learned + alike[of] + self.shortcut.known(told, of, written)

    def type_scores(self, message: Tensor, listener: Tensor, told: Told) -> Tensor:
        """Scores [m, types] of the type of item that is meant, in vocabulary order; `told` is what the vectors say of
        known items."""
        return self.shortcut.types(message, listener[:, : self.encoder_width]) + told.of_types

    def shortcut_outputs(self) -> Tensor:
        """The shortcut's own output rows of the codes [codes, SHORTCUT_WIDTH]."""
        return self.shortcut.map(self.centroids) + self.shortcut.free

    def code_outputs(self) -> Tensor:
        """Output rows of the codes [codes, width]."""
        return OUTPUT_SCALE * (self.map_out(self.centroids) + self.free_out)

    def maps(self) -> list[nn.Parameter]:
        """The projections, which want a smaller learning rate than rows: every step of theirs moves all codes."""
        return [p for module in (self.map_in, self.map_out, self.soft, self.span) for p in module.parameters()]


class Shortcut(nn.Module):
    """Encoder vectors to the scores of the next code: a linear path beside an MLP, and output rows of its own.

    Beside what is learned of each code, the message's own likeness to it counts, as much as the vectors say that one
    item is meant and described: what was learned of a catalog's own words does not carry over to a visitor's.
    """

    def __init__(self, encoder_width: int, codes: int, types: int, known: KnownItems):
        super().__init__()
        self.known = known
        given = 3 * encoder_width
        self.straight = nn.Linear(given, SHORTCUT_WIDTH)
        self.bent = nn.Sequential(
            nn.Linear(given, 2 * SHORTCUT_WIDTH), nn.SiLU(), nn.Linear(2 * SHORTCUT_WIDTH, SHORTCUT_WIDTH)
        )
        self.map = nn.Linear(encoder_width, SHORTCUT_WIDTH, bias=False)
        self.free = nn.Parameter(torch.zeros(codes, SHORTCUT_WIDTH))
        self.asked = nn.Sequential(
            nn.Linear(2 * encoder_width, ASKED_WIDTH), nn.SiLU(), nn.Dropout(0.3), nn.Linear(ASKED_WIDTH, 1 + types)
        )
        for layer in (self.straight, self.bent[2], self.asked[3]):  # nothing is added before anything is learned
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, message: Tensor, listener: Tensor, prefix: Tensor) -> Tensor:
        given = torch.cat([message, listener, prefix], dim=-1)
        return self.straight(given) + self.bent(given * message.shape[-1] ** 0.5)

    def likeness(self, message: Tensor, listener: Tensor) -> Tensor:
        """How much the message's likeness to a code counts [n, 1]."""
        return LIKENESS * self._asked(message, listener)[:, :1]

    def types(self, message: Tensor, listener: Tensor) -> Tensor:
        """Scores [n, types] of the type of item that is meant, in vocabulary order."""
        return self._asked(message, listener)[:, 1:]

    def _asked(self, message: Tensor, listener: Tensor) -> Tensor:
        return self.asked(torch.cat([message, listener], dim=-1) * message.shape[-1] ** 0.5)


class _Soft(nn.Module):
    """GLIDE's soft token: an encoder vector through a 2-layer MLP to the model's width."""

    def __init__(self, encoder_width: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(encoder_width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, vectors: Tensor) -> Tensor:
        return self.layers(vectors * vectors.shape[-1] ** 0.5)


def _levels(vocabulary: Vocabulary):
    return [(shape, level) for shape in vocabulary.types for level in range(shape.levels)]


def _level_scaled(vocabulary: Vocabulary, centroids: Tensor) -> Tensor:
    """Each level's centroids at mean norm 1: residuals shrink with the level, what they mean to the model does not."""
    parts, start = [], 0
    for shape, _ in _levels(vocabulary):
        part = centroids[start : start + shape.codes]
        parts.append(part / part.norm(dim=1).mean().clamp_min(1e-9))
        start += shape.codes
    return torch.cat(parts)
