"""The page: what it holds, how it is written, and what a browser makes of it."""

import base64
import html.parser
import json
import operator
import os
import shutil

import jax
import numpy as np
import optax
import pytest
from matplotlib.figure import Figure

from jaxrnn import cells, evaluation, metrics, networks, training
from jaxrnn.evaluation import _report
from jaxrnn.evaluation._parts import _numerals
from jaxrnn.evaluation._sweep_section import _row

NASTY = '<script>alert("1")</script> & \x00\x1b \ud800 é 漢'
HISTORY = [
    {"step": s, "train/loss": 2.0 / s, "validation/loss": 2.5 / s, "note": "x", "train/f1": 0.5}
    for s in range(1, 6)
]
SWEPT = training.Sweep(
    settings=({"learning_rate": 0.1},) * 2 + ({"learning_rate": 9.0},) * 2,
    seeds=np.array([0, 1, 0, 1]),
    steps=np.array([10, 20]),
    curves={"validation/loss": np.array([[2.0, 1.0], [2.0, 1.5], [2.0, 9.5], [np.nan] * 2])},
    diverged_at=np.array([-1, -1, -1, 7]),
)


def result():
    network = networks.stack(rnn=networks.Recurrent(cells.GRU(3, 8)), readout=networks.Dense(8, 2))
    state = training.TrainState(network.init(jax.random.key(0)), (), (), (), jax.random.key(1), 5)
    return network, training.Result(state, HISTORY, 5, state)


@pytest.fixture(scope="module")
def of_sweep():
    return evaluation.sweep_section(SWEPT)


@pytest.fixture(scope="module")
def page(tmp_path_factory, of_sweep):
    """A page with every kind of part, in a folder with an awkward name."""
    folder = tmp_path_factory.mktemp("a b#%?é")
    wide = [{"row": f"r{i}", **{f"column {j}": i * j / 7 for j in range(30)}} for i in range(3)]
    reliability = metrics.Reliability(*np.array([[3, 1], [0.4, 0.9], [0.5, 0.8], [0.2, 0.1]]))
    return evaluation.report(
        folder / "report.html",
        NASTY,
        evaluation.section(
            NASTY,
            evaluation.facts({"accuracy": 0.97321, NASTY: None, "sure": True}, large=True),
            evaluation.paragraph(NASTY),
            evaluation.table(wide, caption=NASTY),
        ),
        evaluation.training_section(*result()),
        evaluation.scores_section(
            {
                "accuracy": 0.9,
                "f1": evaluation.IntervalEstimate({"a": 0.5}, {"a": 0.4}, {"a": 0.6}, {"a": 0}),
            },
            confusion=[[5, 1], [2, 4]],
            classes=["observed", NASTY[:-4] + "$x"],
            reliability=reliability,
        ),
        of_sweep,
        evaluation.provenance_section({"seed": 0, "command": NASTY}),
        lead=NASTY,
        lang="de",
    )


class Outline(html.parser.HTMLParser):
    """The tags of a page with their attributes, and the texts of its cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def said(self, tag):
        return [
            text.strip()
            for (name, _), text in zip(self.tags, self.texts, strict=True)
            if name == tag
        ]


def test_all_text_is_text(page):
    outline = Outline(page.read_text("utf-8"))
    plain = '<script>alert("1")</script> & �� � é 漢'
    assert not outline.all("script")
    assert outline.said("h1") == [plain] == outline.said("title")
    assert plain in outline.said("caption") and plain in outline.said("dt")
    assert outline.all("html") == [{"lang": "de"}]


def test_headings_pictures_and_tables_can_be_read_aloud(page):
    outline = Outline(page.read_text("utf-8"))
    levels = [int(tag[1]) for tag, _ in outline.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels == [1, 2, 2, 2, 2, 2]
    pictures = outline.all("img")
    assert len(pictures) == 7 and all(len(image["alt"]) > 20 for image in pictures)
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in pictures)
    assert "train is 2 at step 1 and 0.4 at step 5" in pictures[0]["alt"]
    assert len(outline.all("caption")) == len(outline.all("table")) == 9
    assert all(cell["scope"] in ("col", "row") for cell in outline.all("th"))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} >= {link["href"] for link in outline.all("a")}


def test_a_sweep_is_told_setting_by_setting(of_sweep):
    rows = [line[:] for line in of_sweep.parts[1].element.iter("tr")]
    said = [["".join(cell.itertext()) for cell in row] for row in rows]
    assert said[0][:2] == ["learning_rate", "interquartile mean"]
    first, second = (dict(zip(said[0], line, strict=True)) for line in said[1:])
    assert [first[name] for name in ("learning_rate", "best", "worst")] == ["0.1", "1", "1.5"]
    assert float(first["interquartile mean"]) == 1.25
    assert [second[name] for name in ("median", "low", "diverged")] == ["9.5", "", "1"]
    row = _row({}, np.array([1.0, 1.5]), operator.gt)
    assert (row["best"], row["worst"], row["setting"]) == (1.5, 1.0, "as given")


@pytest.mark.parametrize(
    "numbers, said",
    [
        ([3, 12345678], ["3", "12345678"]),
        ([np.float32(0.1).item(), 3.0], ["0.1", "3"]),
        ([0.81234, 0.93], ["0.8123", "0.9300"]),
        ([300, 0.147123], ["300", "0.1471"]),
        ([1.23456e9, float("nan")], ["1.235e+09", "nan"]),
        ([0.0], ["0"]),
        ([1e-30, 1.234567], ["1e-30", "1.235"]),
    ],
)
def test_numbers_have_four_digits(numbers, said):
    assert _numerals(numbers) == said


def test_a_picture_of_many_points_is_painted():
    figure = Figure((3, 2))
    figure.subplots().plot(*np.random.default_rng(0).normal(size=(2, 20_000)), ",")
    image = evaluation.picture(figure, alt="Many points.").element.find(".//img")
    data = base64.b64decode(image.get("src").partition("base64,")[2])
    assert data.startswith(b"\x89PNG")


def test_letters_that_the_font_lacks_are_left_to_the_reader():
    for title, left in [("数字", True), ("digits", False)]:
        (figure := Figure()).subplots().set_title(title)
        image = evaluation.picture(figure, alt="A title.").element.find(".//img")
        data = base64.b64decode(image.get("src").partition("base64,")[2]).decode()
        assert (f">{title}</text>" in data) == left


def write(path, **given):
    return evaluation.report(path, "T", evaluation.section("S", evaluation.paragraph("x")), **given)


def test_a_report_that_is_stopped_leaves_the_old_one(tmp_path, monkeypatch):
    place = tmp_path / "report.html"
    place.write_text("old")
    for stop in (KeyboardInterrupt, MemoryError):

        def page(*args, stop=stop):
            raise stop

        monkeypatch.setattr(_report, "page", page)
        with pytest.raises(stop):
            write(place)
        assert place.read_text() == "old" and os.listdir(tmp_path) == ["report.html"]


def test_it_is_written_through_a_link_and_with_usual_rights(tmp_path):
    link = tmp_path / "latest.html"
    link.symlink_to(tmp_path / "real.html")
    assert write(link) == link and link.is_symlink()
    plain = tmp_path / "plain"
    plain.write_text("")
    assert (tmp_path / "real.html").stat().st_mode == plain.stat().st_mode
    assert write(str(tmp_path / ("n" * 250 + ".html"))).exists()


def test_a_place_that_cannot_be_written_is_refused_before_work(tmp_path):
    def work(*args):
        raise AssertionError("it has worked")

    trainer, given = training.Trainer(result()[0], work, optax.sgd(1.0)), result()[1]
    (tmp_path / "file").write_text("")
    for path, said in {
        tmp_path: "must be a file, got the folder",
        tmp_path / "none" / "r.html": "cannot write into the folder",
        tmp_path / "file" / "r.html": "cannot write into the folder",
    }.items():
        with pytest.raises(OSError, match=said):
            evaluation.report_training(path, trainer, given, test=[1])


@pytest.mark.parametrize(
    "call, kind, said",
    [
        (lambda: evaluation.picture(None, alt="a"), TypeError, "of matplotlib, got None"),
        (lambda: evaluation.picture(Figure().subplots(), alt="a"), TypeError, "axes.figure"),
        (lambda: evaluation.picture(Figure(), alt=" "), ValueError, "alt must be a text"),
        (lambda: evaluation.table([], caption="c"), ValueError, "no rows"),
        (lambda: evaluation.table([1], caption="c"), TypeError, "each row"),
        (lambda: evaluation.facts({}), ValueError, "there is none"),
        (lambda: evaluation.section("s"), ValueError, "has no part"),
        (lambda: evaluation.section("s", "text"), TypeError, "section: "),
        (lambda: evaluation.report("r.html", "t"), ValueError, "no section"),
        (lambda: write("r.html", lang="e n"), ValueError, "lang must be"),
        (lambda: write("https://a/b"), ValueError, "must be local"),
        (lambda: evaluation.scores_section({"a": 1}, confusion=[[1, 2]]), ValueError, "square"),
        (
            lambda: evaluation.scores_section({"a": 1}, confusion=[[1]], classes=["a", "b"]),
            ValueError,
            "must have 1 names",
        ),
        (
            lambda: evaluation.scores_section({"a": 1}, confusion=[[1, 0], [np.nan, 1]]),
            ValueError,
            r"counts, got nan at \[1, 0\]",
        ),
        (lambda: evaluation.scores_section({"a": 1}, confusion=np.ones((0, 0))), ValueError, "squ"),
        (
            lambda: evaluation.scores_section({"a": 1}, confusion=np.eye(2), classes=["a", "a"]),
            ValueError,
            "got 'a' twice",
        ),
        (lambda: evaluation.sweep_section(SWEPT, column="x"), ValueError, "no column 'x'"),
        (
            lambda: evaluation.training_section(result()[0], result()[1]._replace(history=[])),
            ValueError,
            "no history",
        ),
    ],
)
def test_bad_input_is_named(call, kind, said, tmp_path, monkeypatch, as_users_run_it):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=said):
        call()
    assert not os.listdir(tmp_path)


# --- in a browser -----------------------------------------------------------------------------

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"""

SHEET = 718  # A4 between usual margins, in pixels

LOOK = """
const outside = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll > *")
    && e.getBoundingClientRect().right > innerWidth + 1);
return {
    width: document.documentElement.scrollWidth,
    outside: outside.map(e => e.tagName + "." + e.className),
    images: [...document.images].map(i => i.complete && i.naturalWidth > 0 && i.alt.length > 0),
    smallest: Math.min(...[...document.querySelectorAll("td, th, p, dt, dd, figcaption")].map(
        e => parseFloat(getComputedStyle(e).fontSize))),
    flat: [...document.querySelectorAll("td, th")].filter(
        e => e.textContent.trim() && e.getBoundingClientRect().height < 12).length,
    page: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    paths = shutil.which("chromium") or shutil.which("chrome"), shutil.which("chromedriver")
    if None in paths:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(paths[1]))
    yield driver
    driver.quit()


def brightness(colour):
    red, green, blue = (int(part.strip("rgba() ")) for part in colour.split(",")[:3])
    return (299 * red + 587 * green + 114 * blue) / 255_000


@pytest.mark.slow
def test_a_browser_shows_all_of_it_and_asks_for_nothing_else(page, browser):
    for width, scheme in [(1200, "light"), (375, "light"), (375, "dark")]:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(page.as_uri())
        seen = browser.execute_script(LOOK)
        assert seen["width"] == width and not seen["outside"]
        assert len(seen["images"]) == 7 and all(seen["images"])
        assert seen["smallest"] >= 13 and not seen["flat"]
        contrast = brightness(seen["page"]) - brightness(seen["ink"])
        assert contrast > 0.7 if scheme == "light" else contrast < -0.7
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
        and event["params"]["documentURL"] == page.as_uri()  # not what the browser itself loads
    ]
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}


def test_it_prints(page, browser):
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [scheme]})
    size = {"width": SHEET, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    seen = browser.execute_script(LOOK)
    assert not seen["outside"] and all(seen["images"])
    assert brightness(seen["page"]) - brightness(seen["ink"]) > 0.7
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert base64.b64decode(printed).startswith(b"%PDF-")
