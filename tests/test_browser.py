"""A sweep in MLflow's UI and its report, as a person sees them in a real browser."""

import io
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from PIL import Image, ImageStat

from src.compare import write
from src.folders import ROOT
from tests.compare.records import arms, compare_runs

pytestmark = pytest.mark.slow

DEADLINE = 90  # seconds after which something that should have come will not


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(DEADLINE * 1000)
    return page


@pytest.fixture
def ui(fresh_workplace) -> Iterator[str]:
    """The address of MLflow's UI on the workplace's database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", fresh_workplace.uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (fresh_workplace.folder / "ui.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait()


def test_the_ui_shows_a_sweeps_report_and_its_jobs_below_it(page, fresh_workplace, ui):
    swept = fresh_workplace.train(
        "data=mnist_5k", "data.n=400", "epochs=2", "figures=false",
        "activation=sigmoid,relu", "seed=0,1", "-m",
    )  # fmt: skip
    assert swept.returncode == 0, swept.stderr
    runs = fresh_workplace.runs()
    (parent,) = [run for run in runs if run.data.tags.get("kind") == "sweep"]
    experiment = f"{ui}/#/experiments/{parent.info.experiment_id}/runs"

    page.goto(f"{experiment}/{parent.info.run_id}/artifacts/comparison/report.html")
    report = page.frame_locator("iframe").locator("body")
    report.get_by_text(parent.data.tags["comparison.verdict"]).first.wait_for()
    report.get_by_role("cell", name="activation=relu").first.wait_for()

    (told,) = re.findall(r"at http://127.0.0.1:5000(/#/\S+)$", swept.stderr, re.MULTILINE)
    page.goto(f"{ui}{told}")
    row = page.get_by_role("row").filter(has_text=parent.info.run_name[:20])
    row.get_by_role("button").first.click()
    for activation in ("sigmoid", "relu"):
        page.get_by_text(f"activation={activation} seed=0").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_wider_than_the_window_has_a_shade_where_it_goes_on(scheme, page, tmp_path):
    errors = [0.03 + seed / 1000 for seed in range(6)]
    write(compare_runs(arms(relu=errors, sigmoid=errors)), tmp_path, {})
    size = page.viewport_size
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 1000})
    page.goto((tmp_path / "report.html").as_uri())
    table = page.locator(".scroll").last
    cut_off = _edge(page, table)
    table.evaluate("element => element.scrollLeft = element.scrollWidth")
    at_its_end = _edge(page, table)
    page.set_viewport_size(size)
    whole = _edge(page, table)
    assert abs(cut_off[0] - cut_off[1]) > 30
    assert max(abs(inside - paper) for inside, paper in (at_its_end, whole)) < 3


def _edge(page, table) -> tuple[float, float]:
    """Return the brightness, 0 to 255, just inside the table's upper right corner and outside."""
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    right, middle = box["x"] + box["width"], box["y"] + 3
    strips = [{"x": x, "y": middle, "width": 2, "height": 4} for x in (right - 2, right + 4)]
    shots = [Image.open(io.BytesIO(page.screenshot(clip=strip))) for strip in strips]
    return tuple(ImageStat.Stat(shot.convert("L")).mean[0] for shot in shots)


def _wait_for(address: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health"):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    pytest.fail("MLflow's UI did not start")
