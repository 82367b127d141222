// Casts of json and jsonb. Their text forms are those of every type; a number or a boolean comes out of a jsonb that is
// one.
#include "data/jsonb.h"
#include "expr/tables.h"

static int through_text(struct evaluation *evaluation, enum type_id from, enum type_id to, const struct value *argument,
                        struct value *result)
{
  struct buffer text = buffer_for(evaluation);
  struct value copy = {0};
  value_to_text(from, argument, settings_of(evaluation), &text);
  int status = result_from_buffer(evaluation, &text, &copy);
  return status ? status
                : value_from_text(type_plain(to), bytes_of_value(&copy), settings_of(evaluation), evaluation->arena,
                                  result, evaluation->error);
}

#define THROUGH_TEXT(name, from, to) \
  static int name(CALL) \
  { \
    return through_text(evaluation, from, to, &arguments[0], result); \
  }
THROUGH_TEXT(text_from_json, TYPE_JSON, TYPE_TEXT)
THROUGH_TEXT(text_from_jsonb, TYPE_JSONB, TYPE_TEXT)
THROUGH_TEXT(json_from_text, TYPE_TEXT, TYPE_JSON)
THROUGH_TEXT(jsonb_from_string, TYPE_TEXT, TYPE_JSONB)
THROUGH_TEXT(text_from_jsonpath, TYPE_JSONPATH, TYPE_TEXT)
THROUGH_TEXT(jsonpath_from_string, TYPE_TEXT, TYPE_JSONPATH)
THROUGH_TEXT(json_from_jsonb, TYPE_JSONB, TYPE_JSON)
THROUGH_TEXT(jsonb_from_json, TYPE_JSON, TYPE_JSONB)

static int wrong_kind(struct evaluation *evaluation, enum json_kind kind, const char *type)
{
  static const char *const names[] = {
      [JSON_NULL] = "null",    [JSON_STRING] = "string", [JSON_NUMBER] = "numeric", [JSON_FALSE] = "boolean",
      [JSON_TRUE] = "boolean", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot cast jsonb %s to type %s", names[kind],
                   type);
}

static int boolean_from_jsonb(CALL)
{
  struct jsonb item = jsonb_of(&arguments[0]);
  *result = value_boolean(item.kind == JSON_TRUE);
  return item.kind == JSON_TRUE || item.kind == JSON_FALSE ? STATUS_OK : wrong_kind(evaluation, item.kind, "boolean");
}

// The number in it, as the type: by the cast from numeric, whose errors are those of PostgreSQL.
static int number_from(struct evaluation *evaluation, const struct value *argument, enum type_id type,
                       struct value *result)
{
  struct jsonb item = jsonb_of(argument);
  const struct function *cast;
  if (item.kind != JSON_NUMBER)
    return wrong_kind(evaluation, item.kind, type_info(type)->name);
  struct value number = value_bytes(item.data, item.size);
  *result = number;
  return cast_find(TYPE_NUMERIC, type, CAST_EXPLICIT, &cast) && cast ? cast->code(evaluation, &number, 1, result)
                                                                     : STATUS_OK;
}

#define NUMBER(name, type) \
  static int name##_from_jsonb(CALL) \
  { \
    return number_from(evaluation, &arguments[0], type, result); \
  }
NUMBER(numeric, TYPE_NUMERIC)
NUMBER(int2, TYPE_INT2)
NUMBER(int4, TYPE_INT4)
NUMBER(int8, TYPE_INT8)
NUMBER(float4, TYPE_FLOAT4)
NUMBER(float8, TYPE_FLOAT8)

const struct function json_cast_functions[] = {
    PURE("text", text_from_json, TEXT, 1, JSON),
    PURE("text", text_from_jsonb, TEXT, 1, JSONB),
    PURE("json", json_from_text, JSON, 1, TEXT),
    PURE("jsonb", jsonb_from_string, JSONB, 1, TEXT),
    PURE("text", text_from_jsonpath, TEXT, 1, TYPE_JSONPATH),
    PURE("jsonpath", jsonpath_from_string, TYPE_JSONPATH, 1, TEXT),
    PURE("json", json_from_jsonb, JSON, 1, JSONB),
    PURE("jsonb", jsonb_from_json, JSONB, 1, JSON),
    PURE("bool", boolean_from_jsonb, BOOLEAN, 1, JSONB),
    PURE("numeric", numeric_from_jsonb, NUMERIC, 1, JSONB),
    PURE("int2", int2_from_jsonb, INT2, 1, JSONB),
    PURE("int4", int4_from_jsonb, INT4, 1, JSONB),
    PURE("int8", int8_from_jsonb, INT8, 1, JSONB),
    PURE("float4", float4_from_jsonb, TYPE_FLOAT4, 1, JSONB),
    PURE("float8", float8_from_jsonb, FLOAT8, 1, JSONB),
    {0},
};
