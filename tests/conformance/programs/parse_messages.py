"""Parse the lines of stdin as airbyte-cdk's messages; print those that it does not keep as they are."""

from __future__ import annotations

import sys

import orjson
from airbyte_cdk.models import AirbyteMessageSerializer
from serpyco_rs import SchemaValidationError


def keeps(kept, sent) -> bool:
    """Whether all that was sent is kept; the models add what may be left out."""
    if isinstance(sent, dict):
        return all(keeps(kept.get(key), each) for key, each in sent.items())
    if isinstance(sent, list):
        return len(kept) == len(sent) and all(map(keeps, kept, sent))
    return kept == sent


def main() -> None:
    for line in sys.stdin.buffer:
        message = orjson.loads(line)
        try:
            kept = AirbyteMessageSerializer.dump(AirbyteMessageSerializer.load(message))
        except SchemaValidationError as error:
            sys.stdout.write(f"{error}: {line.decode()}")
            continue
        if not keeps(kept, message):
            sys.stdout.write(f"kept only {kept}: {line.decode()}")


main()
