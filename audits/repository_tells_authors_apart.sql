AUDIT (
  name repository_tells_authors_apart
);

/* The developers of a repository are its canonical authors, after its own .mailmap. */
SELECT
  artifact_key,
  person_id
FROM @this_model
WHERE
  event_source = 'GIT'
  AND actor_id IN (
    SELECT
      persons.actor_id
    FROM intermediate.persons AS persons
  )
GROUP BY
  artifact_key,
  person_id
HAVING
  COUNT(DISTINCT actor_id) > 1
