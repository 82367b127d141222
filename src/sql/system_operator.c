// pg_operator and pg_cast, from the tables of functions: what the engine itself resolves by.
#include "sql/system_internal.h"
#include "table/namespace.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

enum { OID_MADE_UP_OPERATOR = 0x70000000, OID_MADE_UP_CAST = 0x76000000 };

static const struct system_column operator_columns[] = {
    C_OID("oid"),         C_NAME("oprname"),  C_OID("oprnamespace"), C_OID("oprowner"), C_CHAR("oprkind"),
    C_BOOL("oprcanmerge"), C_BOOL("oprcanhash"), C_OID("oprleft"),    C_OID("oprright"), C_OID("oprresult"),
    C_OID("oprcom"),      C_OID("oprnegate"), C_OID("oprcode"),      C_OID("oprrest"),  C_OID("oprjoin"),
};

ROWS(operator_rows)
{
  int status = 0;
  const struct function *function;
  for (int i = 0; !status && (function = function_at(i)); i++) {
    if (!function->is_operator)
      continue;
    bool is_prefix = function->argument_count == 1;
    bool is_equal = strcmp(function->name, "=") == 0 && function->arguments[0] == function->arguments[1];
    status = ADD(number((uint32_t)OID_MADE_UP_OPERATOR + (uint32_t)i), value_string(function->name),
                 number(SCHEMA_PG_CATALOG), number(ROLE_OWNER), value_string(is_prefix ? "l" : "b"),
                 value_boolean(is_equal), value_boolean(is_equal),
                 number(is_prefix ? 0 : system_type_oid(function->arguments[0])),
                 number(system_type_oid(function->arguments[!is_prefix])), number(system_type_oid(function->result)),
                 number(0), number(0), number(0), number(0), number(0));
  }
  return status;
}

static const struct system_column cast_columns[] = {
    C_OID("oid"),      C_OID("castsource"),   C_OID("casttarget"),
    C_OID("castfunc"), C_CHAR("castcontext"), C_CHAR("castmethod"),
};

// Casts between any type and text by the types' own texts are not in the table, as in PostgreSQL: there need be none.
static bool is_by_text(enum type_id from, enum type_id to)
{
  char a = type_info(from)->category, b = type_info(to)->category;
  return (a == 'S') != (b == 'S');
}

ROWS(cast_rows)
{
  static const char contexts[] = {[CAST_IMPLICIT] = 'i', [CAST_ASSIGNMENT] = 'a', [CAST_EXPLICIT] = 'e'};
  const struct function *function;
  int status = 0;
  for (int from = TYPE_BOOLEAN; from < TYPE_COUNT && !status; from++)
    for (int to = TYPE_BOOLEAN; to < TYPE_COUNT && !status; to++) {
      enum cast_context context_of = CAST_IMPLICIT;
      bool is_array = type_is_array((enum type_id)from) || type_is_array((enum type_id)to);
      if (from == to || is_array || is_by_text((enum type_id)from, (enum type_id)to))
        continue;
      while (context_of <= CAST_EXPLICIT && !cast_find((enum type_id)from, (enum type_id)to, context_of, &function))
        context_of++;
      if (context_of > CAST_EXPLICIT)
        continue;
      char letter[2] = {contexts[context_of], 0};
      status = ADD(number((uint32_t)OID_MADE_UP_CAST + (uint32_t)(from << 8 | to)),
                   number(type_info((enum type_id)from)->oid),
                   number(type_info((enum type_id)to)->oid), number(0),
                   value_bytes(arena_string(sink->arena, letter), 1), value_string(function ? "f" : "b"));
    }
  return status;
}

#define PG(oid, name, columns, rows) SYSTEM_TABLE(oid, SCHEMA_PG_CATALOG, name, columns, rows)

const struct system_table operator_tables[] = {
    PG(2617, "pg_operator", operator_columns, operator_rows),
    PG(2605, "pg_cast", cast_columns, cast_rows),
    {0},
};
