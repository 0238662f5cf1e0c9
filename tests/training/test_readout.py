"""How long output rows are made: as long as what they say is worth beside the shortcut."""

import pytest
import torch

from neo.training.readout import fit_length
from tests import tiny

BOOK = tiny.book({"show": (2, 8), "audiobook": (2, 8)})


@pytest.mark.parametrize("says", ["nothing", "all"])
def test_rows_that_say_nothing_beside_the_shortcut_become_short_and_those_that_say_all_long(says):
    model, _ = tiny.model(BOOK)
    rows, generator = model.rows, torch.Generator().manual_seed(0)
    torch.nn.init.normal_(rows.free_out, std=3.0, generator=generator)
    first = rows.vocabulary.level_ids("show", 0)
    wanted = torch.randint(0, 8, (600,), generator=generator) + first.start
    at = wanted - rows.vocabulary.control_ids.stop
    outputs = rows.code_outputs().detach()
    hidden = torch.randn(600, outputs.shape[1], generator=generator)
    shortcut = torch.zeros(600, len(outputs))
    if says == "all":
        hidden = 3 * outputs[at]
    else:
        shortcut[range(600), at] = 5.0
    before = fit_length(model, (hidden, shortcut, wanted), seed=0)
    length = float(rows.code_outputs().detach().norm() / outputs.norm())
    assert before > 0 and (length < 0.5 if says == "nothing" else length > 1.1)
