create table d (id int primary key, j json, b jsonb default '{"a": 1}'); insert into d values (1, '{"a": [1, 2]}', '{"a": [1, {"b": null}]}'), (2, null, '[3, "x"]');
select d.id, e, e ->> 'b', o from d, jsonb_array_elements(d.b -> 'a') with ordinality as e (e, o) where d.b @> '{"a": [1]}' order by e;
select id, jsonb_object_keys(b), b['a'][0], b #> '{a,1}', b #- '{a,0}', j #>> '{a,1}' from d where jsonb_typeof(b) = 'object';
select jsonb_agg(d), jsonb_object_agg(id, b), json_agg(j) filter (where j is not null) from d group by b ? 'a' having count(*) > 0;
update d set b = jsonb_set(b || '{"z": 0}', '{z,-1}', to_jsonb(id), true) - 'x' - 1 where b ?| '{a,z}' returning jsonb_pretty(b), jsonb_build_object('k', b, id, j);
select * from d left join jsonb_to_recordset('[{"id": 1, "v": "x"}]') as r (id int, v varchar(3)) on r.id = d.id, json_each_text('{"a": null}') t;
