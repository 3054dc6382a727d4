"""The page: complete in itself, safe with hostile text, and opened in a real browser where there is one."""

from __future__ import annotations

import builtins
import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from recae.data.ids import IdIndex
from recae.errors import ConfigError
from recae.evaluation.result import Evaluation
from recae.reports.comparison import ExampleUser, Trial
from recae.reports.evaluation import write_evaluation_html
from recae.reports.html import write_html
from recae.reports.text import LONGEST

SCRIPT = "<script>document.title='owned'</script>"
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror="document.title=\'owned\'">',
    "</style><h1>owned</h1>",
    "{{ 7 * 7 }} {% raw %}",
    "</svg></title>'\"&amp;",
    "\u202eאבג\u2066 right to left",
    "nul\x00 bell\x07 line\nbreak",
    "W" * 5_000,
)
VOID = {"meta", "link", "br", "img", "input", "hr", "wbr"}


class Outline(HTMLParser):
    """Checks that tags are nested and closed, and collects what a test wants to see."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def written(comparison, folder) -> str:
    write_html(comparison, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(comparison, tmp_path_factory) -> str:
    return written(comparison, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def hostile_comparison(compared, run):
    runs = (
        run("ease", 0.2, title=SCRIPT, trials=(Trial({SCRIPT: SCRIPT}, 0.2, 1.0),), config={SCRIPT: SCRIPT}),
        run(SCRIPT, 0.1, title=HOSTILE[1]),
        run("popularity", 0.0),
        run("mult-vae", 0.05, title=HOSTILE[4]),
    )
    lists = {one.name: tuple((title, i % 2 == 0) for i, title in enumerate(HOSTILE)) for one in runs}
    examples = tuple(ExampleUser(user, HOSTILE, HOSTILE, lists) for user in HOSTILE)
    facts = {text: text for text in HOSTILE} | {"command": SCRIPT, "configuration": {SCRIPT: [SCRIPT]}}
    data = {"users": 3, "source": SCRIPT, SCRIPT: SCRIPT, "left_out": {SCRIPT: 3}}
    split = {"spec": SCRIPT, "notes": {SCRIPT: 1}, "parts": {SCRIPT: {"users": 3}}}
    return compared(runs, examples=examples, facts=facts, data=data, split=split, selected_on=SCRIPT)


def test_the_page_is_well_formed_with_headings_in_order(page):
    tags = [tag for tag, _ in outline(page).tags]
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_every_hit_is_among_the_hidden_and_the_rest_is_counted(compared, tmp_path):
    targets = tuple(f"Film {i:02d}" for i in range(40))
    lists = {
        "ease": ((targets[39], True), ("Other", False)),
        "popularity": tuple((title, True) for title in targets[20:32]),
    }
    user = ExampleUser("u1", ("Seen",), targets, lists)
    few = ExampleUser("u2", ("Seen",), targets[:3], {"ease": (("Other", False),)})

    found = written(compared(examples=(user, few)), tmp_path)

    first, second = re.findall(r"<h4>Hidden, to be found</h4><p>(.*?)</p>", found)
    shown = re.findall(r"<bdi>(.*?)</bdi>", first)
    assert shown == [*targets[20:32], targets[39]]
    assert "and 27 more" in first
    assert re.findall(r"<bdi>(.*?)</bdi>", second) == list(targets[:3])
    assert "more" not in second


def test_the_page_says_beside_the_verdict_that_nothing_was_tuned(page, compared, run, tmp_path):
    found = written(compared((run("ials", 0.2), run("popularity", 0.0))), tmp_path)

    assert re.search(r"</h1>\s*<p class=\"caution\">Default settings: nothing was tuned on validation data.</p>", found)
    assert '<p class="caution">' not in page


def test_the_sticky_column_takes_its_rules_along(page):
    # Collapsed borders belong to the table and stay behind when a cell sticks.
    assert "position: sticky; left: 0; z-index: 1;" in page  # above the bars, which are positioned too
    assert "border-collapse: collapse" not in page


def test_it_says_what_was_found(page, comparison):
    text = " ".join(outline(page).text)
    ease = comparison.leaderboard()[0]

    assert "EASE ranks best" in text
    assert f"{ease.means['ndcg@10']:.4f}" in text
    low, high = ease.intervals["ndcg@10"]
    assert f"{low:.4f} \N{EN DASH} {high:.4f}" in text
    for words in ("The Quiet Letter", "Neon Alley", "user-holdout:valid=0.1,test=0.2", "recae compare data", "2.0.0"):
        assert words in text


def test_every_figure_has_words_for_who_cannot_see_it(page):
    drawings = [attrs for tag, attrs in outline(page).tags if tag == "svg"]

    # intervals, cost, recall by length, distribution, long tail, one learning curve
    assert len(drawings) == 6
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in drawings)


def test_the_chosen_setting_is_marked(page):
    (chosen,) = re.findall(r'<tr class="chosen">(.*?)</tr>', page)

    assert "500" in chosen
    assert "0.2500" in chosen


def test_hits_are_marked_also_for_who_sees_no_colour(page):
    assert page.count('<li class="hit">') == 4
    assert page.count("(hit)") == 4


def test_light_dark_phone_and_paper_are_provided_for(page):
    for rule in ("prefers-color-scheme: dark", "max-width: 640px", "@media print", "width=device-width"):
        assert rule in page


def test_nothing_is_loaded_from_elsewhere(page):
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    assert not any({"src", "href"} & attrs.keys() for tag, attrs in outline(page).tags if tag != "a")
    assert all(attrs["href"].startswith("#") for tag, attrs in outline(page).tags if tag == "a")


def test_the_same_comparison_gives_the_same_bytes(comparison, page, tmp_path):
    assert written(comparison, tmp_path) == page


def test_the_page_stays_small(compared, run, tmp_path):
    many = tuple(run(f"model-{i}", i / 50) for i in range(10))
    user = ExampleUser("u", ("t" * 80,) * 20, ("t" * 80,) * 20, {one.name: (("t" * 80, False),) * 20 for one in many})

    assert len(written(compared(many, examples=(user,) * 50), tmp_path)) < 1_000_000


def test_hostile_text_stays_text(hostile_comparison, tmp_path):
    page = written(hostile_comparison, tmp_path)
    parsed = outline(page)

    assert page.count("<script>") == 1
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert "img" not in {tag for tag, _ in parsed.tags}
    assert not any(name.startswith("on") for _, attrs in parsed.tags for name in attrs)
    assert [tag for tag, _ in parsed.tags].count("style") == 1
    assert "{{ 7 * 7 }} {% raw %}" in " ".join(parsed.text)
    assert "\x00" not in page
    assert "\x07" not in page
    assert "W" * (LONGEST + 1) not in page


def test_only_the_page_s_own_script_may_run(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)

    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", policy[1])


def test_a_comparison_with_next_to_nothing_in_it(compared, run, tmp_path):
    single = np.zeros(1)
    alone = Evaluation(IdIndex.range(1), {"ndcg@10": single, "recall@20": single}, {"coverage@10": 0.0})
    runs = (run("ease", 0.0, evaluation=alone, trials=(), fit_seconds=0.0, users_per_second=0.0, size_bytes=0),)
    empty = compared(runs, data={}, split={}, facts={}, examples=(), popularity_curve=())

    text = " ".join(outline(written(empty, tmp_path)).text)

    assert "EASE was judged alone." in text


def test_a_setting_that_is_not_told_is_not_made_up_from_the_chosen_one(compared, run, tmp_path):
    tried = (Trial({}, 0.2, 1.0), Trial({"l2": 500.0}, 0.3, 1.0))
    page = written(compared((run("ease", 0.2, trials=tried), run("ials", 0.1))), tmp_path)

    first, second = re.findall(r"<tr[^>]*>(<td>.*?)</tr>", page.partition("Settings tried for ease")[2], re.S)[:2]
    assert first.startswith("<td>default</td>")
    assert second.startswith("<td>500</td>")


def test_a_lead_that_is_not_clear_is_not_told_as_a_gain(compared, run, tmp_path):
    page = written(compared((run("ease", 0.2), run("ials", 0.1999), run("popularity", 0.0))), tmp_path)

    assert "<dt>against iALS, not clearly</dt>" in page
    assert "<dt>against popularity</dt>" in page


def test_one_evaluation_as_a_page(comparison, tmp_path):
    facts = {"what": SCRIPT, "users": 200, "command": "recae evaluate m", "configuration": {"job": "evaluate"}}
    write_evaluation_html(comparison.runs[1].evaluation, facts, tmp_path / "one.html")
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    text = " ".join(outline(page).text)

    assert f"NDCG@10 {comparison.runs[1].means['ndcg@10']:.4f} on 200 users" in text
    for label in ("Recall@20", "Recall@50", "Coverage@10", "recae evaluate m"):
        assert label in text
    assert page.count("<script>") == 1
    assert not re.search(r"https?:", page)


def test_an_evaluation_of_ratings_only(tmp_path):
    write_evaluation_html(Evaluation(IdIndex.range(3), {}, {"rmse": 0.91}), {}, tmp_path / "one.html")

    assert "RMSE 0.9100 on 3 users" in (tmp_path / "one.html").read_text(encoding="utf-8")


def test_without_the_extra_the_line_to_type_is_named(comparison, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] in ("jinja2", "markupsafe"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'recae\[report\]'"):
        write_html(comparison, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_a_browser_opens_it_without_a_complaint(kind, comparison, hostile_comparison, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine to open the page with")
    write_html(comparison if kind == "plain" else hostile_comparison, tmp_path / "report.html")

    seen = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert b"CONSOLE" not in seen.stderr
    dom = seen.stdout.decode("utf-8")
    assert "<title>owned</title>" not in dom
    assert dom.count("<svg") >= 6
