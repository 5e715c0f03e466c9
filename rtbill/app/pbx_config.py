"""From the configuration to the files of an exchange: what they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping

from adapters.asterisk import pbx_files
from adapters.asterisk.dialplan import PLAIN, Dialplan, Question
from adapters.asterisk.number_patterns import Dialling
from adapters.asterisk.settings import Trunk
from rtbill.app.books import number_plan
from rtbill.config import Config, PbxConfig, TrunkConfig, dial_problem, prefix_problem
from rtbill.domain.errors import ConfigError
from rtbill.domain.extension_pattern import matches
from rtbill.domain.hosts import is_loopback
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.stance import Unaided

LOOPBACK = ("127.0.0.1/32",)
_CHANNEL_OF_SPAN = re.compile(r"(DAHDI/i[0-9]+)/?\Z")
_ENDPOINT = re.compile(r"([A-Za-z0-9]+)/([0-9A-Za-z_.+-]*[0-9A-Za-z_.+])-\Z")


def dialplan_of(config: Config, pbx: PbxConfig, flavour: str | None = None) -> Dialplan:
    """All that the files of this exchange depend on. ConfigError names what is missing."""
    terms, plan = pbx.dialplan, number_plan(config.site)
    place = f"pbx {pbx.name}"
    flavour = flavour or terms.flavour
    dial, problems = _dial_strings(pbx) if flavour == PLAIN else ((), [])
    problems = [f"{place}, {text}" for text in problems]
    if text := prefix_problem(terms.outside_prefix, flavour):
        problems.append(f"{place}: dialplan.outside_prefix: {text}")
    permit = terms.permit or LOOPBACK
    if not terms.permit and not is_loopback(pbx.host):
        problems.append(
            f"{place}: dialplan.permit: is missing, and {pbx.host} is another host; name the "
            "address from which rtbill signs in"
        )
    if problems:
        raise ConfigError(problems)
    return Dialplan(
        name=pbx.name,
        flavour=flavour,
        trunks=tuple(Trunk(each.name, each.matchers) for each in pbx.trunks),
        dial=dial,
        outside_prefix=terms.outside_prefix,
        extensions=terms.extensions,
        devices=terms.devices,
        phone_dial=terms.phone_dial,
        ring_s=terms.ring_s,
        trunk_ring_s=terms.trunk_ring_s,
        ring_options=terms.ring_options,
        trunk_options=terms.trunk_options,
        voicemail_context=terms.voicemail_context,
        dialling=_dialling(plan),
        emergency=_safe_forms(plan.emergency_forms),
        free_prefixes=plan.free_prefixes,
        free_numbers=_free_numbers(plan),
        classes={each.name: each.prefixes for each in config.destination_classes},
        is_enforcing=pbx.enforcement.is_enforcing,
        forwarded=terms.forwarded,
        transferred=terms.transferred,
        groups=terms.groups,
        incoming=terms.incoming,
        unaided=_unaided_row(pbx),
        question=_question(config, pbx),
        ami_user=pbx.user,
        ami_secret=pbx.secret,
        pin_secret=config.payers.pin_secret,
        permit=permit,
    )


def hidden_extensions(config: Config, pbx: PbxConfig, flavour: str | None = None) -> list[str]:
    """What a telephone dials for help in the generated dialplan, outside prefix included, and what
    is an extension too: help is called, nobody rings. ConfigError as of `dialplan_of`.
    """
    forms = pbx_files.emergency_forms(dialplan_of(config, pbx, flavour))
    return sorted(form for form in forms if matches(form, pbx.dialplan.extensions))


def _dial_strings(pbx: PbxConfig) -> tuple[tuple[str, ...], list[str]]:
    """How each trunk is reached, and what is wrong with that. FreePBX dials its trunks itself."""
    found, problems = [], []
    for trunk in pbx.trunks:
        dial = dial_string(trunk)
        if dial is None:
            problems.append(
                f"trunk {trunk.name}: dial: is missing, and cannot be made of its channels' names; "
                "write how the dialplan reaches it, such as PJSIP/%s@carrier"
            )
        elif text := dial_problem(trunk.name, dial, trunk.matchers):
            problems.append(f"trunk {trunk.name}: dial: {text}")
        else:
            found.append(dial)
    return tuple(found), problems


def dial_string(trunk: TrunkConfig) -> str | None:
    """How the dialplan reaches the trunk, `%s` for the number; None when nobody can tell."""
    if trunk.dial is not None:
        return trunk.dial
    for matcher in trunk.matchers:
        start = matcher.removesuffix("*")
        if found := _CHANNEL_OF_SPAN.match(start):
            return f"{found[1]}/%s"
        if found := _ENDPOINT.match(start):
            technology, peer = found.groups()
            return f"PJSIP/%s@{peer}" if technology == "PJSIP" else f"{technology}/{peer}/%s"
    return None


def _dialling(plan: NumberPlan) -> Dialling:
    return Dialling(
        country_code=plan.country_code,
        national_prefix=plan.national_prefix,
        international_prefixes=plan.international_prefixes,
        area_code=plan.area_code,
        national_length=plan.national_length,
        service_codes=plan.service_codes,
    )


def _safe_forms(forms: Mapping[str, str]) -> dict[str, str]:
    """Forms that a telephone can send to the exchange; letters would be pattern characters."""
    return {form: number for form, number in forms.items() if re.fullmatch("[0-9*#+]+", form)}


def _free_numbers(plan: NumberPlan) -> tuple[str, ...]:
    forms = list(_safe_forms(plan.free_forms))
    if plan.has_116:
        forms.append("116XXX")
    # Universal international free-phone numbers: +800 and eight digits.
    forms += [f"{access}800XXXXXXXX" for access in ("+", *plan.international_prefixes)]
    return tuple(forms)


def _unaided_row(pbx: PbxConfig) -> str:
    """In the form of a pushed row; where rtbill only looks on, its silence ends no call."""
    terms = pbx.dialplan
    if not pbx.enforcement.is_enforcing:
        return str(Unaided.OPEN)
    if terms.unaided is Unaided.OPEN and terms.unaided_cap_s:
        return f"any/{terms.unaided_cap_s}"
    return str(terms.unaided)


def _question(config: Config, pbx: PbxConfig) -> Question | None:
    if pbx.mode != "inline":
        return None
    url = f"{config.inline.address}/v1/authorise/{pbx.name}"
    return Question(url, pbx.token, pbx.dialplan.ca_file)


def files_of(config: Config, pbx: PbxConfig, flavour: str | None = None) -> dict[str, str]:
    """Text by name of every file of this exchange."""
    return pbx_files.generate(dialplan_of(config, pbx, flavour))
