"""Scripts that write the tables of docs/ from the results."""
