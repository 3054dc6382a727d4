"""The one place where the number of threads is decided, and how they wait."""

from __future__ import annotations

import os
import sys

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_threads(count: int | None) -> None:
    """Let NumPy, SciPy, Arrow and torch use `count` threads; None leaves their number as it is.

    Called before they are imported, the environment tells them all; whatever is loaded already is told as well.
    """
    # By default OpenMP's threads wait by spinning. Where other processes want the cores, too, that makes training
    # many times slower than sleeping does; where nobody else does it gains next to nothing.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if count is None:
        return
    os.environ.update(dict.fromkeys(_VARIABLES, str(count)))
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(count)
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].set_cpu_count(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
