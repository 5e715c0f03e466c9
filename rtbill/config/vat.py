"""The keys `vat_*` of `[payments]`: how tax is booked, and who said that this is right (LG-21)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

from rtbill.config.words import Day, Percent
from rtbill.domain.money import MICROS, parse_micros
from rtbill.domain.price_plan import PERCENT_PPM


class VatKeys(BaseModel):
    """As they stand in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vat_point: Literal["topup", "use"] = "topup"
    vat_percent: Percent | None = None
    vat_confirmed_by: Annotated[StrictStr, Field(min_length=1, max_length=128)] | None = None
    vat_confirmed_on: Day | None = None

    @model_validator(mode="after")
    def check_vat(self) -> Self:
        """Whole and confirmed, or not there at all."""
        confirmed = (self.vat_confirmed_by, self.vat_confirmed_on)
        if all(each is None for each in (*confirmed, self.vat_percent)):
            return self
        if None in confirmed:
            raise ValueError(
                "vat_confirmed_by and vat_confirmed_on are needed: the accountant who says that "
                "tax is booked right so, and the date"
            )
        if self.vat_point == "use" and self.vat_percent is not None:
            raise ValueError(
                'vat_percent means nothing with vat_point = "use": the price plan of each call '
                "says how much tax is in it; leave it out"
            )
        if self.vat_point == "topup" and not _ppm(self.vat_percent):
            raise ValueError(
                'vat_percent is missing: with vat_point = "topup" it says how much tax is in '
                'credit that is bought, such as "19"'
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class VatConfig:
    """How tax is booked from now on."""

    percent_ppm: int
    """Of the net price of credit; 0 where tax is due at use."""
    confirmed_by: str
    confirmed_on: date


def vat_config(keys: VatKeys) -> VatConfig | None:
    """The values of keys that were found good; None where nobody confirmed any."""
    if keys.vat_confirmed_by is None or keys.vat_confirmed_on is None:
        return None
    return VatConfig(
        percent_ppm=_ppm(keys.vat_percent),
        confirmed_by=keys.vat_confirmed_by,
        confirmed_on=keys.vat_confirmed_on,
    )


def _ppm(percent: str | None) -> int:
    return parse_micros(percent or "0") * PERCENT_PPM // MICROS
