SELECT ARRAY[1,2,NULL], ARRAY[[1,2],[3,4]]::text[], '[0:2]={1,2,3}'::int[], '{{"a b",NULL},{"\"",""}}'::text[];
CREATE TABLE a (k int[] PRIMARY KEY, v numeric(10,2)[], w text ARRAY[3]); INSERT INTO a VALUES ('{1,2}', '{1.5}', ARRAY['x']);
UPDATE a SET v[1] = 2, v[3:4] = '{7,8}', w[-1] = NULL WHERE 'x' = ANY (w) AND k[1:] @> '{1}' RETURNING v[:2], w[0], k || 3;
SELECT * FROM unnest(ARRAY[1,2], '{a,b}'::text[]) WITH ORDINALITY u(x, y, n) WHERE x < ALL ('{5,6}'::int[]) AND y LIKE ANY (ARRAY['a%']);
SELECT array_agg(g), array_to_string(array_agg(g), ',') FROM generate_series(1, 5) g; SELECT array_fill(0, '{2,2}', '{5,6}'), trim_array('{1,2}'::int[], 1);
