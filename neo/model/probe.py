"""The probe: which topics, tones and formats an encoder vector speaks of. A small classifier beside the model."""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

WIDTH, DROPOUT = 512, 0.3


class FacetProbe(nn.Module):
    """`facets`: (field, name) of every output."""

    def __init__(self, encoder_width: int, facets: tuple[tuple[str, str], ...]):
        super().__init__()
        self.facets, self.encoder_width = facets, encoder_width
        self.layers = nn.Sequential()
        if facets:  # a catalog may know none
            last = nn.Linear(WIDTH, len(facets))
            self.layers.extend([nn.Linear(encoder_width, WIDTH), nn.GELU(), nn.Dropout(DROPOUT), last])

    def forward(self, vectors: Tensor) -> Tensor:
        """Encoder vectors [n, encoder width] -> logits [n, facets], each facet for itself."""
        return self.layers(vectors * vectors.shape[-1] ** 0.5)

    def save(self, path: Path) -> None:
        half = {name: tensor.detach().half().contiguous() for name, tensor in self.state_dict().items()}
        save_file(half, path, metadata={"facets": json.dumps(self.facets), "width": str(self.encoder_width)})

    @classmethod
    def load(cls, path: Path) -> "FacetProbe":
        """What `save` wrote. Raises OSError or SafetensorError."""
        with safe_open(path, "pt") as stored:
            kept = stored.metadata()
            state = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118 - it is no dict
        probe = cls(int(kept["width"]), tuple(map(tuple, json.loads(kept["facets"]))))
        probe.load_state_dict(state)
        return probe.eval()
