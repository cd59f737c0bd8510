"""What an object store refuses, in one line; the library's own words are a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from oso_processors.errors import StoreUnusable

ANSWER = re.compile(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", re.DOTALL)
STATUS = re.compile(r"status code: (\d{3}[\w ]*)")
SERVER = re.compile(r"Error performing [A-Z]+ (\w+://[^/ ]+)")
SYSTEM = re.compile(r'message: "([^"]+)"|"(dns error)"')
STORE = re.compile(r"^Generic \w+ error: ")
# What a machine of AWS or Google is asked for when no credentials are set.
METADATA = ("/latest/api/token", "/latest/meta-data", "/computeMetadata/")
AGAIN = "run again"
KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS"
ADVICE = {
    r"\bNoSuchBucket\b": "make the bucket or name another in OSO_FILES",
    r"service account|AccessKey": KEYS,
    r"^40[13] ": "see what these credentials may do in the bucket",
}


@contextmanager
def told(place: str) -> Iterator[None]:
    """Raise `StoreUnusable` for what is refused; where there is no such object, `FileNotFoundError`."""
    try:
        yield
    except FileNotFoundError as error:
        if "<Code>NoSuchBucket</Code>" in str(error):
            raise _unusable(place, error) from error
        raise FileNotFoundError(f"{place}: is not there") from None
    except BaseError as error:
        raise _unusable(place, error) from error


def _unusable(place: str, error: Exception) -> StoreUnusable:
    text = str(error)
    reason = _reason(text)
    if any(each in text for each in METADATA):
        return StoreUnusable("files", place, "no credentials were found", KEYS)
    advice = next((words for mark, words in ADVICE.items() if re.search(mark, reason)), AGAIN)
    return StoreUnusable("files", place, reason, advice)


def _reason(text: str) -> str:
    """Return what the server answered, or what keeps us from it."""
    status, answer = STATUS.search(text), ANSWER.search(text)
    if status:
        return ": ".join([status[1].strip(), *(answer.groups() if answer else ())])
    server, system = SERVER.search(text), SYSTEM.search(text)
    if server:
        why = f": {system[1] or system[2]}" if system else ""
        return f"no answer from {server[1]}{why}"
    return STORE.sub("", text.splitlines()[0])
