"""Lists for many users: what must hold for every model, who is cold, and folders of parts that can be resumed."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recae.data.read import read
from recae.errors import ConfigError, DataError, ModelFormatError, OutputLockedError, StorageError
from recae.jobs import part_files, parts, served
from recae.jobs.evaluate import evaluate
from recae.jobs.merge import merge
from recae.jobs.reading import Reading
from recae.jobs.recommend import recommend
from recae.jobs.train import train
from recae.models.registry import model_class, model_names
from recae.store.lock import locked
from recae.store.tables import write_table

N_USERS, N_ITEMS, EACH = 40, 18, 6
QUICK = {"epochs": 3, "hidden": 8, "latent": 4, "factors": 8, "iterations": 3, "rank": 4}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 users with 6 of 18 items each, rated; item i17 belongs to nobody but u0."""
    random = np.random.default_rng(3)
    rows = [
        (f"u{user}", f"i{item}", float(random.integers(1, 6)))
        for user in range(N_USERS)
        for item in _items(user, random)
    ]
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    user, item, rating = zip(*rows, strict=True)
    write_table(pa.table({"member": user, "isbn": item, "stars": rating}), path)
    return path


def _items(user: int, random: np.random.Generator) -> list[int]:
    return [*random.choice(N_ITEMS - 1, size=EACH - (user == 0), replace=False), *([N_ITEMS - 1] if user == 0 else [])]


@pytest.fixture(scope="module")
def ease(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(log, model="ease", settings={"l2": 5}, out=tmp_path_factory.mktemp("ease") / "model").folder


@pytest.fixture(scope="module")
def bpr(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(log, model="bpr", settings=quick("bpr"), out=tmp_path_factory.mktemp("bpr") / "model").folder


def quick(name: str) -> dict[str, int]:
    """Settings that make any model small, as far as it has them."""
    fields = model_class(name).Config.model_fields
    return {key: value for key, value in QUICK.items() if key in fields and fields[key].annotation is int}


def lists_of(path: Path) -> dict[str, list[str]]:
    table = pq.read_table(path).to_pydict()
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for user, item, rank in zip(table["member"], table["isbn"], table["rank"], strict=True):
        found[user].append((rank, item))
    for user, ranked in found.items():
        assert [rank for rank, _ in sorted(ranked)] == list(range(1, len(ranked) + 1)), user
    return {user: [item for _, item in sorted(ranked)] for user, ranked in found.items()}


def histories(log: Path) -> dict[str, set[str]]:
    table = pq.read_table(log).to_pydict()
    found: dict[str, set[str]] = defaultdict(set)
    for user, item in zip(table["member"], table["isbn"], strict=True):
        found[user].add(item)
    return found


@pytest.mark.parametrize("name", model_names())
def test_no_list_has_a_seen_item_a_repeat_or_a_gap(name: str, log: Path, tmp_path: Path) -> None:
    train(log, model=name, settings=quick(name), out=tmp_path / "model")
    result = recommend(tmp_path / "model", [log], out=tmp_path / "lists.parquet", top=15)
    lists, seen = lists_of(tmp_path / "lists.parquet"), histories(log)
    assert list(lists) == list(dict.fromkeys(pq.read_table(log)["member"].to_pylist()))
    assert result.rows == N_USERS * (N_ITEMS - EACH)
    for user, listed in lists.items():
        assert len(set(listed)) == len(listed) == N_ITEMS - EACH
        assert not set(listed) & seen[user]
    scores = pq.read_table(tmp_path / "lists.parquet").to_pandas().groupby("member", sort=False)["score"]
    assert all((np.diff(of_user) <= 0).all() for _, of_user in scores)


def test_include_seen_allow_and_deny(ease: Path, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "l.parquet"
    recommend(ease, [log], out=out, top=N_ITEMS, include_seen=True)
    assert all(len(listed) == N_ITEMS for listed in lists_of(out).values())
    (tmp_path / "allow.csv").write_text("isbn\ni1\ni2\ni3\nelsewhere\n")
    (tmp_path / "deny.csv").write_text("i2\n")
    recommend(ease, [log], out=out, allow=tmp_path / "allow.csv", deny=tmp_path / "deny.csv", force=True)
    assert {item for listed in lists_of(out).values() for item in listed} == {"i1", "i3"}


def test_users_without_a_known_history_get_popular_items_nothing_or_an_error(
    ease: Path, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text("member\nnew\nu3\nodd\n")
    (tmp_path / "more.csv").write_text("member,isbn,stars\nodd,unheard-of,4\n")
    given = {"users": tmp_path / "users.csv", "top": 5, "out": tmp_path / "l.parquet"}
    result = recommend(ease, [log, tmp_path / "more.csv"], **given)
    lists = lists_of(tmp_path / "l.parquet")
    counts = read(log).item_counts()
    popular = read(log).items.take(np.lexsort((np.arange(N_ITEMS), -counts))[:5]).to_pylist()
    assert list(lists) == ["new", "u3", "odd"]
    assert lists["new"] == lists["odd"] == popular
    assert (result.cold_users, result.unknown_items) == (2, 1)
    recommend(ease, [log], **given, on_cold="skip", force=True)
    assert list(lists_of(tmp_path / "l.parquet")) == ["u3"]
    with pytest.raises(DataError, match=r"2 users have no history .* 'new', 'odd'"):
        recommend(ease, [log], **given, on_cold="error", force=True)
    assert list(lists_of(tmp_path / "l.parquet")) == ["u3"]


@pytest.mark.parametrize("name", ["pure-svd", "ease", "bpr"])
def test_nobodys_list_depends_on_who_else_is_asked_about(
    name: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train(log, model=name, settings=quick(name), out=tmp_path / "model").folder
    known = [f"u{user}" for user in range(N_USERS)]
    (tmp_path / "known.csv").write_text("\n".join(["member", *known]))
    (tmp_path / "all.csv").write_text("\n".join(["member", "new", *known[:5], "newer", "newest", *known[5:]]))
    recommend(model, [log], out=tmp_path / "known.parquet", users=tmp_path / "known.csv", top=4)
    for at_once in (served.AT_ONCE, 4):
        monkeypatch.setattr(served, "AT_ONCE", at_once)
        recommend(model, [log], out=tmp_path / "all.parquet", users=tmp_path / "all.csv", top=4, force=True)
        table = pq.read_table(tmp_path / "all.parquet")
        assert table["member"].unique().to_pylist() == ["new", *known[:5], "newer", "newest", *known[5:]]
        of_known = table.filter(pc.is_in(table["member"], pa.array(known)))
        assert of_known.equals(pq.read_table(tmp_path / "known.parquet")), "to the last digit"


def test_a_history_of_a_new_user_is_enough_for_an_inductive_model_only(ease: Path, bpr: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("member,isbn\nfresh,i1\nfresh,i2\n")
    out = tmp_path / "l.parquet"
    assert recommend(ease, [tmp_path / "new.csv"], out=out).cold_users == 0
    assert not {"i1", "i2"} & set(lists_of(out)["fresh"])
    assert recommend(bpr, [tmp_path / "new.csv"], out=out, force=True).cold_users == 1
    assert not {"i1", "i2"} & set(lists_of(out)["fresh"])


def test_a_folder_of_parts_holds_the_rows_of_one_file_and_reads_as_a_dataset(
    ease: Path, log: Path, tmp_path: Path
) -> None:
    recommend(ease, [log], out=tmp_path / "one.parquet")
    result = recommend(ease, [log], out=tmp_path / "lists", users_per_part=7)
    assert result.complete
    names = sorted(path.name for path in (tmp_path / "lists").iterdir())
    assert names == ["_SUCCESS", "_manifest.json", *(f"part-{n:05d}.parquet" for n in range(6))]
    assert pq.read_table(tmp_path / "lists").equals(pq.read_table(tmp_path / "one.parquet"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_link_to_a_folder_of_parts_stays_a_link(ease: Path, log: Path, tmp_path: Path) -> None:
    (tmp_path / "large" / "of-today").mkdir(parents=True)
    (tmp_path / "lists").symlink_to(tmp_path / "large" / "of-today")
    for top in (2, 3):
        recommend(ease, [log], out=tmp_path / "lists", top=top, users_per_part=20, force=True)
        assert (tmp_path / "lists").is_symlink()
        assert len(pq.read_table(tmp_path / "lists")) == 40 * top
        assert [path.name for path in (tmp_path / "large").iterdir()] == ["of-today"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["large", "lists"]


def test_while_a_shard_is_at_work_only_other_shards_are_let_in(
    ease: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole folder's run would remove the shard's parts."""
    out, real = tmp_path / "lists", parts.write_table
    tried: list[object] = []

    def others_come(blocks: object, path: Path) -> int:
        monkeypatch.setattr(parts, "write_table", real)
        for job in (lambda: recommend(ease, [log], out=out), lambda: merge(out)):
            with pytest.raises(OutputLockedError):
                job()
        tried.append(recommend(ease, [log], out=out, shard=(1, 2)))
        return real(blocks, path)

    monkeypatch.setattr(parts, "write_table", others_come)
    assert recommend(ease, [log], out=out, shard=(2, 2)).complete
    assert len(tried) == 1
    recommend(ease, [log], out=tmp_path / "whole.parquet")
    assert pq.read_table(out).equals(pq.read_table(tmp_path / "whole.parquet"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_an_interrupted_folder_goes_on_and_ends_byte_for_byte_the_same(
    ease: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommend(ease, [log], out=tmp_path / "whole", users_per_part=7)
    wrote, real = [], parts.write_table

    def fails_at_the_third(blocks: object, path: Path) -> int:
        if len(wrote) == 2:
            raise KeyboardInterrupt
        wrote.append(path.name)
        return real(blocks, path)

    monkeypatch.setattr(parts, "write_table", fails_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        recommend(ease, [log], out=tmp_path / "lists", users_per_part=7)
    assert not (tmp_path / "lists").exists()
    monkeypatch.undo()
    # One finished part is damaged meanwhile: it is made again, the other one is kept.
    damaged = tmp_path / ".lists.partial" / wrote[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    again: list[str] = []
    monkeypatch.setattr(parts, "write_table", lambda blocks, path: again.append(path.name) or real(blocks, path))
    recommend(ease, [log], out=tmp_path / "lists", users_per_part=7, resume=True)
    assert wrote[0] in again
    assert wrote[1] not in again
    assert contents(tmp_path / "lists") == contents(tmp_path / "whole")
    assert recommend(ease, [log], out=tmp_path / "lists", users_per_part=7, resume=True).up_to_date


def test_resume_refuses_what_was_begun_differently(
    ease: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recommend(ease, [log], out=tmp_path / "lists", top=3)
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="run without --resume"):
        recommend(ease, [log], out=tmp_path / "lists", top=4, resume=True)
    changed = tmp_path / "changed.parquet"
    write_table(pq.read_table(log).slice(1), changed)
    with pytest.raises(ConfigError, match="run without --resume"):
        recommend(ease, [changed], out=tmp_path / "lists", top=3, resume=True)
    moved = tmp_path / "moved.parquet"
    moved.write_bytes(log.read_bytes())
    assert recommend(ease, [moved], out=tmp_path / "lists", top=3, resume=True).complete
    assert recommend(ease, [log], out=tmp_path / "lists", top=4, force=True).complete


def test_shards_together_are_the_whole_and_the_last_one_closes_the_folder(
    ease: Path, log: Path, tmp_path: Path
) -> None:
    recommend(ease, [log], out=tmp_path / "one.parquet")
    given = {"out": tmp_path / "lists", "users_per_part": 6}
    first = recommend(ease, [log], shard=(1, 3), **given)
    third = recommend(ease, [log], shard=(3, 3), **given)
    assert not first.complete
    assert not third.complete
    assert not (tmp_path / "lists").exists()
    assert recommend(ease, [log], shard=(2, 3), **given).complete
    assert pq.read_table(tmp_path / "lists").equals(pq.read_table(tmp_path / "one.parquet"))
    manifest = json.loads((tmp_path / "lists" / "_manifest.json").read_text())
    assert manifest["rows"] == sum(part["rows"] for part in manifest["parts"]) == N_USERS * (N_ITEMS - EACH)


def test_the_last_shard_refuses_damaged_parts_of_others(ease: Path, log: Path, tmp_path: Path) -> None:
    given = {"out": tmp_path / "lists", "users_per_part": 6}
    recommend(ease, [log], shard=(1, 2), **given)
    part = tmp_path / ".lists.partial" / "shard-00001-of-00002-part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(StorageError, match=r"00001-of-00002-part-00000\.parquet .* or make --shard 1/2 again"):
        recommend(ease, [log], shard=(2, 2), **given)
    assert not (tmp_path / "lists").exists()
    assert recommend(ease, [log], shard=(1, 2), **given).complete
    recommend(ease, [log], out=tmp_path / "one" / "lists", users_per_part=6)
    assert pq.read_table(tmp_path / "lists").equals(pq.read_table(tmp_path / "one" / "lists"))


def test_a_damaged_folder_without_shards_is_not_said_to_be_made_anew(
    ease: Path, log: Path, tmp_path: Path, told: Any
) -> None:
    recommend(ease, [log], out=tmp_path / "lists")
    part = next((tmp_path / "lists").glob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(ConfigError, match="no finished shards"):
        merge(tmp_path / "lists", progress=told)
    assert not told.lines


def test_shards_of_several_machines_are_merged(ease: Path, log: Path, tmp_path: Path) -> None:
    given = {"users_per_part": 6}
    recommend(ease, [log], out=tmp_path / "one" / "lists", **given)
    together = tmp_path / "together" / ".lists.partial"
    for number in (1, 2, 3):
        machine = tmp_path / f"machine-{number}"
        assert not recommend(ease, [log], out=machine / "lists", shard=(number, 3), **given).complete
        if number == 3:
            with pytest.raises(ConfigError, match=r"Of 3 shards 2 are in .*; still to come: 3/3"):
                merge(together.parent / "lists")
        shutil.copytree(machine / ".lists.partial", together, dirs_exist_ok=True)
    part = together / "shard-00002-of-00003-part-00001.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    with pytest.raises(StorageError, match="damaged: copy it anew, or make --shard 2/3 again"):
        merge(together.parent / "lists")
    part.write_bytes(whole)
    merged = merge(together.parent / "lists")
    assert (merged.rows, merged.users) == (N_USERS * (N_ITEMS - EACH), N_USERS)
    assert pq.read_table(together.parent / "lists").equals(pq.read_table(tmp_path / "one" / "lists"))
    assert merge(together.parent / "lists").up_to_date
    assert recommend(ease, [log], out=together.parent / "lists", shard=(2, 3), **given).up_to_date
    assert not together.exists()


def test_a_merge_refuses_what_it_should(ease: Path, log: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished shards"):
        merge(tmp_path / "lists")
    with pytest.raises(ConfigError, match="a folder of parts"):
        merge(tmp_path / "lists.csv")
    recommend(ease, [log], out=tmp_path / "lists", shard=(1, 2), top=3)
    recommend(ease, [log], out=tmp_path / "elsewhere" / "lists", shard=(2, 2), top=4)
    shutil.copytree(tmp_path / "elsewhere" / ".lists.partial", tmp_path / ".lists.partial", dirs_exist_ok=True)
    with pytest.raises(ConfigError, match=r"Shard 2/2 in .* was made with another top than this one"):
        merge(tmp_path / "lists")


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("moment", ["join_shards", "close_folder", "put_in_place"])
def test_a_kill_after_the_last_part_loses_nothing(
    sharded: bool, moment: str, ease: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"out": tmp_path / "lists", "users_per_part": 7, "shard": (2, 2) if sharded else None}
    if sharded:
        recommend(ease, [log], **(given | {"shard": (1, 2)}))

    def killed(*_: object, **__: object) -> None:
        raise SystemExit(9)

    where = part_files if moment == "put_in_place" else parts
    monkeypatch.setattr(where, moment, killed)
    if moment == "join_shards" and not sharded:
        monkeypatch.setattr(parts, "close_folder", killed)
    with pytest.raises(SystemExit):
        recommend(ease, [log], **given)
    assert not (tmp_path / "lists").exists()
    monkeypatch.undo()
    monkeypatch.setattr(parts, "write_table", lambda *_: pytest.fail("made a part again"))
    assert recommend(ease, [log], **given, resume=True).complete
    recommend_whole = pq.read_table(tmp_path / "lists")
    monkeypatch.undo()
    recommend(ease, [log], out=tmp_path / "one.parquet")
    assert recommend_whole.equals(pq.read_table(tmp_path / "one.parquet"))


def test_a_journal_cut_off_anywhere_costs_a_part_and_not_the_job(
    ease: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommend(ease, [log], out=tmp_path / "whole", users_per_part=7)
    monkeypatch.setattr(parts, "close_folder", lambda *_: pytest.fail("closed"))
    monkeypatch.setattr(parts, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        recommend(ease, [log], out=tmp_path / "lists", users_per_part=7)
    monkeypatch.undo()
    journal = tmp_path / ".lists.partial" / "_journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    wrote, real = [], parts.write_table
    monkeypatch.setattr(parts, "write_table", lambda blocks, path: wrote.append(path.name) or real(blocks, path))
    recommend(ease, [log], out=tmp_path / "lists", users_per_part=7, resume=True)
    assert wrote == ["part-00005.parquet"]
    assert contents(tmp_path / "lists") == contents(tmp_path / "whole")


def test_shards_of_an_abandoned_division_do_not_count_twice(ease: Path, log: Path, tmp_path: Path) -> None:
    given = {"out": tmp_path / "lists", "users_per_part": 6}
    recommend(ease, [log], shard=(1, 4), **given)
    recommend(ease, [log], shard=(1, 2), **given)
    assert recommend(ease, [log], shard=(2, 2), **given).complete
    recommend(ease, [log], out=tmp_path / "one.parquet")
    assert pq.read_table(tmp_path / "lists").equals(pq.read_table(tmp_path / "one.parquet"))


def test_a_shard_waits_for_another_one_that_is_closing_the_folder(
    ease: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"out": tmp_path / "lists", "users_per_part": 6}
    recommend(ease, [log], shard=(1, 2), **given)
    closing = locked(tmp_path / ".lists.partial")
    closing.__enter__()
    monkeypatch.setattr(part_files.time, "sleep", lambda _: closing.__exit__(None, None, None))
    assert recommend(ease, [log], shard=(2, 2), **given).complete


@pytest.mark.parametrize("role", ["histories", "users", "allow", "deny"])
def test_lists_never_replace_what_they_are_made_from(role: str, ease: Path, log: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.parquet"
    given.write_bytes(log.read_bytes())
    before = given.read_bytes()
    sources = {"histories": [given]} if role == "histories" else {"histories": [log], role: given}
    with pytest.raises(ConfigError, match="would replace the input"):
        recommend(ease, out=tmp_path / "." / "given.parquet", **sources)
    with pytest.raises(ConfigError, match="would replace the input"):
        recommend(ease, out=ease, **sources)
    assert given.read_bytes() == before


@pytest.mark.parametrize("header", ["who", "member", "user_id"])
def test_lists_of_ids_may_call_their_column_as_the_log_does(
    header: str, ease: Path, log: Path, tmp_path: Path, told: Any
) -> None:
    (tmp_path / "users.csv").write_text(f"{header}\nu3\nu4\n")
    item = {"who": "thing", "member": "isbn", "user_id": "item_id"}[header]
    (tmp_path / "deny.csv").write_text(f"{item}\ni1\n")
    table = pq.read_table(log).rename_columns(["who", "thing", "stars"])
    write_table(table, tmp_path / "odd.parquet")
    reading = Reading(user_col="who", item_col="thing")
    lists = {"users": tmp_path / "users.csv", "deny": tmp_path / "deny.csv"}
    out = tmp_path / "l.parquet"
    recommend(ease, [tmp_path / "odd.parquet"], out=out, reading=reading, progress=told, on_cold="error", **lists)
    table = pq.read_table(out)
    assert table["who"].unique().to_pylist() == ["u3", "u4"]
    assert "i1" not in table["thing"].to_pylist()
    assert told.lines == []


def test_a_folder_of_somebody_else_is_left_alone(ease: Path, log: Path, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="was not written by recae"):
        recommend(ease, [log], out=tmp_path / "lists")
    assert (tmp_path / "lists" / "notes.txt").read_text() == "mine"


def test_a_model_that_is_missing_or_damaged_is_told_before_anything_is_looked_at(
    ease: Path, log: Path, tmp_path: Path
) -> None:
    missing, out = tmp_path / "nowhere", tmp_path / "somewhere" / "l.csv"
    for model, error, said in (
        (missing, StorageError, "There is no model folder .*nowhere; `recae train"),
        (log.parent, ModelFormatError, "is not a model folder"),
    ):
        with pytest.raises(error, match=said):
            recommend(model, [log], out=out)
        with pytest.raises(error, match=said):
            evaluate(model, [log], log, per_user=out)
    assert not out.parent.exists()


def test_nobody_to_serve_gives_a_file_with_its_columns(ease: Path, log: Path, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("member\nstranger\n")
    out = tmp_path / "l.parquet"
    result = recommend(ease, [log], out=out, users=tmp_path / "users.csv", on_cold="skip")
    assert result.rows == 0
    assert pq.read_table(out).column_names == ["member", "isbn", "rank", "score"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
