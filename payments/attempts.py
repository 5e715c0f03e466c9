"""The life of a top-up as one table: what each event means in each state, and what it entails.

Each cell names the state that follows, where that is another one, and what has to be done (see
Follow). `-` is: nothing changes. `!` is an alarm: alone, because the event cannot be in this state
and changes nothing; at the end, beside what is done. After `reverse` and `restore` the top-up is
reversed or approved by what is left of it. What a provider answers, and what it says when it is
looked up or called off, is the same event: `succeeded` credits whoever brought the news.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.payment import DeclineClass
from rtbill.domain.top_up import Follow, TopUpState


class Event(StrEnum):
    """What can happen to a top-up."""

    CREATE_ASKED = "create asked"
    """Its turn has come: the provider is about to be told."""
    CREATED = "created"
    """The provider knows it by an id, and no money has moved."""
    CREATE_LOST = "create lost"
    """No answer, or none that makes sense."""
    NOT_SENT = "not sent"
    """The provider could not be reached, and surely heard nothing."""
    CONFIRM_ASKED = "confirm asked"
    """The provider is about to be asked to take the money; once more when its holder is there."""
    CONFIRM_LOST = "confirm lost"
    SUCCEEDED = "succeeded"
    """The money is ours."""
    DECLINED_FAST = "declined fast"
    DECLINED_SOFT = "declined soft"
    DECLINED_VAGUE = "declined vague"
    DECLINED_ACTION = "declined action"
    DECLINED_CARD = "declined card"
    DECLINED_NEVER = "declined never"
    DECLINED_OURS = "declined ours"
    ACTION_NEEDED = "action needed"
    """The holder has to confirm it."""
    PENDING = "pending"
    """The provider is still at it."""
    CANCELLED = "cancelled"
    """No money has moved, and none will."""
    ABSENT = "absent"
    """The provider knows nothing of it."""
    ABSENT_AGAIN = "absent again"
    """For the third time, minutes apart (RP-61)."""
    ODD_ANSWER = "odd answer"
    """Paid with another amount, currency or id than asked for (RP-64)."""
    LOOK_LOST = "look lost"
    """It was to be looked up, and no answer came."""
    CANCEL_LOST = "cancel lost"
    """It was to be called off, and no answer came."""
    WEBHOOK_PAYMENT = "webhook: payment"
    """The provider says that something became of it. What, is asked."""
    WEBHOOK_REFUND = "webhook: refund"
    WEBHOOK_DISPUTE = "webhook: dispute"
    TIMER = "timer"
    """Its next look is due."""
    EXPIRED = "expired"
    """The provider may have forgotten its keys (RP-22), or the holder had time enough."""
    REVOKED = "revoked"
    """The method was removed, or buying switched off, before the money was asked for (RP-04)."""
    CALL_OFF = "call off"
    """Its holder or the operator wants it no more."""
    OPERATOR_PAID = "operator: paid"
    """A person has proof that it was paid."""
    OPERATOR_UNPAID = "operator: unpaid"
    """A person has proof that it was not."""
    REFUND_ASKED = "refund asked"
    """We want money to go back."""
    REFUND_LOST = "refund lost"
    """The provider was asked for it, and no answer came."""
    REFUNDED = "refunded"
    """The provider gives money back, or did."""
    REFUND_FAILED = "refund failed"
    """The money did not arrive there, and is ours again."""
    INQUIRY = "inquiry"
    """The holder asks the bank about it; no money moves."""
    DISPUTED = "disputed"
    """The provider took the money back."""
    REINSTATED = "reinstated"
    """It was given to us again."""


DECLINES = {decline: Event(f"declined {decline}") for decline in DeclineClass}


class Step(NamedTuple):
    """What a pair of state and event means."""

    to: TopUpState | None
    """None: the state stays, or is told by what is left."""
    follows: tuple[Follow, ...]

    def __str__(self) -> str:
        """As in the table."""
        return " ".join(filter(None, (self.to, *self.follows))) or "-"


_BEFORE_MONEY_CAN_MOVE = """
                 | wanted               | asked                | created
create asked     | asked create         | -                    | -
created          | !                    | created next         | -
create lost      | !                    | unknown look         | -
not sent         | -                    | wanted               | -
confirm asked    | !                    | !                    | sent confirm
confirm lost     | !                    | !                    | unknown look
succeeded        | approved credit !    | approved credit      | approved credit
declined fast    | !                    | declined later       | declined later
declined soft    | !                    | declined later       | declined later
declined vague   | !                    | declined later       | declined later
declined action  | !                    | declined tell        | declined tell
declined card    | !                    | declined bar         | declined bar
declined never   | !                    | declined bar         | declined bar
declined ours    | !                    | declined stop        | declined stop
action needed    | !                    | action needed link   | action needed link
pending          | !                    | unknown look         | sent look
cancelled        | !                    | cancelled tell       | cancelled tell
absent           | -                    | unknown look         | unknown look !
absent again     | -                    | called off cancel    | called off cancel
odd answer       | !                    | unknown look !       | unknown look !
look lost        | -                    | unknown look         | -
cancel lost      | -                    | -                    | -
webhook: payment | look                 | look                 | look
webhook: refund  | look                 | look                 | look
webhook: dispute | look                 | look                 | look
timer            | next                 | unknown look         | next
expired          | cancelled tell       | unknown look         | called off cancel
revoked          | cancelled            | -                    | called off cancel
call off         | cancelled            | called off cancel    | called off cancel
operator: paid   | !                    | approved credit      | approved credit
operator: unpaid | cancelled            | cancelled tell       | cancelled tell
refund asked     | !                    | !                    | !
refund lost      | note                 | note                 | note
refunded         | note look            | note look            | note look
refund failed    | note                 | note                 | note
inquiry          | note !               | note !               | note !
disputed         | note look            | note look            | note look
reinstated       | note                 | note                 | note
"""
_WHILE_IT_CAN = """
                 | sent               | action needed      | unknown            | called off
create asked     | -                  | -                  | -                  | -
created          | -                  | -                  | created next       | cancel
create lost      | -                  | -                  | -                  | -
not sent         | created            | -                  | look               | cancel
confirm asked    | -                  | sent confirm       | -                  | -
confirm lost     | unknown look       | -                  | -                  | -
succeeded        | approved credit    | approved credit    | approved credit    | approved credit
declined fast    | declined later     | declined later     | declined later     | declined later
declined soft    | declined later     | declined later     | declined later     | declined later
declined vague   | declined later     | declined later     | declined later     | declined later
declined action  | declined tell      | declined tell      | declined tell      | declined tell
declined card    | declined bar       | declined bar       | declined bar       | declined bar
declined never   | declined bar       | declined bar       | declined bar       | declined bar
declined ours    | declined stop      | declined stop      | declined stop      | declined stop
action needed    | action needed link | -                  | action needed link | cancel
pending          | look               | sent look          | look               | cancel
cancelled        | cancelled tell     | cancelled tell     | cancelled tell     | cancelled tell
absent           | unknown look !     | unknown look !     | look               | cancelled tell
absent again     | called off cancel  | called off cancel  | called off cancel  | cancelled tell
odd answer       | unknown look !     | unknown look !     | look !             | cancel !
look lost        | unknown look       | look               | look               | cancel
cancel lost      | -                  | -                  | -                  | cancel
webhook: payment | look               | look               | look               | look
webhook: refund  | look               | look               | look               | look
webhook: dispute | look               | look               | look               | look
timer            | unknown look       | look               | look               | cancel
expired          | unknown look       | called off cancel  | look               | cancel
revoked          | -                  | called off cancel  | -                  | -
call off         | called off cancel  | called off cancel  | called off cancel  | cancel
operator: paid   | approved credit    | approved credit    | approved credit    | approved credit
operator: unpaid | cancelled tell     | cancelled tell     | cancelled tell     | cancelled tell
refund asked     | !                  | !                  | !                  | !
refund lost      | note               | note               | note               | note
refunded         | note look          | note look          | note look          | note look
refund failed    | note               | note               | note               | note
inquiry          | note !             | note !             | note !             | note !
disputed         | note look          | note look          | note look          | note look
reinstated       | note               | note               | note               | note
"""
_WHEN_IT_IS_OVER = """
                 | approved           | declined           | cancelled          | reversed
create asked     | -                  | -                  | -                  | -
created          | -                  | -                  | cancel             | -
create lost      | -                  | -                  | -                  | -
not sent         | -                  | -                  | -                  | -
confirm asked    | -                  | -                  | -                  | -
confirm lost     | -                  | -                  | -                  | -
succeeded        | -                  | approved credit !  | approved credit !  | -
declined fast    | !                  | -                  | -                  | !
declined soft    | !                  | -                  | -                  | !
declined vague   | !                  | -                  | -                  | !
declined action  | !                  | -                  | -                  | !
declined card    | !                  | -                  | -                  | !
declined never   | !                  | -                  | bar                | !
declined ours    | !                  | -                  | -                  | !
action needed    | -                  | -                  | cancel             | -
pending          | -                  | !                  | !                  | -
cancelled        | !                  | -                  | -                  | !
absent           | !                  | -                  | -                  | !
absent again     | !                  | -                  | -                  | !
odd answer       | !                  | !                  | !                  | !
look lost        | -                  | -                  | -                  | -
cancel lost      | -                  | -                  | !                  | -
webhook: payment | look               | look               | look               | look
webhook: refund  | look               | look               | look               | look
webhook: dispute | look               | look               | look               | look
timer            | -                  | -                  | -                  | -
expired          | -                  | -                  | -                  | -
revoked          | -                  | -                  | -                  | -
call off         | -                  | -                  | -                  | -
operator: paid   | -                  | approved credit    | approved credit    | -
operator: unpaid | !                  | -                  | -                  | -
refund asked     | reverse            | !                  | !                  | !
refund lost      | note               | note               | note               | note
refunded         | reverse            | note look          | note look          | reverse
refund failed    | restore !          | note               | note               | restore !
inquiry          | note !             | note !             | note !             | note !
disputed         | reverse bar halt ! | note look          | note look          | reverse bar halt !
reinstated       | restore            | note               | note               | restore
"""


def _step(cell: str) -> Step:
    to = next((state for state in TopUpState if f"{cell} ".startswith(f"{state} ")), None)
    words = cell.removeprefix(to or "").split()
    return Step(to, tuple(Follow(word) for word in words if word != "-"))


def _read(grid: str) -> dict[tuple[TopUpState, Event], Step]:
    head, *lines = (line.split("|") for line in grid.strip("\n").splitlines())
    states = [TopUpState(cell.strip()) for cell in head[1:]]
    return {
        (state, Event(line[0].strip())): _step(cell.strip())
        for line in lines
        for state, cell in zip(states, line[1:], strict=True)
    }


TABLE = _read(_BEFORE_MONEY_CAN_MOVE) | _read(_WHILE_IT_CAN) | _read(_WHEN_IT_IS_OVER)
"""What each event means in each state; every pair is there."""


def step(state: TopUpState, event: Event) -> Step:
    """What the event means for a top-up in this state."""
    return TABLE[state, event]
