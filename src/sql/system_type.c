// Types as system tables: pg_type, pg_enum, and what information_schema says of domains; names of types.
#include <stdio.h>

#include "sql/system_internal.h"
#include "table/user_type.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

// --- Types made by users ----------------------------------------------------------------------------------------

// Of a kind (0: any), in the order of their object ids.
static const struct relation *next_type(struct system_context *context, enum type_kind kind, uint32_t *oid)
{
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, oid)))
    if (relation->kind == RELATION_TYPE && (!kind || relation->type_kind == kind))
      return relation;
  return NULL;
}

const struct relation *system_user_type(struct system_context *context, uint32_t oid)
{
  const struct relation *relation =
      catalog_find_oid(context->catalog, context->version, type_object((enum type_id)oid));
  bool has_columns = relation && relation_has_row_type(relation);
  bool is_type = relation && (oid & TYPE_USER_ROW ? has_columns : relation->kind == RELATION_TYPE && !has_columns);
  return is_type ? relation : NULL;
}

bool system_type_name(struct system_context *context, uint32_t oid, int32_t modifier, char *text, int size)
{
  enum type_id id = type_of_oid(oid);
  if (id == TYPE_COUNT)
    return false;
  if (!type_is_user(id)) {
    type_format(type_from_wire(id, modifier), NULL, text, size);
    return true;
  }
  const struct relation *type = system_user_type(context, oid);
  struct catalog_types types;
  struct name_scope scope = {.search_path = context->settings->search_path,
                             .search_path_count = context->settings->search_path_count};
  catalog_types_init(&types, context->catalog, context->version, &scope);
  if (!type)
    return false;
  catalog_type_show(&types, type, text, size - 2);
  if (oid & TYPE_USER_ARRAY)
    strcat(text, "[]");
  return true;
}

uint32_t system_column_type(struct system_context *context, const struct column *column)
{
  if (!column->domain)
    return type_oid(column->type.id);
  const struct relation *domain = system_user_type(context, column->domain);
  bool is_array = domain && type_is_array(column->type.id) && !type_is_array(domain->schema.columns[0].type.id);
  return is_array ? column->domain | TYPE_USER_ARRAY : column->domain;
}

uint32_t system_type_named(struct system_context *context, struct bytes name)
{
  char text[160];
  snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
  const char *own = strncmp(text, "pg_catalog.", 11) == 0 ? text + 11 : text;
  enum type_id id = type_of_name(own);
  if (id != TYPE_COUNT)
    return type_oid(id);
  bool is_array = name.size > 2 && memcmp(name.data + name.size - 2, "[]", 2) == 0;
  if (is_array)
    name.size -= 2;
  uint32_t oid = system_name_find(context, name);
  const struct relation *type = oid ? catalog_find_oid(context->catalog, context->version, oid) : NULL;
  if (type && relation_has_row_type(type))
    oid = (uint32_t)relation_row_type(type);
  if (!oid || !system_user_type(context, oid))
    return 0;
  return is_array ? oid | TYPE_USER_ARRAY : oid;
}

// --- pg_type, pg_enum -------------------------------------------------------------------------------------------

static const struct system_column type_columns[] = {
    C_OID("oid"),           C_NAME("typname"),     C_OID("typnamespace"),
    C_OID("typowner"),      C_INT2("typlen"),      C_BOOL("typbyval"),
    C_CHAR("typtype"),      C_CHAR("typcategory"), C_BOOL("typispreferred"),
    C_BOOL("typisdefined"), C_CHAR("typdelim"),    C_OID("typrelid"),
    C_TEXT("typsubscript"), C_OID("typelem"),      C_OID("typarray"),
    C_TEXT("typinput"),     C_TEXT("typoutput"),   C_TEXT("typreceive"),
    C_TEXT("typsend"),      C_TEXT("typmodin"),    C_TEXT("typmodout"),
    C_TEXT("typanalyze"),   C_CHAR("typalign"),    C_CHAR("typstorage"),
    C_BOOL("typnotnull"),   C_OID("typbasetype"),  C_INT4("typtypmod"),
    C_INT4("typndims"),     C_OID("typcollation"), C_TEXT("typdefaultbin"),
    C_TEXT("typdefault"),   C_ARRAY("typacl"),
};

// What PostgreSQL calls a type's functions: "int4in", "numeric_in".
static struct value type_function(struct row_sink *sink, enum type_id id, const char *suffix)
{
  static const char *const joined[] = {"bool",   "int2", "int4", "int8", "float8",  "text", "varchar",
                                       "bpchar", "oid",  "name", "char", "unknown", NULL};
  const char *name = type_is_array(id) ? "array" : type_info(id)->short_name;
  for (const char *const *at = joined; *at; at++)
    if (strcmp(name, *at) == 0)
      return system_text(sink, "%s%s", name, suffix);
  return system_text(sink, "%s_%s", name, suffix);
}

static int add_type(const struct system_table *table, struct row_sink *sink, enum type_id id, struct error *error)
{
  const struct type_info *type = type_info(id);
  char category[2] = {type->category};
  bool is_fixed = type->wire_size > 0, is_array = type_is_array(id);
  const char *align = type->wire_size == 1 || type->wire_size == 64 ? "c"
                      : type->wire_size == 2                        ? "s"
                      : type->wire_size == 8                        ? "d"
                                                                    : "i";
  return ADD(number(type->oid), value_string(type->short_name), number(SCHEMA_PG_CATALOG), number(ROLE_OWNER),
             number(type->wire_size), truth(is_fixed && type->wire_size <= 8),
             value_string(type->category == 'P' || type->category == 'X' ? "p" : "b"), value_string(category),
             truth(type->preferred), truth(true), value_string(","), number(0),
             value_string(is_array ? "array_subscript_handler" : "-"),
             number(is_array ? type_oid(type_element(id)) : 0),
             number(type_array(id) == TYPE_COUNT ? 0 : type_oid(type_array(id))), type_function(sink, id, "in"),
             type_function(sink, id, "out"), type_function(sink, id, "recv"), type_function(sink, id, "send"),
             value_string("-"), value_string("-"), value_string("-"), value_string(align),
             value_string(is_fixed             ? "p"
                          : id == TYPE_NUMERIC ? "m"
                                               : "x"),
             truth(false), number(0), number(-1), number(0), number(system_collation(id)), value_null(), value_null(),
             value_null());
}

static const char *align_of(const struct type_info *type)
{
  return type->wire_size == 1 || type->wire_size == 64 ? "c"
         : type->wire_size == 2                        ? "s"
         : type->wire_size == 8                        ? "d"
                                                       : "i";
}

static int add_user_type(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                         const struct relation *type, struct error *error)
{
  bool is_domain = type->type_kind == TYPE_IS_DOMAIN;
  const struct column *value = is_domain ? &type->schema.columns[0] : NULL;
  enum type_id below = is_domain ? value->type.id : (enum type_id)type->oid;
  const struct type_info *info = type_info(below);
  bool is_fixed = info->wire_size > 0;
  char kind[2] = {(char)type->type_kind}, category[2] = {info->category};
  const char *text = is_domain ? system_default_text(context, type, 0, sink->arena) : NULL;
  return ADD(number(type->oid), value_string(type->name), number(type->schema_oid), number(type->owner),
             number(info->wire_size), truth(is_fixed && info->wire_size <= 8), value_string(kind), value_string(category),
             truth(false), truth(true), value_string(","), number(0), value_string("-"), number(0),
             number(type->oid | TYPE_USER_ARRAY), value_string(is_domain ? "domain_in" : "enum_in"),
             is_domain ? type_function(sink, below, "out") : value_string("enum_out"),
             value_string(is_domain ? "domain_recv" : "enum_recv"),
             is_domain ? type_function(sink, below, "send") : value_string("enum_send"), value_string("-"),
             value_string("-"), value_string("-"), value_string(align_of(info)), value_string(is_fixed ? "p" : "x"),
             truth(is_domain && value->not_null), number(is_domain ? system_column_type(context, value) : 0),
             number(is_domain ? type_wire_modifier(value->type) : -1), number(0),
             number(is_domain ? system_collation(below) : 0), value_null(), text_or_null(text), value_null());
}

static int add_user_array(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                          const struct relation *type, struct error *error)
{
  (void)context;
  return ADD(number(type->oid | TYPE_USER_ARRAY), system_text(sink, "_%.62s", type->name), number(type->schema_oid),
             number(type->owner), number(-1), truth(false), value_string("b"), value_string("A"), truth(false),
             truth(true), value_string(","), number(0), value_string("array_subscript_handler"), number(type->oid),
             number(0), value_string("array_in"), value_string("array_out"), value_string("array_recv"),
             value_string("array_send"), value_string("-"), value_string("-"), value_string("array_typanalyze"),
             value_string("i"), value_string("x"), truth(false), number(0), number(-1), number(0), number(0),
             value_null(), value_null(), value_null());
}

// The type of a composite type's rows, or of a table's; and that of arrays of them.
static int add_row_type(const struct system_table *table, struct row_sink *sink, const struct relation *relation,
                        struct error *error)
{
  uint32_t oid = (uint32_t)relation_row_type(relation);
  int status = ADD(number(oid), value_string(relation->name), number(relation->schema_oid), number(relation->owner),
                   number(-1), truth(false), value_string("c"), value_string("C"), truth(false), truth(true),
                   value_string(","), number(relation->oid), value_string("-"), number(0), number(oid | TYPE_USER_ARRAY),
                   value_string("record_in"), value_string("record_out"), value_string("record_recv"),
                   value_string("record_send"), value_string("-"), value_string("-"), value_string("-"),
                   value_string("d"), value_string("x"), truth(false), number(0), number(-1), number(0), number(0),
                   value_null(), value_null(), value_null());
  return status ? status
                : ADD(number(oid | TYPE_USER_ARRAY), system_text(sink, "_%.62s", relation->name),
                      number(relation->schema_oid), number(relation->owner), number(-1), truth(false), value_string("b"),
                      value_string("A"), truth(false), truth(true), value_string(","), number(0),
                      value_string("array_subscript_handler"), number(oid), number(0), value_string("array_in"),
                      value_string("array_out"), value_string("array_recv"), value_string("array_send"),
                      value_string("-"), value_string("-"), value_string("array_typanalyze"), value_string("d"),
                      value_string("x"), truth(false), number(0), number(-1), number(0), number(0), value_null(),
                      value_null(), value_null());
}

ROWS(type_rows)
{
  int status = 0;
  for (int id = 0; id < TYPE_COUNT && !status; id++)
    status = add_type(table, sink, (enum type_id)id, error);
  uint32_t oid = 0;
  const struct relation *type;
  while (!status && (type = catalog_next(context->catalog, context->version, &oid))) {
    if (relation_has_row_type(type)) {
      status = add_row_type(table, sink, type, error);
      continue;
    }
    if (type->kind != RELATION_TYPE)
      continue;
    status = add_user_type(table, context, sink, type, error);
    if (!status)
      status = add_user_array(table, context, sink, type, error);
  }
  return status;
}

static const struct system_column enum_columns[] = {C_OID("oid"), C_OID("enumtypid"), C_FLOAT("enumsortorder"),
                                                    C_NAME("enumlabel")};

ROWS(enum_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *type;
  while (!status && (type = next_type(context, TYPE_IS_ENUM, &oid)))
    for (int i = 0; i < type->labels.count && !status; i++)
      status = ADD(number(type->labels.labels[i].oid), number(type->oid),
                   value_float8(((double)type->labels.labels[i].rank - ENUM_RANK_FIRST) / ENUM_RANK_STEP + 1),
                   value_string(type->labels.labels[i].name));
  return status;
}

// --- information_schema -----------------------------------------------------------------------------------------

static const struct system_column domain_columns[] = {
    C_NAME("domain_catalog"),       C_NAME("domain_schema"),
    C_NAME("domain_name"),          C_TEXT("data_type"),
    C_INT4("character_maximum_length"), C_INT4("character_octet_length"),
    C_NAME("character_set_catalog"), C_NAME("character_set_schema"),
    C_NAME("character_set_name"),   C_NAME("collation_catalog"),
    C_NAME("collation_schema"),     C_NAME("collation_name"),
    C_INT4("numeric_precision"),    C_INT4("numeric_precision_radix"),
    C_INT4("numeric_scale"),        C_INT4("datetime_precision"),
    C_TEXT("interval_type"),        C_INT4("interval_precision"),
    C_TEXT("domain_default"),       C_NAME("udt_catalog"),
    C_NAME("udt_schema"),           C_NAME("udt_name"),
    C_NAME("scope_catalog"),        C_NAME("scope_schema"),
    C_NAME("scope_name"),           C_INT4("maximum_cardinality"),
    C_NAME("dtd_identifier"),
};

ROWS(domain_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *domain;
  struct value database = value_string(context->settings->database);
  while (!status && (domain = next_type(context, TYPE_IS_DOMAIN, &oid))) {
    struct type type = domain->schema.columns[0].type;
    struct type_facts facts = system_type_facts(context, sink, type);
    status = ADD(database, value_string(system_schema_name(context, domain->schema_oid)), value_string(domain->name),
                 facts.name, facts.length, facts.octets, value_null(), value_null(), value_null(), value_null(),
                 value_null(), value_null(), facts.precision, facts.radix, facts.scale, facts.digits, facts.interval,
                 value_null(), text_or_null(system_default_text(context, domain, 0, sink->arena)), database,
                 facts.udt_schema, facts.udt_name, value_null(), value_null(), value_null(), value_null(),
                 value_string("1"));
  }
  return status;
}

static const struct system_column domain_constraint_columns[] = {
    C_NAME("constraint_catalog"), C_NAME("constraint_schema"), C_NAME("constraint_name"), C_NAME("domain_catalog"),
    C_NAME("domain_schema"),      C_NAME("domain_name"),       C_TEXT("is_deferrable"),   C_TEXT("initially_deferred"),
};

ROWS(domain_constraint_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *domain;
  struct value database = value_string(context->settings->database);
  while (!status && (domain = next_type(context, TYPE_IS_DOMAIN, &oid)))
    for (int i = 0; i < domain->check_count && !status; i++) {
      struct value schema = value_string(system_schema_name(context, domain->schema_oid));
      status = ADD(database, schema, value_string(domain->checks[i].name), database, schema, value_string(domain->name),
                   value_string("NO"), value_string("NO"));
    }
  return status;
}

const struct system_table type_tables[] = {
    SYSTEM_TABLE(1247, SCHEMA_PG_CATALOG, "pg_type", type_columns, type_rows),
    SYSTEM_TABLE(3501, SCHEMA_PG_CATALOG, "pg_enum", enum_columns, enum_rows),
    SYSTEM_TABLE(13030, SCHEMA_INFORMATION, "domains", domain_columns, domain_rows),
    SYSTEM_TABLE(13031, SCHEMA_INFORMATION, "domain_constraints", domain_constraint_columns, domain_constraint_rows),
    {0},
};
