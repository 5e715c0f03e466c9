"""The pay pages in a real browser."""
