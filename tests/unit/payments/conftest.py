"""A Stripe gateway beside a simulated Stripe."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.stripe_office import StripeOffice, stripe_office


@pytest.fixture
async def office() -> AsyncIterator[StripeOffice]:
    """One that tries each call three times."""
    async with stripe_office() as made:
        yield made
