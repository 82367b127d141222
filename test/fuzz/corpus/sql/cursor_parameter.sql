BEGIN; DECLARE c CURSOR FOR SELECT+++++++++++++++++++++++++++++++2++++++++++++++++++++++++ a, $2 || b FROM t
 WHERE a = $1; EXECUTE p (1, 'x'); DEALLOCATE p; COMMIT
