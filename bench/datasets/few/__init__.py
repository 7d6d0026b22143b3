"""`emoji_few`: a part of `emoji_catalog`, in a package of its own: the identity of the whole must not hang on it."""
