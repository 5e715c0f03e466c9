"""`python -m rtbill`."""

from __future__ import annotations

from rtbill.cli import main

if __name__ == "__main__":
    main()
