"""The file of a whole job, JOB.toml: its sections, what each key means, and how a file is read and refused."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from recae.errors import ConfigError
from recae.evaluation.metrics import DEFAULT_METRICS
from recae.jobs.amounts import bytes_of
from recae.jobs.prepare import DEFAULT_SPLIT
from recae.jobs.reading import Dedupe, OnBad, Reading
from recae.store.toml import read_toml


class Section(BaseModel):
    """A table of the file: unknown keys and impossible values are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Input(Section):
    """The interactions log, and how it is read; the keys are those of the options of `recae train`."""

    log: str
    """A file or a folder of files, from the folder of the job file on, like all paths here."""
    catalog: str | None = None
    """Items with titles and other columns, for the report."""
    user_col: str | None = None
    item_col: str | None = None
    rating_col: str | None = None
    weight_col: str | None = None
    time_col: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    min_rating: float | None = None
    """Keep ratings (or weights) of at least so much."""
    min_user_items: int = Field(default=0, ge=0)
    """Keep users with at least so many items."""
    min_item_users: int = Field(default=0, ge=0)
    """Keep items with at least so many users."""
    dedupe: Dedupe | None = None
    """What becomes of a pair that occurs more than once."""
    on_bad: OnBad = "error"
    """Refuse missing and unreadable values, or drop and count those rows."""

    def reading(self) -> Reading:
        """The same for the jobs."""
        return Reading(**self.model_dump(exclude={"log", "catalog"}))

    def columns(self) -> Reading:
        """How the filtered log is read, which keeps the names of its columns."""
        names = ("user_col", "item_col", "rating_col", "weight_col", "time_col")
        return Reading(**{name: getattr(self, name) for name in names})


class Judging(Section):
    """How the model is judged before it is used."""

    split: str = DEFAULT_SPLIT
    """As for `recae data split`."""
    metrics: tuple[str, ...] = DEFAULT_METRICS
    """The first one chooses among models and is the one that they must beat each other by."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return _listed(value)


class Model(Section):
    """Which model makes the lists."""

    name: tuple[str, ...] = ("ease",)
    """One model, or several of which the best by the first metric is taken."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Hyper-parameters, where one model is named; without any they are chosen on validation data."""
    trials: int | None = Field(default=None, ge=0)
    """Settings tried for each model, 0 takes the defaults; without it all of its grid."""
    reuse_days: float = Field(default=0, ge=0)
    """Take the model that was published last, if it is not older than so many days and all but [lists] was the same."""

    @field_validator("name", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return _listed(value)


class Gate(Section):
    """What has to hold before anything is published; all of it on the test data."""

    fail_under: dict[str, float] = Field(default_factory=dict)
    """Metric -> the least figure, e.g. {"ndcg@10" = 0.3}."""
    fail_over: dict[str, float] = Field(default_factory=dict)
    """Metric -> the largest figure, of metrics where less is better."""
    require_beats: tuple[str, ...] = ()
    """Models that must be beaten significantly by the first metric."""
    tolerance: float | None = Field(default=None, ge=0)
    """The first metric may be so much worse than that of the publication before, and no more."""

    @field_validator("require_beats", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return _listed(value)


class Lists(Section):
    """The top-N lists."""

    top: int = Field(default=20, ge=1)
    """Their length."""
    format: Literal["parquet", "csv", "tsv", "jsonl"] = "parquet"
    """Of the file lists.*"""
    users: str | None = None
    """A file with the users who get lists; without it all of the log."""
    allow: str | None = None
    """A file with the only items that may be listed."""
    deny: str | None = None
    """A file with items that may not be listed."""
    include_seen: bool = False
    """Also items of the user's own history."""
    on_cold: Literal["popular", "skip", "error"] = "popular"
    """What users get whom the model cannot score."""


class Job(Section):
    """A whole job: read, filter, split, train, judge, gate, list, report, publish."""

    out: str
    """The folder that is published, whole or not at all: lists.*, model/, report.* and per-user.parquet."""
    work: str | None = None
    """Where finished steps are kept, so that the next run can skip them; `.OUT.work` beside `out` without it."""
    seed: int = Field(default=42, ge=0)
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    max_memory: int | None = None
    """Refuse what would take more: bytes, or a text such as "8G"."""
    input: Input
    judging: Judging = Judging()
    model: Model = Model()
    gate: Gate = Gate()
    lists: Lists = Lists()

    @field_validator("max_memory", mode="before")
    @classmethod
    def _in_bytes(cls, value: Any) -> Any:
        return bytes_of(value) if isinstance(value, str) else value


def schema() -> dict[str, Any]:
    """The JSON Schema of a job file, for editors and checks."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "recae job"} | Job.model_json_schema()


def read_job(path: str | Path) -> Job:
    """The job in a file, its keys and values checked.

    Raises:
        ConfigError: it is no TOML, or a key or value is wrong; every mistake is named.
        StorageError: it cannot be read.
    """
    path = Path(path)
    content = read_toml(path)
    try:
        return Job.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(_mistake(entry) for entry in error.errors())
        raise ConfigError(f"{path} cannot be used: {wrong}. `recae config schema` says what a job may hold.") from None


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _mistake(error: Any) -> str:
    *tables, key = (str(part) for part in error["loc"])
    where = f" in [{'.'.join(tables)}]" if tables else ""
    if error["type"] == "missing":
        return f"{key} is missing{where}"
    if error["type"] == "extra_forbidden":
        known: Any = Job.model_fields
        for table in tables:
            annotation = known[table].annotation if table in known else None
            known = getattr(annotation, "model_fields", {})
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f" (did you mean {near[0]}?)" if near else f" (there are {', '.join(known)})" if known else ""
        return f"there is no {key}{where}{hint}"
    wish = str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ").partition(", unable")[0]
    given = repr(error["input"])
    return f"{key}{where} must be {wish} (got {given if len(given) <= 80 else given[:79] + '…'})"
