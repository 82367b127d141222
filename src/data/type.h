// The types of values. A type is known to clients by PostgreSQL's object id.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// These numbers are in catalog rows on disk: only ever add at the end.
enum type_id {
  TYPE_UNKNOWN = 0, // a literal or parameter whose type is not yet known; its value is text
  TYPE_BOOLEAN = 1,
  TYPE_INT2 = 2,
  TYPE_INT4 = 3,
  TYPE_INT8 = 4,
  TYPE_FLOAT8 = 5,
  TYPE_NUMERIC = 6,
  TYPE_TEXT = 7,
  TYPE_VARCHAR = 8,
  TYPE_BPCHAR = 9, // char(n)
  TYPE_TIMESTAMP = 10,
  TYPE_TIMESTAMPTZ = 11,
  TYPE_OID = 12,    // object ids, in system tables
  TYPE_NAME = 13,   // identifiers, in system tables
  TYPE_CHAR1 = 14,  // PostgreSQL's "char", in system tables
  TYPE_VOID = 15,
  TYPE_TEXT_ARRAY = 16, // arrays: data/array.h
  TYPE_JSON = 17,  // text that was read as JSON
  TYPE_JSONB = 18, // data/jsonb.h
  TYPE_FLOAT4 = 19,   // real: a float8 that is a float
  TYPE_BYTEA = 20,
  TYPE_DATE = 21,     // data/datetime.h
  TYPE_TIME = 22,
  TYPE_TIMETZ = 23,
  TYPE_INTERVAL = 24, // data/interval.h
  TYPE_UUID = 25,     // 16 bytes
  TYPE_BOOLEAN_ARRAY = 26,
  TYPE_INT2_ARRAY = 27,
  TYPE_INT4_ARRAY = 28,
  TYPE_INT8_ARRAY = 29,
  TYPE_FLOAT8_ARRAY = 30,
  TYPE_NUMERIC_ARRAY = 31,
  TYPE_VARCHAR_ARRAY = 32,
  TYPE_BPCHAR_ARRAY = 33,
  TYPE_TIMESTAMP_ARRAY = 34,
  TYPE_TIMESTAMPTZ_ARRAY = 35,
  TYPE_OID_ARRAY = 36,
  TYPE_NAME_ARRAY = 37,
  TYPE_CHAR1_ARRAY = 38,
  TYPE_JSON_ARRAY = 39,
  TYPE_JSONB_ARRAY = 40,
  TYPE_FLOAT4_ARRAY = 41,
  TYPE_BYTEA_ARRAY = 42,
  TYPE_DATE_ARRAY = 43,
  TYPE_TIME_ARRAY = 44,
  TYPE_TIMETZ_ARRAY = 45,
  TYPE_INTERVAL_ARRAY = 46,
  TYPE_UUID_ARRAY = 47,
  TYPE_JSONPATH = 48, // data/jsonpath.h
  TYPE_JSONPATH_ARRAY = 49,
  TYPE_INT2_VECTOR = 50, // an array that begins at 0 and is written "1 2", in system tables
  TYPE_RECORD = 51, // data/record.h; no column has it
  TYPE_RECORD_ARRAY = 52,
  TYPE_BIT = 53, // data/bits.h
  TYPE_VARBIT = 54,
  TYPE_BIT_ARRAY = 55,
  TYPE_VARBIT_ARRAY = 56,
  TYPE_COUNT,
  // What stands for several types in the tables of functions (expr/function.h); no value has it.
  TYPE_ANY = TYPE_COUNT,
  TYPE_ANY_NONARRAY,
  TYPE_ANY_ARRAY,
  TYPE_ANY_ELEMENT,
  TYPE_LIKE_ARRAY,
  TYPE_LIKE_ELEMENT,
  TYPE_ANY_ENUM,
  // Types made by users. An enum's number is its object id; of rows (composite types, and those of tables and views) it is
  // that of what has the columns, and a bit; that of arrays of either has one more bit. What it is made of, and its name,
  // are the catalog's to say (struct user_types).
  TYPE_USER_FIRST = 16384,
  TYPE_USER_ROW = 0x20000000,
  TYPE_USER_ARRAY = 0x40000000,
};

// How a value lies in struct value and in rows.
enum type_storage {
  STORAGE_INTEGER, // value.integer; 1, 2, 4 or 8 bytes in rows
  STORAGE_FLOAT,   // value.float8; 8 bytes in rows, 4 of a real
  STORAGE_BYTES,   // value.data, value.size
};

struct type_info {
  const char *name;         // as PostgreSQL prints it: "integer", "timestamp with time zone"
  const char *short_name;   // as in pg_type: "int4", "timestamptz"
  uint32_t oid;             // PostgreSQL's
  int16_t wire_size;        // typlen on the wire: -1 for variable
  uint8_t row_size;         // bytes in the fixed part of a row; 0 for STORAGE_BYTES
  enum type_storage storage;
  char category;            // PostgreSQL's typcategory: 'B', 'N', 'S', 'D', 'T', 'U', 'X', 'A'
  bool preferred;           // of its category
  enum type_id element;     // of an array; TYPE_UNKNOWN: it is none
};

// A type with its modifier: n of varchar(n) and char(n) in characters, precision and scale of
// numeric ((precision << 16) | (scale & 0xffff)), digits of a time's second, interval_modifier; -1: none. An array's is
// its elements'.
// (What clients see as atttypmod is type_wire_modifier.)
struct type {
  enum type_id id;
  int32_t modifier;
};

// All enums share one, and so do all arrays of enums, all rows, all arrays of rows: their object ids are type_oid's to say,
// their names type_shown's.
const struct type_info *type_info(enum type_id id);
extern const struct type_info type_table[TYPE_COUNT];
static inline bool type_is_user(enum type_id id) { return id >= TYPE_USER_FIRST; }
// Do its values lie in bytes? What type_info says, for where every value asks.
static inline bool type_is_bytes(enum type_id id) { return type_is_user(id) || type_table[id].storage == STORAGE_BYTES; }
static inline bool type_is_enum(enum type_id id)
{
  return type_is_user(id) && !(id & (TYPE_USER_ARRAY | TYPE_USER_ROW));
}
// Is it of rows whose columns are known by a name? And: are its values records (data/record.h)?
static inline bool type_is_composite(enum type_id id)
{
  return type_is_user(id) && (id & (TYPE_USER_ARRAY | TYPE_USER_ROW)) == TYPE_USER_ROW;
}
static inline bool type_is_row(enum type_id id) { return id == TYPE_RECORD || type_is_composite(id); }
// The object in the catalog that says what a type made by a user is: the enum, the composite type, the table.
static inline uint32_t type_object(enum type_id id)
{
  return (uint32_t)id & ~(uint32_t)(TYPE_USER_ARRAY | TYPE_USER_ROW);
}
// Does it stand for several types?
static inline bool type_is_pseudo(enum type_id id) { return id >= TYPE_COUNT && id < TYPE_USER_FIRST; }
static inline uint32_t type_oid(enum type_id id) { return type_is_user(id) ? (uint32_t)id : type_info(id)->oid; }
// Do its values have an order, and equality? Others have no place in keys, groups and ORDER BY.
static inline bool type_is_ordered(enum type_id id)
{
  return id != TYPE_JSON && id != TYPE_JSON_ARRAY && id != TYPE_JSONPATH && id != TYPE_JSONPATH_ARRAY;
}
// The elements' type of an array; TYPE_UNKNOWN: it is none.
static inline enum type_id type_element(enum type_id id)
{
  return type_is_user(id) ? (id & TYPE_USER_ARRAY ? (enum type_id)(id ^ TYPE_USER_ARRAY) : TYPE_UNKNOWN)
                          : type_info(id)->element;
}
static inline bool type_is_array(enum type_id id) { return type_element(id) != TYPE_UNKNOWN; }
// The type of arrays of this one; TYPE_COUNT: there is none.
enum type_id type_array(enum type_id element);
// TYPE_COUNT when no type has this object id. Whether there is such a type of users is the catalog's to say.
enum type_id type_of_oid(uint32_t oid);
// By name as in SQL, lower case: "int4", "integer", "bigint", "float8", "varchar", "timestamptz", …
// TYPE_COUNT when there is none.
enum type_id type_of_name(const char *name);

// Who knows the types made by users: the catalog, at one version of it.
struct enum_type; // data/enum.h
struct row_type;  // data/record.h
struct user_types {
  void *context;
  // NULL: there is none. Lives as long as the version's definitions are not changed.
  const struct enum_type *(*find)(void *context, uint32_t oid);
  // The same of a type of rows.
  const struct row_type *(*find_row)(void *context, uint32_t oid);
  // As messages and format_type show it.
  void (*show)(void *context, uint32_t oid, char *text, int size);
};
// A type's name in messages, arrays with their brackets. types may be NULL.
struct type_shown {
  char text[200];
};
struct type_shown type_shown(enum type_id id, const struct user_types *types);

// PostgreSQL's atttypmod: n + 4 for strings, ((p << 16) | s) + 4 for numeric, -1 for none.
int32_t type_wire_modifier(struct type type);
// PostgreSQL's format_type: "character varying(10)", "numeric(10,2)". Writes at most size bytes. types may be NULL.
void type_format(struct type type, const struct user_types *types, char *text, int size);

static inline struct type type_plain(enum type_id id) { return (struct type){.id = id, .modifier = -1}; }
