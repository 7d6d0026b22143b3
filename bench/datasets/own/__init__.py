"""Data of your own: a path is read once, checked and copied into the suite's home, then known by its content."""

from bench.datasets.own.store import (
    ImportReport,
    check_imported,
    first_lines,
    identity,
    import_path,
    is_own,
    is_path,
    load_split,
)

__all__ = [
    "ImportReport",
    "check_imported",
    "first_lines",
    "identity",
    "import_path",
    "is_own",
    "is_path",
    "load_split",
]
