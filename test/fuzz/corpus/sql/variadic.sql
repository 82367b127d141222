SELECT concat_ws(',', VARIADIC a), format('%s', VARIADIC a), num_nulls(VARIADIC a) FROM (VALUES (ARRAY[1, NULL])) v(a)
