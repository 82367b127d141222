SELECT a, generate_series(1, count(*)) + unnest(array_agg(c)), generate_series(1, generate_series(1, 2)), rank() OVER (ORDER BY a) FROM t GROUP BY a ORDER BY unnest(array_agg(c))
