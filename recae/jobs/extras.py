"""Optional libraries, asked for before any work is done."""

from __future__ import annotations

from importlib.util import find_spec

from recae.errors import ConfigError


def need_report_extra() -> None:
    """Check that reports can be drawn.

    Raises:
        ConfigError: with the line to type.
    """
    missing = [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"The HTML report needs {' and '.join(missing)}: pip install 'recae[report]'.")
