"""Numbers that others published and we did not re-run: shown beside ours, never ranked with them."""
