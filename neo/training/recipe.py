"""The recipe: every number that decides what a trained model is. Saved beside the weights it made."""

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace

import yaml

from neo.model.adapters import AdapterConfig
from neo.training.requests import ENGLISH

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
    """Ends the stage, and its schedule, after so many batches."""
    rehearsed: float = 0.0
    """Samples of the base's own English among the stage's examples, as a share of its conversations."""
    moved: float = 1.0
    """How far the weights go from where the stage began to where it ended: what was learned before and is not
    practised here suffers less than the stage's own matter (WiSE-FT, Wortsman et al. 2021, arXiv 2109.01903)."""
    english: float = ENGLISH
    """Share of English among the conversations; the other languages share the rest."""
    batch_tokens: int = 1024
    """Tokens of a batch, padding included. Small batches: with few tokens, steps are what is scarce."""


@dataclass(frozen=True)
class ShortcutConfig:
    """The first stage, on vectors alone."""

    conversations: int
    mixture: Mixture
    listeners: int
    """Simulated listeners whose every next listen is learned."""
    epochs: int = 8
    rate: float = 3e-3
    """Peak learning rate."""
    item_epochs: int = 8
    """Before them, of known items alone."""
    noise: float = 1.0
    """Length, at most, of what is added to a message's unit vector at every look at it."""


@dataclass(frozen=True)
class ProbeConfig:
    """The stage of the probe, on vectors alone as well."""

    conversations: int = 36_000
    tasks: dict[str, float] = field(
        default_factory=lambda: {
            "recommend": 0.26,
            "search": 0.12,
            "refine": 0.18,
            "vocabulary": 0.09,
            "history": 0.1,
            "why": 0.04,
            "describe": 0.05,
            "compare": 0.03,
            "profile": 0.03,
            "talk": 0.1,
        }
    )
    """Task -> share of the conversations."""
    english: float = 0.45
    """Share of English, which has twice the wordings of any other language."""
    folds: int = 4
    """Parts of the wordings; the hints of training come from probes that have not seen the part (`probing`)."""


@dataclass(frozen=True)
class Recipe:
    """Defaults make a model like the shipped one, whose history is in LOG.md."""

    seed: int = 20261122
    languages: tuple[str, ...] = ("en", "es", "fr", "de", "pt", "it")
    clip: float = 1.0
    weight_decay: float = 0.01
    dtype: str = "bfloat16"
    """Of the backbone's forward pass: "float32" where bf16 arithmetic is slow, "8bit" or "4bit" for a frozen backbone
    as bitsandbytes packs it (with 4, this is QLoRA)."""
    rehearsal: int = 640
    """Samples of the base's own English, drawn before training, that the stages with an adapter rehearse."""
    adapter: AdapterConfig | None = AdapterConfig()
    """None trains the backbone whole."""
    further: AdapterConfig = AdapterConfig(
        rank=20,
        alpha=50,
        targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    )
    """The fresh one that a model which has one already goes on with. Both are written as one of this rank: 12 MB."""
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    shortcut: ShortcutConfig = field(
        default_factory=lambda: ShortcutConfig(
            conversations=32_000,
            listeners=16_000,
            mixture={
                "ground": {"codes": 0.5},
                "search": {"codes": 0.15},
                "recommend": {"codes": 0.25},
                "refine": {"codes": 0.1},
            },
        )
    )
    grounding: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=3000,
            rate=1e-3,
            mixture={
                "ground": {"codes": 0.6},
                "search": {"codes": 0.08, "plan": 0.05},
                "recommend": {"codes": 0.08, "plan": 0.08},
                "history": {"codes": 0.09},
                "refine": {"plan": 0.02},
            },
        )
    )
    capability: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=15_000,
            most_steps=900,
            rate=1e-3,
            map_rate=5e-4,
            adapter_rate=5e-4,
            rehearsed=0.035,
            mixture={
                "ground": {"codes": 0.08},
                "recommend": {"plan": 0.27, "codes": 0.06, "full": 0.04},
                "search": {"plan": 0.13, "codes": 0.02, "full": 0.015},
                "again": {"plan": 0.05},
                "refine": {"plan": 0.11, "codes": 0.01, "full": 0.01},
                "history": {"plan": 0.03, "codes": 0.04, "full": 0.01},
                "why": {"plan": 0.015, "full": 0.015},
                "describe": {"plan": 0.025, "full": 0.02},
                "compare": {"plan": 0.015, "full": 0.01},
                "profile": {"plan": 0.01, "full": 0.01},
                "talk": {"plan": 0.02, "full": 0.04},
            },
        )
    )

    steering: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=34_000,
            most_steps=960,
            rate=5e-4,
            map_rate=2e-4,
            adapter_rate=4e-4,
            rehearsed=0.035,
            mixture={
                "ground": {"codes": 0.03},
                "recommend": {"plan": 0.25, "codes": 0.02, "full": 0.03},
                "search": {"plan": 0.13, "codes": 0.01, "full": 0.015},
                "again": {"plan": 0.14},
                "refine": {"plan": 0.14, "full": 0.01},
                "history": {"plan": 0.03, "codes": 0.02, "full": 0.01},
                "why": {"plan": 0.02, "full": 0.01},
                "describe": {"plan": 0.03, "full": 0.015},
                "compare": {"plan": 0.015, "full": 0.005},
                "profile": {"plan": 0.01, "full": 0.005},
                "talk": {"plan": 0.03, "full": 0.025},
            },
        )
    )

    fluency: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=30_000,
            most_steps=1000,
            rate=5e-4,
            map_rate=2e-4,
            adapter_rate=4e-4,
            rehearsed=0.03,
            english=0.55,
            mixture={
                "ground": {"codes": 0.02},
                "vocabulary": {"plan": 0.17},
                "recommend": {"plan": 0.2, "codes": 0.01, "full": 0.04},
                "search": {"plan": 0.12, "codes": 0.01, "full": 0.015},
                "again": {"plan": 0.07},
                "refine": {"plan": 0.13, "full": 0.01},
                "history": {"plan": 0.04, "codes": 0.01, "full": 0.01},
                "why": {"plan": 0.025, "full": 0.01},
                "describe": {"plan": 0.025, "full": 0.01},
                "compare": {"plan": 0.015, "full": 0.005},
                "profile": {"plan": 0.01, "full": 0.005},
                "talk": {"plan": 0.03, "full": 0.02},
            },
        )
    )

    practice: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=22_000,
            most_steps=1000,
            rate=5e-4,
            map_rate=2e-4,
            adapter_rate=4e-4,
            rehearsed=0.015,
            english=0.52,
            mixture={
                "ground": {"codes": 0.01},
                "vocabulary": {"plan": 0.16},
                "recommend": {"plan": 0.24, "codes": 0.005, "full": 0.015},
                "search": {"plan": 0.17, "codes": 0.005, "full": 0.005},
                "again": {"plan": 0.07},
                "refine": {"plan": 0.16, "full": 0.005},
                "history": {"plan": 0.035, "codes": 0.005, "full": 0.005},
                "why": {"plan": 0.015, "full": 0.005},
                "describe": {"plan": 0.025, "full": 0.005},
                "compare": {"plan": 0.015},
                "profile": {"plan": 0.01},
                "talk": {"plan": 0.05, "full": 0.1},
            },
        )
    )

    conversation: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=14_000,
            most_steps=1000,
            rate=4e-4,
            map_rate=1.5e-4,
            adapter_rate=3e-4,
            rehearsed=0.01,
            english=0.5,
            mixture={
                "ground": {"codes": 0.01},
                "vocabulary": {"plan": 0.12},
                "recommend": {"plan": 0.17, "codes": 0.02, "full": 0.06},
                "search": {"plan": 0.12, "codes": 0.02, "full": 0.035},
                "again": {"plan": 0.06, "full": 0.01},
                "refine": {"plan": 0.14, "codes": 0.01, "full": 0.03},
                "history": {"plan": 0.02, "codes": 0.03, "full": 0.02},
                "why": {"plan": 0.015, "full": 0.02},
                "describe": {"plan": 0.02, "full": 0.025},
                "compare": {"plan": 0.015, "full": 0.015},
                "profile": {"plan": 0.01, "full": 0.015},
                "talk": {"plan": 0.025, "full": 0.05},
            },
        )
    )

    understanding: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=15_500,
            most_steps=1350,
            rate=4e-4,
            map_rate=1.5e-4,
            adapter_rate=4e-4,
            rehearsed=0.012,
            english=0.47,
            mixture={
                "ground": {"codes": 0.01},
                "vocabulary": {"plan": 0.04},
                "recommend": {"plan": 0.25, "codes": 0.03, "full": 0.05},
                "search": {"plan": 0.13, "codes": 0.02, "full": 0.025},
                "again": {"plan": 0.05, "full": 0.01},
                "refine": {"plan": 0.17, "codes": 0.02, "full": 0.025},
                "history": {"plan": 0.03, "codes": 0.08, "full": 0.015},
                "why": {"plan": 0.02, "full": 0.015},
                "describe": {"plan": 0.03, "full": 0.02},
                "compare": {"plan": 0.02, "full": 0.012},
                "profile": {"plan": 0.012, "full": 0.012},
                "talk": {"plan": 0.03, "full": 0.05},
            },
        )
    )

    following: StageConfig = field(
        default_factory=lambda: StageConfig(
            conversations=10_500,
            most_steps=1000,
            rate=4e-4,
            map_rate=1.5e-4,
            adapter_rate=4e-4,
            rehearsed=0.05,
            moved=0.65,
            english=0.3,
            mixture={
                "recommend": {"plan": 0.22, "codes": 0.005, "full": 0.035},
                "search": {"plan": 0.1, "codes": 0.005, "full": 0.012},
                "again": {"plan": 0.08, "full": 0.008},
                "refine": {"plan": 0.21, "full": 0.02},
                "history": {"plan": 0.045, "full": 0.012},
                "why": {"plan": 0.03, "full": 0.02},
                "describe": {"plan": 0.03, "full": 0.015},
                "compare": {"plan": 0.015, "full": 0.012},
                "profile": {"plan": 0.02, "full": 0.02},
                "talk": {"plan": 0.025, "full": 0.03},
            },
        )
    )

    def save(self, path) -> None:
        path.write_text(yaml.safe_dump(_plain(asdict(self)), sort_keys=False), encoding="utf-8")


def scaled(share: float, **changes) -> Recipe:
    """The default recipe with fewer (or more) conversations a stage."""
    recipe = Recipe(**changes)
    stages = {part.name: value for part in fields(recipe) if is_dataclass(value := getattr(recipe, part.name))}
    stages = {name: stage for name, stage in stages.items() if hasattr(stage, "conversations")}
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
