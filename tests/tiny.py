"""Small real parts: a two-layer random Llama over the real tokenizer, and items with SIDs."""

from functools import cache

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from neo.format import Format
from neo.items import CatalogItem
from neo.model.base import converted
from neo.model.neo import NeoModel
from neo.settings import cache_folder
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid
from neo.sids.store import SidBook
from neo.sids.vocabulary import Vocabulary
from neo.wording import LANGUAGES

WIDTH = 8  # of the encoder vectors


@cache
def tokenizer():
    return AutoTokenizer.from_pretrained(converted(cache_folder()))


def book(shapes: dict[str, tuple[int, int]], seed: int = 0) -> SidBook:
    """Random codebooks for types of (levels, codes)."""
    rng = np.random.default_rng(seed)
    quantizers = {
        name: ResidualQuantizer(rng.normal(size=(levels, codes, WIDTH)).astype(np.float32))
        for name, (levels, codes) in shapes.items()
    }
    return SidBook("usem3", quantizers, {})


def llama(seed: int = 0, width: int = 32) -> LlamaForCausalLM:
    """A random base model of 2 layers with the real vocabulary."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer()),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def saved_base(folder, width: int = 32) -> str:
    """`llama` with the real tokenizer, written into a folder that `--base` can name."""
    llama(width=width).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


def model(book_: SidBook, seed: int = 0) -> tuple[NeoModel, Format]:
    """An untrained model on `llama` whose rows, too, are random."""
    base = llama(seed)
    vocabulary = Vocabulary(base.config.vocab_size, book_.shapes, LANGUAGES)
    format_ = Format(tokenizer(), vocabulary)
    made = NeoModel(base, vocabulary, book_)
    made.rows.start_from(base.get_input_embeddings().weight, format_.words)
    for layer in (made.rows.map_out, made.rows.shortcut.straight, made.rows.shortcut.map):
        torch.nn.init.normal_(layer.weight, std=0.3)
    return made, format_


def item(title: str = "Serial", type_: str = "show", codes=(0, 1), **changes) -> CatalogItem:
    values = dict(
        id=1,
        key=f"{type_}:{title.lower()}",
        type=type_,
        title=title,
        makers=("Sarah Koenig",),
        language="en",
        year=2014,
        minutes=45,
        fame=5,
        topics=("true crime", "law"),
        tones=("gripping",),
        format="investigation series",
        description="A reporter looks again at a murder case.",
        sid=Sid(type_, tuple(codes)),
    )
    return CatalogItem(**{**values, **changes})
