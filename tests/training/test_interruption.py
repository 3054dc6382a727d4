"""Signals wait until the work is at a good point, and are obeyed then as they would have been."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from recae.training import interruption
from recae.training.interruption import held_back

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")


def test_a_signal_waits_and_is_obeyed_at_the_end() -> None:
    after = []
    with pytest.raises(KeyboardInterrupt), held_back() as held:  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        after.append(held.number)
    assert after == [signal.SIGINT]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_it_is_obeyed_when_asked_for_and_only_once() -> None:
    with held_back() as held:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            held.obey()
        held.obey()
        assert held.number is None


def test_a_second_wish_is_obeyed_at_once_unless_it_is_the_first_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(interruption.time, "monotonic", lambda: now[0])
    with pytest.raises(KeyboardInterrupt), held_back():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        now[0] = 0.5
        signal.raise_signal(signal.SIGINT)
        now[0] = 3.0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_outside_of_the_main_thread_nothing_is_held_back() -> None:
    found = []

    def work() -> None:
        with held_back() as held:
            found.append(held.number)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with held_back() as held:
            signal.raise_signal(signal.SIGTERM)
            assert held.number is None
    finally:
        signal.signal(signal.SIGTERM, before)


def test_without_a_handler_the_process_ends_by_the_signal_after_the_work() -> None:
    program = (
        "import signal\n"
        "from recae.training.interruption import held_back\n"
        "with held_back():\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    print('put away', flush=True)\n"
        "print('never')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "put away\n")
