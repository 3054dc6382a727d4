"""What the processor is good at."""

from __future__ import annotations


def multiplies_bf16() -> bool:
    """Whether matrix products on the processor are faster in bf16 than in fp32.

    Its own feature flags decide, never a timing, so that a run repeats itself on the same machine.
    """
    import torch

    flags = torch.backends.cpu.get_cpu_capability()
    has_avx512_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", bool)()
    return flags.startswith("AVX512") and (has_avx512_bf16 or has_amx)
