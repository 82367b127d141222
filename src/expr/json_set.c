// Functions that give the members of a JSON value as rows.
//
// Of jsonb the position is a number of members, of json the byte where the next one begins.
#include "expr/json_path.h"

#define SET struct evaluation *evaluation, const struct value *arguments, int64_t *position, struct value *row

static int wrong_value(struct evaluation *evaluation, const char *name, const char *what)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call %s on %s", name, what);
}

// ---- jsonb ----

static int give_item(struct evaluation *evaluation, struct jsonb item, bool as_text, struct value *value)
{
  if (as_text)
    return jsonb_to_plain_text(evaluation, item, value);
  return jsonb_to_value(item, evaluation->arena, value) ? STATUS_OK : error_memory(evaluation->error);
}

static int next_element(SET, bool as_text)
{
  struct jsonb array = jsonb_of(&arguments[0]);
  if (array.kind != JSON_ARRAY)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot extract elements from %s",
                     array.kind == JSON_OBJECT ? "an object" : "a scalar");
  if (*position >= jsonb_count(array))
    return 0;
  int status = give_item(evaluation, jsonb_element(array, (uint32_t)(*position)++), as_text, &row[0]);
  return status ? status : 1;
}

static int next_member(SET, bool as_text, const char *name)
{
  struct jsonb object = jsonb_of(&arguments[0]);
  struct bytes key;
  if (object.kind != JSON_OBJECT)
    return wrong_value(evaluation, name, "a non-object");
  if (*position >= jsonb_count(object))
    return 0;
  struct jsonb member = jsonb_member(object, (uint32_t)(*position)++, &key);
  row[0] = value_bytes(key.data, (uint32_t)key.size);
  int status = give_item(evaluation, member, as_text, &row[1]);
  return status ? status : 1;
}

static int jsonb_elements(SET)
{
  return next_element(evaluation, arguments, position, row, false);
}
static int jsonb_elements_text(SET)
{
  return next_element(evaluation, arguments, position, row, true);
}
static int jsonb_each(SET)
{
  return next_member(evaluation, arguments, position, row, false, "jsonb_each");
}
static int jsonb_each_text(SET)
{
  return next_member(evaluation, arguments, position, row, true, "jsonb_each_text");
}

static int jsonb_keys(SET)
{
  struct jsonb object = jsonb_of(&arguments[0]);
  struct bytes key;
  if (object.kind != JSON_OBJECT)
    return wrong_value(evaluation, "jsonb_object_keys", object.kind == JSON_ARRAY ? "an array" : "a scalar");
  if (*position >= jsonb_count(object))
    return 0;
  (void)jsonb_member(object, (uint32_t)(*position)++, &key);
  row[0] = value_bytes(key.data, (uint32_t)key.size);
  return 1;
}

// ---- json ----

static bool take(const struct value *argument, int64_t *position, struct bytes *name, struct bytes *value)
{
  size_t at = (size_t)*position;
  bool is_taken = json_next(bytes_of_value(argument), &at, name, value);
  *position = (int64_t)at;
  return is_taken;
}

static int give_text(struct evaluation *evaluation, struct bytes text, bool as_text, struct value *value)
{
  if (as_text)
    return json_to_plain_text(evaluation, text, value);
  *value = value_bytes(text.data, (uint32_t)text.size);
  return STATUS_OK;
}

static int next_element_text(SET, bool as_text, const char *function)
{
  struct bytes name, value;
  enum json_kind kind = json_kind_of(bytes_of_value(&arguments[0]));
  if (kind != JSON_ARRAY)
    return wrong_value(evaluation, function, kind == JSON_OBJECT ? "a non-array" : "a scalar");
  if (!take(&arguments[0], position, &name, &value))
    return 0;
  int status = give_text(evaluation, value, as_text, &row[0]);
  return status ? status : 1;
}

static int next_member_text(SET, bool as_text)
{
  struct bytes name, value;
  enum json_kind kind = json_kind_of(bytes_of_value(&arguments[0]));
  if (kind != JSON_OBJECT)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot deconstruct %s",
                     kind == JSON_ARRAY ? "an array as an object" : "a scalar");
  if (!take(&arguments[0], position, &name, &value))
    return 0;
  int status = json_to_plain_text(evaluation, name, &row[0]);
  if (!status)
    status = give_text(evaluation, value, as_text, &row[1]);
  return status ? status : 1;
}

static int json_elements(SET)
{
  return next_element_text(evaluation, arguments, position, row, false, "json_array_elements");
}

static int json_elements_text(SET)
{
  return next_element_text(evaluation, arguments, position, row, true, "json_array_elements_text");
}

static int json_each(SET)
{
  return next_member_text(evaluation, arguments, position, row, false);
}
static int json_each_text(SET)
{
  return next_member_text(evaluation, arguments, position, row, true);
}

static int json_keys(SET)
{
  struct bytes name, value;
  enum json_kind kind = json_kind_of(bytes_of_value(&arguments[0]));
  if (kind != JSON_OBJECT)
    return wrong_value(evaluation, "json_object_keys", kind == JSON_ARRAY ? "an array" : "a scalar");
  if (!take(&arguments[0], position, &name, &value))
    return 0;
  int status = json_to_plain_text(evaluation, name, &row[0]);
  return status ? status : 1;
}

const struct set_function set_functions[] = {
    {"jsonb_array_elements", 1, {JSONB}, 1, {{"value", JSONB}}, jsonb_elements},
    {"jsonb_array_elements_text", 1, {JSONB}, 1, {{"value", TEXT}}, jsonb_elements_text},
    {"jsonb_each", 1, {JSONB}, 2, {{"key", TEXT}, {"value", JSONB}}, jsonb_each},
    {"jsonb_each_text", 1, {JSONB}, 2, {{"key", TEXT}, {"value", TEXT}}, jsonb_each_text},
    {"jsonb_object_keys", 1, {JSONB}, 1, {{NULL, TEXT}}, jsonb_keys},
    {"json_array_elements", 1, {JSON}, 1, {{"value", JSON}}, json_elements},
    {"json_array_elements_text", 1, {JSON}, 1, {{"value", TEXT}}, json_elements_text},
    {"json_each", 1, {JSON}, 2, {{"key", TEXT}, {"value", JSON}}, json_each},
    {"json_each_text", 1, {JSON}, 2, {{"key", TEXT}, {"value", TEXT}}, json_each_text},
    {"json_object_keys", 1, {JSON}, 1, {{NULL, TEXT}}, json_keys},
    {0},
};
