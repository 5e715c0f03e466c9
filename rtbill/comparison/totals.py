"""Findings added up: by kind, by account and by trunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rtbill.comparison.values import Finding, Kind, Sum

_Key = TypeVar("_Key")


def by_kind(findings: Sequence[Finding]) -> dict[Kind, Sum]:
    """Every kind, also those without a finding, in the order of their definition."""
    return {kind: Sum() for kind in Kind} | _added(findings, lambda one: one.kind)


def by_account(findings: Sequence[Finding]) -> dict[tuple[Kind, str], Sum]:
    """By kind and account, sorted."""
    return dict(sorted(_added(findings, lambda one: (one.kind, one.account)).items()))


def by_trunk(findings: Sequence[Finding]) -> dict[tuple[Kind, str], Sum]:
    """By kind and trunk group, sorted."""
    return dict(sorted(_added(findings, lambda one: (one.kind, one.trunk)).items()))


def _added(findings: Sequence[Finding], key: Callable[[Finding], _Key]) -> dict[_Key, Sum]:
    sums: dict[_Key, Sum] = {}
    for one in findings:
        our_us = one.ours.talk_us if one.ours else 0
        their_us = one.theirs.talk_us if one.theirs else 0
        sums.setdefault(key(one), Sum()).add(our_us, their_us, one.money_micros, one.currency)
    return sums
