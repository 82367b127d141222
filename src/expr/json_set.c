// Functions that give the members of a JSON value as rows.
//
// Of jsonb the position is a number of members, of json the byte where the next one begins.
#include "data/record.h"
#include "expr/json_path.h"

#define SET struct evaluation *evaluation, struct set_call *call, struct value *row
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
  struct jsonb array = jsonb_of(&call->arguments[0]);
  if (array.kind != JSON_ARRAY)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot extract elements from %s",
                     array.kind == JSON_OBJECT ? "an object" : "a scalar");
  if (call->position >= jsonb_count(array))
    return 0;
  int status = give_item(evaluation, jsonb_element(array, (uint32_t)call->position++), as_text, &row[0]);
  return status ? status : 1;
}

static int next_member(SET, bool as_text, const char *name)
{
  struct jsonb object = jsonb_of(&call->arguments[0]);
  struct bytes key;
  if (object.kind != JSON_OBJECT)
    return wrong_value(evaluation, name, "a non-object");
  if (call->position >= jsonb_count(object))
    return 0;
  struct jsonb member = jsonb_member(object, (uint32_t)call->position++, &key);
  row[0] = value_bytes(key.data, (uint32_t)key.size);
  int status = give_item(evaluation, member, as_text, &row[1]);
  return status ? status : 1;
}

static int jsonb_elements(SET)
{
  return next_element(evaluation, call, row, false);
}
static int jsonb_elements_text(SET)
{
  return next_element(evaluation, call, row, true);
}
static int jsonb_each(SET)
{
  return next_member(evaluation, call, row, false, "jsonb_each");
}
static int jsonb_each_text(SET)
{
  return next_member(evaluation, call, row, true, "jsonb_each_text");
}

static int jsonb_keys(SET)
{
  struct jsonb object = jsonb_of(&call->arguments[0]);
  struct bytes key;
  if (object.kind != JSON_OBJECT)
    return wrong_value(evaluation, "jsonb_object_keys", object.kind == JSON_ARRAY ? "an array" : "a scalar");
  if (call->position >= jsonb_count(object))
    return 0;
  (void)jsonb_member(object, (uint32_t)call->position++, &key);
  row[0] = value_bytes(key.data, (uint32_t)key.size);
  return 1;
}

// ---- json ----

static bool take(struct set_call *call, struct bytes *name, struct bytes *value)
{
  size_t at = (size_t)call->position;
  bool is_taken = json_next(bytes_of_value(&call->arguments[0]), &at, name, value);
  call->position = (int64_t)at;
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
  enum json_kind kind = json_kind_of(bytes_of_value(&call->arguments[0]));
  if (kind != JSON_ARRAY)
    return wrong_value(evaluation, function, kind == JSON_OBJECT ? "a non-array" : "a scalar");
  if (!take(call, &name, &value))
    return 0;
  int status = give_text(evaluation, value, as_text, &row[0]);
  return status ? status : 1;
}

static int next_member_text(SET, bool as_text)
{
  struct bytes name, value;
  enum json_kind kind = json_kind_of(bytes_of_value(&call->arguments[0]));
  if (kind != JSON_OBJECT)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot deconstruct %s",
                     kind == JSON_ARRAY ? "an array as an object" : "a scalar");
  if (!take(call, &name, &value))
    return 0;
  int status = json_to_plain_text(evaluation, name, &row[0]);
  if (!status)
    status = give_text(evaluation, value, as_text, &row[1]);
  return status ? status : 1;
}

static int json_elements(SET)
{
  return next_element_text(evaluation, call, row, false, "json_array_elements");
}

static int json_elements_text(SET)
{
  return next_element_text(evaluation, call, row, true, "json_array_elements_text");
}

static int json_each(SET)
{
  return next_member_text(evaluation, call, row, false);
}
static int json_each_text(SET)
{
  return next_member_text(evaluation, call, row, true);
}

static int json_keys(SET)
{
  struct bytes name, value;
  enum json_kind kind = json_kind_of(bytes_of_value(&call->arguments[0]));
  if (kind != JSON_OBJECT)
    return wrong_value(evaluation, "json_object_keys", kind == JSON_ARRAY ? "an array" : "a scalar");
  if (!take(call, &name, &value))
    return 0;
  int status = json_to_plain_text(evaluation, name, &row[0]);
  return status ? status : 1;
}

// ---- rows of columns that the statement names ----

static int give_record_text(struct evaluation *evaluation, const struct set_call *call, struct bytes object,
                            struct value *row)
{
  struct row_column *columns = ARENA_ARRAY(evaluation->arena, struct row_column, call->column_count + 1);
  if (!columns)
    return error_memory(evaluation->error);
  for (int i = 0; i < call->column_count; i++) {
    columns[i] = (struct row_column){call->names[i], call->types[i]};
    row[i] = value_null();
  }
  int status = json_read_row(evaluation, object, columns, call->column_count, row);
  return status ? status : 1;
}

static int give_record(struct evaluation *evaluation, const struct set_call *call, struct jsonb object,
                       struct value *row)
{
  struct buffer out = buffer_for(evaluation);
  struct value text = value_null();
  jsonb_to_text(object, &out);
  int status = result_from_buffer(evaluation, &out, &text);
  return status ? status : give_record_text(evaluation, call, bytes_of_value(&text), row);
}

static int no_record(struct evaluation *evaluation, enum json_kind kind)
{
  return wrong_value(evaluation, "populate_composite", kind == JSON_ARRAY ? "an array" : "a scalar");
}

static int no_records(struct evaluation *evaluation, const char *name)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "argument of %s must be an array of objects",
                   name);
}

static int jsonb_record(SET)
{
  struct jsonb object = jsonb_of(&call->arguments[0]);
  if (object.kind != JSON_OBJECT)
    return no_record(evaluation, object.kind);
  return call->position++ ? 0 : give_record(evaluation, call, object, row);
}

static int jsonb_records(SET)
{
  struct jsonb array = jsonb_of(&call->arguments[0]);
  if (array.kind != JSON_ARRAY)
    return wrong_value(evaluation, "jsonb_to_recordset", "a non-array");
  if (call->position >= jsonb_count(array))
    return 0;
  struct jsonb object = jsonb_element(array, (uint32_t)call->position++);
  return object.kind == JSON_OBJECT ? give_record(evaluation, call, object, row)
                                    : no_records(evaluation, "jsonb_to_recordset");
}

static int json_record(SET)
{
  struct bytes object = json_trim(bytes_of_value(&call->arguments[0]));
  enum json_kind kind = json_kind_of(object);
  if (kind != JSON_OBJECT)
    return no_record(evaluation, kind);
  return call->position++ ? 0 : give_record_text(evaluation, call, object, row);
}

static int json_records(SET)
{
  struct bytes name, object;
  enum json_kind kind = json_kind_of(bytes_of_value(&call->arguments[0]));
  if (kind != JSON_ARRAY)
    return wrong_value(evaluation, "json_to_recordset", kind == JSON_OBJECT ? "an object" : "a scalar");
  if (!take(call, &name, &object))
    return 0;
  return json_kind_of(object) == JSON_OBJECT ? give_record_text(evaluation, call, object, row)
                                             : no_records(evaluation, "json_to_recordset");
}

// No table is a partition of another.
static int no_ancestors(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  return 0;
}

static int listening_channels(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  struct value number = value_integer(call->position++);
  int status = call_session(evaluation, "pg_listening_channels", &number, 1, &row[0]);
  return status ? status : !row[0].is_null;
}

const struct set_function set_functions[] = {
    {"jsonb_to_record", 1, {JSONB}, 0, {{0}}, jsonb_record, false, NULL},
    {"jsonb_to_recordset", 1, {JSONB}, 0, {{0}}, jsonb_records, false, NULL},
    {"json_to_record", 1, {JSON}, 0, {{0}}, json_record, false, NULL},
    {"json_to_recordset", 1, {JSON}, 0, {{0}}, json_records, false, NULL},
    {"jsonb_populate_recordset", 2, {TYPE_ANY_ELEMENT, JSONB}, 0, {{0}}, jsonb_populate_rows, true, NULL},
    {"json_populate_recordset", 2, {TYPE_ANY_ELEMENT, JSON}, 0, {{0}}, json_populate_rows, true, NULL},
    {"jsonb_array_elements", 1, {JSONB}, 1, {{"value", JSONB}}, jsonb_elements, false, NULL},
    {"jsonb_array_elements_text", 1, {JSONB}, 1, {{"value", TEXT}}, jsonb_elements_text, false, NULL},
    {"jsonb_each", 1, {JSONB}, 2, {{"key", TEXT}, {"value", JSONB}}, jsonb_each, false, NULL},
    {"jsonb_each_text", 1, {JSONB}, 2, {{"key", TEXT}, {"value", TEXT}}, jsonb_each_text, false, NULL},
    {"jsonb_object_keys", 1, {JSONB}, 1, {{NULL, TEXT}}, jsonb_keys, false, NULL},
    {"json_array_elements", 1, {JSON}, 1, {{"value", JSON}}, json_elements, false, NULL},
    {"json_array_elements_text", 1, {JSON}, 1, {{"value", TEXT}}, json_elements_text, false, NULL},
    {"json_each", 1, {JSON}, 2, {{"key", TEXT}, {"value", JSON}}, json_each, false, NULL},
    {"json_each_text", 1, {JSON}, 2, {{"key", TEXT}, {"value", TEXT}}, json_each_text, false, NULL},
    {"unnest", 1, {TYPE_ANY_ARRAY}, 1, {{NULL, TYPE_ANY_ELEMENT}}, array_unnest, true, NULL},
    {"_pg_expandarray", 1, {TYPE_ANY_ARRAY}, 2, {{"x", TYPE_ANY_ELEMENT}, {"n", INT4}}, array_expand, false, NULL},
    {"generate_subscripts", 2, {TYPE_ANY_ARRAY, INT4}, 1, {{NULL, INT4}}, array_subscripts, false, NULL},
    {"generate_subscripts", 3, {TYPE_ANY_ARRAY, INT4, BOOLEAN}, 1, {{NULL, INT4}}, array_subscripts, false, NULL},
#define QUERY(name, prepare, count, ...)                                                                     \
  {name, count, {JSONB, TYPE_JSONPATH, __VA_ARGS__}, 1, {{NULL, JSONB}}, jsonb_elements, false, prepare}
    QUERY("jsonb_path_query", jsonpath_prepare, 2, 0),
    QUERY("jsonb_path_query", jsonpath_prepare, 3, JSONB),
    QUERY("jsonb_path_query", jsonpath_prepare, 4, JSONB, BOOLEAN),
    QUERY("jsonb_path_query_tz", jsonpath_prepare_tz, 2, 0),
    QUERY("jsonb_path_query_tz", jsonpath_prepare_tz, 3, JSONB),
    QUERY("jsonb_path_query_tz", jsonpath_prepare_tz, 4, JSONB, BOOLEAN),
    {"regexp_matches", 2, {TEXT, TEXT}, 1, {{NULL, TYPE_TEXT_ARRAY}}, regexp_matches, false, NULL},
    {"regexp_matches", 3, {TEXT, TEXT, TEXT}, 1, {{NULL, TYPE_TEXT_ARRAY}}, regexp_matches, false, NULL},
    {"regexp_split_to_table", 2, {TEXT, TEXT}, 1, {{NULL, TEXT}}, regexp_split_to_table, false, NULL},
    {"regexp_split_to_table", 3, {TEXT, TEXT, TEXT}, 1, {{NULL, TEXT}}, regexp_split_to_table, false, NULL},
    {"string_to_table", 2, {TEXT, TEXT}, 1, {{NULL, TEXT}}, string_to_table, true, NULL},
    {"string_to_table", 3, {TEXT, TEXT, TEXT}, 1, {{NULL, TEXT}}, string_to_table, true, NULL},
    {"json_object_keys", 1, {JSON}, 1, {{NULL, TEXT}}, json_keys, false, NULL},
    {"pg_listening_channels", 0, {0}, 1, {{NULL, TEXT}}, listening_channels, false, NULL},
    {"pg_get_keywords", 0, {0}, 5,
     {{"word", TEXT}, {"catcode", CHAR1}, {"barelabel", BOOLEAN}, {"catdesc", TEXT}, {"baredesc", TEXT}}, keyword_rows,
     false, NULL},
    {"pg_timezone_names", 0, {0}, 4,
     {{"name", TEXT}, {"abbrev", TEXT}, {"utc_offset", INTERVAL}, {"is_dst", BOOLEAN}}, zone_rows, false, NULL},
    {"pg_partition_ancestors", 1, {TYPE_OID}, 1, {{"relid", TYPE_OID}}, no_ancestors, false, NULL},
    {0},
};
