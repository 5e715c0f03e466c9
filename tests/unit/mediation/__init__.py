"""Tables of other programs' databases."""
