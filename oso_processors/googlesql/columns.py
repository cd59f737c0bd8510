"""Columns and their types, as text that people write and as GoogleSQL's own structures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlglot import exp
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

# GoogleSQL's names of the types whose names BigQuery writes otherwise.
PROTO_NAMES = {"FLOAT64": "DOUBLE"}
BIGQUERY_NAMES = {there: here for here, there in PROTO_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type without its length or precision; its text is what BigQuery calls it.

    An array has one ``element``, a struct has ``fields``, all others have neither.
    """

    name: str
    element: Kind | None = None
    fields: tuple[Column, ...] = ()

    @classmethod
    def parse(cls, text: str | exp.DataType) -> Kind:
        """Read a type as BigQuery writes it, such as ``ARRAY<STRUCT<sha STRING>>``."""
        if isinstance(text, str):
            return _parsed(text)
        parsed = text
        if parsed.this == exp.DataType.Type.ARRAY:
            return cls("ARRAY", cls.parse(parsed.expressions[0]))
        if parsed.this == exp.DataType.Type.STRUCT:
            fields = (
                Column(each.name, cls.parse(each.args["kind"])) for each in parsed.expressions
            )
            return cls("STRUCT", fields=tuple(fields))
        return cls(parsed.sql("bigquery").partition("(")[0])

    @classmethod
    def from_proto(cls, proto: TypeProto) -> Kind:
        """Read GoogleSQL's own structure."""
        name = type_pb2.TypeKind.Name(proto.type_kind).removeprefix("TYPE_")
        if name == "ARRAY":
            return cls(name, cls.from_proto(proto.array_type.element_type))
        fields = (
            Column(each.field_name, cls.from_proto(each.field_type))
            for each in proto.struct_type.field
        )
        return cls(BIGQUERY_NAMES.get(name, name), fields=tuple(fields))

    def to_proto(self) -> TypeProto:
        """Return GoogleSQL's own structure."""
        name = PROTO_NAMES.get(self.name, self.name)
        proto = TypeProto(type_kind=type_pb2.TypeKind.Value(f"TYPE_{name}"))
        if self.element is not None:
            proto.array_type.element_type.CopyFrom(self.element.to_proto())
        if self.name == "STRUCT":
            proto.struct_type.SetInParent()
        for field in self.fields:
            proto.struct_type.field.add(field_name=field.name, field_type=field.kind.to_proto())
        return proto

    def __str__(self) -> str:
        if self.element is not None:
            return f"ARRAY<{self.element}>"
        if self.name == "STRUCT":
            return f"STRUCT<{', '.join(map(str, self.fields))}>"
        return self.name


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or query, or a field of a struct."""

    name: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.name} {self.kind}".strip()


@cache
def _parsed(text: str) -> Kind:
    return Kind.parse(exp.DataType.build(text, dialect="bigquery"))
