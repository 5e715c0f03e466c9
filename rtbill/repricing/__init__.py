"""Prices after the call: re-rating, recycling, and calls that wait for a rate."""
