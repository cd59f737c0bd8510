AUDIT (
  name repository_tells_authors_apart
);

/* The developers of a repository are its canonical authors, after its own .mailmap. */
SELECT
  artifact_id,
  person_id
FROM @this_model
WHERE
  event_source = 'GIT'
GROUP BY
  artifact_id,
  person_id
HAVING
  COUNT(DISTINCT actor_id) > 1
