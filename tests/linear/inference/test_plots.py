"""Pictures are well-formed SVG, stay inside their frame, and do not grow with the rows."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from northstar.linear import (
    BadInput,
    GradientDescent,
    LinearRegression,
    convergence_plot,
    residual_plots,
)
from northstar.linear.inference.svg import Line, Panel, Points, render


def read(svg: str) -> list[str]:
    """The texts of a picture, after a look at whether every place lies inside the frame."""
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path.attrib["d"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("rows", [30, 20_000])
def test_residual_plots_name_the_row_that_pulls(rows: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 2))
    X[11] = 12.0
    y = X.sum(axis=1) + rng.normal(size=rows)
    y[11] += 40.0
    svg = residual_plots(LinearRegression().fit(X, y), X, y)
    texts = read(svg)
    assert texts.count("11") == 3
    assert "leverage" in texts
    assert any("Cook's distance" in text for text in texts)
    assert len(svg) < 150_000
    assert svg == residual_plots(LinearRegression().fit(X, y), X, y)


def test_the_way_of_a_solver_is_drawn() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 3)) @ rng.normal(size=(3, 3))
    y = X.sum(axis=1) + rng.normal(size=100)
    walked = LinearRegression(solver=GradientDescent()).fit(X, y)
    texts = read(convergence_plot({"batch": walked}))
    assert {"step", "batch", "norm of the gradient"} <= set(texts)
    with pytest.raises(BadInput, match="fitted step by step"):
        convergence_plot(LinearRegression().fit(X, y))


def test_ticks_are_round_and_large_numbers_move_into_the_label() -> None:
    x = np.linspace(0.0, 3e7, 20)
    texts = read(render([Panel("A < B", "metres", "share", [Points(x, x / 1e10)])]))
    assert "metres (× 106)" in texts
    assert "30" in texts
    assert "A < B" in texts


def test_one_value_and_gaps_can_be_drawn() -> None:
    flat = np.full(3, 2.0)
    read(render([Panel("flat", "x", "y", [Points(flat, flat)])]))
    gap = Line(np.arange(4.0), np.array([1.0, np.nan, 3.0, 2.0]), "gap")
    assert "gap" in read(render([Panel("gap", "x", "y", [gap])]))
