"""What the simulated card provider knows: objects as its API shows them, and their events."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from simulator.clock import US, Clock

Thing = dict[str, Any]
PREFIXES = {
    "customer": "cus",
    "payment_method": "pm",
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "dispute": "du",
    "balance_transaction": "txn",
    "setup_intent": "seti",
    "checkout.session": "cs_test",
    "event": "evt",
}
WITHOUT_MODE = ("refund", "balance_transaction")
"""Objects that do not say whether they are of test or live money."""
OBJECTS_MAX = 200_000


class ApiError(Exception):
    """An answer that is an error: a status and the content of `error`."""

    def __init__(self, status: int, message: str, **content: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.status = status
        self.content: Thing = {"type": "invalid_request_error", "message": message, **content}


class CardBooks:
    """Every object by its id, in the order in which they were made."""

    def __init__(self, clock: Clock, *, is_live: bool = False) -> None:
        self._clock = clock
        self.is_live = is_live
        self.objects: dict[str, Thing] = {}
        self.on_event: Callable[[Thing], None] = lambda _event: None
        """Told of each event once it is in the books."""
        self.made = 0
        """Objects so far: no id comes twice."""

    def load(self, objects: dict[str, Thing], made: int) -> None:
        """Go on from the books of an earlier run."""
        self.objects, self.made = objects, made

    def now_s(self) -> int:
        """The present second."""
        return self._clock.now_us() // US

    def add(self, kind: str, **content: Any) -> Thing:  # noqa: ANN401
        """A new object with id and instant."""
        if len(self.objects) >= OBJECTS_MAX:
            raise ApiError(500, "The simulator is full; start it anew", type="api_error")
        self.made += 1
        thing: Thing = {
            "id": f"{PREFIXES[kind]}_sim{self.made:07d}",
            "object": kind,
            "created": self.now_s(),
            **({} if kind in WITHOUT_MODE else {"livemode": self.is_live}),
            **content,
        }
        self.objects[thing["id"]] = thing
        return thing

    def get(self, kind: str, thing_id: object, param: str = "id") -> Thing:
        """The object of that id; ApiError 404 where there is none of its kind."""
        thing = self.objects.get(str(thing_id))
        if thing is None or thing["object"] != kind:
            raise ApiError(
                404, f"No such {kind}: '{thing_id}'", code="resource_missing", param=param
            )
        return thing

    def all_of(self, kind: str) -> list[Thing]:
        """Objects of a kind, newest first."""
        return [each for each in reversed(self.objects.values()) if each["object"] == kind]

    def tell(self, kind: str, thing: Thing) -> Thing:
        """Note an event about an object as it now stands."""
        event = self.add("event", type=kind, data={"object": self.shown(thing, [])})
        self.on_event(event)
        return event

    def book(self, kind: str, amount: int, fee: int, source: Thing) -> Thing:
        """A movement of our balance at the provider."""
        return self.add(
            "balance_transaction",
            type=kind,
            amount=amount,
            fee=fee,
            net=amount - fee,
            currency=source["currency"],
            source=source["id"],
        )

    def shown(self, thing: Thing, expand: list[str]) -> Thing:
        """The object as a client sees it: ids that it wants expanded are replaced by objects."""
        seen = copy.deepcopy({key: value for key, value in thing.items() if key[0] != "_"})
        for path in expand:
            self._expand(seen, path.split("."))
        return seen

    def _expand(self, place: Any, path: list[str]) -> None:  # noqa: ANN401
        if isinstance(place, list):
            for each in place:
                self._expand(each, path)
            return
        if not isinstance(place, dict) or path[0] not in place:
            raise ApiError(400, f"This property cannot be expanded ({path[0]}).", param="expand")
        value = place[path[0]]
        if isinstance(value, str) and value in self.objects:
            place[path[0]] = value = self.shown(self.objects[value], [])
        if path[1:] and value is not None:
            self._expand(value, path[1:])
