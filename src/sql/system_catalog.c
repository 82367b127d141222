// pg_catalog's tables about relations: pg_class, pg_attribute, pg_index, pg_constraint, pg_attrdef.
//
// Relations come in the order of their object ids, each with its indexes behind it; then the system tables themselves.
#include "sql/system_internal.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)

// --- pg_class -----------------------------------------------------------------------------------------------

static const struct system_column class_columns[] = {
    C_OID("oid"),
    C_NAME("relname"),
    C_OID("relnamespace"),
    C_OID("reltype"),
    C_OID("reloftype"),
    C_OID("relowner"),
    C_OID("relam"),
    C_OID("relfilenode"),
    C_OID("reltablespace"),
    C_INT4("relpages"),
    C_FLOAT("reltuples"),
    C_INT4("relallvisible"),
    C_OID("reltoastrelid"),
    C_BOOL("relhasindex"),
    C_BOOL("relisshared"),
    C_CHAR("relpersistence"),
    C_CHAR("relkind"),
    C_INT2("relnatts"),
    C_INT2("relchecks"),
    C_BOOL("relhasrules"),
    C_BOOL("relhastriggers"),
    C_BOOL("relhassubclass"),
    C_BOOL("relrowsecurity"),
    C_BOOL("relforcerowsecurity"),
    C_BOOL("relispopulated"),
    C_CHAR("relreplident"),
    C_BOOL("relispartition"),
    C_OID("relrewrite"),
    C_OID("relfrozenxid"),
    C_OID("relminmxid"),
    C_ARRAY("relacl"),
    C_ARRAY("reloptions"),
    C_TEXT("relpartbound"),
};

// What differs from one row of pg_class to the next.
// reloptions; names and values of a view's options need no quotes.
static struct value options_array(struct row_sink *sink, const struct relation *relation)
{
  struct buffer text = {0};
  struct value value = value_null();
  for (int i = 0; i < relation->option_count; i++)
    buffer_format(&text, "%s%s=%s", i ? "," : "{", relation->options[i].name, relation->options[i].value);
  buffer_append_u8(&text, '}');
  if (text.failed ||
      value_from_text(type_plain(TYPE_TEXT_ARRAY), buffer_bytes(&text), &format_settings_default, sink->arena, &value, NULL))
    value = value_null();
  buffer_deinit(&text);
  return value;
}

struct class_row {
  const struct relation *options; // whose they are; NULL: none
  uint32_t oid, schema, access_method, owner, type;
  const char *name, *acl;
  char kind[2];
  tree_number tree;
  bool has_index, has_rules, has_triggers;
  int columns, checks;
};

static int add_class(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                     const struct class_row *row, struct error *error)
{
  int64_t pages = row->tree ? (int64_t)(tree_bytes(context->version, row->tree) / 8192) : 0;
  double count = row->tree ? (double)tree_count(context->version, row->tree) : -1;
  const struct value values[] = {
      number(row->oid),
      value_string(row->name),
      number(row->schema),
      number(row->type),
      number(0),
      number(row->owner),
      number(row->access_method),
      number(row->oid),
      number(0),
      number(pages),
      value_float8(count),
      number(0),
      number(0),
      truth(row->has_index),
      truth(false),
      value_string(schema_is_temporary(row->schema) ? "t" : "p"),
      value_string(row->kind),
      number(row->columns),
      number(row->checks),
      truth(row->has_rules),
      truth(row->has_triggers),
      truth(false),
      truth(false),
      truth(false),
      truth(true),
      value_string(row->kind[0] == 'r' ? "d" : "n"),
      truth(false),
      number(0),
      number(0),
      number(0),
      system_acl(context, sink, row->acl, -1),
      row->options ? options_array(sink, row->options) : value_null(),
      value_null(),
  };
  _Static_assert(sizeof values / sizeof *values == sizeof class_columns / sizeof *class_columns, "pg_class");
  return system_add(table, sink, values, error);
}

static int add_relation_class(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                              const struct relation *relation, struct error *error)
{
  struct class_row row = {
      .oid = relation->oid,
      .schema = relation->schema_oid,
      .type = relation_has_row_type(relation) ? (uint32_t)relation_row_type(relation) : 0,
      .access_method = relation->tree ? OID_HEAP : 0,
      .owner = relation->owner,
      .acl = relation->acl,
      .name = relation->name,
      .kind = {system_relkind(relation)},
      .tree = relation->tree,
      .has_index = relation->index_count > 0,
      .options = relation->kind == RELATION_VIEW && relation->option_count ? relation : NULL,
      .has_rules = relation->kind == RELATION_VIEW,
      .has_triggers = relation->foreign_key_count || relation->referencing_count, // of PostgreSQL's foreign keys
      .columns = relation->schema.column_count,
      .checks = relation->check_count,
  };
  int status = add_class(table, context, sink, &row, error);
  for (int i = 0; i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    struct class_row of_index = {
        .oid = index->oid,
        .schema = relation->schema_oid,
        .access_method = OID_BTREE,
        .owner = relation->owner,
        .name = index->name,
        .kind = "i",
        .tree = index->tree,
        .columns = index->part_count + index->include_count,
    };
    status = add_class(table, context, sink, &of_index, error);
  }
  return status;
}

static const char *system_kind(const struct system_table *table)
{
  return table->schema_oid == SCHEMA_PG_CATALOG && table->oid < 12000 ? "r" : "v";
}

ROWS(class_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = system_next_relation(context, &oid)))
    status = add_relation_class(table, context, sink, relation, error);
  const struct system_table *system;
  for (int i = 0; !status && (system = system_table_at(i)); i++) {
    struct class_row row = {.oid = system->oid,
                            .schema = system->schema_oid,
                            .owner = ROLE_OWNER,
                            .name = system->name,
                            .kind = {system_kind(system)[0]},
                            .columns = system->column_count};
    status = add_class(table, context, sink, &row, error);
  }
  return status;
}

// --- pg_attribute -------------------------------------------------------------------------------------------

static const struct system_column attribute_columns[] = {
    C_OID("attrelid"),        C_NAME("attname"),       C_OID("atttypid"),      C_INT4("attstattarget"),
    C_INT2("attlen"),         C_INT2("attnum"),        C_INT4("attndims"),     C_INT4("attcacheoff"),
    C_INT4("atttypmod"),      C_BOOL("attbyval"),      C_CHAR("attalign"),     C_CHAR("attstorage"),
    C_CHAR("attcompression"), C_BOOL("attnotnull"),    C_BOOL("atthasdef"),    C_BOOL("atthasmissing"),
    C_CHAR("attidentity"),    C_CHAR("attgenerated"),  C_BOOL("attisdropped"), C_BOOL("attislocal"),
    C_INT4("attinhcount"),    C_OID("attcollation"),   C_ARRAY("attacl"),      C_ARRAY("attoptions"),
    C_ARRAY("attfdwoptions"), C_TEXT("attmissingval"),
};

struct attribute_row {
  uint32_t relation;
  const char *name;
  struct type type;
  uint32_t type_oid;
  int place; // from 1
  bool not_null, has_default, is_dropped;
  struct value acl;
  enum identity identity;
  bool is_generated;
};

static int add_attribute(const struct system_table *table, struct row_sink *sink, const struct attribute_row *row,
                         struct error *error)
{
  const struct type_info *type = type_info(row->type.id);
  bool is_fixed = type->wire_size > 0;
  const char *align = type->wire_size == 1 || type->wire_size == 64 ? "c"
                      : type->wire_size == 2                        ? "s"
                      : type->wire_size == 8                        ? "d"
                                                                    : "i";
  const struct value values[] = {
      number(row->relation),
      value_string(row->name),
      number(row->is_dropped ? 0 : row->type_oid),
      number(-1),
      number(type->wire_size),
      number(row->place),
      number(type_is_array(row->type.id)), // how many dimensions were declared does not matter, and is not kept
      number(-1),
      number(type_wire_modifier(row->type)),
      truth(is_fixed && type->wire_size <= 8),
      value_string(align),
      value_string(is_fixed                       ? "p"
                   : row->type.id == TYPE_NUMERIC ? "m"
                                                  : "x"),
      value_string(""),
      truth(row->not_null),
      truth(row->has_default),
      truth(false),
      value_string(row->identity == IDENTITY_ALWAYS       ? "a"
                   : row->identity == IDENTITY_BY_DEFAULT ? "d"
                                                          : ""),
      value_string(row->is_generated ? "s" : ""),
      truth(row->is_dropped),
      truth(true),
      number(0),
      number(system_collation(row->type.id)),
      row->acl,
      value_null(),
      value_null(),
      value_null(),
  };
  _Static_assert(sizeof values / sizeof *values == sizeof attribute_columns / sizeof *attribute_columns,
                 "pg_attribute");
  return system_add(table, sink, values, error);
}

static int add_index_attributes(const struct system_table *table, struct system_context *context,
                                struct row_sink *sink, const struct relation *relation, const struct index *index, struct error *error)
{
  int status = 0;
  for (int i = 0; i < index->part_count + index->include_count && !status; i++) {
    int number = i < index->part_count ? index->parts[i].column : index->includes[i - index->part_count];
    const struct column *column = &relation->schema.columns[number];
    struct attribute_row row = {
        .relation = index->oid, .name = column->name, .type = column->type,
        .type_oid = system_column_type(context, column), .place = i + 1, .acl = value_null()};
    status = add_attribute(table, sink, &row, error);
  }
  return status;
}

static int add_relation_attributes(const struct system_table *table, struct system_context *context,
                                   struct row_sink *sink, const struct relation *relation, struct error *error)
{
  int status = 0;
  for (int i = 0; i < relation->schema.column_count && !status; i++) {
    const struct column *column = &relation->schema.columns[i];
    struct attribute_row row = {
        .relation = relation->oid,
        .name = column->name,
        .type = column->type,
        .type_oid = system_column_type(context, column),
        .place = i + 1,
        .acl = system_acl(context, sink, relation->acl, i),
        .not_null = column->not_null,
        .has_default = relation->defaults && relation->defaults[i].text && !column->identity,
        .identity = column->identity,
        .is_generated = column->is_generated,
        .is_dropped = column->is_dropped,
    };
    status = add_attribute(table, sink, &row, error);
  }
  for (int i = 0; i < relation->index_count && !status; i++)
    status = add_index_attributes(table, context, sink, relation, &relation->indexes[i], error);
  return status;
}

ROWS(attribute_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = system_next_relation(context, &oid)))
    status = add_relation_attributes(table, context, sink, relation, error);
  const struct system_table *system;
  for (int i = 0; !status && (system = system_table_at(i)); i++)
    for (int c = 0; c < system->column_count && !status; c++) {
      struct attribute_row row = {.relation = system->oid,
                                  .name = system->columns[c].name,
                                  .type = type_plain(system->columns[c].type),
                                  .type_oid = type_oid(system->columns[c].type),
                                  .place = c + 1,
                                  .acl = value_null()};
      status = add_attribute(table, sink, &row, error);
    }
  return status;
}

// --- pg_index -----------------------------------------------------------------------------------------------

static const struct system_column index_columns[] = {
    C_OID("indexrelid"),      C_OID("indrelid"),        C_INT2("indnatts"),
    C_INT2("indnkeyatts"),    C_BOOL("indisunique"),    C_BOOL("indnullsnotdistinct"),
    C_BOOL("indisprimary"),   C_BOOL("indisexclusion"), C_BOOL("indimmediate"),
    C_BOOL("indisclustered"), C_BOOL("indisvalid"),     C_BOOL("indcheckxmin"),
    C_BOOL("indisready"),     C_BOOL("indislive"),      C_BOOL("indisreplident"),
    {"indkey", TYPE_INT2_VECTOR},        C_TEXT("indcollation"),   C_TEXT("indclass"),
    {"indoption", TYPE_INT2_VECTOR},     C_TEXT("indexprs"),       C_TEXT("indpred"),
};

enum vector { VECTOR_KEY, VECTOR_COLLATION, VECTOR_CLASS, VECTOR_OPTION };

// Numbers of an index's columns with blanks between, as PostgreSQL's vectors print.
static struct value key_vector(struct row_sink *sink, const struct relation *relation, const struct index *index,
                               enum vector vector)
{
  struct buffer text = {0};
  int count = index->part_count + (vector == VECTOR_KEY ? index->include_count : 0);
  for (int i = 0; i < count; i++) {
    const struct key_part included = {.column = i < index->part_count ? 0 : index->includes[i - index->part_count]};
    const struct key_part *part = i < index->part_count ? &index->parts[i] : &included;
    uint32_t v = 0;
    switch (vector) {
    case VECTOR_KEY: v = relation_is_expression(relation, part->column) ? 0 : part->column + 1u; break;
    case VECTOR_COLLATION: v = system_collation(relation->schema.columns[part->column].type.id); break;
    case VECTOR_CLASS: break;
    case VECTOR_OPTION: v = (part->descending ? 1u : 0u) | (part->nulls_first ? 2u : 0u); break;
    }
    buffer_format(&text, "%s%u", i ? " " : "", v);
  }
  bool is_of_numbers = vector == VECTOR_KEY || vector == VECTOR_OPTION;
  struct value value = system_array(sink, is_of_numbers ? TYPE_INT2_VECTOR : TYPE_TEXT, &text);
  buffer_deinit(&text);
  return value;
}

// The expressions among the index's parts, as pg_get_expr shows them.
static struct value index_expressions(struct system_context *context, struct row_sink *sink,
                                      const struct relation *relation, const struct index *index)
{
  const char *text = NULL;
  for (int i = 0; i < index->part_count; i++)
    if (relation_is_expression(relation, index->parts[i].column)) {
      const char *shown = relation_expression(relation, index->parts[i].column)->shown;
      text = text ? arena_format(sink->arena, "%s, %s", text, shown) : shown;
    }
  return text_or_null(text ? system_named_text(context, text, sink->arena) : NULL);
}

static int add_index(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                     const struct relation *relation, const struct index *index, struct error *error)
{
  const char *predicate = index->is_partial ? relation_expression(relation, index->predicate)->shown : NULL;
  const struct value values[] = {
      number(index->oid),
      number(relation->oid),
      number(index->part_count + index->include_count),
      number(index->part_count),
      truth(index->is_unique),
      truth(index->nulls_are_equal),
      truth(index_is_primary_key(index)),
      truth(false),
      truth(!index->is_deferrable),
      truth(false),
      truth(true),
      truth(false),
      truth(true),
      truth(true),
      truth(false),
      key_vector(sink, relation, index, VECTOR_KEY),
      key_vector(sink, relation, index, VECTOR_COLLATION),
      key_vector(sink, relation, index, VECTOR_CLASS),
      key_vector(sink, relation, index, VECTOR_OPTION),
      index_expressions(context, sink, relation, index),
      text_or_null(predicate ? system_named_text(context, predicate, sink->arena) : NULL),
  };
  _Static_assert(sizeof values / sizeof *values == sizeof index_columns / sizeof *index_columns, "pg_index");
  return system_add(table, sink, values, error);
}

ROWS(index_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = system_next_relation(context, &oid)))
    for (int i = 0; i < relation->index_count && !status; i++)
      status = add_index(table, context, sink, relation, &relation->indexes[i], error);
  return status;
}

// --- pg_attrdef ---------------------------------------------------------------------------------------------

static const struct system_column default_columns[] = {C_OID("oid"), C_OID("adrelid"), C_INT2("adnum"),
                                                       C_TEXT("adbin")};

ROWS(default_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = system_next_relation(context, &oid)))
    for (int i = 0; relation->defaults && i < relation->schema.column_count && !status; i++) {
      const char *text = system_default_text(context, relation, i, sink->arena);
      if (!text)
        continue;
      const struct value values[] = {number(system_default_oid(relation, i)), number(relation->oid), number(i + 1),
                                     value_string(text)};
      status = system_add(table, sink, values, error);
    }
  return status;
}

const struct system_table catalog_tables[] = {
    SYSTEM_TABLE(1259, SCHEMA_PG_CATALOG, "pg_class", class_columns, class_rows),
    SYSTEM_TABLE(1249, SCHEMA_PG_CATALOG, "pg_attribute", attribute_columns, attribute_rows),
    SYSTEM_TABLE(2610, SCHEMA_PG_CATALOG, "pg_index", index_columns, index_rows),
    SYSTEM_TABLE(2604, SCHEMA_PG_CATALOG, "pg_attrdef", default_columns, default_rows),
    {0},
};
