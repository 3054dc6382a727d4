"""One run of one runner: a process of its own, with limits of time and memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tasks import THREADS, Peer

PEERS = Path(__file__).resolve().parent / "peers"
MARK = "BENCH-ANSWER "
LOOK_EVERY = 0.1
OF_OPENBLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def run(peer: Peer, python: Path, wanted: dict[str, Any], seconds: int, memory: int) -> dict[str, Any]:
    """What the runner answers, or {"failed": why, ...} where it does not.

    `seconds` is the limit for the whole process, `memory` (bytes) for what it allocates.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

    command = [str(python), str(PEERS / f"on_{peer.name}.py"), json.dumps(wanted)]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(peer),
            preexec_fn=limit,  # noqa: PLW1509
            start_new_session=True,
        )
        peak, late = _watch(process, started + seconds)
        output.seek(0)
        text = output.read()
    whole = time.perf_counter() - started
    for line in reversed(text.splitlines()):
        if line.startswith(MARK):
            answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return answer | {"process_seconds": whole}
    why = f"stopped after {seconds} s" if late else _last_words(text, process.returncode)
    return {"failed": why, "process_seconds": whole, "memory_peak": peak}


def _watch(process: subprocess.Popen[Any], deadline: float) -> tuple[int, bool]:
    """Wait for the end; (greatest memory seen in bytes, whether it had to be stopped)."""
    peak = 0
    try:
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            if time.perf_counter() > deadline:
                return peak, True
            time.sleep(LOOK_EVERY)
        return peak, False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _peak(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _environment(peer: Peer) -> dict[str, str]:
    """Threads for everybody alike, and OpenBLAS left to choose its kernels itself, which is faster."""
    kept = (name for name in os.environ if not name.startswith("PYTHON") and name not in OF_OPENBLAS)
    chosen = {name: os.environ[name] for name in kept}
    blas = str(peer.blas_threads)
    chosen |= {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": blas, "MKL_NUM_THREADS": str(THREADS)}
    # Ray, where a library brings it, must not report home, and JAX not look for accelerators.
    return chosen | {"RAY_USAGE_STATS_ENABLED": "0", "JAX_PLATFORMS": "cpu"}


def _last_words(text: str, code: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (f": {lines[-1][:300]}" if lines else "")
    return lines[-1][:300] if lines else f"exit code {code} without a word"
