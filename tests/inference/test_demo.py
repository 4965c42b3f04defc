"""`python -m src.demo` in a real browser: strokes are drawn, and the models say what they are."""

import base64
import io
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from src.demo import main
from src.errors import InputError
from src.folders import ROOT
from src.inference.fitting import fit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """A classifier of digits by linear regression on one-hot labels, (X'X + λI)⁻¹X'Y."""
    from src.data import mnist_5k

    train = mnist_5k.load(n=None, target="digit", val_fraction=0.25, split_seed=0).train
    x = train.inputs[train.rows].reshape(len(train), -1).double() / 255
    y = torch.nn.functional.one_hot(train.labels[train.rows], 10).double()
    x1 = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    solved = torch.linalg.solve(x1.T @ x1 + 30 * torch.eye(785, dtype=torch.float64), x1.T @ y)
    return {"1.weight": 10 * solved[:-1].T.float(), "1.bias": 10 * solved[-1].float()}


@pytest.fixture(scope="module")
def address(runs, state) -> Iterator[str]:
    """The page of two models: the one that learned, and one that did not."""
    learned = runs.job(("model=softmax", "seed=0"), state=state)
    ignorant = runs.job(("model=mlp", "seed=0"))
    words = [f"run={learned}", f"run={ignorant}", "port=0", *runs.words]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "src.demo", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
    try:
        told = server.stdout.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+", told)[0]
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate()
        assert "Traceback" not in errors


@pytest.fixture
def page(browser, address) -> Iterator:
    context = browser.new_context(has_touch=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.set_default_timeout(90_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda each: wrong.append(each.url) if address not in each.url else None)
    page.goto(address)
    yield page
    context.close()
    assert [each for each in wrong if not each.startswith(("data:", "blob:"))] == []


SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
NOTHING = "\N{EN DASH}"
ONE = [(0.52, 0.2), (0.48, 0.8)]


def draw(page, points) -> None:
    box = page.locator("#sheet").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def says(page, digit: str) -> None:
    page.locator(".model").first.locator(".says b").get_by_text(digit, exact=True).wait_for()


def test_a_digit_drawn_with_the_mouse_is_recognised_live(page):
    draw(page, SEVEN)
    says(page, "7")
    page.get_by_role("button", name="Clear").click()
    says(page, NOTHING)
    draw(page, ONE)
    says(page, "1")


def test_what_is_shown_is_what_the_models_say_of_the_drawing(page, state):
    draw(page, SEVEN)
    says(page, "7")
    page.get_by_role("status").get_by_text("model=softmax").wait_for(state="attached")  # at rest
    drawing = page.evaluate("document.getElementById('sheet').toDataURL('image/png')")
    with Image.open(io.BytesIO(base64.b64decode(drawing.partition(",")[2]))) as picture:
        x = fit(picture, (1, 28, 28)).reshape(-1) / 255
    logits = state["1.weight"].double().numpy() @ x + state["1.bias"].double().numpy()
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    widths = (
        page.locator(".model")
        .first.locator(".fill")
        .evaluate_all("all => all.map(each => parseFloat(each.style.width))")
    )
    assert widths == pytest.approx(100 * shares, abs=0.01)
    seen = page.locator("#seen").evaluate("each => [each.naturalWidth, each.naturalHeight]")
    assert seen == [28, 28]


def test_a_finger_draws_as_well(page):
    box = page.locator("#sheet").bounding_box()
    touch = page.context.new_cdp_session(page)
    for step in range(13):
        x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * (0.2 + 0.05 * step)
        kind = "touchMove" if step else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    says(page, "1")


def test_keys_draw_as_well_and_the_answer_is_spoken(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "sheet"
    for key in ("ArrowUp",) * 9 + (" ",) + ("ArrowDown",) * 18 + (" ", "ArrowLeft"):
        page.keyboard.press(key)
    says(page, "1")
    page.get_by_role("status").get_by_text(re.compile("model=softmax.*: 1, ")).wait_for(
        state="attached"
    )
    page.keyboard.press("c")
    says(page, NOTHING)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(scheme, page):
    page.emulate_media(color_scheme=scheme)
    for selector in ("h1", "header p", ".model h2", ".keys", "button", ".row span"):
        ink, ground = page.locator(selector).first.evaluate(
            """each => { const style = getComputedStyle, clear = "rgba(0, 0, 0, 0)"; let of = each;
            while (style(of).backgroundColor === clear) of = of.parentElement;
            return [style(each).color, style(of).backgroundColor] }"""
        )
        assert contrast(ink, ground) >= 4.5, (
            selector
        )  # https://www.w3.org/TR/WCAG22/#contrast-minimum


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def contrast(a: str, b: str) -> float:
    """WCAG's contrast ratio of two CSS colours."""
    parts = [[int(v) / 255 for v in re.findall(r"\d+", colour)[:3]] for colour in (a, b)]
    linear = [[_linear(value) for value in each] for each in parts]
    light, dark = sorted((0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_another_site_and_what_is_no_drawing_are_refused(address):
    for headers, body, status in (
        ({"Host": "evil.example"}, None, 400),
        ({}, b"no picture", 400),
        ({}, b"x" * (2**20 + 1), 413),
    ):
        path = "/" if body is None else "/predict"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(address + path, body, headers))
        assert refused.value.code == status
        refused.value.close()
    with urllib.request.urlopen(address) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["port=x"], "port=x: must be an integer from 0 to 65535"),
        (["port=70000"], "port=70000: must be an integer from 0 to 65535"),
        (["more"], "more: unknown"),
        (["run=0123", "port=0"], "0123: no run with this id"),
    ],
)
def test_bad_input_is_one_line(words, said, runs):
    with pytest.raises(InputError, match=re.escape(said)):
        main([*runs.words, *words])


def test_a_port_in_use_is_told(address, runs):
    port = address.rpartition(":")[2]
    with pytest.raises(InputError, match=f"port={port}: must be free: Address already in use"):
        main([*runs.words, f"port={port}"])


def test_models_of_other_classes_do_not_stand_side_by_side(runs):
    ten = runs.job(("model=softmax", "seed=1"))
    two = runs.job(("model=softmax", "data.target=high_digit"), classes=2)
    with pytest.raises(InputError, match=r"knows the classes 0 to 4, 5 to 9, .* side by side"):
        main([*runs.words, f"run={ten}", f"run={two}", "port=0"])
