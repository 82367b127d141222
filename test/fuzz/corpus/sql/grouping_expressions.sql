SELECT a % 3 AS m, b, avg(c), stddev(c), bool_and(a > 1), min(d), max(b), count(*) FROM t GROUP BY m, 2 ORDER BY m, b NULLS FIRST
