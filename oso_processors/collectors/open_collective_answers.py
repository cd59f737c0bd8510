"""What Open Collective's GraphQL is asked, and its answers as rows.

A person is never a row: of an account that may be one there is only a hash, as of an e-mail address
`slug@opencollective.com`, and of guests and incognito ones not even that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import orjson

from oso_processors.collectors.schema import sha256
from oso_processors.collectors.source import Record, reject

PARENT = "... on AccountWithParent { parent { slug } }"
PARTY = f"slug type isIncognito {PARENT} ... on Individual {{ isGuest }}"
ACCOUNT = f"""
query ($slug: String!) {{
  account(slug: $slug, throwIfMissing: false) {{
    slug name type currency website repositoryUrl createdAt socialLinks {{ type url }} {PARENT}
  }}
}}
"""
TRANSACTIONS = f"""
query ($slug: String!, $limit: Int!, $offset: Int!, $dateFrom: DateTime) {{
  transactions(
    account: [{{slug: $slug}}], kind: [CONTRIBUTION, ADDED_FUNDS], includeChildrenTransactions: true,
    dateFrom: $dateFrom, limit: $limit, offset: $offset,
    orderBy: {{field: CREATED_AT, direction: ASC}}
  ) {{
    nodes {{
      id group type kind createdAt isRefund isRefunded refundTransaction {{ group }}
      amount {{ valueInCents currency }} amountInHostCurrency {{ valueInCents currency }}
      fromAccount {{ {PARTY} }} toAccount {{ {PARTY} }}
    }}
  }}
}}
"""
RATES = """
query ($requests: [CurrencyExchangeRateRequest!]!) {
  currencyExchangeRate(requests: $requests) { value fromCurrency date }
}
"""
# Whatever else there is may be a person.
NO_PERSONS = frozenset({"COLLECTIVE", "EVENT", "FUND", "ORGANIZATION", "PLATFORM", "PROJECT"})
CENT = Decimal("0.01")

Node = Mapping[str, Any]
# Of a currency on a day.
Rates = Mapping[tuple[str, str], Decimal]


def is_person(account: Node) -> bool:
    """Return whether an account is, or may be, somebody's own."""
    return account.get("type") not in NO_PERSONS


def collective(account: Node) -> Record:
    """Return the row of an account that is no person's."""
    row = {
        "slug": account["slug"],
        "name": account.get("name"),
        "type": account["type"],
        "currency": account.get("currency"),
        "website": account.get("website"),
        "repository": account.get("repositoryUrl"),
        "social_links": orjson.dumps(account.get("socialLinks") or []).decode(),
        "parent_slug": _parent(account),
        "created_at": account.get("createdAt"),
    }
    return Record("collectives", row)


def transaction(node: Node, rates: Rates) -> Iterator[Record]:
    """Yield the row of a transaction, and a reject when its worth in US dollars is not known."""
    amount = node["amount"]
    in_dollars = _dollars(node, rates)
    if in_dollars is None:
        reason = "kept, though its worth in US dollars is not known"
        yield reject("transactions", node["id"], reason, str(amount["currency"]))
    row = {
        "id": node["id"],
        "transaction_group": node["group"],
        "type": node["type"],
        "kind": node["kind"],
        "created_at": node["createdAt"],
        "amount": f"{_money(amount):f}",
        "currency": amount["currency"],
        "amount_usd": None if in_dollars is None else f"{in_dollars:f}",
        "is_refund": bool(node.get("isRefund")),
        "is_refunded": bool(node.get("isRefunded")),
        "refunded_group": (node.get("refundTransaction") or {}).get("group"),
    }
    for side in ("from", "to"):
        party = _party(node.get(f"{side}Account") or {})
        row |= {f"{side}_{name}": value for name, value in party.items()}
    yield Record("transactions", row)


def wanted_rates(nodes: Sequence[Node]) -> list[dict[str, str]]:
    """Return which exchange rates are to be asked for, each once."""
    wanted = {
        (node["amount"]["currency"], node["createdAt"][:10])
        for node in nodes
        if _told_dollars(node) is None
    }
    return [
        {"fromCurrency": currency, "toCurrency": "USD", "date": f"{day}T00:00:00Z"}
        for currency, day in sorted(wanted)
    ]


def rates(answer: Node) -> Rates:
    """Return the rates of an answer, which has them in any order."""
    return {
        (each["fromCurrency"], each["date"][:10]): Decimal(str(each["value"]))
        for each in answer["currencyExchangeRate"]
    }


def gap(slug: str, reason: str, detail: str) -> Record:
    """Return a row of the stream gaps."""
    return Record(
        "gaps", {"stream": "collectives", "reason": reason, "detail": f"{slug}: {detail}"}
    )


def problem(answer: Any) -> str:
    """Return what an answer says is wrong."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    messages = [str(each.get("message")) for each in errors or () if isinstance(each, dict)]
    return "; ".join(messages) or "the answer has no data"


def digest(path: Path) -> str:
    """Return what changes with a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def nodes(path: Path) -> Iterator[Node | Record]:
    """Yield each line of a file, or a reject for one that is no object."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            node = orjson.loads(line)
        except orjson.JSONDecodeError:
            node = None
        if isinstance(node, dict):
            yield node
        else:
            yield reject(path.name, f"line {number}", "is no JSON object", "")


def _party(account: Node) -> dict[str, str | None]:
    """Return how a side of a transaction is known."""
    kind = account.get("type")
    if not is_person(account):
        known = {"type": kind, "slug": account["slug"], "parent_slug": _parent(account)}
        return {**known, "person_sha256": None}
    is_hidden = account.get("isIncognito") or account.get("isGuest") or not account.get("slug")
    person = None if is_hidden else sha256(f"{account['slug']}@opencollective.com")
    return {"type": kind, "slug": None, "parent_slug": None, "person_sha256": person}


def _parent(account: Node) -> str | None:
    parent = account.get("parent")
    return parent.get("slug") if isinstance(parent, dict) else None


def _dollars(node: Node, rates: Rates) -> Decimal | None:
    told = _told_dollars(node)
    if told is not None:
        return told
    rate = rates.get((node["amount"]["currency"], node["createdAt"][:10]))
    if rate is None:
        return None
    return (_money(node["amount"]) * rate).quantize(CENT, ROUND_HALF_EVEN)


def _told_dollars(node: Node) -> Decimal | None:
    """Return the amount where it is in US dollars itself, or its host's account is."""
    for each in (node["amount"], node.get("amountInHostCurrency")):
        if each and each.get("currency") == "USD" and each.get("valueInCents") is not None:
            return _money(each)
    return None


def _money(amount: Node) -> Decimal:
    """Return an amount in its currency; Open Collective has cents of all of them."""
    return Decimal(round(amount["valueInCents"])) / 100
