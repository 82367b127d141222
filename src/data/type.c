// The table of types: names, object ids, how values lie in rows.
#include "data/type.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "data/interval.h"

#define ARRAY(element, name, short_name, oid)                                                       \
  [TYPE_##element##_ARRAY] = {name, short_name, oid, -1, 0, STORAGE_BYTES, 'A', false, TYPE_##element}
#define SCALAR(id, ...) [TYPE_##id] = {__VA_ARGS__, TYPE_UNKNOWN}

const struct type_info type_table[TYPE_COUNT] = {
  SCALAR(UNKNOWN, "unknown", "unknown", 705, -2, 0, STORAGE_BYTES, 'X', false),
  SCALAR(BOOLEAN, "boolean", "bool", 16, 1, 1, STORAGE_INTEGER, 'B', true),
  SCALAR(INT2, "smallint", "int2", 21, 2, 2, STORAGE_INTEGER, 'N', false),
  SCALAR(INT4, "integer", "int4", 23, 4, 4, STORAGE_INTEGER, 'N', false),
  SCALAR(INT8, "bigint", "int8", 20, 8, 8, STORAGE_INTEGER, 'N', false),
  SCALAR(FLOAT8, "double precision", "float8", 701, 8, 8, STORAGE_FLOAT, 'N', true),
  SCALAR(NUMERIC, "numeric", "numeric", 1700, -1, 0, STORAGE_BYTES, 'N', false),
  SCALAR(TEXT, "text", "text", 25, -1, 0, STORAGE_BYTES, 'S', true),
  SCALAR(VARCHAR, "character varying", "varchar", 1043, -1, 0, STORAGE_BYTES, 'S', false),
  SCALAR(BPCHAR, "character", "bpchar", 1042, -1, 0, STORAGE_BYTES, 'S', false),
  SCALAR(TIMESTAMP, "timestamp without time zone", "timestamp", 1114, 8, 8, STORAGE_INTEGER, 'D', false),
  SCALAR(TIMESTAMPTZ, "timestamp with time zone", "timestamptz", 1184, 8, 8, STORAGE_INTEGER, 'D', true),
  SCALAR(OID, "oid", "oid", 26, 4, 4, STORAGE_INTEGER, 'N', true),
  SCALAR(NAME, "name", "name", 19, 64, 0, STORAGE_BYTES, 'S', false),
  SCALAR(CHAR1, "\"char\"", "char", 18, 1, 0, STORAGE_BYTES, 'Z', false),
  SCALAR(VOID, "void", "void", 2278, 4, 0, STORAGE_BYTES, 'P', false),
  SCALAR(JSON, "json", "json", 114, -1, 0, STORAGE_BYTES, 'U', false),
  SCALAR(JSONB, "jsonb", "jsonb", 3802, -1, 0, STORAGE_BYTES, 'U', false),
  SCALAR(FLOAT4, "real", "float4", 700, 4, 4, STORAGE_FLOAT, 'N', false),
  SCALAR(BYTEA, "bytea", "bytea", 17, -1, 0, STORAGE_BYTES, 'U', false),
  SCALAR(DATE, "date", "date", 1082, 4, 4, STORAGE_INTEGER, 'D', false),
  SCALAR(TIME, "time without time zone", "time", 1083, 8, 8, STORAGE_INTEGER, 'D', false),
  SCALAR(TIMETZ, "time with time zone", "timetz", 1266, 12, 0, STORAGE_BYTES, 'D', false),
  SCALAR(INTERVAL, "interval", "interval", 1186, 16, 0, STORAGE_BYTES, 'T', true),
  SCALAR(UUID, "uuid", "uuid", 2950, 16, 0, STORAGE_BYTES, 'U', false),
  SCALAR(JSONPATH, "jsonpath", "jsonpath", 4072, -1, 0, STORAGE_BYTES, 'U', false),
  ARRAY(TEXT, "text[]", "_text", 1009),
  ARRAY(BOOLEAN, "boolean[]", "_bool", 1000),
  ARRAY(INT2, "smallint[]", "_int2", 1005),
  ARRAY(INT4, "integer[]", "_int4", 1007),
  ARRAY(INT8, "bigint[]", "_int8", 1016),
  ARRAY(FLOAT8, "double precision[]", "_float8", 1022),
  ARRAY(NUMERIC, "numeric[]", "_numeric", 1231),
  ARRAY(VARCHAR, "character varying[]", "_varchar", 1015),
  ARRAY(BPCHAR, "character[]", "_bpchar", 1014),
  ARRAY(TIMESTAMP, "timestamp without time zone[]", "_timestamp", 1115),
  ARRAY(TIMESTAMPTZ, "timestamp with time zone[]", "_timestamptz", 1185),
  ARRAY(OID, "oid[]", "_oid", 1028),
  ARRAY(NAME, "name[]", "_name", 1003),
  ARRAY(CHAR1, "\"char\"[]", "_char", 1002),
  ARRAY(JSON, "json[]", "_json", 199),
  ARRAY(JSONB, "jsonb[]", "_jsonb", 3807),
  ARRAY(FLOAT4, "real[]", "_float4", 1021),
  ARRAY(BYTEA, "bytea[]", "_bytea", 1001),
  ARRAY(DATE, "date[]", "_date", 1182),
  ARRAY(TIME, "time without time zone[]", "_time", 1183),
  ARRAY(TIMETZ, "time with time zone[]", "_timetz", 1270),
  ARRAY(INTERVAL, "interval[]", "_interval", 1187),
  ARRAY(UUID, "uuid[]", "_uuid", 2951),
  ARRAY(JSONPATH, "jsonpath[]", "_jsonpath", 4073),
  SCALAR(RECORD, "record", "record", 2249, -1, 0, STORAGE_BYTES, 'P', false),
  ARRAY(RECORD, "record[]", "_record", 2287),
  SCALAR(BIT, "bit", "bit", 1560, -1, 0, STORAGE_BYTES, 'V', false),
  SCALAR(VARBIT, "bit varying", "varbit", 1562, -1, 0, STORAGE_BYTES, 'V', true),
  ARRAY(BIT, "bit[]", "_bit", 1561),
  ARRAY(VARBIT, "bit varying[]", "_varbit", 1563),
  [TYPE_INT2_VECTOR] = {"int2vector", "int2vector", 22, -1, 0, STORAGE_BYTES, 'A', false, TYPE_INT2},
};

// Names beside the two that each type has in the table. "char" is PostgreSQL's one-byte type: its
// grammar turns the keyword CHAR into bpchar before anyone looks a name up.
static const struct {
  const char *name;
  enum type_id id;
} type_aliases[] = {
  {"int", TYPE_INT4},          {"float", TYPE_FLOAT8},         {"decimal", TYPE_NUMERIC},
  {"dec", TYPE_NUMERIC},       {"timestamp", TYPE_TIMESTAMP},  {"timestamptz", TYPE_TIMESTAMPTZ},
};

static const struct type_info enum_info = {"enum", "enum", 0, 4, 0, STORAGE_BYTES, 'E', false, TYPE_UNKNOWN};
static const struct type_info enum_array_info = {"enum[]", "_enum", 0, -1, 0, STORAGE_BYTES, 'A', false, TYPE_ANY_ENUM};
static const struct type_info row_info = {"row", "row", 0, -1, 0, STORAGE_BYTES, 'C', false, TYPE_UNKNOWN};
static const struct type_info row_array_info = {"row[]", "_row", 0, -1, 0, STORAGE_BYTES, 'A', false, TYPE_RECORD};

const struct type_info *type_info(enum type_id id)
{
  if (type_is_user(id))
    return id & TYPE_USER_ROW ? id & TYPE_USER_ARRAY ? &row_array_info : &row_info
                              : id & TYPE_USER_ARRAY ? &enum_array_info : &enum_info;
  CHECK((unsigned)id < TYPE_COUNT);
  return &type_table[id];
}

enum type_id type_of_oid(uint32_t oid)
{
  if (type_object((enum type_id)oid) >= TYPE_USER_FIRST && oid < 2 * (uint32_t)TYPE_USER_ARRAY)
    return (enum type_id)oid;
  for (int i = 0; i < TYPE_COUNT; i++)
    if (type_table[i].oid == oid)
      return (enum type_id)i;
  return TYPE_COUNT;
}

enum type_id type_of_name(const char *name)
{
  for (int i = 0; i < TYPE_COUNT; i++)
    if (strcmp(type_table[i].name, name) == 0 || strcmp(type_table[i].short_name, name) == 0)
      return (enum type_id)i;
  for (size_t i = 0; i < sizeof type_aliases / sizeof *type_aliases; i++)
    if (strcmp(type_aliases[i].name, name) == 0)
      return type_aliases[i].id;
  return TYPE_COUNT;
}

enum type_id type_array(enum type_id element)
{
  if (type_is_user(element))
    return element & TYPE_USER_ARRAY ? TYPE_COUNT : (enum type_id)(element | TYPE_USER_ARRAY);
  for (int i = 0; i < TYPE_COUNT; i++)
    if (element != TYPE_UNKNOWN && type_table[i].element == element)
      return (enum type_id)i;
  return TYPE_COUNT;
}

int32_t type_wire_modifier(struct type type)
{
  if (type.modifier < 0)
    return -1;
  switch (type_is_array(type.id) ? type_element(type.id) : type.id) {
  case TYPE_VARCHAR:
  case TYPE_BPCHAR:
    return type.modifier + 4;
  case TYPE_NUMERIC: // PostgreSQL keeps the scale in 11 bits
    return ((type.modifier & ~0xffff) | (type.modifier & 0x7ff)) + 4;
  default:
    return type.modifier;
  }
}

static void format_interval(int32_t modifier, char *text, int size)
{
  const char *fields = interval_fields_name(modifier);
  char digits[16] = "";
  if ((modifier & 0xffff) != INTERVAL_ALL_DIGITS)
    snprintf(digits, sizeof digits, "(%d)", modifier & 0xffff);
  snprintf(text, (size_t)size, "interval%s%s%s", fields ? " " : "", fields ? fields : "", digits);
}

struct type_shown type_shown(enum type_id id, const struct user_types *types)
{
  struct type_shown shown;
  type_format(type_plain(id), types, shown.text, sizeof shown.text);
  return shown;
}

void type_format(struct type type, const struct user_types *types, char *text, int size)
{
  const struct type_info *info = type_info(type.id);
  if (type_is_array(type.id) && type.id != TYPE_INT2_VECTOR) {
    type_format((struct type){.id = type_element(type.id), .modifier = type.modifier}, types, text, size);
    size_t used = strlen(text);
    snprintf(text + used, (size_t)size - used, "[]");
  } else if (type_is_user(type.id) && types)
    types->show(types->context, type_oid(type.id), text, size);
  else if (type.modifier < 0)
    snprintf(text, (size_t)size, "%s", info->name);
  else if (type.id == TYPE_VARCHAR || type.id == TYPE_BPCHAR || type.id == TYPE_BIT || type.id == TYPE_VARBIT)
    snprintf(text, (size_t)size, "%s(%d)", info->name, type.modifier);
  else if (type.id == TYPE_NUMERIC)
    snprintf(text, (size_t)size, "%s(%d,%d)", info->name, type.modifier >> 16, (int16_t)(type.modifier & 0xffff));
  else if (type.id == TYPE_TIMESTAMP || type.id == TYPE_TIMESTAMPTZ)
    snprintf(text, (size_t)size, "timestamp(%d)%s", type.modifier, info->name + strlen("timestamp"));
  else if (type.id == TYPE_TIME || type.id == TYPE_TIMETZ)
    snprintf(text, (size_t)size, "time(%d)%s", type.modifier, info->name + strlen("time"));
  else if (type.id == TYPE_INTERVAL)
    format_interval(type.modifier, text, size);
  else
    snprintf(text, (size_t)size, "%s", info->name);
}
