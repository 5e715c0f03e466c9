"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A deadline for one example measures the machine and its neighbours, not the program.
settings.register_profile("rtbill", deadline=None)
settings.load_profile("rtbill")
