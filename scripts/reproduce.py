"""Published figures, reproduced: fits every model on public data and writes docs/models.md and the README's table.

    python scripts/reproduce.py                     everything (hours on two cores)
    python scripts/reproduce.py ml-1m               one data set
    python scripts/reproduce.py ml-1m ease rec-vae  some rows of its table, the others as they were
    python scripts/reproduce.py --pages             only write the pages again from docs/reproduced.json

What is fitted is said in `recipes.py`. Settings are chosen on validation data; the test part is judged once with the
chosen ones. Data is read from ../shared/data or RECAE_DATA. Results are kept in docs/reproduced.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models_reference import write_page
from recipes import DATA_SETS, DataSet, Recipe

from recae.data.interactions import Interactions
from recae.data.read import read
from recae.data.ready_made import read_ready_made
from recae.data.split import HeldOut, Split
from recae.data.splits import make_split
from recae.evaluation.evaluate import evaluate
from recae.jobs.facts import machine_facts
from recae.jobs.selection import choosing_data, select
from recae.models.registry import create
from recae.options import RunOptions

ROOT = Path(__file__).resolve().parent.parent
STORED, README = ROOT / "docs" / "reproduced.json", ROOT / "README.md"
BEGIN, END = "<!-- reproduced: begin (scripts/reproduce.py) -->", "<!-- reproduced: end -->"
RATINGS_SPLIT = "autorec:valid={},test=0.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=DATA_SETS, help="one data set (default: all)")
    parser.add_argument("rows", nargs="*", help="some rows, by the name of the model (default: all)")
    parser.add_argument("--pages", action="store_true", help="fit nothing, only write the pages")
    chosen = parser.parse_args()
    stored = read_stored()
    names = [] if chosen.pages else [chosen.data] if chosen.data else list(DATA_SETS)
    for name in names:
        for recipe in DATA_SETS[name].recipes:
            if not chosen.rows or recipe.name in chosen.rows or recipe.model in chosen.rows:
                stored.setdefault(name, {})[recipe.name] = record = measure(name, recipe)
                print(f"{name}, {recipe.name}: {record['metrics']}", file=sys.stderr, flush=True)
                STORED.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    write_page()
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + BEGIN + "\n" + summary(stored) + END + rest.partition(END)[2], encoding="utf-8")


def read_stored() -> dict[str, Any]:
    """What was measured before, for the rows that there still are."""
    stored: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    known = {data: {recipe.name for recipe in about.recipes} for data, about in DATA_SETS.items()}
    return {
        data: {row: stored[data][row] for row in stored[data] if row in known[data]} for data in known if data in stored
    }


def measure(data: str, recipe: Recipe) -> dict[str, Any]:
    """Choose settings on validation data and judge the model on the test part, for each seed."""
    about = DATA_SETS[data]
    chosen, tried, runs = None, [], []
    for seed in about.seeds:
        split, options = read_split(data, seed), RunOptions(seed=seed)
        settings = recipe.settings if chosen is None else [chosen]
        choosing = chosen_on(data, split, seed) if chosen is None else None
        found = select(recipe.model, split, about.choose_by, options, settings=settings, choosing=choosing)
        if chosen is None:
            tried = [{"settings": trial.settings, about.choose_by: trial.value} for trial in found.trials]
            chosen = changed(found.model.config.model_dump(), recipe.model)
        judged = evaluate(found.model, test_of(split), about.metrics)
        runs.append({"seed": seed, "fit seconds": round(found.fit_seconds, 2), **judged.means()})
        if recipe.refit:
            runs[-1] |= refitted(recipe.model, chosen, split, about, options)
    return {
        "settings": chosen,
        "tried on validation data": tried,
        "metrics": {name: statistics.fmean(run[name] for run in runs) for name in about.metrics},
        "runs": runs,
        "command": f"python scripts/reproduce.py {data} {recipe.model}",
        "date": datetime.now(UTC).date().isoformat(),
        **machine_facts(),
    }


def changed(settings: dict[str, Any], model: str) -> dict[str, Any]:
    """The settings that are not the defaults."""
    defaults = create(model).config.model_dump()
    return {key: value for key, value in settings.items() if value != defaults[key]}


def refitted(model: str, settings: dict[str, Any], split: Split, about: DataSet, options: RunOptions) -> dict[str, Any]:
    """What the chosen settings give when the validation part is learned from, too."""
    test = test_of(split)
    everything = read_history(test, split)
    started = time.perf_counter()
    fitted = create(model, **settings).fit(everything, None, options)
    seconds = time.perf_counter() - started
    means = evaluate(fitted, test, about.metrics).means()
    return {"refit seconds": round(seconds, 2)} | {f"refitted {name}": value for name, value in means.items()}


def read_history(test: HeldOut, split: Split) -> Interactions:
    """The interactions that are known at test time, train + valid, as a log to learn from."""
    if test.users != split.train.users:
        raise SystemExit("The test users are not the training users, so there is nothing to refit on.")
    return replace(split.train, matrix=test.history, timestamps=None)


def test_of(split: Split) -> HeldOut:
    if split.test is None:
        raise SystemExit("The data has no test part.")
    return split.test


def chosen_on(data: str, split: Split, seed: int) -> Split:
    """Where settings are chosen: the data set's own validation part, or a part cut off from the training data."""
    return read_split(data, seed, valid_share=0.05) if data == "ml-1m-ratings" else choosing_data(split, seed)


def read_split(data: str, seed: int, valid_share: float = 0.0) -> Split:
    """The data set's own parts; the ratings are drawn anew for each seed."""
    folder = Path(os.environ.get("RECAE_DATA", ROOT.parent / "shared" / "data")) / data.removesuffix("-ratings")
    train, valid, test = (folder / f"{part}.parquet" for part in ("train", "valid", "test"))
    if data == "ml-1m-ratings":
        return make_split(read([train, valid, test]), RATINGS_SPLIT.format(valid_share), seed=seed)
    return read_ready_made(train, valid if valid.exists() else None, test)


def summary(stored: dict[str, Any]) -> str:
    """The rows of the first data set, in the order of its metric."""
    about, rows = DATA_SETS["ml-1m"], stored.get("ml-1m", {})
    published = {recipe.name: recipe.published for recipe in about.recipes}
    metric = about.metrics[0]
    lines = ["| model | NDCG@10 | published on this split | fit, s |", "|---|--:|--:|--:|"]
    for name, row in sorted(rows.items(), key=lambda pair: -pair[1]["metrics"][metric]):
        seconds = row["runs"][0]["fit seconds"]
        lines.append(f"| {name} | {row['metrics'][metric]:.4f} | {published.get(name, '')} | {seconds:.1f} |")
    machine = next(iter(rows.values()))["machine"] if rows else ""
    head = f"{about.title}. {about.split.split('. ')[0]}; settings chosen on validation data, seed 42, {machine}:\n"
    tail = "\nSettings, other data, and where the published figures are from: [docs/models.md](docs/models.md).\n"
    return "\n".join([head, *lines, tail])


if __name__ == "__main__":
    main()
