"""Money: credits, corrections, and balances reported by an outside package that is their master."""

from __future__ import annotations

from rtbill.billing import Billing
from rtbill.domain.errors import Conflict
from rtbill.domain.ledger import TransferKind
from rtbill.web.models import BalanceOrder, BalanceView, CreditOrder, CreditView
from rtbill.web.office import Office, amount_of, money
from rtbill.web.operation import Asked, Reply
from rtbill.web.problems import INVALID, KEY_REUSED, Trouble

REPLAYED = {"Idempotency-Replayed": "true"}


class Moneys:
    """Moves money by the same use cases as the desk."""

    def __init__(self, office: Office, billing: Billing) -> None:
        self._office = office
        self._billing = billing

    async def credit(self, asked: Asked[CreditOrder, None]) -> Reply:
        """The credit as it was posted, now or when its key came first."""
        account, order = self._office.directory.account(asked.path["account"]), asked.body
        micros = amount_of(order.amount, order.currency, "amount", account.currency, coins=True)
        if micros == 0:
            raise Trouble(INVALID, "an amount of zero moves nothing", field="amount")
        is_correction = order.kind == "correction"
        if micros < 0 and not is_correction:
            text = "a payment is above zero; what takes money back is of kind `correction`"
            raise Trouble(INVALID, text, field="kind")
        try:
            credited = await self._billing.credit(
                account.id, micros, f"api:{asked.key}", order.reason, is_correction=is_correction
            )
        except Conflict as other:
            raise Trouble(KEY_REUSED, str(other), field="Idempotency-Key") from other
        made = credited.transfer
        is_same_kind = (made.kind is TransferKind.CORRECTION) == is_correction
        if made.reason != order.reason or not is_same_kind:
            text = f"key {asked.key!r} was used before, with another reason or kind"
            raise Trouble(KEY_REUSED, text, field="Idempotency-Key")
        view = CreditView(
            account=account.id,
            key=asked.key,
            amount=money(made.change_micros, made.currency),
            currency=made.currency,
            kind=order.kind,
            reason=made.reason,
            balance_after=money(made.balance_after_micros, made.currency),
            version=made.version,
            at=made.event_at,
        )
        return Reply(view, 201, REPLAYED if credited.is_repeated else {})

    async def report(self, asked: Asked[BalanceOrder, None]) -> Reply:
        """What was corrected, and the balance that came of it."""
        account, order = self._office.directory.account(asked.path["account"]), asked.body
        amount_of(order.balance, order.currency, "balance", account.currency, coins=False)
        if order.as_of > self._office.clock.now():
            text = f"{order.as_of.isoformat()} is to come; report a balance that was"
            raise Trouble(INVALID, text, field="as_of")
        words = {
            "account": account.id,
            "balance": order.balance,
            "as_of": order.as_of.isoformat(),
        }
        done = await self._office.order("balance.report", words)
        return Reply(BalanceView(as_of=order.as_of, **done))
