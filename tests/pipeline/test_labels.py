"""Targets and classes are matched by value, however a library writes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from northstar.pipeline.errors import DataInvalid, ModelUnusable
from northstar.pipeline.labels import encode_labels, label_texts


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1], ["0", "1"]),
        ([0.0, 1.0], ["0", "1"]),
        ([0, 1], ["0.0", "1.0"]),
        ([False, True], ["0", "1"]),
        ([False, True], ["False", "True"]),
        (["no", "yes"], ["no", "yes"]),
    ],
)
def test_two_ways_to_write_a_class_are_one(values: list[Any], classes: list[str]) -> None:
    target = np.array(values, dtype=object if isinstance(values[0], str | bool) else None)

    assert encode_labels(target, "binary", classes, None).tolist() == [0, 1]
    assert encode_labels(target, "binary", classes, values[1]).tolist() == [0, 1]


def test_classes_are_counted_in_the_models_order() -> None:
    target = np.array(["b", "c", "a"], dtype=object)

    assert label_texts(target) == ["a", "b", "c"]
    assert encode_labels(target, "multiclass", ["c", "b", "a"], None).tolist() == [1, 0, 2]


def test_a_value_that_the_model_does_not_know_is_told() -> None:
    with pytest.raises(ModelUnusable, match="target also has maybe"):
        encode_labels(np.array(["yes", "maybe"], dtype=object), "binary", ["no", "yes"], None)


def test_a_positive_value_that_is_not_the_last_class_is_told() -> None:
    with pytest.raises(DataInvalid, match="probability is that of 'on-time'"):
        encode_labels(np.array(["late"], dtype=object), "binary", ["late", "on-time"], "late")
