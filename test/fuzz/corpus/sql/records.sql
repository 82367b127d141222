SELECT t, (t).a, ROW(t.*, 1) = ROW(1, NULL), row_to_json(t), t IS NOT NULL FROM (VALUES (1, 'x')) t(a, b) GROUP BY t, (t).a ORDER BY t
