"""Buying credit: what triggers it, top-ups taken from step to step, what providers tell."""
