create view v with (security_barrier) as select a as x, b, upper(b) as u from t where a > 0 with local check option; create view w as select * from v where x < 9;
insert into w (x, b) values (1, 'q') on conflict (x) do update set b = excluded.u where w.x > 0 returning *;
update w set (x, b) = (select 3, 'r') from t where t.a = w.x returning w.u, t.*; delete from v using w where v.x = w.x;
alter view v set (check_option = cascaded, security_invoker); alter view v reset (check_option);
