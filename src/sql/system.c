// The list of system tables, and where their rows are gathered.
#include <stdarg.h>
#include <stdio.h>

#include "sql/rows.h"
#include "sql/system_internal.h"

static const struct system_table *const lists[] = {
    catalog_tables, constraint_tables, server_tables,   type_tables,    schema_tables, sequence_tables,
    role_tables,    operator_tables,   proc_tables,     monitor_tables, quern_tables,
};
enum { LIST_COUNT = sizeof lists / sizeof *lists };

const struct system_table *system_table_find(uint32_t schema_oid, const char *name)
{
  if (schema_oid != SCHEMA_PG_CATALOG && schema_oid != SCHEMA_INFORMATION && schema_oid != SCHEMA_QUERN)
    return NULL;
  const struct system_table *table;
  for (int i = 0; (table = system_table_at(i)); i++)
    if (table->schema_oid == schema_oid && strcmp(table->name, name) == 0)
      return table;
  return NULL;
}

const struct system_table *system_table_at(int index)
{
  for (int i = 0; i < LIST_COUNT; i++)
    for (const struct system_table *table = lists[i]; table->name; table++)
      if (index-- == 0)
        return table;
  return NULL;
}

int row_sink_add(struct row_sink *sink, const struct value *values, const enum type_id *types, struct error *error)
{
  if (sink->row_count == sink->row_capacity) {
    int capacity = sink->row_capacity ? 2 * sink->row_capacity : 16;
    struct value **rows = ARENA_ARRAY(sink->arena, struct value *, capacity);
    if (!rows)
      return error_memory(error);
    if (sink->row_count)
      memcpy(rows, sink->rows, sizeof *rows * (size_t)sink->row_count);
    sink->rows = rows;
    sink->row_capacity = capacity;
  }
  struct value *row = values_keep(sink->arena, types, values, sink->column_count);
  if (!row)
    return error_memory(error);
  sink->rows[sink->row_count++] = row;
  return 0;
}

int system_add(const struct system_table *table, struct row_sink *sink, const struct value *values, struct error *error)
{
  enum type_id types[SYSTEM_COLUMNS_MAXIMUM];
  for (int i = 0; i < table->column_count; i++)
    types[i] = table->columns[i].type;
  return row_sink_add(sink, values, types, error);
}

int system_no_rows(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                   struct error *error)
{
  return 0;
}

struct value system_text(struct row_sink *sink, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  char text[1024];
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const char *copy = arena_string(sink->arena, text);
  return text_or_null(copy);
}

struct value system_array(struct row_sink *sink, enum type_id type, const struct buffer *text)
{
  struct value value;
  struct error ignored;
  bool is_good = !text->failed && !value_from_text(type_plain(type), buffer_bytes(text), &format_settings_default,
                                                   sink->arena, &value, &ignored);
  // The text is the caller's, and some values are nothing but it.
  return is_good && value_copy(type, &value, sink->arena) ? value : value_null();
}

// --- quern.* -------------------------------------------------------------------------------------------------

int system_figures(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                   struct error *error)
{
  if (!context->figures)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "quern.%s cannot be read here", table->name);
  return context->figures(context, table->name, sink, error);
}

static const struct system_column sources[] = {C_TEXT("name"),  C_TEXT("connector"), C_TEXT("state"),    C_INT8("rows"),
                                               C_INT8("bytes"), C_INT8("errors"),    C_TEXT("position"), C_INT8("lag"),
                                               C_TEXT("event_time"), C_TEXT("lateness"), C_TIME("watermark"), C_INT8("late_rows")};
static const struct system_column sinks[] = {C_TEXT("name"),  C_TEXT("source"), C_TEXT("connector"), C_TEXT("state"),
                                             C_INT8("rows"),  C_INT8("bytes"),  C_INT8("errors"),    C_TEXT("position"),
                                             C_INT8("lag"),   C_TEXT("error")};
static const struct system_column source_errors[] = {C_TEXT("source"), C_TEXT("position"), C_TEXT("text"),
                                                     C_TEXT("reason"), C_TEXT("sqlstate"), C_TIME("at")};
static const struct system_column workflows[] = {C_TEXT("name"), C_TEXT("state"), C_INT8("atoms"), C_INT8("rows_in"),
                                                 C_INT8("rows_out")};
static const struct system_column transactions[] = {
    C_INT4("session"), C_TEXT("state"),     C_TIME("started"),  C_INT8("age_ms"), C_INT8("statements"),
    C_INT8("bytes"),   C_INT8("position"), C_TEXT("waits_for"), C_INT4("blocked_by"),
};
static const struct system_column metrics[] = {C_TEXT("name"), C_TEXT("labels"), C_FLOAT("value")};

// PostgreSQL's pg_locks, of the claims.
static const struct system_column locks[] = {
    C_TEXT("locktype"), C_OID("database"),       C_OID("relation"),           C_INT4("page"),
    C_INT2("tuple"),    C_TEXT("virtualxid"),    C_TEXT("transactionid"),     C_OID("classid"),
    C_OID("objid"),     C_INT2("objsubid"),      C_TEXT("virtualtransaction"), C_INT4("pid"),
    C_TEXT("mode"),     C_BOOL("granted"),       C_BOOL("fastpath"),          C_TIME("waitstart"),
};

const struct system_table quern_tables[] = {
    SYSTEM_TABLE(12501, SCHEMA_QUERN, "sources", sources, system_figures),
    SYSTEM_TABLE(12502, SCHEMA_QUERN, "source_errors", source_errors, system_figures),
    SYSTEM_TABLE(12506, SCHEMA_QUERN, "sinks", sinks, system_figures),
    SYSTEM_TABLE(12503, SCHEMA_QUERN, "workflows", workflows, system_figures),
    SYSTEM_TABLE(12505, SCHEMA_QUERN, "transactions", transactions, system_figures),
    SYSTEM_TABLE(12504, SCHEMA_QUERN, "metrics", metrics, system_figures),
    SYSTEM_TABLE(12073, SCHEMA_PG_CATALOG, "pg_locks", locks, system_figures),
    {0},
};
