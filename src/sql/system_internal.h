// What the files system_*.c share; for them alone.
#pragma once

#include "base/sqlstate.h"
#include "expr/function.h"
#include "sql/system.h"

enum {
  OID_DATABASE = 5,
  OID_HEAP = 2,
  OID_BTREE = 403,
  OID_TABLESPACE = 1663,
  OID_COLLATION = 100,
  OID_COLLATION_C = 950
};
enum { SYSTEM_COLUMNS_MAXIMUM = 64 };

// Each file's tables; a row without a name ends them.
extern const struct system_table catalog_tables[];
extern const struct system_table server_tables[];
extern const struct system_table type_tables[];
extern const struct system_table schema_tables[];
extern const struct system_table constraint_tables[];
extern const struct system_table sequence_tables[];
extern const struct system_table quern_tables[];
extern const struct system_table role_tables[];
extern const struct system_table operator_tables[];
extern const struct system_table proc_tables[];
extern const struct system_table monitor_tables[];

// A table's row of the list: SYSTEM_TABLE(oid, schema, name, columns, rows)
#define SYSTEM_TABLE(oid, schema, name, columns, rows) \
  { \
    oid, schema, name, columns, sizeof(columns) / sizeof(columns)[0], rows \
  }
// Short names for the columns of the tables.
#define C_BOOL(name) \
  { \
    name, TYPE_BOOLEAN \
  }
#define C_INT2(name) \
  { \
    name, TYPE_INT2 \
  }
#define C_INT4(name) \
  { \
    name, TYPE_INT4 \
  }
#define C_INT8(name) \
  { \
    name, TYPE_INT8 \
  }
#define C_FLOAT(name) \
  { \
    name, TYPE_FLOAT8 \
  }
#define C_TEXT(name) \
  { \
    name, TYPE_TEXT \
  }
#define C_TIME(name) \
  { \
    name, TYPE_TIMESTAMPTZ \
  }
#define C_OID(name) \
  { \
    name, TYPE_OID \
  }
#define C_NAME(name) \
  { \
    name, TYPE_NAME \
  }
#define C_CHAR(name) \
  { \
    name, TYPE_CHAR1 \
  }
#define C_ARRAY(name) \
  { \
    name, TYPE_TEXT_ARRAY \
  }

// The object id of a type of the tables of functions, pseudo-types included.
uint32_t system_type_oid(enum type_id type);
// A value of the type from its text; NULL: out of memory.
struct value system_array(struct row_sink *sink, enum type_id type, const struct buffer *text);
// Adds a row of the table.
int system_add(const struct system_table *table, struct row_sink *sink, const struct value *values,
               struct error *error);
// Those that whoever runs the engine has (system_context.figures).
int system_figures(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                   struct error *error);
int system_no_rows(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                   struct error *error);
// Texts that only live until the row was added.
struct value system_text(struct row_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline struct value text_or_null(const char *text)
{
  return text ? value_string(text) : value_null();
}
static inline struct value truth(bool flag)
{
  return value_boolean(flag);
}
static inline struct value number(int64_t v)
{
  return value_integer(v);
}

// --- system_name.c: objects by number and name, and their definitions as SQL
// An object of pg_class: a relation, an index of one, or a system table.
struct system_object {
  const struct relation *relation; // NULL: a system table
  const struct index *index;       // NULL: the relation itself
  const struct system_table *table;
};
bool system_object_find(struct system_context *context, uint32_t oid, struct system_object *object);
uint32_t system_object_schema(const struct system_object *object);
const char *system_object_name(const struct system_object *object);
char system_relkind(const struct relation *relation);
const char *system_schema_name(struct system_context *context, uint32_t oid); // "" for none
// By a name as a user writes it, perhaps qualified and quoted. 0: there is none.
uint32_t system_object_named(struct system_context *context, struct bytes name);
uint32_t system_name_find(struct system_context *context, struct bytes name); // types made by users too
// Is it what its name means without a schema?
bool system_is_visible(struct system_context *context, const struct system_object *object);
void append_identifier(struct buffer *out, const char *name); // quoted where it must be
// Qualified where it is not visible.
void append_object(struct system_context *context, const struct system_object *object, struct buffer *out);
void append_index_part(struct system_context *context, const struct relation *relation, int column, bool is_pretty,
                       struct buffer *out);
void append_index_definition(struct system_context *context, const struct relation *relation, const struct index *index,
                             bool is_pretty, struct buffer *out);
void append_key(struct system_context *context, const struct relation *relation, const struct index *index,
                bool with_order, bool is_pretty, struct buffer *out);
const char *foreign_action_name(enum foreign_action action);
// Numbers of constraints: an index's own for PRIMARY KEY and UNIQUE, a foreign key's own, made up for CHECK; and of defaults.
uint32_t system_check_oid(const struct relation *relation, int check);
uint32_t system_default_oid(const struct relation *relation, int column);
// False: there is none with this number.
bool append_constraint_definition(struct system_context *context, uint32_t oid, bool is_pretty, struct buffer *out);
uint32_t system_collation(enum type_id type);

const struct relation *system_next_relation(struct system_context *context, uint32_t *oid); // types left out, but composite ones

// --- system_type.c
// A type made by users, or the one of whose arrays this is the object id; NULL: there is none.
const struct relation *system_user_type(struct system_context *context, uint32_t oid);
// What a function of pg_proc takes and gives, in words. False: there is none.
bool system_function_result(struct system_context *system, uint32_t oid, struct buffer *out);
bool system_function_arguments(struct system_context *system, uint32_t oid, bool with_results, struct buffer *out);
// As format_type shows it. False: there is none.
bool system_type_name(struct system_context *context, uint32_t oid, int32_t modifier, char *text, int size);
uint32_t system_type_named(struct system_context *context, struct bytes name); // 0: there is none
uint32_t system_column_type(struct system_context *context, const struct column *column); // its domain, if it is of one
struct type type_from_wire(enum type_id id, int32_t modifier); // system_function.c
// system_schema.c: how information_schema describes a type.
struct type_facts {
  struct value name, length, octets, precision, radix, scale, digits, interval, udt_schema, udt_name;
};
struct type_facts system_type_facts(struct system_context *context, struct row_sink *sink, struct type type);

// --- system_role.c
const char *system_role_name(const struct system_context *context, uint32_t oid, char name[64]); // gives name
bool system_is_superuser(const struct system_context *context); // the role whose rights hold

// --- system_right.c
// The items of rights that are about this column (-1: the whole), as aclitem[] shows them; NULL for none.
struct value system_acl(const struct system_context *context, struct row_sink *sink, const char *acl, int column);
// has_table_privilege and its kin. False: it is another function.
bool system_privilege(struct system_context *system, struct evaluation *evaluation, const char *name,
                      const struct value *arguments, int argument_count, struct value *result, int *status);

// --- system_sequence.c
// How PostgreSQL writes an expression of a definition, in which sequences and types have names.
void append_default(struct system_context *context, const char *text, struct buffer *out);
// The same in the arena; without memory the text as it is.
const char *system_named_text(struct system_context *context, const char *text, struct arena *arena);
// The default of a column as catalogs show it: NULL for none, and for an identity.
const char *system_default_text(struct system_context *context, const struct relation *relation, int column,
                                struct arena *arena);
const struct relation *system_serial_sequence(struct system_context *context, uint32_t table, int column); // NULL: none
