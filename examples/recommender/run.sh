#!/usr/bin/env bash
# A recommender by co-occurrence: baskets stream in, a query serves what goes with what. What this prints stands in
# expected.txt.
set -euo pipefail
build=${1:-build}
example=recommender
# shellcheck source=examples/common.sh
. "$(dirname "$0")/../common.sh"

# Pairs that are not what the baskets themselves give, and pairs that are missing.
compare() {
  note "Pairs that are not what the baskets give: $(value "SELECT count(*) FROM together t JOIN
    (SELECT a.library, b.library AS other, count(*) AS n FROM basket a JOIN basket b ON b.game = a.game
     WHERE a.library <> b.library GROUP BY 1, 2) r ON r.library = t.library AND r.other = t.other WHERE r.n <> t.n"), missing: $(
    value "SELECT (SELECT count(*) FROM (SELECT DISTINCT a.library, b.library FROM basket a JOIN basket b ON b.game = a.game
                   WHERE a.library <> b.library) r) - (SELECT count(*) FROM together)")."
}

say "1. A server, a source, three tables, a workflow (examples/recommender/recommender.sql)"
start
sql -f "$here/recommender.sql"
sed -n 's/^CREATE \([A-Z]*\) \([a-z_]*\).*/  created \1 \2/p' "$here/recommender.sql"

say "2. The baskets: 558 games of Debian 12 and the libraries that they need, by COPY from two clients at once"
half=$(($(wc -l <"$here/baskets.csv") / 2))
head -n "$half" "$here/baskets.csv" | sql -c "\copy needs FROM STDIN (FORMAT csv, HEADER)" &
copy=$!
tail -n "+$((half + 1))" "$here/baskets.csv" | sql -c "\copy needs FROM STDIN (FORMAT csv)"
wait "$copy"
ask "SELECT (SELECT count(DISTINCT game) FROM basket) AS games, (SELECT count(*) FROM basket) AS items,
  (SELECT count(*) FROM seen) AS libraries, (SELECT count(*) FROM together) AS pairs"
compare

say "3. What goes with libpng? The first five of an index, whatever the number of pairs"
top="SELECT other, n FROM together WHERE library = 'libpng16-16' ORDER BY n DESC, other LIMIT 5"
ask "$top"
ask "EXPLAIN (COSTS OFF) $top"

say "4. What goes with it more than with others? By lift: how much oftener together than by chance"
ask "SELECT t.other, t.n, round(t.n * (SELECT count(DISTINCT game) FROM basket)::numeric / (a.n * b.n), 1) AS lift
FROM together t JOIN seen a ON a.library = t.library JOIN seen b ON b.library = t.other
WHERE t.library = 'libpng16-16' AND t.n >= 5 ORDER BY lift DESC, t.other LIMIT 5"

say "5. A new game, item by item: what it needs next changes with every item"
next="SELECT t.other, sum(t.n) AS n FROM basket b JOIN together t ON t.library = b.library
WHERE b.game = 'quernstone' AND t.other NOT IN (SELECT library FROM basket WHERE game = 'quernstone')
GROUP BY t.other ORDER BY n DESC, t.other LIMIT 3"
for library in libqt5core5a libopenal1; do
  ask "INSERT INTO needs VALUES ('quernstone', '$library')"
  ask "$next"
done
show "INSERT INTO needs VALUES ('quernstone', 'libopenal1')"
sql -c "INSERT INTO needs VALUES ('quernstone', 'libopenal1')" 2>&1 | sed 's/^/    /' || true

say "6. A basket is forgotten (examples/recommender/forget.sql), and the answers do not know it any more"
ask "$top"
sql -v game=supertuxkart -f "$here/forget.sql"
ask "$top"
compare
