/*
  One row is an account known to be a bot by its exact name or login.
  Names that hold "[bot]" need not be listed: the macro `is_bot` knows them.
  Another list is used by setting `OSO_BOTS` to its path; an empty one is allowed.
*/
MODEL (
  name seeds.bots,
  kind SEED (
    path '$root/seeds/bots.csv'
  ),
  columns (
    account STRING
  ),
  grain account,
  audits (not_null(columns := (
      account
    )), unique_values(columns := (
      account
  )))
)
