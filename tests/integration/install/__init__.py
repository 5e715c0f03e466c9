"""The installation as an operator does it."""
