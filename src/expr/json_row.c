// JSON as values of SQL's types: what json_populate_record and json_to_record make of members.
//
// Texts alone are read: a jsonb is printed before.
#include "data/array.h"
#include "data/record.h"
#include "expr/json_path.h"

static const struct user_types *types_of(const struct evaluation *evaluation)
{
  return evaluation->types ? evaluation->types : settings_of(evaluation)->types;
}

static int read_plain(struct evaluation *evaluation, struct type type, const struct value *text, struct value *value)
{
  struct format_settings settings = *settings_of(evaluation);
  settings.types = types_of(evaluation);
  return value_from_text(type, bytes_of_value(text), &settings, evaluation->arena, value, evaluation->error);
}

int json_read_row(struct evaluation *evaluation, struct bytes object, const struct row_column *columns, int count,
                  struct value *row)
{
  int status = STATUS_OK;
  for (int i = 0; i < count && !status; i++) {
    struct bytes member;
    status = json_find_member(evaluation, object, bytes_of_string(columns[i].name), &member);
    if (!status && member.data)
      status = json_read_value(evaluation, columns[i].type, member, &row[i]);
  }
  return status;
}

static int read_composite(struct evaluation *evaluation, struct type type, struct bytes text, struct value *value)
{
  const struct user_types *types = types_of(evaluation);
  const struct row_type *row = types ? types->find_row(types->context, type_object(type.id)) : NULL;
  struct value *values = row ? ARENA_ARRAY(evaluation->arena, struct value, row->count + 1) : NULL;
  if (!row)
    return error_set(evaluation->error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", type_oid(type.id));
  if (!values)
    return error_memory(evaluation->error);
  for (int i = 0; i < row->count; i++)
    values[i] = value_null();
  int status = json_read_row(evaluation, text, row->columns, row->count, values);
  return status ? status : record_make(row, values, evaluation->arena, value, evaluation->error);
}

struct reading {
  struct evaluation *evaluation;
  struct type type; // of the elements
  struct array_builder builder;
  struct array_shape shape;
};

// The elements of one dimension: those of an array in the first place of it are the next one's.
static int read_dimension(struct reading *reading, struct bytes text, int dimension)
{
  struct bytes name, element;
  struct value value;
  size_t at = 0;
  int32_t count = 0;
  int status = STATUS_OK;
  if (dimension == ARRAY_DIMENSIONS)
    return array_too_many_dimensions(dimension + 1, reading->evaluation->error);
  for (; !status && json_next(text, &at, &name, &element); count++) {
    bool is_array = json_kind_of(element) == JSON_ARRAY && reading->type.id != TYPE_JSON && reading->type.id != TYPE_JSONB;
    bool is_first = reading->builder.count == 0 && reading->shape.dimension_count == dimension + 1;
    if (is_array && is_first)
      reading->shape.dimension_count++;
    bool is_deeper = reading->shape.dimension_count > dimension + 1;
    if (is_array != is_deeper)
      return error_set(reading->evaluation->error, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                       is_deeper ? "expected JSON array" : "malformed JSON array");
    if (is_deeper) {
      status = read_dimension(reading, element, dimension + 1);
      continue;
    }
    status = json_read_value(reading->evaluation, reading->type, element, &value);
    if (!status)
      array_add(&reading->builder, &value);
  }
  if (!status && reading->shape.lengths[dimension] >= 0 && reading->shape.lengths[dimension] != count) {
    status = error_set(reading->evaluation->error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "malformed JSON array");
    error_detail(reading->evaluation->error,
                 "Multidimensional arrays must have sub-arrays with matching dimensions.");
  }
  reading->shape.lengths[dimension] = count;
  return status;
}

static int read_array(struct evaluation *evaluation, struct type type, struct bytes text, struct value *value)
{
  struct reading reading = {.evaluation = evaluation,
                            .type = {type_element(type.id), type.modifier},
                            .shape = {.dimension_count = 1}};
  for (int i = 0; i < ARRAY_DIMENSIONS; i++) {
    reading.shape.lengths[i] = -1;
    reading.shape.lowers[i] = 1;
  }
  array_builder_init(&reading.builder, reading.type.id, evaluation->arena->account);
  int status = read_dimension(&reading, text, 0);
  if (!reading.builder.count)
    reading.shape.dimension_count = 0;
  if (!status)
    return array_finish(&reading.builder, &reading.shape, evaluation->arena, value, evaluation->error);
  array_builder_deinit(&reading.builder);
  return status;
}

// JSON as it is, an object or array as the row or array of the type, a string by its contents, anything else by its text;
// null is NULL.
int json_read_value(struct evaluation *evaluation, struct type type, struct bytes text, struct value *value)
{
  struct value plain = value_bytes(text.data, (uint32_t)text.size);
  enum json_kind kind = json_kind_of(text);
  *value = value_null();
  if (kind == JSON_NULL)
    return STATUS_OK;
  if (type.id == TYPE_JSON || type.id == TYPE_JSONB)
    return read_plain(evaluation, type, &plain, value);
  bool is_row = type_is_composite(type.id), is_array = type_is_array(type.id);
  if (is_row && kind == JSON_OBJECT)
    return read_composite(evaluation, type, text, value);
  if (is_array && kind == JSON_ARRAY)
    return read_array(evaluation, type, text, value);
  if (is_row && kind != JSON_STRING)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call populate_composite on %s",
                     kind == JSON_ARRAY ? "an array" : "a scalar");
  if (is_array && kind != JSON_STRING)
    return error_set(evaluation->error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "expected JSON array");
  int status = json_to_plain_text(evaluation, text, &plain);
  return status ? status : read_plain(evaluation, type, &plain, value);
}

// --- json_populate_record ---------------------------------------------------------------------------------------

static int no_row_type(struct evaluation *evaluation, const char *name)
{
  return error_set(evaluation->error, SQLSTATE_DATATYPE_MISMATCH, "first argument of %s must be a row type", name);
}

// The text of a json or jsonb.
static int text_of(struct evaluation *evaluation, enum type_id type, const struct value *json, struct value *text)
{
  *text = *json;
  if (type != TYPE_JSONB)
    return STATUS_OK;
  struct buffer out = buffer_for(evaluation);
  jsonb_to_text(jsonb_of(json), &out);
  return result_from_buffer(evaluation, &out, text);
}

// What the base has for columns; NULLs where it is NULL.
static void take_base(const struct value *base, struct value *values, int count)
{
  struct record_walk walk = {.record = base};
  struct record_column column;
  for (int i = 0; i < count; i++) {
    values[i] = value_null();
    if (!base->is_null && record_next(&walk, &column))
      values[i] = column.value;
  }
}

static int populate(struct evaluation *evaluation, const struct value *arguments, const char *name, struct value *result)
{
  enum type_id type = evaluation->argument_types[0];
  const struct user_types *types = evaluation->types;
  if (!type_is_composite(type))
    return no_row_type(evaluation, name);
  const struct row_type *row = types ? types->find_row(types->context, type_object(type)) : NULL;
  *result = arguments[0];
  if (!row || arguments[1].is_null)
    return STATUS_OK;
  struct value text = value_null(), *values = ARENA_ARRAY(evaluation->arena, struct value, row->count + 1);
  int status = values ? text_of(evaluation, evaluation->argument_types[1], &arguments[1], &text)
                      : error_memory(evaluation->error);
  if (status)
    return status;
  struct bytes object = json_trim(bytes_of_value(&text));
  enum json_kind kind = json_kind_of(object);
  if (kind != JSON_OBJECT)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call populate_composite on %s",
                     kind == JSON_ARRAY ? "an array" : "a scalar");
  take_base(&arguments[0], values, row->count);
  status = json_read_row(evaluation, object, row->columns, row->count, values);
  return status ? status : record_make(row, values, evaluation->arena, result, evaluation->error);
}

static int json_populate(CALL) { return populate(evaluation, arguments, "json_populate_record", result); }
static int jsonb_populate(CALL) { return populate(evaluation, arguments, "jsonb_populate_record", result); }

#define POPULATE(name, code, json) \
  {name, 0, TYPE_ANY_ELEMENT, 2, {TYPE_ANY_ELEMENT, json}, code, FUNCTION_STABLE, true, false, true}

const struct function json_row_functions[] = {
    POPULATE("json_populate_record", json_populate, JSON),
    POPULATE("jsonb_populate_record", jsonb_populate, JSONB),
    {0},
};

// --- json_populate_recordset ------------------------------------------------------------------------------------

// The position is the byte where the next element begins.
static int next_row(struct evaluation *evaluation, struct set_call *call, struct value *row, const char *name)
{
  struct value text = value_null();
  struct bytes key, object;
  if (!type_is_composite(call->argument_types[0]))
    return no_row_type(evaluation, name);
  if (call->arguments[1].is_null)
    return 0;
  int status = text_of(evaluation, call->argument_types[1], &call->arguments[1], &text);
  if (status)
    return status;
  enum json_kind kind = json_kind_of(bytes_of_value(&text));
  if (kind != JSON_ARRAY)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call %s on %s", name,
                     kind == JSON_OBJECT ? "an object" : "a scalar");
  size_t at = (size_t)call->position;
  if (!json_next(bytes_of_value(&text), &at, &key, &object))
    return 0;
  call->position = (int64_t)at;
  if (json_kind_of(object) != JSON_OBJECT)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "argument of %s must be an array of objects",
                     name);
  struct row_column *columns = ARENA_ARRAY(evaluation->arena, struct row_column, call->column_count + 1);
  if (!columns)
    return error_memory(evaluation->error);
  for (int i = 0; i < call->column_count; i++)
    columns[i] = (struct row_column){call->names[i], call->types[i]};
  take_base(&call->arguments[0], row, call->column_count);
  status = json_read_row(evaluation, object, columns, call->column_count, row);
  return status ? status : 1;
}

int json_populate_rows(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  return next_row(evaluation, call, row, "json_populate_recordset");
}
int jsonb_populate_rows(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  return next_row(evaluation, call, row, "jsonb_populate_recordset");
}
