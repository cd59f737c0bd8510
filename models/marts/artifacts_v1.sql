/* One row is an artifact: a thing with an address in some system, listed by the directory or seen in a source. */
MODEL (
  name marts.artifacts_v1,
  kind FULL,
  grain artifact_id,
  audits (
    not_null(
      columns := (artifact_id, artifact_source, artifact_namespace, artifact_name, artifact_type)
    ),
    unique_values(columns := (
      artifact_id
    ))
  )
);

SELECT
  CAST(artifact_id AS STRING) AS artifact_id, /* The artifact's id. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system it lives in, such as GITHUB. */
  CAST(artifact_namespace AS STRING) AS artifact_namespace, /* The owner or scope; empty where there is none. */
  CAST(artifact_name AS STRING) AS artifact_name, /* Its name there. */
  CAST(artifact_type AS STRING) AS artifact_type, /* What it is, such as REPOSITORY. */
  CAST(artifact_source_id AS STRING) AS artifact_source_id, /* The id that its source gave it, kept over renames; NULL where unknown. */
  CAST(artifact_url AS STRING) AS artifact_url /* Where to find it. */
FROM intermediate.artifacts
