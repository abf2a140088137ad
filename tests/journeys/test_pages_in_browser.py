"""The pages as a person sees them: in a real browser, on two widths, in light and in dark."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from tests.journeys import chromium
from tests.journeys.chromium import Chromium
from tests.platform.web.world import PLACE, WebWorld

WITHOUT = "NORTHSTAR_WITHOUT_BROWSER"
ADDRESSES = ["/", PLACE, f"{PLACE}/versions/3", "/approvals", "/alerts?state=all", "/audit"]
ADDRESSES += ["/environments", "/access?scope=/operations"]

# Every text whose contrast with what is behind it is too low (WCAG 2.2, 1.4.3: 4.5, large 3).
FAINT_TEXTS = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const e of document.querySelectorAll("body *:not(script)")) {
    const own = [...e.childNodes].filter((node) => node.nodeType === 3);
    const text = own.map((node) => node.data.trim()).join("");
    if (!text || !e.checkVisibility() || e.closest(".unseen, .skip")) continue;
    const style = getComputedStyle(e);
    const ink = rgba(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.7 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sign-in link of somebody who may see everything, and the platform behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        world = WebWorld(tmp_path_factory.mktemp("pages"), weeks=20, url=url)
        server = uvicorn.Server(uvicorn.Config(world.app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield world.link("dora")
        finally:
            server.should_exit = True
            thread.join(30)
            world.close()


@pytest.fixture(scope="module")
def browser(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser in which somebody has followed the link."""
    if os.environ.get(WITHOUT) == "1":
        pytest.skip(f"{WITHOUT}=1: the pages were not looked at in a browser")
    executable = chromium.find()
    if executable is None:
        pytest.fail(
            f"None of {', '.join(chromium.NAMES)} is installed, so the pages can't be looked at. "
            f"Install one (apt-get install chromium), or set {WITHOUT}=1 to go without."
        )
    browser = Chromium(executable, tmp_path_factory.mktemp("profile"))
    try:
        browser.open(address, width=1280, dark=False)
        yield browser
    finally:
        browser.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", ADDRESSES)
def test_a_page_is_readable_and_the_browser_has_no_complaint(
    browser: Chromium, address: str, path: str, dark: bool, width: int
) -> None:
    browser.open(_at(address, path), width=width, dark=dark)
    assert browser.evaluate("document.title").endswith("Northstar")
    assert browser.complaints() == []
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.evaluate(FAINT_TEXTS) == []


def test_charts_are_drawn_and_answer_the_mouse(browser: Chromium, address: str) -> None:
    browser.open(_at(address, PLACE), width=1280, dark=False)
    drawn = "[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('.point').length)"
    assert min(browser.evaluate(drawn)) >= 20
    place = browser.evaluate(
        """(() => {
          const plot = document.querySelector(".plot");
          plot.scrollIntoView({ block: "center" });
          const box = plot.querySelector(".nsewdrag").getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        })()"""
    )
    browser.hover(*place)
    told = "document.querySelector('.plot .hoverlayer .legend, .plot .hovertext') !== null"
    assert _in_a_while(browser, told), "nothing is told of the point under the mouse"
    assert browser.complaints() == []


def test_charts_follow_the_scheme_when_it_changes(browser: Chromium, address: str) -> None:
    ink = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    browser.open(_at(address, PLACE), width=1280, dark=False)
    light = browser.evaluate(ink)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    browser.call("Emulation.setEmulatedMedia", features=[dark])
    assert _in_a_while(browser, f"({ink}) !== {light!r}")


def test_the_keyboard_reaches_the_content_first(browser: Chromium, address: str) -> None:
    browser.open(_at(address, "/"), width=1280, dark=False)
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
        )
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().top") >= 0


def _in_a_while(browser: Chromium, condition: str) -> bool:
    """Whether a JavaScript condition comes true within ten seconds."""
    look = "const look = (n) => COND ? done(true) : n ? setTimeout(look, 50, n - 1) : done(false);"
    wait = f"new Promise((done) => {{ {look.replace('COND', f'({condition})')} look(200); }})"
    return bool(browser.evaluate(wait))


def _at(link: str, path: str) -> str:
    return link.partition("/sign-in")[0] + path
