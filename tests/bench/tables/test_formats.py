"""Tables as files: what is read back is what was shown, and texts of strangers mean nothing there."""

import io
from collections.abc import Callable

import pandas as pd
import pytest

from bench.results import Run
from bench.tables import formats
from bench.tables.runs import tabulate_runs
from tests.synthetic_home import run_factory

__all__ = ["run_factory"]
HOSTILE = "=cmd|' /C calc'!A0"
TABLE = pd.DataFrame(
    {
        "defense": ["em", HOSTILE, "a,b\n\"c\""],
        "protection": [0.25, float("nan"), -1.0],
        "options": [{"rank": 8}, [1, "x"], None],
        "mixed": [1, "two", 3.0],
        "when": pd.to_datetime(["2026-05-01"] * 3, utc=True),
    }
)  # fmt: skip


def test_csv_is_read_back() -> None:
    back = pd.read_csv(io.BytesIO(formats.to_csv(TABLE)))
    assert back["defense"].tolist() == ["em", f"'{HOSTILE}", 'a,b\n"c"']
    assert back["protection"].tolist() == pytest.approx([0.25, float("nan"), -1.0], nan_ok=True)
    assert back["options"].tolist()[:2] == ['{"rank": 8}', '[1, "x"]']


@pytest.mark.parametrize("begin", ["=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_no_cell_or_name_is_a_formula(begin: str) -> None:
    rows = formats.to_csv(pd.DataFrame({begin: [begin]}))
    cells = pd.read_csv(io.BytesIO(rows), header=None)[0].tolist()
    assert cells == ["'" + begin.replace("\r", " ")] * 2


def test_numbers_below_zero_stay_numbers() -> None:
    assert formats.to_csv(pd.DataFrame({"protection": [-0.5]})) == b"protection\n-0.5\n"


def test_parquet_is_read_back_with_types() -> None:
    back = pd.read_parquet(io.BytesIO(formats.to_parquet(TABLE)))
    assert back["defense"].tolist() == TABLE["defense"].tolist()
    assert back["protection"].dtype == "float64"
    assert back["mixed"].tolist() == ["1", "two", "3.0"]
    assert back["when"].tolist() == TABLE["when"].tolist()


@pytest.mark.parametrize("make", [formats.to_csv, formats.to_parquet, formats.to_latex])
@pytest.mark.parametrize("table", [TABLE.head(0), pd.DataFrame(), pd.DataFrame([[1, "a"]], columns=["x", "x"])])
def test_odd_tables_are_files_too(make: Callable[[pd.DataFrame], bytes], table: pd.DataFrame) -> None:
    if make is formats.to_parquet and not table.columns.is_unique:
        pytest.skip("Parquet has each name once")
    assert len(make(table)) > 0


@pytest.mark.parametrize(
    "text", [r"\input{/etc/passwd}", "$x$", "a & b \\\\ c", "{", "%", "#~^_", "\x1b[1m\n\\end{tabular}"]
)
def test_latex_shows_texts_letter_by_letter(text: str) -> None:
    body = formats.to_latex(pd.DataFrame({"x": [text]})).decode()
    row = body.splitlines()[4]
    assert body.count("\n") == 7, "one line a row"
    assert row.removesuffix(r" \\").count("&") == row.count(r"\&")
    assert r"\input" not in row
    for sign in "{$%#_":
        assert row.replace(rf"\{sign}", "").replace("{}", "").count(sign) == 0
    assert "\x1b" not in row


def test_bibtex_names_the_rows_it_comes_from(run_factory: Callable[..., Run]) -> None:
    one, both = tabulate_runs([run_factory(1)]), tabulate_runs([run_factory(1), run_factory(2, code="1}{0")])
    first, second = formats.to_bibtex(one).decode(), formats.to_bibtex(both).decode()
    assert first.startswith("@misc{mmguard-bench-")
    assert "note = {1 runs, " in first and "year = {2026}" in first
    assert first.splitlines()[0] != second.splitlines()[0], "other rows, another key"
    assert second.count("{") == second.count("}")
    assert formats.to_bibtex(both[::-1]).decode() == second, "whatever their order"
    assert "year" not in formats.to_bibtex(tabulate_runs([])).decode()
