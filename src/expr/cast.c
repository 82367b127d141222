// Casts: which there are (PostgreSQL's pg_cast), how they are done, and wrapping nodes in them.
//
// 1. Between two types there is at most one way. Where pg_cast has none, text forms serve: to a string on
//    assignment, from a string when asked for.
// 2. A type's modifier is applied by a second call, a function of the type's name with the modifier behind.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "data/record.h"
#include "data/datetime.h"
#include "data/enum.h"
#include "data/numeric.h"
#include "expr/array_node.h"
#include "expr/program.h"
#include "expr/tables.h"

// ---- the functions ----

static int out_of_range(struct evaluation *evaluation, const char *type)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
}

static int integer_within(struct evaluation *evaluation, int64_t v, int64_t low, int64_t high, const char *type,
                          struct value *result)
{
  if (v < low || v > high)
    return out_of_range(evaluation, type);
  *result = value_integer(v);
  return STATUS_OK;
}

static int int2_from_integer(CALL)
{
  return integer_within(evaluation, arguments[0].integer, INT16_MIN, INT16_MAX, "smallint", result);
}

static int int4_from_integer(CALL)
{
  return integer_within(evaluation, arguments[0].integer, INT32_MIN, INT32_MAX, "integer", result);
}

#define INTEGER_CASTS(name, low, high, text)                                                        \
  static int name##_from_float8(CALL)                                                               \
  {                                                                                                 \
    double v = rint(arguments[0].float8);                                                           \
    if (!(v >= (double)(low) && v < (double)(high) + 1.0))                                          \
      return out_of_range(evaluation, text);                                                 \
    *result = value_integer((int64_t)v);                                                            \
    return STATUS_OK;                                                                               \
  }                                                                                                 \
  static int name##_from_numeric(CALL)                                                              \
  {                                                                                                 \
    int64_t v;                                                                                      \
    int status = numeric_to_int64(&arguments[0], (low), (high), text, &v, evaluation->error);       \
    *result = value_integer(v);                                                                     \
    return status;                                                                                  \
  }
INTEGER_CASTS(int2, INT16_MIN, INT16_MAX, "smallint")
INTEGER_CASTS(int4, INT32_MIN, INT32_MAX, "integer")
INTEGER_CASTS(int8, INT64_MIN, INT64_MAX, "bigint")

static int integer_same(CALL)
{
  *result = arguments[0];
  return STATUS_OK;
}

static int oid_from_int8(CALL)
{
  if (arguments[0].integer < 0 || arguments[0].integer > UINT32_MAX)
    return out_of_range(evaluation, "OID");
  *result = arguments[0];
  return STATUS_OK;
}

// A 4-byte integer's bits: PostgreSQL takes negative ones as large object ids.
static int oid_from_int4(CALL)
{
  *result = value_integer((uint32_t)arguments[0].integer);
  return STATUS_OK;
}

static int int4_from_oid(CALL)
{
  *result = value_integer((int32_t)(uint32_t)arguments[0].integer);
  return STATUS_OK;
}

static int int4_from_char1(CALL)
{
  *result = value_integer(arguments[0].size ? (int8_t)arguments[0].data[0] : 0);
  return STATUS_OK;
}

static int char1_from_int4(CALL)
{
  if (arguments[0].integer < INT8_MIN || arguments[0].integer > INT8_MAX)
    return out_of_range(evaluation, "\"char\"");
  uint8_t *data = result_bytes(evaluation, arguments[0].integer ? 1 : 0, result);
  if (!data)
    return error_memory(evaluation->error);
  *data = (uint8_t)arguments[0].integer;
  return STATUS_OK;
}

static int boolean_from_int4(CALL)
{
  *result = value_boolean(arguments[0].integer != 0);
  return STATUS_OK;
}

static int float8_from_integer(CALL)
{
  *result = value_float8((double)arguments[0].integer);
  return STATUS_OK;
}

static int float8_from_numeric(CALL)
{
  double v = numeric_to_float8(&arguments[0]);
  if (isinf(v) && arguments[0].data[0] == 0) { // finite, but too large
    struct buffer text = buffer_for(evaluation);
    value_to_text(TYPE_NUMERIC, &arguments[0], &format_settings_default, &text);
    int status = error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                           "\"%.*s\" is out of range for type double precision", (int)text.size,
                           text.data ? (const char *)text.data : "");
    buffer_deinit(&text);
    return status;
  }
  *result = value_float8(v);
  return STATUS_OK;
}

static int numeric_from_integer(CALL)
{
  return numeric_from_int64(arguments[0].integer, evaluation->arena, result, evaluation->error);
}

static int numeric_from_double(CALL)
{
  return numeric_from_float8(arguments[0].float8, evaluation->arena, result, evaluation->error);
}

static int timestamptz_from_timestamp(CALL)
{
  int64_t utc = zone_to_utc(settings_of(evaluation)->zone, arguments[0].integer);
  *result = value_integer(utc);
  return timestamp_is_valid(utc) ? STATUS_OK
                                 : error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                                             "timestamp out of range");
}

static int timestamp_from_timestamptz(CALL)
{
  int64_t local = zone_to_local(settings_of(evaluation)->zone, arguments[0].integer);
  if (!timestamp_is_valid(local))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
  *result = value_integer(local);
  return STATUS_OK;
}

static int text_from_boolean(CALL)
{
  *result = value_string(arguments[0].integer ? "true" : "false");
  return STATUS_OK;
}

static int text_from_bpchar(CALL)
{
  uint32_t size = arguments[0].size;
  while (size && arguments[0].data[size - 1] == ' ')
    size--;
  *result = value_bytes(arguments[0].data, size);
  return STATUS_OK;
}

static int name_from_text(CALL)
{
  uint32_t size = arguments[0].size;
  if (size > 63)
    for (size = 63; size && (arguments[0].data[size] & 0xc0) == 0x80;)
      size--;
  *result = value_bytes(arguments[0].data, size);
  return STATUS_OK;
}

static int name_from_bpchar(CALL)
{
  struct value text;
  (void)text_from_bpchar(evaluation, arguments, 1, &text);
  return name_from_text(evaluation, &text, 1, result);
}

static int name_from_boolean(CALL)
{
  *result = value_string(arguments[0].integer ? "t" : "f");
  return STATUS_OK;
}

int cast_to_text(struct evaluation *evaluation, enum type_id type, const struct value *value,
                 struct value *result)
{
  struct buffer buffer = buffer_for(evaluation);
  value_to_text(type, value, settings_of(evaluation), &buffer);
  return result_from_buffer(evaluation, &buffer, result);
}

int cast_from_text(struct evaluation *evaluation, enum type_id type, const struct value *text,
                   struct value *result)
{
  struct format_settings settings = *settings_of(evaluation);
  settings.now = evaluation->now;
  return value_from_text(type_plain(type), bytes_of_value(text), &settings, evaluation->arena, result,
                         evaluation->error);
}

TO_TEXT(int8, TYPE_INT8)
TO_TEXT(float8, TYPE_FLOAT8)
TO_TEXT(numeric, TYPE_NUMERIC)
TO_TEXT(timestamp, TYPE_TIMESTAMP)
TO_TEXT(timestamptz, TYPE_TIMESTAMPTZ)
TO_TEXT(oid, TYPE_OID)
TO_TEXT(char1, TYPE_CHAR1)
FROM_TEXT(boolean, TYPE_BOOLEAN)
FROM_TEXT(int2, TYPE_INT2)
FROM_TEXT(int4, TYPE_INT4)
FROM_TEXT(int8, TYPE_INT8)
FROM_TEXT(float8, TYPE_FLOAT8)
FROM_TEXT(decimal, TYPE_NUMERIC)
FROM_TEXT(timestamp, TYPE_TIMESTAMP)
FROM_TEXT(timestamptz, TYPE_TIMESTAMPTZ)
FROM_TEXT(oid, TYPE_OID)
FROM_TEXT(char1, TYPE_CHAR1)

int cast_modifier(struct evaluation *evaluation, enum type_id id, const struct value *arguments, bool is_explicit,
                  struct value *result)
{
  struct type type = {.id = id, .modifier = (int32_t)arguments[1].integer};
  *result = arguments[0];
  return value_apply_modifier(type, is_explicit, evaluation->arena, result, evaluation->error);
}

MODIFIER(numeric, TYPE_NUMERIC, true)
MODIFIER(varchar, TYPE_VARCHAR, arguments[2].integer)
MODIFIER(bpchar, TYPE_BPCHAR, arguments[2].integer)
MODIFIER(timestamp, TYPE_TIMESTAMP, true)
MODIFIER(timestamptz, TYPE_TIMESTAMPTZ, true)

const struct function cast_functions[] = {
    PURE("bool", boolean_from_int4, BOOLEAN, 1, INT4),
    PURE("bool", boolean_from_text, BOOLEAN, 1, TEXT),
    PURE("int2", int2_from_integer, INT2, 1, INT4),
    PURE("int2", int2_from_integer, INT2, 1, INT8),
    PURE("int2", int2_from_float8, INT2, 1, FLOAT8),
    PURE("int2", int2_from_numeric, INT2, 1, NUMERIC),
    PURE("int2", int2_from_text, INT2, 1, TEXT),
    PURE("int4", integer_same, INT4, 1, INT2),
    PURE("int4", integer_same, INT4, 1, BOOLEAN),
    PURE("int4", int4_from_oid, INT4, 1, OID),
    PURE("int4", int4_from_integer, INT4, 1, INT8),
    PURE("int4", int4_from_float8, INT4, 1, FLOAT8),
    PURE("int4", int4_from_numeric, INT4, 1, NUMERIC),
    PURE("int4", int4_from_char1, INT4, 1, CHAR1),
    PURE("int4", int4_from_text, INT4, 1, TEXT),
    PURE("int8", integer_same, INT8, 1, INT2),
    PURE("int8", integer_same, INT8, 1, INT4),
    PURE("int8", integer_same, INT8, 1, OID),
    PURE("int8", int8_from_float8, INT8, 1, FLOAT8),
    PURE("int8", int8_from_numeric, INT8, 1, NUMERIC),
    PURE("int8", int8_from_text, INT8, 1, TEXT),
    PURE("float8", float8_from_integer, FLOAT8, 1, INT2),
    PURE("float8", float8_from_integer, FLOAT8, 1, INT4),
    PURE("float8", float8_from_integer, FLOAT8, 1, INT8),
    PURE("float8", float8_from_numeric, FLOAT8, 1, NUMERIC),
    PURE("float8", float8_from_text, FLOAT8, 1, TEXT),
    PURE("numeric", numeric_from_integer, NUMERIC, 1, INT2),
    PURE("numeric", numeric_from_integer, NUMERIC, 1, INT4),
    PURE("numeric", numeric_from_integer, NUMERIC, 1, INT8),
    PURE("numeric", numeric_from_double, NUMERIC, 1, FLOAT8),
    PURE("numeric", decimal_from_text, NUMERIC, 1, TEXT),
    PURE("numeric", numeric_modifier, NUMERIC, 2, NUMERIC, INT4),
    PURE("text", text_from_boolean, TEXT, 1, BOOLEAN),
    PURE("text", text_from_int8, TEXT, 1, INT2),
    PURE("text", text_from_int8, TEXT, 1, INT4),
    PURE("text", text_from_int8, TEXT, 1, INT8),
    PURE("text", text_from_float8, TEXT, 1, FLOAT8),
    PURE("text", text_from_numeric, TEXT, 1, NUMERIC),
    PURE("text", text_from_bpchar, TEXT, 1, BPCHAR),
    PURE("text", text_from_timestamp, TEXT, 1, TIMESTAMP),
    STABLE("text", text_from_timestamptz, TEXT, 1, TIMESTAMPTZ),
    PURE("text", text_from_oid, TEXT, 1, OID),
    PURE("text", integer_same, TEXT, 1, NAME),
    PURE("text", text_from_char1, TEXT, 1, CHAR1),
    PURE("text", integer_same, TEXT, 1, TEXT),
    PURE("varchar", varchar_modifier, VARCHAR, 3, VARCHAR, INT4, BOOLEAN),
    PURE("bpchar", bpchar_modifier, BPCHAR, 3, BPCHAR, INT4, BOOLEAN),
    STABLE("timestamp", timestamp_from_timestamptz, TIMESTAMP, 1, TIMESTAMPTZ),
    STABLE("timestamp", timestamp_from_text, TIMESTAMP, 1, TEXT),
    PURE("timestamp", timestamp_modifier, TIMESTAMP, 2, TIMESTAMP, INT4),
    STABLE("timestamptz", timestamptz_from_timestamp, TIMESTAMPTZ, 1, TIMESTAMP),
    STABLE("timestamptz", timestamptz_from_text, TIMESTAMPTZ, 1, TEXT),
    PURE("timestamptz", timestamptz_modifier, TIMESTAMPTZ, 2, TIMESTAMPTZ, INT4),
    PURE("oid", integer_same, OID, 1, INT2),
    PURE("oid", oid_from_int4, OID, 1, INT4),
    PURE("oid", oid_from_int8, OID, 1, INT8),
    PURE("oid", oid_from_text, OID, 1, TEXT),
    PURE("name", name_from_text, NAME, 1, TEXT),
    PURE("name", name_from_bpchar, NAME, 1, BPCHAR),
    PURE("name", name_from_boolean, NAME, 1, BOOLEAN),
    PURE("char", char1_from_text, CHAR1, 1, TEXT),
    PURE("char", char1_from_int4, CHAR1, 1, INT4),
    {0},
};

// ---- which casts there are ----

// i, a, e: implicit, on assignment, explicit, as pg_cast has them. Small letters have a function, capitals take
// the bytes as they are. Rows: from; columns: to; both in the order of enum type_id from TYPE_BOOLEAN to TYPE_CHAR1.
static const char *const cast_matrix[] = {
    //            b248fntvc.zonC
    [TYPE_BOOLEAN]     = "  e   aaa     ",
    [TYPE_INT2]        = "  iiii     i  ",
    [TYPE_INT4]        = "ea iii     i e",
    [TYPE_INT8]        = " aa ii     i  ",
    [TYPE_FLOAT8]      = " aaa a        ",
    [TYPE_NUMERIC]     = " aaai         ",
    [TYPE_TEXT]        = "       II   ia",
    [TYPE_VARCHAR]     = "      I I   ia",
    [TYPE_BPCHAR]      = "      ii    ia",
    [TYPE_TIMESTAMP]   = "          i   ",
    [TYPE_TIMESTAMPTZ] = "         a    ",
    [TYPE_OID]         = "  aa          ",
    [TYPE_NAME]        = "      iaa     ",
    [TYPE_CHAR1]       = "  e   iaa     ",
};

// The same for types that are not in the matrix.
static const struct {
  enum type_id from, to;
  char kind;
} other_casts[] = {
    {TYPE_JSON, TYPE_JSONB, 'a'},    {TYPE_JSONB, TYPE_JSON, 'a'}, {TYPE_JSONB, TYPE_BOOLEAN, 'e'},
    {TYPE_JSONB, TYPE_NUMERIC, 'e'}, {TYPE_JSONB, TYPE_INT2, 'e'}, {TYPE_JSONB, TYPE_INT4, 'e'},
    {TYPE_JSONB, TYPE_INT8, 'e'},    {TYPE_JSONB, TYPE_FLOAT4, 'e'}, {TYPE_JSONB, TYPE_FLOAT8, 'e'},
    {TYPE_INT2, TYPE_FLOAT4, 'i'},       {TYPE_INT4, TYPE_FLOAT4, 'i'},     {TYPE_INT8, TYPE_FLOAT4, 'i'},
    {TYPE_NUMERIC, TYPE_FLOAT4, 'i'},    {TYPE_FLOAT8, TYPE_FLOAT4, 'a'},   {TYPE_FLOAT4, TYPE_FLOAT8, 'i'},
    {TYPE_FLOAT4, TYPE_INT2, 'a'},       {TYPE_FLOAT4, TYPE_INT4, 'a'},     {TYPE_FLOAT4, TYPE_INT8, 'a'},
    {TYPE_FLOAT4, TYPE_NUMERIC, 'a'},    {TYPE_DATE, TYPE_TIMESTAMP, 'i'},  {TYPE_DATE, TYPE_TIMESTAMPTZ, 'i'},
    {TYPE_TIMESTAMP, TYPE_DATE, 'a'},    {TYPE_TIMESTAMP, TYPE_TIME, 'a'},  {TYPE_TIMESTAMPTZ, TYPE_DATE, 'a'},
    {TYPE_TIMESTAMPTZ, TYPE_TIME, 'a'},  {TYPE_TIMESTAMPTZ, TYPE_TIMETZ, 'a'}, {TYPE_TIME, TYPE_INTERVAL, 'i'},
    {TYPE_BIT, TYPE_VARBIT, 'I'},        {TYPE_VARBIT, TYPE_BIT, 'I'},       {TYPE_INT4, TYPE_BIT, 'e'},
    {TYPE_INT8, TYPE_BIT, 'e'},          {TYPE_BIT, TYPE_INT4, 'e'},         {TYPE_BIT, TYPE_INT8, 'e'},
    {TYPE_TIME, TYPE_TIMETZ, 'i'},       {TYPE_TIMETZ, TYPE_TIME, 'a'},     {TYPE_INTERVAL, TYPE_TIME, 'a'},
};

static char cast_kind(enum type_id from, enum type_id to)
{
  if (type_is_array(from) || type_is_array(to)) // to and from text alone
    return ' ';
  if (from <= TYPE_CHAR1 && to <= TYPE_CHAR1)
    return cast_matrix[from][to - TYPE_BOOLEAN];
  for (size_t i = 0; i < sizeof other_casts / sizeof *other_casts; i++)
    if (other_casts[i].from == from && other_casts[i].to == to)
      return other_casts[i].kind;
  return ' ';
}

static const struct function *const cast_tables[] = {cast_functions,      json_cast_functions, time_cast_functions,
                                                     real_cast_functions, binary_cast_functions, bits_cast_functions, NULL};

static bool is_string(enum type_id type)
{
  return type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR || type == TYPE_NAME;
}

// The one-argument function; string types share text's.
static const struct function *cast_function(enum type_id from, enum type_id to)
{
  enum type_id source = is_string(from) && from != TYPE_BPCHAR && from != TYPE_NAME ? TYPE_TEXT : from;
  enum type_id target = to == TYPE_VARCHAR || to == TYPE_BPCHAR ? TYPE_TEXT : to;
  if (from == TYPE_BPCHAR && to == TYPE_NAME)
    source = TYPE_BPCHAR;
  else if (is_string(from) && (!is_string(to) || to == TYPE_NAME))
    source = TYPE_TEXT;
  if (type_is_composite(to) || (type_is_array(to) && type_is_composite(type_element(to))))
    return &read_row_function;
  if (type_is_array(from) || type_is_array(to) || type_is_row(from) || to == TYPE_RECORD)
    return is_string(to) ? &text_from_array_function : &array_from_text_function;
  if (type_is_enum(from))
    return &text_from_enum_function;
  if (type_is_enum(to))
    return &enum_from_text_function;
  if (to == TYPE_BIT && (from == TYPE_INT4 || from == TYPE_INT8))
    return &bit_from_integer_function;
  if (to == TYPE_NAME && !is_string(from) && from != TYPE_BOOLEAN)
    target = TYPE_TEXT; // the text form of anything else is short enough
  for (int t = 0; cast_tables[t]; t++)
    for (const struct function *row = cast_tables[t]; row->name; row++)
      if (row->argument_count == 1 && row->arguments[0] == source && row->result == target)
        return row;
  return NULL;
}

bool cast_find(enum type_id from, enum type_id to, enum cast_context context, const struct function **function)
{
  *function = NULL;
  if (from == to)
    return true;
  if (to == TYPE_UNKNOWN || type_is_pseudo(to) || type_is_pseudo(from) || to == TYPE_VOID || from == TYPE_VOID)
    return false;
  if (from == TYPE_RECORD && type_is_composite(to)) // column by column, as far as it is known how the record was made
    return true;
  if ((type_is_composite(from) && to == TYPE_RECORD) ||
      (type_is_array(from) && type_is_composite(type_element(from)) && to == TYPE_RECORD_ARRAY))
    return true;
  if (type_is_composite(from) && !is_string(to))
    return false;
  bool is_to_record = to == TYPE_RECORD || to == TYPE_RECORD_ARRAY; // NULL may become one
  if ((is_to_record && from != TYPE_UNKNOWN) || (from == TYPE_RECORD && !is_string(to)))
    return false;
  if (from == TYPE_UNKNOWN) {
    *function = cast_function(TYPE_TEXT, to);
    if (to == TYPE_TEXT || to == TYPE_VARCHAR || to == TYPE_BPCHAR)
      *function = NULL;
    return true;
  }
  if (type_is_array(from) && type_is_array(to)) { // as its elements are
    if (!cast_find(type_element(from), type_element(to), context, function))
      return false;
    *function = &array_cast_function;
    return true;
  }
  char kind = cast_kind(from, to);
  enum cast_context needed = kind == 'i' || kind == 'I' ? CAST_IMPLICIT : kind == 'a' ? CAST_ASSIGNMENT : CAST_EXPLICIT;
  if (kind == ' ') {
    if (is_string(to))
      needed = CAST_ASSIGNMENT;
    else if (!is_string(from))
      return false;
  }
  if (context < needed)
    return false;
  if (kind != 'I')
    *function = cast_function(from, to);
  return kind == 'I' || *function;
}

// ---- wrapping nodes ----

static struct node *no_memory(struct error *error)
{
  (void)!error_memory(error);
  return NULL;
}

static struct node *relabel(const struct node *node, struct type to, struct arena *arena, struct error *error)
{
  struct node *copy = ARENA_NEW(arena, struct node);
  if (!copy)
    return no_memory(error);
  *copy = *node;
  copy->type = to;
  return copy;
}

// A call, computed at once where its arguments are constants and it does not fail.
static struct node *call(const struct function *function, struct type type, struct node *const *arguments, int count,
                         struct arena *arena, struct error *error)
{
  struct node *node = node_new(arena, NODE_CALL, type, arguments[0]->position, arguments, count);
  if (!node)
    return no_memory(error);
  node->function = function;
  if (arguments[0]->kind != NODE_CONSTANT)
    return node;
  const struct program *program = program_compile(node, arena, error);
  if (!program)
    return NULL;
  if (!program->is_constant)
    return node;
  struct node *constant = node_constant(arena, type, program->constant, node->position);
  return constant ? constant : no_memory(error);
}

static const struct function *modifier_function(enum type_id type)
{
  if (type_is_array(type))
    return modifier_function(type_element(type)) ? &array_modifier_function : NULL;
  for (int t = 0; cast_tables[t]; t++)
    for (const struct function *row = cast_tables[t]; row->name; row++)
      if (row->argument_count > 1 && row->arguments[0] == type)
        return row;
  return NULL;
}

static struct node *apply_modifier(struct node *node, struct type to, enum cast_context context, struct arena *arena,
                                   struct error *error)
{
  const struct function *function = to.modifier >= 0 ? modifier_function(to.id) : NULL;
  if (!function || node->type.modifier == to.modifier)
    return node;
  struct node *arguments[3] = {
      node,
      node_constant(arena, type_plain(TYPE_INT4), value_integer(to.modifier), -1),
      node_constant(arena, type_plain(TYPE_BOOLEAN), value_boolean(context == CAST_EXPLICIT), -1),
  };
  if (!arguments[1] || !arguments[2])
    return no_memory(error);
  return call(function, to, arguments, function->argument_count, arena, error);
}

// Does the text tell of a time by its distance from now? Then it is read when the statement runs.
static bool tells_of_now(enum type_id type, struct bytes text)
{
  static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
  if (type_info(type_is_array(type) ? type_element(type) : type)->category != 'D')
    return false;
  for (size_t i = 0; i < text.size; i++)
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
      size_t size = strlen(words[w]);
      if (text.size - i >= size && strncasecmp((const char *)text.data + i, words[w], size) == 0)
        return true;
    }
  return false;
}

// A literal whose type was not known: read as the type. Its modifier is a function as anywhere else, so that what it
// refuses has no position, as in PostgreSQL.
static struct node *read_literal(const struct node *node, struct type to, enum cast_context context,
                                 struct arena *arena, const struct format_settings *settings, struct error *error)
{
  struct value value = node->constant;
  if (!value.is_null) {
    // What a bare number in an interval counts is the modifier's to say.
    int status = value_from_text(to.id == TYPE_INTERVAL ? to : type_plain(to.id), bytes_of_value(&node->constant),
                                 settings ? settings : &format_settings_default, arena, &value, error);
    if (status == STATUS_OK && !value_copy(to.id, &value, arena))
      status = error_memory(error);
    if (status != STATUS_OK) {
      error_position(error, node->position + 1);
      return NULL;
    }
  }
  if (!value.is_null && tells_of_now(to.id, bytes_of_value(&node->constant))) {
    struct node *text = relabel(node, type_plain(TYPE_TEXT), arena, error);
    struct node *read = text ? call(cast_function(TYPE_TEXT, to.id), type_plain(to.id), &text, 1, arena, error) : NULL;
    return read ? apply_modifier(read, to, context, arena, error) : NULL;
  }
  struct node *constant = node_constant(arena, type_plain(to.id), value, node->position);
  if (constant)
    constant->is_quoted = true;
  return constant ? apply_modifier(constant, to, context, arena, error) : no_memory(error);
}

// To an enum or an array of enums: what the enum has for values goes into the call.
static struct node *cast_to_enum(struct node *node, struct type to, struct arena *arena, const struct user_types *types,
                                 struct error *error)
{
  bool is_array = type_is_array(to.id);
  enum type_id id = is_array ? type_element(to.id) : to.id;
  const struct enum_type *type = types ? types->find(types->context, type_oid(id)) : NULL;
  if (!type) {
    (void)!error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", type_oid(id));
    return NULL;
  }
  if (is_array && !type_is_array(node->type.id))
    node = call(&array_from_text_function, type_plain(TYPE_TEXT_ARRAY), &node, 1, arena, error);
  const char *name = arena_string(arena, type_shown(id, types).text);
  struct value values;
  if (!node || !name)
    return node ? no_memory(error) : NULL;
  if (enum_all(id, type, arena, &values, error))
    return NULL;
  struct node *arguments[3] = {
      node,
      node_constant(arena, type_plain(type_array(id)), values, -1),
      node_constant(arena, type_plain(TYPE_TEXT), value_string(name), -1),
  };
  if (!arguments[1] || !arguments[2])
    return no_memory(error);
  return call(is_array ? &array_cast_function : &enum_from_text_function, to, arguments, 3, arena, error);
}

static struct node *no_row(const struct node *node, enum type_id to, const struct user_types *types, struct error *error)
{
  (void)!error_set(error, SQLSTATE_CANNOT_COERCE, "cannot cast type %s to %s", type_shown(node->type.id, types).text,
                   type_shown(to, types).text);
  error_position(error, node->position + 1);
  return NULL;
}

// ROW(…), or the row of a query in FROM, as a row of a type: the names become the type's, the values are cast.
static struct node *cast_row(struct node *node, struct type to, enum cast_context context, struct arena *arena,
                             const struct format_settings *settings, struct error *error)
{
  const struct user_types *types = settings ? settings->types : NULL;
  const struct row_type *row = types ? types->find_row(types->context, type_object(to.id)) : NULL;
  bool is_made = node->kind == NODE_CALL &&
                 (node->function == &record_function || node->function == &whole_record_function);
  if (!row || !is_made)
    return no_row(node, to.id, types, error);
  int count = node->argument_count / 2;
  if (count != row->count) {
    (void)no_row(node, to.id, types, error);
    error_detail(error, count < row->count ? "Input has too few columns." : "Input has too many columns.");
    return NULL;
  }
  struct node *made = node_new(arena, NODE_CALL, to, node->position, node->arguments, node->argument_count);
  if (!made)
    return no_memory(error);
  made->function = node->function;
  for (int i = 0; i < count; i++) {
    const struct row_column *column = &row->columns[i];
    struct node *own = node->arguments[2 * i + 1];
    const struct function *function;
    if (own->type.id != column->type.id && !cast_find(own->type.id, column->type.id, context, &function)) {
      (void)no_row(node, to.id, types, error);
      error_detail(error, "Cannot cast type %s to %s in column %d.", type_shown(own->type.id, types).text,
                   type_shown(column->type.id, types).text, i + 1);
      return NULL;
    }
    const char *name = arena_string(arena, column->name);
    made->arguments[2 * i] = name ? node_constant(arena, type_plain(TYPE_TEXT), value_string(name), -1) : NULL;
    if (!made->arguments[2 * i])
      return no_memory(error);
    if (!(made->arguments[2 * i + 1] = cast_node(own, column->type, context, arena, settings, error)))
      return NULL;
  }
  return made;
}

static struct node *read_row(struct node *node, struct type to, struct arena *arena,
                             const struct format_settings *settings, struct error *error)
{
  struct node *made = node_new(arena, NODE_CALL, to, node->position, &node, 1);
  if (!made)
    return no_memory(error);
  made->function = &read_row_function;
  return types_keep(to.id, settings ? settings->types : NULL, arena, &made->types, error) ? NULL : made;
}

// A number's last bits, as many as the type has.
static struct node *cast_to_bits(struct node *node, struct type to, struct arena *arena, struct error *error)
{
  struct node *arguments[2] = {node, node_constant(arena, type_plain(TYPE_INT4), value_integer(to.modifier), -1)};
  return arguments[1] ? call(&bit_from_integer_function, to, arguments, 2, arena, error) : no_memory(error);
}

struct node *cast_node(struct node *node, struct type to, enum cast_context context, struct arena *arena,
                       const struct format_settings *settings, struct error *error)
{
  enum type_id from = node->type.id;
  const struct function *function;
  if (from == to.id)
    return apply_modifier(node, to, context, arena, error);
  if (!cast_find(from, to.id, context, &function)) {
    const struct user_types *types = settings ? settings->types : NULL;
    (void)!error_set(error, SQLSTATE_CANNOT_COERCE, "cannot cast type %s to %s", type_shown(from, types).text,
                     type_shown(to.id, types).text);
    error_position(error, node->position + 1);
    return NULL;
  }
  if (from == TYPE_UNKNOWN && node->kind == NODE_CONSTANT)
    return read_literal(node, to, context, arena, settings, error);
  struct node *cast;
  bool is_loose = from == TYPE_UNKNOWN && node->kind == NODE_PARAMETER;
  if (function == &bit_from_integer_function)
    return cast_to_bits(node, to, arena, error);
  if (from == TYPE_RECORD && type_is_composite(to.id))
    return cast_row(node, to, context, arena, settings, error);
  if (function == &read_row_function && !is_loose)
    return read_row(node, to, arena, settings, error);
  if (!function && node->kind == NODE_CALL && node->types) // it reads what its own type says
    cast = call(&record_of_row_function, type_plain(to.id), &node, 1, arena, error);
  else if (!function || is_loose)
    cast = relabel(node, type_plain(to.id), arena, error);
  else if (type_is_enum(type_is_array(to.id) ? type_element(to.id) : to.id))
    cast = cast_to_enum(node, type_plain(to.id), arena, settings ? settings->types : NULL, error);
  else
    cast = call(function, type_plain(to.id), &node, 1, arena, error);
  return cast ? apply_modifier(cast, to, context, arena, error) : NULL;
}
