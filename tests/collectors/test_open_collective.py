"""The collector of Open Collective, against a server that answers as its GraphQL does."""

from __future__ import annotations

import http.server
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from oso_processors.collectors.download import Client
from oso_processors.collectors.open_collective import OpenCollective
from oso_processors.collectors.schema import sha256
from oso_processors.collectors.source import Log, Record, State
from oso_processors.errors import ConfigFailure, TransientFailure

STREAMS = ("collectives", "transactions", "gaps", "rejects")
BABEL = {
    "slug": "babel",
    "name": "Babel",
    "type": "COLLECTIVE",
    "currency": "USD",
    "website": "https://babeljs.io",
    "repositoryUrl": "https://github.com/babel/babel",
    "createdAt": "2016-01-01T00:00:00.000Z",
    "socialLinks": [{"type": "GITHUB", "url": "https://github.com/babel"}],
}
TRIVAGO = {"slug": "trivago", "type": "ORGANIZATION", "isIncognito": False}
ANA = {"slug": "Ana-Maria", "type": "INDIVIDUAL", "isIncognito": False, "isGuest": False}
GUEST = {"slug": "guest-1f", "type": "INDIVIDUAL", "isIncognito": False, "isGuest": True}
INCOGNITO = {"slug": "incognito-2e", "type": "INDIVIDUAL", "isIncognito": True, "isGuest": False}
EVENT = {"slug": "meetup", "type": "EVENT", "isIncognito": False, "parent": {"slug": "babel"}}


def payment(number, day, giver=TRIVAGO, receiver=BABEL, cents=1050, currency="USD", **more):
    """A contribution as the API tells it."""
    return {
        "id": f"t{number}",
        "group": f"g{number}",
        "type": "CREDIT",
        "kind": "CONTRIBUTION",
        "createdAt": f"{day}T10:00:00.000Z",
        "isRefund": False,
        "isRefunded": False,
        "refundTransaction": None,
        "amount": {"valueInCents": cents, "currency": currency},
        "amountInHostCurrency": {"valueInCents": cents, "currency": currency},
        "fromAccount": giver,
        "toAccount": receiver,
        **more,
    }


@dataclass
class Api:
    """A GraphQL server: accounts by slug, transactions by slug, rates, and answers to send first."""

    address: str = ""
    accounts: dict[str, dict] = field(default_factory=dict)
    transactions: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    rates: dict[tuple[str, str], float] = field(default_factory=dict)
    first: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    requests: list[tuple[dict, dict]] = field(default_factory=list)

    def answer(self, query, variables):
        if "account(" in query and "transactions(" not in query:
            return {"account": self.accounts.get(variables["slug"])}
        if "currencyExchangeRate" in query:
            return {"currencyExchangeRate": list(self._rates(variables["requests"]))}
        since, offset = variables["dateFrom"] or "", variables["offset"]
        found = [e for e in self.transactions[variables["slug"]] if e["createdAt"] >= since]
        return {"transactions": {"nodes": found[offset : offset + variables["limit"]]}}

    def _rates(self, requests):
        # In another order than was asked for, as the real one.
        for each in reversed(requests):
            rate = self.rates.get((each["fromCurrency"], each["date"][:10]))
            if rate is not None:
                yield {"value": rate, "fromCurrency": each["fromCurrency"], "date": each["date"]}

    def asked(self):
        """The variables of the requests so far."""
        return [variables for variables, _ in self.requests]


class _Handler(http.server.BaseHTTPRequestHandler):
    api: Api

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.requests.append((asked["variables"], dict(self.headers)))
        content = json.dumps({"data": self.api.answer(**asked)}).encode()
        status, headers, body = self.api.first.pop(0) if self.api.first else (200, {}, content)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    """A server that knows one collective."""
    api = Api(accounts={"babel": BABEL})
    handler = type("Handler", (_Handler,), {"api": api})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        api.address = f"http://127.0.0.1:{server.server_port}/graphql/v2"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield api
        server.shutdown()
        thread.join()


@pytest.fixture
def config(api):
    def make(*slugs, **more):
        return {"collectives": list(slugs or ("babel",)), "url": api.address, "pause": 0, **more}

    return make


def read(config, state=None, streams=STREAMS):
    source = OpenCollective(Client(attempts=3, backoff=0.01, timeout=5))
    return list(source.read(config, streams, state or {}))


def rows(messages, stream="transactions"):
    """The rows of a stream, each without what is null."""
    return [
        {key: value for key, value in each.data.items() if value is not None}
        for each in messages
        if isinstance(each, Record) and each.stream == stream
    ]


def states(messages):
    return {each.stream: each.data for each in messages if isinstance(each, State)}


def test_a_collective_and_what_it_was_given_are_rows(api, config):
    api.transactions["babel"] = [payment(1, "2024-05-01")]

    found = read(config("Babel"))

    assert rows(found, "collectives") == [
        {
            "slug": "babel",
            "name": "Babel",
            "type": "COLLECTIVE",
            "currency": "USD",
            "website": "https://babeljs.io",
            "repository": "https://github.com/babel/babel",
            "social_links": '[{"type":"GITHUB","url":"https://github.com/babel"}]',
            "created_at": "2016-01-01T00:00:00.000Z",
        }
    ]
    assert rows(found) == [
        {
            "id": "t1",
            "transaction_group": "g1",
            "type": "CREDIT",
            "kind": "CONTRIBUTION",
            "created_at": "2024-05-01T10:00:00.000Z",
            "amount": "10.5",
            "currency": "USD",
            "amount_usd": "10.5",
            "is_refund": False,
            "is_refunded": False,
            "from_type": "ORGANIZATION",
            "from_slug": "trivago",
            "to_type": "COLLECTIVE",
            "to_slug": "babel",
        }
    ]
    assert rows(found, "gaps") == rows(found, "rejects") == []


def test_persons_are_known_by_a_hash_and_those_who_hide_not_at_all(api, config):
    api.transactions["babel"] = [
        payment(number, "2024-05-01", giver)
        for number, giver in enumerate([ANA, GUEST, INCOGNITO, {"slug": "bo", "type": "VENDOR"}])
    ]

    messages = read(config())

    kept = [
        (each["from_type"], each.get("from_slug"), each.get("from_person_sha256"))
        for each in rows(messages)
    ]
    assert kept == [
        ("INDIVIDUAL", None, sha256("ana-maria@opencollective.com")),
        ("INDIVIDUAL", None, None),
        ("INDIVIDUAL", None, None),
        ("VENDOR", None, sha256("bo@opencollective.com")),
    ]
    assert not any(
        name in repr(messages).lower() for name in ("ana-maria", "guest-1f", "incognito-")
    )


def test_an_event_is_known_with_the_collective_that_holds_it(api, config):
    api.transactions["babel"] = [payment(1, "2024-05-01", receiver=EVENT)]

    (found,) = rows(read(config()))

    assert (found["to_slug"], found["to_parent_slug"]) == ("meetup", "babel")


def test_a_refund_names_what_it_pays_back(api, config):
    back = {"isRefund": True, "type": "DEBIT", "refundTransaction": {"group": "g1"}}
    api.transactions["babel"] = [payment(2, "2024-05-02", cents=-1050, **back)]

    (found,) = rows(read(config()))

    assert (found["is_refund"], found["refunded_group"], found["amount"]) == (True, "g1", "-10.5")


def test_dollars_are_the_hosts_or_come_by_the_rate_of_the_day(api, config):
    in_dollars = {"amountInHostCurrency": {"valueInCents": 1201, "currency": "USD"}}
    api.rates = {("EUR", "2024-05-02"): 1.085, ("EUR", "2024-05-03"): 1.0}
    api.transactions["babel"] = [
        payment(1, "2024-05-01", currency="EUR", **in_dollars),
        payment(2, "2024-05-02", cents=1010, currency="EUR"),
        payment(3, "2024-05-03", cents=1010, currency="EUR"),
        payment(4, "2024-05-03", cents=100, currency="XTS"),
    ]

    messages = read(config())

    worth = [each.get("amount_usd") for each in rows(messages)]
    assert worth == ["12.01", "10.96", "10.10", None]
    assert [(each["place"], each["value"]) for each in rows(messages, "rejects")] == [("t4", "XTS")]


def test_transactions_come_a_page_at_a_time_with_a_state_after_each(api, config):
    days = [f"2024-05-0{number}" for number in range(1, 6)]
    api.transactions["babel"] = [payment(number, day) for number, day in enumerate(days)]

    messages = read(config(page=2))

    assert [each["id"] for each in rows(messages)] == ["t0", "t1", "t2", "t3", "t4"]
    assert [each["offset"] for each in api.asked() if "offset" in each] == [0, 2, 4]
    reached = [
        (each.data["babel"]["last"][:10], "read_at" in each.data["babel"])
        for each in messages
        if isinstance(each, State) and each.stream == "transactions"
    ]
    assert reached == [("2024-05-02", False), ("2024-05-04", False), ("2024-05-05", True)]


def test_a_cut_run_goes_on_from_the_last_page(api, config):
    days = [f"2024-05-0{number}" for number in range(1, 6)]
    api.transactions["babel"] = [payment(number, day) for number, day in enumerate(days)]
    messages = []
    for each in OpenCollective(Client(attempts=1)).read(config(page=2), STREAMS, {}):
        messages.append(each)
        if isinstance(each, State) and each.stream == STREAMS[-1]:
            break

    found = rows(read(config(page=2), states(messages)))

    # The last one is read again, since another may have come at the same moment.
    assert [each["id"] for each in found] == ["t1", "t2", "t3", "t4"]


def test_a_collective_is_not_asked_for_again_before_it_is_due(api, config):
    first = read(config())
    api.requests.clear()

    second = read(config(), states(first))

    assert rows(second) == []
    assert states(second) == states(first)
    assert api.requests == []


def test_a_later_run_reads_only_what_is_new(api, config):
    api.transactions["babel"] = [payment(1, "2024-05-01"), payment(2, "2024-05-02")]
    first = read(config(days=0))
    api.transactions["babel"].append(payment(3, "2024-05-03"))

    found = rows(read(config(days=0), states(first)))

    assert [each["id"] for each in found] == ["t2", "t3"]


def test_a_first_reading_begins_where_the_settings_say(api, config):
    api.transactions["babel"] = [payment(1, "2024-05-01"), payment(2, "2024-05-02")]

    found = rows(read(config(start="2024-05-02")))

    assert [each["id"] for each in found] == ["t2"]
    assert api.asked()[1]["dateFrom"] == "2024-05-02T00:00:00Z"


def test_what_is_missing_or_a_person_is_named_and_the_others_go_on(api, config):
    api.accounts["ana"] = {**BABEL, "slug": "ana", "type": "INDIVIDUAL"}

    messages = read(config("absent", "ana", "babel"))

    assert [each["slug"] for each in rows(messages, "collectives")] == ["babel"]
    assert [each["detail"].partition(":")[0] for each in rows(messages, "gaps")] == ["absent"]
    assert [each["reason"] for each in rows(messages, "rejects")] == ["is a person, and left out"]
    assert sorted(states(messages)["collectives"]) == ["absent", "ana", "babel"]


def test_an_error_is_a_gap_and_is_tried_again(api, config):
    wrong = json.dumps({"errors": [{"message": "Query is too complex"}], "data": None}).encode()
    api.first = [(200, {}, wrong)]
    api.accounts["zulip"] = {**BABEL, "slug": "zulip"}

    messages = read(config("babel", "zulip"))

    assert "Query is too complex" in rows(messages, "gaps")[0]["detail"]
    assert [each.level for each in messages if isinstance(each, Log)] == ["WARN"]
    assert sorted(states(messages)["collectives"]) == ["zulip"]


def test_when_nothing_can_be_read_the_run_fails(api, config):
    api.first = [(200, {}, b"<html>")]

    with pytest.raises(TransientFailure, match="none of 1 collectives could be read"):
        read(config())


def test_a_server_that_asks_to_wait_is_waited_for(api, config):
    api.first = [(429, {"Retry-After": "0"}, b""), (503, {}, b"")]

    assert len(rows(read(config()), "collectives")) == 1
    assert {headers["User-Agent"] for _, headers in api.requests} == {"oso-processors"}


def test_a_token_is_sent_and_a_wrong_one_is_one_clear_line(api, config):
    read(config(token="secret"))
    api.first = [(401, {}, b"")]

    assert {headers["Personal-Token"] for _, headers in api.requests} == {"secret"}
    with pytest.raises(ConfigFailure, match="the server answered 401; is the token right"):
        read(config(token="wrong"))


def test_the_collectives_of_a_directory_are_read(api, config, tmp_path):
    path = tmp_path / "data" / "projects" / "b" / "babel.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "version: 7\nname: babel\nopen_collective:\n  - url: https://opencollective.com/Babel\n"
    )
    settings = {**config(), "collectives": [], "directory": str(tmp_path)}

    assert [each["slug"] for each in rows(read(settings), "collectives")] == ["babel"]


def test_a_folder_of_answers_gives_the_same_rows_once(tmp_path):
    nodes = [payment(1, "2024-05-01"), payment(2, "2024-05-01", currency="EUR")]
    (tmp_path / "accounts.jsonl").write_text(f"{json.dumps(BABEL)}\n{json.dumps(ANA)}\n")
    lines = "".join(f"{json.dumps(node)}\n" for node in nodes)
    (tmp_path / "transactions.jsonl").write_text(f"{lines}[]\n")

    messages = read({"folder": str(tmp_path)})

    assert [each["slug"] for each in rows(messages, "collectives")] == ["babel"]
    assert [each.get("amount_usd") for each in rows(messages)] == ["10.5", None]
    assert [each["place"] for each in rows(messages, "rejects")] == ["t2", "line 3"]
    second = read({"folder": str(tmp_path)}, states(messages))
    assert [each for each in second if isinstance(each, Record)] == []


BAD = {
    "nothing to read": ({}, "give collectives, a directory that lists some, or a folder"),
    "a folder without answers": ({"folder": "/nowhere"}, r"holds no accounts\.jsonl"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_settings_are_one_clear_line(what):
    config, words = BAD[what]

    with pytest.raises(ConfigFailure, match=words):
        OpenCollective().check(config)


def test_the_state_says_when_a_collective_was_read(config):
    found = states(read(config()))["collectives"]["babel"]["read_at"]

    assert datetime.fromisoformat(found) <= datetime.now(UTC)
