# ruff: noqa: NPY002 - the transcription uses the generator that the authors used
"""The published protocols, the one of Liang et al. against an independent transcription of their procedure."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.splits import make_split
from recae.data.uuids import as_uuids
from recae.errors import DataError


def transcribed(ratings: pd.DataFrame, heldout: int, min_uc: int = 5, min_sc: int = 0, above: float | None = 3.5):
    """The authors' steps on a frame of user, item, rating, in pandas and NumPy's global generator."""
    raw = ratings if above is None else ratings[ratings["rating"] > above]
    if min_sc > 0:
        listeners = raw.groupby("item").size()
        raw = raw[raw["item"].isin(listeners.index[listeners >= min_sc])]
    events = raw.groupby("user").size()
    raw = raw[raw["user"].isin(events.index[events >= min_uc])]
    uids = raw.groupby("user").size().index

    state = np.random.get_state()
    try:
        np.random.seed(98765)
        uids = uids[np.random.permutation(uids.size)]
        train_users = uids[: len(uids) - heldout * 2]
        valid_users = uids[len(uids) - heldout * 2 : len(uids) - heldout]
        test_users = uids[len(uids) - heldout :]
        train = raw[raw["user"].isin(train_users)]
        vocabulary = pd.unique(train["item"])
        parts = {"train": train}
        for name, users in (("valid", valid_users), ("test", test_users)):
            plays = raw[raw["user"].isin(users) & raw["item"].isin(vocabulary)]
            np.random.seed(98765)
            history, targets = [], []
            for _, group in plays.groupby("user"):
                n = len(group)
                if n < 5:
                    continue
                chosen = np.zeros(n, dtype=bool)
                chosen[np.random.choice(n, size=int(0.2 * n), replace=False).astype("int64")] = True
                history.append(group[~chosen])
                targets.append(group[chosen])
            parts[name + " history"], parts[name] = pd.concat(history), pd.concat(targets)
    finally:
        np.random.set_state(state)
    return {name: set(zip(part["user"], part["item"], strict=True)) for name, part in parts.items()}


def frame_to_log(frame: pd.DataFrame, kind: str = "rating") -> Interactions:
    """Ids in the order of first appearance, as a reader may give them, so that nothing relies on sorted ids."""
    users, items = IdIndex.of(frame["user"].unique()), IdIndex.of(frame["item"].unique())
    rows, cols = users.positions(frame["user"]), items.positions(frame["item"])
    order = np.lexsort((cols, rows))
    from scipy import sparse

    indptr = np.concatenate(([0], np.bincount(rows, minlength=len(users)).cumsum()))
    values = frame["rating"].to_numpy(dtype=np.float32)[order]
    matrix = sparse.csr_array((values, cols[order], indptr), shape=(len(users), len(items)))
    return Interactions(matrix, users, items, columns=Columns(value="rating", value_kind=kind))


def pairs(matrix, users, items):
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return set(zip(users.take(rows).to_pylist(), items.take(matrix.indices).to_pylist(), strict=True))


def parts_of(split):
    items = split.train.items
    parts = {"train": pairs(split.train.matrix, split.train.users, items)}
    for name, held in (("valid", split.valid), ("test", split.test)):
        parts[name] = pairs(held.target, held.users, items)
        parts[name + " history"] = pairs(held.history, held.users, items)
    return parts


def random_frame(seed: int, n_users: int, n_items: int, *, text: bool = False, n: int = 12000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user": rng.integers(n_users, size=n),
            # Long-tailed, so that some items occur only with held-out users.
            "item": np.minimum(rng.zipf(1.4, size=n), n_items),
            "rating": rng.integers(1, 11, size=n) / 2,
        }
    ).drop_duplicates(["user", "item"])
    if text:
        frame["user"] = frame["user"].map("u{}".format)
        frame["item"] = frame["item"].map("i{}".format)
    return frame.sort_values(["user", "item"]).sample(frac=1, random_state=seed)


def compare(frame, heldout, spec, *, kind="rating", **options):
    # The authors' file is sorted by user and item; their draw takes positions in it.
    expected = transcribed(frame.sort_values(["user", "item"]), heldout, **options)
    split = make_split(frame_to_log(frame, kind), spec)
    got = parts_of(split)
    assert {name: len(part) for name, part in got.items()} == {name: len(part) for name, part in expected.items()}
    assert got == expected
    return split


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("text", [False, True])
def test_liang2018_is_the_authors_split_to_the_row(seed, text):
    split = compare(random_frame(seed, 300, 900, text=text), 30, "liang2018:heldout=30")
    assert split.seed == 98765
    assert split.notes["held-out interactions of items that no training user has"] > 0
    assert not split.test.unknown_targets.any()
    assert split.train.columns.value is None


def test_liang2018_with_the_msd_parameters():
    frame = random_frame(5, 120, 400)
    compare(
        frame, 12, "liang2018:heldout=12,min_user_items=12,min_item_users=4",
        kind="weight", above=None, min_uc=12, min_sc=4,
    )  # fmt: skip


def test_liang2018_where_the_first_user_is_held_out():
    frame = random_frame(6, 200, 400)
    split = compare(frame, 60, "liang2018:heldout=60")
    kept = frame[frame["rating"] > 3.5].groupby("user").size()
    assert kept.index[kept >= 5].min() in split.valid.users.values.to_pylist()


def test_liang2018_counts_what_it_leaves_out():
    frame = random_frame(1, 300, 900)
    liked = frame[frame["rating"] > 3.5]
    popular = liked[liked.groupby("item")["user"].transform("size") >= 3]
    active = popular[popular.groupby("user")["item"].transform("size") >= 6]
    split = make_split(frame_to_log(frame), "liang2018:heldout=30,min_user_items=6,min_item_users=3")
    trained = active[active["user"].isin(split.train.users.values.to_pylist())]
    left_out = {name: n for name, n in split.notes.items() if "without targets" not in name}
    assert left_out == {
        "ratings not above 3.5": len(frame) - len(liked),
        "interactions of items with fewer than 3 users": len(liked) - len(popular),
        "interactions of users with fewer than 6 items": len(popular) - len(active),
        "held-out interactions of items that no training user has": (~active["item"].isin(trained["item"])).sum(),
    }


def test_liang2018_holds_one_user_out_for_each_part(make_log):
    for spec in ("liang2018:heldout=1", "liang2018"):
        split = make_split(make_log([(u, i) for u in range(10) for i in range(10)]), spec)
        assert (split.train.n_users, split.valid.n_users, split.test.n_users) == (8, 1, 1)


def test_liang2018_works_with_uuids():
    log = frame_to_log(random_frame(0, 200, 300))
    ids = IdIndex(as_uuids([uuid.UUID(int=int(one)) for one in log.users.values.to_pylist()]))
    split, numbered = (make_split(one, "liang2018:heldout=20") for one in (replace(log, users=ids), log))
    assert [one.int for one in split.test.users.values.to_pylist()] == numbered.test.users.values.to_pylist()


def test_liang2018_leaves_the_global_generator_alone():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    make_split(frame_to_log(random_frame(0, 200, 300)), "liang2018:heldout=20")
    assert np.array_equal(before, np.random.get_state()[1])


def test_liang2018_holds_out_a_tenth_of_smaller_data():
    frame = random_frame(1, 300, 900)
    kept = frame[frame["rating"] > 3.5].groupby("user").size()
    split = make_split(frame_to_log(frame), "liang2018")
    assert split.train.n_users == (kept >= 5).sum() - 2 * ((kept >= 5).sum() // 10)


def test_liang2018_ignores_the_seed():
    log = frame_to_log(random_frame(2, 200, 300))
    assert parts_of(make_split(log, "liang2018", seed=1)) == parts_of(make_split(log, "liang2018", seed=2))


@pytest.mark.parametrize("spec", ["liang2018:heldout=500", "liang2018:heldout=-1"])
def test_liang2018_needs_users_enough(spec):
    with pytest.raises(DataError, match="needs more users"):
        make_split(frame_to_log(random_frame(2, 200, 300)), spec)


@pytest.mark.real_data
def test_liang2018_on_movielens_1m(real_data):
    files = [real_data(f"ml-1m/{name}.parquet") for name in ("train", "valid", "test")]
    frame = pd.concat([pd.read_parquet(file) for file in files])[["user_id", "item_id", "rating"]]
    frame.columns = ["user", "item", "rating"]
    split = compare(frame, 500, "liang2018:heldout=500")
    assert split.test.n_users == 500


@pytest.mark.real_data
def test_liang2018_on_movielens_100k(real_data):
    frame = pd.read_parquet(real_data("ml-100k/interactions.parquet"))[["user_id", "item_id", "rating"]]
    frame.columns = ["user", "item", "rating"]
    compare(frame, 90, "liang2018:heldout=90")


def per_user(matrix):
    return np.diff(matrix.indptr)


def test_inf_ae_counts_are_those_of_the_published_rule(make_log):
    sizes = [1, 2, 3, 4, 5, 9, 10, 11, 20, 53]
    log = make_log([(u, i, 3) for u, n in enumerate(sizes) for i in range(n)])
    split = make_split(log, "inf-ae")
    assert split.train.users.values.to_pylist() == list(range(2, len(sizes)))
    n = np.array(sizes[2:])
    assert per_user(split.train.matrix).tolist() == ((0.8 * n).astype(int) - 1).tolist()
    assert split.test.relevant_counts().tolist() == (n - (0.9 * n).astype(int) + 1).tolist()
    assert split.train.columns.value is None
    assert split.train.counts["of users with fewer than 3"] == 3


@pytest.mark.real_data
def test_inf_ae_cuts_movielens_1m_into_parts_of_the_published_sizes(real_data):
    published = {name: pd.read_parquet(real_data(f"ml-1m/{name}.parquet")) for name in ("train", "valid", "test")}
    frame = pd.concat(published.values())[["user_id", "item_id", "rating"]]
    frame.columns = ["user", "item", "rating"]
    split = make_split(frame_to_log(frame), "inf-ae")
    for name, counts in (
        ("train", pd.Series(per_user(split.train.matrix), split.train.users.values.to_pylist())),
        ("valid", pd.Series(split.valid.relevant_counts(), split.valid.users.values.to_pylist())),
        ("test", pd.Series(split.test.relevant_counts(), split.test.users.values.to_pylist())),
    ):
        pd.testing.assert_series_equal(
            counts.sort_index(), published[name].groupby("user_id").size(), check_names=False, check_index_type=False,
            check_dtype=False,
        )  # fmt: skip
    assert (split.test.history.nnz + split.test.target.nnz + split.test.unknown_targets.sum()) <= split.train.nnz * 2
    assert np.array_equal(per_user(split.test.history).sum() + 0, split.test.history.nnz)


def test_lightgcn_counts_are_those_of_the_published_rule(make_log):
    sizes = [2, 3, 4, 10, 11, 12, 13, 14, 15, 24]
    log = make_log([(u, i) for u, n in enumerate(sizes) for i in range(n)])
    split = make_split(log, "lightgcn:core=1,valid=0")
    assert split.valid is None
    n = np.array(sizes)
    assert per_user(split.train.matrix).tolist() == (0.8 * n).astype(int).tolist()
    assert split.test.relevant_counts().tolist() == (n - (0.8 * n).astype(int)).tolist()


def test_lightgcn_keeps_the_core(make_log):
    dense = [(u, i) for u in range(12) for i in range(11)]
    split = make_split(make_log([*dense, (99, 0), (0, 99)]), "lightgcn:valid=0.2")
    assert split.train.n_users == 12
    assert 99 not in split.train.items.values.to_pylist()
    assert split.train.counts["below min counts"] == 2
    assert 0.1 < split.valid.target.nnz / (split.valid.target.nnz + split.train.nnz) < 0.3


@pytest.mark.real_data
def test_lightgcn_cuts_gowalla_into_parts_of_the_published_sizes(real_data):
    published = {name: pd.read_parquet(real_data(f"gowalla/{name}.parquet")) for name in ("train", "test")}
    frame = pd.concat(published.values()).assign(rating=1.0)
    frame.columns = ["user", "item", "rating"]
    split = make_split(frame_to_log(frame, "weight"), "lightgcn:core=0,valid=0")
    counts = pd.Series(per_user(split.train.matrix), split.train.users.values.to_pylist()).sort_index()
    theirs = published["train"].groupby("user_id").size()
    # A few users of the published files lost an interaction after the cut; the rule holds for all others.
    assert (counts.to_numpy() == theirs.to_numpy()).mean() > 0.997


def test_autorec_takes_a_tenth_of_all_ratings(make_log):
    log = make_log([(u, i, (u + i) % 5 + 1) for u in range(50) for i in range(40)])
    split = make_split(log, "autorec")
    assert split.test.target.nnz + split.test.unknown_targets.sum() == 200
    assert split.valid.target.nnz + split.valid.unknown_targets.sum() == 180
    assert split.train.nnz == 1620
    assert split.train.has_ratings
    wide = np.diff(split.test.target.indptr)
    assert wide.std() > 0.5


def test_autorec_keeps_users_whose_ratings_are_all_in_the_test(make_log):
    log = make_log([(u, 0, 3) for u in range(40)] + [(u, 1, 4) for u in range(20)])
    split = make_split(log, "autorec:test=0.5,valid=0")
    alone = np.diff(split.test.history.indptr) == 0
    assert alone.any()
    assert split.test.relevant_counts()[alone].min() >= 1
