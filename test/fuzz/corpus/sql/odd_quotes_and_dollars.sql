SELECT E'\\\x41\u0042\n', U&'d\0061t', $a$ 'x' $$ $a$, 'a' 'b', "b" FROM t AS "T" ("a", "b") WHERE "T".b <> '' -- end
/* nested /* comment */ */
