"""Items that go together and the map: side by side, common ones marked, and the same in every form."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from recae.insight.item_map import ItemMap
from recae.insight.neighbours import NamedItem
from recae.reports.html import write_html
from recae.reports.item_map import WIDTH, _drawing, _labels, _places, _radii, reading
from recae.reports.markdown import to_markdown
from recae.reports.restored import restored
from recae.reports.similar_items import silent, similar_context
from recae.reports.structured import to_json


def item(number: int, title: str | None = None) -> NamedItem:
    return NamedItem(f"i{number}", title or f"Film {number}", 100 - number)


def made_map(count=300, title="A film of some renown (1999)", groups=("Drama", "other")):
    return ItemMap(
        source="vectors",
        model="ease",
        catalogue=5_000,
        ids=tuple(f"i{n}" for n in range(count)),
        titles=tuple(f"{title} {n}" for n in range(count)),
        x=tuple((n * 0.61803) % 1 for n in range(count)),
        y=tuple((n * 0.41421) % 1 for n in range(count)),
        users=tuple(range(2 * count, count, -1)),
        group=tuple(n % len(groups) for n in range(count)),
        colour="genres",
        ordered=False,
        groups=groups,
        kept={"10 in 10": 0.5, "10 in 50": 0.8},
    )


@pytest.mark.parametrize(
    ("field", "values", "said"),
    [
        ("titles", ("a", "b"), "as many of titles"),
        ("x", (0.5,), "as many of x"),
        ("y", (0.1, 0.2, 1.5), "places outside"),
        ("x", (0.1, float("nan"), 0.5), "places outside"),
        ("users", (3, 2, 0), "impossible numbers of users"),
        ("users", (3, 2, 10**400), "impossible numbers of users"),
        ("group", (0, 1, 2), "does not name"),
        ("group", (0, -1, 1), "does not name"),
    ],
)
def test_a_map_of_impossible_values_is_none(field, values, said):
    sound = made_map(count=3)
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(sound, **{field: values})


@pytest.fixture
def shown(compared, run):
    near = {
        "ease": ((item(1), item(2)), (item(5), item(6))),
        "ials": ((item(2), item(3)), (item(7, "Film 5"), item(8))),
        "popularity": (),
    }
    runs = tuple(run(name, 0.1 * at, similar=found) for at, (name, found) in enumerate(near.items()))
    return compared(runs, asked=(item(0, "Asked & <b>"), item(9)), item_map=made_map())


def test_what_all_models_list_is_marked_by_id_not_by_title(shown):
    first, second = similar_context(shown)
    assert [found["name"] for found in first["lists"]] == ["ials", "ease"]
    assert [place for found in first["lists"] for place in found["places"]] == [
        ("Film 2", True),
        ("Film 3", False),
        ("Film 1", False),
        ("Film 2", True),
    ]
    assert not any(marked for found in second["lists"] for _, marked in found["places"])
    assert silent(shown) == ["popularity"]


def test_page_markdown_and_json_tell_the_same(shown, tmp_path):
    write_html(shown, tmp_path / "r.html")
    page, text = (tmp_path / "r.html").read_text(), to_markdown(shown)
    assert "Asked &amp; &lt;b&gt;" in page
    assert page.count("(listed by all models)") == 2
    assert page.count("<circle") >= 300
    for title in ("Items that go together", "A map of the items", "What users would see"):
        assert title in page
        assert f"## {title}" in text
    assert text.count("**Film 2**") == 2
    told = json.loads(json.dumps(to_json(shown), allow_nan=False))
    assert restored(ItemMap, told["item_map"]) == shown.item_map
    assert restored(tuple[NamedItem, ...], told["asked"]) == shown.asked


def test_a_full_map_stays_small_and_labels_do_not_overlap():
    found = made_map(2_000, title="A title of bearable length (1999)")
    assert len(_drawing(found, ["s1", "s0"]).encode()) < 400_000
    places, height = _places(found)
    named = _labels(found, places, _radii(found.users), height, 12.5, 36)
    assert len(named) == 36
    boxes = []
    for (x, y), anchor, text in named:
        wide = 0.56 * 12.5 * len(text)
        left = {"start": x, "end": x - wide, "middle": x - wide / 2}[anchor]
        assert left >= 0
        assert left + wide <= WIDTH
        boxes.append((left, y - 11, left + wide, y + 3))
    for at, one in enumerate(boxes):
        for other in boxes[:at]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_map_says_what_near_means_and_how_far_it_can_be_trusted():
    said = " ".join(reading(made_map(), "EASE"))
    assert "300 most popular of 5,000 items" in said
    assert "where EASE holds them to be alike" in said
    assert "80% are among the 50 dots" in said
    assert "17% if dots were scattered at random" in said
    assert "recommends the same things" in reading(dataclasses.replace(made_map(), source="lists"), "EASE")[0]
    assert "the same users have them" in reading(dataclasses.replace(made_map(), source="log", model=""), "")[0]


def test_every_dot_has_a_tip_and_the_drawing_has_words():
    drawing = _drawing(made_map(), ["s1", "s0"])
    assert len(re.findall(r"<circle[^>]*><title>[^<]+ users, (?:Drama|other)\)</title></circle>", drawing)) == 300
    assert re.search(r'<svg role="img" aria-label="Map of 300 items', drawing)
