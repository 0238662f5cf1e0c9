"""Words a second, ours against llama.cpp and ctranslate2 with the same weights, all of eight bits, one conversation.

Both rivals are optional: `pip install ctranslate2 xllamacpp`. They get the words alone, since neither knows vectors as
input or a constraint inside a span.
"""

import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import AutoTokenizer

from neo.bench.decode import seconds_to_write
from neo.errors import SettingInvalid
from neo.model.neo import NeoModel

PROMPT = "The sea has been sailed for as long as people have told stories. One of the oldest of them begins with"
WORDS = 96
CONTEXT = 1024
GGUF = "words.gguf"
RIVALS = ("ctranslate2", "xllamacpp")


def bench_words(assistant, model: NeoModel, rounds: int = 5, progress=lambda: None) -> dict[str, float]:
    """Tokens a second behind a prompt that is read already, medians of `rounds`; ratios are ours by theirs, who get
    `model`, the one that `assistant` serves, adapter merged.

    Raises SettingInvalid where a rival is not installed, or the base is one that they are not given.
    """
    _check(model)
    runner, tokenizer, threads = assistant.engine.runner, assistant.format.tokenizer, torch.get_num_threads()
    ids = assistant.format.words(PROMPT)
    with tempfile.TemporaryDirectory() as folder:
        alone = _words_alone(model)
        alone.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        _write_gguf(Path(folder) / GGUF, alone, tokenizer)
        seconds = {"ours": [seconds_to_write(runner, ids, [], WORDS) for _ in range(rounds + 1)][1:]}
        progress()
        for name, rival in (("llama_cpp", _llama_cpp), ("ctranslate2", _ctranslate2)):
            # each in a process of its own, after a first round to warm up: in one, threads of several engines wait for
            # each other
            with ProcessPoolExecutor(1, get_context("spawn")) as alone:
                seconds[name] = alone.submit(rival, Path(folder), ids, threads, rounds).result()
            progress()
    speed = {name: WORDS / float(np.median(taken)) for name, taken in seconds.items()}
    return {f"{name}_tokens_per_second": round(value, 1) for name, value in speed.items()} | {
        f"ratio_{name}": round(speed["ours"] / value, 2) for name, value in speed.items() if name != "ours"
    }


@torch.no_grad()
def _words_alone(model: NeoModel):
    """The merged backbone in float32 without the new rows."""
    config = model.base.config
    plain = type(model.base)(config)
    state = {name: tensor.float().cpu() for name, tensor in model.core.state_dict().items()}
    plain.model.load_state_dict(state | {"embed_tokens.weight": model.words.float().cpu()})
    plain.tie_weights()
    return plain.eval()


def _ctranslate2(folder: Path, ids: list[int], threads: int, rounds: int) -> list[float]:
    import ctranslate2

    converted = str(folder / "ctranslate2")
    ctranslate2.converters.TransformersConverter(str(folder)).convert(converted, quantization="int8")
    generator = ctranslate2.Generator(converted, compute_type="int8", intra_threads=threads)
    prompt = AutoTokenizer.from_pretrained(folder).convert_ids_to_tokens(ids)
    length = {"max_length": WORDS + 1, "min_length": WORDS + 1}

    def seconds() -> float:
        written = [perf_counter() for _ in generator.generate_tokens(prompt, **length, sampling_topk=1, end_token=[])]
        return (written[-1] - written[0]) * WORDS / (len(written) - 1)

    return [seconds() for _ in range(rounds + 1)][1:]


def _llama_cpp(folder: Path, ids: list[int], threads: int, rounds: int) -> list[float]:
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_gpu_layers = str(folder / GGUF), CONTEXT, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.verbosity = -1
    server = xllamacpp.Server(settings)
    asked = {"prompt": ids, "n_predict": WORDS, "temperature": 0, "ignore_eos": True, "cache_prompt": False}

    def seconds() -> float:
        timings = server.handle_completions(asked)["timings"]
        return timings["predicted_ms"] / 1e3 * WORDS / timings["predicted_n"]

    return [seconds() for _ in range(rounds + 1)][1:]


def _write_gguf(path: Path, model, tokenizer) -> None:
    """A Llama as llama.cpp reads it: matrices in Q8_0, norms in float32."""
    config, writer = model.config, gguf.GGUFWriter(path, "llama")
    heads, shared = config.num_attention_heads, config.num_key_value_heads
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(shared)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // heads)
    writer.add_vocab_size(config.vocab_size)
    spelled = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    special = set(tokenizer.all_special_ids)
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")  # it reads ids, so how it would cut words does not matter
    writer.add_token_list(tokenizer.convert_ids_to_tokens(range(config.vocab_size)))
    writer.add_token_types([control if id_ in special else normal for id_ in range(config.vocab_size)])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in spelled["merges"]])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.model.state_dict().items():
        values = tensor.numpy()
        if name.endswith(("q_proj.weight", "k_proj.weight")):  # llama.cpp turns pairs that lie side by side
            count = heads if "q_proj" in name else shared
            values = values.reshape(count, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        kind = Kind.F32 if values.ndim == 1 else Kind.Q8_0
        called = names.get_name(f"model.{name}", try_suffixes=(".weight",))
        writer.add_tensor(called, gguf.quants.quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _check(model: NeoModel) -> None:
    missing = [name for name in RIVALS if find_spec(name) is None]
    if missing:
        raise SettingInvalid(
            f"{' and '.join(missing)} not installed: pip install {' '.join(RIVALS)}, then run this again"
        )
    if model.packed or model.base.config.model_type != "llama":
        raise SettingInvalid(
            f"base {model.base.config.model_type!r}{', packed' if model.packed else ''}: expected a Llama in float32, "
            "bfloat16 or int8"
        )
