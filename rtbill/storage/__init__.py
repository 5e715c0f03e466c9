"""The books on disk: SQLite, one writing thread, read-only readers. SQL lives here only."""
