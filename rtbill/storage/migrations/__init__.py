"""Numbered SQL files, `0001_name.sql` upwards. A file is never edited once released."""
