"""One self-contained HTML file: templates, style, script and how untrusted text gets into them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recae.errors import ConfigError
from recae.reports.text import LONGEST, one_line
from recae.reports.wording import DASH, plain, score
from recae.store.atomic import replacing_file

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_LETTERS, MOST_LINES = 2_000, 1_000
"""Letters of a line and lines of the configuration that are shown."""
_SECTION = re.compile(r'<h2 id="([\w-]+)"(?: data-nav="([^"]*)")?>(.*?)</h2>', re.S)
_SERIES = "".join(
    f"svg .s{i} {{ stroke: var(--s{i}); fill: var(--s{i}); }} svg .curve.s{i} {{ fill: none; }} "
    f"svg .bar.s{i}, svg text.s{i} {{ stroke: none; }} svg .dot.s{i} {{ stroke: var(--paper); }}\n"
    for i in range(8)
)
_SHOWN_ELSEWHERE = ("command", "configuration", "source", "what", "run_id")


def write_page(template: str, path: str | Path, context: Mapping[str, Any]) -> None:
    """Render a template of this folder and write it, whole or not at all.

    Raises:
        ConfigError: the templating library is not installed.
        StorageError: the file could not be written.
    """
    page = render(template, context)
    with replacing_file(path) as beside:
        beside.write_bytes(page.encode("utf-8", errors="replace"))


def render(template: str, context: Mapping[str, Any]) -> str:
    """The finished page as text; everything in `context` is escaped unless it is markup of our own."""
    script = _asset("sort.js") + _asset("map.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {
        # Only the script of this file may run, whatever else a title might smuggle in.
        "script_hash": _trusted(f"sha256-{digest}"),
        "script": _trusted(script),
        "style": _trusted(style_sheet() + _asset("map.css")),
    }
    return _environment().get_template(template).render({**context, **own})


def style_sheet() -> str:
    """What pages and drawings look like."""
    return _asset("style.css").replace("SERIES\n", _SERIES)


def drawn(plot: Any) -> dict[str, Any]:
    """A plot for the template `figure`; its SVG is our own markup, in which texts are already escaped."""
    return {"title": plot.title, "lead": plot.lead, "svg": _trusted(plot.svg)}


def meter(value: float, interval: tuple[float, float] | None, full: float | None) -> dict[str, Any]:
    """A bar up to `full` (None: no bar) with its interval, in percent of the bar, for the template `meter`."""

    def share(amount: float) -> float:
        return round(100 * min(max(amount / full, 0.0), 1.0), 2) if full else 0.0

    span = f"{score(interval[0])} {DASH} {score(interval[1])}" if interval else ""
    if full is None or interval is None:
        return {"fill": None if full is None else share(value), "low": 0.0, "width": 0.0, "span": span}
    low, high = share(interval[0]), share(interval[1])
    return {"fill": share(value), "low": low, "width": round(high - low, 2), "span": span}


clipped = one_line


def making(facts: Mapping[str, Any]) -> dict[str, Any]:
    """How a result was made: the command, the other facts as rows, the configuration as JSON."""
    configuration = facts.get("configuration")
    rows = [
        (one_line(key.replace("_", " ").capitalize()), one_line(plain(value)))
        for key, value in facts.items()
        if key not in _SHOWN_ELSEWHERE and value not in (None, "", {}, [])
    ]
    return {
        "command": one_line(str(facts.get("command") or ""), MOST_LETTERS),
        "facts": rows,
        "configuration": _lines(json.dumps(configuration, indent=2, ensure_ascii=False, default=str))
        if configuration
        else "",
    }


def sections(page: str) -> list[tuple[str, str]]:
    """(id, short name) of every section of a rendered page: what its bar of links leads to."""
    return [(found, _trusted(re.sub(r"<[^>]*>", "", name or text))) for found, name, text in _SECTION.findall(page)]


def _lines(text: str, longest: int = LONGEST) -> str:
    """Text of many lines, each as `one_line` leaves it, and no more of them than a person would read."""
    lines = text.split("\n")
    shown = [one_line(line, longest) for line in lines[:MOST_LINES]]
    return "\n".join(shown if len(lines) <= MOST_LINES else [*shown, "…"])


def _printable(value: Any) -> Any:
    """Whatever a template shows, line by line, without what `one_line` takes out; markup of our own stays as it is."""
    return _lines(value, MOST_LETTERS) if type(value) is str else value


def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise ConfigError("The HTML report needs jinja2: pip install 'recae[report]'.") from None
    environment = Environment(
        loader=PackageLoader("recae.reports", "templates"),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sections"] = sections
    return environment


def _asset(name: str) -> str:
    return (files("recae.reports") / "templates" / name).read_text(encoding="utf-8")


def _trusted(text: str) -> Any:
    try:
        from markupsafe import Markup
    except ImportError:
        raise ConfigError("The HTML report needs jinja2: pip install 'recae[report]'.") from None
    return Markup(text)
