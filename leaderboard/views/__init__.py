"""One script a page; `leaderboard/app.py` runs them."""
