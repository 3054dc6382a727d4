"""Shards of one folder of parts, made by several processes or on several machines, and how they become the folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from recae.errors import ConfigError, DamagedFileError, StorageError
from recae.jobs.outputs import refuse_strange, work_folder
from recae.jobs.part_files import (
    MANIFEST,
    OURS,
    as_read,
    close_folder,
    done_name,
    is_joined,
    parts_of,
    prefix_of,
    refuse_strangers,
    turn,
)
from recae.store.manifest import read_json, write_json

SUMMED = ("users", "cold_users")
"""Of the counts in the manifests of shards, those that are each shard's own."""


def join_shards(work: Path, plan: dict[str, Any], count: int) -> bool:
    """Write the manifest of all parts, if all `count` shards are done; whether they are.

    Raises:
        ConfigError: they were made by different plans.
        StorageError: a part of one of them is missing or damaged.
    """
    done = _done_files(work, count)
    if not all(path.is_file() for path in done):
        return False
    _refuse_damaged(work, count)
    write_json(work, MANIFEST, _joined(done, plan))
    return True


def merge_shards(out: Path, check: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Let shards that lie in the work folder of `out`, wherever they were made, become `out`.

    Every part is checked against what its shard says of it. `check` is given the manifest that the folder will have,
    and may refuse it. Returns the manifest.

    Raises:
        ConfigError: there are no shards, some are missing, or they were made by different plans.
        StorageError: a part was damaged on its way, or a folder holds what recae did not write.
    """
    refuse_strange(out, MANIFEST)
    work = work_folder(out)
    refuse_strangers(work)
    with turn(work):
        if is_joined(work):  # by a run that was killed before it was done
            check(read_json(work / MANIFEST))
        else:
            count = _division(work)
            _refuse_damaged(work, count)
            whole = _joined(_done_files(work, count), read_json(_done_files(work, count)[0]).get("plan", {}))
            check(whole)
            write_json(work, MANIFEST, whole)
        manifest = read_json(work / MANIFEST)
        close_folder(work, out)
    return manifest


def _division(work: Path) -> int:
    """Into how many shards the work was divided, all of which are there."""
    found: dict[int, list[int]] = {}
    for path in sorted(work.glob("_shard-*-done.json")) if work.is_dir() else []:
        if match := OURS.fullmatch(path.name):
            found.setdefault(int(match["count"]), []).append(int(match["number"]))
    if not found:
        raise ConfigError(
            f"There are no finished shards in {work}: copy there what is in the folder of that name on each machine."
        )
    count = max(found, key=lambda one: len(found[one]) / one)
    if missing := sorted({*range(1, count + 1)} - {*found[count]}):
        some = ", ".join(f"{number}/{count}" for number in missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ConfigError(
            f"Of {count} shards {len(found[count])} are in {work}; still to come: {some}. Make them, or copy there "
            "what is in the folder of that name on the other machines."
        )
    return count


def _refuse_damaged(work: Path, count: int) -> None:
    for number, path in enumerate(_done_files(work, count), start=1):
        for part in parts_of(read_json(path).get("parts"), path):
            if not part.is_intact(work):
                raise StorageError(
                    f"{work / part.name} is missing or damaged: copy it anew, or make --shard {number}/{count} again."
                )


def _done_files(work: Path, count: int) -> list[Path]:
    return [work / done_name(prefix_of((number, count))) for number in range(1, count + 1)]


def _differing(told: Any, plan: dict[str, Any]) -> list[str]:
    """What two plans differ in, by the names of their entries."""
    other = told if isinstance(told, dict) else {}
    return [name for name in {**plan, **other} if other.get(name) != plan.get(name)]


def _joined(done: list[Path], plan: dict[str, Any]) -> dict[str, Any]:
    contents = [read_json(path) for path in done]
    for number, content in enumerate(contents, start=1):
        if differing := _differing(content.get("plan"), as_read(plan)):
            others, work = " and another ".join(differing), done[0].parent
            raise ConfigError(
                f"Shard {number}/{len(done)} in {work} was made with another {others} than this one: run the one that "
                "is wrong anew."
            )
    whole = dict(contents[-1])
    try:
        whole["rows"] = sum(content["rows"] for content in contents)
        whole["parts"] = [part for content in contents for part in content["parts"]]
        whole["files"] = {name: facts for content in contents for name, facts in content["files"].items()}
        if "counts" in whole:
            own = {name: sum(content["counts"][name] for content in contents) for name in SUMMED}
            whole["counts"] = {**whole["counts"], **own}
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"A shard in {done[0].parent} is damaged: run it anew.") from error
    return whole
