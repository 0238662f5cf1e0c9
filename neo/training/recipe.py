"""The recipe: every number that decides what a trained model is. Saved beside the weights it made."""

from dataclasses import asdict, dataclass, field, replace

import yaml

from neo.model.neo import AdapterConfig

Mixture = dict[str, dict[str, float]]  # task -> depth -> share of the stage's conversations


@dataclass(frozen=True)
class StageConfig:
    """One stage of training."""

    conversations: int
    """How many conversations are composed; each is seen once per epoch."""
    mixture: Mixture
    rate: float
    """Peak learning rate of the new rows; projections and adapter have their own."""
    map_rate: float = 1e-4
    adapter_rate: float = 0.0
    epochs: int = 1
    warmup: int = 30
    """Steps."""
    most_steps: int | None = None
    """Ends the stage before its schedule does."""
    batch_tokens: int = 1024
    """Tokens of a batch, padding included. Small batches: with few tokens, steps are what is scarce."""


@dataclass(frozen=True)
class Recipe:
    """Defaults make the shipped model."""

    seed: int = 20261122
    languages: tuple[str, ...] = ("en", "es", "fr", "de", "pt", "it")
    clip: float = 1.0
    weight_decay: float = 0.01
    dtype: str = "bfloat16"
    """Of the frozen backbone and the adapter's forward pass; "float32" where bf16 arithmetic is slow."""
    adapter: AdapterConfig = AdapterConfig()
    grounding: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=3400,
            rate=1e-3,
            batch_tokens=768,
            mixture={
                "ground": {"codes": 0.62},
                "search": {"codes": 0.08, "plan": 0.03},
                "recommend": {"codes": 0.08, "plan": 0.08},
                "history": {"codes": 0.09},
                "refine": {"plan": 0.02},
            },
        )
    )
    capability: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=4000,
            most_steps=200,
            rate=1e-3,
            map_rate=5e-4,
            adapter_rate=4e-4,
            batch_tokens=1024,
            mixture={
                "ground": {"codes": 0.25},
                "recommend": {"plan": 0.2, "codes": 0.1, "full": 0.08},
                "search": {"plan": 0.1, "codes": 0.06, "full": 0.03},
                "history": {"plan": 0.02, "codes": 0.08, "full": 0.02},
                "refine": {"plan": 0.07, "codes": 0.02, "full": 0.01},
                "why": {"plan": 0.02, "full": 0.02},
                "describe": {"plan": 0.02, "full": 0.02},
                "compare": {"plan": 0.02, "full": 0.01},
                "profile": {"plan": 0.005, "full": 0.015},
                "talk": {"plan": 0.01, "full": 0.025},
            },
        )
    )

    steering: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=2800,
            most_steps=100,
            rate=5e-4,
            map_rate=2e-4,
            adapter_rate=3e-4,
            batch_tokens=1024,
            warmup=10,
            mixture={
                "ground": {"codes": 0.06},
                "recommend": {"plan": 0.34, "codes": 0.04, "full": 0.03},
                "search": {"plan": 0.15, "full": 0.01},
                "again": {"plan": 0.08},
                "refine": {"plan": 0.1, "full": 0.01},
                "history": {"plan": 0.02, "codes": 0.03},
                "why": {"plan": 0.03},
                "describe": {"plan": 0.03},
                "compare": {"plan": 0.03},
                "profile": {"plan": 0.01},
                "talk": {"plan": 0.05, "full": 0.02},
            },
        )
    )

    def save(self, path) -> None:
        path.write_text(yaml.safe_dump(_plain(asdict(self)), sort_keys=False), encoding="utf-8")


def scaled(share: float, **changes) -> Recipe:
    """The default recipe with fewer (or more) conversations a stage."""
    recipe = Recipe(**changes)
    stages = {name: getattr(recipe, name) for name in ("grounding", "capability", "steering")}
    return replace(
        recipe,
        **{
            name: replace(stage, conversations=max(1, round(stage.conversations * share)))
            for name, stage in stages.items()
        },
    )


def _plain(value):
    """Tuples as lists: YAML's safe form knows no tuples."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
