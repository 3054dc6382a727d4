"""An environment for each library, made once: peers/NAME.txt says what belongs in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks import Peer

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE.parent / "constraints.txt"


class NotInstalledError(Exception):
    """An environment could not be made; the message is what the installer said last."""


def python_of(peer: Peer, folder: Path) -> Path:
    """The interpreter that runs a library, after installing the library where that was not done yet.

    Raises:
        NotInstalledError: the installer failed.
    """
    if not peer.installed:
        return Path(sys.executable)
    home = folder / peer.name
    wanted = (HERE / "peers" / f"{peer.name}.txt").read_text(encoding="utf-8")
    stamp, python = home / "installed.txt", home / "bin" / "python"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"Installing {peer.title} into {home} ...", file=sys.stderr, flush=True)
    base = os.environ.get("BENCH_PYTHON", sys.executable)
    _run([base, "-m", "venv", "--clear", str(home)])
    requirements = str(HERE / "peers" / f"{peer.name}.txt")
    _run([str(python), "-m", "pip", "install", "-q", "-c", str(CONSTRAINTS), "-r", requirements])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise NotInstalledError(" ".join(lines[-3:])[:400] or f"exit code {done.returncode}")
