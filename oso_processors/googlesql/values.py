"""Values between Python and GoogleSQL.

STRING is str, BYTES bytes, INT64 int, FLOAT64 float, NUMERIC and BIGNUMERIC Decimal, BOOL bool, DATE
date, TIMESTAMP an aware datetime in UTC, DATETIME a naive one, TIME time, JSON its text as str,
ARRAY list, STRUCT dict, and NULL None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from oso_processors.googlesql.columns import Kind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXACT = Context(prec=100)
SCALES = {"NUMERIC": 9, "BIGNUMERIC": 38}


@dataclass(frozen=True, slots=True)
class _Coding:
    """How the values of one type are written and read; `field` is where GoogleSQL holds them."""

    field: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def encode(kind: Kind, value: Any) -> ValueProto:
    """Return ``value`` as GoogleSQL's own; raise `ValueError` or `TypeError` if it is none of ``kind``."""
    proto = ValueProto()
    if value is None:
        return proto
    if kind.element is not None:
        proto.array_value.SetInParent()
        proto.array_value.element.extend(encode(kind.element, each) for each in value)
    elif kind.name == "STRUCT":
        proto.struct_value.SetInParent()
        proto.struct_value.field.extend(
            encode(field.kind, value.get(field.name)) for field in kind.fields
        )
    else:
        coding = _coding(kind)
        written = coding.write(value)
        if isinstance(written, Mapping):
            holder = getattr(proto, coding.field)
            for name, part in written.items():
                setattr(holder, name, part)
        else:
            setattr(proto, coding.field, written)
    return proto


def decode(kind: Kind, proto: ValueProto) -> Any:
    """Return GoogleSQL's value as Python's."""
    if proto.WhichOneof("value") is None:
        return None
    if kind.element is not None:
        return [decode(kind.element, each) for each in proto.array_value.element]
    if kind.name == "STRUCT":
        parts = zip(kind.fields, proto.struct_value.field, strict=True)
        return {field.name: decode(field.kind, part) for field, part in parts}
    coding = _coding(kind)
    return coding.read(getattr(proto, coding.field))


def _coding(kind: Kind) -> _Coding:
    try:
        return CODINGS[kind.name]
    except KeyError:
        raise TypeError(f"values of {kind} are not supported") from None


def _same(value: Any) -> Any:
    return value


def _decimal(name: str) -> _Coding:
    scale = SCALES[name]

    def write(value: Decimal | int) -> bytes:
        units = EXACT.scaleb(Decimal(value), scale)
        if units != units.to_integral_value():
            raise ValueError(f"{value} has more than {scale} digits after the point")
        whole = int(units)
        return whole.to_bytes(whole.bit_length() // 8 + 1, "little", signed=True)

    def read(value: bytes) -> Decimal:
        whole = int.from_bytes(value, "little", signed=True)
        return EXACT.scaleb(Decimal(whole), -scale)

    return _Coding(f"{name.lower()}_value", write, read)


def _write_timestamp(value: datetime) -> Mapping[str, int]:
    since = value - EPOCH
    return {
        "seconds": since.days * 86_400 + since.seconds,
        "nanos": since.microseconds * 1000,
    }


def _read_timestamp(value: Any) -> datetime:
    return EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)


def _write_datetime(value: datetime) -> Mapping[str, int]:
    day = (value.year << 9) | (value.month << 5) | value.day
    return {
        "bit_field_datetime_seconds": (day << 17) | _seconds(value.time()),
        "nanos": value.microsecond * 1000,
    }


def _read_datetime(value: Any) -> datetime:
    bits = value.bit_field_datetime_seconds
    day = date(bits >> 26, (bits >> 22) & 0xF, (bits >> 17) & 0x1F)
    return datetime.combine(day, _clock(bits & 0x1FFFF, value.nanos))


def _write_time(value: time) -> int:
    return (_seconds(value) << 30) | value.microsecond * 1000


def _read_time(value: int) -> time:
    return _clock(value >> 30, value & 0x3FFFFFFF)


def _seconds(value: time) -> int:
    return (value.hour << 12) | (value.minute << 6) | value.second


def _clock(bits: int, nanos: int) -> time:
    return time(bits >> 12, (bits >> 6) & 0x3F, bits & 0x3F, nanos // 1000)


CODINGS = {
    "BIGNUMERIC": _decimal("BIGNUMERIC"),
    "BOOL": _Coding("bool_value", _same, _same),
    "BYTES": _Coding("bytes_value", _same, _same),
    "DATE": _Coding(
        "date_value",
        lambda value: (value - EPOCH.date()).days,
        lambda days: EPOCH.date() + timedelta(days=days),
    ),
    "DATETIME": _Coding("datetime_value", _write_datetime, _read_datetime),
    "FLOAT64": _Coding("double_value", _same, _same),
    "INT64": _Coding("int64_value", _same, _same),
    "JSON": _Coding("json_value", _same, _same),
    "NUMERIC": _decimal("NUMERIC"),
    "STRING": _Coding("string_value", _same, _same),
    "TIME": _Coding("time_value", _write_time, _read_time),
    "TIMESTAMP": _Coding("timestamp_value", _write_timestamp, _read_timestamp),
}
