"""Public data sets by name: where they lie, what their publishers allow, and how their files are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["table", "lists", "counted lists", "netflix"]


@dataclass(frozen=True)
class Download:
    """One file to fetch."""

    address: str
    size: int | None = None
    """Bytes, where known."""
    checksum: str | None = None
    """"md5:..." or "sha256:..."; None where the publisher gives none and no independent one is known."""

    @property
    def file(self) -> str:
        """The name of the file, the last part of the address."""
        return self.address.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Content:
    """One table inside a downloaded file, and how it is written there."""

    member: str
    """The path inside the archive; the name of the download itself where it is no archive."""
    becomes: str = "interactions.parquet"
    layout: Layout = "table"
    """"table": rows of fields. "lists": a user and then the items, line by line. "counted lists": the number of items
    and then the items; the user is the number of the line, from 0. "netflix": one file of ratings per film."""
    delimiter: str = ","
    header: str | None = None
    """The column names where the file does not have them, written with its delimiter."""
    encoding: str = "utf-8"
    columns: tuple[str, ...] = ()
    """Of an item table: those to keep. Empty keeps all."""
    quoted: bool = True


@dataclass(frozen=True)
class PublicData:
    """One data set that `fetch` knows."""

    title: str
    shape: str
    """Users, items and interactions as its publishers count them."""
    licence: str
    page: str
    """Where its publishers describe it and state their terms."""
    downloads: tuple[Download, ...]
    tables: tuple[Content, ...]
    items: Content | None = None
    readme: str | None = None
    """The member of the archive with the terms of use."""
    note: str = ""


_GROUPLENS = (
    "Research use; no redistribution and no commercial use without permission of the GroupLens group, University of "
    "Minnesota. Cite F. M. Harper and J. A. Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015."
)
_GENRES = (
    "unknown|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir|Horror|Musical|"
    "Mystery|Romance|Sci-Fi|Thriller|War|Western"
)
_ML = "https://files.grouplens.org/datasets/movielens/"
_LIGHTGCN = "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/master/data/"
_GOODBOOKS = "https://raw.githubusercontent.com/zygmuntz/goodbooks-10k/master/"
_NO_CHECKSUM = "The publisher gives no checksum: only that the file is complete can be verified."


def _movielens_csv(name: str, shape: str, size: int | None, md5: str | None, note: str = "") -> PublicData:
    return PublicData(
        title=f"MovieLens {name.removeprefix('ml-')}",
        shape=shape,
        licence=_GROUPLENS,
        page="https://grouplens.org/datasets/movielens/",
        downloads=(Download(f"{_ML}{name}.zip", size, f"md5:{md5}" if md5 else None),),
        tables=(Content(f"{name}/ratings.csv"),),
        items=Content(f"{name}/movies.csv", "items.parquet"),
        readme=f"{name}/README.txt",
        note=note,
    )


def _movielens_dat(name: str, folder: str, shape: str, download: Download, encoding: str, readme: str) -> PublicData:
    return PublicData(
        title=f"MovieLens {name.removeprefix('ml-')}",
        shape=shape,
        licence=_GROUPLENS,
        page="https://grouplens.org/datasets/movielens/",
        downloads=(download,),
        tables=(Content(f"{folder}/ratings.dat", delimiter="::", header="user_id::item_id::rating::timestamp"),),
        items=Content(
            f"{folder}/movies.dat",
            "items.parquet",
            delimiter="::",
            header="item_id::title::genres",
            encoding=encoding,
            quoted=False,
        ),
        readme=f"{folder}/{readme}",
    )


def _lightgcn(name: str, title: str, shape: str, licence: str) -> PublicData:
    return PublicData(
        title=title,
        shape=shape,
        licence=licence,
        page="https://github.com/gusye1234/LightGCN-PyTorch",
        downloads=tuple(Download(f"{_LIGHTGCN}{name}/{part}.txt") for part in ("train", "test")),
        tables=tuple(Content(f"{part}.txt", f"{part}.parquet", "lists", " ") for part in ("train", "test")),
        note=f"Comes split: train and test are those of the LightGCN authors. {_NO_CHECKSUM}",
    )


KNOWN: dict[str, PublicData] = {
    "ml-100k": PublicData(
        title="MovieLens 100k",
        shape="943 users, 1,682 items, 100,000 ratings from 1 to 5",
        licence=_GROUPLENS,
        page="https://grouplens.org/datasets/movielens/100k/",
        downloads=(Download(f"{_ML}ml-100k.zip", 4_924_029, "md5:0e33842e24a9c977be4e0107933c0723"),),
        tables=(Content("ml-100k/u.data", delimiter="\t", header="user_id\titem_id\trating\ttimestamp"),),
        items=Content(
            "ml-100k/u.item",
            "items.parquet",
            delimiter="|",
            header=f"item_id|title|released|video_released|address|{_GENRES}",
            encoding="latin-1",
            columns=("item_id", "title", "released", *_GENRES.split("|")),
            quoted=False,
        ),
        readme="ml-100k/README",
    ),
    "ml-1m": _movielens_dat(
        "ml-1m",
        "ml-1m",
        "6,040 users, 3,706 items, 1,000,209 ratings from 1 to 5",
        Download(f"{_ML}ml-1m.zip", 5_917_549, "md5:c4d9eecfca2ab87c1945afe126590906"),
        "latin-1",
        "README",
    ),
    "ml-10m": _movielens_dat(
        "ml-10m",
        "ml-10M100K",
        "71,567 users, 10,681 items, 10,000,054 ratings from 0.5 to 5",
        Download(f"{_ML}ml-10m.zip", 65_566_137, "md5:ce571fd55effeba0271552578f2648bd"),
        "utf-8",
        "README.html",
    ),
    "ml-20m": _movielens_csv(
        "ml-20m",
        "138,493 users, 26,744 items, 20,000,263 ratings from 0.5 to 5",
        198_702_078,
        "cd245b17a1ae2cc31bb14903e1204af3",
    ),
    "ml-25m": _movielens_csv(
        "ml-25m",
        "162,541 users, 59,047 items, 25,000,095 ratings from 0.5 to 5",
        261_978_986,
        "6b51fb2759a8657d3bfcbfc42b592ada",
    ),
    "ml-32m": _movielens_csv(
        "ml-32m",
        "200,948 users, 84,432 items, 32,000,204 ratings from 0.5 to 5",
        238_950_008,
        "d472be332d4daa821edc399621853b57",
    ),
    "ml-latest-small": _movielens_csv(
        "ml-latest-small",
        "610 users, 9,724 items, 100,836 ratings from 0.5 to 5",
        None,
        None,
        "Its publishers change it over time, so it has no fixed checksum and is not for published results.",
    ),
    "netflix": PublicData(
        title="Netflix Prize",
        shape="480,189 users, 17,770 items, 100,480,507 ratings from 1 to 5",
        licence="Research use under the terms of the Netflix Prize; no redistribution, no commercial use.",
        page="https://archive.org/details/nf_prize_dataset.tar",
        downloads=(Download("https://archive.org/download/nf_prize_dataset.tar/nf_prize_dataset.tar.gz"),),
        tables=(Content("training_set.tar", layout="netflix"),),
        items=Content(
            "movie_titles.txt",
            "items.parquet",
            header="item_id,year,title",
            encoding="latin-1",
            quoted=False,
        ),
        readme="README",
        note=_NO_CHECKSUM,
    ),
    "msd": PublicData(
        title="Million Song Dataset, Echo Nest Taste Profile",
        shape="1,019,318 users, 384,546 songs, 48,373,586 play counts",
        licence="Non-commercial research. Cite T. Bertin-Mahieux et al., The Million Song Dataset, ISMIR 2011.",
        page="http://millionsongdataset.com/tasteprofile/",
        downloads=(Download("http://millionsongdataset.com/sites/default/files/challenge/train_triplets.txt.zip"),),
        tables=(Content("train_triplets.txt", delimiter="\t", header="user_id\titem_id\tplays", quoted=False),),
        note=_NO_CHECKSUM,
    ),
    "gowalla": _lightgcn(
        "gowalla",
        "Gowalla check-ins, 10-core",
        "29,858 users, 40,981 items, 1,027,370 interactions",
        "Research use. Check-ins from SNAP (Cho et al., KDD 2011), prepared by the NGCF and LightGCN authors.",
    ),
    "yelp2018": _lightgcn(
        "yelp2018",
        "Yelp 2018, 10-core",
        "31,668 users, 38,048 items, 1,561,406 interactions",
        "Academic use under the Yelp Dataset Terms of Use; prepared by the NGCF and LightGCN authors.",
    ),
    "amazon-book": _lightgcn(
        "amazon-book",
        "Amazon books, 10-core",
        "52,643 users, 91,599 items, 2,984,108 interactions",
        "Research use. Reviews collected by R. He and J. McAuley, WWW 2016; prepared by the NGCF and LightGCN authors.",
    ),
    "goodbooks-10k": PublicData(
        title="goodbooks-10k",
        shape="53,424 users, 10,000 books, 5,976,479 ratings from 1 to 5",
        licence="Creative Commons Attribution-ShareAlike 4.0. Collected by Z. Zajac, 2017.",
        page="https://github.com/zygmuntz/goodbooks-10k",
        downloads=(Download(f"{_GOODBOOKS}ratings.csv"), Download(f"{_GOODBOOKS}books.csv")),
        tables=(Content("ratings.csv"),),
        items=Content(
            "books.csv",
            "items.parquet",
            columns=("book_id", "title", "authors", "original_publication_year", "language_code"),
        ),
        note=_NO_CHECKSUM,
    ),
    "book-crossing": PublicData(
        title="Book-Crossing",
        shape="278,858 users, 271,379 books, 1,149,780 ratings from 1 to 10, 0 where there is none",
        licence="Research use with acknowledgement. C.-N. Ziegler et al., Improving Recommendation Lists, WWW 2005.",
        page="http://www2.informatik.uni-freiburg.de/~cziegler/BX/",
        downloads=(Download("http://www2.informatik.uni-freiburg.de/~cziegler/BX/BX-CSV-Dump.zip"),),
        tables=(Content("BX-Book-Ratings.csv", delimiter=";", encoding="latin-1"),),
        items=Content(
            "BX-Books.csv",
            "items.parquet",
            delimiter=";",
            encoding="latin-1",
            columns=("ISBN", "Book-Title", "Book-Author", "Year-Of-Publication", "Publisher"),
        ),
        note=f"A rating of 0 stands for an interaction without rating. {_NO_CHECKSUM}",
    ),
    "lastfm": PublicData(
        title="Last.fm, HetRec 2011",
        shape="1,892 users, 17,632 artists, 92,834 listening counts",
        licence="Non-commercial use. I. Cantador, P. Brusilovsky, T. Kuflik, HetRec workshop, RecSys 2011.",
        page="https://grouplens.org/datasets/hetrec-2011/",
        downloads=(
            Download(
                "https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
                None,
                "sha256:6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c",
            ),
        ),
        tables=(Content("user_artists.dat", delimiter="\t", quoted=False),),
        items=Content("artists.dat", "items.parquet", delimiter="\t", columns=("id", "name", "url"), quoted=False),
        readme="readme.txt",
        note="The checksum is what several users of the file measured; the publisher gives none.",
    ),
    "citeulike-a": PublicData(
        title="CiteULike-a",
        shape="5,551 users, 16,980 articles, 204,986 interactions",
        licence="Research use. H. Wang, B. Chen, W.-J. Li, Collaborative Topic Regression, IJCAI 2013.",
        page="https://github.com/js05212/citeulike-a",
        downloads=(Download("https://raw.githubusercontent.com/js05212/citeulike-a/master/users.dat"),),
        tables=(Content("users.dat", layout="counted lists", delimiter=" "),),
        note=_NO_CHECKSUM,
    ),
}
"""Every set by its name."""
