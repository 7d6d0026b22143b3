"""A static site of results: plain files that any web host serves, from the same tables as the command line and the app.

No page has a script or fetches anything from elsewhere, and texts of others are escaped.
"""
