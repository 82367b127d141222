UPDATE t SET (b, c) = (upper(b), c * 1.1), d = CASE WHEN a % 2 = 0 THEN now() ELSE NULL END FROM generate_series(1, 3) g WHERE t.a = g RETURNING t.a, b
