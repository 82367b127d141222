#!/bin/sh
# pgbench: its tables made, then its own transactions and a custom one, through all three protocols.
set -e
pgbench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench | tail -1)
"$pgbench" --version
"$pgbench" -q -i -s 1 --foreign-keys
for mode in simple extended prepared; do
  "$pgbench" -n -M $mode -c 4 -j 2 -t 50 --max-tries=100
  "$pgbench" -n -M $mode -c 2 -t 50 -S
done
sum=$(psql -Atqc "select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)")
[ "$sum" = t ]
cat > "$SCRATCH/own.sql" <<'S'
\set a random(1, 100000)
\startpipeline
begin;
select abalance from pgbench_accounts where aid = :a;
update pgbench_accounts set abalance = abalance + 1 where aid = :a;
end;
\endpipeline
S
"$pgbench" -n -M extended -c 2 -t 50 --max-tries=100 -f "$SCRATCH/own.sql"
"$pgbench" -q -i -I d
