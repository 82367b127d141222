// What monitoring tools ask for: pg_stat_user_tables and its kin, with the numbers of rows, which are known exactly, and
// zeros for what is not counted; and views of what there is none of.
#include "sql/system_internal.h"
#include "table/namespace.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

static const struct relation *next_table(struct system_context *context, uint32_t *oid)
{
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, oid)))
    if (system_relkind(relation) == RELATION_TABLE)
      return relation;
  return NULL;
}

static struct value schema_of(struct system_context *context, const struct relation *relation)
{
  return value_string(system_schema_name(context, relation->schema_oid));
}

static const struct system_column table_columns[] = {
    C_OID("relid"),              C_NAME("schemaname"),       C_NAME("relname"),       C_INT8("seq_scan"),
    C_INT8("seq_tup_read"),      C_INT8("idx_scan"),         C_INT8("idx_tup_fetch"), C_INT8("n_tup_ins"),
    C_INT8("n_tup_upd"),         C_INT8("n_tup_del"),        C_INT8("n_tup_hot_upd"), C_INT8("n_live_tup"),
    C_INT8("n_dead_tup"),        C_INT8("n_mod_since_analyze"), C_INT8("n_ins_since_vacuum"), C_TIME("last_vacuum"),
    C_TIME("last_autovacuum"),   C_TIME("last_analyze"),     C_TIME("last_autoanalyze"), C_INT8("vacuum_count"),
    C_INT8("autovacuum_count"),  C_INT8("analyze_count"),    C_INT8("autoanalyze_count"),
};

ROWS(table_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  struct value none = number(0), never = value_null();
  while (!status && (relation = next_table(context, &oid)))
    status = ADD(number(relation->oid), schema_of(context, relation), value_string(relation->name), none, none, none, none,
                 none, none, none, none, value_integer((int64_t)tree_count(context->version, relation->tree)), none, none,
                 none, never, never, never, never, none, none, none, none);
  return status;
}

static const struct system_column index_columns[] = {
    C_OID("relid"),         C_OID("indexrelid"), C_NAME("schemaname"),     C_NAME("relname"),
    C_NAME("indexrelname"), C_INT8("idx_scan"),  C_INT8("idx_tup_read"), C_INT8("idx_tup_fetch"),
};

ROWS(index_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_table(context, &oid)))
    for (int i = 0; !status && i < relation->index_count; i++)
      status = ADD(number(relation->oid), number(relation->indexes[i].oid), schema_of(context, relation),
                   value_string(relation->name), value_string(relation->indexes[i].name), number(0), number(0), number(0));
  return status;
}

static const struct system_column statistics_columns[] = {
    C_NAME("schemaname"),        C_NAME("tablename"),         C_NAME("attname"),     C_BOOL("inherited"),
    C_FLOAT("null_frac"),        C_INT4("avg_width"),         C_FLOAT("n_distinct"), C_ARRAY("most_common_vals"),
    C_ARRAY("most_common_freqs"), C_ARRAY("histogram_bounds"), C_FLOAT("correlation"),
};

static const struct system_column extension_columns[] = {C_NAME("name"), C_TEXT("default_version"),
                                                         C_TEXT("installed_version"), C_TEXT("comment")};

static const struct system_column replication_columns[] = {
    C_INT4("pid"),         C_OID("usesysid"),    C_NAME("usename"),      C_TEXT("application_name"), C_TEXT("client_addr"),
    C_TEXT("client_hostname"), C_INT4("client_port"), C_TIME("backend_start"), C_TEXT("state"),       C_TEXT("sync_state"),
    C_TIME("reply_time"),
};

static const struct system_column trigger_columns[] = {
    C_NAME("trigger_catalog"),     C_NAME("trigger_schema"),      C_NAME("trigger_name"),  C_TEXT("event_manipulation"),
    C_NAME("event_object_catalog"), C_NAME("event_object_schema"), C_NAME("event_object_table"), C_INT4("action_order"),
    C_TEXT("action_condition"),    C_TEXT("action_statement"),    C_TEXT("action_orientation"), C_TEXT("action_timing"),
    C_TIME("created"),
};

static const struct system_column routine_columns[] = {
    C_NAME("specific_catalog"), C_NAME("specific_schema"), C_NAME("specific_name"), C_NAME("routine_catalog"),
    C_NAME("routine_schema"),   C_NAME("routine_name"),    C_TEXT("routine_type"),  C_TEXT("data_type"),
    C_TEXT("routine_body"),     C_TEXT("routine_definition"), C_TEXT("external_language"),
};

static const struct system_column parameter_columns[] = {
    C_NAME("specific_catalog"), C_NAME("specific_schema"), C_NAME("specific_name"), C_INT4("ordinal_position"),
    C_TEXT("parameter_mode"),   C_TEXT("is_result"),       C_NAME("parameter_name"), C_TEXT("data_type"),
    C_TEXT("parameter_default"),
};

#define PG(oid, name, columns, rows) SYSTEM_TABLE(oid, SCHEMA_PG_CATALOG, name, columns, rows)
#define NONE(oid, schema, name, columns) SYSTEM_TABLE(oid, schema, name, columns, system_no_rows)

const struct system_table monitor_tables[] = {
    PG(12136, "pg_stat_all_tables", table_columns, table_rows),
    PG(12148, "pg_stat_user_tables", table_columns, table_rows),
    PG(12176, "pg_stat_all_indexes", index_columns, index_rows),
    PG(12184, "pg_stat_user_indexes", index_columns, index_rows),
    NONE(12083, SCHEMA_PG_CATALOG, "pg_stats", statistics_columns),
    NONE(12090, SCHEMA_PG_CATALOG, "pg_available_extensions", extension_columns),
    NONE(12226, SCHEMA_PG_CATALOG, "pg_stat_replication", replication_columns),
    NONE(13040, SCHEMA_INFORMATION, "triggers", trigger_columns),
    NONE(13041, SCHEMA_INFORMATION, "routines", routine_columns),
    NONE(13042, SCHEMA_INFORMATION, "parameters", parameter_columns),
    {0},
};
