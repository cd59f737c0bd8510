"""What keeps a person from being forgotten."""

from __future__ import annotations

from oso_processors.errors.base import OsoError


class ForgettingError(OsoError):
    """Somebody was not forgotten."""


class ActorInvalid(ForgettingError):
    """Who is to be forgotten cannot be read."""

    exit_code = 2

    def __init__(self, actor: str) -> None:
        super().__init__(f"--actor: {actor!r}: write github:LOGIN, github:ID or email:ADDRESS")


class ActorUnknown(ForgettingError):
    """Nothing that was collected tells of who is to be forgotten."""

    exit_code = 2

    def __init__(self, actor: str, since: str = "") -> None:
        told = f"was forgotten on {since}" if since else "see how it is written"
        super().__init__(f"{actor}: nothing that was collected tells of this actor; {told}")


class ActorAmbiguous(ForgettingError):
    """A login was that of several accounts, one after the other."""

    exit_code = 2

    def __init__(self, actor: str, ids: tuple[str, ...]) -> None:
        listed = ", ".join(f"github:{each}" for each in ids)
        super().__init__(f"{actor}: several accounts had this login; name one: {listed}")


class OtherActorKey(ForgettingError):
    """Those who were forgotten would not be recognised, and so come back."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "OSO_ACTOR_KEY: is not the one by which this warehouse knows who was forgotten;"
            " set it as it was, nothing was changed"
        )
