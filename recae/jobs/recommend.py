"""Top-N lists for many users, streamed to a file or a folder of parts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recae.data.ids import IdIndex
from recae.data.interactions import Columns
from recae.errors import ConfigError
from recae.jobs.facts import configuration
from recae.jobs.foretell import block_for_lists, refuse_large_folder
from recae.jobs.id_lists import item_positions, user_ids
from recae.jobs.model_histories import as_trained, histories_for
from recae.jobs.outputs import refuse_inputs, refuse_strange, refuse_strange_file, sidecar, write_result
from recae.jobs.part_files import MANIFEST as PARTS_MANIFEST
from recae.jobs.parts import PartsResult, write_parts
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.jobs.recommended import Recommended, recommended_of
from recae.jobs.served import served
from recae.jobs.up_to_date import MADE_FROM, file_is_current, fingerprint, folder_is_current, made_from
from recae.jobs.users import Audience, OnCold, audience, cold_sentence, shard_of
from recae.models.base import Recommender
from recae.models.folder import read_manifest
from recae.models.registry import load
from recae.progress import SILENT, Progress
from recae.ranking.lists import TopN
from recae.ranking.rules import Rules
from recae.store.lock import locked, place_of
from recae.store.manifest import library_versions, read_json
from recae.store.tables import table_suffixes

USERS_PER_PART = 50_000


def recommend(
    model: str | Path,
    histories: Sequence[Source],
    *,
    out: str | Path,
    top: int = 20,
    users: Source | None = None,
    include_seen: bool = False,
    allow: Source | None = None,
    deny: Source | None = None,
    on_cold: OnCold = "popular",
    shard: tuple[int, int] | None = None,
    resume: bool = False,
    force: bool = False,
    users_per_part: int = USERS_PER_PART,
    max_memory: int | None = None,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
) -> Recommended:
    """Write the `top` best items for every user of `histories` (or of the list `users`) to `out`.

    `out` is one file by its suffix, or without a suffix a folder of Parquet parts, which alone can be resumed.
    Rows are user, item, rank (from 1) and score. Users whom the model cannot score get its most popular training
    items under the same rules, or are skipped, or are an error. `shard` (i, n) takes the i-th of n equal parts of the
    users, so that several machines share the work; `recae.jobs.merge` joins what they made apart. Columns that
    `reading` does not name are called as in the training data, or by their usual names. Blocks of scores are as large
    as `max_memory` bytes (None: what the machine has free) allow; the lists do not depend on it.

    Lists that were made from the same by the same settings are left as they are, others are replaced with `force`
    only. Finished parts of an interrupted run are kept with `resume`, after a check.

    Raises:
        ConfigError: an impossible `top`, suffix or combination of options.
        DataError: malformed histories or lists, none with an item that the model knows, or cold users where they
            are an error.
        CapacityError: the model would not fit in memory.
        ModelFormatError: the model folder is damaged.
        StorageError: something cannot be read or written, or `out` holds what recae did not write, or other lists
            and there is no `force`.
        OutputLockedError: another run is writing `out`.
    """
    out, started = Path(out), time.perf_counter()
    in_parts = _check(out, top, resume)
    refuse_inputs(out, model, *histories, users, allow, deny)
    read_manifest(Path(model))
    if in_parts:
        refuse_strange(out, PARTS_MANIFEST)
    else:
        refuse_strange_file(out)
    inputs = {"model": model, "histories": list(histories), "users": users, "allow": allow, "deny": deny}
    given: dict[str, Any] = {"top": top, "include_seen": include_seen, "on_cold": on_cold, "reading": reading}
    config = configuration("recommend", **inputs, **given)
    with _locked(out, shard if in_parts else None):
        origin = made_from(
            "recommend", inputs, given | ({"users_per_part": users_per_part} if in_parts else {"shard": shard}), out
        )
        if in_parts and folder_is_current(out, PARTS_MANIFEST, origin, force=force, progress=progress):
            return recommended_of(out, read_json(out / PARTS_MANIFEST), time.perf_counter() - started, up_to_date=True)
        if not in_parts and file_is_current(out, origin, force=force, progress=progress):
            return recommended_of(out, read_json(sidecar(out)), time.perf_counter() - started, up_to_date=True)
        refuse_large_folder(Path(model), max_memory)
        recommender = load(model)
        reading = as_trained(reading, recommender, histories)
        seen = histories_for(recommender, histories, reading, progress)
        wanted = None if users is None else user_ids(users, reading.user_col, recommender.columns.user)
        everyone = audience(recommender, seen, wanted, on_cold)
        chosen = everyone if shard is None else shard_of(everyone, shard)
        rules = Rules(
            exclude_seen=not include_seen,
            allow=None if allow is None else item_positions(recommender, allow, "--allow", progress, reading.item_col),
            deny=None if deny is None else item_positions(recommender, deny, "--deny", progress, reading.item_col),
        )
        if chosen.cold.any():
            progress.say(f"{cold_sentence(recommender, int(chosen.cold.sum()))}: popular items for them.")
        if everyone.skipped:
            progress.say(f"{cold_sentence(recommender, everyone.skipped)}: no lists for them.")
        block = block_for_lists(recommender, chosen.histories, max_memory, progress, f"Making lists with {model}")
        job = _Job(recommender, chosen, rules, top, seen.columns, progress, block)
        counts = {
            "users": len(chosen.users),
            "cold_users": int(chosen.cold.sum()),
            "skipped_users": everyone.skipped,
            "unknown_items": seen.unknown_items.count,
        }
        facts = {"configuration": config, MADE_FROM: origin, "counts": counts}
        if in_parts:
            plan = _plan(Path(model), recommender, everyone, job) | {"users_per_part": users_per_part}
            made = _to_folder(job, out, plan, facts, users_per_part, shard, resume)
        else:
            made = _to_file(job, out, facts | {"configuration": config | {"shard": shard}})
    return Recommended(
        output=out,
        rows=made.rows,
        complete=made.complete,
        seconds=time.perf_counter() - started,
        up_to_date=made.written == 0,
        **counts,
    )


@dataclass(frozen=True, eq=False)
class _Job:
    """Everything that decides the rows."""

    model: Recommender
    chosen: Audience
    rules: Rules
    top: int
    columns: Columns
    progress: Progress
    block_bytes: int

    def blocks(self, start: int, stop: int) -> Iterator[pa.Table]:
        """The rows of the users from `start` to `stop`, block by block; at least one block."""
        part = self.chosen.rows(np.arange(start, min(stop, len(self.chosen.users))))
        if len(part.users) == 0:
            nothing = np.empty((0, self.top), dtype=np.int64)
            yield self.table(TopN(nothing, nothing.astype(np.float32)), part.users)
        for rows, lists in served(self.model, part, self.top, self.rules, self.block_bytes, self.progress):
            yield self.table(lists, IdIndex(part.users.values[rows]))

    def table(self, lists: TopN, users: IdIndex) -> pa.Table:
        return lists.to_arrow(users, self.model.items, self.columns)


@contextmanager
def _locked(out: Path, shard: tuple[int, int] | None) -> Iterator[None]:
    """The lock on `out`, which the shards of one folder share, and then that on the shard."""
    with ExitStack() as held:
        held.enter_context(locked(out, shared=shard is not None))
        if shard is not None:
            place = place_of(out)
            held.enter_context(locked(place.with_name(f"{place.name}.shard-{shard[0]}")))
        yield


def _check(out: Path, top: int, resume: bool) -> bool:
    if top < 1:
        raise ConfigError(f"--top {top} must be at least 1.")
    if out.suffix and out.suffix.lower() not in table_suffixes():
        raise ConfigError(
            f"--out {out} must end in {', '.join(table_suffixes())}, or have no suffix for a folder of parts."
        )
    if resume and out.suffix:
        raise ConfigError(f"--resume needs a folder of parts: --out {out.with_suffix('')} instead of {out}.")
    return not out.suffix


def _to_file(job: _Job, out: Path, facts: dict[str, Any]) -> PartsResult:
    users = len(job.chosen.users)
    rows = write_result(job.blocks(0, users), out, **facts)
    return PartsResult(rows, complete=True, written=1, kept=0)


def _to_folder(
    job: _Job,
    out: Path,
    plan: dict[str, Any],
    facts: dict[str, Any],
    users_per_part: int,
    shard: tuple[int, int] | None,
    resume: bool,
) -> PartsResult:
    try:
        return write_parts(
            out,
            plan,
            max(1, -(-len(job.chosen.users) // users_per_part)),
            lambda number: job.blocks(number * users_per_part, (number + 1) * users_per_part),
            facts=facts | {"versions": library_versions()},
            shard=shard,
            resume=resume,
            progress=job.progress,
        )
    except KeyboardInterrupt as interrupt:
        interrupt.args = ("The finished parts are kept: the same command with --resume goes on from there.",)
        raise


def _plan(folder: Path, model: Recommender, everyone: Audience, job: _Job) -> dict[str, Any]:
    """What decides the lists, by content: the same files under other names continue the same work."""
    allow, deny = job.rules.allow, job.rules.deny
    return {
        "model": {"name": model.info.name, "content": fingerprint(folder)},
        "audience": everyone.fingerprint(),
        "users": len(everyone.users),
        "top": job.top,
        "include_seen": not job.rules.exclude_seen,
        "allow": None if allow is None else np.unique(allow).tolist(),
        "deny": None if deny is None else np.unique(deny).tolist(),
        "columns": [job.columns.user, job.columns.item],
    }
