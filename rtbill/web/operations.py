"""Everything that the API answers, in one table: routes and the OpenAPI document are made of it."""

from __future__ import annotations

from rtbill.billing import Billing
from rtbill.config import Right
from rtbill.web import models
from rtbill.web.accounts import Accounts
from rtbill.web.calls import Calls
from rtbill.web.money import Moneys
from rtbill.web.office import Office
from rtbill.web.operation import Operation

ACCOUNT = "/v1/accounts/{account}"
EXTENSION = f"{ACCOUNT}/extensions/{{pbx}}/{{number}}"


def operations(office: Office, billing: Billing) -> tuple[Operation, ...]:
    """One for each method of each address."""
    return (
        *_of_accounts(Accounts(office)),
        *_of_extensions(Accounts(office)),
        *_of_money(Moneys(office, billing)),
        *_of_calls(Calls(office)),
    )


def _of_accounts(accounts: Accounts) -> tuple[Operation, ...]:
    return (
        Operation(
            name="listAccounts",
            method="GET",
            path="/v1/accounts",
            right=Right.READ,
            summary="Accounts as they stand, by id",
            handler=accounts.listed,
            query=models.AccountsQuery,
            reply=models.AccountsPage,
        ),
        Operation(
            name="getAccount",
            method="GET",
            path=ACCOUNT,
            right=Right.READ,
            summary="One account as it stands",
            handler=accounts.one,
            reply=models.AccountView,
            replies_also=(404,),
        ),
        Operation(
            name="putAccount",
            method="PUT",
            path=ACCOUNT,
            right=Right.TERMS,
            summary="Make an account, or change its terms",
            handler=accounts.put,
            body=models.Terms,
            reply=models.AccountView,
            status=(200, 201),
            replies_also=(409,),
        ),
    )


def _of_extensions(accounts: Accounts) -> tuple[Operation, ...]:
    return (
        Operation(
            name="putExtension",
            method="PUT",
            path=EXTENSION,
            right=Right.TERMS,
            summary="The account holds this extension",
            handler=accounts.hold,
            body=models.ExtensionTerms,
            reply=models.ExtensionHeld,
            replies_also=(404, 409),
        ),
        Operation(
            name="deleteExtension",
            method="DELETE",
            path=EXTENSION,
            right=Right.TERMS,
            summary="The account does not hold this extension any more",
            handler=accounts.give_up,
            reply=models.ExtensionHeld,
            replies_also=(404, 409),
        ),
        Operation(
            name="lockAccount",
            method="POST",
            path=f"{ACCOUNT}/lock",
            right=Right.TERMS,
            summary="Lock the account's extensions by hand, whatever its balance",
            handler=accounts.lock,
            body=models.LockOrder,
            reply=models.LockView,
            replies_also=(404, 409),
        ),
        Operation(
            name="unlockAccount",
            method="POST",
            path=f"{ACCOUNT}/unlock",
            right=Right.TERMS,
            summary="Lift locks by hand that were set here; one of the desk stays, with a note",
            handler=accounts.unlock,
            body=models.UnlockOrder,
            reply=models.LockView,
            replies_also=(404, 409),
        ),
    )


def _of_money(moneys: Moneys) -> tuple[Operation, ...]:
    return (
        Operation(
            name="postCredit",
            method="POST",
            path=f"{ACCOUNT}/credits",
            right=Right.CREDIT,
            summary="Money in, or a correction, once for each Idempotency-Key",
            handler=moneys.credit,
            body=models.CreditOrder,
            reply=models.CreditView,
            status=(201,),
            needs_key=True,
            replies_also=(404, 409),
        ),
        Operation(
            name="putBalance",
            method="PUT",
            path=f"{ACCOUNT}/balance",
            right=Right.CREDIT,
            summary="The balance by the outside package's books, as of an instant",
            handler=moneys.report,
            body=models.BalanceOrder,
            reply=models.BalanceView,
            replies_also=(404, 409),
        ),
    )


def _of_calls(calls: Calls) -> tuple[Operation, ...]:
    return (
        Operation(
            name="listCalls",
            method="GET",
            path="/v1/calls",
            right=Right.READ,
            summary="Calls in the order of posting",
            handler=calls.listed,
            query=models.CallsQuery,
            reply=models.CallsPage,
            replies_also=(404,),
        ),
        Operation(
            name="getUsage",
            method="GET",
            path="/v1/usage",
            right=Right.READ,
            summary="Rated calls added up",
            handler=calls.usage,
            query=models.UsageQuery,
            reply=models.UsageView,
            replies_also=(404,),
        ),
    )
