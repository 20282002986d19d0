"""Feast, told about the catalog: objects, the folder it works in, a SQLite store where the newest wins."""
