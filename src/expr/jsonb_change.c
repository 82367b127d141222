// Making one jsonb of another: concatenation, deletion, jsonb_set and its kin. What does not change is copied as it is.
#include <limits.h>

#include "expr/json_path.h"

static struct jsonb_builder builder_for(const struct evaluation *evaluation)
{
  struct jsonb_builder builder;
  jsonb_builder_init(&builder, evaluation->arena->account);
  return builder;
}

static void add_members(struct jsonb_builder *builder, struct jsonb container)
{
  uint32_t count = jsonb_count(container);
  for (uint32_t i = 0; i < count; i++) {
    struct bytes name;
    struct jsonb member =
        container.kind == JSON_OBJECT ? jsonb_member(container, i, &name) : jsonb_element(container, i);
    if (container.kind == JSON_OBJECT)
      jsonb_add_name(builder, name);
    jsonb_add(builder, member);
  }
}

// ---- concatenation ----

static int concatenate(CALL)
{
  struct jsonb sides[2] = {jsonb_of(&arguments[0]), jsonb_of(&arguments[1])};
  bool are_objects = sides[0].kind == JSON_OBJECT && sides[1].kind == JSON_OBJECT;
  struct jsonb_builder builder = builder_for(evaluation);
  struct jsonb_mark mark = jsonb_begin(&builder);
  for (int i = 0; i < 2; i++) {
    if (are_objects || sides[i].kind == JSON_ARRAY)
      add_members(&builder, sides[i]);
    else
      jsonb_add(&builder, sides[i]);
  }
  int status = jsonb_end(&builder, mark, are_objects ? JSON_OBJECT : JSON_ARRAY, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

// ---- deletion ----

static int delete_from_scalar(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot delete from scalar");
}

static bool is_named(const struct json_path *names, struct bytes name)
{
  for (int i = 0; i < names->count; i++)
    if (!names->steps[i].is_null && bytes_equal(bytes_of_value(&names->steps[i]), name))
      return true;
  return false;
}

// Members of these names, or elements that are these strings.
static int delete_names(struct evaluation *evaluation, const struct value *value, const struct json_path *names,
                        struct value *result)
{
  struct jsonb item = jsonb_of(value);
  if (!json_is_container(item.kind))
    return delete_from_scalar(evaluation);
  struct jsonb_builder builder = builder_for(evaluation);
  struct jsonb_mark mark = jsonb_begin(&builder);
  uint32_t count = jsonb_count(item);
  for (uint32_t i = 0; i < count; i++) {
    struct bytes name;
    struct jsonb member = item.kind == JSON_OBJECT ? jsonb_member(item, i, &name) : jsonb_element(item, i);
    if (item.kind == JSON_OBJECT ? is_named(names, name)
                                 : member.kind == JSON_STRING && is_named(names, jsonb_bytes(member)))
      continue;
    if (item.kind == JSON_OBJECT)
      jsonb_add_name(&builder, name);
    jsonb_add(&builder, member);
  }
  int status = jsonb_end(&builder, mark, item.kind, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

static int delete_name(CALL)
{
  struct value name = arguments[1];
  struct json_path names = {.count = 1, .steps = &name};
  return delete_names(evaluation, &arguments[0], &names, result);
}

static int delete_array(CALL)
{
  struct json_path names;
  int status = json_path_from_line(evaluation, &arguments[1], &names);
  return status ? status : delete_names(evaluation, &arguments[0], &names, result);
}

static int delete_index(CALL)
{
  struct jsonb item = jsonb_of(&arguments[0]);
  if (!json_is_container(item.kind))
    return delete_from_scalar(evaluation);
  if (item.kind == JSON_OBJECT)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "cannot delete from object using integer index");
  int64_t count = jsonb_count(item), index = arguments[1].integer;
  if (index < 0)
    index += count;
  *result = arguments[0];
  if (index < 0 || index >= count)
    return STATUS_OK;
  struct jsonb_builder builder = builder_for(evaluation);
  struct jsonb_mark mark = jsonb_begin(&builder);
  for (int64_t i = 0; i < count; i++)
    if (i != index)
      jsonb_add(&builder, jsonb_element(item, (uint32_t)i));
  int status = jsonb_end(&builder, mark, JSON_ARRAY, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

// ---- a change at the end of a path ----

enum change { CHANGE_REPLACE, CHANGE_CREATE, CHANGE_DELETE, CHANGE_INSERT_BEFORE, CHANGE_INSERT_AFTER };

struct changing {
  struct evaluation *evaluation;
  struct jsonb_builder builder;
  const struct json_path *path;
  enum change change;
  struct jsonb value; // the new one
};

static bool inserts(enum change change)
{
  return change == CHANGE_INSERT_BEFORE || change == CHANGE_INSERT_AFTER;
}
static bool creates(enum change change)
{
  return change == CHANGE_CREATE || inserts(change);
}

static int change_item(struct changing *c, struct jsonb item, int level);

static int change_object(struct changing *c, struct jsonb object, int level)
{
  struct jsonb_builder *builder = &c->builder;
  struct bytes wanted = bytes_of_value(&c->path->steps[level]);
  bool is_last = level == c->path->count - 1, is_found = false;
  uint32_t count = jsonb_count(object);
  struct jsonb_mark mark = jsonb_begin(builder);
  int status = STATUS_OK;
  for (uint32_t i = 0; i < count && !status; i++) {
    struct bytes name;
    struct jsonb member = jsonb_member(object, i, &name);
    bool is_it = bytes_equal(name, wanted);
    is_found |= is_it;
    if (is_it && is_last && inserts(c->change)) {
      status = error_set(c->evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot replace existing key");
      error_hint(c->evaluation->error, "Try using the function jsonb_set to replace key value.");
      return status;
    }
    if (is_it && is_last && c->change == CHANGE_DELETE)
      continue;
    jsonb_add_name(builder, name);
    if (is_it && !is_last)
      status = change_item(c, member, level + 1);
    else
      jsonb_add(builder, is_it ? c->value : member);
  }
  if (!status && !is_found && is_last && creates(c->change)) {
    jsonb_add_name(builder, wanted);
    jsonb_add(builder, c->value);
  }
  return status ? status : jsonb_end(builder, mark, JSON_OBJECT, c->evaluation->error);
}

static int change_element(struct changing *c, struct jsonb element, int level)
{
  if (level < c->path->count - 1)
    return change_item(c, element, level + 1);
  if (c->change == CHANGE_INSERT_BEFORE || c->change == CHANGE_CREATE)
    jsonb_add(&c->builder, c->value);
  if (inserts(c->change))
    jsonb_add(&c->builder, element);
  if (c->change == CHANGE_INSERT_AFTER || c->change == CHANGE_REPLACE)
    jsonb_add(&c->builder, c->value);
  return STATUS_OK;
}

static int change_array(struct changing *c, struct jsonb array, int level)
{
  const struct value *step = &c->path->steps[level];
  bool is_last = level == c->path->count - 1, is_done = false;
  int64_t count = jsonb_count(array), index;
  if (!json_path_number(step, &index))
    return error_set(c->evaluation->error, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                     "path element at position %d is not an integer: \"%.*s\"", level + 1, (int)step->size,
                     (const char *)step->data);
  bool is_before = index < -count; // in front of the first
  if (index < 0)
    index += count;
  if (index > count)
    index = count;
  struct jsonb_mark mark = jsonb_begin(&c->builder);
  if ((is_before || count == 0) && is_last && creates(c->change)) {
    jsonb_add(&c->builder, c->value);
    is_done = true;
  }
  int status = STATUS_OK;
  for (int64_t i = 0; i < count && !status; i++) {
    struct jsonb element = jsonb_element(array, (uint32_t)i);
    if (i == index && !is_before) {
      is_done = true;
      status = change_element(c, element, level);
    } else {
      jsonb_add(&c->builder, element);
    }
  }
  if (!status && !is_done && is_last && creates(c->change))
    jsonb_add(&c->builder, c->value);
  return status ? status : jsonb_end(&c->builder, mark, JSON_ARRAY, c->evaluation->error);
}

static int change_item(struct changing *c, struct jsonb item, int level)
{
  if (c->path->steps[level].is_null)
    return error_set(c->evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "path element at position %d is null",
                     level + 1);
  if (item.kind == JSON_OBJECT)
    return change_object(c, item, level);
  if (item.kind == JSON_ARRAY)
    return change_array(c, item, level);
  jsonb_add(&c->builder, item);
  return STATUS_OK;
}

// verb: what cannot be done in a scalar.
static int change_at(struct evaluation *evaluation, const struct value *arguments, enum change change, const char *verb,
                     struct value *result)
{
  struct json_path path;
  struct jsonb item = jsonb_of(&arguments[0]);
  int status = json_path_from_line(evaluation, &arguments[1], &path);
  if (!status && !json_is_container(item.kind))
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot %s path in scalar", verb);
  *result = arguments[0];
  if (status || path.count == 0 || (jsonb_count(item) == 0 && !creates(change)))
    return status;
  struct changing c = {.evaluation = evaluation, .path = &path, .change = change};
  c.builder = builder_for(evaluation);
  if (change != CHANGE_DELETE)
    c.value = jsonb_of(&arguments[2]);
  status = change_item(&c, item, 0);
  return result_from_builder(evaluation, &c.builder, status, result);
}

static int set(CALL)
{
  bool creates_missing = argument_count < 4 || arguments[3].integer;
  return change_at(evaluation, arguments, creates_missing ? CHANGE_CREATE : CHANGE_REPLACE, "set", result);
}

static int insert(CALL)
{
  bool is_after = argument_count > 3 && arguments[3].integer;
  return change_at(evaluation, arguments, is_after ? CHANGE_INSERT_AFTER : CHANGE_INSERT_BEFORE, "set", result);
}

static int delete_path(CALL)
{
  return change_at(evaluation, arguments, CHANGE_DELETE, "delete", result);
}

// jsonb_set_lax(target, path, value, create_if_missing, null_value_treatment): what a NULL value does is said.
static int set_lax(CALL)
{
  struct value values[4] = {arguments[0], arguments[1], arguments[2], value_boolean(true)};
  struct bytes treatment = bytes_of_string("use_json_null");
  *result = value_null();
  if (arguments[0].is_null || arguments[1].is_null || (argument_count > 3 && arguments[3].is_null))
    return STATUS_OK;
  if (argument_count > 3)
    values[3] = arguments[3];
  if (argument_count > 4 && arguments[4].is_null)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or "
                     "\"raise_exception\"");
  if (argument_count > 4)
    treatment = bytes_of_value(&arguments[4]);
  if (!arguments[2].is_null)
    return set(evaluation, values, 4, result);
  if (bytes_equal(treatment, bytes_of_string("raise_exception"))) {
    int status = error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "JSON value must not be null");
    error_detail(evaluation->error, "Exception was raised because null_value_treatment is \"raise_exception\".");
    error_hint(evaluation->error, "To avoid, either change the null_value_treatment argument or ensure that an SQL "
                                  "NULL is not passed.");
    return status;
  }
  if (bytes_equal(treatment, bytes_of_string("use_json_null"))) {
    static const uint8_t null_value[] = {JSON_NULL};
    values[2] = value_bytes(null_value, sizeof null_value);
    return set(evaluation, values, 4, result);
  }
  if (bytes_equal(treatment, bytes_of_string("delete_key")))
    return delete_path(evaluation, values, 2, result);
  *result = arguments[0];
  if (bytes_equal(treatment, bytes_of_string("return_target")))
    return STATUS_OK;
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                   "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or "
                   "\"raise_exception\"");
}

// ---- without nulls ----

static int strip(struct evaluation *evaluation, struct jsonb item, struct jsonb_builder *builder)
{
  if (!json_is_container(item.kind)) {
    jsonb_add(builder, item);
    return STATUS_OK;
  }
  struct jsonb_mark mark = jsonb_begin(builder);
  uint32_t count = jsonb_count(item);
  int status = STATUS_OK;
  for (uint32_t i = 0; i < count && !status; i++) {
    struct bytes name;
    struct jsonb member = item.kind == JSON_OBJECT ? jsonb_member(item, i, &name) : jsonb_element(item, i);
    if (item.kind == JSON_OBJECT && member.kind == JSON_NULL)
      continue;
    if (item.kind == JSON_OBJECT)
      jsonb_add_name(builder, name);
    status = strip(evaluation, member, builder);
  }
  return status ? status : jsonb_end(builder, mark, item.kind, evaluation->error);
}

static int strip_nulls(CALL)
{
  struct jsonb_builder builder = builder_for(evaluation);
  int status = strip(evaluation, jsonb_of(&arguments[0]), &builder);
  return result_from_builder(evaluation, &builder, status, result);
}

const struct function jsonb_change_functions[] = {
    OPERATOR("||", concatenate, JSONB, 2, JSONB, JSONB),
    OPERATOR("-", delete_name, JSONB, 2, JSONB, TEXT),
    OPERATOR("-", delete_index, JSONB, 2, JSONB, INT4),
    OPERATOR("-", delete_array, JSONB, 2, JSONB, TYPE_TEXT_ARRAY),
    OPERATOR("#-", delete_path, JSONB, 2, JSONB, TYPE_TEXT_ARRAY),
    PURE("jsonb_concat", concatenate, JSONB, 2, JSONB, JSONB),
    PURE("jsonb_delete_path", delete_path, JSONB, 2, JSONB, TYPE_TEXT_ARRAY),
    PURE("jsonb_set", set, JSONB, 3, JSONB, TYPE_TEXT_ARRAY, JSONB),
    PURE("jsonb_set", set, JSONB, 4, JSONB, TYPE_TEXT_ARRAY, JSONB, BOOLEAN),
    ROW("jsonb_set_lax", set_lax, JSONB, 3, FUNCTION_PURE, true, false, JSONB, TYPE_TEXT_ARRAY, JSONB),
    ROW("jsonb_set_lax", set_lax, JSONB, 4, FUNCTION_PURE, true, false, JSONB, TYPE_TEXT_ARRAY, JSONB, BOOLEAN),
    ROW("jsonb_set_lax", set_lax, JSONB, 5, FUNCTION_PURE, true, false, JSONB, TYPE_TEXT_ARRAY, JSONB, BOOLEAN, TEXT),
    PURE("jsonb_insert", insert, JSONB, 3, JSONB, TYPE_TEXT_ARRAY, JSONB),
    PURE("jsonb_insert", insert, JSONB, 4, JSONB, TYPE_TEXT_ARRAY, JSONB, BOOLEAN),
    PURE("jsonb_strip_nulls", strip_nulls, JSONB, 1, JSONB),
    {0},
};
