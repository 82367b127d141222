// Every function, operator and cast: expressions with the type and the value that PostgreSQL 15 gives them.
// A case whose type is empty fails, with this SQLSTATE and message.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "expression.h"

struct expression_case {
  const char *text, *type, *result;
};

static const struct expression_case cases[] = {
#include "cases.h"
};

static int evaluate(const char *text, struct arena *arena, struct type *type, struct value *value, struct error *error)
{
  struct reader reader = {.arena = arena, .error = error};
  struct node *node = expression_read(&reader, text);
  struct program *program = node ? program_compile(node, arena, error) : NULL;
  struct evaluation evaluation = {.arena = arena, .error = error, .settings = &format_settings_default};
  if (!program)
    return STATUS_INPUT;
  *type = program->type;
  return program_run(program, &evaluation, value);
}

static void check_case(const struct expression_case *c, int *failed)
{
  struct arena arena;
  struct error error = {0};
  struct buffer text = {0};
  struct type type = type_plain(TYPE_UNKNOWN);
  struct value value;
  arena_init(&arena, NULL);
  const char *type_name = "";
  if (evaluate(c->text, &arena, &type, &value, &error) != STATUS_OK) {
    buffer_format(&text, "%s %s", error.sqlstate, error.message);
  } else {
    type_name = type.id == TYPE_UNKNOWN ? "text" : type_info(type.id)->name;
    if (value.is_null)
      buffer_append_string(&text, "NULL");
    else
      value_to_text(type.id, &value, &format_settings_default, &text);
  }
  buffer_append_u8(&text, 0);
  if (strcmp((const char *)text.data, c->result) != 0 || strcmp(type_name, c->type) != 0) {
    print_error("%s\n  is  %s: %s\n  not %s: %s\n", c->text, type_name, (const char *)text.data, c->type, c->result);
    ++*failed;
  }
  buffer_deinit(&text);
  arena_deinit(&arena);
}

static void test_cases(void **state)
{
  int failed = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_case(&cases[i], &failed);
  assert_int_equal(failed, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
