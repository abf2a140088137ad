from __future__ import annotations

import re

import pytest

from northstar.platform.web.rendering import HEADERS
from tests.platform.web.world import PLACE, WebWorld


@pytest.mark.parametrize(
    "name", ["northstar.css", "plotly.css", "charts.js", "plotly.min.js", "favicon.svg"]
)
def test_a_file_is_kept_for_long_and_asked_for_again_by_its_tag(world: WebWorld, name: str) -> None:
    browser = world.browser()
    versioned = browser.get(f"/static/{name}?v=1")
    assert versioned.status_code == 200
    assert "max-age=31536000" in versioned.headers["cache-control"]
    again = browser.get(f"/static/{name}", headers={"if-none-match": versioned.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_only_known_files_are_served(world: WebWorld) -> None:
    browser = world.browser()
    for name in ("..%2Frendering.py", "pages.py", "%2e%2e/views.py", "nothing.js"):
        assert browser.get(f"/static/{name}").status_code == 404


def test_plotly_looks_for_the_elements_that_keep_it_from_adding_styles(world: WebWorld) -> None:
    page = world.browser("dora").get(PLACE).text
    library = world.browser().get("/static/plotly.min.js").text
    names = re.findall(r'id="(plotly\.js-style-global|[0-9a-f]{64})"', page)
    assert len(names) == 2
    assert "plotly.js-style-" in library
    assert "no-inline-styles" in library
    assert f'getElementById("{names[1]}")' in library


def test_style_needs_no_exception_in_the_policy() -> None:
    assert "style-src 'self'" in HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
