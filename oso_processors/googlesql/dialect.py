"""Which of GoogleSQL's many faces is BigQuery's.

GoogleSQL knows more than BigQuery takes. What is turned off here is in no manual of BigQuery, or has
another meaning there, so that a model which passes is one that BigQuery runs.
"""

from __future__ import annotations

from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import LanguageOptionsRequest
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto, LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.public import options_pb2

from oso_processors.googlesql.service import Service

ABSENT_FEATURES = (
    "FEATURE_AGGREGATE_FILTERING",
    "FEATURE_ARRAY_FIND_FUNCTIONS",
    "FEATURE_ARRAY_ZIP",
    "FEATURE_CONCAT_MIXED_TYPES",
    "FEATURE_EXTENDED_TYPES",
    "FEATURE_INLINE_LAMBDA_ARGUMENT",
    "FEATURE_LATERAL_JOIN",
    "FEATURE_LITERAL_CONCATENATION",
    "FEATURE_MULTILEVEL_AGGREGATION",
    "FEATURE_PROTO_DEFAULT_IF_NULL",
    # Timestamps hold microseconds in BigQuery.
    "FEATURE_TIMESTAMP_NANOS",
    "FEATURE_TIMESTAMP_PICOS",
    "FEATURE_TIMESTAMP_PRECISION",
    "FEATURE_UUID_TYPE",
    "FEATURE_WITH_EXPRESSION",
)


def analyzer_options(service: Service) -> AnalyzerOptionsProto:
    """Return the options under which GoogleSQL reads a query as BigQuery does."""
    language = service.call(
        "GetLanguageOptions", LanguageOptionsRequest(maximum_features=True), LanguageOptionsProto
    )
    absent = {options_pb2.LanguageFeature.Value(name) for name in ABSENT_FEATURES}
    kept = [each for each in language.enabled_language_features if each not in absent]
    del language.enabled_language_features[:]
    language.enabled_language_features.extend(kept)
    # BigQuery has no other float than FLOAT64.
    language.enabled_language_features.append(options_pb2.FEATURE_DISABLE_FLOAT32)
    language.product_mode = options_pb2.PRODUCT_EXTERNAL
    if "QUALIFY" not in language.reserved_keywords:
        language.reserved_keywords.append("QUALIFY")
    return AnalyzerOptionsProto(
        language_options=language,
        error_message_mode=options_pb2.ERROR_MESSAGE_ONE_LINE,
        default_timezone="UTC",
    )
