// Constraints as system tables: pg_constraint and the tables of information_schema that are about them.
//
// All of them walk one list: the constraints of each relation, keys first, then foreign keys, then checks.
#include <stdio.h>

#include "sql/system_internal.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

// One constraint: of index, key and check, one is there.
struct constraint_place {
  const struct relation *relation;
  const struct index *index;
  const struct foreign_key *key;
  const struct constraint *check;
  int check_number;
};

struct constraint_walk {
  struct system_context *context;
  uint32_t oid;
  bool with_domains; // and what holds of their values
  const struct relation *relation;
  int at; // of the relation's constraints
};

static bool next_constraint(struct constraint_walk *walk, struct constraint_place *place)
{
  for (;;) {
    const struct relation *relation = walk->relation;
    int at = relation ? walk->at++ : 0;
    if (!relation || at >= relation->index_count + relation->foreign_key_count + relation->check_count) {
      walk->at = 0;
      walk->relation = catalog_next(walk->context->catalog, walk->context->version, &walk->oid);
      if (!walk->relation)
        return false;
      if (walk->relation->kind == RELATION_TYPE && !walk->with_domains)
        walk->relation = NULL;
      continue;
    }
    *place = (struct constraint_place){.relation = relation};
    if (at < relation->index_count) {
      if (!relation->indexes[at].is_constraint)
        continue;
      place->index = &relation->indexes[at];
      return true;
    }
    at -= relation->index_count;
    if (at < relation->foreign_key_count) {
      place->key = &relation->foreign_keys[at];
      return true;
    }
    place->check_number = at - relation->foreign_key_count;
    place->check = &relation->checks[place->check_number];
    return true;
  }
}

static const char *name_of(const struct constraint_place *place)
{
  return place->index ? place->index->name : place->key ? place->key->name : place->check->name;
}

static bool is_deferrable(const struct constraint_place *place)
{
  return place->index ? place->index->is_deferrable : place->key && place->key->is_deferrable;
}

static bool is_deferred(const struct constraint_place *place)
{
  return place->index ? place->index->is_deferred : place->key && place->key->is_deferred;
}

// What a foreign key refers to; NULL: out of memory, or gone.
static const struct relation *parent_of(struct system_context *context, const struct constraint_place *place,
                                        const struct index **index)
{
  const struct relation *parent = catalog_find_oid(context->catalog, context->version, place->key->referenced_oid);
  *index = NULL;
  for (int i = 0; parent && i < parent->index_count; i++)
    if (parent->indexes[i].oid == place->key->index_oid)
      *index = &parent->indexes[i];
  return *index ? parent : NULL;
}

static int column_count(const struct constraint_place *place)
{
  return place->index ? place->index->part_count : place->key ? place->key->part_count : 0;
}

static int column_number(const struct constraint_place *place, int i)
{
  return place->index ? place->index->parts[i].column : place->key->columns[i];
}

// --- pg_constraint ------------------------------------------------------------------------------------------

static const struct system_column constraint_columns[] = {
    C_OID("oid"),           C_NAME("conname"),       C_OID("connamespace"),
    C_CHAR("contype"),      C_BOOL("condeferrable"), C_BOOL("condeferred"),
    C_BOOL("convalidated"), C_OID("conrelid"),       C_OID("contypid"),
    C_OID("conindid"),      C_OID("conparentid"),    C_OID("confrelid"),
    C_CHAR("confupdtype"),  C_CHAR("confdeltype"),   C_CHAR("confmatchtype"),
    C_BOOL("conislocal"),   C_INT4("coninhcount"),   C_BOOL("connoinherit"),
    {"conkey", TYPE_INT2_ARRAY},       {"confkey", TYPE_INT2_ARRAY},       {"conpfeqop", TYPE_OID_ARRAY},
    {"conppeqop", TYPE_OID_ARRAY},    {"conffeqop", TYPE_OID_ARRAY},     {"confdelsetcols", TYPE_INT2_ARRAY},
    {"conexclop", TYPE_OID_ARRAY},    C_TEXT("conbin"),
};

// NULL for none.
static struct value column_array(struct row_sink *sink, const uint16_t *columns, const struct key_part *parts,
                                 int count)
{
  struct buffer text = {0};
  for (int i = 0; i < count; i++)
    buffer_format(&text, "%s%d", i ? "," : "{", (columns ? columns[i] : parts[i].column) + 1);
  buffer_append_u8(&text, '}');
  struct value value = count ? system_array(sink, TYPE_INT2_ARRAY, &text) : value_null();
  buffer_deinit(&text);
  return value;
}

static bool note_column(const struct node *node, void *context)
{
  bool *reads = context;
  if (node->kind == NODE_COLUMN && node->column < LIMIT_COLUMNS)
    reads[node->column] = true;
  return true;
}

// The columns that a check reads.
static struct value check_columns(struct row_sink *sink, const struct constraint *check)
{
  bool reads[LIMIT_COLUMNS] = {false};
  uint16_t columns[LIMIT_COLUMNS];
  int count = 0;
  if (check->check.node)
    node_walk(check->check.node, note_column, reads);
  for (uint16_t i = 0; i < LIMIT_COLUMNS; i++)
    if (reads[i])
      columns[count++] = i;
  return column_array(sink, columns, NULL, count);
}

static struct value letter(struct row_sink *sink, char c)
{
  return system_text(sink, "%c", c);
}

ROWS(constraint_rows)
{
  struct constraint_walk walk = {.context = context, .with_domains = true};
  struct constraint_place place;
  int status = 0;
  while (!status && next_constraint(&walk, &place)) {
    const struct foreign_key *key = place.key;
    const struct index *index = place.index;
    uint32_t oid = index ? index->oid : key ? key->oid : system_check_oid(place.relation, place.check_number);
    const struct value values[] = {
        number(oid),
        value_string(name_of(&place)),
        number(place.relation->schema_oid),
        letter(sink, key                           ? 'f'
                     : !index                      ? 'c'
                     : index_is_primary_key(index) ? 'p'
                                                   : 'u'),
        truth(is_deferrable(&place)),
        truth(is_deferred(&place)),
        truth(!(key ? key->is_not_valid : !index && place.relation->checks[place.check_number].is_not_valid)),
        number(place.relation->kind == RELATION_TYPE ? 0 : place.relation->oid),
        number(place.relation->kind == RELATION_TYPE ? place.relation->oid : 0),
        number(index ? index->oid
               : key ? key->index_oid
                     : 0),
        number(0),
        number(key ? key->referenced_oid : 0),
        letter(sink, key ? (char)key->on_update : ' '),
        letter(sink, key ? (char)key->on_delete : ' '),
        letter(sink, !key           ? ' '
                     : key->is_full ? 'f'
                                    : 's'),
        truth(true),
        number(0),
        truth(!place.check),
        place.check && place.relation->kind != RELATION_TYPE ? check_columns(sink, place.check)
        : key ? column_array(sink, key->columns, NULL, key->part_count)
              : column_array(sink, NULL, index ? index->parts : NULL, index ? index->part_count : 0),
        key ? column_array(sink, key->referenced_columns, NULL, key->part_count) : value_null(),
        value_null(),
        value_null(),
        value_null(),
        key ? column_array(sink, key->delete_columns, NULL, key->delete_column_count) : value_null(),
        value_null(),
        place.check ? value_string(place.check->check.text) : value_null(),
    };
    _Static_assert(sizeof values / sizeof *values == sizeof constraint_columns / sizeof *constraint_columns,
                   "pg_constraint");
    status = system_add(table, sink, values, error);
  }
  return status;
}

// --- information_schema -----------------------------------------------------------------------------------------

static struct value database_of(struct system_context *context)
{
  return value_string(context->settings->database);
}

static struct value schema_of(struct system_context *context, const struct relation *relation)
{
  return value_string(system_schema_name(context, relation->schema_oid));
}

static struct value yes_or_no(bool yes)
{
  return value_string(yes ? "YES" : "NO");
}

static const struct system_column constraints_columns[] = {
    C_NAME("constraint_catalog"), C_NAME("constraint_schema"), C_NAME("constraint_name"), C_NAME("table_catalog"),
    C_NAME("table_schema"),       C_NAME("table_name"),        C_TEXT("constraint_type"), C_TEXT("is_deferrable"),
    C_TEXT("initially_deferred"), C_TEXT("enforced"),          C_TEXT("nulls_distinct"),
};

ROWS(constraints_rows)
{
  struct constraint_walk walk = {.context = context};
  struct constraint_place place;
  int status = 0;
  while (!status && next_constraint(&walk, &place)) {
    struct value database = database_of(context), schema = schema_of(context, place.relation);
    bool is_unique = place.index && !index_is_primary_key(place.index);
    status = ADD(database, schema, value_string(name_of(&place)), database, schema, value_string(place.relation->name),
                 value_string(place.key     ? "FOREIGN KEY"
                              : place.check ? "CHECK"
                              : is_unique   ? "UNIQUE"
                                            : "PRIMARY KEY"),
                 yes_or_no(is_deferrable(&place)), yes_or_no(is_deferred(&place)), value_string("YES"),
                 is_unique ? value_string("YES") : value_null());
  }
  return status;
}

static const struct system_column key_columns[] = {
    C_NAME("constraint_catalog"), C_NAME("constraint_schema"), C_NAME("constraint_name"),
    C_NAME("table_catalog"),      C_NAME("table_schema"),      C_NAME("table_name"),
    C_NAME("column_name"),        C_INT4("ordinal_position"),  C_INT4("position_in_unique_constraint"),
};

// The place of a foreign key's column in the key to which it refers.
static struct value place_in_unique(struct system_context *context, const struct constraint_place *place, int column)
{
  const struct index *index;
  if (!place->key || !parent_of(context, place, &index))
    return value_null();
  for (int i = 0; i < index->part_count; i++)
    if (index->parts[i].column == place->key->referenced_columns[column])
      return number(i + 1);
  return value_null();
}

ROWS(key_rows)
{
  struct constraint_walk walk = {.context = context};
  struct constraint_place place;
  int status = 0;
  while (!status && next_constraint(&walk, &place))
    for (int i = 0; i < column_count(&place) && !status; i++) {
      struct value database = database_of(context), schema = schema_of(context, place.relation);
      status =
          ADD(database, schema, value_string(name_of(&place)), database, schema, value_string(place.relation->name),
              value_string(place.relation->schema.columns[column_number(&place, i)].name), number(i + 1),
              place_in_unique(context, &place, i));
    }
  return status;
}

static const struct system_column referential_columns[] = {
    C_NAME("constraint_catalog"),
    C_NAME("constraint_schema"),
    C_NAME("constraint_name"),
    C_NAME("unique_constraint_catalog"),
    C_NAME("unique_constraint_schema"),
    C_NAME("unique_constraint_name"),
    C_TEXT("match_option"),
    C_TEXT("update_rule"),
    C_TEXT("delete_rule"),
};

ROWS(referential_rows)
{
  struct constraint_walk walk = {.context = context};
  struct constraint_place place;
  int status = 0;
  while (!status && next_constraint(&walk, &place)) {
    const struct index *index;
    const struct relation *parent = place.key ? parent_of(context, &place, &index) : NULL;
    if (!parent)
      continue;
    bool is_named = index->is_constraint; // an index alone has no constraint's name
    status =
        ADD(database_of(context), schema_of(context, place.relation), value_string(place.key->name),
            is_named ? database_of(context) : value_null(), is_named ? schema_of(context, parent) : value_null(),
            is_named ? value_string(index->name) : value_null(), value_string(place.key->is_full ? "FULL" : "NONE"),
            value_string(foreign_action_name(place.key->on_update)),
            value_string(foreign_action_name(place.key->on_delete)));
  }
  return status;
}

static const struct system_column column_usage_columns[] = {
    C_NAME("table_catalog"),      C_NAME("table_schema"),      C_NAME("table_name"),      C_NAME("column_name"),
    C_NAME("constraint_catalog"), C_NAME("constraint_schema"), C_NAME("constraint_name"),
};

// The columns that a key has, and those to which a foreign key refers.
ROWS(column_usage_rows)
{
  struct constraint_walk walk = {.context = context};
  struct constraint_place place;
  int status = 0;
  while (!status && next_constraint(&walk, &place)) {
    const struct index *index;
    const struct relation *used = place.key ? parent_of(context, &place, &index) : place.relation;
    for (int i = 0; used && i < column_count(&place) && !status; i++) {
      int column = place.key ? place.key->referenced_columns[i] : column_number(&place, i);
      status = ADD(database_of(context), schema_of(context, used), value_string(used->name),
                   value_string(used->schema.columns[column].name), database_of(context),
                   schema_of(context, place.relation), value_string(name_of(&place)));
    }
  }
  return status;
}

static const struct system_column table_usage_columns[] = {
    C_NAME("table_catalog"),      C_NAME("table_schema"),      C_NAME("table_name"),
    C_NAME("constraint_catalog"), C_NAME("constraint_schema"), C_NAME("constraint_name"),
};

ROWS(table_usage_rows)
{
  struct constraint_walk walk = {.context = context};
  struct constraint_place place;
  int status = 0;
  while (!status && next_constraint(&walk, &place)) {
    const struct index *index;
    const struct relation *used = place.key ? parent_of(context, &place, &index) : place.relation;
    if (used && !place.check)
      status = ADD(database_of(context), schema_of(context, used), value_string(used->name), database_of(context),
                   schema_of(context, place.relation), value_string(name_of(&place)));
  }
  return status;
}

#define INFORMATION(oid, name, columns, rows) SYSTEM_TABLE(oid, SCHEMA_INFORMATION, name, columns, rows)

const struct system_table constraint_tables[] = {
    SYSTEM_TABLE(2606, SCHEMA_PG_CATALOG, "pg_constraint", constraint_columns, constraint_rows),
    INFORMATION(13004, "table_constraints", constraints_columns, constraints_rows),
    INFORMATION(13005, "key_column_usage", key_columns, key_rows),
    INFORMATION(13007, "referential_constraints", referential_columns, referential_rows),
    INFORMATION(13020, "constraint_column_usage", column_usage_columns, column_usage_rows),
    INFORMATION(13021, "constraint_table_usage", table_usage_columns, table_usage_rows),
    {0},
};
