create table p (a int, b int, primary key (a, b), unique (b) deferrable initially deferred);
create table c (a int, b int, d int default 1, foreign key (a, b) references p match full on delete set null on update cascade deferrable,
  foreign key (d) references p (b) on delete set default (d));
begin; set constraints all deferred; insert into c values (1, 2, 2); insert into p values (1, 2), (3, 1); set constraints all immediate; commit;
delete from p where a = 1; update p set b = b + 1; alter table c add constraint x check (d > 0) not valid; alter table c validate constraint x;
truncate p cascade; alter table c drop constraint if exists x; drop table p cascade;
create sequence s as smallint increment by -2 maxvalue 10 cycle cache 5 owned by c.d; select nextval('s'), currval('s'), setval('s', 3, false), lastval();
create table g (i int generated always as identity (start 5), j serial); insert into g overriding system value values (1, 1), (default, default); alter sequence s restart with 4;
