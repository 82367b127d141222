// Bound statements: each SQL text with what it is bound to (show.h), or with its error: SQLSTATE, message, hint,
// detail, and the position behind an @. The errors are those of PostgreSQL 15 where PostgreSQL has them.
#include "database.h"
#include "show.h"

struct bind_case {
  const char *sql;
  const char *expected;
};

enum bind_mode { PLAIN, WORKFLOW, LITERALS };

static const struct relation *make_source(struct database *database)
{
  struct relation *source = ARENA_NEW(&database->arena, struct relation);
  struct column *columns = ARENA_ARRAY(&database->arena, struct column, 2);
  strcpy(source->name, "src");
  strcpy(columns[0].name, "a");
  strcpy(columns[1].name, "b");
  columns[0].type = type_plain(TYPE_INT4);
  columns[1].type = type_plain(TYPE_TEXT);
  source->schema_oid = SCHEMA_PUBLIC;
  source->kind = RELATION_SOURCE;
  source->owner = ROLE_OWNER;
  source->schema.columns = columns;
  source->schema.column_count = 2;
  source->defaults = ARENA_ARRAY(&database->arena, struct expression_text, 2);
  source->defaults[0].text = "1 + 1";
  assert_int_equal(catalog_create(database->catalog, &database->writer, source, &database->error), 0);
  uint32_t oid = source->oid;
  database_commit(database);
  return catalog_find_oid(database->catalog, database->writer.version, oid);
}

static void show_error(const struct error *error, struct buffer *out)
{
  buffer_format(out, "%s %s", error->sqlstate, error->message);
  if (error->hint[0])
    buffer_format(out, "; hint %s", error->hint);
  if (error->detail[0])
    buffer_format(out, "; detail %s", error->detail);
  buffer_format(out, " @%d", error->position);
}

static void bind_case(struct database *database, const struct relation *source, const struct bind_case *test,
                      enum bind_mode mode)
{
  static const struct type literals[] = {{TYPE_INT4, -1}, {TYPE_UNKNOWN, -1}};
  struct buffer shown = {0};
  struct parse *parse = parse_open(bytes_of_string(test->sql), &database->error);
  if (!parse)
    fail_msg("%s: %s", test->sql, database->error.message);
  struct bind_input input = {
      .catalog = database->catalog,
      .version = database->writer.version,
      .settings = &database->settings,
      .parsed = &parse->statements[0],
      .text = parse->text,
      .parameters = mode == LITERALS ? literals : NULL,
      .parameter_count = mode == LITERALS ? 2 : 0,
      .parameters_are_literals = mode == LITERALS,
      .source = mode == WORKFLOW ? source : NULL,
      .arena = &database->statement,
  };
  struct statement *statement;
  int status = bind_statement(&input, &statement, &database->error);
  if (status == STATUS_LONG)
    buffer_append_string(&shown, "again");
  else if (status)
    show_error(&database->error, &shown);
  else
    show_statement(statement, &shown);
  buffer_append_u8(&shown, 0);
  if (strcmp((const char *)shown.data, test->expected) != 0)
    fail_msg("%s\n  gives    %s\n  expected %s", test->sql, (const char *)shown.data, test->expected);
  if (!status)
    statement_release(statement);
  buffer_deinit(&shown);
  parse_close(parse);
  arena_reset(&database->statement);
}

static void bind_cases(const struct bind_case *cases, size_t count, enum bind_mode mode)
{
  static struct database database;
  database_open(&database);
  database_table(&database, "t: a int4!, b text, c int8, n numeric:a");
  database_table(&database, "u: a int4, x text, d timestamptz::unique x");
  database_table(&database, "v: k int8, s varchar, f float8:k");
  const struct relation *source = make_source(&database);
  for (size_t i = 0; i < count; i++)
    bind_case(&database, source, &cases[i], mode);
  database_close(&database);
}

static void expressions_have_types(void **state)
{
  static const struct bind_case cases[] = {
      {"select 1, 'x', null, 1.5, 3000000000, 99999999999999999999, true",
       "(SELECT 1 ?column?:integer, 'x' ?column?:text, null ?column?:text, 1.5 ?column?:numeric, 3000000000 "
       "?column?:bigint, 99999999999999999999 ?column?:numeric, t ?column?:boolean)"},
      {"select * from t", "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric FROM r0=t)"},
      {"select t.*, a+1 as z, c from t where b = 'x' and n > 1 or not a = 2",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric, (r0.a + 1) z:integer, r0.c c:bigint "
       "FROM r0=t WHERE or(and((r0.b = 'x'), (r0.n > 1)), not((r0.a = 2))))"},
      {"select a from t where a in (1,2,3) and b like 'a%' and c between 1 and 10 and n not in (1.5, 2)",
       "(SELECT r0.a a:integer FROM r0=t WHERE and(in(r0.a, 1, 2, 3), (r0.b ~~ 'a%'), and((r0.c >= 1), (r0.c <= "
       "10)), not_in(r0.n, 1.5, 2)))"},
      {"select case a when 1 then 'x' else b end, case when a > 1 then 1 else 2.5 end, coalesce(b, 'z'), nullif(a, "
       "1), greatest(a, c, 1.5) from t",
       "(SELECT case((r0.a = 1), 'x', r0.b) b:text, case((r0.a > 1), 1, 2.5) case:numeric, coalesce(r0.b, 'z') "
       "coalesce:text, nullif(r0.a, 1) nullif:integer, greatest(numeric(r0.a), numeric(r0.c), 1.5) "
       "greatest:numeric FROM r0=t)"},
      {"select a::text, cast(b as int), '5'::int4, '2020-01-01'::timestamp, b::varchar(3), n::numeric(10,2) from t",
       "(SELECT text(r0.a) a:text, int4(r0.b) b:integer, 5 int4:integer, 2020-01-01 00:00:00 timestamp:timestamp "
       "without time zone, varchar(r0.b, 3, t) b:character varying(3), numeric(r0.n, 655362) n:numeric(10,2) FROM "
       "r0=t)"},
      {"select b is null, a is not null, a=1 is true, a is distinct from c from t",
       "(SELECT is_null(r0.b) ?column?:boolean, not_is_null(r0.a) ?column?:boolean, is_true((r0.a = 1)) "
       "?column?:boolean, distinct(int8(r0.a), r0.c) ?column?:boolean FROM r0=t)"},
      {"select current_timestamp, localtimestamp, current_user, extract(year from d), substring(x from 2 for 3), "
       "position('a' in x), trim(both 'x' from x), overlay(x placing 'y' from 1) from u",
       "(SELECT now() current_timestamp:timestamp with time zone, timestamp(now()) localtimestamp:timestamp "
       "without time zone, current_user() current_user:name, extract('year', r0.d) extract:numeric, "
       "substring(r0.x, 2, 3) substring:text, position(r0.x, 'a') position:integer, btrim(r0.x, 'x') btrim:text, "
       "overlay(r0.x, 'y', 1) overlay:text FROM r0=u) volatile"},
      {"select b collate \"C\" from t order by b collate \"default\" desc nulls last",
       "(SELECT r0.b b:text FROM r0=t ORDER 0 desc)"},
      {"select a from t fetch first 3 rows only", "(SELECT r0.a a:integer FROM r0=t LIMIT 3)"},
      {"select a from t limit null", "(SELECT r0.a a:integer FROM r0=t)"},
      {"select a from t for update", "(SELECT r0.a a:integer | r0.key FROM r0=t)"},
      {"select now(), random()",
       "(SELECT now() now:timestamp with time zone, random() random:double precision) volatile"},
      {"select int4(b), text(a) from t", "(SELECT int4(r0.b) int4:integer, text(r0.a) text:text FROM r0=t)"},
      {"select * from t where (a, b) = (1, 'x') or (a, b) in ((1,'y'),(2,'z'))",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric FROM r0=t WHERE or(and((r0.a = 1), "
       "(r0.b = 'x')), or(and((r0.a = 1), (r0.b = 'y')), and((r0.a = 2), (r0.b = 'z')))))"},
      {"select a from t where a = any(array[1,2,3])", "(SELECT r0.a a:integer FROM r0=t WHERE in(r0.a, 1, 2, 3))"},
      {"select -5, - a, +a, -2147483648, 5 % 2, 2 ^ 3 from t",
       "(SELECT -5 ?column?:integer, -(r0.a) ?column?:integer, +(r0.a) ?column?:integer, -2147483648 "
       "?column?:integer, (5 % 2) ?column?:integer, (2 ^ 3) ?column?:double precision FROM r0=t)"},
      {"select 1 limit 5 offset 2", "(SELECT 1 ?column?:integer LIMIT 5 OFFSET 2)"},
      {"select 1 = '1', 'a' = 'b', 'a' || 'b', 1 || 'x'",
       "(SELECT (1 = 1) ?column?:boolean, ('a' = 'b') ?column?:boolean, ('a' || 'b') ?column?:text, (1 || 'x') "
       "?column?:text)"},
      {"select a from t where a = 1 and b = 'x' -- c",
       "(SELECT r0.a a:integer FROM r0=t WHERE and((r0.a = 1), (r0.b = 'x')))"},
      {"select public.t.a from public.t", "(SELECT r0.a a:integer FROM r0=t)"},
      {"select a between symmetric 5 and 1, a not between 1 and 5 from t",
       "(SELECT or(and((r0.a >= 5), (r0.a <= 1)), and((r0.a >= 1), (r0.a <= 5))) ?column?:boolean, or((r0.a < 1), "
       "(r0.a > 5)) ?column?:boolean FROM r0=t)"},
      {"select a = 1 is unknown, (a = 1) is not true from t",
       "(SELECT is_unknown((r0.a = 1)) ?column?:boolean, not_is_true((r0.a = 1)) ?column?:boolean FROM r0=t)"},
      {"select substring(b from 2), substring(b, 1, 2), trim(b), trim(leading from b), ltrim(b) from t",
       "(SELECT substring(r0.b, 2) substring:text, substring(r0.b, 1, 2) substring:text, btrim(r0.b) btrim:text, "
       "ltrim(r0.b) ltrim:text, ltrim(r0.b) ltrim:text FROM r0=t)"},
      {"select d at time zone 'UTC' from u",
       "(SELECT timezone('UTC', r0.d) timezone:timestamp without time zone FROM r0=u)"},
      {"select * from t as a(x,y)", "(SELECT r0.x x:integer, r0.y y:text, r0.c c:bigint, r0.n n:numeric FROM r0=t)"},
      {"select x from t as a(x,y) where c = 1", "(SELECT r0.x x:integer FROM r0=t WHERE (r0.c = 1))"},
      {"select 'x' as y order by y", "(SELECT 'x' y:text ORDER 0)"},
      {"select a::numeric(5,-2), a::float8, a::bool, b::timestamp(3), a::int8::text from t",
       "(SELECT numeric(numeric(r0.a), 393214) a:numeric(5,-2), float8(r0.a) a:double precision, bool(r0.a) "
       "a:boolean, timestamp(timestamp(r0.b), 3) b:timestamp(3) without time zone, text(int8(r0.a)) a:text FROM "
       "r0=t)"},
      {"select true::int, 'yes'::bool, 1::bool, null::int",
       "(SELECT 1 int4:integer, t bool:boolean, t bool:boolean, null int4:integer)"},
      {"select a & 1, a # 1, a << 1, @ a from t",
       "(SELECT (r0.a & 1) ?column?:integer, (r0.a # 1) ?column?:integer, (r0.a << 1) ?column?:integer, @(r0.a) "
       "?column?:integer FROM r0=t)"},
      {"select limit 1", "(SELECT  LIMIT 1)"},
      {"select * from t limit 1 + 1",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric FROM r0=t LIMIT int8((1 + 1)))"},
      {"select * from t limit -1",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric FROM r0=t LIMIT -1)"},
      {"select from t", "(SELECT  FROM r0=t)"},
      {"select a in (1, 2.5, c), b in ('x') from t",
       "(SELECT in(numeric(r0.a), 1, 2.5, numeric(r0.c)) ?column?:boolean, (r0.b = 'x') ?column?:boolean FROM r0=t)"},
      {"select current_setting('x'), pg_sleep(0), version()",
       "(SELECT current_setting('x') current_setting:text, pg_sleep(0) pg_sleep:void, version() version:text) "
       "volatile system"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void from_gives_ranges(void **state)
{
  static const struct bind_case cases[] = {
      {"select t.a, u.x from t join u on t.a = u.a left join v on v.k = t.c where v.s is null",
       "(SELECT r0.a a:integer, r1.x x:text FROM [[r0=t join r1=u on (r0.a = r1.a)] left r2=v on (r2.k = r0.c)] "
       "WHERE is_null(r2.s))"},
      {"select * from t join u using (a)",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric, r1.x x:text, r1.d d:timestamp with "
       "time zone FROM [r0=t join r1=u on (r0.a = r1.a)])"},
      {"select * from t natural join u",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric, r1.x x:text, r1.d d:timestamp with "
       "time zone FROM [r0=t join r1=u on (r0.a = r1.a)])"},
      {"select a, t.a, u.a from t right join u using (a)",
       "(SELECT r1.a a:integer, r0.a a:integer, r1.a a:integer FROM [r1=u left r0=t on (r0.a = r1.a)])"},
      {"select * from t cross join u",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric, r1.a a:integer, r1.x x:text, r1.d "
       "d:timestamp with time zone FROM [r0=t join r1=u])"},
      {"select * from (values (1,'a'),(2,null)) as v(i, j)",
       "(SELECT r1.i i:integer, r1.j j:text FROM r1=(SELECT r0.column1 column1:integer, r0.column2 column2:text "
       "FROM r0=values(1, 'a')(2, null)))"},
      {"values (1,2.5),(3,4)",
       "(SELECT r0.column1 column1:integer, r0.column2 column2:numeric FROM r0=values(1, 2.5)(3, 4))"},
      {"select i from generate_series(1,10) as i", "(SELECT r0.i i:integer FROM r0=generate_series(1, 10))"},
      {"select * from (t join u on t.a = u.a) as j",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric, r1.a a:integer, r1.x x:text, r1.d "
       "d:timestamp with time zone FROM [r0=t join r1=u on (r0.a = r1.a)])"},
      {"SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN "
       "'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN "
       "'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned "
       "index' END as \"Type\", pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" FROM pg_catalog.pg_class c "
       "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = "
       "c.relam WHERE c.relkind IN ('r','p','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND "
       "n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;",
       "(SELECT r1.nspname Schema:name, r0.relname Name:name, case((r0.relkind = 'r'), 'table', (r0.relkind = "
       "'v'), 'view', (r0.relkind = 'm'), 'materialized view', (r0.relkind = 'i'), 'index', (r0.relkind = 'S'), "
       "'sequence', (r0.relkind = 't'), 'TOAST table', (r0.relkind = 'f'), 'foreign table', (r0.relkind = 'p'), "
       "'partitioned table', (r0.relkind = 'I'), 'partitioned index', null) Type:text, "
       "pg_get_userbyid(r0.relowner) Owner:name FROM [[r0=system c left r1=system n on (r1.oid = r0.relnamespace)] "
       "left r2=system am on (r2.oid = r0.relam)] WHERE and(in(r0.relkind, 'r', 'p', ''), (r1.nspname <> "
       "'pg_catalog'), (r1.nspname !~ '^pg_toast'), (r1.nspname <> 'information_schema'), "
       "pg_table_is_visible(r0.oid)) ORDER 0, 1) system"},
      {"SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid "
       "= c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default AND "
       "pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3;",
       "(SELECT r0.oid oid:oid, r1.nspname nspname:name, r0.relname relname:name FROM [r0=system c left r1=system "
       "n on (r1.oid = r0.relnamespace)] WHERE and((r0.relname ~ '^(t)$'), pg_table_is_visible(r0.oid)) ORDER 1, "
       "2) system"},
      {"select * from lower('X') as l", "(SELECT r0.l l:text FROM r0=values(lower('X')))"},
      {"select * from lower('X') l(y), generate_series(1, 3, 1)",
       "(SELECT r0.y y:text, r1.generate_series generate_series:integer FROM [r0=values(lower('X')) join "
       "r1=generate_series(1, 3, 1)])"},
      {"select t.a from t left join u using (a) where u.a is null order by a",
       "(SELECT r0.a a:integer FROM [r0=t left r1=u on (r0.a = r1.a)] WHERE is_null(r1.a) ORDER 0)"},
      {"select a from t left join u using (a) join v on v.k = a",
       "(SELECT r0.a a:integer FROM [[r0=t left r1=u on (r0.a = r1.a)] join r2=v on (r2.k = r0.a)])"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void groups_are_read_by_what_is_selected(void **state)
{
  static const struct bind_case cases[] = {
      {"select b, count(*), sum(a+1) from t group by b having count(*) > 1 order by 2 desc, b",
       "(SELECT r1.key b:text, r1.count count:bigint, r1.sum sum:bigint FROM r0=t GROUP r1 (r0.b) count() "
       "sum((r0.a + 1)) HAVING (r1.count > 1) ORDER 1 desc nulls first, 0)"},
      {"select a+1 as z, max(c) filter (where b = 'x'), count(distinct b) from t group by z order by sum(n), z",
       "(SELECT r1.key z:integer, r1.max max:bigint, r1.count count:bigint | r1.sum FROM r0=t GROUP r1 ((r0.a + "
       "1)) max(r0.c filter (r0.b = 'x')) count(distinct r0.b) sum(r0.n) ORDER 3, 0)"},
      {"select t.*, count(u.x) from t left join u on u.a = t.a group by t.a",
       "(SELECT r2.key a:integer, r2.key b:text, r2.key c:bigint, r2.key n:numeric, r2.count count:bigint FROM "
       "[r0=t left r1=u on (r1.a = r0.a)] GROUP r2 (r0.a, r0.b, r0.c, r0.n) count(r1.x))"},
      {"select b from t group by b order by count(*) desc, lower(b)",
       "(SELECT r1.key b:text | r1.count, lower(r1.key) FROM r0=t GROUP r1 (r0.b) count() ORDER 1 desc nulls "
       "first, 2)"},
      {"select count(*) from t having false", "(SELECT r1.count count:bigint FROM r0=t GROUP r1 () count() HAVING f)"},
      {"select b as q from t group by q", "(SELECT r1.key q:text FROM r0=t GROUP r1 (r0.b))"},
      {"select j.b, count(*) from (t join u on t.a = u.a) as j(a1,b,c,n,a2,x,d) group by j.b",
       "(SELECT r2.key b:text, r2.count count:bigint FROM [r0=t join r1=u on (r0.a = r1.a)] GROUP r2 (r0.b) "
       "count())"},
      {"select sum(j.c) from (t join u on t.a = u.a) as j",
       "(SELECT r2.sum sum:numeric FROM [r0=t join r1=u on (r0.a = r1.a)] GROUP r2 () sum(r0.c))"},
      {"select max(b), min(d) from t, u",
       "(SELECT r2.max max:text, r2.min min:timestamp with time zone FROM [r0=t join r1=u] GROUP r2 () max(r0.b) "
       "min(r1.d))"},
      {"select count(*), count(*) + 1, sum(a) filter (where a > 0) from t order by count(*)",
       "(SELECT r1.count count:bigint, (r1.count + 1) ?column?:bigint, r1.sum sum:bigint FROM r0=t GROUP r1 () "
       "count() sum(r0.a filter (r0.a > 0)) ORDER 0)"},
      {"select b, b || 'x' from t group by b, a having max(c) > 1",
       "(SELECT r1.key b:text, (r1.key || 'x') ?column?:text FROM r0=t GROUP r1 (r0.b, r0.a) max(r0.c) HAVING "
       "(r1.max > 1))"},
      {"select upper(b) from t group by upper(b)", "(SELECT r1.key upper:text FROM r0=t GROUP r1 (upper(r0.b)))"},
      {"select a from t group by a, b order by b, max(c)",
       "(SELECT r1.key a:integer | r1.key, r1.max FROM r0=t GROUP r1 (r0.a, r0.b) max(r0.c) ORDER 1, 2)"},
      {"select t.b from t group by t.a", "(SELECT r1.key b:text FROM r0=t GROUP r1 (r0.a, r0.b))"},
      {"select u.x, t.b, count(*) from t, u where t.a = u.a group by t.a, u.x",
       "(SELECT r2.key x:text, r2.key b:text, r2.count count:bigint FROM [r0=t join r1=u] WHERE (r0.a = r1.a) "
       "GROUP r2 (r0.a, r1.x, r0.b) count())"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void subqueries_know_what_they_read(void **state)
{
  static const struct bind_case cases[] = {
      {"select s.p, q from (select a, b from t) as s(p, q) where p > 1",
       "(SELECT r1.p p:integer, r1.q q:text FROM r1=(SELECT r0.a a:integer, r0.b b:text FROM r0=t) WHERE (r1.p > "
       "1))"},
      {"with w as (select a, b from t), w2 as (select a from w) select * from w2, w where w2.a = w.a",
       "(SELECT r2.a a:integer, r3.a a:integer, r3.b b:text FROM [r2=(SELECT r1.a a:integer FROM r1=row) join r3=row] "
       "WHERE (r2.a = r3.a))"},
      {"select b, (select max(x) from u where u.x = t.b) from t group by b",
       "(SELECT r3.key b:text, scalar~(SELECT r2.max max:text FROM r1=u WHERE (r1.x = r3.key) GROUP r2 () "
       "max(r1.x)) max:text FROM r0=t GROUP r3 (r0.b))"},
      {"select a from t where exists (select 1 from u where u.a = t.a) and b in (select x from u) and c = (select "
       "max(k) from v) and a <> all (select a from u)",
       "(SELECT r0.a a:integer FROM r0=t WHERE and(exists~(SELECT 1 ?column?:integer FROM r1=u WHERE (r1.a = "
       "r0.a)), r0.b in(SELECT r2.x x:text FROM r2=u), (r0.c = scalar(SELECT r4.max max:bigint FROM r3=v GROUP r4 "
       "() max(r3.k))), not(r0.a in(SELECT r5.a a:integer FROM r5=u))))"},
      {"with w as (select * from t) select a from w where exists (select 1 from w w3 where w3.a = w.a)",
       "(SELECT r1.a a:integer FROM r1=row WHERE exists~(SELECT 1 ?column?:integer FROM r2=row WHERE (r2.a = r1.a)))"},
      {"select (with w as (select u.a) select a from w) from u",
       "(SELECT scalar~(SELECT r1.a a:integer FROM r1=(SELECT r0.a a:integer)) a:integer FROM r0=u)"},
      {"select (select x from (with w as (select u.x) select * from w) q) from u",
       "(SELECT scalar~(SELECT r2.x x:text FROM r2=(SELECT r1.x x:text FROM r1=(SELECT r0.x x:text))) x:text FROM "
       "r0=u)"},
      {"select t.* from t where (select true)",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric FROM r0=t WHERE scalar(SELECT t "
       "?column?:boolean))"},
      {"select * from t join u using (a) join (select a, 1 as one from t) z using (a)",
       "(SELECT r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric, r1.x x:text, r1.d d:timestamp with "
       "time zone, r3.one one:integer FROM [[r0=t join r1=u on (r0.a = r1.a)] join r3=(SELECT r2.a a:integer, 1 "
       "one:integer FROM r2=t) on (r0.a = r3.a)])"},
      {"select * from (select 1 as a) x natural join (select 2 as b) y",
       "(SELECT r0.a a:integer, r1.b b:integer FROM [r0=(SELECT 1 a:integer) join r1=(SELECT 2 b:integer)])"},
      {"select t.a, sum(u.a) from t, u group by 1 having sum(u.a) > (select t.a)",
       "(SELECT r2.key a:integer, r2.sum sum:bigint FROM [r0=t join r1=u] GROUP r2 (r0.a) sum(r1.a) HAVING (r2.sum "
       "> scalar~(SELECT r2.key a:integer)))"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void parameters_get_their_types(void **state)
{
  static const struct bind_case cases[] = {
      {"select g.x from generate_series(1,$1) as g(x)",
       "(SELECT r0.x x:integer FROM r0=generate_series(1, $1)) $1:int4"},
      {"select distinct b, a from t order by a limit 5 offset $1",
       "(SELECT DISTINCT r0.b b:text, r0.a a:integer FROM r0=t ORDER 1 LIMIT 5 OFFSET $1) $1:int8"},
      {"select $1 from t", "(SELECT $1 ?column?:text FROM r0=t) $1:text"},
      {"insert into t (a) values (1),($1),(default)",
       "INSERT t (r0.a, null, null, null) r0=values(1)($1)(null) $1:int4"},
      {"insert into t (a, b) select $1, 'x' from v",
       "INSERT t (r1.?column?, r1.?column?, null, null) r1=(SELECT $1 ?column?:integer, 'x' ?column?:text FROM "
       "r0=v) $1:int4"},
      {"update t set b = default, n = $1 where a = $2",
       "UPDATE t(SELECT  FROM r0=t WHERE (r0.a = $2)) b=null n=$1 $1:numeric $2:int4"},
      {"insert into t values ((select 1), default, $1, $2)",
       "INSERT t (scalar(SELECT 1 ?column?:integer), null, $1, $2) $1:int8 $2:numeric"},
      {"select $1::int, $1 from t", "(SELECT $1 int4:integer, $1 ?column?:integer FROM r0=t) $1:int4"},
      {"select coalesce($1, 1), case when $2 then $3 else a end, $4 in (1,2), b like $5 from t",
       "(SELECT coalesce($1, 1) coalesce:integer, case($2, $3, r0.a) a:integer, in($4, 1, 2) ?column?:boolean, "
       "(r0.b ~~ $5) ?column?:boolean FROM r0=t) $1:int4 $2:bool $3:int4 $4:int4 $5:text"},
      {"insert into t (a, c, n) values ($1, $2, $3)", "INSERT t ($1, null, $2, $3) $1:int4 $2:int8 $3:numeric"},
      {"select a from t where b between $1 and $2 and a in ($3, $4) and c = $5 + 1",
       "(SELECT r0.a a:integer FROM r0=t WHERE and(and((r0.b >= $1), (r0.b <= $2)), in(r0.a, $3, $4), (r0.c = ($5 "
       "+ 1)))) $1:text $2:text $3:int4 $4:int4 $5:int4"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void literals_as_parameters(void **state)
{
  static const struct bind_case stripped[] = {
      {"select a from t where a = $1 and b = $2",
       "(SELECT r0.a a:integer FROM r0=t WHERE and((r0.a = $1), (r0.b = $2))) $1:int4 $2:text"},
      {"select a from t where a = $1 order by $2", "again"},
      {"select $1 is null, $2 is null",
       "(SELECT is_null($1) ?column?:boolean, is_null($2) ?column?:boolean) $1:int4 $2:text"},
      {"select a from t where a = $2", "(SELECT r0.a a:integer FROM r0=t WHERE (r0.a = $2)) $1:int4 $2:int4"},
      {"select a + $1 from t group by a + $2", "again"},
      {"select zz from t", "again"},
  };
  bind_cases(stripped, sizeof stripped / sizeof *stripped, LITERALS);
}

static void changes_are_bound(void **state)
{
  static const struct bind_case cases[] = {
      {"insert into t values (1,'x',2,3.5)", "INSERT t (1, 'x', 2, 3.5)"},
      {"insert into t (b) values (5)", "INSERT t (null, '5', null, null)"},
      {"insert into t (a, b) select k, s from v",
       "INSERT t (int4(r1.k), r1.s, null, null) r1=(SELECT r0.k k:bigint, r0.s s:character varying FROM r0=v)"},
      {"insert into t default values", "INSERT t (null, null, null, null)"},
      {"insert into t values (1, 'x') on conflict do nothing", "INSERT t (1, 'x', null, null) CONFLICT -1 nothing"},
      {"insert into t values (1, 'x') on conflict (a) do update set b = excluded.b || t.b, c = t.c + 1 where t.b "
       "<> excluded.b returning a, b",
       "INSERT t (1, 'x', null, null) CONFLICT 0 update way=r0 excluded=r1 b=(r1.b || r0.b) c=(r0.c + 1) WHERE "
       "(r0.b <> r1.b) RETURNING (new=r2) r2.a a:integer, r2.b b:text"},
      {"insert into t values (1) on conflict on constraint t_pkey do nothing",
       "INSERT t (1, null, null, null) CONFLICT 0 nothing"},
      {"update t set b = 'x', c = c + 1 where a = 1 returning *",
       "UPDATE t(SELECT  FROM r0=t WHERE (r0.a = 1)) b='x' c=(r0.c + 1) RETURNING (new=r1) r1.a a:integer, r1.b "
       "b:text, r1.c c:bigint, r1.n n:numeric"},
      {"update t set (a, b) = (1, 'x')", "UPDATE t(SELECT  FROM r0=t) a=1 b='x'"},
      {"update t as q set b = u.x from u where u.a = q.a returning q.b, u.x",
       "UPDATE t(SELECT  FROM [r0=t join r1=u] WHERE (r1.a = r0.a)) b=r1.x RETURNING (new=r2) r2.b b:text, r1.x "
       "x:text"},
      {"delete from t where a = 1 returning a",
       "DELETE t(SELECT  FROM r0=t WHERE (r0.a = 1)) RETURNING (new=r-1) r0.a a:integer"},
      {"delete from t using u where u.a = t.a", "DELETE t(SELECT  FROM [r0=t join r1=u] WHERE (r1.a = r0.a))"},
      {"with w as (select 1) insert into t select * from w",
       "INSERT t (r1.?column?, null, null, null) r1=(SELECT r0.?column? ?column?:integer FROM r0=(SELECT 1 "
       "?column?:integer))"},
      {"insert into t select * from v",
       "INSERT t (int4(r1.k), r1.s, int8(r1.f), null) r1=(SELECT r0.k k:bigint, r0.s s:character varying, r0.f "
       "f:double precision FROM r0=v)"},
      {"insert into t (a,b) values (1,'a'), (2,'b') returning t.*, a + 1 as z",
       "INSERT t (r0.a, r0.b, null, null) r0=values(1, 'a')(2, 'b') RETURNING (new=r1) r1.a a:integer, r1.b "
       "b:text, r1.c c:bigint, r1.n n:numeric, (r1.a + 1) z:integer"},
      {"update only t set a = 1", "UPDATE t(SELECT  FROM r0=t) a=1"},
      {"delete from t where a in (select a from u where u.x = t.b) returning *",
       "DELETE t(SELECT  FROM r0=t WHERE r0.a in~(SELECT r1.a a:integer FROM r1=u WHERE (r1.x = r0.b))) RETURNING "
       "(new=r-1) r0.a a:integer, r0.b b:text, r0.c c:bigint, r0.n n:numeric"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void workflows_read_their_source(void **state)
{
  static const struct bind_case driven[] = {
      {"insert into t (a, b) select a, b from src",
       "INSERT t (r1.a, r1.b, null, null) r1=(SELECT r0.a a:integer, r0.b b:text FROM r0=source src)"},
      {"insert into t (a, b) select s.a, s.b from src s where s.a > (select max(a) from t)",
       "INSERT t (r3.a, r3.b, null, null) r3=(SELECT r0.a a:integer, r0.b b:text FROM r0=source src WHERE (r0.a > "
       "scalar(SELECT r2.max max:integer FROM r1=t GROUP r2 () max(r1.a))))"},
      {"insert into t (a, b) select max(a), 'x' from atom(src) x",
       "INSERT t (r2.max, r2.?column?, null, null) r2=(SELECT r1.max max:integer, 'x' ?column?:text FROM r0=source "
       "src GROUP r1 () max(r0.a)) atom"},
      {"insert into t (a, b) select a, b from atom(src)",
       "INSERT t (r1.a, r1.b, null, null) r1=(SELECT r0.a a:integer, r0.b b:text FROM r0=source src) atom"},
      {"update t set b = src.b from src where src.a = t.a",
       "UPDATE t(SELECT  FROM [r0=t join r1=source src] WHERE (r1.a = r0.a)) b=r1.b"},
      {"insert into t (a) select a from src where a in (select a from src)",
       "42809 source \"src\" keeps no rows that could be read; hint A source with a PRIMARY KEY can be read as a "
       "table; any source can drive a workflow. @63"},
      {"select * from atom(u)", "42809 atom(\"u\") can only be read by a workflow that it drives @20"},
  };
  bind_cases(driven, sizeof driven / sizeof *driven, WORKFLOW);
  static const struct bind_case cases[] = {
      {"select * from src",
       "42809 source \"src\" keeps no rows that could be read; hint A source with a PRIMARY KEY can be read as a "
       "table; any source can drive a workflow. @15"},
      {"insert into src values (1, 'x')", "INSERT src (1, 'x')"},
      {"insert into src (b) select x from u", "INSERT src ((1 + 1), r1.x) r1=(SELECT r0.x x:text FROM r0=u)"},
      {"update src set a = 1",
       "42809 cannot update source \"src\": it keeps no rows; hint Only a source with a PRIMARY KEY keeps its "
       "rows. @8"},
      {"delete from src",
       "42809 cannot delete from source \"src\": it keeps no rows; hint Only a source with a PRIMARY KEY keeps its "
       "rows. @13"},
      {"insert into src values (1,'x') on conflict do nothing", "0A000 ON CONFLICT is not supported for sources @32"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void wrong_queries_get_postgresqls_errors(void **state)
{
  static const struct bind_case cases[] = {
      {"select case a when 1 then 'x' else b end, case when a > 1 then 1 else 2.5 end, coalesce(b, 'z'), nullif(a, "
       "1), greatest(a, c, 1.5)",
       "42703 column \"a\" does not exist @13"},
      {"select * from t full join u using (d)", "42703 column \"d\" specified in USING clause does not exist in left table @0"},
      {"select b, (select count(*) from u where u.a > 1) from t v join t on max(v.a) > 1",
       "42803 aggregate functions are not allowed in JOIN conditions @69"},
      {"select b, (select max(x) from u where u.a = t.a) from t group by b",
       "42803 subquery uses ungrouped column \"t.a\" from outer query @45"},
      {"select distinct b from t order by a",
       "42P10 for SELECT DISTINCT, ORDER BY expressions must appear in select list @35"},
      {"select a from t order by 1, 3", "42P10 ORDER BY position 3 is not in select list @29"},
      {"select a from t group by b",
       "42803 column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function @8"},
      {"select sum(a) from t where sum(a) > 1", "42803 aggregate functions are not allowed in WHERE @28"},
      {"select a, sum(a) from t",
       "42803 column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function @8"},
      {"select sum(sum(a)) from t", "42803 aggregate function calls cannot be nested @12"},
      {"select zz from t", "42703 column \"zz\" does not exist @8"},
      {"select t.zz from t", "42703 column t.zz does not exist @8"},
      {"select bb from t x",
       "42703 column \"bb\" does not exist; hint Perhaps you meant to reference the column \"x.b\". @8"},
      {"select x.a, t.b from t x",
       "42P01 invalid reference to FROM-clause entry for table \"t\"; hint Perhaps you meant to reference the "
       "table alias \"x\". @13"},
      {"select q.a from t", "42P01 missing FROM-clause entry for table \"q\" @8"},
      {"select a from t, u", "42702 column reference \"a\" is ambiguous @8"},
      {"select * from nope", "42P01 relation \"nope\" does not exist @15"},
      {"select * from nope.t", "42P01 relation \"nope.t\" does not exist @15"},
      {"select a from t where b", "42804 argument of WHERE must be type boolean, not type text @23"},
      {"select a from t where a = 'abc'", "22P02 invalid input syntax for type integer: \"abc\" @27"},
      {"select a + b from t",
       "42883 operator does not exist: integer + text; hint No operator matches the given name and argument types. "
       "You might need to add explicit type casts. @10"},
      {"select foo(a) from t",
       "42883 function foo(integer) does not exist; hint No function matches the given name and argument types. "
       "You might need to add explicit type casts. @8"},
      {"select 1 where 1 and true", "42804 argument of AND must be type boolean, not type integer @16"},
      {"select * from t, t", "42712 table name \"t\" specified more than once @0"},
      {"select a as x, b as x from t order by x", "42702 ORDER BY \"x\" is ambiguous @39"},
      {"select ctid from t", "42703 column \"ctid\" does not exist @8"},
      {"select case when a then 1 end from t",
       "42804 argument of CASE/WHEN must be type boolean, not type integer @18"},
      {"select case when true then 1 else 'x' end", "22P02 invalid input syntax for type integer: \"x\" @35"},
      {"select case when true then 1 else b end from t", "42804 CASE types text and integer cannot be matched @28"},
      {"select (select a, b from t)", "42601 subquery must return only one column @8"},
      {"select a in (select a, b from t) from t", "42601 subquery has too many columns @10"},
      {"select *", "42601 SELECT * with no tables specified is not valid @8"},
      {"select a from t limit a", "42P10 argument of LIMIT must not contain variables @23"},
      {"select a from t limit 'x'", "22P02 invalid input syntax for type bigint: \"x\" @23"},
      {"select $1 + a, $2 || b, $3 is null from t where c = $4",
       "42P18 could not determine data type of parameter $3 @0"},
      {"select $2", "42P18 could not determine data type of parameter $1 @0"},
      {"select a = $1, $1 = b from t",
       "42883 operator does not exist: integer = text; hint No operator matches the given name and argument types. "
       "You might need to add explicit type casts. @19"},
      {"select count() from t", "42809 count(*) must be used to call a parameterless aggregate function @8"},
      {"select lower(*) from t",
       "42883 function lower() does not exist; hint No function matches the given name and argument types. "
       "You might need to add explicit type casts. @8"},
      {"select now(*) from t", "42809 now(*) specified, but now is not an aggregate function @8"},
      {"select upper(distinct b) from t", "42809 DISTINCT specified, but upper is not an aggregate function @8"},
      {"select a from t union select 1, 2", "42601 each UNION query must have the same number of columns @30"},
      {"select 'abc'::xml", "0A000 type xml is not supported @15"},
      {"select 'abc'::foo", "42704 type \"foo\" does not exist @15"},
      {"select 'abc'::varchar(0), 1::numeric(2000)", "22023 length for type varchar must be at least 1 @15"},
      {"select a from t where a::varchar(2) = 'x' and d is null", "42703 column \"d\" does not exist @47"},
      {"select s.* from (select a, a from t) s where a = 1", "42702 column reference \"a\" is ambiguous @46"},
      {"select 1 as a order by a + 1", "42703 column \"a\" does not exist @24"},
      {"select a, b from t where a = 1 and a", "42804 argument of AND must be type boolean, not type integer @36"},
      {"select x from u where d > '2020-01-01' and d < 'nonsense'",
       "22007 invalid input syntax for type timestamp with time zone: \"nonsense\" @48"},
      {"select not 1", "42804 argument of NOT must be type boolean, not type integer @12"},
      {"select t.a from t join u on sum(t.a) = 1", "42803 aggregate functions are not allowed in JOIN conditions @29"},
      {"select t.a from t join u on t.a", "42804 argument of JOIN/ON must be type boolean, not type integer @29"},
      {"select t.a from t join u on v.k = 1, v", "42P01 missing FROM-clause entry for table \"v\" @29"},
      {"select * from t join u using (zz)",
       "42703 column \"zz\" specified in USING clause does not exist in left table @0"},
      {"select * from (select * from t where a = u.a) s, u", "42P01 missing FROM-clause entry for table \"u\" @42"},
      {"select 1 from t group by 2", "42P10 GROUP BY position 2 is not in select list @26"},
      {"select 1 from t group by 'x'", "42601 non-integer constant in GROUP BY @26"},
      {"select a from t order by 'x'", "42601 non-integer constant in ORDER BY @26"},
      {"select exists(select 1), (select 1), array(select 1, 2)", "42601 subquery must return only one column @38"},
      {"select * from atom(src)", "42809 atom(\"src\") can only be read by a workflow that it drives @20"},
      {"with w(p) as (select 1), w(q) as (select 2) select * from w",
       "42712 WITH query name \"w\" specified more than once @26"},
      {"with w as (select * from w) select * from w", "42P01 relation \"w\" does not exist; hint Use WITH RECURSIVE, or re-order the WITH items to remove forward "
       "references.; detail There is a WITH item named \"w\", but it cannot be referenced from this part of the query. @26"},
      {"with recursive w as (select 1 from w) select * from w",
       "42P19 recursive query \"w\" does not have the form non-recursive-term UNION [ALL] recursive-term @16"},
      {"select public.t.a from t x",
       "42P01 invalid reference to FROM-clause entry for table \"t\"; hint Perhaps you meant to reference the "
       "table alias \"x\". @8"},
      {"select coalesce(1, 'x', null), nullif('a', 'b'), greatest('a', 'b'), case when true then 'a' end",
       "22P02 invalid input syntax for type integer: \"x\" @20"},
      {"select a is not distinct from null, b is unknown from t",
       "42804 argument of IS UNKNOWN must be type boolean, not type text @37"},
      {"select 1 from t where a > all (select 1, 2)", "42601 subquery has too many columns @25"},
      {"select 1 from t where (a, b) in (select a from u)", "42601 subquery has too few columns @30"},
      {"select count(*) over () from t where rank() over () > 1", "42P20 window functions are not allowed in WHERE @38"},
      {"select distinct on (a) a from t order by b",
       "42P10 SELECT DISTINCT ON expressions must match initial ORDER BY expressions @21"},
      {"select 1 into z", "0A000 SELECT INTO is not supported @0"},
      {"select 1 from t where generate_series(1,2) = 1",
       "0A000 set-returning functions are not allowed in WHERE @23"},
      {"select * from generate_series(1, 'a'::text)",
       "42883 function generate_series(integer, text) does not exist; hint No function matches the given name and "
       "argument types. You might need to add explicit type casts. @15"},
      {"select * from t a(x, y), t b(p, q, r, s, z)",
       "42P10 table \"b\" has 4 columns available but 5 columns specified @0"},
      {"select a::timestamp from t", "42846 cannot cast type integer to timestamp without time zone @9"},
      {"select '1' + 1, '1' || 1, '1' + '1'",
       "42725 operator is not unique: unknown + unknown; hint Could not choose a best candidate operator. You "
       "might need to add explicit type casts. @31"},
      {"select - b from t",
       "42883 operator does not exist: - text; hint No operator matches the given name and argument type. You "
       "might need to add an explicit type cast. @8"},
      {"select * from t limit a::int offset 'x'", "22P02 invalid input syntax for type bigint: \"x\" @37"},
      {"select sum(a) from t group by a + 1 having b = 'x'",
       "42803 column \"t.b\" must appear in the GROUP BY clause or be used in an aggregate function @44"},
      {"select 1 from t, lateral (select sum(t.a)) v",
       "42803 aggregate functions are not allowed in FROM clause of their own query level @34"},
      {"select a as a1 from t group by a1 having a1 > 0",
       "42703 column \"a1\" does not exist; hint Perhaps you meant to reference the column \"t.a\". @42"},
      {"select case a when 'x' then 1 end from t", "22P02 invalid input syntax for type integer: \"x\" @20"},
      {"select a in ('1', '2'), b in (1, 2) from t",
       "42883 operator does not exist: text = integer; hint No operator matches the given name and argument types. "
       "You might need to add explicit type casts. @27"},
      {"select a = any (5) from t", "42809 op ANY/ALL (array) requires array on right side @10"},
      {"select $1, $1::int from t", "42P08 inconsistent types deduced for parameter $1; detail integer versus text @8"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

static void wrong_changes_get_postgresqls_errors(void **state)
{
  static const struct bind_case cases[] = {
      {"insert into t (a, b) values (1)", "42601 INSERT has more target columns than expressions @19"},
      {"insert into t (a) values (1, 2)", "42601 INSERT has more expressions than target columns @30"},
      {"insert into t values (1,2,3,4,5)", "42601 INSERT has more expressions than target columns @31"},
      {"insert into t (a, a) values (1, 2)", "42701 column \"a\" specified more than once @19"},
      {"insert into t (zz) values (1)", "42703 column \"zz\" of relation \"t\" does not exist @16"},
      {"insert into t (a) values ('x'::text)",
       "42804 column \"a\" is of type integer but expression is of type text; hint You will need to rewrite or "
       "cast the expression. @27"},
      {"insert into t (a) select b from t",
       "42804 column \"a\" is of type integer but expression is of type text; hint You will need to rewrite or "
       "cast the expression. @26"},
      {"insert into t values (1) on conflict on constraint zz do nothing",
       "42704 constraint \"zz\" for table \"t\" does not exist @0"},
      {"insert into t values (1) on conflict (b) do nothing",
       "42P10 there is no unique or exclusion constraint matching the ON CONFLICT specification @0"},
      {"insert into t values (1) on conflict (zz) do nothing", "42703 column \"zz\" does not exist @38"},
      {"insert into t values (1) on conflict do update set b = 1",
       "42601 ON CONFLICT DO UPDATE requires inference specification or constraint name; hint For example, ON "
       "CONFLICT (column_name). @26"},
      {"update t set zz = 1", "42703 column \"zz\" of relation \"t\" does not exist @14"},
      {"update t set a = 'x'::text",
       "42804 column \"a\" is of type integer but expression is of type text; hint You will need to rewrite or "
       "cast the expression. @18"},
      {"update t set a = 1, a = 2", "42601 multiple assignments to same column \"a\" @0"},
      {"update t set a = sum(a)", "42803 aggregate functions are not allowed in UPDATE @18"},
      {"delete from nope", "42P01 relation \"nope\" does not exist @13"},
      {"insert into t values (1), (2, 3)", "42601 VALUES lists must all be the same length @28"},
      {"insert into t as q values (1) returning q.a, t.a",
       "42P01 invalid reference to FROM-clause entry for table \"t\"; hint Perhaps you meant to reference the "
       "table alias \"q\". @46"},
      {"update t set a = 1 returning t.zz", "42703 column t.zz does not exist @30"},
      {"update t set b = (select x from u where u.a = t.a), c = t.c + excluded.c",
       "42P01 missing FROM-clause entry for table \"excluded\" @63"},
      {"update t set (a, b) = (select 1)", "42601 number of columns does not match number of values @23"},
      {"update t set t.a = 1", "42703 column \"t\" of relation \"t\" does not exist @14"},
  };
  bind_cases(cases, sizeof cases / sizeof *cases, PLAIN);
}

// --- Definitions, types, bounds --------------------------------------------------------------------

static void bind_definition(struct database *database, const struct relation *relation, const char *text,
                            struct type want, const char *expected)
{
  struct bind_input input = {.catalog = database->catalog,
                             .version = database->writer.version,
                             .settings = &database->settings,
                             .arena = &database->statement};
  struct node *node;
  struct buffer shown = {0};
  struct statement statement = {0};
  struct range row = {.column_count = relation->schema.column_count};
  row.columns = ARENA_ARRAY(&database->statement, struct range_column, row.column_count);
  for (int i = 0; i < row.column_count; i++)
    row.columns[i].name = relation->schema.columns[i].name;
  statement.ranges = &row;
  if (bind_expression(&input, relation, text, want, &node, &database->error))
    show_error(&database->error, &shown);
  else
    show_node(&statement, node, &shown);
  buffer_append_u8(&shown, 0);
  assert_string_equal((const char *)shown.data, expected);
  buffer_deinit(&shown);
}

static void expressions_of_definitions_are_bound_to_the_row(void **state)
{
  static struct database database;
  database_open(&database);
  const struct relation *t = database_table(&database, "t: a int4!, b text, c int8, n numeric:a");
  struct type none = type_plain(TYPE_UNKNOWN);
  bind_definition(&database, t, "a > 0 AND t.b <> ''", type_plain(TYPE_BOOLEAN), "and((r0.a > 0), (r0.b <> ''))");
  bind_definition(&database, t, "1 + 1", type_plain(TYPE_INT8), "int8((1 + 1))");
  bind_definition(&database, t, "a -- comment", none, "r0.a");
  bind_definition(&database, t, "sum(a)", none, "42803 aggregate functions are not allowed in definitions @0");
  bind_definition(&database, t, "(select 1)", none, "0A000 cannot use subquery in a definition @0");
  bind_definition(&database, t, "$1", none, "42P02 there is no parameter $1 @0");
  bind_definition(&database, t, "zz", none, "42703 column \"zz\" does not exist @0");
  bind_definition(&database, t, "1) union (select 2", none, "42601 \"1) union (select 2\" is not an expression @0");
  struct bind_input input = {.catalog = database.catalog,
                             .version = database.writer.version,
                             .settings = &database.settings,
                             .arena = &database.statement};
  struct expression_text compiled;
  assert_int_equal(bind_compile(&input, t, "a > 1", type_plain(TYPE_BOOLEAN), &compiled, &database.error), 0);
  database_close(&database);
}

static void types_have_names_and_modifiers(void **state)
{
  static const struct {
    const char *type, *expected;
  } cases[] = {
      {"int", "integer"},
      {"bigint", "bigint"},
      {"smallint", "smallint"},
      {"double precision", "double precision"},
      {"float", "double precision"},
      {"decimal(5)", "numeric(5,0)"},
      {"numeric(5,-2)", "numeric(5,-2)"},
      {"varchar", "character varying"},
      {"varchar(7)", "character varying(7)"},
      {"char", "character(1)"},
      {"timestamp", "timestamp without time zone"},
      {"timestamp(3) with time zone", "timestamp(3) with time zone"},
      {"timestamptz(9)", "timestamp(6) with time zone"},
      {"pg_catalog.int4", "integer"},
      {"\"char\"", "\"char\""},
      {"text[]", "text[]"},
      {"oid", "oid"},
      {"name", "name"},
      {"boolean", "boolean"},
      {"foo", "42704 type \"foo\" does not exist @17"},
      {"public.int4", "42704 type \"public.int4\" does not exist @17"},
      {"\"integer\"", "42704 type \"integer\" does not exist @17"},
      {"jsonb", "jsonb"},
      {"xml", "0A000 type xml is not supported @17"},
      {"int[]", "integer[]"},
      {"numeric(5,2)[][]", "numeric(5,2)[]"},
      {"\"int4[]\"", "42704 type \"int4[]\" does not exist @17"},
      {"text(3)", "42601 type modifier is not allowed for type \"text\" @17"},
      {"varchar(0)", "22023 length for type varchar must be at least 1 @17"},
      {"varchar(10485761)", "22023 length for type varchar cannot exceed 10485760 @17"},
      {"numeric(1001)", "22023 NUMERIC precision 1001 must be between 1 and 1000 @17"},
      {"numeric(5,1001)", "22023 NUMERIC scale 1001 must be between -1000 and 1000 @17"},
  };
  static struct database database;
  database_open(&database);
  struct bind_input input = {.catalog = database.catalog,
                             .version = store_trunk(database.store),
                             .settings = &database.settings,
                             .arena = &database.statement};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char sql[128], shown[640];
    struct error error;
    struct type type;
    snprintf(sql, sizeof sql, "select cast(1 as %s)", cases[i].type);
    struct parse *parse = parse_open(bytes_of_string(sql), &error);
    assert_non_null(parse);
    const PgQuery__Node *value = parse->statements[0].node->select_stmt->target_list[0]->res_target->val;
    if (bind_type(&input, value->type_cast->type_name, parse->text, &type, NULL, &error))
      snprintf(shown, sizeof shown, "%s %s @%d", error.sqlstate, error.message, error.position - 1);
    else
      type_format(type, NULL, shown, sizeof shown);
    assert_string_equal(shown, cases[i].expected);
    parse_close(parse);
  }
  database_close(&database);
}

static void expressions_go_back_to_text(void **state)
{
  static const char *const texts[] = {"a > 0 AND b <> 'x''y'", "now()", "CASE WHEN a IS NULL THEN 1 ELSE -2 END",
                                      "a::numeric(10, 2) + 1.5", "lower(b) LIKE 'x%'"};
  struct arena arena;
  arena_init(&arena, NULL);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct error error;
    char sql[128];
    const char *text;
    snprintf(sql, sizeof sql, "select %s", texts[i]);
    struct parse *parse = parse_open(bytes_of_string(sql), &error);
    assert_non_null(parse);
    const PgQuery__Node *value = parse->statements[0].node->select_stmt->target_list[0]->res_target->val;
    assert_int_equal(bind_deparse(value, &arena, &text, &error), 0);
    assert_string_equal(text, texts[i]);
    parse_close(parse);
  }
  arena_deinit(&arena);
}

static int bind_text(struct database *database, const char *sql)
{
  struct parse *parse = parse_open(bytes_of_string(sql), &database->error);
  assert_non_null(parse);
  struct bind_input input = {.catalog = database->catalog,
                             .version = database->writer.version,
                             .settings = &database->settings,
                             .parsed = &parse->statements[0],
                             .text = parse->text,
                             .arena = &database->statement};
  struct statement *statement;
  int status = bind_statement(&input, &statement, &database->error);
  if (!status)
    statement_release(statement);
  parse_close(parse);
  arena_reset(&database->statement);
  return status;
}

static void bind_refuses(struct database *database, const struct buffer *sql, const char *sqlstate)
{
  assert_int_not_equal(bind_text(database, (const char *)sql->data), 0);
  assert_string_equal(database->error.sqlstate, sqlstate);
}

static void too_much_is_refused(void **state)
{
  static struct database database;
  struct buffer sql = {0};
  database_open(&database);
  database_table(&database, "t: a int4!, b text, c int8, n numeric:a");
  // Each of these names the one before it: no parenthesis nests, the queries do.
  buffer_append_string(&sql, "with w0 as (select 1 as a)");
  for (int i = 1; i < 3000; i++)
    buffer_format(&sql, ", w%d as (select * from w%d)", i, i - 1);
  buffer_append_string(&sql, " select * from w2999");
  buffer_append_u8(&sql, 0);
  bind_refuses(&database, &sql, "54001");
  // Each of these doubles what is read.
  buffer_clear(&sql);
  buffer_append_string(&sql, "with w0 as (select 1 as a)");
  for (int i = 1; i < 40; i++)
    buffer_format(&sql, ", w%d as not materialized (select x.a from w%d x, w%d y)", i, i - 1, i - 1);
  buffer_append_string(&sql, " select * from w39");
  buffer_append_u8(&sql, 0);
  bind_refuses(&database, &sql, "54000");
  buffer_clear(&sql);
  buffer_append_string(&sql, "select 1");
  for (int i = 0; i < LIMIT_COLUMNS; i++)
    buffer_append_string(&sql, ",1");
  buffer_append_u8(&sql, 0);
  bind_refuses(&database, &sql, "54011");
  buffer_clear(&sql);
  buffer_append_string(&sql, "select 1");
  for (int i = 0; i < LIMIT_CHAIN - 1; i++)
    buffer_append_string(&sql, "+1");
  buffer_append_u8(&sql, 0);
  assert_int_equal(bind_text(&database, (const char *)sql.data), 0);
  buffer_deinit(&sql);
  database_close(&database);
}

// With ever more memory: each failure is 53200, and in the end it works.
static void running_out_of_memory_is_an_error(void **state)
{
  static const char sql[] = "with w as (select a, b from t) insert into t (a, b) select a, max(b) from w where exists "
                            "(select 1 from t u where u.a = w.a) group by a having count(*) > $1 order by 2 "
                            "on conflict (a) do update set b = excluded.b returning *";
  static struct database database;
  database_open(&database);
  database_table(&database, "t: a int4!, b text, c int8, n numeric:a");
  struct memory_account account = {0};
  int status = -1;
  int refusals = 0;
  while (status && refusals < 10000) {
    struct arena arena;
    account.limit += 256;
    arena_init(&arena, &account);
    struct parse *parse = parse_open(bytes_of_string(sql), &database.error);
    struct bind_input input = {.catalog = database.catalog,
                               .version = database.writer.version,
                               .settings = &database.settings,
                               .parsed = &parse->statements[0],
                               .text = parse->text,
                               .arena = &arena};
    struct statement *statement;
    status = bind_statement(&input, &statement, &database.error);
    if (status)
      assert_string_equal(database.error.sqlstate, "53200");
    else
      statement_release(statement);
    refusals += status != 0;
    parse_close(parse);
    arena_deinit(&arena);
    assert_int_equal(account.used, 0);
  }
  assert_int_equal(status, 0);
  assert_true(refusals > 3);
  database_close(&database);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expressions_have_types),
      cmocka_unit_test(from_gives_ranges),
      cmocka_unit_test(groups_are_read_by_what_is_selected),
      cmocka_unit_test(subqueries_know_what_they_read),
      cmocka_unit_test(parameters_get_their_types),
      cmocka_unit_test(literals_as_parameters),
      cmocka_unit_test(changes_are_bound),
      cmocka_unit_test(workflows_read_their_source),
      cmocka_unit_test(wrong_queries_get_postgresqls_errors),
      cmocka_unit_test(wrong_changes_get_postgresqls_errors),
      cmocka_unit_test(expressions_of_definitions_are_bound_to_the_row),
      cmocka_unit_test(types_have_names_and_modifiers),
      cmocka_unit_test(expressions_go_back_to_text),
      cmocka_unit_test(too_much_is_refused),
      cmocka_unit_test(running_out_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
