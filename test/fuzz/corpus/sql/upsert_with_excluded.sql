INSERT INTO t AS x (a, b, c) VALUES (1, 'n', 5), (99, DEFAULT, 1.5) ON CONFLICT (a) DO UPDATE SET b = excluded.b || x.b, c = greatest(x.c, excluded.c) WHERE x.a < 50 RETURNING *, a + 1 AS next
