"""What the tests of the pages share: what a page shows, by kind, and a text that no page may obey."""

import json
from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from bench.results import Run

Open = Callable[..., AppTest]
Enter = Callable[..., None]
Factory = Callable[..., Run]

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> [x](javascript:alert(3)) ![t](http://t.example/p.png)"
HOSTILE += " :red[alert] :material/home: :smile: $alert$ \u202ealert\u202c " + "alert" * 200


def texts(app: AppTest) -> str:
    """All prose of a page."""
    kinds = [app.markdown, app.caption, app.info, app.warning, app.error, app.subheader, app.title]
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The Vega-Lite specifications of a page."""
    return [json.loads(element.proto.spec) for element in app.get("vega_lite_chart")]


def bodies(app: AppTest) -> str:
    """All HTML that a page inserts."""
    return "\n".join(element.proto.body for element in app.get("html"))
