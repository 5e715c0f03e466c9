"""Calls in progress for those who look on, and what could be spent beyond what there is."""
