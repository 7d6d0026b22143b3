"""The button under a table that gives it away as a file, made when it is asked for."""

import io
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables import formats

FORMATS = {
    "CSV": (formats.to_csv, "csv", "text/csv"),
    "Parquet": (formats.to_parquet, "parquet", "application/vnd.apache.parquet"),
    "LaTeX": (formats.to_latex, "tex", "text/x-tex"),
}


def offer(
    table: pd.DataFrame, name: str, runs: pd.DataFrame, draw: Callable[[], alt.TopLevelMixin] | None = None
) -> None:
    """Offer a table as files named `name`, and the BibTeX entry of the `runs` (of `tabulate_runs`) it comes from.

    draw: returns the chart of the table, which is offered as SVG where `vl-convert-python` is installed. Streamlit
    offers it as PNG.
    """
    with st.popover("Download", icon=":material/download:", help=f"This table as a file: {', '.join(FORMATS)}"):
        for title, (make, ending, kind) in FORMATS.items():
            _button(title, partial(make, table), f"{name}.{ending}", kind)
        if draw is not None and find_spec("vl_convert"):
            _button("SVG", partial(_draw_svg, draw), f"{name}.svg", "image/svg+xml")
        _button("BibTeX", partial(formats.to_bibtex, runs), f"{name}.bib", "application/x-bibtex")


def _draw_svg(draw: Callable[[], alt.TopLevelMixin]) -> bytes:
    sink = io.StringIO()
    draw().save(sink, format="svg")
    return sink.getvalue().encode()


def _button(title: str, make: "partial[bytes]", file: str, kind: str) -> None:
    st.download_button(title, make, file, kind, key=file, on_click="ignore", width="stretch")
