"""The SQLite store, piece by piece."""
