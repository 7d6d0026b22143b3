"""The home with synthetic runs, for the tables of it."""

from tests.synthetic_home import home, nothing_shipped, run_factory

__all__ = ["home", "nothing_shipped", "run_factory"]
