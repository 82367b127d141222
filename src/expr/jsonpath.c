// The functions and operators of jsonpath. jsonpath_run.c runs one.
#include "expr/jsonpath_run.h"

// How a function runs its path: an operator hides errors, and those whose names end with _tz use the session's zone.
enum way { WAY_PLAIN, WAY_SILENT, WAY_WITH_ZONE };

// Arguments: the jsonb, the path, then maybe variables and whether errors are silent.
static int run_path(struct evaluation *evaluation, const struct value *arguments, int argument_count, enum way way,
                    struct found *found, enum run_result *result)
{
  struct jsonpath path;
  int status = jsonpath_read(bytes_of_value(&arguments[1]), evaluation->arena, &path, evaluation->error);
  if (status)
    return status;
  struct run run = {.evaluation = evaluation, .path = &path, .root = jsonb_of(&arguments[0]), .array_size = -1};
  if (argument_count > 2) {
    run.variables = jsonb_of(&arguments[2]);
    if (run.variables.kind != JSON_OBJECT) {
      status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object");
      error_detail(evaluation->error, "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.");
      return status;
    }
  }
  run.current = run.root;
  run.ignores = !path.is_strict;
  run.uses_zone = way == WAY_WITH_ZONE;
  run.throws = !(way == WAY_SILENT || (argument_count > 3 && arguments[3].integer));
  struct found all = {0}; // strict mode looks at all, whatever is asked
  *result = run_node(&run, path.root, run.root, found ? found : path.is_strict ? &all : NULL);
  if (!found && path.is_strict && *result != RUN_FAILED)
    *result = all.count ? RUN_FOUND : RUN_NOTHING;
  for (size_t i = 0; found && i < found->count && !run.status; i++)
    if (found->items[i].kind == RUN_MOMENT)
      run.status = run_moment_text(evaluation, &found->items[i]);
  return run.status;
}

static int exists(struct evaluation *evaluation, const struct value *arguments, int argument_count, enum way way,
                  struct value *result)
{
  enum run_result outcome = RUN_FAILED;
  int status = run_path(evaluation, arguments, argument_count, way, NULL, &outcome);
  *result = outcome == RUN_FAILED ? value_null() : value_boolean(outcome == RUN_FOUND);
  return status;
}

static int path_exists(CALL) { return exists(evaluation, arguments, argument_count, WAY_PLAIN, result); }
static int path_exists_tz(CALL) { return exists(evaluation, arguments, argument_count, WAY_WITH_ZONE, result); }
static int path_exists_operator(CALL) { return exists(evaluation, arguments, argument_count, WAY_SILENT, result); }

static int match(struct evaluation *evaluation, const struct value *arguments, int argument_count, enum way way,
                 struct value *result)
{
  struct found found = {0};
  enum run_result outcome;
  int status = run_path(evaluation, arguments, argument_count, way, &found, &outcome);
  *result = value_null();
  if (status)
    return status;
  enum json_kind kind = found.count == 1 ? found.items[0].kind : JSON_OBJECT;
  if (kind == JSON_TRUE || kind == JSON_FALSE)
    *result = value_boolean(kind == JSON_TRUE);
  else if (kind != JSON_NULL && way != WAY_SILENT && !(argument_count > 3 && arguments[3].integer))
    return error_set(evaluation->error, "22038", "single boolean result is expected");
  return STATUS_OK;
}

static int path_match(CALL) { return match(evaluation, arguments, argument_count, WAY_PLAIN, result); }
static int path_match_tz(CALL) { return match(evaluation, arguments, argument_count, WAY_WITH_ZONE, result); }
static int path_match_operator(CALL) { return match(evaluation, arguments, argument_count, WAY_SILENT, result); }

static int query_array(struct evaluation *evaluation, const struct value *arguments, int argument_count, enum way way,
                       struct value *result)
{
  struct found found = {0};
  struct jsonb_builder builder;
  enum run_result outcome;
  int status = run_path(evaluation, arguments, argument_count, way, &found, &outcome);
  if (status)
    return status;
  jsonb_builder_init(&builder, evaluation->arena->account);
  struct jsonb_mark mark = jsonb_begin(&builder);
  for (size_t i = 0; i < found.count && outcome != RUN_FAILED; i++)
    jsonb_add(&builder, found.items[i]);
  status = jsonb_end(&builder, mark, JSON_ARRAY, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

static int path_query_array(CALL) { return query_array(evaluation, arguments, argument_count, WAY_PLAIN, result); }
static int path_query_array_tz(CALL)
{
  return query_array(evaluation, arguments, argument_count, WAY_WITH_ZONE, result);
}

static int query_first(struct evaluation *evaluation, const struct value *arguments, int argument_count, enum way way,
                       struct value *result)
{
  struct found found = {0};
  enum run_result outcome;
  int status = run_path(evaluation, arguments, argument_count, way, &found, &outcome);
  *result = value_null();
  if (status || !found.count || outcome == RUN_FAILED)
    return status;
  return jsonb_to_value(found.items[0], evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}

static int path_query_first(CALL) { return query_first(evaluation, arguments, argument_count, WAY_PLAIN, result); }
static int path_query_first_tz(CALL)
{
  return query_first(evaluation, arguments, argument_count, WAY_WITH_ZONE, result);
}

// What jsonb_path_query gives its rows of: all of them as an array.
int jsonpath_prepare(CALL) { return path_query_array(evaluation, arguments, argument_count, result); }
int jsonpath_prepare_tz(CALL) { return path_query_array_tz(evaluation, arguments, argument_count, result); }

// All forms of a function: with variables, and whether it is silent.
#define FORMS(name, code, result, volatility)                                                         \
  ROW(name, code, result, 2, volatility, false, false, JSONB, TYPE_JSONPATH),                       \
      ROW(name, code, result, 3, volatility, false, false, JSONB, TYPE_JSONPATH, JSONB),            \
      ROW(name, code, result, 4, volatility, false, false, JSONB, TYPE_JSONPATH, JSONB, BOOLEAN)
#define BOTH(name, code, result)                                                                    \
  FORMS(name, code, result, FUNCTION_PURE), FORMS(name "_tz", code##_tz, result, FUNCTION_STABLE)

const struct function jsonpath_functions[] = {
    BOTH("jsonb_path_exists", path_exists, BOOLEAN),
    BOTH("jsonb_path_match", path_match, BOOLEAN),
    BOTH("jsonb_path_query_array", path_query_array, JSONB),
    BOTH("jsonb_path_query_first", path_query_first, JSONB),
    PURE("jsonb_path_exists_opr", path_exists_operator, BOOLEAN, 2, JSONB, TYPE_JSONPATH),
    PURE("jsonb_path_match_opr", path_match_operator, BOOLEAN, 2, JSONB, TYPE_JSONPATH),
    OPERATOR("@?", path_exists_operator, BOOLEAN, 2, JSONB, TYPE_JSONPATH),
    OPERATOR("@@", path_match_operator, BOOLEAN, 2, JSONB, TYPE_JSONPATH),
    {0},
};
