"""Exchanges at work: their links, what is wanted of them, and what brings them into line."""
