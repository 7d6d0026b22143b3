"""One module a family: how its embedded victims are put together with random weights."""
