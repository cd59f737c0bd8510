"""Collectives of the sample and what they were given, as Open Collective's API tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from oso_processors.sample.world import END, World

PAYMENTS = 24
GUEST: dict[str, Any] = {"slug": "guest-7f", "type": "INDIVIDUAL", "isGuest": True}
INCOGNITO: dict[str, Any] = {"slug": "incognito-9a", "type": "INDIVIDUAL", "isIncognito": True}
COMPANY: dict[str, Any] = {"slug": "Acme-Corp", "type": "ORGANIZATION"}

Node = dict[str, Any]


def collective_of(number: int) -> str | None:
    """Return the slug of the collective of a project, if it has one."""
    return f"oc-{number}" if number % 7 == 2 else None


def write_collectives(folder: Path, world: World) -> None:
    """Write accounts.jsonl and transactions.jsonl below ``folder``, with the dirt of real ones."""
    numbers = [each for each in range(world.size.projects) if collective_of(each)]
    payments = [node for each in numbers for node in _payments(each, numbers[0])]
    # One stands twice.
    payments.append(payments[3])
    folder.mkdir(parents=True)
    _write(folder / "accounts.jsonl", [_account(each) for each in numbers])
    _write(folder / "transactions.jsonl", payments)
    with (folder / "transactions.jsonl").open("a") as file:
        file.write("<html>\n")


def _account(number: int) -> Node:
    slug = collective_of(number)
    links = [{"type": "WEBSITE", "url": f"https://project-{number}.example.org"}]
    return {
        "slug": slug,
        "name": f"Project {number}",
        "type": "COLLECTIVE",
        "currency": "EUR" if number % 2 else "USD",
        "website": links[0]["url"],
        "createdAt": "2019-01-01T00:00:00.000Z",
        "socialLinks": links,
    }


def _payments(number: int, first: int) -> Iterator[Node]:
    """Yield what a collective was given: by persons, a company, others, itself; some was paid back."""
    own: Node = {"slug": collective_of(number), "type": "COLLECTIVE"}
    meetup: Node = {"slug": f"meetup-{number}", "type": "EVENT", "parent": own}
    other: Node = {"slug": collective_of(first), "type": "COLLECTIVE"}
    for place in range(PAYMENTS):
        person: Node = {"slug": f"giver-{place}", "type": "INDIVIDUAL"}
        giver: Node = {0: COMPANY, 1: GUEST, 2: INCOGNITO, 3: other}.get(place % 6, person)
        # From the first collective to itself: what it moves to its own event.
        receiver = meetup if place % 8 == 3 else own
        node = _payment(number, place, giver, receiver)
        yield node
        if place % 6 == 3:
            yield {**node, "id": f"{node['id']}-debit", "type": "DEBIT"}
        if place == 11:
            yield _refund(node)


def _payment(number: int, place: int, giver: Node, receiver: Node) -> Node:
    day = (END - timedelta(days=number + place * 19)).date()
    currency = "EUR" if number % 2 else "USD"
    cents = (place + 1) * 500 + number
    # The host of some keeps other accounts than in dollars, so that their worth is not known.
    host = "EUR" if currency == "EUR" and place % 10 == 9 else "USD"
    return {
        "id": f"{number}-{place}",
        "group": f"group-{number}-{place}",
        "type": "CREDIT",
        "kind": "ADDED_FUNDS" if place % 12 == 6 else "CONTRIBUTION",
        "createdAt": f"{day}T10:{place:02d}:00.000Z",
        "isRefund": False,
        "isRefunded": False,
        "refundTransaction": None,
        "amount": {"valueInCents": cents, "currency": currency},
        "amountInHostCurrency": {"valueInCents": cents, "currency": host},
        "fromAccount": giver,
        "toAccount": receiver,
    }


def _refund(node: Node) -> Node:
    cents = -node["amount"]["valueInCents"]
    return {
        **node,
        "id": f"{node['id']}-refund",
        "group": f"{node['group']}-refund",
        "type": "DEBIT",
        "isRefund": True,
        "refundTransaction": {"group": node["group"]},
        "amount": {**node["amount"], "valueInCents": cents},
        "amountInHostCurrency": {**node["amountInHostCurrency"], "valueInCents": cents},
    }


def _write(path: Path, nodes: list[Node]) -> None:
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in nodes))
