"""One case: a damaged input, made from a seed alone, and the command that gets it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzzing.giants import giant
from fuzzing.mutations import displaced_file, mutated_bytes, mutated_file, mutated_folder
from fuzzing.originals import MODELS
from fuzzing.repair import repaired

SECRET = "secret.txt"
LOG, FOLDER = "in/ratings.csv", "in/folder"


@dataclass(frozen=True)
class Place:
    """Where a case lives: what it damages, and the folder that it has to itself."""

    originals: Path
    giants: Path
    folder: Path


def kind_of(number: int) -> str:
    """Which kind a case is of, by its number alone."""
    weighted = [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
    return weighted[number % len(weighted)]


def prepare(seed: int, number: int, place: Place) -> list[str]:
    """Make the input of a case in the folder `in`; returns what recae is called with, from the case's folder."""
    rng = random.Random(f"{seed}/{number}")
    (place.folder / "in").mkdir(parents=True)
    (place.folder / "out").mkdir()
    (place.folder / SECRET).write_text("user_id,item_id\n1,2\n")
    arguments = KINDS[kind_of(number)][1](rng, place)
    return [*arguments, *rng.choice((["--json"], ["--json", "--quiet"], [], ["--log-format", "json"]))]


def _copy(place: Place, *names: str, to: str = "in") -> None:
    for name in names:
        source, target = place.originals / name, place.folder / to
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)


def _log_command(rng: random.Random, log: str) -> list[str]:
    """Something that reads a log."""
    more = rng.choice(([], [], ["--on-bad", "drop"], ["--dedupe", "sum"], ["--min-rating", "3"], ["--no-header"]))
    cut = rng.choice(("leave-last-out", "per-user:test=0.2"))
    return [
        *rng.choice(
            (
                ["data", "describe", log],
                ["data", "filter", log, "--min-user-items", "2", "--out", "out/filtered"],
                ["data", "prepare", log, "--out", "out/prepared"],
                ["data", "split", log, "--split", cut, "--out", "out/split"],
                ["train", log, "--model", rng.choice(("popularity", "ease", "pure-svd")), "--out", "out/model"],
                ["plan", log, "--models", "ease,mult-vae"],
            )
        ),
        *more,
    ]


def _table(rng: random.Random, place: Place) -> list[str]:
    logs = [path for path in sorted((place.originals / "tables").iterdir()) if path.stem.split(".")[0] not in _OTHERS]
    chosen = rng.choice(logs)
    _copy(place, f"tables/{chosen.name}")
    path = place.folder / "in" / chosen.name
    if rng.random() < 0.06:
        displaced_file(rng, path, place.folder / SECRET)
    else:
        mutated_file(rng, path)
    return _log_command(rng, f"in/{chosen.name}")


_OTHERS = ("items", "users", "lists")


def _side_table(rng: random.Random, place: Place) -> list[str]:
    """Lists, catalogues and lists of ids."""
    _copy(place, "tables/ratings.csv", "tables/items.csv", "tables/users.csv", "tables/lists.csv")
    _copy(place, f"models/{rng.choice(('popularity', 'ease'))}", to=FOLDER)
    command = rng.choice(("lists", "users", "allow", "deny", "items", "catalog"))
    name = {"lists": "lists", "users": "users", "catalog": "items"}.get(command, "items")
    mutated_file(rng, place.folder / f"in/{name}.csv")
    listing = ["recommend", FOLDER, "--history", LOG, "--out", f"out/lists.{rng.choice(('csv', 'parquet', 'jsonl'))}"]
    return {
        "lists": ["evaluate", "--lists", "in/lists.csv", "--target", LOG],
        "users": [*listing, "--users", "in/users.csv"],
        "allow": [*listing, "--allow", "in/items.csv"],
        "deny": [*listing, "--deny", "in/items.csv"],
        "items": ["similar", FOLDER, "--items", "in/items.csv", "--out", "out/similar.csv"],
        "catalog": ["similar", FOLDER, "--item", "3", "--catalog", "in/items.csv"],
    }[command]


def _model(rng: random.Random, place: Place) -> list[str]:
    name = rng.choice(list(MODELS))
    _copy(place, "tables/ratings.csv")
    _copy(place, f"models/{name}", to=FOLDER)
    mutated_folder(rng, place.folder / FOLDER, place.folder / SECRET)
    repaired(rng, place.folder / FOLDER, "manifest.json")
    return rng.choice(
        (
            ["inspect", FOLDER],
            ["inspect", FOLDER, "--verify"],
            ["recommend", FOLDER, "--history", LOG, "--top", "5", "--out", "out/lists.csv"],
            ["recommend", FOLDER, "--history", LOG, "--top", "5", "--out", "out/lists"],
            ["evaluate", FOLDER, "--history", LOG, "--target", LOG, "--include-seen"],
            ["similar", FOLDER, "--item", "3"],
            ["map", FOLDER, "--out", "out/positions.csv"],
        )
    )


def _data_folder(rng: random.Random, place: Place) -> list[str]:
    """Splits and prepared data."""
    name = rng.choice(("split", "prepared", "prepared-split"))
    _copy(place, name, to=FOLDER)
    mutated_folder(rng, place.folder / FOLDER, place.folder / SECRET)
    repaired(rng, place.folder / FOLDER, "_manifest.json" if name == "split" else "prepared.json")
    compare = ["compare", FOLDER, "--models", "popularity", "--no-search", "--out", "out/comparison"]
    train = ["train", FOLDER, "--model", "popularity", "--out", "out/model"]
    if name == "prepared":
        return rng.choice((train, _log_command(rng, FOLDER), _log_command(rng, FOLDER)))
    return compare if rng.random() < 0.15 else train if rng.random() < 0.8 else _log_command(rng, f"{FOLDER}/train")


def _comparison(rng: random.Random, place: Place) -> list[str]:
    _copy(place, "comparison", to=FOLDER)
    folder, secret = place.folder / FOLDER, place.folder / SECRET
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("report.json", "per-user.parquet", "_SUCCESS"):
            path.unlink()
    if rng.random() < 0.15:
        _copy(place, "boards/board.parquet")
        mutated_file(rng, place.folder / "in/board.parquet")
        return ["leaderboard", "in/board.parquet", *rng.choice(([], ["--all"]))]
    mutated_folder(rng, folder, secret)
    out = [part for form in ("html", "md", "json", "tex") if rng.random() < 0.5 for part in ("--out", f"out/r.{form}")]
    return ["report", FOLDER, *out]


def _job(rng: random.Random, place: Place) -> list[str]:
    _copy(place, "job/job.toml", "tables/ratings.csv", "tables/items.csv")
    path = place.folder / "in/job.toml"
    path.write_bytes(_mutated_toml(rng, path.read_bytes()))
    # A job that names another place to write to may write there: only those that do not are done.
    told = path.read_bytes().splitlines()
    kept = told[:2] == [b'out = "../out/published"', b'work = "../out/work"']
    return ["run", "in/job.toml"] if kept and rng.random() < 0.25 else ["config", "check", "in/job.toml"]


def _config(rng: random.Random, place: Place) -> list[str]:
    _copy(place, "job/config.toml", "tables/ratings.csv")
    path = place.folder / "in/config.toml"
    path.write_bytes(_mutated_toml(rng, path.read_bytes()))
    return [*_log_command(rng, LOG), "--config", "in/config.toml"]


def _mutated_toml(rng: random.Random, content: bytes) -> bytes:
    action = rng.random()
    if action < 0.5:
        return mutated_bytes(rng, content)
    if action < 0.58:
        deep = rng.choice(
            (
                b"a" + b".a" * 10_000 + b" = 1",
                b"a = " + b"[" * 10_000,
                b"a = " + b"{a=" * 10_000,
                b"[" + b"a." * 9_999 + b"a]",
            )
        )
        return content + deep + b"\n"
    if action < 0.6:
        return content + b"#" * (2 << 20)
    lines = content.splitlines()
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(2, len(lines))
        key, separator, _ = lines[at].partition(b" = ")
        lines[at] = key + b" = " + rng.choice(_TOML_VALUES) if separator else rng.choice((b"[a]", b"[[input]]", b"[]"))
    return b"\n".join(lines) + b"\n"


_TOML_VALUES = (
    b"true", b"-1", b"0", b"1e999", b"nan", b"inf", b"9" * 30, b"9" * 5000, b'""', b"[]", b"{}", b"[[]]", b"1979-05-27",
    b'"../../secret.txt"', b'"\\u0000"', b'"=1+1"', b'"\\u001b[2J"', b'["a", 1]', b'{ a = { a = 1 } }',
    b"'" + b"x" * 9000 + b"'",
)  # fmt: skip


def _giant(rng: random.Random, place: Place) -> list[str]:
    chosen = giant(rng, place.giants)
    (place.folder / "in" / chosen.name).symlink_to(chosen)
    log = f"in/{chosen.name}"
    if rng.random() < 0.7:
        return _log_command(rng, log)
    _copy(place, "tables/ratings.csv")
    _copy(place, "models/ease", to=FOLDER)
    listing = ["recommend", FOLDER, "--history", LOG, "--out", "out/lists.csv"]
    return rng.choice(
        (
            [*listing, "--users", log],
            [*listing, "--deny", log],
            ["evaluate", "--lists", log, "--target", LOG],
            ["similar", FOLDER, "--item", "3", "--catalog", log],
        )
    )


KINDS: dict[str, tuple[int, Callable[[random.Random, Place], list[str]]]] = {
    "table": (30, _table),
    "side-table": (12, _side_table),
    "model": (30, _model),
    "data-folder": (10, _data_folder),
    "comparison": (8, _comparison),
    "job": (6, _job),
    "config": (3, _config),
    "giant": (1, _giant),
}
"""Name -> (share in per cent, how it is made)."""
