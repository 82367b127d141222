// jsonpath: arithmetic, methods of numbers, variables.
#include <math.h>

#include "data/numeric.h"
#include "expr/jsonpath_run.h"

typedef int (*binary_code)(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                           struct error *error);

// What numeric says of an operation: an error of numbers may be silent, one of memory may not.
static enum run_result numeric_failed(struct run *run, int status, const struct error *error)
{
  if (strcmp(error->sqlstate, SQLSTATE_OUT_OF_MEMORY) == 0)
    return run_stop(run, error_memory(run->evaluation->error));
  return run_fail(run, error->sqlstate, "%s", error->message);
}

static enum run_result operand(struct run *run, const struct jsonpath_node *node, const struct jsonpath_node *tree,
                               struct jsonb item, const char *side, struct value *number)
{
  struct found found = {0};
  if (run_unwrapped(run, tree, item, true, &found) == RUN_FAILED)
    return RUN_FAILED;
  if (found.count != 1 || found.items[0].kind != JSON_NUMBER)
    return run_fail(run, "22038", "%s operand of jsonpath operator %s is not a single numeric value", side,
                    jsonpath_method_name(node->kind));
  *number = run_number_of(found.items[0]);
  return RUN_FOUND;
}

static enum run_result signs(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found)
{
  struct found operands = {0};
  enum run_result all = RUN_NOTHING;
  if (run_unwrapped(run, node->left, item, true, &operands) == RUN_FAILED)
    return RUN_FAILED;
  for (size_t i = 0; i < operands.count; i++) {
    struct jsonb one = operands.items[i];
    if (one.kind != JSON_NUMBER && !found && !node->next)
      continue;
    if (one.kind != JSON_NUMBER)
      return run_fail(run, "2203B", "operand of unary jsonpath operator %s is not a numeric value",
                      jsonpath_method_name(node->kind));
    if (node->kind == JSONPATH_MINUS) {
      struct value number = run_number_of(one), negated;
      int status = numeric_negate(&number, run->evaluation->arena, &negated, run->evaluation->error);
      if (status)
        return run_stop(run, status);
      one = run_number(&negated);
    }
    enum run_result result = run_next(run, node, one, found);
    if (result == RUN_FAILED || (result == RUN_FOUND && !found))
      return result;
    all = result == RUN_FOUND ? RUN_FOUND : all;
  }
  return all;
}

enum run_result run_arithmetic(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                               struct found *found)
{
  static const binary_code codes[] = {[JSONPATH_ADD] = numeric_add,
                                      [JSONPATH_SUBTRACT] = numeric_subtract,
                                      [JSONPATH_MULTIPLY] = numeric_multiply,
                                      [JSONPATH_DIVIDE] = numeric_divide,
                                      [JSONPATH_MODULO] = numeric_modulo};
  struct value left, right, out;
  struct error error = {0};
  if (node->kind == JSONPATH_PLUS || node->kind == JSONPATH_MINUS)
    return signs(run, node, item, found);
  if (operand(run, node, node->left, item, "left", &left) == RUN_FAILED ||
      operand(run, node, node->right, item, "right", &right) == RUN_FAILED)
    return RUN_FAILED;
  int status = codes[node->kind](&left, &right, run->evaluation->arena, &out, &error);
  return status ? numeric_failed(run, status, &error) : run_next(run, node, run_number(&out), found);
}

// ---- methods ----

static enum run_result to_double(struct run *run, struct jsonb item, struct value *number)
{
  struct error error = {0};
  struct value real;
  struct buffer text = {0};
  bool is_string = item.kind == JSON_STRING;
  if (!is_string && item.kind != JSON_NUMBER)
    return run_fail(run, "22036", "jsonpath item method .%s() can only be applied to a string or numeric value",
                    "double");
  *number = run_number_of(item);
  if (is_string)
    buffer_append_bytes(&text, jsonb_bytes(item));
  else
    numeric_to_text(number, &text);
  int status = value_from_text(type_plain(TYPE_FLOAT8), buffer_bytes(&text), &format_settings_default,
                               run->evaluation->arena, &real, &error);
  bool is_lost = text.failed;
  buffer_deinit(&text);
  if (is_lost)
    return run_stop(run, error_memory(run->evaluation->error));
  if (is_string && (status || !isfinite(real.float8)))
    return run_fail(run, "22036",
                    "string argument of jsonpath item method .%s() is not a valid representation of "
                    "a double precision number",
                    "double");
  if (status)
    return run_fail(run, "22036",
                    "numeric argument of jsonpath item method .%s() is out of range for type double precision",
                    "double");
  if (!isfinite(real.float8))
    return run_fail(run, "22036", "NaN or Infinity is not allowed for jsonpath item method .%s()", "double");
  if (is_string && (status = numeric_from_float8(real.float8, run->evaluation->arena, number, run->evaluation->error)))
    return run_stop(run, status);
  return RUN_FOUND;
}

enum run_result run_number_method(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                  struct found *found)
{
  struct arena *arena = run->evaluation->arena;
  struct error *error = run->evaluation->error;
  struct value number;
  int status = 0;
  if (node->kind == JSONPATH_DOUBLE) {
    if (to_double(run, item, &number) == RUN_FAILED)
      return RUN_FAILED;
    return run_next(run, node, run_number(&number), found);
  }
  if (item.kind != JSON_NUMBER)
    return run_fail(run, "22036", "jsonpath item method .%s() can only be applied to a numeric value",
                    jsonpath_method_name(node->kind));
  struct value given = number = run_number_of(item);
  if (node->kind == JSONPATH_CEILING)
    status = numeric_ceiling(&given, arena, &number, error);
  else if (node->kind == JSONPATH_FLOOR)
    status = numeric_floor(&given, arena, &number, error);
  else if (numeric_sign(&given) < 0)
    status = numeric_negate(&given, arena, &number, error);
  return status ? run_stop(run, status) : run_next(run, node, run_number(&number), found);
}

enum run_result run_variable(struct run *run, const struct jsonpath_node *node, struct jsonb *item)
{
  if (run->variables.kind == JSON_OBJECT && jsonb_find(run->variables, node->text, item))
    return RUN_FOUND;
  return run_stop(run, error_set(run->evaluation->error, SQLSTATE_UNDEFINED_OBJECT,
                                 "could not find jsonpath variable \"%.*s\"", (int)node->text.size,
                                 (const char *)node->text.data));
}
