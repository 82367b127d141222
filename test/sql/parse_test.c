// Texts to trees: Quern's own statements, positions, PostgreSQL's errors, and bounds that keep the parser's stack.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/limits.h"
#include "sql/parse.h"

static struct parse *parse(const char *sql)
{
  struct error error;
  error_clear(&error);
  struct parse *parse = parse_open(bytes_of_string(sql), &error);
  if (!parse)
    fail_msg("%s: %s %s", sql, error.sqlstate, error.message);
  return parse;
}

static void parse_fails(const char *sql, const char *sqlstate, const char *message, int position)
{
  struct error error;
  error_clear(&error);
  struct parse *parse = parse_open(bytes_of_string(sql), &error);
  if (parse)
    fail_msg("parsed: %s", sql);
  assert_string_equal(error.message, message);
  assert_string_equal(error.sqlstate, sqlstate);
  assert_int_equal(error.position, position);
}

static void assert_text(struct bytes text, const char *expected)
{
  assert_int_equal(text.size, strlen(expected));
  assert_memory_equal(text.data, expected, text.size);
}

static void statements_are_split(void **state)
{
  struct parse *p = parse("select 'a;b'; ; insert into t values (1) -- ;\n;");
  assert_int_equal(p->statement_count, 2);
  assert_text(p->statements[0].text, "select 'a;b'");
  assert_text(p->statements[1].text, "insert into t values (1)");
  assert_int_equal(p->statements[1].start, 16);
  assert_int_equal(p->statements[1].node->node_case, PG_QUERY__NODE__NODE_INSERT_STMT);
  parse_close(p);
  p = parse(" ; -- nothing");
  assert_int_equal(p->statement_count, 0);
  parse_close(p);
}

static void own_statements_are_grammar_with_a_keyword_swapped(void **state)
{
  static const struct {
    const char *sql;
    enum statement_form form;
    PgQuery__Node__NodeCase node;
  } cases[] = {
      {"create source s (a int) with (connector = 'generator', a.kind = 'sequence')", FORM_SOURCE,
       PG_QUERY__NODE__NODE_CREATE_STMT},
      {"CREATE /* x */ SOURCE IF NOT EXISTS s (a int)", FORM_SOURCE, PG_QUERY__NODE__NODE_CREATE_STMT},
      {"create sink k with (connector = 'file') as select * from t", FORM_SINK,
       PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT},
      {"create workflow w as insert into t select * from s", FORM_WORKFLOW, PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT},
      {"drop source if exists s cascade", FORM_SOURCE, PG_QUERY__NODE__NODE_DROP_STMT},
      {"drop workflow w", FORM_WORKFLOW, PG_QUERY__NODE__NODE_DROP_STMT},
      {"create sink if not exists k as (select a as b from t)", FORM_SINK, PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT},
      {"alter sink k set (state = 'paused')", FORM_SINK, PG_QUERY__NODE__NODE_ALTER_TABLE_STMT},
      {"drop sink k", FORM_SINK, PG_QUERY__NODE__NODE_DROP_STMT},
      {"alter source s set (state = 'paused')", FORM_SOURCE, PG_QUERY__NODE__NODE_ALTER_TABLE_STMT},
      {"alter workflow w set (state = 'running')", FORM_WORKFLOW, PG_QUERY__NODE__NODE_ALTER_TABLE_STMT},
      {"create table source (source int)", FORM_PLAIN, PG_QUERY__NODE__NODE_CREATE_STMT},
      {"select source from workflow", FORM_PLAIN, PG_QUERY__NODE__NODE_SELECT_STMT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct parse *p = parse(cases[i].sql);
    assert_int_equal(p->statement_count, 1);
    assert_int_equal(p->statements[0].form, cases[i].form);
    assert_int_equal(p->statements[0].node->node_case, cases[i].node);
    assert_text(p->statements[0].text, cases[i].sql);
    parse_close(p);
  }
}

// The column of `select column` at a byte of the whole text.
static int32_t column_location(const PgQuery__Node *node)
{
  const PgQuery__SelectStmt *select = node->node_case == PG_QUERY__NODE__NODE_INSERT_STMT
                                          ? node->insert_stmt->select_stmt->select_stmt
                                          : node->select_stmt;
  return select->target_list[0]->res_target->val->column_ref->location;
}

static void workflow_bodies_keep_their_positions(void **state)
{
  static const char *const texts[] = {
      "select xx; create or replace workflow w as (insert into t select xx from s; ; select xx from s;); select xx",
      "select xx; create or replace workflow w as begin atomic insert into t select xx from s; select xx from s; end; "
      "select xx",
      "select xx; create or replace workflow w as insert into t select xx from s; select xx",
      "select xx; create or replace workflow w as with a as (select 1) select xx from (select 1) b; select xx",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct parse *p = parse(texts[i]);
    assert_int_equal(p->statement_count, 3);
    const struct parsed *workflow = &p->statements[1];
    assert_true(workflow->or_replace);
    assert_int_equal(workflow->form, FORM_WORKFLOW);
    assert_int_equal(workflow->body_count, i < 2 ? 2 : 1);
    for (int j = 0; j < workflow->body_count; j++) {
      const struct parsed *body = &workflow->body[j];
      assert_memory_equal(texts[i] + column_location(body->node), "xx", 2);
      assert_ptr_equal(body->text.data, p->text.data + body->start);
      assert_in_range(column_location(body->node), body->start, body->start + (int32_t)body->text.size);
    }
    assert_memory_equal(texts[i] + column_location(p->statements[2].node), "xx", 2);
    assert_text(p->statements[2].text, "select xx");
    parse_close(p);
  }
}

static void errors_are_postgresqls(void **state)
{
  parse_fails("select * fro t", "42601", "syntax error at or near \"fro\"", 10);
  parse_fails("insert into", "42601", "syntax error at end of input", 12);
  parse_fails("select '\xc3\xa9' fro m x y", "42601", "syntax error at or near \"m\"", 16);
  parse_fails("select 1; select (2; select 3", "42601", "syntax error at or near \";\"", 20);
  parse_fails("select 'abc", "42601", "unterminated quoted string at or near \"'abc\"", 8);
  parse_fails("select 12abc", "42601", "trailing junk after numeric literal at or near \"12a\"", 8);
  parse_fails("create workflow w as (select a b c)", "42601", "syntax error at or near \"c\"", 34);
  parse_fails("create workflow w as insert into", "42601", "syntax error at end of input", 33);
  parse_fails("create workflow w as (insert into)", "42601", "syntax error at or near \")\"", 34);
  parse_fails("create workflow w as ()", "42601", "a workflow needs at least one statement", 0);
  parse_fails("create or replace source s (a int)", "42601", "syntax error at or near \"source\"", 19);
  parse_fails("select '\xff'", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff", 0);
}

// --- Bounds ----------------------------------------------------------------------------------------

struct deep {
  struct buffer text;
  bool parsed;
  struct error error;
};

static void repeat(struct buffer *text, const char *piece, int times)
{
  for (int i = 0; i < times; i++)
    buffer_append_string(text, piece);
}

static void *parse_deep(void *context)
{
  struct deep *deep = context;
  struct parse *p = parse_open(buffer_bytes(&deep->text), &deep->error);
  deep->parsed = p != NULL;
  parse_close(p);
  return NULL;
}

// Parses on a stack of 6 MiB: what fits there has room to spare on one of 8.
static bool parses(const char *before, const char *opening, const char *middle, const char *closing, int times)
{
  struct deep deep = {0};
  buffer_append_string(&deep.text, before);
  repeat(&deep.text, opening, times);
  buffer_append_string(&deep.text, middle);
  repeat(&deep.text, closing, times);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  assert_int_equal(pthread_attr_setstacksize(&attributes, 6 << 20), 0);
  assert_int_equal(pthread_create(&thread, &attributes, parse_deep, &deep), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  if (!deep.parsed)
    assert_string_equal(deep.error.sqlstate, "54001");
  buffer_deinit(&deep.text);
  return deep.parsed;
}

static void the_deepest_text_fits_the_stack_and_deeper_ones_are_refused(void **state)
{
  static const struct {
    const char *before, *opening, *middle, *closing;
    int most;
  } cases[] = {
      {"select 1", "+1", "", "", LIMIT_CHAIN},
      {"select ", "- ", "1", "", LIMIT_CHAIN},
      {"select ", "not ", "true", "", LIMIT_CHAIN},
      {"select 1", "::int", "", "", LIMIT_CHAIN},
      {"select 1 ", "is null ", "", "", LIMIT_CHAIN},
      {"select * from a", " cross join a", "", "", LIMIT_CHAIN},
      {"select 1", " union select 1", "", "", LIMIT_CHAIN},
      {"select ", "(", "1", ")", LIMIT_NESTING},
      {"select ", "(select ", "1", ")", LIMIT_NESTING},
      {"select ", "f(1+1+1+1+", "1", ")", LIMIT_NESTING},
      {"select ", "case when true then ", "1", " end", LIMIT_NESTING},
      {"", "create procedure a() begin atomic ", "select 1;", " end;", LIMIT_NESTING},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_true(parses(cases[i].before, cases[i].opening, cases[i].middle, cases[i].closing, cases[i].most - 1));
    assert_false(parses(cases[i].before, cases[i].opening, cases[i].middle, cases[i].closing, 2 * cases[i].most));
  }
}

static void chains_add_up_over_nesting(void **state)
{
  // No level has more than 100 operators, but their sum is the depth of the tree.
  struct buffer opening = {0};
  buffer_append_string(&opening, "(");
  repeat(&opening, "1+", 100);
  buffer_append_u8(&opening, 0);
  assert_true(parses("select ", (const char *)opening.data, "1", ")", 10));
  assert_false(parses("select ", (const char *)opening.data, "1", ")", 20));
  // To the left of its chain, too.
  struct buffer closing = {0};
  repeat(&closing, "+1", 100);
  buffer_append_string(&closing, ")");
  buffer_append_u8(&closing, 0);
  assert_true(parses("select ", "(", "1", (const char *)closing.data, 10));
  assert_false(parses("select ", "(", "1", (const char *)closing.data, 20));
  // NOT leans to the right behind BETWEEN … AND; its AND ends nothing.
  assert_false(parses("select ", "a between 1 and not ", "true", "", 1000));
  // Wide is not deep.
  assert_true(parses("select a from t where a = 1", " or a = 1 and not b", "", "", 5000));
  assert_true(parses("insert into t values (1)", ",(1+1, -1)", "", "", 5000));
  assert_false(parses("select 1", "+1", "", "", 20000));
  buffer_deinit(&opening);
  buffer_deinit(&closing);
}

// Any byte of these changed gives a tree or an error.
static void broken_texts_give_errors(void **state)
{
  static const char sql[] = "create workflow w as (insert into t select a, 'x''y', $x$z$x$ from s; select 1 /* x */)";
  for (size_t at = 0; at < sizeof sql - 1; at++)
    for (const char *c = "'\"$();*-/a "; *c; c++) {
      char copy[sizeof sql];
      struct error error;
      memcpy(copy, sql, sizeof sql);
      copy[at] = *c;
      parse_close(parse_open(bytes_of_string(copy), &error));
      parse_close(parse_open(bytes_of(sql, at), &error));
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statements_are_split),
      cmocka_unit_test(own_statements_are_grammar_with_a_keyword_swapped),
      cmocka_unit_test(workflow_bodies_keep_their_positions),
      cmocka_unit_test(errors_are_postgresqls),
      cmocka_unit_test(the_deepest_text_fits_the_stack_and_deeper_ones_are_refused),
      cmocka_unit_test(chains_add_up_over_nesting),
      cmocka_unit_test(broken_texts_give_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
