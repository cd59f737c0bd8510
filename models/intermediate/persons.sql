/*
  One row is an actor that something links to another, and the person that it is.
  Actors that are not here are persons by themselves. An account stands for the person where there is one.
  A repository's own word is kept: whom it counts as two authors are two persons.
*/
MODEL (
  name intermediate.persons,
  kind FULL,
  grain actor_id,
  audits (
    not_null(columns := (actor_id, person_id, component_id, is_too_large)),
    unique_values(columns := (
      actor_id
    )),
    forall(criteria := (
      NOT is_too_large OR person_id = actor_id
    ))
  )
);

SELECT
  CAST(actors.actor_id AS STRING) AS actor_id, /* The actor: an account, or an address by a keyed hash. */
  CAST(people.actor_id AS STRING) AS person_id, /* The one of the person's actors that stands for all. */
  CAST(components.component_number AS INT64) AS component_id, /* A number that actors have in common to which links lead. */
  CAST(components.is_too_large AS BOOL) AS is_too_large /* Whether those are more than a person has, so that none was joined. */
FROM intermediate.identity_actors AS actors
JOIN intermediate.identity_components AS components
  ON components.actor_number = actors.actor_number
JOIN intermediate.identity_actors AS people
  ON people.actor_number = components.person_number
