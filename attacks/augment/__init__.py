"""Every time a picture is shown it looks different."""
