"""Adam (Kingma and Ba 2015) that takes the gradients of large tables block by block."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from recae.training.gradients import expect, row_blocks, waiting


class BlockAdam(torch.optim.Adam):
    """torch's Adam, number by number; a gradient that was handed over exists only in blocks that stay in the cache.

    All rows of a table move at every step, also those without a gradient: their moments still carry them.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, lr=lr, fused=True)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim == 2:
                    expect(parameter)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if waiting(parameter):
                    self._step_by_blocks(parameter, group)
        super().step()

    def _step_by_blocks(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        gradients, dense = waiting(parameter), parameter.grad
        n_rows, width = parameter.shape
        buffer = None
        for rows in row_blocks(n_rows, width, parameter.device):
            if buffer is None:
                buffer = parameter.new_empty(rows.stop, width)
            total = buffer[: rows.stop - rows.start]
            if dense is not None:
                total.copy_(dense[rows])
            for number, gradient in enumerate(gradients):
                gradient.add_rows(rows, total, first=number == 0 and dense is None)
            adam(
                [parameter[rows]],
                [total],
                [state["exp_avg"][rows]],
                [state["exp_avg_sq"][rows]],
                [],
                [state["step"].clone()],
                fused=True,
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )
        state["step"] += 1
        gradients.clear()
        parameter.grad = None
