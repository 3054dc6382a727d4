"""Adam (Kingma and Ba 2015) that takes the gradients of large tables block by block."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from recae.training.gradients import expect, row_blocks, waiting

_KERNEL = getattr(torch, "_fused_adam_", None)
"""The kernel itself: by its public wrapper, taken where a torch hides it, a step of many blocks spends more time in
Python than in the kernel."""


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
            whole, gradients = [], []
            for parameter in group["params"]:
                if waiting(parameter):
                    self._step_by_blocks(parameter, group)
                elif parameter.grad is not None:
                    whole.append(parameter)
                    gradients.append(parameter.grad)
            if whole:
                _move(whole, gradients, [self._next(parameter) for parameter in whole], group)

    def _next(self, parameter: Tensor) -> dict[str, Any]:
        """What Adam knows of the parameter, one step on."""
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        return state

    def _step_by_blocks(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self._next(parameter)
        first, *others = waiting(parameter)
        for rows in row_blocks(len(parameter), parameter.shape[1], parameter.device):
            total = first.of_rows(rows)
            for gradient in others:
                total.add_(gradient.of_rows(rows))
            if parameter.grad is not None:
                total.add_(parameter.grad[rows])
            part = {name: state[name][rows] for name in ("exp_avg", "exp_avg_sq")}
            _move([parameter[rows]], [total], [{"step": state["step"], **part}], group)
        waiting(parameter).clear()
        parameter.grad = None


def _move(
    parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Any]], group: dict[str, Any]
) -> None:
    beta1, beta2 = group["betas"]
    given: dict[str, Any] = {"lr": group["lr"], "beta1": beta1, "beta2": beta2, "eps": group["eps"]}
    given |= {"weight_decay": group["weight_decay"], "amsgrad": False, "maximize": False}
    averages, squares = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
    steps = [state["step"] for state in states]
    if _KERNEL is None:
        adam(parameters, gradients, averages, squares, [], [step - 1 for step in steps], fused=True, **given)
    else:
        _KERNEL(parameters, gradients, averages, squares, [], steps, **given)
