"""The model folder: everything comes back, and whatever is damaged is refused with one sentence."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.errors import ModelFormatError, StorageError
from recae.models.folder import read_manifest
from recae.models.registry import create, load
from recae.store.tensors import read_tensors, write_tensors
from recae.training.curve import CurvePoint, LearningCurve


@pytest.fixture
def folder(tastes, tmp_path) -> Path:
    return create("pure-svd", factors=3).fit(tastes).save(tmp_path / "model", metrics={"ndcg@10": np.float32(0.5)})


def edit_manifest(folder: Path, **changes) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    for key, value in changes.items():
        if value is ...:
            del content[key]
        else:
            content[key] = value
    (folder / "manifest.json").write_text(json.dumps(content))


def edit_weights(folder: Path, **changes) -> None:
    weights = read_tensors(folder / "model.safetensors")
    weights = {name: array.copy() for name, array in weights.items() if changes.get(name, array) is not None}
    write_tensors(folder / "model.safetensors", weights | {k: v for k, v in changes.items() if v is not None})


def truncate(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def replace_bytes(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def rewrite_items(folder: Path, **columns) -> None:
    pq.write_table(pa.table(columns), folder / "items.parquet")


def test_it_holds_data_only(folder):
    found = sorted(path.name for path in folder.iterdir())
    assert found == ["_SUCCESS", "items.parquet", "manifest.json", "model.safetensors"]


def test_the_manifest_says_what_the_model_is(folder, tastes):
    manifest = read_manifest(folder)
    assert manifest.model == "pure-svd"
    assert manifest.config == {"factors": 3}
    assert manifest.format_version == 1
    assert manifest.facts == {"metrics": {"ndcg@10": 0.5}}
    assert manifest.data_fingerprint == tastes.fingerprint()
    assert manifest.n_train_users == 120
    assert manifest.libraries["numpy"] == np.__version__
    assert dt.datetime.fromisoformat(manifest.created).tzinfo is not None


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([3, 1, 2], pa.int32()),
        pa.array([2**64 - 1, 1, 2], pa.uint64()),
        pa.array(["007", "7", "naïve 🎬"]),
        pa.array(["007", "7", ""], pa.large_string()),
        pa.array([b"\x00\xff", b"a", b""]),
        pa.array([b"\x00\xff", b"ab", b"cd"], pa.binary(2)),
        pa.array([decimal.Decimal("1.10"), decimal.Decimal("2.00"), decimal.Decimal("3.33")]),
        pa.array([dt.date(2020, 1, 1), dt.date(2021, 1, 1), dt.date(2022, 1, 1)]),
    ],
    ids=lambda ids: str(ids.type),
)
def test_ids_come_back_as_they_went_in(tmp_path, ids):
    matrix = sparse.csr_array(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], np.float32))
    log = Interactions(matrix, IdIndex(ids), IdIndex(ids), columns=Columns("who", "what"))
    again = load(create("bpr", factors=2, epochs=1).fit(log).save(tmp_path / "m"))
    assert again.items == again.users == IdIndex(ids)
    assert again.items.values.type == ids.type
    assert again.columns == Columns("who", "what")


def test_the_learning_curve_comes_back(tastes, tmp_path):
    model = create("popularity").fit(tastes)
    points = (CurvePoint(1, {"loss": 2.5, "kl": 0.0}, None, 0.1), CurvePoint(2, {"loss": 2.0}, 0.25, 0.2))
    model.curve = LearningCurve("ndcg@10", points, best_epoch=2, stopped_early=True)
    assert load(model.save(tmp_path / "m")).curve == model.curve


def test_a_loss_that_was_no_number_comes_back_as_such(tastes, tmp_path):
    model = create("popularity").fit(tastes)
    model.curve = LearningCurve(None, (CurvePoint(1, {"loss": float("nan")}, None, 0.1),), 1, False)
    again = load(model.save(tmp_path / "m")).curve
    assert again is not None
    assert np.isnan(again.points[0].losses["loss"])


def test_saving_again_replaces_the_earlier_model_and_nothing_else(folder, tastes):
    create("ease").fit(tastes).save(folder)
    assert load(folder).info.name == "ease"
    (folder / "note.txt").write_text("why this one")
    with pytest.raises(StorageError, match=r"note\.txt was not written by recae and would be deleted: move it"):
        create("ease").fit(tastes).save(folder)
    assert (folder / "note.txt").read_text() == "why this one"
    theirs = folder.parent / "photos"
    theirs.mkdir()
    (theirs / "cat.jpg").write_text("")
    with pytest.raises(StorageError, match="was not written by recae"):
        create("ease").fit(tastes).save(theirs)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), r"is not a model folder: it holds no manifest\.json"),
    "manifest is no JSON": (lambda f: truncate(f / "manifest.json", 0.5), "is damaged: .* is not valid JSON"),
    "manifest is a list": (lambda f: (f / "manifest.json").write_text("[]"), "should hold a JSON object"),
    "other format": (lambda f: edit_manifest(f, format="other"), "does not describe a model"),
    "newer format": (
        lambda f: edit_manifest(f, format_version=2),
        r"format 2, .* reads formats up to 1: install recae \d+\.\d+\.\d+, which wrote it, or a newer one, or train",
    ),
    "version is text": (lambda f: edit_manifest(f, format_version="new"), "damaged at 'format_version'"),
    "field missing": (lambda f: edit_manifest(f, n_train_users=...), "damaged at 'n_train_users'"),
    "negative users": (lambda f: edit_manifest(f, n_train_users=-1), "damaged at 'n_train_users'"),
    "columns of another kind": (
        lambda f: edit_manifest(f, columns={"value_kind": "x"}),
        "damaged at 'columns.value_kind'",
    ),
    "curve of another kind": (lambda f: edit_manifest(f, curve={"points": []}), "damaged at 'curve.metric_name'"),
    "inductive or not": (lambda f: edit_manifest(f, inductive=False), "damaged at 'inductive'"),
    "unknown model": (lambda f: edit_manifest(f, model="pure-svt"), r"no model 'pure-svt'\. Did you mean pure-svd"),
    "model of another kind": (lambda f: edit_manifest(f, model="ease"), "there is no factors"),
    "impossible setting": (
        lambda f: edit_manifest(f, config={"factors": 0}),
        "factors must be greater than or equal to 1",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"model\.safetensors is missing"),
    "weights cut short": (lambda f: truncate(f / "model.safetensors", 0.7), r"model\.safetensors is damaged"),
    "weights empty": (lambda f: truncate(f / "model.safetensors", 0), r"model\.safetensors is damaged"),
    "weights are a pickle": (
        lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94."),
        r"model\.safetensors is damaged",
    ),
    "tensor missing": (lambda f: edit_weights(f, item_vectors=None), "'item_vectors' is missing"),
    "tensor too many": (lambda f: edit_weights(f, more=np.zeros(1)), "tensors that pure-svd does not have: more"),
    "wrong shape": (lambda f: edit_weights(f, item_vectors=np.zeros((9, 3), np.float32)), "should be 40 x any float32"),
    "wrong dtype": (lambda f: edit_weights(f, item_vectors=np.zeros((40, 3))), "is 40 x 3 float64"),
    "no items": (lambda f: (f / "items.parquet").unlink(), r"items\.parquet is missing"),
    "items cut short": (lambda f: truncate(f / "items.parquet", 0.6), r"items\.parquet is (cut short|not a Parquet)"),
    "items are text": (lambda f: (f / "items.parquet").write_text("id,count\n1,2\n"), "not a Parquet file"),
    "a name that is no text": (
        lambda f: replace_bytes(f / "items.parquet", b"count", b"cou\xff\x80"),
        "not a Parquet file",
    ),
    "items without counts": (lambda f: rewrite_items(f, id=["a"] * 40), "should have the column 'count' of int64"),
    "counts of another type": (lambda f: rewrite_items(f, id=["a"] * 40, count=["1"] * 40), "column 'count' of int64"),
    "items lost": (lambda f: rewrite_items(f, id=["a"], count=[1]), "should have 40 rows and has 1"),
    "items without id": (lambda f: rewrite_items(f, id=[None] * 40, count=[1] * 40), "should have 40 complete rows"),
    "items of fewer users than none": (
        lambda f: rewrite_items(f, id=list(range(40)), count=[-(2**63), *[1] * 39]),
        "fewer users than none",
    ),
    "items of too many users": (lambda f: rewrite_items(f, id=list(range(40)), count=[121] * 40), "more than there"),
    "users that no number of 64 bits counts": (lambda f: edit_manifest(f, n_train_users=10**400), "n_train_users"),
    "items twice": (lambda f: rewrite_items(f, id=["a"] * 40, count=[1] * 40), "The same id occurs twice"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_with_one_sentence(folder, damage):
    spoil, sentence = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(ModelFormatError, match=sentence) as caught:
        load(folder)
    assert caught.value.exit_code == 7
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_users_that_are_missing_are_refused_where_they_are_needed(tastes, tmp_path):
    folder = create("bpr", factors=2, epochs=1).fit(tastes).save(tmp_path / "m")
    assert (folder / "users.parquet").exists()
    (folder / "users.parquet").unlink()
    with pytest.raises(ModelFormatError, match=r"users\.parquet is missing"):
        load(folder)


def test_weights_that_were_exchanged_are_found_by_their_checksum(folder, tastes):
    whole = (folder / "model.safetensors").read_bytes()
    replace_bytes(folder / "model.safetensors", whole[-4:], b"\0\0\0\x40")
    with pytest.raises(ModelFormatError, match=r"model\.safetensors was changed after it was written"):
        load(folder)
    replace_bytes(folder / "manifest.json", b'"sha256"', b'"md5sum"')
    with pytest.raises(ModelFormatError, match="damaged at"):
        load(folder)


def test_a_folder_from_before_there_were_checksums_loads(folder):
    content = json.loads((folder / "manifest.json").read_bytes())
    for added in ("files", "made_from"):
        content.pop(added)
    (folder / "manifest.json").write_text(json.dumps(content))
    assert load(folder).info.name == "pure-svd"


def test_a_missing_folder_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="There is no model folder") as caught:
        load(tmp_path / "nowhere")
    assert caught.value.exit_code == 5


def test_a_manifest_with_more_fields_still_loads(folder):
    edit_manifest(folder, remark="written by a later version of the same format")
    load(folder)


def test_a_file_in_place_of_the_folder_is_no_model(tmp_path):
    (tmp_path / "m").write_text("")
    with pytest.raises(StorageError, match="There is no model folder"):
        load(tmp_path / "m")
