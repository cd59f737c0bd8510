"""Every error raised on purpose.

Facts are attributes; the class builds the sentence: lower case, no full stop, the
place first (``path: field: problem``), then after a semicolon what still holds or
what to do. The command line shows that sentence and exits with `exit_code`.
"""

from __future__ import annotations

from oso_processors.errors.base import DeclarationInvalid, InvalidSetting, NotPermitted, OsoError
from oso_processors.errors.building import (
    ModelsFailed,
    OtherCatalog,
    ProjectInvalid,
    UnknownColumn,
    UnknownModel,
    WarehouseError,
    WarehouseLocked,
    WithoutGrain,
)
from oso_processors.errors.checking import (
    BigQueryUnavailable,
    ModelInvalid,
    NoSuchModel,
    NoSuchRevision,
    NotEvaluable,
    QueryFailed,
    QueryLeft,
    QueryRefused,
    QueryUnreadable,
    TooManyBytes,
)
from oso_processors.errors.collecting import (
    CollectionError,
    ConfigFailure,
    ConnectorFailed,
    LandingFailed,
    NoSpaceLeft,
    OriginKept,
    TransientFailure,
)
from oso_processors.errors.forgetting import (
    ActorAmbiguous,
    ActorInvalid,
    ActorUnknown,
    ForgettingError,
    OtherActorKey,
)
from oso_processors.errors.releasing import (
    GrainNotListed,
    Mismatch,
    NotByDay,
    PostgresUnavailable,
    PromiseBroken,
    ReadersInTheWay,
    ReleaseBlocked,
    ReleaseError,
    ReleaseLocked,
    ReleaseNotKept,
    ReleaseUnreadable,
    StoreUnusable,
    TableNotReleased,
    UnmappableType,
    WithoutContract,
)

__all__ = [
    "ActorAmbiguous",
    "ActorInvalid",
    "ActorUnknown",
    "BigQueryUnavailable",
    "CollectionError",
    "ConfigFailure",
    "ConnectorFailed",
    "DeclarationInvalid",
    "ForgettingError",
    "GrainNotListed",
    "InvalidSetting",
    "LandingFailed",
    "Mismatch",
    "ModelInvalid",
    "ModelsFailed",
    "NoSpaceLeft",
    "NoSuchModel",
    "NoSuchRevision",
    "NotByDay",
    "NotEvaluable",
    "NotPermitted",
    "OriginKept",
    "OsoError",
    "OtherActorKey",
    "OtherCatalog",
    "PostgresUnavailable",
    "ProjectInvalid",
    "PromiseBroken",
    "QueryFailed",
    "QueryLeft",
    "QueryRefused",
    "QueryUnreadable",
    "ReadersInTheWay",
    "ReleaseBlocked",
    "ReleaseError",
    "ReleaseLocked",
    "ReleaseNotKept",
    "ReleaseUnreadable",
    "StoreUnusable",
    "TableNotReleased",
    "TooManyBytes",
    "TransientFailure",
    "UnknownColumn",
    "UnknownModel",
    "UnmappableType",
    "WarehouseError",
    "WarehouseLocked",
    "WithoutContract",
    "WithoutGrain",
]
