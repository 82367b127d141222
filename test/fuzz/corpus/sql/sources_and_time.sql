create source s (id int8, at timestamptz, d date, i interval, u uuid, r real, x bytea, j jsonb) with (connector = 'push');
create table n (d date primary key, total interval, last uuid); create workflow w as insert into n select d, i, u from s on conflict (d) do update set total = n.total + excluded.total;
insert into s values (1, '2024-02-30'::text::timestamptz, date '2024-02-29' + 1, interval '1 mon -3 days 04:05', gen_random_uuid(), 'nan', '\xdeadbeef', '{"a": [1, {"b": null}]}');
insert into s values (2, now() at time zone 'Europe/Vienna', 'infinity', '1-2', '00000000-0000-0000-0000-000000000000', -0, 'a\\000', '[]');
select extract(epoch from i), date_trunc('week', at), age(at, timestamp '2000-01-01'), to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US TZ'), justify_interval(i), x || '\x00', encode(x, 'base64') from s;
select * from n order by d; alter source s set (state = 'paused'); select quern_backup('x'); drop source s cascade;
