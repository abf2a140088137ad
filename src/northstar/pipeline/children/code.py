"""Finding the squad's functions, and explaining their failures without our own frames."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_order() -> dict[str, Any]:
    """The order that the run wrote; its path is the program's one argument."""
    return dict(json.loads(Path(sys.argv[1]).read_text()))


def find_function(name: str) -> Callable[..., Any]:
    """The function that ``module:function`` names; ends the program with one clear line if none."""
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name == module_name:
            sys.exit(f"{name}: the project has no module {module_name!r} ({module_name}.py).")
        _end_with_traceback()
    except BaseException:  # noqa: BLE001 - whatever importing the squad's module raises
        _end_with_traceback()
    function: Callable[..., Any] | None = getattr(module, function_name, None)
    if not callable(function):
        sys.exit(f"{name}: the module {module_name!r} has no function {function_name!r}.")
    return function


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the squad's function; a failure ends the program with the squad's own traceback."""
    try:
        return function(*arguments)
    except SystemExit:
        raise
    except BaseException:  # noqa: BLE001 - whatever the squad's code raises
        _end_with_traceback()


def _end_with_traceback() -> Any:
    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename in _OURS:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)
    sys.exit(1)


_OURS = (__file__, importlib.__file__, "<frozen importlib._bootstrap>")
