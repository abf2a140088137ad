"""The hand-written minimum that an endpoint is measured against.

Raw ASGI, orjson, LightGBM's single-row fast call; no check, no access, no capture, no counting.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import uvicorn

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def application(model_file: Path) -> Any:
    """An ASGI application that answers every request by the model in ``model_file``."""
    found = importlib.util.find_spec("lightgbm")
    assert found is not None
    assert found.origin is not None
    library = ctypes.CDLL(str(Path(found.origin).parent / "lib" / "lib_lightgbm.so"))
    handle, fast = ctypes.c_void_p(), ctypes.c_void_p()
    iterations, columns = ctypes.c_int(), ctypes.c_int()
    library.LGBM_BoosterCreateFromModelfile(
        str(model_file).encode(), ctypes.byref(iterations), ctypes.byref(handle)
    )
    library.LGBM_BoosterGetNumFeature(handle, ctypes.byref(columns))
    library.LGBM_BoosterPredictForMatSingleRowFastInit(
        handle, 0, 0, -1, 1, columns, b"num_threads=1", ctypes.byref(fast)
    )
    row, answer = np.zeros(columns.value), np.zeros(1)
    length = ctypes.c_int64()
    predict = library.LGBM_BoosterPredictForMatSingleRowFast
    arguments = (
        fast,
        ctypes.c_void_p(row.ctypes.data),
        ctypes.byref(length),
        ctypes.c_void_p(answer.ctypes.data),
    )
    kind = (b"content-type", b"application/json")

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        message = await receive()
        request = orjson.loads(message["body"])
        row[:] = request["inputs"][0]["data"]
        predict(*arguments)
        body = orjson.dumps({"outputs": [{"data": [answer.item(0)]}]})
        headers = [kind, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(Path(sys.argv[1])),
        port=int(sys.argv[2]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
