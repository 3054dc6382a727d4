"""SparseFC: an item-based autoencoder of ratings whose connections fade with the distance of learned vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from recae.models.autoencoders.average import averaged
from recae.models.autoencoders.costs import kernel_cost
from recae.models.autoencoders.item_ratings import ItemRatings
from recae.models.autoencoders.rating_network import Layers, RatingConfig, RatingNetwork
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.training.layers import small_bias, xavier

KERNEL_STEP = 0.05
"""Adam moves every number by about its step size; vectors that end within a distance of 1 need smaller ones."""

HIDDEN_START = 2.0
"""By how much the hidden layers' weights start larger than usual: a sigmoid's outputs differ little."""


class SparseFcConfig(RatingConfig):
    """Hyper-parameters of SparseFC; l2, kernel_l2 and the sizes are named as the authors' code weighs them."""

    epochs: int = param(50, ge=1, le=100_000)
    """Passes over the training rows; over them the step size falls to zero along half a cosine."""
    batch_users: int = param(500, ge=1)
    """Items per gradient step."""
    latent: int = param(250, ge=1, tune=(50, 500), scale="log")
    """Size of each hidden layer; the authors have 500."""
    dropout: float = param(0.7, ge=0, lt=1, tune=(0.0, 0.9))
    """Share of the ratings hidden from the input in each gradient step; those left are scaled up. 0: as published."""
    learning_rate: float = param(1e-2, gt=0, le=1, tune=(1e-3, 2e-2), scale="log")
    """Adam's step size at the start."""
    starts: int = param(5, ge=1, le=100)
    """How many networks are trained side by side from independent starts; their predictions are averaged. 1: as
    published."""
    hidden_layers: int = param(2, ge=1, le=8)
    """How many hidden layers there are."""
    l2: float = param(30.0, ge=0, tune=(1.0, 200.0), scale="log")
    """Weight of the sum of squared weights beside the sum of squared errors; the authors have 60 on ML-1M."""
    hidden_l2: float = param(10.0, ge=0, tune=(1.0, 200.0), scale="log")
    """The same for the weights between two hidden layers; the authors have their l2 there as well."""
    kernel_l2: float = param(0.013, ge=0, tune=(0.001, 1.0), scale="log")
    """Weight of the sum of squared kernel values beside the sum of squared errors; high values cut connections."""
    kernel_dim: int = param(5, ge=1, tune=(2, 20))
    """Length of the vectors whose distances make the kernel."""


class KernelWeight(nn.Module):
    """weight_ij x max(0, 1 - |u_i - v_j|^2) between inputs i and outputs j (equations 2 and 5)."""

    def __init__(self, inputs: int, outputs: int, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(inputs, outputs, generator)
        self.inputs = _vectors(inputs, dim, generator)
        self.outputs = _vectors(outputs, dim, generator)

    def kernel(self) -> Tensor:
        """(inputs, outputs) between 0 and 1."""
        u, v = self.inputs * KERNEL_STEP, self.outputs * KERNEL_STEP
        near = 1 - v.square().sum(dim=1) - u.square().sum(dim=1, keepdim=True)
        return torch.addmm(near, u, v.T, alpha=2).clamp(0, 1)


class SparseFcNetwork(RatingNetwork):
    """Sigmoid hidden layers and a linear output, every weight of which is multiplied by its kernel."""

    def __init__(self, n_columns: int, config: SparseFcConfig, generator: torch.Generator) -> None:
        super().__init__(n_columns, config, generator)
        self.kernel_l2 = config.kernel_l2
        latent, extra = config.latent, config.hidden_layers - 1
        sizes = [(n_columns, latent), *[(latent, latent)] * extra, (n_columns, latent)]
        self.kernelised = nn.ModuleList(KernelWeight(*size, config.kernel_dim, generator) for size in sizes)
        self.l2s = [config.l2, *[config.hidden_l2] * extra, config.l2]
        with torch.no_grad():
            for layer in cast("Iterable[KernelWeight]", self.kernelised[1:-1]):
                layer.weight.mul_(HIDDEN_START)
        self.between_biases = nn.ParameterList(small_bias(latent, generator) for _ in range(extra))
        self.output_bias = small_bias(n_columns, generator)

    def layers(self) -> Layers:
        effective, penalty = [], torch.zeros((), device=self.output_bias.device)
        for layer, l2 in zip(cast("Iterable[KernelWeight]", self.kernelised), self.l2s, strict=True):
            kernel = layer.kernel()
            effective.append(layer.weight * kernel)
            penalty = penalty + l2 * layer.weight.square().sum() + self.kernel_l2 * kernel.square().sum()
        if self.known is not None:
            penalty = penalty + self.l2s[0] * self.known.square().sum()
        between = tuple(zip(effective[1:-1], self.between_biases, strict=True))
        return Layers(effective[0], effective[-1], self.output_bias, between, penalty)


def _vectors(size: int, dim: int, generator: torch.Generator) -> nn.Parameter:
    """(size, dim) so close together that every connection begins whole."""
    vectors = torch.empty(size, dim, device=generator.device)
    return nn.Parameter(vectors.normal_(0, 1e-3 / KERNEL_STEP, generator=generator))


class SparseFc(ItemRatings):
    """I-AutoRec with two hidden layers, every weight of which is multiplied by a kernel of two learned vectors, so
    that connections between far ones vanish and groups of users and units stay by themselves.
    """

    info = ModelInfo(
        name="sparse-fc",
        title="SparseFC",
        source="Muller, Martel, Indiveri 2018: Kernelized Synaptic Weight Matrices (ICML)",
        family="autoencoder",
        needs="ratings",
        inductive=False,
        cost="memory 60 x starts x users x latent bytes; "
        "time per epoch ~ starts x (ratings + batches x users) x latent",
    )
    Config = SparseFcConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"l2": 50.0, "dropout": 0.85, "latent": 500, "starts": 2},
        {"l2": 10.0},
    )

    def cost(self, shape: Shape) -> Cost:
        return kernel_cost(shape, self.config)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return averaged(self.config.starts, lambda: SparseFcNetwork(n_users, self.config, generator))
