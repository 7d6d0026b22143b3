"""Tables as files to take away: CSV, Parquet and LaTeX, and the BibTeX entry of the results that they come from."""

import io
import json

import pandas as pd

from bench.errors import printable
from bench.spec import digest

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet would compute."""

LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "∞": r"$\infty$", "ε": r"$\varepsilon$", "−": "$-$", "×": r"$\times$",
}  # fmt: skip


def to_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8. A text that a spreadsheet would take as a formula begins with an apostrophe.

    >>> to_csv(pd.DataFrame({"attack": ["=1+1"], "protection": [0.5]}))
    b"attack,protection\\n'=1+1,0.5\\n"
    """

    def guard(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        return ("'" if cell.startswith(FORMULA) else "") + cell.replace("\r", " ")

    plain = _flatten(table)
    content: str = plain.map(guard).rename(columns=lambda name: guard(str(name))).to_csv(index=False)
    return content.encode()


def to_parquet(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    _flatten(table).rename(columns=str).to_parquet(sink, index=False)
    return sink.getvalue()


def to_latex(table: pd.DataFrame) -> bytes:
    r"""Return a table as LaTeX for the package `booktabs`, numbers with three digits at most.

    >>> print(to_latex(pd.DataFrame({"attack": ["lora_sft"], "ε": [0.12345]})).decode())
    \begin{tabular}{lr}
    \toprule
    attack & $\varepsilon$ \\
    \midrule
    lora\_sft & 0.123 \\
    \bottomrule
    \end{tabular}
    <BLANKLINE>
    """
    plain = _flatten(table)
    numeric = [pd.api.types.is_numeric_dtype(column) for _, column in plain.items()]
    rows = [" & ".join(map(_latex_cell, cells)) + r" \\" for cells in plain.itertuples(index=False, name=None)]
    lines = [
        rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in numeric)}}}",
        r"\toprule",
        " & ".join(map(_latex_cell, plain.columns)) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return ("\n".join(lines) + "\n").encode()


def to_bibtex(runs: pd.DataFrame) -> bytes:
    """Return the entry that cites some rows of `tabulate_runs`: how many, of which versions, and which by their digest.

    An empty frame cites the suite alone.
    """
    identity = digest(sorted(runs["id"].astype(str)))[:12]
    versions = [
        f"{name} {', '.join(sorted({_latex_cell(value) for value in runs[name].dropna()}))}"
        for name in ("protocol", "evaluator", "code")
        if runs[name].notna().any()
    ]
    newest = None if runs.empty else runs["created"].max()
    fields = {
        "title": "{mmguard-bench: protection of published image-text data against fine-tuning}",
        "author": "{{The mmguard-bench maintainers and contributors}}",
        **({} if newest is None else {"year": f"{{{newest.year}}}", "date": f"{{{newest.date().isoformat()}}}"}),
        "howpublished": "{Results of mmguard-bench}",
        "note": f"{{{'; '.join([f'{len(runs)} runs, {identity}', *versions])}}}",
    }
    body = "".join(f"  {name} = {value},\n" for name, value in fields.items())
    return f"@misc{{mmguard-bench-{identity},\n{body}}}\n".encode()


def _flatten(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with one type a column: texts where it had several, JSON for what has parts."""

    def flat(cell: object) -> str | None:
        if isinstance(cell, (dict, list, tuple)):
            return json.dumps(cell, default=str)
        return None if cell is None or cell is pd.NaT or cell != cell else str(cell)

    plain = table.infer_objects()
    for number in range(len(plain.columns)):
        if pd.api.types.is_object_dtype(plain.dtypes.iloc[number]):
            plain.isetitem(number, [flat(cell) for cell in plain.iloc[:, number]])
    return plain


def _latex_cell(cell: object) -> str:
    if isinstance(cell, float):
        return "" if pd.isna(cell) else f"{cell:.3g}"
    return "" if cell is None or cell is pd.NaT else "".join(LATEX.get(sign, sign) for sign in printable(str(cell)))
