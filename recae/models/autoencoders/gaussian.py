"""Gaussians with a diagonal covariance, given by mean and log variance: draws and densities."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def draw(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """One sample of each, through which gradients flow to the mean and the log variance."""
    noise = torch.empty_like(mean).normal_(generator=generator)
    return mean + noise * torch.exp(0.5 * log_variance)


def log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(z; mean, variance), element by element."""
    return -0.5 * (math.log(2 * math.pi) + log_variance + (z - mean).square() * torch.exp(-log_variance))


def divergence(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(other_mean, other_variance)), element by element."""
    ratio = log_variance - other_log_variance
    distance = (mean - other_mean).square() * torch.exp(-other_log_variance)
    return 0.5 * (ratio.exp() + distance - 1 - ratio)


def mixture_log_density(z: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """(n_rows,) log of the mean over k of N(z; means_k, variances_k), for z (n_rows, latent), means (k, latent).

    The distances are products of matrices, in float64 because they are differences of large numbers; an array of
    n_rows x k x latent is never made.
    """
    point, center, log_variance = z.double(), means.double(), log_variances.double()
    precision = torch.exp(-log_variance)
    constant = (center.square() * precision + log_variance).sum(dim=1) + z.shape[1] * math.log(2 * math.pi)
    distances = point.square() @ precision.T - 2 * point @ (center * precision).T + constant
    return (torch.logsumexp(-0.5 * distances, dim=1) - math.log(len(means))).to(z.dtype)
