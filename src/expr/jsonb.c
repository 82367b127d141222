// Reading jsonb: members, paths, containment, existence, and what a value is.
#include "expr/json_path.h"

#include <ctype.h>

// ---- shared: paths, plain text ----

int json_path_from_array(struct evaluation *evaluation, const struct value *array, struct json_path *path)
{
  struct array all = array_of(TYPE_TEXT_ARRAY, array);
  struct value element;
  *path = (struct json_path){.steps = ARENA_ARRAY(evaluation->arena, struct value, all.count + 1)};
  if (!path->steps)
    return error_memory(evaluation->error);
  for (struct array_walk walk = array_walk(&all); array_next(&walk, &element);)
    path->steps[path->count++] = element;
  return STATUS_OK;
}

int json_path_from_line(struct evaluation *evaluation, const struct value *array, struct json_path *path)
{
  if (array_of(TYPE_TEXT_ARRAY, array).shape.dimension_count > 1)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
  return json_path_from_array(evaluation, array, path);
}

bool json_path_number(const struct value *step, int64_t *number)
{
  size_t i = 0;
  while (i < step->size && isspace(step->data[i]))
    i++;
  bool is_negative = i < step->size && step->data[i] == '-';
  i += i < step->size && (step->data[i] == '-' || step->data[i] == '+');
  if (i == step->size)
    return false;
  *number = 0;
  for (; i < step->size; i++) {
    if (!isdigit(step->data[i]))
      return false;
    *number = *number * 10 + (step->data[i] - '0');
    if (*number > (int64_t)INT32_MAX + is_negative)
      return false;
  }
  if (is_negative)
    *number = -*number;
  return true;
}

static bool within(int64_t number, int64_t count, int64_t *index)
{
  *index = number < 0 ? number + count : number;
  return *index >= 0 && *index < count;
}

bool json_path_index(const struct value *step, int64_t count, int64_t *index)
{
  int64_t number;
  return json_path_number(step, &number) && within(number, count, index);
}

int jsonb_to_plain_text(struct evaluation *evaluation, struct jsonb item, struct value *result)
{
  *result = value_null();
  if (item.kind == JSON_NULL)
    return STATUS_OK;
  struct buffer out = buffer_for(evaluation);
  if (item.kind == JSON_STRING)
    buffer_append_bytes(&out, jsonb_bytes(item));
  else
    jsonb_to_text(item, &out);
  return result_from_buffer(evaluation, &out, result);
}

int result_from_builder(struct evaluation *evaluation, struct jsonb_builder *builder, int status, struct value *result)
{
  if (!status)
    status = jsonb_finish(builder, evaluation->arena, result, evaluation->error);
  jsonb_builder_deinit(builder);
  return status;
}

// ---- members ----

// The item itself, or its text; NULL where nothing was found.
static int give(struct evaluation *evaluation, bool is_found, struct jsonb item, bool as_text, struct value *result)
{
  *result = value_null();
  if (!is_found)
    return STATUS_OK;
  if (as_text)
    return jsonb_to_plain_text(evaluation, item, result);
  return jsonb_to_value(item, evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}

static int member(struct evaluation *evaluation, const struct value *arguments, bool as_text, struct value *result)
{
  struct jsonb object = jsonb_of(&arguments[0]), found = {0};
  bool is_found = object.kind == JSON_OBJECT && jsonb_find(object, bytes_of_value(&arguments[1]), &found);
  return give(evaluation, is_found, found, as_text, result);
}

// A scalar by itself is its own only element here, as in PostgreSQL.
static int element(struct evaluation *evaluation, const struct value *arguments, bool as_text, struct value *result)
{
  struct jsonb array = jsonb_of(&arguments[0]), found = array;
  int64_t count = array.kind == JSON_ARRAY ? jsonb_count(array) : array.kind == JSON_OBJECT ? 0 : 1, index;
  bool is_found = within(arguments[1].integer, count, &index);
  if (is_found && array.kind == JSON_ARRAY)
    found = jsonb_element(array, (uint32_t)index);
  return give(evaluation, is_found, found, as_text, result);
}

static int member_value(CALL)
{
  return member(evaluation, arguments, false, result);
}
static int member_text(CALL)
{
  return member(evaluation, arguments, true, result);
}
static int element_value(CALL)
{
  return element(evaluation, arguments, false, result);
}
static int element_text(CALL)
{
  return element(evaluation, arguments, true, result);
}

static bool follow(struct jsonb *item, const struct json_path *path)
{
  for (int i = 0; i < path->count; i++) {
    const struct value *step = &path->steps[i];
    int64_t index;
    if (step->is_null)
      return false;
    if (item->kind == JSON_OBJECT) {
      if (!jsonb_find(*item, bytes_of_value(step), item))
        return false;
    } else if (item->kind == JSON_ARRAY && json_path_index(step, jsonb_count(*item), &index)) {
      *item = jsonb_element(*item, (uint32_t)index);
    } else {
      return false;
    }
  }
  return true;
}

static int along(struct evaluation *evaluation, const struct value *value, const struct json_path *path, bool as_text,
                 struct value *result)
{
  struct jsonb item = jsonb_of(value);
  bool is_found = follow(&item, path);
  return give(evaluation, is_found, item, as_text, result);
}

static int along_array(struct evaluation *evaluation, const struct value *arguments, bool as_text, struct value *result)
{
  struct json_path path;
  int status = json_path_from_array(evaluation, &arguments[1], &path);
  return status ? status : along(evaluation, &arguments[0], &path, as_text, result);
}

static int along_arguments(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                           bool as_text, struct value *result)
{
  struct json_path path = {.count = argument_count - 1, .steps = (struct value *)(uintptr_t)&arguments[1]};
  return along(evaluation, &arguments[0], &path, as_text, result);
}

static int path_value(CALL)
{
  return along_array(evaluation, arguments, false, result);
}
static int path_text(CALL)
{
  return along_array(evaluation, arguments, true, result);
}
static int extract_value(CALL)
{
  return along_arguments(evaluation, arguments, argument_count, false, result);
}
static int extract_text(CALL)
{
  return along_arguments(evaluation, arguments, argument_count, true, result);
}

// ---- containment and existence ----

// Of the whole value: a scalar by itself contains only its like, an array its scalars too.
static int contains(CALL)
{
  *result = value_boolean(jsonb_contains(jsonb_of(&arguments[0]), jsonb_of(&arguments[1])));
  return STATUS_OK;
}

static int contained(CALL)
{
  *result = value_boolean(jsonb_contains(jsonb_of(&arguments[1]), jsonb_of(&arguments[0])));
  return STATUS_OK;
}

static bool is_string(struct jsonb item, struct bytes text)
{
  return item.kind == JSON_STRING && bytes_equal(jsonb_bytes(item), text);
}

// A member of that name, an element that is that string, or the string itself.
static bool has(struct jsonb item, struct bytes text)
{
  struct jsonb found;
  if (item.kind == JSON_OBJECT)
    return jsonb_find(item, text, &found);
  if (item.kind != JSON_ARRAY)
    return is_string(item, text);
  uint32_t count = jsonb_count(item);
  for (uint32_t i = 0; i < count; i++)
    if (is_string(jsonb_element(item, i), text))
      return true;
  return false;
}

static int exists(CALL)
{
  *result = value_boolean(has(jsonb_of(&arguments[0]), bytes_of_value(&arguments[1])));
  return STATUS_OK;
}

static int exists_of(const struct value *arguments, bool all, struct value *result)
{
  struct array array = array_of(TYPE_TEXT_ARRAY, &arguments[1]);
  struct value name;
  *result = value_boolean(all);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &name);)
    if (!name.is_null && has(jsonb_of(&arguments[0]), bytes_of_value(&name)) != all) {
      *result = value_boolean(!all);
      break;
    }
  return STATUS_OK;
}

static int exists_any(CALL)
{
  return exists_of(arguments, false, result);
}
static int exists_all(CALL)
{
  return exists_of(arguments, true, result);
}

// ---- what it is ----

static int type_name(CALL)
{
  static const char *const names[] = {
      [JSON_NULL] = "null",    [JSON_STRING] = "string", [JSON_NUMBER] = "number", [JSON_FALSE] = "boolean",
      [JSON_TRUE] = "boolean", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
  *result = value_string(names[jsonb_of(&arguments[0]).kind]);
  return STATUS_OK;
}

static int array_length(CALL)
{
  struct jsonb item = jsonb_of(&arguments[0]);
  if (item.kind != JSON_ARRAY)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot get array length of %s",
                     item.kind == JSON_OBJECT ? "a non-array" : "a scalar");
  *result = value_integer(jsonb_count(item));
  return STATUS_OK;
}

static int pretty(CALL)
{
  struct buffer out = buffer_for(evaluation);
  jsonb_to_pretty_text(jsonb_of(&arguments[0]), &out);
  return result_from_buffer(evaluation, &out, result);
}

const struct function jsonb_functions[] = {
    OPERATOR("->", member_value, JSONB, 2, JSONB, TEXT),
    OPERATOR("->", element_value, JSONB, 2, JSONB, INT4),
    OPERATOR("->>", member_text, TEXT, 2, JSONB, TEXT),
    OPERATOR("->>", element_text, TEXT, 2, JSONB, INT4),
    OPERATOR("#>", path_value, JSONB, 2, JSONB, TYPE_TEXT_ARRAY),
    OPERATOR("#>>", path_text, TEXT, 2, JSONB, TYPE_TEXT_ARRAY),
    PURE("jsonb_extract_path", extract_value, JSONB, -2, JSONB, TEXT),
    PURE("jsonb_extract_path_text", extract_text, TEXT, -2, JSONB, TEXT),
    OPERATOR("@>", contains, BOOLEAN, 2, JSONB, JSONB),
    OPERATOR("<@", contained, BOOLEAN, 2, JSONB, JSONB),
    OPERATOR("?", exists, BOOLEAN, 2, JSONB, TEXT),
    OPERATOR("?|", exists_any, BOOLEAN, 2, JSONB, TYPE_TEXT_ARRAY),
    OPERATOR("?&", exists_all, BOOLEAN, 2, JSONB, TYPE_TEXT_ARRAY),
    PURE("jsonb_contains", contains, BOOLEAN, 2, JSONB, JSONB),
    PURE("jsonb_exists", exists, BOOLEAN, 2, JSONB, TEXT),
    PURE("jsonb_exists_any", exists_any, BOOLEAN, 2, JSONB, TYPE_TEXT_ARRAY),
    PURE("jsonb_exists_all", exists_all, BOOLEAN, 2, JSONB, TYPE_TEXT_ARRAY),
    PURE("jsonb_typeof", type_name, TEXT, 1, JSONB),
    PURE("jsonb_array_length", array_length, INT4, 1, JSONB),
    PURE("jsonb_pretty", pretty, TEXT, 1, JSONB),
    {0},
};
