"""Malformed inputs, one by one: what is wrong, how to make it, and what recae has to say about it.

Used by `bad_input_table.py`, which writes the table in the docs, and by the tests.
"""

from __future__ import annotations

import bz2
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
from bad_input_kit import Case, both, files, flipped, given, lines, parquet, text, zipped
from scipy import sparse

from recae.data.catalog import read_catalog
from recae.data.columns import ColumnChoice
from recae.data.histories import read_held_out, read_histories
from recae.data.id_lists import read_id_list
from recae.data.ids import IdIndex

GOOD = "user_id,item_id,rating\n1,10,4\n2,11,3.5\n"
MANY = "user_id,item_id\n" + "".join(f"{n},{n * n}\n" for n in range(20_000))
ITEMS = IdIndex.of([10, 11, 12])

FILES = [
    Case("the file is not there", given("absent.csv"), 5, ("absent.csv", "does not exist")),
    Case("an empty file", text(""), 3, ("log.csv", "empty")),
    Case("nothing but blank lines", text("\n\n  \n"), 3, ("log.csv", "empty")),
    Case("a header and nothing below", text("user_id,item_id\n"), 3, ("log.csv", "no rows")),
    Case("binary data in a .csv", text(b"\x00\x01\x02garbage\xff" * 9), 3, ("log.csv", "binary")),
    Case(
        "Latin-1 instead of UTF-8",
        text("user_id,item_id\n1,a\n2,caf\xe9\n".encode("latin-1")),
        3,
        ("log.csv, line 3", "0xE9", "iconv"),
    ),
    Case(
        "Latin-1 beyond the first megabyte",
        text(b"user_id,item_id\n" + b"1234567,7654321\n" * 70_000 + b"1,\xe9\n"),
        3,
        ("log.csv, line 70002", "0xE9", "iconv"),
    ),
    Case("UTF-16", text(GOOD.encode("utf-16")), 3, ("log.csv", "UTF-16", "iconv")),
    Case(
        "a gzip file that was cut off",
        text(gzip.compress(MANY.encode(), mtime=0)[:-2000], "log.csv.gz"),
        3,
        ("log.csv.gz", "cut off"),
    ),
    Case(
        "a bzip2 file that was cut off",
        text(bz2.compress(MANY.encode())[:-2000], "log.csv.bz2"),
        3,
        ("log.csv.bz2", "cut off"),
    ),
    Case(
        "a gzip file with a wrong byte",
        text(flipped(gzip.compress(MANY.encode(), mtime=0)), "log.csv.gz"),
        3,
        ("log.csv.gz", "damaged"),
    ),
    Case("a zip archive", text(zipped(GOOD), "log.zip"), 3, ("log.zip", "zip archive", "unpack")),
    Case("a .parquet that is text", text(GOOD, "log.parquet"), 3, ("log.parquet", "not a Parquet file")),
    Case(
        "a Parquet file that was cut off",
        parquet({"user_id": range(99), "item_id": range(99)}, keep=0.6),
        3,
        ("log.parquet", "cut off"),
    ),
    Case("a folder without data", files(_SUCCESS="", manifest__json="{}"), 3, ("logs", "no data files")),
    Case(
        "a folder of different tables",
        files(a__csv=GOOD, b__csv="item_id,title\n10,X\n"),
        3,
        ("logs/a.csv", "logs/b.csv", "different columns"),
    ),
    Case(
        "a folder of different types",
        files(a__jsonl='{"user_id": 1, "item_id": 2}\n', b__jsonl='{"user_id": "u1", "item_id": 2}\n'),
        3,
        ('"user_id" holds numbers in logs/a.jsonl and text in logs/b.jsonl',),
    ),
    Case("joined files of which one has ratings", both(GOOD, "user_id,item_id\n1,2\n"), 3, ("a.csv", "b.csv", "agree")),
]

LONG = [
    Case("a first line of more than a megabyte", text("u" * (1 << 20)), 3, ("log.csv, line 1", "longer")),
    Case("a line of more than eight megabytes", text(GOOD + "2," + "a" * (17 << 20)), 3, ("log.csv, line 4", "longer")),
    Case(
        "a MovieLens file with such a line",
        text("1::10::5\n" * 2 + "2" * (17 << 20) + "::7::3\n", "ratings.dat"),
        3,
        ("ratings.dat, line 3", "longer"),
    ),
    Case(
        "JSON lines with such a line",
        text('{"user_id": 1, "item_id": 2}\n\n{"user_id": "' + "i" * (9 << 20) + '"}\n', "log.jsonl"),
        3,
        ("log.jsonl, line 3", "longer"),
    ),
    Case(
        "a quote that is not closed for more than eight megabytes",
        text(GOOD + '2,"' + f"{'4,5,6,' * 999}\n" * (3 << 10)),
        3,
        ("log.csv, after line 3", "quote"),
    ),
    Case(
        "JSON lines with a first line of more than a megabyte",
        text('{"user_id": "' + "i" * (1 << 20) + '", "item_id": 2}\n', "log.jsonl"),
        3,
        ("log.jsonl, line 1", "longer"),
    ),
    Case(
        "more than 64 megabytes of empty lines",
        text(gzip.compress(GOOD.encode() + b"\n" * (96 << 20), 1), "log.csv.gz"),
        3,
        ("log.csv.gz", "empty lines"),
    ),
    Case("more than ten thousand columns", text(",".join(map(str, range(10_001)))), 3, ("log.csv", "10,001 columns")),
    Case(
        "a Parquet file of so many",
        parquet({f"c{n}": [1] for n in range(10_001)}),
        3,
        ("log.parquet", "10,001 columns"),
    ),
    Case(
        "JSON lines of so many",
        lines({f"c{n}": 1 for n in range(10_001)}),
        3,
        ("log.jsonl", "10,001 columns"),
    ),
    Case(
        "a Parquet file with an id that is not UTF-8",
        parquet({"user_id": pa.array([b"a\xff"]).view(pa.string()), "item_id": [1]}),
        3,
        ("log.parquet", "damaged"),
    ),
]
COLUMNS = [
    Case("a single column", text("user_id\n1\n2\n"), 3, ("log.csv", "only one column", "--delimiter")),
    Case("a delimiter that is not found out", text("user_id~item_id\n1~2\n"), 3, ("log.csv", "--delimiter")),
    Case("no user column", text("who,item_id\nx,10\n"), 3, ("log.csv", "no user column", "--user-col")),
    Case("no item column", text("user_id,thing\n1,x\n"), 3, ("log.csv", "no item column", "--item-col")),
    Case(
        "two columns that could be the item",
        text("user_id,artist_id,track_id\n1,2,3\n"),
        3,
        ("artist_id", "track_id", "--item-col"),
    ),
    Case(
        "a rating and a weight column",
        text("user_id,item_id,rating,plays\n1,2,3,4\n"),
        3,
        ("rating", "plays", "--weight-col"),
    ),
    Case(
        "a named column that is not there",
        text(GOOD),
        3,
        ("log.csv", '"item_ids"', 'Did you mean "item_id"?'),
        {"columns": ColumnChoice(item="item_ids")},
    ),
    Case(
        "one column for two roles",
        text(GOOD),
        3,
        ("log.csv", "at once"),
        {"columns": ColumnChoice(user="user_id", item="user_id")},
    ),
    Case(
        "one column for the rating and the time",
        text(GOOD),
        3,
        ("log.csv", "the rating and the time column at once"),
        {"columns": ColumnChoice(rating="rating", time="rating")},
    ),
    Case(
        "two columns of one name", text("user_id,item_id,item_id\n1,2,3\n"), 3, ("log.csv", "item_id", "more than one")
    ),
    Case(
        "a row with a field too many", text(GOOD + "3,12,4,5\n"), 3, ("log.csv, line 4", "4 fields", "3 are expected")
    ),
    Case(
        "a row with a field too few",
        text("user_id,item_id,rating\n1,10,5\n\n2,11\n3,12,4\n"),
        3,
        ("log.csv, line 4", "2 fields"),
    ),
    Case(
        "a MovieLens file with a broken line",
        text("1::10::5::978300760\n2::11\n3::12::4::978300761\n", "ratings.dat"),
        3,
        ("ratings.dat, line 2", "2 fields"),
    ),
    Case(
        "a quote that is never closed",
        text('user_id,item_id,rating\n1,"10,4\n2,11,3\n3,12,5\n'),
        3,
        ("log.csv, line 2",),
    ),
]

IDS = [
    Case("a user without id", text("user_id,item_id\n1,10\n,11\n"), 3, ("log.csv, line 3", "user_id", "missing")),
    Case("an item called NaN", text("user_id,item_id\n1,10\n2,nan\n"), 3, ("log.csv, line 3", "item_id", "missing")),
    Case("an id of spaces", text('user_id,item_id\n1,10\n2,"  "\n'), 3, ("log.csv, line 3", "item_id", "missing")),
    Case(
        "NaN among the ids of a DataFrame",
        given(pd.DataFrame({"user_id": [1, np.nan], "item_id": [1, 2]})),
        3,
        ("row 2", "user_id", "missing"),
    ),
    Case(
        "ids with fractions", given({"user_id": [1.0, 1.5], "item_id": [1, 2]}), 3, ("row 2", "1.5", "cannot be an id")
    ),
    Case(
        "an id of more than 64 bits",
        given({"user_id": [1, 2**70], "item_id": [1, 2]}),
        3,
        ("row 2", "64 bits", "as text"),
    ),
    Case(
        "numbers and text mixed in one column",
        given({"user_id": [1, "a"], "item_id": [1, 2]}),
        3,
        ("user_id", "another type", "row 2"),
    ),
    Case(
        "lists as ids",
        parquet({"user_id": [[1], [2]], "item_id": [1, 2]}),
        3,
        ("log.parquet", "user_id", "cannot be ids"),
    ),
    Case(
        "a JSON id that changes its type",
        lines({"user": 1, "item": 2}, {"user": "x", "item": 3}),
        3,
        ("log.jsonl, line 2", '"user"', "another type"),
    ),
    Case(
        "a JSON line without a user",
        lines({"user": 1, "item": 2}, {"item": 3}),
        3,
        ("log.jsonl, line 2", "user", "missing"),
    ),
]

VALUES = [
    Case("a rating of text", text(GOOD + "3,12,good\n"), 3, ("log.csv, line 4", "rating", '"good" is not a number')),
    Case("a decimal comma", text('user_id;item_id;rating\n1;10;4\n2;11;"3,5"\n'), 3, ("log.csv, line 3", '"3,5"')),
    Case("a missing rating", text(GOOD + "3,12,\n"), 3, ("log.csv, line 4", "rating", "missing")),
    Case("an infinite rating", text(GOOD + "3,12,inf\n"), 3, ("log.csv, line 4", "rating", "not a finite number")),
    Case(
        "a rating of NaN",
        parquet({"user_id": [1, 2], "item_id": [1, 2], "rating": [4.0, float("nan")]}),
        3,
        ("log.parquet, row 2", "rating"),
    ),
    Case("a rating too large for 32 bits", text(GOOD + "3,12,1e39\n"), 3, ("log.csv, line 4", "too large")),
    Case("a weight of 0", text("user_id,item_id,plays\n1,10,3\n2,11,0\n"), 3, ("log.csv, line 3", "plays", "above 0")),
    Case(
        "a date that does not exist",
        text("user_id,item_id,date\n1,10,2021-02-28\n2,11,2021-02-30\n"),
        3,
        ("log.csv, line 3", "date", "2021-02-30"),
    ),
    Case(
        "a date in words",
        text("user_id,item_id,date\n1,10,2021-02-28\n2,11,yesterday\n"),
        3,
        ("log.csv, line 3", "yesterday"),
    ),
    Case(
        "seconds and milliseconds mixed",
        text("user_id,item_id,timestamp\n1,10,978300760\n2,11,978300760000\n"),
        3,
        ("log.csv", "timestamp", "mixes"),
    ),
    Case("a line that is not JSON", lines({"user": 1, "item": 2}, "{user: 2}"), 3, ("log.jsonl, line 2", "not JSON")),
    Case(
        "one JSON array instead of lines",
        text('[{"user": 1, "item": 2}]', "log.json"),
        3,
        ("log.json", "one JSON object per line"),
    ),
    Case(
        "nothing but bad rows, to be dropped",
        text("user_id,item_id,rating\n1,10,x\n,11,3\n"),
        3,
        ("log.csv", "no row"),
        {"on_bad": "drop"},
    ),
    Case(
        "columns of different lengths", given({"user_id": [1, 2], "item_id": [1]}), 3, ("user_id", "different lengths")
    ),
    Case("a single value for a column", given({"user_id": 1, "item_id": 2}), 3, ("user_id", "list of values")),
    Case("a table without columns", given(pd.DataFrame()), 3, ("no columns",)),
    Case("a table without rows", given(pd.DataFrame({"user_id": [], "item_id": []})), 3, ("table", "no rows")),
    Case("a matrix with NaN", given(sparse.csr_array(np.array([[1.0, np.nan]]))), 3, ("row 0, column 1", "finite")),
    Case("something that is no log at all", given(42), 2, ("int", "path")),
]

REQUESTS = [
    Case("no rating reaches the minimum", text(GOOD), 3, ("rating of 5", "highest is 4"), {"min_rating": 5}),
    Case(
        "a minimum rating without ratings",
        text("user_id,item_id\n1,2\n"),
        3,
        ("rating column", "--rating-col"),
        {"min_rating": 4},
    ),
    Case(
        "a repeated pair where that is an error",
        text(GOOD + "1,10,2\n"),
        3,
        ("log.csv, line 4", "log.csv, line 2", "--dedupe"),
        {"dedupe": "error"},
    ),
    Case("a rule for repeated pairs that does not exist", text(GOOD), 2, ("newest", "last"), {"dedupe": "newest"}),
    Case(
        "histories without the ratings that the model needs",
        text("user_id,item_id\n1,10\n"),
        3,
        ("ratings", "--rating-col"),
        {"items": ITEMS, "needs_ratings": True},
        lambda path, **options: read_histories([path], **options),
    ),
    Case(
        "every target in the history already",
        text(GOOD),
        3,
        ("No target is left",),
        {"items": ITEMS},
        lambda path, **options: read_held_out([path], [path], **options),
    ),
    Case(
        "a list of items with an empty line in quotes",
        text('item_id\n10\n""\n', "allow.csv"),
        3,
        ("allow.csv, line 3", "missing"),
        {"prefer": "item"},
        read_id_list,
    ),
    Case(
        "a list with several columns, none of them known",
        text("a,b\nx,y\n", "allow.csv"),
        3,
        ("allow.csv", "no item column"),
        {"prefer": "item"},
        read_id_list,
    ),
    Case(
        "a catalogue without ids",
        text("title,year\nHeat,1995\n", "items.csv"),
        3,
        ("items.csv", "no item column"),
        {},
        read_catalog,
    ),
]

GROUPS = {
    "Files": FILES,
    "Columns and rows": COLUMNS,
    "Ids": IDS,
    "Values and times": VALUES,
    "Sizes that nothing sound has": LONG,
    "What was asked for": REQUESTS,
}
