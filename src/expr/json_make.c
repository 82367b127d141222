// JSON of values of any type: to_json and the building functions, for json (text as PostgreSQL writes it)
// and jsonb.
#include <stdio.h>

#include "data/numeric.h"
#include "data/record.h"
#include "expr/json_path.h"

// ---- one value ----

static bool is_number(enum type_id type)
{
  return type_info(type)->category == 'N' && type != TYPE_OID;
}

// 2024-02-29 12:00:00+01 as JSON has it: with a T, and the zone's minutes.
static void timestamp_text(struct evaluation *evaluation, enum type_id type, const struct value *value,
                           struct buffer *out)
{
  size_t from = out->size;
  value_to_text(type, value, settings_of(evaluation), out);
  uint8_t *space = out->failed ? NULL : memchr(out->data + from, ' ', out->size - from);
  if (!space)
    return;
  *space = 'T';
  size_t time = (size_t)(space - out->data), end = out->size, sign = time;
  const char era[] = " BC";
  bool is_ancient = end - time > strlen(era) && memcmp(out->data + end - strlen(era), era, strlen(era)) == 0;
  end -= is_ancient ? strlen(era) : 0;
  while (sign < end && out->data[sign] != '+' && out->data[sign] != '-')
    sign++;
  if (end - sign != strlen("+hh"))
    return;
  out->size = end;
  buffer_append_string(out, ":00");
  if (is_ancient)
    buffer_append_string(out, era);
}

// The value's JSON: a kind, and the contents of a string, or the text of everything else. What is JSON already is an
// object, whatever it is.
// A row as an object. Columns without a name are f1, f2, …
static void append_record(struct evaluation *evaluation, const struct value *record, struct buffer *out)
{
  struct record_walk walk = {.record = record};
  struct record_column column;
  while (record_next(&walk, &column)) {
    char name[16];
    int size = snprintf(name, sizeof name, "f%u", walk.number);
    buffer_append_u8(out, walk.number > 1 ? ',' : '{');
    json_quote(column.name.size ? column.name : bytes_of(name, (size_t)size), out);
    buffer_append_u8(out, ':');
    json_append_value(evaluation, column.type, &column.value, out);
  }
  buffer_append_string(out, walk.number ? "}" : "{}");
}

static enum json_kind describe(struct evaluation *evaluation, enum type_id type, const struct value *value,
                               struct buffer *text)
{
  if (value->is_null) {
    buffer_append_string(text, "null");
    return JSON_NULL;
  }
  if (type == TYPE_BOOLEAN) {
    buffer_append_string(text, value->integer ? "true" : "false");
    return value->integer ? JSON_TRUE : JSON_FALSE;
  }
  if (type_is_row(type)) {
    append_record(evaluation, value, text);
    return JSON_OBJECT;
  }
  if (type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ) {
    timestamp_text(evaluation, type, value, text);
    return JSON_STRING;
  }
  value_to_text(type, value, settings_of(evaluation), text);
  if (type == TYPE_JSON || type == TYPE_JSONB)
    return JSON_OBJECT;
  bool is_finite = text->size && text->data[text->size - 1] >= '0' && text->data[text->size - 1] <= '9';
  return is_number(type) && is_finite ? JSON_NUMBER : JSON_STRING;
}

// One dimension of an array, from the element that the walk has come to. separator: between its members.
static void append_dimension(struct evaluation *evaluation, const struct array *array, int dimension,
                             struct array_walk *walk, const char *separator, struct buffer *out)
{
  struct value element;
  buffer_append_u8(out, '[');
  for (int32_t i = 0; array->count && i < array->shape.lengths[dimension]; i++) {
    if (i)
      buffer_append_string(out, separator);
    if (dimension + 1 < array->shape.dimension_count)
      append_dimension(evaluation, array, dimension + 1, walk, ",", out);
    else if (array_next(walk, &element))
      json_append_value(evaluation, array->element, &element, out);
  }
  buffer_append_u8(out, ']');
}

static void append_array(struct evaluation *evaluation, enum type_id type, const struct value *value,
                         const char *separator, struct buffer *out)
{
  struct array array = array_of(type, value);
  struct array_walk walk = array_walk(&array);
  append_dimension(evaluation, &array, 0, &walk, separator, out);
}

static int add_dimension(struct evaluation *evaluation, const struct array *array, int dimension,
                         struct array_walk *walk, struct jsonb_builder *builder)
{
  struct value element;
  struct jsonb_mark mark = jsonb_begin(builder);
  int status = STATUS_OK;
  for (int32_t i = 0; array->count && i < array->shape.lengths[dimension] && !status; i++)
    if (dimension + 1 < array->shape.dimension_count)
      status = add_dimension(evaluation, array, dimension + 1, walk, builder);
    else if (array_next(walk, &element))
      status = jsonb_add_value(evaluation, array->element, &element, builder);
  return status ? status : jsonb_end(builder, mark, JSON_ARRAY, evaluation->error);
}

void json_append_value(struct evaluation *evaluation, enum type_id type, const struct value *value, struct buffer *out)
{
  if (!value->is_null && type_is_array(type)) {
    append_array(evaluation, type, value, ",", out);
    return;
  }
  struct buffer text = buffer_for(evaluation);
  enum json_kind kind = describe(evaluation, type, value, &text);
  if (kind == JSON_STRING)
    json_quote(buffer_bytes(&text), out);
  else
    buffer_append_bytes(out, buffer_bytes(&text));
  out->failed |= text.failed;
  buffer_deinit(&text);
}

int jsonb_add_value(struct evaluation *evaluation, enum type_id type, const struct value *value,
                    struct jsonb_builder *builder)
{
  struct value made;
  int status = STATUS_OK;
  if (!value->is_null && type == TYPE_JSONB) {
    jsonb_add(builder, jsonb_of(value));
    return STATUS_OK;
  }
  if (!value->is_null && type_is_array(type)) {
    struct array array = array_of(type, value);
    struct array_walk walk = array_walk(&array);
    return add_dimension(evaluation, &array, 0, &walk, builder);
  }
  struct buffer text = buffer_for(evaluation);
  enum json_kind kind = describe(evaluation, type, value, &text);
  if (text.failed) {
    status = error_memory(evaluation->error);
  } else if (kind == JSON_OBJECT) {
    status = jsonb_from_text(buffer_bytes(&text), evaluation->arena, &made, evaluation->error);
    if (!status)
      jsonb_add(builder, jsonb_of(&made));
  } else if (kind == JSON_NUMBER) {
    status = numeric_from_text(buffer_bytes(&text), -1, evaluation->arena, &made, evaluation->error);
    if (!status)
      jsonb_add(builder, jsonb_scalar(kind, bytes_of_value(&made)));
  } else {
    jsonb_add(builder, jsonb_scalar(kind, kind == JSON_STRING ? buffer_bytes(&text) : bytes_of(NULL, 0)));
  }
  buffer_deinit(&text);
  return status;
}

int json_name_of(struct evaluation *evaluation, enum type_id type, const struct value *value, struct buffer *out)
{
  if (type == TYPE_JSON || type == TYPE_JSONB || type_is_array(type))
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "key value must be scalar, not array, composite, or json");
  describe(evaluation, type, value, out);
  return out->failed ? error_memory(evaluation->error) : STATUS_OK;
}

static int to_json(CALL)
{
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  struct buffer out = buffer_for(evaluation);
  json_append_value(evaluation, evaluation->argument_types[0], &arguments[0], &out);
  return result_from_buffer(evaluation, &out, result);
}

// array_to_json(array [, a line for each member])
static int array_to_json(CALL)
{
  *result = value_null();
  if (arguments[0].is_null || (argument_count > 1 && arguments[1].is_null))
    return STATUS_OK;
  struct buffer out = buffer_for(evaluation);
  append_array(evaluation, evaluation->argument_types[0], &arguments[0],
               argument_count > 1 && arguments[1].integer ? ",\n " : ",", &out);
  return result_from_buffer(evaluation, &out, result);
}

static int to_jsonb(CALL)
{
  struct jsonb_builder builder;
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  jsonb_builder_init(&builder, evaluation->arena->account);
  int status = jsonb_add_value(evaluation, evaluation->argument_types[0], &arguments[0], &builder);
  return result_from_builder(evaluation, &builder, status, result);
}

// ---- arrays and objects of arguments ----

static int json_build_array(CALL)
{
  struct buffer out = buffer_for(evaluation);
  buffer_append_u8(&out, '[');
  for (int i = 0; i < argument_count; i++) {
    if (i)
      buffer_append_string(&out, ", ");
    json_append_value(evaluation, evaluation->argument_types[i], &arguments[i], &out);
  }
  buffer_append_u8(&out, ']');
  return result_from_buffer(evaluation, &out, result);
}

static int jsonb_build_array(CALL)
{
  struct jsonb_builder builder;
  jsonb_builder_init(&builder, evaluation->arena->account);
  struct jsonb_mark mark = jsonb_begin(&builder);
  int status = STATUS_OK;
  for (int i = 0; i < argument_count && !status; i++)
    status = jsonb_add_value(evaluation, evaluation->argument_types[i], &arguments[i], &builder);
  if (!status)
    status = jsonb_end(&builder, mark, JSON_ARRAY, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

static int odd_arguments(struct evaluation *evaluation, const char *name)
{
  int status =
      error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "argument list must have even number of elements");
  error_hint(evaluation->error, "The arguments of %s() must consist of alternating keys and values.", name);
  return status;
}

static int json_build_object(CALL)
{
  if (argument_count % 2)
    return odd_arguments(evaluation, "json_build_object");
  struct buffer out = buffer_for(evaluation), name = out;
  const enum type_id *types = evaluation->argument_types;
  int status = STATUS_OK;
  buffer_append_u8(&out, '{');
  for (int i = 0; i < argument_count && !status; i += 2) {
    if (arguments[i].is_null) {
      status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "argument %d cannot be null", i + 1);
      error_hint(evaluation->error, "Object keys should be text.");
      break;
    }
    buffer_clear(&name);
    status = json_name_of(evaluation, types[i], &arguments[i], &name);
    if (status)
      break;
    if (i)
      buffer_append_string(&out, ", ");
    json_quote(buffer_bytes(&name), &out);
    buffer_append_string(&out, " : ");
    json_append_value(evaluation, types[i + 1], &arguments[i + 1], &out);
  }
  buffer_append_u8(&out, '}');
  buffer_deinit(&name);
  if (!status)
    return result_from_buffer(evaluation, &out, result);
  buffer_deinit(&out);
  return status;
}

// A name and its value, from arguments of types.
static int add_member(struct evaluation *evaluation, const enum type_id *types, const struct value *arguments,
                      struct jsonb_builder *builder)
{
  struct buffer name = buffer_for(evaluation);
  int status = json_name_of(evaluation, types[0], &arguments[0], &name);
  if (!status) {
    jsonb_add_name(builder, buffer_bytes(&name));
    status = jsonb_add_value(evaluation, types[1], &arguments[1], builder);
  }
  buffer_deinit(&name);
  return status;
}

static int jsonb_build_object(CALL)
{
  if (argument_count % 2)
    return odd_arguments(evaluation, "jsonb_build_object");
  struct jsonb_builder builder;
  jsonb_builder_init(&builder, evaluation->arena->account);
  struct jsonb_mark mark = jsonb_begin(&builder);
  int status = STATUS_OK;
  for (int i = 0; i < argument_count && !status; i += 2) {
    if (arguments[i].is_null)
      status =
          error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "argument %d: key must not be null", i + 1);
    else
      status = add_member(evaluation, evaluation->argument_types + i, &arguments[i], &builder);
  }
  if (!status)
    status = jsonb_end(&builder, mark, JSON_OBJECT, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

// json_object('{a,1,b,2}'), json_object('{a,b}', '{1,2}'): of text alone.
static int object_of_texts(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                           struct jsonb_builder *builder, struct buffer *out)
{
  struct json_path names, values;
  bool is_pairs = argument_count == 1;
  struct array_shape shape = array_of(TYPE_TEXT_ARRAY, &arguments[0]).shape;
  if (!is_pairs && array_of(TYPE_TEXT_ARRAY, &arguments[1]).shape.dimension_count != shape.dimension_count)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
  if (is_pairs && shape.dimension_count == 2 && shape.lengths[1] != 2)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "array must have two columns");
  // Pairs may lie in two columns.
  int status = is_pairs && shape.dimension_count == 2 ? json_path_from_array(evaluation, &arguments[0], &names)
                                                      : json_path_from_line(evaluation, &arguments[0], &names);
  if (!status && !is_pairs)
    status = json_path_from_line(evaluation, &arguments[1], &values);
  if (status)
    return status;
  if (is_pairs ? names.count % 2 : names.count != values.count)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR,
                     is_pairs ? "array must have even number of elements" : "mismatched array dimensions");
  for (int i = 0; i < names.count; i += is_pairs ? 2 : 1) {
    struct value pair[2] = {names.steps[i], is_pairs ? names.steps[i + 1] : values.steps[i]};
    static const enum type_id types[2] = {TYPE_TEXT, TYPE_TEXT};
    if (pair[0].is_null)
      return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
    if (builder) {
      if ((status = add_member(evaluation, types, pair, builder)))
        return status;
      continue;
    }
    buffer_append_string(out, i ? ", " : "");
    json_quote(bytes_of_value(&pair[0]), out);
    buffer_append_string(out, " : ");
    json_append_value(evaluation, TYPE_TEXT, &pair[1], out);
  }
  return STATUS_OK;
}

static int json_object(CALL)
{
  struct buffer out = buffer_for(evaluation);
  buffer_append_u8(&out, '{');
  int status = object_of_texts(evaluation, arguments, argument_count, NULL, &out);
  buffer_append_u8(&out, '}');
  if (!status)
    return result_from_buffer(evaluation, &out, result);
  buffer_deinit(&out);
  return status;
}

static int jsonb_object(CALL)
{
  struct jsonb_builder builder;
  jsonb_builder_init(&builder, evaluation->arena->account);
  struct jsonb_mark mark = jsonb_begin(&builder);
  int status = object_of_texts(evaluation, arguments, argument_count, &builder, NULL);
  if (!status)
    status = jsonb_end(&builder, mark, JSON_OBJECT, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

const struct function json_make_functions[] = {
    TYPED("to_json", to_json, JSON, 1, TYPE_ANY_ELEMENT),
    TYPED("array_to_json", array_to_json, JSON, 1, TYPE_ANY_ARRAY),
    TYPED("array_to_json", array_to_json, JSON, 2, TYPE_ANY_ARRAY, BOOLEAN),
    TYPED("to_jsonb", to_jsonb, JSONB, 1, TYPE_ANY_ELEMENT),
    TYPED("row_to_json", to_json, JSON, 1, TYPE_RECORD),
    TYPED("json_build_array", json_build_array, JSON, 0, 0),
    TYPED("json_build_array", json_build_array, JSON, -1, ANY),
    TYPED("jsonb_build_array", jsonb_build_array, JSONB, 0, 0),
    TYPED("jsonb_build_array", jsonb_build_array, JSONB, -1, ANY),
    TYPED("json_build_object", json_build_object, JSON, 0, 0),
    TYPED("json_build_object", json_build_object, JSON, -1, ANY),
    TYPED("jsonb_build_object", jsonb_build_object, JSONB, 0, 0),
    TYPED("jsonb_build_object", jsonb_build_object, JSONB, -1, ANY),
    PURE("json_object", json_object, JSON, 1, TYPE_TEXT_ARRAY),
    PURE("json_object", json_object, JSON, 2, TYPE_TEXT_ARRAY, TYPE_TEXT_ARRAY),
    PURE("jsonb_object", jsonb_object, JSONB, 1, TYPE_TEXT_ARRAY),
    PURE("jsonb_object", jsonb_object, JSONB, 2, TYPE_TEXT_ARRAY, TYPE_TEXT_ARRAY),
    {0},
};
