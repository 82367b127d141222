create type m as enum ('a','b'); alter type m add value 'c' before 'b'; alter type m rename value 'a' to 'd';
create domain d as int default 3 not null check (value > 0); alter domain d add constraint x check (value < 9) not valid; alter domain d validate constraint x; alter domain d drop constraint if exists x;
select enum_range(null::m), 5::d, '{b}'::m[]; alter type m rename to n; alter type n set schema public; drop domain d cascade; drop type if exists n cascade;
grant usage on type n to public; comment on type n is 'x'; alter domain d rename constraint a to b;
create type pair as (a int, b text); create table tp (id int primary key, c pair, cs pair[]);
insert into tp (id, c.a, c.b) values (1, 1, 'x'); insert into tp values (2, row(1, 'y'), '{"(1,\"a b\")",NULL}');
update tp set c.a = 2, cs[1] = row(3, 'z')::pair; select (c).*, (cs[1]).b, '(1,"x\"")'::pair, (tp).c from tp where c > row(0, '')::pair;
select * from json_populate_recordset(null::tp, '[{"id": 3, "c": {"a": 1}, "cs": [{"b": "x"}, null]}]');
alter type pair add attribute c int, drop attribute a; alter type pair rename attribute b to d; drop type pair cascade;
