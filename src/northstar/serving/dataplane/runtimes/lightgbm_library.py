"""LightGBM's C library, called directly.

Importing the ``lightgbm`` package would import pandas and scikit-learn with it; an endpoint needs
none of them. The functions used here are part of LightGBM's documented C API
(https://lightgbm.readthedocs.io/en/stable/C-API.html) and stable since version 3.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.serving.errors import ModelBroken

_FLOAT64 = 1  # C_API_DTYPE_FLOAT64
_NORMAL = 0  # C_API_PREDICT_NORMAL
_ROW_MAJOR = 1
_ALL_ITERATIONS = -1
_ONE_THREAD = b"num_threads=1"


class Booster:
    """A loaded booster, with a fast way to predict one row.

    Args:
        model_text: the model in LightGBM's text format.
    """

    def __init__(self, model_text: bytes) -> None:
        self._library = library()
        self._handle = ctypes.c_void_p()
        self._fast = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._call(
            "LGBM_BoosterLoadModelFromString",
            ctypes.c_char_p(model_text),
            ctypes.byref(iterations),
            ctypes.byref(self._handle),
        )
        self.features = self._integer("LGBM_BoosterGetNumFeature")
        self.outputs = self._integer("LGBM_BoosterGetNumClasses")
        self.row = np.zeros(self.features, dtype=np.float64)
        self.answer = np.zeros(self.outputs, dtype=np.float64)
        self._answered = ctypes.c_int64()
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            ctypes.c_int(_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_ITERATIONS),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(self.features),
            ctypes.c_char_p(_ONE_THREAD),
            ctypes.byref(self._fast),
        )
        # Everything the fast call needs never changes: made once, not once a request.
        self._predict_row = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._fast_arguments = (
            self._fast,
            ctypes.c_void_p(self.row.ctypes.data),
            ctypes.byref(self._answered),
            ctypes.c_void_p(self.answer.ctypes.data),
        )

    def predict_row(self) -> None:
        """Predict ``self.row`` into ``self.answer``; about 5 µs."""
        if self._predict_row(*self._fast_arguments) != 0:
            raise ModelBroken(f"LightGBM could not predict: {_last_error(self._library)}")

    def predict(self, matrix: NDArray[np.float64], threads: int = 1) -> NDArray[np.float64]:
        """Predict a C-contiguous matrix; rows × outputs come back.

        Args:
            matrix: rows × features.
            threads: 0 leaves the number to OpenMP.
        """
        answers = np.empty((len(matrix), self.outputs), dtype=np.float64)
        self._call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            ctypes.c_void_p(matrix.ctypes.data),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(len(matrix)),
            ctypes.c_int32(self.features),
            ctypes.c_int(_ROW_MAJOR),
            ctypes.c_int(_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_ITERATIONS),
            ctypes.c_char_p(f"num_threads={threads}".encode()),
            ctypes.byref(self._answered),
            ctypes.c_void_p(answers.ctypes.data),
        )
        return answers

    def __del__(self) -> None:
        if self._fast:
            self._library.LGBM_FastConfigFree(self._fast)
        if self._handle:
            self._library.LGBM_BoosterFree(self._handle)

    def _integer(self, function: str) -> int:
        value = ctypes.c_int()
        self._call(function, self._handle, ctypes.byref(value))
        return value.value

    def _call(self, function: str, *arguments: Any) -> None:
        if getattr(self._library, function)(*arguments) != 0:
            raise ModelBroken(f"LightGBM: {function} failed: {_last_error(self._library)}")


@cache
def library() -> ctypes.CDLL:
    """The shared library of the installed ``lightgbm``; raises ``ModelBroken`` if there is none."""
    found = importlib.util.find_spec("lightgbm")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "lib" / "lib_lightgbm.so"
        if path.is_file():
            loaded = ctypes.CDLL(str(path))
            loaded.LGBM_GetLastError.restype = ctypes.c_char_p
            return loaded
    raise ModelBroken(
        "This endpoint holds a LightGBM model, and lightgbm is not installed.",
        hint="Install it beside northstar: pip install lightgbm",
    )


def _last_error(loaded: ctypes.CDLL) -> str:
    return str((loaded.LGBM_GetLastError() or b"").decode(errors="replace"))
