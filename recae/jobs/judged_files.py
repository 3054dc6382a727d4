"""The files that an evaluation leaves: a report and a table of every user's values, each left alone where it is so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recae.errors import ConfigError
from recae.jobs.extras import need_report_extra
from recae.jobs.outputs import beside_sidecar, refuse_inputs, refuse_strange_file, write_result
from recae.jobs.reading import Source
from recae.jobs.up_to_date import MADE_FROM, file_is_current, made_from
from recae.progress import Progress
from recae.store.lock import locked

FORMS = (".html", ".md")
"""A page for a browser, or Markdown."""


@dataclass(frozen=True)
class JudgedFiles:
    """Where an evaluation is written to, as far as it is."""

    report: Path | None
    """A page for a browser, or Markdown."""
    per_user: Path | None
    """A table."""
    origin: Mapping[str, Any]
    """What decides both: see `made_from`."""
    current: frozenset[Path]
    """Those that were made from the same already."""

    @classmethod
    def checked(
        cls,
        report: Source | None,
        per_user: Source | None,
        inputs: Mapping[str, Source | Sequence[Source] | None],
        settings: Mapping[str, Any],
        *,
        force: bool,
        progress: Progress,
    ) -> JudgedFiles:
        """The places, before any work is done.

        Raises:
            ConfigError: one would replace an input, the report is of no known form, or the extra that writes pages is
                not installed.
            StorageError: recae did not write what is there, or made it from other inputs or settings and there is no
                `force`; or an input cannot be read.
        """
        places = [Path(out) for out in (report, per_user) if out is not None]
        for out in places:
            for given in inputs.values():
                refuse_inputs(out, *(given if isinstance(given, (list, tuple)) else [given]))
            refuse_strange_file(out)
        if report is not None:
            _check_form(Path(report))
        origin = made_from("evaluate", inputs, settings) if places else {}
        current = frozenset(out for out in places if file_is_current(out, origin, force=force, progress=progress))
        made = [None if out is None else Path(out) for out in (report, per_user)]
        return cls(made[0], made[1], origin, current)

    @property
    def up_to_date(self) -> bool:
        """Whether files were asked for, and all of them are there."""
        return bool(self.written) and {*self.written} == self.current

    @property
    def written(self) -> tuple[Path, ...]:
        """What there is in the end, the report first."""
        return tuple(out for out in (self.report, self.per_user) if out is not None)

    def write(
        self,
        write_report: Callable[[Path, str], object],
        table: Callable[[], pa.Table],
        configuration: Mapping[str, Any],
        **kept: Any,
    ) -> None:
        """Write those that are not current; `write_report` is given a path and the suffix that names the form."""
        more = kept | {MADE_FROM: self.origin}
        if self.report is not None and self.report not in self.current:
            with (
                locked(self.report),
                beside_sidecar(self.report, {"configuration": configuration, **more}) as (beside, _),
            ):
                write_report(beside, self.report.suffix.lower())
        if self.per_user is not None and self.per_user not in self.current:
            with locked(self.per_user):
                write_result(table(), self.per_user, configuration, **more)


def _check_form(report: Path) -> None:
    if report.suffix.lower() not in FORMS:
        raise ConfigError(f"--report {report} must end in {' or '.join(FORMS)}; --json tells the figures to programs.")
    if report.suffix.lower() == ".html":
        need_report_extra()
