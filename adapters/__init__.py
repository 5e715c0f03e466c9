"""One folder per kind of telephone exchange; `link.py` holds what every live link needs."""
