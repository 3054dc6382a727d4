"""Downloads from a server on this machine: whole, interrupted, resumed, wrong, refused; and every layout converted."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile

import pyarrow.parquet as pq
import pytest

from recae.data.archives import open_member
from recae.data.catalog import read_catalog
from recae.data.download import download
from recae.data.fetch import fetch
from recae.data.public import KNOWN
from recae.data.read import read
from recae.data.ready_made import read_ready_made
from recae.errors import ConfigError, DamagedFileError, StorageError


class Site:
    """What the server serves, and how badly it behaves."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.cut_after: int | None = None
        self.knows_ranges = True
        self.tag: str | None = '"v1"'
        self.address = ""


class Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers.get("Range")
        site.requests.append((self.path, wanted))
        body = site.files.get(self.path.lstrip("/"))
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.knows_ranges else 0
        if self.headers.get("If-Range") not in (None, site.tag):
            start = 0
        if start >= len(body) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if site.tag:
            self.send_header("ETag", site.tag)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        sent = body[start:]
        self.wfile.write(sent if site.cut_after is None else sent[: site.cut_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site():
    site = Site()
    handler = type("SiteHandler", (Handler,), {"site": site})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield site
        server.shutdown()
        thread.join()


BODY = bytes(range(256)) * 40
SUM = "sha256:" + hashlib.sha256(BODY).hexdigest()


def test_a_whole_download(site, tmp_path):
    site.files["a.bin"] = BODY
    assert download(f"{site.address}/a.bin", tmp_path / "x" / "a.bin", size=len(BODY), checksum=SUM)
    assert (tmp_path / "x" / "a.bin").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["a.bin"]


def test_what_is_there_and_right_is_not_downloaded_again(site, tmp_path):
    (tmp_path / "a.bin").write_bytes(BODY)
    assert not download(f"{site.address}/a.bin", tmp_path / "a.bin", checksum=SUM)
    assert site.requests == []


def test_what_is_there_and_wrong_is_downloaded_again(site, tmp_path):
    site.files["a.bin"] = BODY
    (tmp_path / "a.bin").write_bytes(b"old")
    assert download(f"{site.address}/a.bin", tmp_path / "a.bin", checksum=SUM)
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("checksum", [SUM, None])
def test_an_interrupted_download_goes_on_where_it_stopped(site, tmp_path, checksum):
    site.files["a.bin"], site.cut_after = BODY, 3000
    for _ in range(2):
        with pytest.raises(StorageError, match="Run the same command again"):
            download(f"{site.address}/a.bin", tmp_path / "a.bin", size=len(BODY), checksum=checksum)
    assert (tmp_path / "a.bin.part").stat().st_size == 6000
    assert not (tmp_path / "a.bin").exists()
    site.cut_after = None
    assert download(f"{site.address}/a.bin", tmp_path / "a.bin", size=len(BODY), checksum=checksum)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert [wanted for _, wanted in site.requests] == [None, "bytes=3000-", "bytes=6000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_file_that_changed_meanwhile_is_not_spliced(site, tmp_path):
    site.files["a.bin"], site.cut_after = BODY, 3000
    with pytest.raises(StorageError):
        download(f"{site.address}/a.bin", tmp_path / "a.bin")
    site.files["a.bin"], site.tag, site.cut_after = b"new" * 2000, '"v2"', None
    download(f"{site.address}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"new" * 2000


def test_without_checksum_and_version_it_starts_anew(site, tmp_path):
    site.files["a.bin"], site.cut_after, site.tag = BODY, 3000, None
    with pytest.raises(StorageError):
        download(f"{site.address}/a.bin", tmp_path / "a.bin")
    site.cut_after = None
    download(f"{site.address}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert [wanted for _, wanted in site.requests] == [None, None]


def test_a_server_without_ranges_sends_all_again(site, tmp_path):
    site.files["a.bin"], site.cut_after, site.knows_ranges = BODY, 3000, False
    with pytest.raises(StorageError):
        download(f"{site.address}/a.bin", tmp_path / "a.bin", checksum=SUM)
    site.cut_after = None
    download(f"{site.address}/a.bin", tmp_path / "a.bin", checksum=SUM)
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize(("there", "size"), [(BODY, len(BODY)), (BODY, None), (BODY + b"too much", len(BODY))])
def test_a_part_that_is_complete_or_too_long(site, tmp_path, there, size):
    site.files["a.bin"] = BODY
    (tmp_path / "a.bin.part").write_bytes(there)
    download(f"{site.address}/a.bin", tmp_path / "a.bin", size=size, checksum=SUM)
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize(
    ("expected", "said"),
    [({"checksum": "md5:" + "0" * 32}, "its md5 is"), ({"size": 7}, "bytes instead of 7")],
)
def test_wrong_bytes_are_removed(site, tmp_path, expected, said):
    site.files["a.bin"] = BODY
    with pytest.raises(StorageError, match=said) as caught:
        download(f"{site.address}/a.bin", tmp_path / "a.bin", **expected)
    assert caught.value.exit_code == 5
    assert not (tmp_path / "a.bin").exists()
    assert not (tmp_path / "a.bin.part").exists()


def test_refused_and_unreachable(site, tmp_path):
    with pytest.raises(StorageError, match="404 Not Found"):
        download(f"{site.address}/none.bin", tmp_path / "a.bin")
    with pytest.raises(StorageError, match="could not be downloaded"):
        download("http://127.0.0.1:9/a.bin", tmp_path / "a.bin")
    with pytest.raises(ConfigError, match="only http"):
        download("file:///etc/passwd", tmp_path / "a.bin")


def test_a_place_that_cannot_be_written(site, tmp_path):
    site.files["a.bin"] = BODY
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="could not be written"):
        download(f"{site.address}/a.bin", tmp_path / "file" / "a.bin")


def zipped(members: dict[str, str], encoding: str = "utf-8") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text.encode(encoding))
    return target.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


FLAGS = "0|0|0|1|1|1" + "|0" * 13
NETFLIX = tarred(
    {
        "training_set/mv_0000001.txt": b"1:\n7,3,2005-09-06\n9,5,2005-05-13\n",
        "training_set/mv_0000002.txt": b"2:\n7,1,2004-01-01\n",
    }
)
PUBLISHED = {
    "ml-100k": {
        "ml-100k.zip": zipped(
            {
                "ml-100k/u.data": "196\t242\t3\t881250949\n7\t302\t4\t891717742\n",
                "ml-100k/u.item": f"242|Amélie (2001)|24-Jan-1997||http://x|{FLAGS}\n302|Heat|01-Jan-1995||http://y|"
                + "|".join("0" * 19)
                + "\n",
                "ml-100k/README": "terms",
            },
            "latin-1",
        )
    },
    "ml-1m": {
        "ml-1m.zip": zipped(
            {
                "ml-1m/ratings.dat": "1::1193::5::978300760\n2::661::3::978302109\n",
                "ml-1m/movies.dat": "661::Léon::Crime\n1193::One::Drama|War\n",
                "ml-1m/README": "terms",
            },
            "latin-1",
        )
    },
    "ml-20m": {
        "ml-20m.zip": zipped(
            {
                "ml-20m/ratings.csv": "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,29,4.0,1112484676\n",
                "ml-20m/movies.csv": 'movieId,title,genres\n2,"City of Lost Children, The (1995)",Fantasy\n29,X,War\n',
                "ml-20m/README.txt": "terms",
            }
        )
    },
    "lastfm": {
        "hetrec2011-lastfm-2k.zip": zipped(
            {
                "user_artists.dat": "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n",
                "artists.dat": 'id\tname\turl\tpictureURL\n51\tThe "Quote\thttp://a\thttp://b\n52\tDuran\thttp://c\t\n',
                "readme.txt": "terms",
            }
        )
    },
    "msd": {"train_triplets.txt.zip": zipped({"train_triplets.txt": "b80344\tSOAKIMP12\t1\nb80344\tSOAPDEY1\t25\n"})},
    "book-crossing": {
        "BX-CSV-Dump.zip": zipped(
            {
                "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\n"276725";"034545104X";"0"\n2;"0155061224";5\n',
                "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S"\n'
                '"034545104X";"Flesh \\"Tones\\"; a Novel";"M. J. Rose";"2002";"Ballantine";"http://x"\n',
            },
            "latin-1",
        )
    },
    "goodbooks-10k": {
        "ratings.csv": b"user_id,book_id,rating\n1,258,5\n2,4081,4\n",
        "books.csv": b"book_id,goodreads_book_id,authors,original_publication_year,title,language_code\n"
        b'258,1,"Z, A",2001.0,The Shadow,eng\n',
    },
    "gowalla": {"train.txt": b"0 1 2 3\n1 2\n", "test.txt": b"0 4 5\n1\n"},
    "citeulike-a": {"users.dat": b"2 495 1631\n1 7\n"},
    "netflix": {
        "nf_prize_dataset.tar.gz": tarred(
            {
                "download/training_set.tar": NETFLIX,
                "download/movie_titles.txt": "1,2003,Dinosaur Planet\n2,2004,Isle, of Man\n".encode("latin-1"),
                "download/README": b"terms",
            },
            "w:gz",
        )
    },
}
ROWS = {
    "ml-100k": [(7, 302, 4.0, 891717742), (196, 242, 3.0, 881250949)],
    "ml-1m": [(1, 1193, 5.0, 978300760), (2, 661, 3.0, 978302109)],
    "ml-20m": [(1, 2, 3.5, 1112486027), (1, 29, 4.0, 1112484676)],
    "lastfm": [(2, 51, 13883.0), (2, 52, 11690.0)],
    "msd": [("b80344", "SOAKIMP12", 1.0), ("b80344", "SOAPDEY1", 25.0)],
    "goodbooks-10k": [(1, 258, 5.0), (2, 4081, 4.0)],
    "citeulike-a": [(0, 495), (0, 1631), (1, 7)],
}


@pytest.fixture
def publish(site, monkeypatch):
    """Put small files in the place of the published ones, with their checksums in the place of the real ones."""

    def publish(name: str) -> None:
        files = PUBLISHED[name]
        site.files.update(files)
        one_by_one = tuple(
            dataclasses.replace(
                one,
                size=len(files[one.file]),
                checksum=one.checksum and "sha256:" + hashlib.sha256(files[one.file]).hexdigest(),
            )
            for one in KNOWN[name].downloads
        )
        monkeypatch.setitem(KNOWN, name, dataclasses.replace(KNOWN[name], downloads=one_by_one))

    return publish


def rows_of(path):
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("name", ROWS)
def test_published_files_become_parquet(site, publish, tmp_path, name):
    publish(name)
    assert fetch(name, tmp_path / name, base_address=site.address) == tmp_path / name
    assert rows_of(tmp_path / name / "interactions.parquet") == ROWS[name]
    source = json.loads((tmp_path / name / "source.json").read_text())
    assert source["licence"] == KNOWN[name].licence
    assert source["rows"]["interactions.parquet"] == len(ROWS[name])
    log = read(tmp_path / name / "interactions.parquet")
    assert log.nnz == len(ROWS[name])
    assert log.columns.value_kind == {"lastfm": "weight", "msd": "weight", "citeulike-a": None}.get(name, "rating")
    for file in PUBLISHED[name]:
        assert (tmp_path / name / "_raw" / file).read_bytes() == PUBLISHED[name][file]


def test_isbns_and_empty_ratings_stay(site, publish, tmp_path):
    publish("book-crossing")
    folder = fetch("book-crossing", tmp_path / "bx", base_address=f"{site.address}/")
    assert sorted(rows_of(folder / "interactions.parquet"), key=str) == sorted(
        [(2, "0155061224", 5.0), (276725, "034545104X", 0.0)], key=str
    )
    assert pq.read_table(folder / "items.parquet").to_pylist()[0]["Book-Title"] == 'Flesh "Tones"; a Novel'


def test_titles(site, publish, tmp_path):
    found = {}
    for name in ("ml-100k", "ml-1m", "ml-20m", "lastfm", "goodbooks-10k", "netflix"):
        publish(name)
        found[name] = pq.read_table(
            fetch(name, tmp_path / name, base_address=site.address) / "items.parquet"
        ).to_pylist()
    assert found["ml-100k"][0] == {
        "item_id": 242, "title": "Amélie (2001)", "released": "24-Jan-1997", "genres": "Animation|Children's|Comedy",
    }  # fmt: skip
    assert found["ml-100k"][1]["genres"] == ""
    for name in found:
        catalog = read_catalog(tmp_path / name / "items.parquet")
        log = read(tmp_path / name / "interactions.parquet")
        assert catalog.titles is not None
        assert (log.items.positions(catalog.items.values) >= 0).any()
    assert found["ml-1m"][0] == {"item_id": 661, "title": "Léon", "genres": "Crime"}
    assert found["ml-20m"][0] == {"movieId": 2, "title": "City of Lost Children, The (1995)", "genres": "Fantasy"}
    assert found["lastfm"][0] == {"id": 51, "name": 'The "Quote', "url": "http://a"}
    assert found["goodbooks-10k"][0]["authors"] == "Z, A"
    assert found["netflix"][1] == {"item_id": 2, "year": "2004", "title": "Isle, of Man"}


def test_the_netflix_archive_in_the_archive(site, publish, tmp_path):
    publish("netflix")
    folder = fetch("netflix", tmp_path / "nf", base_address=site.address)
    assert [row[:3] for row in rows_of(folder / "interactions.parquet")] == [(7, 1, 3.0), (9, 1, 5.0), (7, 2, 1.0)]
    assert read(folder / "interactions.parquet").columns.time == "date"
    assert (folder / "_raw" / "README").read_text() == "terms"


def test_a_set_that_comes_split(site, publish, tmp_path):
    publish("gowalla")
    folder = fetch("gowalla", tmp_path / "gowalla", base_address=site.address)
    split = read_ready_made(folder / "train.parquet", None, folder / "test.parquet")
    assert split.train.nnz == 4
    assert split.test.users.values.to_pylist() == [0]
    assert split.test.unknown_targets.tolist() == [2]


def test_fetching_again_does_nothing_and_mends_what_is_missing(site, publish, tmp_path):
    publish("ml-1m")
    folder = fetch("ml-1m", tmp_path / "ml", base_address=site.address)
    before = (folder / "interactions.parquet").stat().st_mtime_ns
    fetch("ml-1m", folder, base_address=site.address)
    assert len(site.requests) == 1
    assert (folder / "interactions.parquet").stat().st_mtime_ns == before
    (folder / "items.parquet").unlink()
    fetch("ml-1m", folder, base_address=site.address)
    assert len(site.requests) == 1
    assert (folder / "items.parquet").is_file()
    (folder / "_raw" / "ml-1m.zip").write_bytes(b"broken")
    fetch("ml-1m", folder, base_address=site.address)
    assert len(site.requests) == 2


def test_an_interrupted_fetch_leaves_nothing_that_looks_done(site, publish, tmp_path):
    publish("ml-1m")
    site.cut_after = 100
    with pytest.raises(StorageError, match="Run the same command again"):
        fetch("ml-1m", tmp_path / "ml", base_address=site.address)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "ml-1m.zip.part", "ml-1m.zip.part.version",
    ]  # fmt: skip
    site.cut_after = None
    assert rows_of(fetch("ml-1m", tmp_path / "ml", base_address=site.address) / "interactions.parquet") == ROWS["ml-1m"]
    assert site.requests[-1][1] == "bytes=100-"


def test_an_unknown_name(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'ml-100k'"):
        fetch("ml100k", tmp_path)


def test_members_are_opened_by_name_and_never_unpacked_elsewhere(tmp_path):
    path = tmp_path / "a" / "evil.zip"
    path.parent.mkdir()
    path.write_bytes(zipped({"../../escaped.txt": "x", "good.csv": "y"}))
    with open_member(path, "good.csv") as stream:
        assert stream.read() == b"y"
    assert [entry.name for entry in tmp_path.rglob("*")] == ["a", "evil.zip"]
    with pytest.raises(StorageError, match=r"has no other\.csv inside"), open_member(path, "other.csv"):
        pass
    path.write_bytes(b"PK but cut off")
    with pytest.raises(DamagedFileError, match="fetch it again"), open_member(path, "good.csv"):
        pass
