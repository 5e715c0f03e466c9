"""What a dry run counts, how far a run is, and whether prices are still those of its dry run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rtbill.domain.directory import Directory
from rtbill.domain.rerating import Difference, Run
from rtbill.pricing.assessment import Assessor
from rtbill.rating.price_book import PriceBook

SAMPLES_MAX = 20


@dataclass(slots=True)
class Progress:
    """How far somebody's run is; `is_stopped` asks it to end after the slice at hand."""

    looked_at: int = 0
    done: int = 0
    of: int = 0
    """Calls to do; 0 while it is not yet known."""
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A call that has no rate now, and why."""

    call: str
    number: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a dry run found."""

    run: Run
    differences: tuple[Difference, ...]
    samples: tuple[Unpriced, ...]
    """Some of the calls without a rate."""


@dataclass(slots=True)
class _Sum:
    currency: str
    changed: int = 0
    unpriced: int = 0
    old_micros: int = 0
    new_micros: int = 0


@dataclass(slots=True)
class Tally:
    """Sums by account of what would change."""

    looked_at: int = 0
    samples: list[Unpriced] = field(default_factory=list)
    _sums: dict[str, _Sum] = field(default_factory=dict)

    def change(self, account: str, currency: str, old_micros: int, new_micros: int) -> None:
        """A call costs another amount."""
        found = self._sums.setdefault(account, _Sum(currency))
        found.changed += 1
        found.old_micros += old_micros
        found.new_micros += new_micros

    def unpriced(self, account: str, currency: str, call: Unpriced) -> None:
        """A call has no rate."""
        self._sums.setdefault(account, _Sum(currency)).unpriced += 1
        if len(self.samples) < SAMPLES_MAX:
            self.samples.append(call)

    def differences(self) -> tuple[Difference, ...]:
        """By account; accounts without any are left out."""
        return tuple(
            Difference(
                account=account,
                currency=found.currency,
                changed=found.changed,
                unpriced=found.unpriced,
                old_micros=found.old_micros,
                new_micros=found.new_micros,
            )
            for account, found in sorted(self._sums.items())
        )


def digest_of_prices(
    assessor: Assessor, directory: Directory, differences: Sequence[Difference]
) -> str:
    """Another text as soon as a tariff or plan got a version, the site another assignment or hook,
    or one of these accounts another tariff or other bundles. A version that is in the books is
    never edited, so its number stands for its rates.
    """
    digest = hashlib.sha256(repr(assessor.assignment).encode())
    if hook := assessor.offers.hook_edition:
        digest.update(f"\n{hook}".encode())
    for text in _versions(assessor.book):
        digest.update(b"\n" + text.encode())
    for each in differences:
        terms = directory.account(each.account)
        digest.update(f"\naccount {terms.id} {terms.tariff}".encode())
        if terms.id in assessor.allowances:
            digest.update(f"\nbundles {assessor.allowances.digest(terms.id)}".encode())
    return digest.hexdigest()


def _versions(book: PriceBook) -> Iterable[str]:
    for name in book.names:
        for version in book.versions(name):
            yield f"tariff {name} {version.version} {version.valid_from.isoformat()}"
    for name in book.plan_names:
        for plan in book.plan_versions(name):
            yield f"plan {name} {plan.version} {plan.valid_from.isoformat()}"
