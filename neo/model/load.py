"""Trained weights on disk: written small, read with checks, put together into an engine.

A weights folder holds `config.yaml` (base model, languages, adapter), `recipe.yaml`, the SIDs, and in float16
`rows.safetensors`, `adapter.safetensors` and `probe.safetensors`. The base model's own weights are never in it.
"""

import ctypes
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from neo.decoding.engine import Engine
from neo.errors import SettingInvalid, SidsMissing, WeightsInvalid
from neo.format import Format
from neo.model.adapters import AdapterConfig
from neo.model.base import load_base
from neo.model.neo import NeoModel
from neo.model.probe import Probe
from neo.model.runner import Arithmetic, Runner
from neo.settings import Settings
from neo.sids.encoder import TextEncoder
from neo.sids.store import SidBook
from neo.sids.vocabulary import Vocabulary

BITS = {"4bit": 4, "8bit": 8}
"""Arithmetics in which bitsandbytes holds the backbone's layers."""
LATER = ("shortcut.asked.", "shortcut.known.")
"""Parameters that weights of before do without: nothing is added where nothing was learned or no features are known."""
BF16_IN_HARDWARE = ("amx_bf16", "avx512_bf16")
"""What a CPU may have to multiply matrices of bfloat16 faster than of float32: twice as fast and more."""


@dataclass
class Loaded:
    """Everything that serves one set of weights."""

    engine: Engine
    format: Format
    encoder: TextEncoder
    book: SidBook
    probe: Probe


def untrained(
    settings: Settings, book: SidBook, languages: tuple[str, ...], seed: int = 0, report=lambda text: None
) -> tuple[NeoModel, Format]:
    """The base model with fresh rows, drawn from `seed`, for the SIDs of `book`."""
    device = device_called(settings.device)
    base, tokenizer = load_base(
        settings.base, settings.cache, bits=BITS.get(settings.dtype), device=str(device), report=report
    )
    vocabulary = Vocabulary(base.config.vocab_size, book.shapes, languages)
    format_ = Format(tokenizer, vocabulary)
    torch.manual_seed(seed)
    model = NeoModel(base, vocabulary, book)
    model.rows.start_from(base.get_input_embeddings().weight.cpu(), format_.words)
    return model.to(device), format_


def save(folder: Path, model: NeoModel, probe: Probe, book: SidBook, base: str) -> None:
    """Write rows, adapter (or, without one, the backbone), probe, SIDs, config. Call before the adapter is merged."""
    folder.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.detach().half().contiguous() for name, tensor in model.rows.state_dict().items()}
    save_file(half, folder / "rows.safetensors")
    adapter = model.adapter()
    trained = adapter.parameters if adapter else model.adapter_parameters()
    small = {name: p.detach().half().contiguous() for name, p in trained.items()}
    save_file(small, folder / "adapter.safetensors")
    probe.save(folder / "probe.safetensors")
    book.save(folder)
    config = {
        "base": base,
        "base_vocabulary": model.vocabulary.base_size,
        "languages": list(model.vocabulary.languages),
        "adapter": adapter and {**asdict(adapter.config), "targets": list(adapter.config.targets)},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def adapter_of(folder: Path) -> AdapterConfig | None:
    """The adapter of the weights in `folder`; None where the backbone was trained whole."""
    adapter = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["adapter"]
    return AdapterConfig(**{**adapter, "targets": tuple(adapter["targets"])}) if adapter else None


def load_model(settings: Settings, report=lambda text: None) -> tuple[NeoModel, Format, SidBook, Probe]:
    """The trained model of `settings.weights`, adapter unmerged. Raises WeightsInvalid or SidsMissing."""
    folder = settings.weights
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        rows, adapter = (load_file(folder / f"{name}.safetensors") for name in ("rows", "adapter"))
        book, probe = SidBook.load(folder), Probe.load(folder / "probe.safetensors")
        languages, shape = tuple(config["languages"]), adapter_of(folder)
    except (OSError, SafetensorError, SidsMissing, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise WeightsInvalid(
            f'weights in {folder} cannot be read ({error}): expected a folder written by "python -m neo train"; '
            f"restore it, or name another with --weights or NEO_WEIGHTS"
        ) from error
    model, format_ = untrained(settings, book, languages, report=report)
    if config["base_vocabulary"] != model.vocabulary.base_size:
        raise WeightsInvalid(
            f"weights in {folder} were trained on {config['base']!r} ({config['base_vocabulary']:,} tokens), but "
            f"the base model {settings.base!r} has {model.vocabulary.base_size:,}: name the same base, or train anew"
        )
    model.train_backbone(shape)
    _fill(folder / "rows.safetensors", dict(model.rows.named_parameters()), rows)
    _fill(folder / "adapter.safetensors", model.adapter_parameters(), adapter)
    return model, format_, book, probe


def _fill(path: Path, parameters: dict[str, torch.nn.Parameter], saved: dict[str, torch.Tensor]) -> None:
    parameters = {name: each for name, each in parameters.items() if name in saved or not name.startswith(LATER)}
    differing = {
        name
        for name in parameters.keys() | saved.keys()
        if name not in parameters or name not in saved or parameters[name].shape != saved[name].shape
    }
    if differing:
        raise WeightsInvalid(
            f"{path} does not fit this model at {', '.join(sorted(differing)[:3])}: expected weights of the same base "
            f"model and SIDs; restore the folder, or train anew"
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved[name])


def load(settings: Settings, report=lambda text: None) -> Loaded:
    """A ready engine for `settings`."""
    chosen = arithmetic(settings.dtype, device_called(settings.device))
    model, format_, book, probe = load_model(settings, report)
    engine = make_engine(model, format_, chosen)
    _give_back()
    return Loaded(engine, format_, TextEncoder(book.encoder), book, probe)


def _give_back() -> None:
    """Return to the system what loading freed: the C library of Linux keeps it otherwise, 400 MB after the default."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def device_called(name: str) -> torch.device:
    """Where the model runs; "auto" is a GPU where there is one. Raises SettingInvalid."""
    has_gpu = torch.cuda.is_available()
    try:
        device = torch.device(("cuda" if has_gpu else "cpu") if name == "auto" else name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda") or (device.type == "cuda" and not has_gpu):
        found = "a GPU was found" if has_gpu else "no GPU was found"
        raise SettingInvalid(f'NEO_DEVICE is {name!r} ({found}): expected "auto", "cpu" or "cuda"')
    return device


def arithmetic(name: str, device: torch.device = torch.device("cpu")) -> Arithmetic:
    """What `name` means on this machine. "int8", which is also "auto" on a CPU, multiplies many rows in bfloat16 where
    the CPU does so in hardware, in float32 elsewhere: emulated, bfloat16 is many times slower."""
    known = ("auto", "float32", "bfloat16", *(["int8"] if device.type == "cpu" else []), *BITS)
    if name not in known:
        raise SettingInvalid(f"NEO_DTYPE is {name!r}: expected one of {', '.join(known)} on {device.type}")
    if name in BITS or (name == "auto" and device.type != "cpu"):
        return Arithmetic(torch.bfloat16)
    if name in ("auto", "int8"):
        has = any(torch.cpu.get_capabilities().get(name) for name in BF16_IN_HARDWARE)
        return Arithmetic(torch.bfloat16 if has else torch.float32, light=True)
    return Arithmetic(getattr(torch, name))


def make_engine(model: NeoModel, format_: Format, arithmetic: Arithmetic = Arithmetic()) -> Engine:
    banned = [id_ for id_ in _special_ids(format_) if id_ != format_.end]
    line_ends = frozenset(id_ for id_ in range(model.vocabulary.base_size) if "\n" in format_.tokenizer.decode([id_]))
    return Engine(Runner(model, arithmetic), format_.end, banned, line_ends)


def _special_ids(format_: Format) -> list[int]:
    """Base tokens that are markers, not words."""
    return sorted(
        {
            *format_.tokenizer.all_special_ids,
            *(id_ for id_, token in format_.tokenizer.added_tokens_decoder.items() if token.special),
        }
    )
