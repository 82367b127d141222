// Views over the definitions as people and tools read them: pg_tables, pg_indexes and information_schema.
#include <ctype.h>
#include <stdio.h>

#include "data/interval.h"
#include "sql/system_internal.h"
#include "sql/view_base.h"
#include "table/namespace.h"
#include "table/right.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

// Tables, views, sources and sinks in the order of their object ids.
static const struct relation *next_table(struct system_context *context, uint32_t *oid)
{
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, oid)))
    if (relation->kind == RELATION_TABLE || relation->kind == RELATION_VIEW || relation->kind == RELATION_SOURCE ||
        relation->kind == RELATION_SINK)
      return relation;
  return NULL;
}

static struct value schema_of(struct system_context *context, const struct relation *relation)
{
  return value_string(system_schema_name(context, relation->schema_oid));
}

// --- pg_tables, pg_indexes, pg_views --------------------------------------------------------------------------

static const struct system_column table_columns[] = {
    C_NAME("schemaname"), C_NAME("tablename"), C_NAME("tableowner"),  C_NAME("tablespace"),
    C_BOOL("hasindexes"), C_BOOL("hasrules"),  C_BOOL("hastriggers"), C_BOOL("rowsecurity"),
};

ROWS(table_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  char owner[64];
  while (!status && (relation = next_table(context, &oid)))
    if (system_relkind(relation) == RELATION_TABLE)
      status = ADD(schema_of(context, relation), value_string(relation->name),
                   value_string(system_role_name(context, relation->owner, owner)),
                   value_null(), truth(relation->index_count > 0), truth(false), truth(false), truth(false));
  return status;
}

static const struct system_column index_columns[] = {C_NAME("schemaname"), C_NAME("tablename"), C_NAME("indexname"),
                                                     C_NAME("tablespace"), C_TEXT("indexdef")};

ROWS(index_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  struct buffer text = {0};
  while (!status && (relation = next_table(context, &oid)))
    for (int i = 0; i < relation->index_count && !status; i++) {
      buffer_clear(&text);
      append_index_definition(context, relation, &relation->indexes[i], false, &text);
      if (text.failed)
        status = error_memory(error);
      else
        status =
            ADD(schema_of(context, relation), value_string(relation->name), value_string(relation->indexes[i].name),
                value_null(), value_bytes(text.data, (uint32_t)text.size));
    }
  buffer_deinit(&text);
  return status;
}

static const struct system_column view_columns[] = {C_NAME("schemaname"), C_NAME("viewname"), C_NAME("viewowner"),
                                                    C_TEXT("definition")};
static struct value view_text(struct system_context *context, const struct relation *view, struct arena *arena)
{
  struct buffer text = {0};
  buffer_append_u8(&text, ' ');
  append_default(context, view->text, &text);
  buffer_append(&text, ";", 2);
  const char *copy = text.failed ? NULL : arena_copy(arena, text.data, text.size);
  buffer_deinit(&text);
  return text_or_null(copy);
}

ROWS(view_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  char owner[64];
  while (!status && (relation = next_table(context, &oid)))
    if (relation->kind == RELATION_VIEW)
      status = ADD(schema_of(context, relation), value_string(relation->name),
                   value_string(system_role_name(context, relation->owner, owner)),
                   view_text(context, relation, sink->arena));
  return status;
}

static const struct system_column materialized_columns[] = {
    C_NAME("schemaname"), C_NAME("matviewname"), C_NAME("matviewowner"), C_NAME("tablespace"),
    C_BOOL("hasindexes"), C_BOOL("ispopulated"), C_TEXT("definition")};

// --- information_schema -----------------------------------------------------------------------------------------

static const struct system_column schemata_columns[] = {
    C_NAME("catalog_name"),
    C_NAME("schema_name"),
    C_NAME("schema_owner"),
    C_NAME("default_character_set_catalog"),
    C_NAME("default_character_set_schema"),
    C_NAME("default_character_set_name"),
    C_TEXT("sql_path"),
};

ROWS(schemata_rows)
{
  uint32_t oid = 0;
  const char *name;
  int status = 0;
  char owner[64];
  while (!status && namespace_next(context->catalog, context->version, &oid, &name))
    status = ADD(value_string(context->settings->database), value_string(name),
                 value_string(system_role_name(context, schema_owner(context->version, oid), owner)), value_null(), value_null(), value_null(), value_null());
  return status;
}

static const struct system_column tables_columns[] = {
    C_NAME("table_catalog"),
    C_NAME("table_schema"),
    C_NAME("table_name"),
    C_TEXT("table_type"),
    C_NAME("self_referencing_column_name"),
    C_TEXT("reference_generation"),
    C_NAME("user_defined_type_catalog"),
    C_NAME("user_defined_type_schema"),
    C_NAME("user_defined_type_name"),
    C_TEXT("is_insertable_into"),
    C_TEXT("is_typed"),
    C_TEXT("commit_action"),
};

static int add_table(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                     const char *schema, const char *name, const char *type, bool is_insertable, struct error *error)
{
  return ADD(value_string(context->settings->database), value_string(schema), value_string(name), value_string(type),
             value_null(), value_null(), value_null(), value_null(), value_null(),
             value_string(is_insertable ? "YES" : "NO"), value_string("NO"), value_null());
}

ROWS(tables_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_table(context, &oid))) {
    bool is_insertable = true;
    if (relation->kind == RELATION_VIEW)
      status = view_is_updatable(context->catalog, context->version, relation, sink->arena, &is_insertable, NULL, error);
    if (!status)
      status = add_table(table, context, sink, system_schema_name(context, relation->schema_oid), relation->name,
                         relation_is_temporary(relation) && relation->kind == RELATION_TABLE ? "LOCAL TEMPORARY"
                         : system_relkind(relation) == RELATION_TABLE  ? "BASE TABLE"
                         : system_relkind(relation) == RELATION_VIEW ? "VIEW"
                                                                     : "FOREIGN",
                         is_insertable, error);
  }
  const struct system_table *system;
  for (int i = 0; !status && (system = system_table_at(i)); i++)
    status =
        add_table(table, context, sink, system_schema_name(context, system->schema_oid), system->name,
                  system->schema_oid == SCHEMA_PG_CATALOG && system->oid < 12000 ? "BASE TABLE" : "VIEW", false, error);
  return status;
}

static const struct system_column columns_columns[] = {
    C_NAME("table_catalog"),
    C_NAME("table_schema"),
    C_NAME("table_name"),
    C_NAME("column_name"),
    C_INT4("ordinal_position"),
    C_TEXT("column_default"),
    C_TEXT("is_nullable"),
    C_TEXT("data_type"),
    C_INT4("character_maximum_length"),
    C_INT4("character_octet_length"),
    C_INT4("numeric_precision"),
    C_INT4("numeric_precision_radix"),
    C_INT4("numeric_scale"),
    C_INT4("datetime_precision"),
    C_TEXT("interval_type"),
    C_INT4("interval_precision"),
    C_NAME("character_set_catalog"),
    C_NAME("character_set_schema"),
    C_NAME("character_set_name"),
    C_NAME("collation_catalog"),
    C_NAME("collation_schema"),
    C_NAME("collation_name"),
    C_NAME("domain_catalog"),
    C_NAME("domain_schema"),
    C_NAME("domain_name"),
    C_NAME("udt_catalog"),
    C_NAME("udt_schema"),
    C_NAME("udt_name"),
    C_NAME("scope_catalog"),
    C_NAME("scope_schema"),
    C_NAME("scope_name"),
    C_INT4("maximum_cardinality"),
    C_NAME("dtd_identifier"),
    C_TEXT("is_self_referencing"),
    C_TEXT("is_identity"),
    C_TEXT("identity_generation"),
    C_TEXT("identity_start"),
    C_TEXT("identity_increment"),
    C_TEXT("identity_maximum"),
    C_TEXT("identity_minimum"),
    C_TEXT("identity_cycle"),
    C_TEXT("is_generated"),
    C_TEXT("generation_expression"),
    C_TEXT("is_updatable"),
};

struct numeric_facts {
  struct value precision, radix, scale;
};

static struct numeric_facts numeric_facts(struct type type)
{
  static const struct {
    enum type_id id;
    int bits;
  } binary[] = {{TYPE_INT2, 16}, {TYPE_INT4, 32}, {TYPE_INT8, 64}, {TYPE_FLOAT4, 24}, {TYPE_FLOAT8, 53}};
  struct numeric_facts facts = {value_null(), value_null(), value_null()};
  for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
    if (binary[i].id == type.id) {
      facts.precision = number(binary[i].bits);
      facts.radix = number(2);
      facts.scale = type_info(type.id)->storage == STORAGE_FLOAT ? value_null() : number(0);
    }
  if (type.id == TYPE_NUMERIC) {
    facts.radix = number(10);
    if (type.modifier >= 0) {
      facts.precision = number(type.modifier >> 16);
      facts.scale = number((int16_t)(type.modifier & 0xffff));
    }
  }
  return facts;
}

struct column_row {
  const char *schema, *table, *name, *default_text;
  bool is_generated; // default_text is its expression
  int place;
  struct type type;
  uint32_t domain;
  bool not_null, is_updatable;
  enum identity identity;
  const struct relation *sequence; // of an identity
};

// "YEAR TO MONTH", "SECOND(2)": NULL where the type keeps all fields.
static struct value interval_type(struct row_sink *sink, const char *fields, int digits)
{
  char upper[40] = "";
  if (!fields)
    return value_null();
  for (size_t i = 0; fields[i] && i < sizeof upper - 1; i++)
    upper[i] = (char)toupper((uint8_t)fields[i]);
  return digits == INTERVAL_ALL_DIGITS ? system_text(sink, "%s", upper) : system_text(sink, "%s(%d)", upper, digits);
}

struct type_facts system_type_facts(struct system_context *context, struct row_sink *sink, struct type type)
{
  const struct type_info *info = type_info(type.id);
  struct numeric_facts numeric = numeric_facts(type);
  bool has_length = (type.id == TYPE_VARCHAR || type.id == TYPE_BPCHAR) && type.modifier >= 0;
  bool is_text = type.id == TYPE_VARCHAR || type.id == TYPE_BPCHAR || type.id == TYPE_TEXT;
  bool is_interval = type.id == TYPE_INTERVAL;
  bool is_time = info->category == 'D' || is_interval;
  const char *fields = is_interval && type.modifier >= 0 ? interval_fields_name(type.modifier) : NULL;
  int digits = type.id == TYPE_DATE ? 0 : type.modifier < 0 ? 6 : type.modifier & 0xffff;
  int64_t octets = has_length ? 4 * (int64_t)type.modifier : 1073741824;
  const struct relation *user = type_is_user(type.id) ? system_user_type(context, type_oid(type.id)) : NULL;
  return (struct type_facts){
      .name = value_string(type_is_array(type.id) ? "ARRAY" : user ? "USER-DEFINED" : info->name),
      .length = has_length ? number(type.modifier) : value_null(),
      .octets = is_text ? number(octets) : value_null(),
      .precision = numeric.precision,
      .radix = numeric.radix,
      .scale = numeric.scale,
      .digits = is_time ? number(digits > 6 ? 6 : digits) : value_null(),
      .interval = interval_type(sink, fields, digits),
      .udt_schema = value_string(user ? system_schema_name(context, user->schema_oid) : "pg_catalog"),
      .udt_name = !user                    ? value_string(info->short_name)
                  : type_is_array(type.id) ? system_text(sink, "_%.62s", user->name)
                                           : value_string(user->name),
  };
}

static int add_column(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                      const struct column_row *row, struct error *error)
{
  const struct sequence *sequence = row->sequence ? &row->sequence->sequence : NULL;
  struct value database = value_string(context->settings->database);
  struct type_facts facts = system_type_facts(context, sink, row->type);
  // An array of a domain's values is an array, and no domain.
  const struct relation *domain =
      row->domain && !(row->domain & TYPE_USER_ARRAY) ? system_user_type(context, row->domain) : NULL;
  return ADD(database, value_string(row->schema), value_string(row->table), value_string(row->name), number(row->place),
             text_or_null(row->is_generated ? NULL : row->default_text), value_string(row->not_null ? "NO" : "YES"), facts.name, facts.length,
             facts.octets, facts.precision, facts.radix, facts.scale, facts.digits, facts.interval, value_null(),
             value_null(), value_null(), value_null(), value_null(), value_null(), value_null(),
             domain ? database : value_null(),
             domain ? value_string(system_schema_name(context, domain->schema_oid)) : value_null(),
             domain ? value_string(domain->name) : value_null(), database, facts.udt_schema, facts.udt_name,
             value_null(), value_null(), value_null(), value_null(),
             system_text(sink, "%d", row->place), value_string("NO"), value_string(row->identity ? "YES" : "NO"),
             text_or_null(row->identity == IDENTITY_ALWAYS ? "ALWAYS" : row->identity ? "BY DEFAULT" : NULL),
             sequence ? system_text(sink, "%lld", (long long)sequence->start) : value_null(),
             sequence ? system_text(sink, "%lld", (long long)sequence->increment) : value_null(),
             sequence ? system_text(sink, "%lld", (long long)sequence->maximum) : value_null(),
             sequence ? system_text(sink, "%lld", (long long)sequence->minimum) : value_null(),
             value_string(sequence && sequence->is_cycled ? "YES" : "NO"), value_string(row->is_generated ? "ALWAYS" : "NEVER"),
             text_or_null(row->is_generated ? row->default_text : NULL),
             value_string(row->is_updatable ? "YES" : "NO"));
}

ROWS(columns_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_table(context, &oid))) {
    bool is_updatable = relation->tree != 0;
    bool *are_updatable = ARENA_ARRAY(sink->arena, bool, relation->schema.column_count + 1);
    if (!are_updatable)
      return error_memory(error);
    if (relation->kind == RELATION_VIEW)
      status = view_is_updatable(context->catalog, context->version, relation, sink->arena, &is_updatable, are_updatable,
                                 error);
    for (int i = 0; i < relation->schema.column_count && !status; i++) {
      const struct column *column = &relation->schema.columns[i];
      struct column_row row = {
          .schema = system_schema_name(context, relation->schema_oid),
          .table = relation->name,
          .name = column->name,
          .default_text = system_default_text(context, relation, i, sink->arena),
          .sequence = column->identity ? system_serial_sequence(context, relation->oid, i) : NULL,
          .identity = column->identity,
          .is_generated = column->is_generated,
          .place = i + 1,
          .type = column->type,
          .domain = column->domain ? system_column_type(context, column) : 0,
          .not_null = column->not_null,
          .is_updatable = is_updatable && (relation->kind != RELATION_VIEW || are_updatable[i]),
      };
      status = column->is_dropped ? 0 : add_column(table, context, sink, &row, error);
    }
  }
  const struct system_table *system;
  for (int i = 0; !status && (system = system_table_at(i)); i++)
    for (int c = 0; c < system->column_count && !status; c++) {
      struct column_row row = {.schema = system_schema_name(context, system->schema_oid),
                               .table = system->name,
                               .name = system->columns[c].name,
                               .place = c + 1,
                               .type = type_plain(system->columns[c].type)};
      status = add_column(table, context, sink, &row, error);
    }
  return status;
}

static const struct system_column views_columns[] = {C_NAME("table_catalog"), C_NAME("table_schema"),
                                                     C_NAME("table_name"),    C_TEXT("view_definition"),
                                                     C_TEXT("check_option"),  C_TEXT("is_updatable")};

ROWS(views_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_table(context, &oid))) {
    if (relation->kind != RELATION_VIEW)
      continue;
    bool is_updatable;
    const char *option = relation_option(relation, "check_option");
    status = view_is_updatable(context->catalog, context->version, relation, sink->arena, &is_updatable, NULL, error);
    if (!status)
      status = ADD(value_string(context->settings->database), schema_of(context, relation), value_string(relation->name),
                   view_text(context, relation, sink->arena),
                   value_string(!option                         ? "NONE"
                                : strcmp(option, "local") == 0 ? "LOCAL"
                                                               : "CASCADED"),
                   value_string(is_updatable ? "YES" : "NO"));
  }
  return status;
}

#define INFORMATION(oid, name, columns, rows) SYSTEM_TABLE(oid, SCHEMA_INFORMATION, name, columns, rows)

const struct system_table schema_tables[] = {
    SYSTEM_TABLE(12033, SCHEMA_PG_CATALOG, "pg_tables", table_columns, table_rows),
    SYSTEM_TABLE(12043, SCHEMA_PG_CATALOG, "pg_indexes", index_columns, index_rows),
    SYSTEM_TABLE(12028, SCHEMA_PG_CATALOG, "pg_views", view_columns, view_rows),
    SYSTEM_TABLE(12038, SCHEMA_PG_CATALOG, "pg_matviews", materialized_columns, system_no_rows),
    INFORMATION(13001, "schemata", schemata_columns, schemata_rows),
    INFORMATION(13002, "tables", tables_columns, tables_rows),
    INFORMATION(13003, "columns", columns_columns, columns_rows),
    INFORMATION(13006, "views", views_columns, views_rows),
    {0},
};
