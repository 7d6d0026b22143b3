"""The synthetic home, for the tables that are made from it."""

from tests.synthetic_home import home, run_factory

__all__ = ["home", "run_factory"]
