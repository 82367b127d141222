DELETE FROM t USING generate_series(1, 5) g WHERE a = g AND b LIKE 'b%' RETURNING a
