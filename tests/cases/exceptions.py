"""The cases that fail today, each with the reason; docs/rating-cases.md reckons them by hand."""

from __future__ import annotations

from collections.abc import Mapping

NOT_BUILT: Mapping[str, str] = {
    "cgr-107": "several calls rated anew in order",
    "cgr-115": "a call that brings its price",
}
"""The reason that the runner gives, word for word."""

NO_MODEL: Mapping[str, str] = {
    "cgr-075": "{v:10,money:90}",
    "cgr-076": "{v:0,money:40}",
}
"""What ours says, where the source calls what upstream takes no model: talk is debited twice."""

UPSTREAM_ERRS: Mapping[str, str] = {
    "oracle-cost-39": "1.7878",
    "oracle-cost-60": "0.9743",
    "oracle-cost-156": "0.734",
    "oracle-cost-702": "3.4154",
    "oracle-cost-867": "0.6344",
    "oracle-cost-873": "4.8339",
    "oracle-cost-939": "0.58",
    "oracle-cost-978": "1.6015",
}
"""What ours says, increments rounded as CGRateS does; CGRateS lost part of an increment there."""
