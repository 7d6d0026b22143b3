"""The pages of the app, opened without a browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import leaderboard
from tests.synthetic_home import home, nothing_shipped, run_factory

__all__ = ["home", "nothing_shipped", "open_page", "run_factory"]

APP = Path(leaderboard.__file__).with_name("app.py")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """No results or pictures remembered from another test."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Opens a page of the app, with query parameters, and sees to it that nothing was raised."""

    def opened(page: str = "", **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params.update(query)
        app.run()
        if page:
            app.switch_page(f"views/{page}.py").run()
        assert not app.exception
        return app

    return opened
