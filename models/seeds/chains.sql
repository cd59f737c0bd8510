/* One row is a chain that runs the Ethereum virtual machine, and so one that `any_evm` stands for. */
MODEL (
  name seeds.chains,
  kind SEED (
    path '$root/seeds/chains.csv'
  ),
  columns (
    chain STRING
  ),
  grain chain,
  audits (not_null(columns := (
      chain
    )), unique_values(columns := (
      chain
  )))
)
