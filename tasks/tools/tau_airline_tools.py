"""The 14 tools of tau-bench's airline over its tables `flights`, `reservations` and `users`.

What they check, in which order, and what they say then is as published, oddities included: a
changed cabin is not written into the reservation, a missing reservation is a user not found,
a second leg after midnight shows the seats of the day before.

Rules: https://github.com/sierra-research/tau-bench (MIT), written anew.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tau_world import SHARED, SHARED_SCHEMAS, Domain, Entry, Refused, World, tool

_NOW = "2024-05-15T15:00:00"
_BAG = 50  # dollars for a checked bag beyond the free ones
_INSURANCE = 30  # dollars a passenger
_BOOKED = ("HATHAT", "HATHAU", "HATHAV")  # ids of new reservations, in their order
_FILLED_IN = ("price", "origin", "destination")  # of a booked flight
_CERTIFICATES = (3221322, 3221323, 3221324)
_AIRPORTS = {
    "SFO": "San Francisco",
    "JFK": "New York",
    "LAX": "Los Angeles",
    "ORD": "Chicago",
    "DFW": "Dallas",
    "DEN": "Denver",
    "SEA": "Seattle",
    "ATL": "Atlanta",
    "MIA": "Miami",
    "BOS": "Boston",
    "PHX": "Phoenix",
    "IAH": "Houston",
    "LAS": "Las Vegas",
    "MCO": "Orlando",
    "EWR": "Newark",
    "CLT": "Charlotte",
    "MSP": "Minneapolis",
    "DTW": "Detroit",
    "PHL": "Philadelphia",
    "LGA": "LaGuardia",
}


# --- looking up --------------------------------------------------------------------------


def list_all_airports(world: World) -> str:
    """Every airport and its city."""
    return json.dumps(_AIRPORTS)


def get_user_details(world: World, user_id: str) -> str:
    """A user's profile."""
    return json.dumps(world.read("users", user_id, "user not found"))


def get_reservation_details(world: World, reservation_id: str) -> str:
    """A reservation."""
    return json.dumps(world.read("reservations", reservation_id, "user not found"))


def search_direct_flight(world: World, origin: str, destination: str, date: str) -> str:
    """Flights that can be booked, without a stop."""
    return json.dumps(
        [
            {**_described(flight), **flight["dates"][date]}
            for flight in world.table("flights").values()
            if (flight["origin"], flight["destination"]) == (origin, destination)
            and _open(flight, date)
        ]
    )


def search_onestop_flight(world: World, origin: str, destination: str, date: str) -> str:
    """Pairs of flights that can be booked, one after the other."""
    return json.dumps(list(_pairs(world, origin, destination, date)))


def _pairs(world: World, origin: str, destination: str, date: str) -> Iterator[list[Entry]]:
    flights = world.table("flights").values()
    for first in (one for one in flights if one["origin"] == origin):
        lands = first["scheduled_arrival_time_est"]
        later = f"2024-05-{int(date[-2:]) + 1}" if "+1" in lands else date
        for second in (one for one in flights if one["destination"] == destination):
            meets = first["destination"] == second["origin"]
            if not meets or lands > second["scheduled_departure_time_est"]:
                continue
            if _open(first, date) and _open(second, later):
                yield [
                    {**_described(first), **first["dates"][date], "date": date},
                    {**_described(second), **second["dates"][date], "date": later},
                ]


def _open(flight: Entry, date: str) -> bool:
    """Whether a flight can be booked on a date."""
    there: bool = flight["dates"].get(date, {}).get("status") == "available"
    return there


def _described(flight: Entry) -> Entry:
    return {name: value for name, value in flight.items() if name != "dates"}


# --- changing ----------------------------------------------------------------------------


def book_reservation(  # noqa: PLR0913
    world: World,
    user_id: str,
    origin: str,
    destination: str,
    flight_type: str,
    cabin: str,
    flights: list[Entry],
    passengers: list[Entry],
    payment_methods: list[Entry],
    total_baggages: int,
    nonfree_baggages: int,
    insurance: str,
) -> str:
    """Book: flights must have seats, payments must add up to the price."""
    world.read("users", user_id, "user not found")
    booked = _priced(world, flights, cabin, len(passengers))
    price = sum(one["price"] for one in booked) * len(passengers) + _BAG * nonfree_baggages
    price += _INSURANCE * len(passengers) if insurance == "yes" else 0
    customer = world.edit("users", user_id, "user not found")
    _check_payments(customer, payment_methods, price)
    _pay(customer, payment_methods)
    name = next((one for one in _BOOKED if not world.has("reservations", one)), _BOOKED[-1])
    made = {
        "reservation_id": name,
        "user_id": user_id,
        "origin": origin,
        "destination": destination,
        "flight_type": flight_type,
        "cabin": cabin,
        "flights": booked,
        "passengers": passengers,
        "payment_history": payment_methods,
        "created_at": _NOW,
        "total_baggages": total_baggages,
        "nonfree_baggages": nonfree_baggages,
        "insurance": insurance,
    }
    world.put("reservations", name, made)
    customer["reservations"].append(name)
    return json.dumps(made)


def _priced(
    world: World, flights: Sequence[Entry], cabin: str, seats: int, kept: Sequence[Entry] = ()
) -> list[Entry]:
    """Flights with their prices and places; those that are kept have what they had.

    Raises:
        Refused: there is no such flight, it cannot be booked, or it has too few seats.
    """
    found = []
    for flight in flights:
        number, date = _leg(flight)
        same = next((one for one in kept if _leg(one) == (number, date)), None)
        if same is not None:
            found.append(flight | {name: same[name] for name in _FILLED_IN})
            continue
        if number not in world.table("flights"):
            raise Refused(f"flight {number} not found")
        known = world.table("flights")[number]
        if date not in known["dates"]:
            raise Refused(f"flight {number} not found on date {date}")
        if not _open(known, date):
            raise Refused(f"flight {number} not available on date {date}")
        day = known["dates"][date]
        if day["available_seats"][cabin] < seats:
            raise Refused(f"not enough seats on flight {number}")
        filled_in = (day["prices"][cabin], known["origin"], known["destination"])
        found.append(flight | dict(zip(_FILLED_IN, filled_in, strict=True)))
    return found


def _leg(flight: Entry) -> tuple[str, str]:
    return flight["flight_number"], flight["date"]


def _check_payments(customer: Entry, payments: Sequence[Entry], price: float) -> None:
    known = customer["payment_methods"]
    for payment in payments:
        name, amount = payment["payment_id"], payment["amount"]
        if name not in known:
            raise Refused(f"payment method {name} not found")
        limited = known[name]["source"] in ("gift_card", "certificate")
        if limited and known[name]["amount"] < amount:
            raise Refused(f"not enough balance in payment method {name}")
    paid = sum(payment["amount"] for payment in payments)
    if paid != price:
        raise Refused(
            f"payment amount does not add up, total price is {price}, but paid {paid}"
        )


def _pay(customer: Entry, payments: Sequence[Entry]) -> None:
    """Take the money: a certificate is used up whole, a card of the bank is not counted."""
    known = customer["payment_methods"]
    for payment in payments:
        method = known[payment["payment_id"]]
        if method["source"] == "gift_card":
            method["amount"] -= payment["amount"]
        elif method["source"] == "certificate":
            del known[payment["payment_id"]]


def cancel_reservation(world: World, reservation_id: str) -> str:
    """Cancel: every payment is followed by its refund."""
    found = world.edit("reservations", reservation_id, "reservation not found")
    found["payment_history"] += [
        {"payment_id": one["payment_id"], "amount": -one["amount"]}
        for one in found["payment_history"]
    ]
    found["status"] = "cancelled"
    return json.dumps(found)


def update_reservation_flights(
    world: World, reservation_id: str, cabin: str, flights: list[Entry], payment_id: str
) -> str:
    """Change flights or their cabin; flights that stay keep their price in the same cabin."""
    found = world.edit("reservations", reservation_id, "reservation not found")
    seats = len(found["passengers"])
    kept = found["flights"] if cabin == found["cabin"] else ()
    changed = _priced(world, flights, cabin, seats, kept)
    before = sum(one["price"] for one in found["flights"])
    price = (sum(one["price"] for one in changed) - before) * seats
    method = _method(world, found, payment_id, price)
    if method["source"] == "gift_card":
        method["amount"] -= price
    found["flights"] = changed
    _note(found, payment_id, price)
    return json.dumps(found)


def update_reservation_baggages(
    world: World,
    reservation_id: str,
    total_baggages: int,
    nonfree_baggages: int,
    payment_id: str,
) -> str:
    """Change checked bags; more of those that cost are paid for, fewer are not refunded."""
    found = world.edit("reservations", reservation_id, "reservation not found")
    price = _BAG * max(0, nonfree_baggages - found["nonfree_baggages"])
    method = _method(world, found, payment_id, price)
    found["total_baggages"] = total_baggages
    found["nonfree_baggages"] = nonfree_baggages
    if method["source"] == "gift_card":
        method["amount"] -= price
    _note(found, payment_id, price)
    return json.dumps(found)


def _method(world: World, reservation: Entry, payment_id: str, price: float) -> Entry:
    """The payment method of a reservation's owner, to be charged with a price.

    Raises:
        Refused: it is not there, is a certificate, or a gift card with less than the price.
    """
    owner = world.edit("users", reservation["user_id"], "user not found")
    if payment_id not in owner["payment_methods"]:
        raise Refused("payment method not found")
    method: Entry = owner["payment_methods"][payment_id]
    if method["source"] == "certificate":
        raise Refused("certificate cannot be used to update reservation")
    if method["source"] == "gift_card" and method["amount"] < price:
        raise Refused("gift card balance is not enough")
    return method


def _note(reservation: Entry, payment_id: str, price: float) -> None:
    if price != 0:
        paid = {"payment_id": payment_id, "amount": price}
        reservation["payment_history"].append(paid)


def update_reservation_passengers(
    world: World, reservation_id: str, passengers: list[Entry]
) -> str:
    """Change who flies, not how many."""
    found = world.edit("reservations", reservation_id, "reservation not found")
    if len(passengers) != len(found["passengers"]):
        raise Refused("number of passengers does not match")
    found["passengers"] = passengers
    return json.dumps(found)


def send_certificate(world: World, user_id: str, amount: float) -> str:
    """Give a user a certificate, three at most."""
    methods = world.edit("users", user_id, "user not found")["payment_methods"]
    free = [name for one in _CERTIFICATES if (name := f"certificate_{one}") not in methods]
    if not free:
        return ""
    methods[free[0]] = {"source": "certificate", "amount": amount, "id": free[0]}
    return f"Certificate {free[0]} added to user {user_id} with amount {amount}."


# --- as tools ----------------------------------------------------------------------------


def _text(description: str, *options: str) -> dict[str, Any]:
    allowed = {"enum": list(options)} if options else {}
    return {"type": "string", "description": description, **allowed}


def _list(description: str, **fields: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "array", "description": description, "items": items}


_USER = _text("Id of the user, for example 'sara_doe_496'.")
_RESERVATION = _text("Id of the reservation, for example 'ZFA04Y'.")
_CABIN = _text("Of all flights.", "basic_economy", "economy", "business")
_DATE = _text("YYYY-MM-DD, for example '2024-05-01'.")
_FROM = _text("Airport of departure, three letters, for example 'JFK'.")
_TO = _text("Airport of arrival, three letters, for example 'LAX'.")
_PAYMENT = _text("Id in the user's profile, for example 'gift_card_7815826'.")
_NUMBER = _text("For example 'HAT001'.")
_FLIGHTS = _list("All flights of the trip.", flight_number=_NUMBER, date=_DATE)
_BAGS = {"type": "integer", "description": "Checked bags in all."}
_PAID_BAGS = {"type": "integer", "description": "Checked bags that are not free."}
_PASSENGERS = _list(
    "Everybody who flies.",
    first_name=_text("For example 'Noah'."),
    last_name=_text("For example 'Brown'."),
    dob=_text("Date of birth, YYYY-MM-DD."),
)
_AMOUNT = {"type": "number", "description": "Dollars."}
_PAYMENTS = _list("Who pays how much of it.", payment_id=_PAYMENT, amount=_AMOUNT)
_SEARCH = {"origin": _FROM, "destination": _TO, "date": _DATE}
_BOOKING = {
    "user_id": _USER,
    "origin": _FROM,
    "destination": _TO,
    "flight_type": _text("There only, or there and back.", "one_way", "round_trip"),
    "cabin": _CABIN,
    "flights": _FLIGHTS,
    "passengers": _PASSENGERS,
    "payment_methods": _PAYMENTS,
    "total_baggages": _BAGS,
    "nonfree_baggages": _PAID_BAGS,
    "insurance": _text("Travel insurance.", "yes", "no"),
}
_CHANGED_FLIGHTS = {
    "reservation_id": _RESERVATION,
    "cabin": _CABIN,
    "flights": {
        **_FLIGHTS,
        "description": "Every flight of the changed reservation, those that stay included.",
    },
    "payment_id": _PAYMENT,
}
_CHANGED_BAGS = {
    "reservation_id": _RESERVATION,
    "total_baggages": _BAGS,
    "nonfree_baggages": _PAID_BAGS,
    "payment_id": _PAYMENT,
}
_TOOLS: dict[Callable[..., str], tuple[str, dict[str, Any]]] = {
    book_reservation: ("Make a reservation.", _BOOKING),
    cancel_reservation: ("Cancel a whole reservation.", {"reservation_id": _RESERVATION}),
    get_reservation_details: ("Show a reservation.", {"reservation_id": _RESERVATION}),
    get_user_details: ("Show a user's profile.", {"user_id": _USER}),
    list_all_airports: ("List the airports with their cities.", {}),
    search_direct_flight: ("Find flights between two airports on a date.", _SEARCH),
    search_onestop_flight: ("Find flights with one stop on a date.", _SEARCH),
    send_certificate: (
        "Give a user a travel certificate. Use it with care.",
        {"user_id": _USER, "amount": _AMOUNT},
    ),
    update_reservation_baggages: ("Change the bags of a reservation.", _CHANGED_BAGS),
    update_reservation_flights: ("Change the flights of a reservation.", _CHANGED_FLIGHTS),
    update_reservation_passengers: (
        "Change the passengers of a reservation.",
        {"reservation_id": _RESERVATION, "passengers": _PASSENGERS},
    ),
}
DOMAIN = Domain(
    name="airline",
    tables=("flights", "reservations", "users"),
    functions={**{function.__name__: function for function in _TOOLS}, **SHARED},
    schemas=(
        *(tool(function.__name__, *said) for function, said in _TOOLS.items()),
        *SHARED_SCHEMAS,
    ),
)
