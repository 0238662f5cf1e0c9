"""A span by beam search, ours against `transformers`' generate with the same constraint; words; the constraint's share.

Both read the same prompt and score codes alike, so they must find the same items in the same order.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessorList

from neo.decoding import beams
from neo.decoding.processor import CatalogLogits
from neo.decoding.trie import View
from neo.format import Message
from neo.model.neo import NeoModel
from neo.model.plain import as_causal_lm, shortcut_of
from neo.model.runner import Runner
from neo.plan import Plan
from neo.sids.vocabulary import Vocabulary

PROMPT, WORDS = 256, 48  # tokens
SUBJECT = "Something gripping about people who go to sea, with storms, islands and a good narrator. "


class Timed:
    """A view that adds up the seconds its children took."""

    def __init__(self, view: View):
        self.view, self.seconds = view, 0.0

    def children(self, level: int, node: int):
        before = perf_counter()
        found = self.view.children(level, node)
        self.seconds += perf_counter() - before
        return found


def bench_decode(assistant, model: NeoModel, type_: str, runs: int = 3, progress=lambda: None) -> dict:
    """`ratio_beam10`, `ratio_beam20`: generate's seconds over ours, medians of `runs`, both with `model` in float32,
    the one that `assistant` serves; `same_items`; the same against transformers with the prompt read once
    (`ratio_prompt_once_...`), which generate does not do. Then, by the assistant itself, in its own arithmetic
    (`dtype`), `span_s`: a span in mid-reply, beam 10, and `constraint_share` of it; `text_tokens_per_second` where
    nothing is copied."""
    format_, runner = assistant.format, Runner(model)
    view = assistant.steering.tries.by_type[type_].everything()
    vector = assistant.encoder.encode([SUBJECT])[0]
    ids = format_.render([Message(SUBJECT * 16, vector)]).ids
    plan = format_.plan(Plan("recommend", types=((type_, 1),), ids_only=True), [SUBJECT])
    ids = [*ids[: PROMPT - len(plan) - 6], *ids[-6:], *plan]
    message, nobody = torch.from_numpy(vector[None]), torch.zeros(1, model.rows.taste_width)
    plain = as_causal_lm(model, message, nobody)
    shortcut = shortcut_of(model, message, nobody)
    opener = model.vocabulary.opener(type_)
    with torch.inference_mode():
        prompt = torch.cat(
            [model.embed(torch.tensor([ids]), message), plain.get_input_embeddings()(torch.tensor([[opener]]))], 1
        )
    timed = Timed(view)

    def ours(width: int):
        context = runner.start(ids, [vector])
        context.condition(vector, None)
        return [beam.codes for beam in beams.search(context, model.vocabulary, type_, timed, width)]

    def theirs(width: int):
        found = plain.generate(
            inputs_embeds=prompt,
            attention_mask=torch.ones(prompt.shape[:2], dtype=torch.long),
            logits_processor=LogitsProcessorList(
                [CatalogLogits(model.vocabulary, {type_: view}, opened=type_, shortcut=shortcut)]
            ),
            num_beams=width,
            num_return_sequences=width,
            max_new_tokens=model.vocabulary.shape(type_).levels,
            do_sample=False,
            length_penalty=0.0,
            eos_token_id=None,
            pad_token_id=format_.end,
        )
        rows = [[model.vocabulary.code(id_) for id_ in row] for row in found.tolist()]
        return [tuple(code for *_, code in row) for row in rows if None not in row]  # generate pads what it lacks

    def once(width: int):
        logits = CatalogLogits(model.vocabulary, {type_: view}, opened=type_, shortcut=shortcut)
        return _prompt_once(plain, prompt, logits, width, model.vocabulary, type_)

    result: dict = {"prompt_tokens": len(ids) + 1, "same_items": True}
    for width in (10, 20):
        seconds: dict[str, list[float]] = {"ours": [], "generate": [], "prompt_once": []}
        for _ in range(runs):
            found = {}
            for name, search in (("ours", ours), ("generate", theirs), ("prompt_once", once)):
                found[name], took = _clocked(lambda search=search, width=width: search(width))
                seconds[name].append(took)
            mine = found["ours"]
            result["same_items"] &= all(other[: len(mine)] == mine for other in found.values())
            progress()
        middle = {name: float(np.median(values)) for name, values in seconds.items()}
        result |= {f"{name}_beam{width}_s": round(value, 3) for name, value in middle.items()}
        result[f"ratio_beam{width}"] = round(middle["generate"] / middle["ours"], 2)
        result[f"ratio_prompt_once_beam{width}"] = round(middle["prompt_once"] / middle["ours"], 2)
    runner = assistant.engine.runner
    result["dtype"] = str(runner.arithmetic)
    context = runner.start(ids, [vector])
    context.condition(vector, None)
    start, hidden = context.length, context.hidden
    spans, timed.seconds = [], 0.0
    for _ in range(runs):
        spans.append(_clocked(lambda: beams.search(context, model.vocabulary, type_, timed, 10))[1])
        context.crop(start, hidden)
    result["span_s"] = round(float(np.median(spans)), 3)
    result["constraint_share"] = round(timed.seconds / sum(spans), 5)
    written = [seconds_to_write(runner, ids, [vector], WORDS) for _ in range(runs)]
    result["text_tokens_per_second"] = round(WORDS / float(np.median(written)), 1)
    return result


@torch.inference_mode()
def _prompt_once(plain, prompt: Tensor, logits: CatalogLogits, width: int, vocabulary: Vocabulary, type_: str) -> list:
    """Codes of the best beams by transformers' own model and cache: the prompt is read once, its cache repeated."""
    read = plain(inputs_embeds=prompt, use_cache=True)
    cache, scores = read.past_key_values, read.logits[:, -1]
    written, totals = torch.zeros(1, 0, dtype=torch.long), torch.zeros(1)
    for level in range(vocabulary.shape(type_).levels):
        if level:
            scores = plain(input_ids=written[:, -1:], past_key_values=cache, use_cache=True).logits[:, -1]
        sums = (totals[:, None] + logits(written, scores)).flatten()
        totals, best = sums.topk(min(width, int(sums.isfinite().sum())))
        rows, ids = best // scores.shape[1], best % scores.shape[1]
        written = torch.cat([written[rows], ids[:, None]], 1)
        if level:
            cache.batch_select_indices(rows)
        else:
            cache.batch_repeat_interleave(len(rows))
    return [tuple(vocabulary.code(id_)[2] for id_ in row) for row in written.tolist()]


@torch.inference_mode()
def seconds_to_write(runner: Runner, ids: list[int], soft: list[np.ndarray], count: int) -> float:
    """Of `count` greedy words behind the prompt `ids`, whose soft tokens have the vectors `soft`."""
    context = runner.start(ids, soft)
    before = perf_counter()
    for _ in range(count):
        context.extend([int(runner.text_scores(context.hidden)[: runner.vocabulary.base_size].argmax())])
    return perf_counter() - before


def _clocked(work: Callable):
    before = perf_counter()
    return work(), perf_counter() - before
