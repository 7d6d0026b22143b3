"""Errors that a user can mend."""


class UserError(Exception):
    """Bad input. The message names the field, the value and what is allowed; the CLI prints it and exits 2."""
