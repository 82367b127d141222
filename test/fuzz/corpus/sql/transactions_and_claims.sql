create table t (k int primary key, v int, w text unique); insert into t select i, i, 'w' || i from generate_series(1, 20) i;
begin isolation level repeatable read; select * from t where k = 1 for update; savepoint a; update t set v = v + 1 where k = 2;
savepoint b; insert into t values (1, 1); rollback to b; rollback to savepoint a; release a; commit and chain read only;
select * from t for share of t nowait; rollback and no chain;
begin; lock table t in share row exclusive mode nowait; select k from t order by k desc limit 3 for no key update skip locked;
set local lock_timeout = '1s'; set transaction read write; select pg_advisory_xact_lock(1, 2), pg_try_advisory_lock(3), pg_advisory_unlock(3);
declare c scroll cursor with hold for select k, w from t order by k; fetch 3 from c; fetch backward 1 from c; move absolute 5 in c;
fetch relative -2 from c; commit; fetch all from c; close c; start transaction deferrable read only; end;
