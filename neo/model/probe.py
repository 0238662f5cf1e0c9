"""The probe: what an encoder vector of a message speaks of. A small classifier beside the model."""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

WIDTH, DROPOUT = 512, 0.3
FOLLOWS = ("follows", "")
"""The output for what changes an earlier request."""


class Probe(nn.Module):
    """`outputs`: (field, name) of each: a topic, tone or format that is spoken of, an act, an item type, or FOLLOWS."""

    def __init__(self, encoder_width: int, outputs: tuple[tuple[str, str], ...]):
        super().__init__()
        self.outputs, self.encoder_width = outputs, encoder_width
        self.layers = nn.Sequential()
        if outputs:  # without any, nothing is heard
            last = nn.Linear(WIDTH, len(outputs))
            self.layers.extend([nn.Linear(encoder_width, WIDTH), nn.GELU(), nn.Dropout(DROPOUT), last])

    def forward(self, vectors: Tensor) -> Tensor:
        """Encoder vectors [n, encoder width] -> logits [n, outputs], each output for itself."""
        return self.layers(vectors * vectors.shape[-1] ** 0.5)

    def save(self, path: Path) -> None:
        half = {name: tensor.detach().half().contiguous() for name, tensor in self.state_dict().items()}
        save_file(half, path, metadata={"outputs": json.dumps(self.outputs), "width": str(self.encoder_width)})

    @classmethod
    def load(cls, path: Path) -> "Probe":
        """What `save` wrote. Raises OSError or SafetensorError where the file is missing or cut, KeyError where it is
        of another kind."""
        with safe_open(path, "pt") as stored:
            kept = stored.metadata()
            state = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118 - it is no dict
        probe = cls(int(kept["width"]), tuple(map(tuple, json.loads(kept["outputs"]))))
        probe.load_state_dict(state)
        return probe.eval()
