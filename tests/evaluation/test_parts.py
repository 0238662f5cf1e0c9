"""Parts are off inside, and on again afterwards, whatever happened."""

import pytest
import torch

from neo.evaluation.parts import silenced


def test_what_was_silenced_speaks_again():
    one, other = torch.arange(3.0), torch.nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError), silenced([one, other]):
        assert not one.any() and not other.any()
        raise ValueError
    assert one.tolist() == [0, 1, 2] and other.tolist() == [1, 1] and other.requires_grad
