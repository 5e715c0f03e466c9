"""Call records that arrive as tables of somebody else's database."""
