"""Fitting: any number of steps will do, and the best epoch is kept."""

import pytest
import torch

from neo.training.fitting import Fit, fit


@pytest.mark.parametrize("one_cycle", [True, False])
def test_any_number_of_steps_will_do(one_cycle):
    for epochs in range(1, 42):
        parameter = torch.nn.Parameter(torch.ones(()))
        config = Fit(epochs, batch=8, rate=0.1, decay=0.0, held_out=0.1, one_cycle=one_cycle)
        before, after = fit([parameter], lambda rows, parameter=parameter: parameter**2, 8, config, seed=0)
        assert before == 1 and after == pytest.approx(parameter.item() ** 2) and after <= before
