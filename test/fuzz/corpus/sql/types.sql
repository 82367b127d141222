create type m as enum ('a','b'); alter type m add value 'c' before 'b'; alter type m rename value 'a' to 'd';
create domain d as int default 3 not null check (value > 0); alter domain d add constraint x check (value < 9) not valid; alter domain d validate constraint x; alter domain d drop constraint if exists x;
select enum_range(null::m), 5::d, '{b}'::m[]; alter type m rename to n; alter type n set schema public; drop domain d cascade; drop type if exists n cascade;
grant usage on type n to public; comment on type n is 'x'; alter domain d rename constraint a to b;
