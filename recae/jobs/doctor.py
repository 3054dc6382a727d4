"""What a bug report needs: versions, machine, settings from outside, and whether the essentials work here."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.errors import reason
from recae.models.capacity import amount, free_memory
from recae.processor import multiplies_bf16
from recae.progress import SILENT, Progress
from recae.store.manifest import library_versions

EXTRAS = {"report": "jinja2"}
"""Extra -> a module that it brings."""
PREFIXES = ("RECAE_", "OMP_", "MKL_", "OPENBLAS_", "KMP_", "CUDA_", "TORCH_", "PYTHONHASHSEED", "LC_ALL", "TMPDIR")
SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")
LITTLE_DISK, LITTLE_MEMORY = 1 << 30, 1 << 30


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    what: str
    passed: bool
    detail: str
    """What was found, or what went wrong and what to do."""


@dataclass(frozen=True)
class Diagnosis:
    """All that is known about this installation."""

    facts: dict[str, Any]
    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether everything that was tried worked."""
        return all(check.passed for check in self.checks)


def doctor(*, folder: str | Path = ".", progress: Progress = SILENT) -> Diagnosis:
    """Look at the installation and the machine, and try a small job from a log to lists.

    `folder` is where outputs would go: its disk is looked at. Nothing is left behind.
    """
    tried: tuple[tuple[str, Callable[[], str]], ...] = (
        ("fit, save, load, rank", _small_job),
        ("train a network", _small_network),
        ("write here", lambda: _writing(Path(folder))),
        ("free memory", _memory),
        ("reports", _reports),
    )
    checks = []
    with progress.task("Checking", total=len(tried), unit="checks") as task:
        for what, check in tried:
            checks.append(_tried(what, check))
            task.advance(1, what)
    return Diagnosis({**_software(), **_machine(Path(folder)), **_environment()}, tuple(checks))


def _tried(what: str, check: Callable[[], str]) -> Check:
    started = time.perf_counter()
    try:
        detail = check()
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what the doctor is asked about
        first = (str(error).strip().splitlines() or [""])[0]
        return Check(what, False, f"{type(error).__name__}: {first}" if not hasattr(error, "exit_code") else first)
    return Check(what, True, f"{detail} ({time.perf_counter() - started:.2f} s)")


def _software() -> dict[str, Any]:
    import torch

    missing = [name for name, module in EXTRAS.items() if util.find_spec(module) is None]
    return {
        "versions": library_versions() | {name: metadata.version(name) for name in ("click", "pydantic")},
        "python": f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}",
        "recae at": str(Path(__file__).resolve().parents[1]),
        "extras missing": ", ".join(f"recae[{name}]" for name in missing) or "none",
        "matrix library": next((pool["internal_api"] for pool in _pools() if pool["user_api"] == "blas"), "unknown"),
        "torch build": torch.__version__ + (f", CUDA {torch.version.cuda}" if torch.version.cuda else ", no CUDA"),
    }


def _machine(folder: Path) -> dict[str, Any]:
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "system": platform.platform(),
        "processor": f"{_processor_name()}, {os.cpu_count()} of them, {usable} usable",
        "threads": f"torch {torch.get_num_threads()}, " + ", ".join(_thread_counts()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bf16": "matrix products in bf16 are taken" if multiplies_bf16() else "no: fp32 is faster here",
        "gpu": ", ".join(gpus) or "none",
        "memory free": amount(free_memory()),
        "disk free": f"{_disk(folder)} at {folder.resolve()}",
        "temporary": f"{_disk(Path(tempfile.gettempdir()))} at {tempfile.gettempdir()}",
    }


def _environment() -> dict[str, Any]:
    found = {name: value for name, value in sorted(os.environ.items()) if name.startswith(PREFIXES)}
    shown = {name: "(hidden)" if any(word in name for word in SECRET) else value for name, value in found.items()}
    return {
        "encoding": f"{locale.getpreferredencoding(False)}, files {sys.getfilesystemencoding()}",
        "environment": shown or "nothing set that matters here",
    }


def _small_log(n_users: int = 60, n_items: int = 30) -> Interactions:
    likes = np.random.default_rng(1).random((n_users, n_items)) < 0.3
    return Interactions(sparse.csr_array(likes.astype(np.float32)), IdIndex.range(n_users), IdIndex.range(n_items))


def _small_job() -> str:
    from recae.models.registry import create, load
    from recae.ranking.recommend import recommend

    log = _small_log()
    model = create("ease", l2=10.0).fit(log)
    before = recommend(model, log.matrix, 5)
    with tempfile.TemporaryDirectory(prefix="recae-doctor-") as folder:
        model.save(Path(folder) / "model")
        after = recommend(load(Path(folder) / "model"), log.matrix, 5)
    if not np.array_equal(before.items, after.items):
        raise RuntimeError("lists differ after the model was saved and loaded")
    seen = np.take_along_axis(log.matrix.toarray(), before.items, axis=1)
    if seen.any():
        raise RuntimeError("lists hold items of the users' histories")
    return f"lists of {log.n_users} users are the same before and after"


def _small_network() -> str:
    from recae.models.registry import create

    log = _small_log()
    first, second = (create("mult-vae", epochs=3, hidden=16, latent=4).fit(log).score(log.matrix) for _ in range(2))
    if not np.isfinite(first).all() or not np.array_equal(first, second):
        raise RuntimeError("the same seed gave other scores")
    return "the same seed gives the same scores"


def _writing(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    with tempfile.TemporaryDirectory(prefix=".recae-doctor-", dir=folder):
        pass
    if free < LITTLE_DISK:
        raise RuntimeError(f"only {amount(free)} of disk are free at {folder.resolve()}: make room")
    return f"{folder.resolve()} can be written to"


def _memory() -> str:
    free = free_memory()
    if free < LITTLE_MEMORY:
        raise RuntimeError(f"only {amount(free)} are free: close other programs, or give the container more")
    return f"{amount(free)} may be used"


def _reports() -> str:
    from recae.jobs.extras import need_report_extra

    need_report_extra()
    return "HTML reports can be written"


def _disk(folder: Path) -> str:
    try:
        return amount(shutil.disk_usage(folder).free)
    except OSError as error:
        return reason(error)


def _pools() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    found: list[dict[str, Any]] = threadpool_info()
    return found


def _thread_counts() -> list[str]:
    return [f"{pool['internal_api']} {pool['num_threads']}" for pool in _pools()]


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
