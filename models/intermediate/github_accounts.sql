/*
  One row is a login by which events know somebody whose numeric id they do not tell, and the account that it means.
  Hours of before 2015 and minimized ones tell no ids. The account that was first seen to bear the login is taken;
  it is looked for among those who did something to an issue or a pull request, as every contributor did.
*/
MODEL (
  name intermediate.github_accounts,
  kind FULL,
  grain login_account,
  audits (
    not_null(columns := (login_account, account)),
    unique_values(columns := (
      login_account
    ))
  )
);

WITH nameless AS (
  SELECT DISTINCT
    account
  FROM intermediate.github_activity_daily
  WHERE
    STARTS_WITH(account, '@')
)
SELECT
  CAST(nameless.account AS STRING) AS login_account, /* @ and the login. */
  CAST(bearers.account AS STRING) AS account /* The account's numeric id at GitHub. */
FROM nameless
JOIN intermediate.github_thread_events AS bearers
  ON CONCAT('@', bearers.actor_login) = nameless.account
WHERE
  bearers.account <> nameless.account
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY nameless.account ORDER BY bearers.created_at, bearers.account) = 1
