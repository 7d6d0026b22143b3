"""The home with synthetic runs, for the tables of it."""

from tests.synthetic_home import home, run_factory

__all__ = ["home", "run_factory"]
