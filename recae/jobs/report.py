"""Reports drawn again from what a comparison kept, of one folder or of several that were judged on the same targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recae.data.ids import UNKNOWN, IdIndex
from recae.errors import ConfigError, DataError, ReportFormatError
from recae.evaluation.paired import PairedTest
from recae.evaluation.paired_splits import PairsOverSplits
from recae.evaluation.result import Evaluation
from recae.jobs.extras import need_report_extra
from recae.jobs.outputs import GENERATOR, refuse_inputs
from recae.jobs.reading import Source
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.reread import read_comparison, splits_of
from recae.store.atomic import replacing_file
from recae.store.damage import UNSOUND, in_words
from recae.store.manifest import write_json
from recae.store.regular import real_path

FORMS = (".html", ".md", ".json", ".tex")
BEFORE = "before"


@dataclass(frozen=True, eq=False)
class Reported:
    """A report that was drawn again."""

    comparison: Comparison
    files: tuple[Path, ...]
    changes: tuple[PairedTest, ...] = ()
    """Each model against itself in the comparison that it is held against."""


def report(
    folders: Sequence[Source], *, out: Sequence[Source] = (), against: Source | None = None
) -> Reported:  # fmt: skip
    """Draw the report of the comparison in `folders` again, in the form that the suffix of each of `out` names.

    Several comparisons that were judged on the same targets become one, with all their models; those of the same name
    and other figures are told apart by their folder. `against` is an earlier comparison on the same targets: its models
    join, called "NAME (before)".

    Raises:
        ConfigError: another suffix, or no folder.
        DataError: a folder holds no comparison, or they were judged on different targets.
        ReportFormatError: a comparison is damaged, or of a newer format.
        StorageError: something cannot be read or written.
    """
    _check(folders, out, against)
    found = [(read_comparison(folder), Path(folder)) for folder in folders]
    if against is not None:
        found.append((read_comparison(against), Path(against)))
    with drawing_of([folder for _, folder in found]):
        before = None if against is None else len(found) - 1
        joined = _joined(found, before) if len(found) > 1 else found[0][0]
        changes = () if against is None else _changes(joined)
        return Reported(joined, tuple(_write(joined, Path(path)) for path in out), changes)


@contextmanager
def drawing_of(folders: Sequence[Source]) -> Iterator[None]:
    """Within this a report is drawn from comparisons: what reading them did not find impossible, drawing may.

    Raises:
        ReportFormatError: it did.
    """
    try:
        yield
    except MemoryError:  # Arrow's is one of its exceptions, too
        raise
    except (*UNSOUND, RuntimeError) as error:  # a generator that finds nothing raises the latter
        places, hold = " and ".join(map(str, folders)), "holds" if len(folders) == 1 else "hold"
        raise ReportFormatError(
            f"No report can be drawn from what {places} {hold} ({in_words(error)}). Make the comparison again; if that "
            "does not help, --traceback shows what recae stumbled over."
        ) from error


def _check(folders: Sequence[Source], out: Sequence[Source], against: Source | None) -> None:
    if not folders:
        raise ConfigError("Name the folder of at least one comparison.")
    for path in map(Path, out):
        if path.suffix.lower() not in FORMS:
            raise ConfigError(f"--out {path} must end in {', '.join(FORMS)}.")
        if path.suffix.lower() == ".html":
            need_report_extra()
        refuse_inputs(path, *folders, against)
        for folder in (*folders, *([] if against is None else [against])):
            if real_path(path) in [real_path(folder) / name for name in ("report.json", "per-user.parquet")]:
                raise ConfigError(f"--out {path} would replace what the report is drawn from: choose another place.")
        _refuse_strange(path)


def _refuse_strange(path: Path) -> None:
    """A page or JSON that recae did not write is not replaced; Markdown and LaTeX cannot tell, and are."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        head = file.read(4096)
    ours = {".html": GENERATOR in head, ".json": b'"recae-comparison/' in head}.get(path.suffix.lower(), True)
    if not ours:
        raise ConfigError(f"{path} exists and was not written by recae: choose another --out or remove it.")


def _write(comparison: Comparison, path: Path) -> Path:
    from recae.reports.html import write_html
    from recae.reports.latex import to_latex
    from recae.reports.markdown import to_markdown
    from recae.reports.structured import to_json

    form = path.suffix.lower()
    if form == ".html":
        write_html(comparison, path)
    elif form == ".json":
        write_json(path.parent, path.name, to_json(comparison))
    else:
        text = to_markdown(comparison) if form == ".md" else to_latex(comparison)
        with replacing_file(path) as beside:
            beside.write_text(text, encoding="utf-8")
    return path


def _joined(found: Sequence[tuple[Comparison, Path]], before: int | None = None) -> Comparison:
    first, place = found[0]
    taken: dict[str, tuple[ModelRun, Path, str]] = {}
    for at, (comparison, folder) in enumerate(found):
        _need_same_targets(first, place, comparison, folder)
        for run in comparison.runs:
            aligned = _aligned(run, first.runs[0].evaluation.users, folder)
            name = f"{run.name} ({BEFORE})" if at == before else _name(aligned, folder, taken)
            if name is not None:
                title = f"{run.title.partition(',')[0]} ({name.rpartition(' (')[2]}" if name != run.name else run.title
                taken[name] = (replace(aligned, name=name, title=title), folder, run.name)
    runs = tuple(run for run, _, _ in taken.values())
    metrics = tuple(metric for metric in first.metrics if any(metric in run.means for run in runs))
    lacking = [run.name for run in runs if metrics[0] not in run.means]
    if lacking:
        raise DataError(f"{lacking[0]} was not judged by {metrics[0]}, which sorts the report of {place}.")
    judged = {run.name for run in runs}
    joined = replace(
        first,
        metrics=metrics,
        runs=runs,
        failed=tuple(model for one, _ in found for model in one.failed if model.name not in judged),
        split_pairs=_split_pairs(taken, first) if first.n_splits > 1 else (),
        facts=first.facts | {"joined_from": [str(folder) for _, folder in found]},
        plan="",
    )
    return _with_examples(joined, found)


def _name(run: ModelRun, folder: Path, taken: dict[str, tuple[ModelRun, Path, str]]) -> str | None:
    """What a model is called; None where the very same was taken before."""
    if run.name not in taken:
        return run.name
    other = taken[run.name][0]
    same = other.config == run.config and other.means == run.means
    if same:
        return None
    place = real_path(folder)  # folders in different places may have one name, and "." has none
    for name in (place.name, f"{place.parent.name}/{place.name}", str(place)):
        if f"{run.name} ({name})" not in taken:
            return f"{run.name} ({name})"
    return None


def _need_same_targets(first: Comparison, place: Path, other: Comparison, folder: Path) -> None:
    one, two = (comparison.facts.get("targets_fingerprint") for comparison in (first, other))
    if one is None or two is None:
        raise DataError(f"{place if one is None else folder} does not tell what it was judged on: make it again.")
    if one != two or first.n_splits != other.n_splits:
        raise DataError(
            f"{place} and {folder} were judged on different test data and cannot be told together: compare all models "
            "on one split."
        )


def _aligned(run: ModelRun, users: IdIndex, folder: Path) -> ModelRun:
    """The run with its users in the order of `users`."""
    own = run.evaluation
    if own.users == users:
        return run
    order = own.users.positions(users.values)
    if len(own.users) != len(users) or (order == UNKNOWN).any():
        raise DataError(f"{folder} was judged on other users: it is damaged.")
    return replace(run, evaluation=_taken(own, order, users))


def _taken(evaluation: Evaluation, order: np.ndarray, users: IdIndex) -> Evaluation:
    errors = evaluation.rating_errors
    return replace(
        evaluation,
        users=users,
        per_user={name: values[order] for name, values in evaluation.per_user.items()},
        rating_errors=None if errors is None else replace(errors, **{k: v[order] for k, v in vars(errors).items()}),
    )


def _split_pairs(taken: dict[str, tuple[ModelRun, Path, str]], first: Comparison) -> tuple[PairedTest, ...]:
    metric = first.metrics[0]
    if any(metric not in run.evaluation.per_user for run, _, _ in taken.values()):
        return ()
    pairs = PairsOverSplits(tuple(taken), metric)
    streams = {name: splits_of(folder, own, run) for name, (run, folder, own) in taken.items()}
    for evaluations in zip(*streams.values(), strict=True):
        judged = dict(zip(streams, evaluations, strict=True))
        users = next(iter(judged.values())).users
        for name, one in judged.items():
            if one.users != users:
                order = one.users.positions(users.values)
                judged[name] = _taken(one, order, users)
        pairs.add(judged)
    over = first.runs[0].over_splits
    return pairs.result(0.0 if over is None else over.test_per_train)


def _with_examples(joined: Comparison, found: Sequence[tuple[Comparison, Path]]) -> Comparison:
    """The first one's users, with the lists of the others' models where these show the same users."""
    examples = []
    for at, user in enumerate(joined.examples):
        lists = dict(user.lists)
        for other, _ in found[1:]:
            same = at < len(other.examples) and other.examples[at].user == user.user
            lists = {**(other.examples[at].lists if same else {}), **lists}
        examples.append(replace(user, lists=lists))
    return replace(joined, examples=tuple(examples))


def _changes(joined: Comparison) -> tuple[PairedTest, ...]:
    names = {run.name for run in joined.runs}
    return tuple(
        test
        for test in joined.pairs
        if f"{test.better} ({BEFORE})" == test.worse or f"{test.worse} ({BEFORE})" == test.better
        if {test.better, test.worse} <= names
    )
