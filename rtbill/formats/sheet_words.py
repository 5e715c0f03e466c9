"""What rate sheets call their columns, in the languages that were met.

Names were taken from sheets of carriers and of other billing programs: CGRateS (`ConnectFee`,
`Rate`, `RateIncrement`), ASTPP (`pattern`, `connectcost`, `init_inc`), A2Billing (`dialprefix`,
`rateinitial`, `initblock`, `billingblock`), an Italian provider's list (`traffic_direction`,
`rate`), and German, French, Spanish, Italian, Dutch and Polish price lists.

>>> field_of("Vorwahl"), field_of("Preis/Min. (EUR)"), field_of("Old rate")
('prefix', 'price', None)
>>> price_terms("Rate per second, US cents")
PriceTerms(unit_s=1, divide_by=100, currency='')
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from rtbill.domain.money import EXPONENTS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NAMES = {
    "prefix": """
        prefix, prefixes, code, codes, dial code, dial codes, dialcode, dialing code, dialling code,
        dial prefix, dialprefix, dialing prefix, destination code, destination prefix, area code,
        area codes, city code, city codes, breakout, breakouts, number prefix, e164 prefix, pattern,
        vorwahl, vorwahlen, rufnummernbereich, kennzahl, indicatif, prefijo, codigo, prefisso,
        prefissi, prefiks, kierunkowy, netnummer""",
    "country code": """
        country code, country codes, countrycode, cc, landesvorwahl, landerkennzahl,
        laenderkennzahl, indicatif pays, codigo pais, landnummer, kod kraju""",
    "destination": """
        destination, destinations, destination name, ziel, zielland, zielgebiet, zielnetz,
        verbindungsziel, destino, destinazione, traffic direction, bestemming, cel""",
    "description": """
        description, name, bezeichnung, beschreibung, designation, descripcion, comment""",
    "country": "country, country name, land, pays, pais, paese, location, zone, zone name, kraj",
    "connect fee": """
        connect fee, connectfee, connection fee, connection charge, connect charge, connect cost,
        connectcost, connectcharge, setup fee, set up fee, setup charge, setup, call setup fee,
        call setup, flagfall, verbindungsentgelt, verbindungsgebuhr, verbindungsgebuehr,
        frais de connexion, frais de mise en relation, establecimiento, scatto alla risposta,
        starttarief, oplata za polaczenie""",
    "increments": """
        increment, increments, billing increment, billing increments, billing interval, billing,
        interval, intervals, charge interval, billing terms, taktung, takt, abrechnungstakt,
        facturation, tarification, incremento, naliczanie""",
    "first increment": """
        first increment, initial increment, first interval, initial interval, initial block,
        initblock, init block, init increment, init inc, initial period, minimum increment,
        minimum time, min time, interval 1, erster takt""",
    "next increment": """
        next increment, subsequent increment, additional increment, recurring increment,
        next interval, subsequent interval, interval n, additional period, billing block,
        billingblock, inc, rate increment, rateincrement, folgetakt""",
    "valid from": """
        effective date, effective from, effective, valid from, validfrom, start date, startdate,
        activation date, gultig ab, gueltig ab, date d effet, valable a partir du, vigencia,
        fecha de vigencia, valido dal, ingangsdatum, obowiazuje od""",
    "currency": "currency, currency code, ccy, wahrung, waehrung, devise, moneda, valuta, waluta",
}
_FIELD_OF = {
    name.strip(): field
    for field, names in _NAMES.items()
    for name in " ".join(names.split()).split(",")
}
_PRICE = _words(
    "price rate rates preis prix precio prezzo tarif tariff tarifa tariffa cost charge sell buy "
    "minutenpreis rateinitial kosten prijs cena stawka"
)
_BESIDE_PRICE = _words(
    "per pro par por al a je za new neu netto net excl vat value sell retail wholesale call calls "
    "us euro eur in the cost charge usage"
)
_MINUTE = _words("minute minutes min mins minuto minut minuut minuta")
_SECOND = _words("second seconds sec sekunde seconde segundo secondo seconda sekunda")
_CENTS = _words("cent cents ct cts centimes")


class PriceTerms(NamedTuple):
    """What the name of a price column says besides."""

    unit_s: int
    divide_by: int
    currency: str
    """Empty when it says none."""


def plain(name: str) -> str:
    """Small letters and digits only, without accents: `Preis/Min.` is `preis min`."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name.replace("€", " EUR "))
    bare = unicodedata.normalize("NFKD", parted.replace("ß", "ss").replace("ł", "l"))
    kept = "".join(each for each in bare if not unicodedata.combining(each))
    return " ".join(re.findall(r"[a-z0-9]+", kept.lower()))


def field_of(name: str) -> str | None:
    """What a column of this name holds, such as `prefix` or `valid from`; or `description` or
    `country`, which stand for the destination where nothing does better; None when it is unknown.
    """
    words = plain(name)
    known = _FIELD_OF.get(words) or _FIELD_OF.get(words.replace(" ", ""))
    if known is not None:
        return known
    found = [word for word in words.split() if not _is_currency(word)]
    others = _BESIDE_PRICE | _MINUTE | _SECOND | _CENTS | _PRICE
    if _PRICE.intersection(found) and others.issuperset(found):
        return "price"
    has_unit = len(words.split()) > 1 and bool(_MINUTE.intersection(found))
    return "price" if has_unit and others.issuperset(found) else None


def price_terms(name: str) -> PriceTerms:
    """Unit, scale and currency of a price column of this name; a minute, and main units, where it
    does not say.
    """
    words = plain(name).split()
    is_second = bool(_SECOND.intersection(words)) and not _MINUTE.intersection(words)
    currencies = {word.upper() for word in words if _is_currency(word)}
    return PriceTerms(
        unit_s=1 if is_second else 60,
        divide_by=100 if _CENTS.intersection(words) else 1,
        currency=currencies.pop() if len(currencies) == 1 else "",
    )


def _is_currency(word: str) -> bool:
    """ISO 4217, but for codes that are words as well."""
    return word.upper() in EXPONENTS and word not in ("all", "top", "try", "mop", "pen")
