"""The whole job on the generated sample: describe, split, compare, train, evaluate, recommend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recae.data.catalog import read_catalog
from recae.data.split_folder import MARKER as SPLIT_MARKER
from recae.jobs.compare import DEFAULT_MODELS, Compared, compare
from recae.jobs.contest_files import MARKER as COMPARISON_MARKER
from recae.jobs.evaluate import Judged, evaluate
from recae.jobs.known import refuse_strange_sample, write_sample_to
from recae.jobs.outputs import refuse_strange, refuse_strange_file
from recae.jobs.prepare import describe, split_input
from recae.jobs.recommend import recommend
from recae.jobs.train import train
from recae.models.folder import MANIFEST
from recae.options import DEFAULTS, RunOptions
from recae.store.parquet import read_parquet

SPLIT = "user-holdout:valid=0.1,test=0.25,observed=0.8"
"""A quarter of the users to judge on, so that the intervals are narrow enough to tell models apart."""
TOP = 20
SHOWN_USERS, SHOWN_ITEMS = 3, 5


@dataclass(frozen=True, eq=False)
class Demonstrated:
    """What the demo made."""

    folder: Path
    compared: Compared
    judged: Judged
    """The winner, trained and judged on its own."""
    lists: Path
    rows: int
    examples: tuple[tuple[str, tuple[str, ...]], ...]
    """A few users with the titles on top of their lists."""
    seconds: float

    def files(self) -> tuple[Path, ...]:
        """What is worth opening, the report first."""
        report = self.compared.folder / "report.html"
        return (report, self.lists, self.folder / "model", self.folder / "split", self.folder / "sample")


def demo(
    out: str | Path,
    *,
    options: RunOptions = DEFAULTS,
    run_id: str = "",
    show: Callable[[str], None] | None = None,
) -> Demonstrated:
    """Do the whole job on the sample in the folder `out`; `show` is given what each step found, for a person.

    Raises:
        StorageError: something could not be written, or would replace what recae did not write.
    """
    started, folder, show = time.perf_counter(), Path(out), show or options.progress.say
    sample, split = folder / "sample", folder / "split"
    _refuse_strange(folder)
    log, catalog = write_sample_to(sample)

    _step(show, f"recae data describe {log}")
    show(describe(log, progress=options.progress).text)

    _step(show, f"recae data split {log} --split {SPLIT} --out {split}")
    show(split_input(log, split, spec=SPLIT, seed=options.seed, force=True, progress=options.progress).text)

    models = ",".join(DEFAULT_MODELS)
    _step(show, f"recae compare {split} --models {models} --catalog {catalog} --out {folder / 'comparison'}")
    compared = compare(
        split,
        out=folder / "comparison",
        models=DEFAULT_MODELS,
        catalog=catalog,
        force=True,
        options=options,
        run_id=run_id,
    )
    show(_leaderboard(compared))

    winner = compared.comparison.leaderboard()[0]
    settings = " ".join(f"--set {key}={value}" for key, value in winner.config.items())
    _step(show, f"recae train {split} --model {winner.name} {settings} --out {folder / 'model'}")
    train(
        split,
        model=winner.name,
        settings=winner.config,
        out=folder / "model",
        options=options,
        force=True,
        run_id=run_id,
    )

    history, target = split / "test_history.parquet", split / "test.parquet"
    _step(show, f"recae evaluate {folder / 'model'} --history {history} --target {target}")
    judged = evaluate(folder / "model", [history], target, progress=options.progress, run_id=run_id)
    show(", ".join(f"{name} {value:.4f}" for name, value in judged.means.items()))

    lists = folder / "lists.parquet"
    _step(show, f"recae recommend {folder / 'model'} --history {log} --top {TOP} --out {lists}")
    written = recommend(folder / "model", [log], out=lists, top=TOP, force=True, progress=options.progress)
    examples = _examples(lists, catalog)
    seconds = time.perf_counter() - started
    return Demonstrated(folder, compared, judged, lists, written.rows, examples, seconds)


def _step(show: Callable[[str], None], command: str) -> None:
    show(f"\n$ {command}")


def _refuse_strange(folder: Path) -> None:
    refuse_strange_sample(folder / "sample")
    for name, marker in (("split", SPLIT_MARKER), ("comparison", COMPARISON_MARKER), ("model", MANIFEST)):
        refuse_strange(folder / name, marker)
    refuse_strange_file(folder / "lists.parquet")


def _leaderboard(compared: Compared) -> str:
    from recae.reports.terminal import to_terminal

    return to_terminal(compared.comparison, 100, False)


def _examples(lists: Path, catalog: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    table = read_parquet(lists)
    user_column, item_column = table.column_names[:2]
    found = read_catalog(catalog)
    titles = dict(zip(found.items.values.to_pylist(), found.titles_for(found.items), strict=True))
    users = table[user_column].unique()[:SHOWN_USERS].to_pylist()
    rows = list(zip(table[user_column].to_pylist(), table[item_column].to_pylist(), strict=True))
    return tuple(
        (str(user), tuple(titles.get(item, str(item)) for who, item in rows if who == user)[:SHOWN_ITEMS])
        for user in users
    )
