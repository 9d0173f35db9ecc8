"""The 16 tools of tau-bench's shop over its tables `orders`, `products` and `users`.

What they check, in which order, and what they say then is as published.

Rules: https://github.com/sierra-research/tau-bench (MIT), written anew.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tau_world import SHARED, SHARED_SCHEMAS, Domain, Entry, Refused, World, tool

_REASONS = ("no longer needed", "ordered by mistake")  # for which an order can be cancelled
_NO_USER, _NO_ORDER = "user not found", "order not found"


# --- looking up --------------------------------------------------------------------------


def find_user_id_by_email(world: World, email: str) -> str:
    """The id of the user who has an e-mail address, in whichever case."""
    for name, profile in world.entries("users"):
        if profile["email"].lower() == email.lower():
            return name
    raise Refused(_NO_USER)


def find_user_id_by_name_zip(
    world: World,
    first_name: str,
    last_name: str,
    zip: str,
) -> str:
    """The id of the user who has a name, in whichever case, and a postal code."""
    wanted = (first_name.lower(), last_name.lower(), zip)
    for name, profile in world.entries("users"):
        called = profile["name"]
        found = (called["first_name"].lower(), called["last_name"].lower())
        if (*found, profile["address"]["zip"]) == wanted:
            return name
    raise Refused(_NO_USER)


def get_user_details(world: World, user_id: str) -> str:
    """A user's profile."""
    return json.dumps(world.read("users", user_id, _NO_USER))


def get_order_details(world: World, order_id: str) -> str:
    """An order."""
    return json.dumps(world.read("orders", order_id, _NO_ORDER))


def get_product_details(world: World, product_id: str) -> str:
    """A product with its variants."""
    return json.dumps(world.read("products", product_id, "product not found"))


def list_all_product_types(world: World) -> str:
    """The ids of all products by their names, in order."""
    found = {one["name"]: one["product_id"] for one in world.table("products").values()}
    return json.dumps(dict(sorted(found.items())))


# --- changing ----------------------------------------------------------------------------


def _order(world: World, order_id: str, status: str, otherwise: str) -> Entry:
    """An order of a status, to be changed.

    Raises:
        Refused: there is none, or it has another status (with the text `otherwise`).
    """
    found = world.read("orders", order_id, _NO_ORDER)
    if found["status"] != status:
        raise Refused(otherwise)
    return world.edit("orders", order_id, _NO_ORDER)


def _methods(world: World, order: Entry) -> dict[str, Entry]:
    """The payment methods of an order's owner, to be changed."""
    found: dict[str, Entry] = world.edit("users", order["user_id"], _NO_USER)["payment_methods"]
    return found


def _method(world: World, order: Entry, name: str) -> Entry:
    methods = _methods(world, order)
    if name not in methods:
        raise Refused("payment method not found")
    return methods[name]


def _charge(method: Entry, price: float) -> None:
    """Take a price off a gift card, or with a negative price put it on."""
    method["balance"] = round(method["balance"] - price, 2)


def _check_balance(method: Entry, price: float, otherwise: str) -> None:
    if method["source"] == "gift_card" and method["balance"] < price:
        raise Refused(otherwise)


def cancel_pending_order(world: World, order_id: str, reason: str) -> str:
    """Cancel: every payment is refunded, to gift cards at once."""
    order = _order(world, order_id, "pending", "non-pending order cannot be cancelled")
    if reason not in _REASONS:
        raise Refused("invalid reason")
    refunds = []
    for payment in order["payment_history"]:
        name, amount = payment["payment_method_id"], payment["amount"]
        refunds.append(_paid("refund", amount, name))
        if "gift_card" in name:
            _charge(_methods(world, order)[name], -amount)
    order["status"] = "cancelled"
    order["cancel_reason"] = reason
    order["payment_history"] += refunds
    return json.dumps(order)


def _paid(kind: str, amount: float, method: str) -> Entry:
    return {"transaction_type": kind, "amount": amount, "payment_method_id": method}


def exchange_delivered_order_items(
    world: World,
    order_id: str,
    item_ids: list[str],
    new_item_ids: list[str],
    payment_method_id: str,
) -> str:
    """Ask for other variants of what was delivered; money and goods move later."""
    order = _order(world, order_id, "delivered", "non-delivered order cannot be exchanged")
    price = round(_difference(world, order, item_ids, new_item_ids), 2)
    method = _method(world, order, payment_method_id)
    _check_balance(
        method, price, "insufficient gift card balance to pay for the price difference"
    )
    order["status"] = "exchange requested"
    order["exchange_items"] = sorted(item_ids)
    order["exchange_new_items"] = sorted(new_item_ids)
    order["exchange_payment_method_id"] = payment_method_id
    order["exchange_price_difference"] = price
    return json.dumps(order)


def modify_pending_order_items(
    world: World,
    order_id: str,
    item_ids: list[str],
    new_item_ids: list[str],
    payment_method_id: str,
) -> str:
    """Put other variants in an order, once, and settle the difference."""
    order = _order(world, order_id, "pending", "non-pending order cannot be modified")
    price = _difference(world, order, item_ids, new_item_ids)
    method = _method(world, order, payment_method_id)
    _check_balance(method, price, "insufficient gift card balance to pay for the new item")
    kind = "payment" if price > 0 else "refund"
    order["payment_history"].append(_paid(kind, abs(price), payment_method_id))
    if method["source"] == "gift_card":
        _charge(method, price)
    for old, new in zip(item_ids, new_item_ids, strict=True):
        item = _item(order, old)
        variant = world.table("products")[item["product_id"]]["variants"][new]
        item |= {"item_id": new, "price": variant["price"], "options": variant["options"]}
    order["status"] = "pending (item modified)"
    return json.dumps(order)


def _difference(world: World, order: Entry, old: Sequence[str], new: Sequence[str]) -> float:
    """By how much new items cost more than those in their places, added up one by one.

    Raises:
        Refused: an old one is not in the order, a new one is no variant of it that is there.
    """
    _check_items(order, old, "{item} not found")
    if len(old) != len(new):
        raise Refused("the number of items to be exchanged should match")
    more = 0.0  # not `sum`, which since Python 3.12 rounds another way
    for before, after in zip(old, new, strict=True):
        item = _item(order, before)
        variants = world.table("products")[item["product_id"]]["variants"]
        if after not in variants or not variants[after]["available"]:
            raise Refused(f"new item {after} not found or available")
        more += variants[after]["price"] - item["price"]
    return more


def _check_items(order: Entry, items: Sequence[str], otherwise: str) -> None:
    """Refuse items that the order does not hold, or not so often."""
    there = [one["item_id"] for one in order["items"]]
    for item in items:
        if items.count(item) > there.count(item):
            raise Refused(otherwise.format(item=item))


def _item(order: Entry, name: str) -> Entry:
    found: Entry = next(one for one in order["items"] if one["item_id"] == name)
    return found


def return_delivered_order_items(
    world: World, order_id: str, item_ids: list[str], payment_method_id: str
) -> str:
    """Ask to send items back, for money on a gift card or where it came from."""
    order = _order(world, order_id, "delivered", "non-delivered order cannot be returned")
    _method(world, order, payment_method_id)
    original = order["payment_history"][0]["payment_method_id"]
    if "gift_card" not in payment_method_id and payment_method_id != original:
        raise Refused(
            "payment method should be either the original payment method or a gift card"
        )
    _check_items(order, item_ids, "some item not found")
    order["status"] = "return requested"
    order["return_items"] = sorted(item_ids)
    order["return_payment_method_id"] = payment_method_id
    return json.dumps(order)


def modify_pending_order_payment(world: World, order_id: str, payment_method_id: str) -> str:
    """Pay an order that has one payment by another method."""
    order = _order(world, order_id, "pending", "non-pending order cannot be modified")
    method = _method(world, order, payment_method_id)
    history = order["payment_history"]
    if len(history) > 1 or history[0]["transaction_type"] != "payment":
        raise Refused("there should be exactly one payment for a pending order")
    before, amount = history[0]["payment_method_id"], history[0]["amount"]
    if before == payment_method_id:
        raise Refused("the new payment method should be different from the current one")
    _check_balance(method, amount, "insufficient gift card balance to pay for the order")
    history += [_paid("payment", amount, payment_method_id), _paid("refund", amount, before)]
    if method["source"] == "gift_card":
        _charge(method, amount)
    if "gift_card" in before:
        _charge(_methods(world, order)[before], -amount)
    return json.dumps(order)


def modify_pending_order_address(  # noqa: PLR0913
    world: World,
    order_id: str,
    address1: str,
    address2: str,
    city: str,
    state: str,
    country: str,
    zip: str,
) -> str:
    """Send an order elsewhere."""
    order = _order(world, order_id, "pending", "non-pending order cannot be modified")
    order["address"] = _place(address1, address2, city, state, country, zip)
    return json.dumps(order)


def modify_user_address(  # noqa: PLR0913
    world: World,
    user_id: str,
    address1: str,
    address2: str,
    city: str,
    state: str,
    country: str,
    zip: str,
) -> str:
    """Change where a user lives."""
    profile = world.edit("users", user_id, _NO_USER)
    profile["address"] = _place(address1, address2, city, state, country, zip)
    return json.dumps(profile)


def _place(*parts: str) -> Entry:
    return dict(zip(_ADDRESS, parts, strict=True))


# --- as tools ----------------------------------------------------------------------------


def _text(description: str, *options: str) -> dict[str, Any]:
    allowed = {"enum": list(options)} if options else {}
    return {"type": "string", "description": description, **allowed}


def _ids(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description}


_ORDER = _text("Id of the order, '#' included, for example '#W0000000'.")
_USER = _text("Id of the user, for example 'sara_doe_496'.")
_PAYMENT = _text("Id of a payment method in the profile, for example 'gift_card_0000000'.")
_ITEMS = _ids("Ids of items in the order, repeated where several are meant.")
_NEW_ITEMS = _ids("Ids of what takes their places, in the same order, of the same products.")
_ADDRESS = {
    "address1": _text("First line, for example '123 Main St'."),
    "address2": _text("Second line; may be ''."),
    "city": _text("For example 'San Francisco'."),
    "state": _text("For example 'CA'."),
    "country": _text("For example 'USA'."),
    "zip": _text("Postal code, for example '12345'."),
}
_EXCHANGE = {
    "order_id": _ORDER,
    "item_ids": _ITEMS,
    "new_item_ids": _NEW_ITEMS,
    "payment_method_id": _PAYMENT,
}
_TOOLS: dict[Callable[..., str], tuple[str, dict[str, Any]]] = {
    cancel_pending_order: (
        "Cancel an order that is pending and refund it. Have the user confirm first.",
        {"order_id": _ORDER, "reason": _text("Why.", *_REASONS)},
    ),
    exchange_delivered_order_items: (
        "Exchange items of a delivered order for other variants, once an order. Have the user "
        "confirm first.",
        _EXCHANGE,
    ),
    find_user_id_by_email: (
        "Find a user by e-mail address.",
        {"email": _text("For example 'ann@example.com'.")},
    ),
    find_user_id_by_name_zip: (
        "Find a user by name and postal code, where the e-mail address does not help.",
        {
            "first_name": _text("For example 'Ann'."),
            "last_name": _text("For example 'Doe'."),
            "zip": _ADDRESS["zip"],
        },
    ),
    get_order_details: ("Show an order and its status.", {"order_id": _ORDER}),
    get_product_details: (
        "Show a product with all its variants.",
        {"product_id": _text("Id of the product, which is no item's: '6086499569'.")},
    ),
    get_user_details: ("Show a user's profile.", {"user_id": _USER}),
    list_all_product_types: ("List all products with their ids.", {}),
    modify_pending_order_address: (
        "Change where a pending order is sent. Have the user confirm first.",
        {"order_id": _ORDER, **_ADDRESS},
    ),
    modify_pending_order_items: (
        "Change items of a pending order to other variants, once an order. Have the user "
        "confirm first.",
        _EXCHANGE,
    ),
    modify_pending_order_payment: (
        "Change how a pending order is paid. Have the user confirm first.",
        {"order_id": _ORDER, "payment_method_id": _PAYMENT},
    ),
    modify_user_address: (
        "Change a user's own address. Have the user confirm first.",
        {"user_id": _USER, **_ADDRESS},
    ),
    return_delivered_order_items: (
        "Return items of a delivered order, once an order. Have the user confirm first.",
        {"order_id": _ORDER, "item_ids": _ITEMS, "payment_method_id": _PAYMENT},
    ),
}
DOMAIN = Domain(
    name="retail",
    tables=("orders", "products", "users"),
    functions={**{function.__name__: function for function in _TOOLS}, **SHARED},
    schemas=(
        *(tool(function.__name__, *said) for function, said in _TOOLS.items()),
        *SHARED_SCHEMAS,
    ),
)
