"""Where the products run and in which precision: decided here and nowhere else."""

from __future__ import annotations

import torch

from recae.errors import ConfigError
from recae.options import Precision
from recae.processor import multiplies_bf16


def choose_device(name: str) -> torch.device:
    """The torch device for "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1".

    Raises:
        ConfigError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"{name!r} is not a device; use auto, cpu, cuda or cuda:0, cuda:1, ...") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"Device {name!r} is not here: torch sees {torch.cuda.device_count()} GPUs. Use --device cpu."
        )
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"Device {name!r} is not supported; use auto, cpu or cuda.")
    return device


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of large matrix products: bf16 on request, or by itself where the hardware multiplies it faster.

    The hardware's own feature flags decide, never a timing, so that a run repeats itself on the same machine.
    """
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else multiplies_bf16()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32
