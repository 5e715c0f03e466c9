"""Orders to the simulated card provider, as JSON over HTTP for other processes.

POST /control/customer    {}                                            {"id": "cus_..."}
POST /control/card        {"customer": "cus_...", "card": "visa"}       {"id": "pm_..."}
POST /control/change      {"method": "pm_...", "card": "lost_card"}
POST /control/renew       {"method": "pm_...", "year": 2038}
POST /control/fault       {"kind": "cut_reply", "path": "confirm", "times": 1, "seconds": 0}
POST /control/webhooks    {"seed": 1, "duplicate": 0.1, "late": 0.2}
POST /control/finish      {"payment": "pi_...", "succeeds": true}
POST /control/refund      {"payment": "pi_...", "amount": 500}          somebody else's refund
POST /control/fail        {"refund": "re_..."}
POST /control/dispute     {"payment": "pi_...", "inquiry": false}
POST /control/withdraw    {"dispute": "du_..."}                         also reinstate, close
POST /control/pay_out     {"currency": "eur"}                           the balance to the bank
POST /control/give        {"page": "cs_...", "card": "visa"}            as a browser would
POST /control/expire      {"page": "cs_..."}
POST /control/key         {"key": "sk_test_new"}                        the only one from now on
POST /control/keep_failures {"keeps": false}
POST /control/forget      {}                                            every idempotency key
POST /control/state       {"kind": "payment_intent"}                    the books, newest first
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.card_behaviour import behaviour
from simulator.card_books import ApiError, Thing
from simulator.http_server import Reply, Request

if TYPE_CHECKING:
    from simulator.card_gateway import CardGateway

Order = dict[str, Any]


class CardControl:
    """Answers `/control/...`."""

    def __init__(self, provider: CardGateway) -> None:
        self._provider = provider

    def answer(self, request: Request) -> Reply:
        """What came of an order; status 400 says what is wrong with it."""
        verb = request.path.removeprefix("/control/")
        orders = self._orders()
        if verb not in orders or request.method != "POST":
            text = f"there is no order {verb!r}; POST one of {', '.join(orders)}"
            return Reply.of_json({"problem": text}, 404)
        try:
            order = json.loads(request.body or b"{}")
            done = orders[verb](order)
        except KeyError as error:
            return Reply.of_json({"problem": f"{verb} needs {error}"}, 400)
        except (ApiError, ValueError, TypeError, AttributeError) as error:
            return Reply.of_json({"problem": f"{verb}: {error}"}, 400)
        return Reply.of_json(done)

    def _orders(self) -> dict[str, Callable[[Order], object]]:
        provider, payments, holders = (
            self._provider,
            self._provider.payments,
            self._provider.holders,
        )
        return {
            "customer": lambda _: {"id": provider.add_customer()},
            "card": lambda each: {"id": provider.add_card(each["customer"], each["card"])},
            "change": lambda each: provider.change_card(each["method"], each["card"]),
            "renew": lambda each: holders.renew(each["method"], each["year"]),
            "fault": lambda each: provider.plan_fault(**each),
            "webhooks": lambda each: provider.spoil_webhooks(**each),
            "finish": lambda each: payments.finish(
                each["payment"], succeeds=each.get("succeeds", True)
            ),
            "refund": lambda each: provider.refund(each["payment"], each.get("amount", 0)),
            "fail": lambda each: payments.fail_refund(each["refund"]),
            "dispute": lambda each: payments.dispute(
                each["payment"], is_inquiry=each.get("inquiry", False)
            ),
            "withdraw": lambda each: payments.withdraw(each["dispute"]),
            "reinstate": lambda each: payments.reinstate(each["dispute"]),
            "close": lambda each: payments.close_dispute(each["dispute"]),
            "pay_out": lambda each: payments.pay_out(each["currency"]),
            "give": lambda each: holders.give_card(each["page"], behaviour(each["card"])),
            "expire": lambda each: holders.expire(each["page"]),
            "key": lambda each: provider.change_key(each["key"]),
            "keep_failures": lambda each: provider.keep_failures(keeps=each["keeps"]),
            "forget": lambda _: provider.api.keys.forget(),
            "state": self._state,
        }

    def _state(self, order: Order) -> Thing:
        books = self._provider.books
        return {"data": [books.shown(each, []) for each in books.all_of(order["kind"])[:1000]]}
