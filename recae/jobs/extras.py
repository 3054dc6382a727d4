"""Optional libraries, asked for before any work is done."""

from __future__ import annotations

from importlib.util import find_spec

from recae.errors import ConfigError


def need_report_extra() -> None:
    """Check that reports can be drawn.

    Raises:
        ConfigError: with the line to type.
    """
    if find_spec("jinja2") is None:
        raise ConfigError("The HTML report needs jinja2: pip install 'recae[report]'.")
