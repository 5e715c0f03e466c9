"""Buying credit: by card and by cashless card."""
