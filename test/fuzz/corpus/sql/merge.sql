merge into t as x using (values (1, 'a'), (2, null)) s (k, w) on x.a = s.k when matched and w is null then delete when matched then update set (b, c[1]) = (w, k) when not matched and k > 1 then insert (a, c[1]) overriding system value values (k, default) when not matched then do nothing;
with w as (select 1 as k) merge into only t using t x join w on w.k = x.a on t.a = x.a when not matched then insert default values;
insert into t (a, c[1], c[2:3]) values (1, 2, '{3,4}') on conflict (a) do update set c[2] = excluded.a returning (select count(*) from t);
