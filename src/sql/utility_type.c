// Types made by users: CREATE TYPE … AS ENUM, what ALTER TYPE and ALTER DOMAIN have in common, DROP.
//
// 1. A type is a definition like a table's: its row in the catalog, its name, what depends on it.
// 2. Whatever names a type is compiled with what the type is: when that changes, all that depends on it gets a fresh stamp.
// 3. A value holds its label (data/enum.h): when a label is renamed, or the labels are ranked anew, all rows that have
//    values of the enum move into fresh trees.
#include <ctype.h>
#include <stdio.h>

#include "data/array.h"
#include "sql/utility_internal.h"
#include "sql/view.h"

enum { LIMIT_LABELS = 10000 }; // of one enum

// --- Which is which ---------------------------------------------------------------------------------------------

static const char *tag_of(PgQuery__ObjectType type, const char *of_type, const char *of_domain)
{
  switch (type) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE: return of_type;
  case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
  case PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT: return of_domain;
  default: return NULL;
  }
}

const char *type_tag(const PgQuery__Node *node)
{
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT:
  case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT: return "CREATE TYPE";
  case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return tag_of(node->alter_table_stmt->objtype, "ALTER TYPE", NULL);
  case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT: return "ALTER TYPE";
  case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT: return "CREATE DOMAIN";
  case PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT: return "ALTER DOMAIN";
  case PG_QUERY__NODE__NODE_RENAME_STMT: return tag_of(node->rename_stmt->rename_type, "ALTER TYPE", "ALTER DOMAIN");
  case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
    return tag_of(node->alter_owner_stmt->object_type, "ALTER TYPE", "ALTER DOMAIN");
  case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
    return tag_of(node->alter_object_schema_stmt->object_type, "ALTER TYPE", "ALTER DOMAIN");
  case PG_QUERY__NODE__NODE_DROP_STMT: return tag_of(node->drop_stmt->remove_type, "DROP TYPE", "DROP DOMAIN");
  default: return NULL;
  }
}

// --- Finding and making -----------------------------------------------------------------------------------------

static PgQuery__RangeVar name_of(PgQuery__Node *const *names, size_t count)
{
  PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
  name.location = -1;
  if (count)
    name.relname = (char *)(uintptr_t)utility_string(names[count - 1]);
  if (count > 1)
    name.schemaname = (char *)(uintptr_t)utility_string(names[count - 2]);
  return name;
}

int type_find(const struct utility_input *input, PgQuery__Node *const *names, size_t count, enum type_kind kind,
              bool missing_ok, const struct relation **type, struct error *error)
{
  PgQuery__RangeVar name = name_of(names, count);
  const char *schema = utility_text_given(name.schemaname) ? name.schemaname : NULL;
  struct name_scope scope = utility_scope(input);
  bool is_built_in = !schema || strcmp(schema, "pg_catalog") == 0;
  int status = catalog_find(input->catalog, input->writer->version, &scope, schema, name.relname, "T", RIGHT_OWN,
                            missing_ok || !schema || catalog_schema(input->catalog, input->writer->version, schema), type,
                            error);
  if (status || (!*type && missing_ok))
    return status;
  if (!*type && is_built_in && type_of_name(name.relname) < TYPE_COUNT)
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be owner of type %s", name.relname);
  if (kind == TYPE_IS_COMPOSITE && (!*type || (*type)->type_kind != kind))
    return error_set(error, SQLSTATE_UNDEFINED_TABLE, "relation \"%s%s%s\" does not exist", schema ? schema : "",
                     schema ? "." : "", name.relname);
  if (!*type)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type \"%s%s%s\" does not exist", schema ? schema : "",
                     schema ? "." : "", name.relname);
  if (kind && (*type)->type_kind != kind)
    return error_set(error, SQLSTATE_WRONG_OBJECT_TYPE,
                     kind == TYPE_IS_ENUM ? "%s is not an enum" : "%s is not a domain",
                     catalog_shown(input->writer, *type).text);
  return 0;
}

int type_define(const struct utility_input *input, PgQuery__Node *const *names, size_t count, enum type_kind kind,
                struct relation **definition, struct error *error)
{
  PgQuery__RangeVar name = name_of(names, count);
  struct relation *own = *definition = ARENA_NEW(input->arena, struct relation);
  if (!own)
    return error_memory(error);
  own->kind = RELATION_TYPE;
  own->type_kind = kind;
  own->owner = input->settings->role;
  snprintf(own->name, sizeof own->name, "%s", name.relname);
  int status = utility_schema(input, &name, &own->schema_oid, error);
  if (!status && catalog_name(input->catalog, input->writer->version, own->schema_oid, own->name))
    status = error_set(error, SQLSTATE_DUPLICATE_OBJECT, "type \"%s\" already exists", own->name);
  return status;
}

int types_numbered(const struct utility_input *input, bool is_query, const char **text, struct error *error)
{
  struct bind_input bind = utility_bind(input);
  return view_number_types(&bind, is_query, text, error);
}

// --- Labels -----------------------------------------------------------------------------------------------------

static int check_label(const char *label, struct error *error)
{
  if (strlen(label) <= LIMIT_IDENTIFIER)
    return 0;
  int status = error_set(error, SQLSTATE_INVALID_NAME, "invalid enum label \"%s\"", label);
  error_detail(error, "Labels must be %d bytes or less.", LIMIT_IDENTIFIER);
  return status;
}

static void rank_all(struct enum_type *labels)
{
  for (int i = 0; i < labels->count; i++)
    labels->labels[i].rank = ENUM_RANK_FIRST + (uint32_t)i * ENUM_RANK_STEP;
}

static int enum_create(const struct utility_input *input, const PgQuery__CreateEnumStmt *create, struct error *error)
{
  struct relation *definition;
  int status = type_define(input, create->type_name, create->n_type_name, TYPE_IS_ENUM, &definition, error);
  if (!status && create->n_vals > LIMIT_LABELS)
    status = error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "an enum can have at most %d labels", LIMIT_LABELS);
  if (status)
    return status;
  struct enum_type *labels = &definition->labels;
  labels->labels = ARENA_ARRAY(input->arena, struct enum_label, create->n_vals + 1);
  if (!labels->labels)
    return error_memory(error);
  for (size_t i = 0; i < create->n_vals && !status; i++) {
    const char *label = utility_string(create->vals[i]);
    status = check_label(label, error);
    if (!status && enum_find(labels, bytes_of_string(label)))
      status = error_set(error, SQLSTATE_UNIQUE_VIOLATION,
                         "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"");
    labels->labels[labels->count++] = (struct enum_label){.name = label};
  }
  rank_all(labels);
  return status ? status : catalog_create(input->catalog, input->writer, definition, error);
}

static int not_a_label(const char *label, struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%s\" is not an existing enum label", label);
}

static int label_number(const struct enum_type *labels, const char *label)
{
  const struct enum_label *found = enum_find(labels, bytes_of_string(label));
  return found ? (int)(found - labels->labels) : -1;
}

// Puts the label in its place. *ranks_anew: there was no rank left between its neighbours.
static int insert_label(const struct utility_input *input, struct enum_type *labels, const char *label, int place,
                        bool *ranks_anew, struct error *error)
{
  struct enum_label *grown = ARENA_ARRAY(input->arena, struct enum_label, labels->count + 1);
  if (!grown)
    return error_memory(error);
  for (int i = 0; i < labels->count; i++)
    grown[i < place ? i : i + 1] = labels->labels[i];
  uint32_t low = place ? labels->labels[place - 1].rank : 0;
  uint32_t high = place < labels->count ? labels->labels[place].rank : UINT32_MAX;
  bool has_step = (place == 0 || place == labels->count) && high - low > ENUM_RANK_STEP;
  uint32_t rank = !labels->count ? ENUM_RANK_FIRST
                  : !has_step    ? low + (high - low) / 2
                  : place        ? low + ENUM_RANK_STEP
                                 : high - ENUM_RANK_STEP;
  grown[place] = (struct enum_label){.name = label, .rank = rank};
  labels->labels = grown;
  labels->count++;
  *ranks_anew = rank == low;
  if (*ranks_anew)
    rank_all(labels);
  return 0;
}

// --- Rows whose values change -----------------------------------------------------------------------------------

struct relabelling {
  struct row_walk walk; // first: a walk that is under way is part of one
  enum type_id type;
  const struct enum_type *from, *to; // labels by their numbers
};

static int relabel(const struct relabelling *own, struct value *value, struct error *error)
{
  const struct enum_label *label = value->is_null ? NULL : enum_find(own->from, enum_text(value));
  if (!label)
    return 0;
  for (int i = 0; i < own->to->count; i++)
    if (own->to->labels[i].oid == label->oid)
      return enum_value(&own->to->labels[i], own->walk.input->arena, value, error);
  return 0;
}

static int relabel_elements(const struct relabelling *own, struct value *value, struct error *error)
{
  if (value->is_null)
    return 0;
  struct array array = array_of((enum type_id)(own->type | TYPE_USER_ARRAY), value);
  struct array_builder builder;
  struct value element;
  int status = 0;
  array_builder_init(&builder, own->type, own->walk.input->arena->account);
  for (struct array_walk walk = array_walk(&array); !status && array_next(&walk, &element);) {
    status = relabel(own, &element, error);
    array_add(&builder, &element);
  }
  if (!status)
    return array_finish(&builder, &array.shape, own->walk.input->arena, value, error);
  array_builder_deinit(&builder);
  return status;
}

static int visit_relabel(const struct row_walk *walk)
{
  const struct relabelling *own = (const void *)walk;
  const struct schema *schema = &walk->relation->schema;
  int status = 0;
  for (int i = 0; i < schema->column_count && !status; i++)
    if (schema->columns[i].type.id == own->type)
      status = relabel(own, &walk->values[i], walk->error);
    else if (schema->columns[i].type.id == (enum type_id)(own->type | TYPE_USER_ARRAY))
      status = relabel_elements(own, &walk->values[i], walk->error);
  return status ? status : table_insert(walk->input->writer, walk->to, walk->values, -1, NULL, NULL);
}

int type_move_rows(struct row_walk *walk, const struct relation *table, int (*visit)(const struct row_walk *walk))
{
  const struct utility_input *input = walk->input;
  struct error *error = walk->error;
  struct relation *definition = catalog_copy(table, input->arena);
  const struct relation *stored;
  if (!definition)
    return error_memory(error);
  definition->tree = 0;
  int status = table_refuse_pending(input->writer, table, "ALTER TYPE");
  if (!status && ++definition->schema.version > 0x7fff)
    status = error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the columns of \"%s\" were changed too often",
                       definition->name);
  if (!status)
    status = definition_store(input, definition, &stored, error);
  if (status)
    return status;
  struct relation to = *stored;
  to.is_checked_late = false; // the rows are what they were, and fit
  to.check_count = 0;
  to.has_domains = false;
  walk->relation = table;
  walk->to = &to;
  return row_walk_run(walk, visit);
}

static int relabel_table(void *context, const struct relation *table)
{
  struct relabelling *own = context;
  return type_move_rows(&own->walk, table, visit_relabel);
}

int type_walk_tables(const struct utility_input *input, uint32_t type, void *context,
                     int (*visit)(void *context, const struct relation *table), struct error *error)
{
  const struct relation *dependent;
  uint32_t oid = 0;
  int status = catalog_dependent(input->writer, type, &oid, &dependent);
  while (!status && dependent) {
    bool has_rows = dependent->tree && (dependent->kind == RELATION_TABLE || dependent->kind == RELATION_SOURCE);
    if (has_rows)
      dependent = catalog_find_oid(input->catalog, input->writer->version, oid);
    if (!dependent)
      return error_memory(error);
    if (has_rows)
      status = visit(context, dependent);
    else if (dependent->kind == RELATION_TYPE)
      status = type_walk_tables(input, oid, context, visit, error);
    if (!status)
      status = catalog_dependent(input->writer, type, &oid, &dependent);
  }
  return status;
}

// --- Texts that name a label ------------------------------------------------------------------------------------

static void append_label(struct buffer *out, const char *label, uint32_t type)
{
  buffer_append_u8(out, '\'');
  for (; *label; label++) {
    if (*label == '\'')
      buffer_append_u8(out, '\'');
    buffer_append_u8(out, (uint8_t)*label);
  }
  buffer_format(out, "'::pg_catalog.type_%u", type);
}

struct renaming {
  const struct utility_input *input;
  struct buffer from, to; // 'label'::type
};

static int rename_in_text(struct renaming *renaming, const char **text, struct error *error)
{
  const char *at = *text;
  if (!at || !strstr(at, (const char *)renaming->from.data))
    return 0;
  struct buffer out = {0};
  for (const char *found; (found = strstr(at, (const char *)renaming->from.data)); at = found + renaming->from.size - 1) {
    buffer_append(&out, at, (size_t)(found - at));
    buffer_append(&out, renaming->to.data, renaming->to.size - 1);
  }
  buffer_append(&out, at, strlen(at) + 1);
  const char *copy = out.failed ? NULL : arena_copy(renaming->input->arena, out.data, out.size);
  buffer_deinit(&out);
  if (!copy)
    return error_memory(error);
  *text = copy;
  return 0;
}

// Those that name the old label without saying its type do not.
int type_check_texts(const struct utility_input *input, const struct relation *relation, const char *what,
                     struct error *error)
{
  struct bind_input bind = utility_bind(input);
  struct node *node;
  int status = 0;
  for (int i = 0; i < relation->check_count && !status; i++)
    status = bind_expression(&bind, relation, relation->checks[i].check.text, type_plain(TYPE_BOOLEAN), &node, error);
  for (int i = 0; i < relation->schema.column_count && !status; i++)
    if (relation->defaults && relation->defaults[i].text)
      status = bind_expression(&bind, NULL, relation->defaults[i].text, relation->schema.columns[i].type, &node, error);
  if (status)
    error_detail(error, "The definition of %s %s names the %s.", relation_kind_name(relation->kind),
                 catalog_shown(input->writer, relation).text, what);
  return status;
}

static int rename_in_dependents(struct renaming *renaming, uint32_t type, struct error *error)
{
  const struct utility_input *input = renaming->input;
  const struct relation *dependent;
  uint32_t oid = 0;
  int status = catalog_dependent(input->writer, type, &oid, &dependent);
  while (!status && dependent) {
    struct relation *copy = catalog_copy(dependent, input->arena);
    if (!copy)
      return error_memory(error);
    status = rename_in_text(renaming, &copy->text, error);
    for (int i = 0; i < copy->check_count && !status; i++)
      status = rename_in_text(renaming, &copy->checks[i].check.text, error);
    for (int i = 0; copy->defaults && i < copy->schema.column_count && !status; i++)
      status = rename_in_text(renaming, &copy->defaults[i].text, error);
    if (!status)
      status = catalog_replace(input->catalog, input->writer, copy, error);
    if (!status)
      status = type_check_texts(input, copy, "label", error);
    if (!status && copy->kind == RELATION_TYPE)
      status = rename_in_dependents(renaming, oid, error);
    if (!status)
      status = catalog_dependent(input->writer, type, &oid, &dependent);
  }
  return status;
}

static int rename_texts(const struct utility_input *input, uint32_t type, const char *from, const char *to,
                        struct error *error)
{
  struct renaming renaming = {.input = input};
  append_label(&renaming.from, from, type);
  append_label(&renaming.to, to, type);
  buffer_append_u8(&renaming.from, 0);
  buffer_append_u8(&renaming.to, 0);
  int status = renaming.from.failed || renaming.to.failed ? error_memory(error)
                                                          : rename_in_dependents(&renaming, type, error);
  buffer_deinit(&renaming.from);
  buffer_deinit(&renaming.to);
  return status;
}

// --- ALTER TYPE … VALUE -----------------------------------------------------------------------------------------

static int add_value(const struct utility_input *input, const PgQuery__AlterEnumStmt *alter, struct relation *definition,
                     bool *ranks_anew, struct error *error)
{
  struct enum_type *labels = &definition->labels;
  int place = labels->count;
  int status = check_label(alter->new_val, error);
  if (!status && labels->count >= LIMIT_LABELS)
    status = error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "an enum can have at most %d labels", LIMIT_LABELS);
  if (!status && utility_text_given(alter->new_val_neighbor)) {
    place = label_number(labels, alter->new_val_neighbor);
    if (place < 0)
      return not_a_label(alter->new_val_neighbor, error);
    place += alter->new_val_is_after;
  }
  return status ? status : insert_label(input, labels, alter->new_val, place, ranks_anew, error);
}

static int enum_alter(const struct utility_input *input, const PgQuery__AlterEnumStmt *alter, struct error *error)
{
  const struct relation *type;
  int status = type_find(input, alter->type_name, alter->n_type_name, TYPE_IS_ENUM, false, &type, error);
  struct relation *definition = status ? NULL : catalog_copy(type, input->arena);
  struct relation *before = status ? NULL : catalog_copy(type, input->arena);
  if (!definition || !before)
    return status ? status : error_memory(error);
  bool is_renaming = utility_text_given(alter->old_val), moves_rows = is_renaming;
  int number = is_renaming ? label_number(&definition->labels, alter->old_val) : 0;
  if (number < 0)
    return not_a_label(alter->old_val, error);
  if (enum_find(&definition->labels, bytes_of_string(alter->new_val))) {
    if (!alter->skip_if_new_val_exists)
      return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "enum label \"%s\" already exists", alter->new_val);
    utility_notice(input, SQLSTATE_DUPLICATE_OBJECT, "enum label \"%s\" already exists, skipping", alter->new_val);
    return 0;
  }
  if (is_renaming) {
    status = check_label(alter->new_val, error);
    definition->labels.labels[number].name = alter->new_val;
  } else
    status = add_value(input, alter, definition, &moves_rows, error);
  if (!status)
    status = catalog_replace(input->catalog, input->writer, definition, error);
  if (!status && is_renaming)
    status = rename_texts(input, definition->oid, alter->old_val, alter->new_val, error);
  else if (!status)
    status = catalog_touch_dependents(input->writer, definition->oid);
  struct relabelling relabelling = {.walk = {.input = input, .error = error},
                                    .type = (enum type_id)definition->oid,
                                    .from = &before->labels,
                                    .to = &definition->labels};
  if (!status && moves_rows)
    status = type_walk_tables(input, definition->oid, &relabelling, relabel_table, error);
  return status;
}

// --- Names, schemas and owners ----------------------------------------------------------------------------------

static int type_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error)
{
  const PgQuery__List *names = rename->object->list;
  const struct relation *type;
  bool is_domain = rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
  int status =
      type_find(input, names->items, names->n_items, is_domain ? TYPE_IS_DOMAIN : 0, rename->missing_ok, &type, error);
  struct relation *definition = status ? NULL : catalog_copy(type, input->arena);
  if (!definition)
    return status ? status : error_memory(error);
  if (catalog_name(input->catalog, input->writer->version, type->schema_oid, rename->newname))
    return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "type \"%s\" already exists", rename->newname);
  snprintf(definition->name, sizeof definition->name, "%s", rename->newname);
  status = catalog_replace(input->catalog, input->writer, definition, error);
  return status ? status : catalog_touch_dependents(input->writer, definition->oid);
}

static int type_set_schema(const struct utility_input *input, const PgQuery__AlterObjectSchemaStmt *alter,
                           struct error *error)
{
  const PgQuery__List *names = alter->object->list;
  const struct relation *type;
  bool is_domain = alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
  int status = type_find(input, names->items, names->n_items, is_domain ? TYPE_IS_DOMAIN : 0, false, &type, error);
  struct relation *definition = status ? NULL : catalog_copy(type, input->arena);
  if (!definition)
    return status ? status : error_memory(error);
  PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
  name.relname = definition->name;
  name.schemaname = alter->newschema;
  name.location = -1;
  status = utility_schema(input, &name, &definition->schema_oid, error);
  if (!status && definition->schema_oid == type->schema_oid)
    return 0;
  if (!status && catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name))
    status = error_set(error, SQLSTATE_DUPLICATE_OBJECT, "type \"%s\" already exists in schema \"%s\"", definition->name,
                       alter->newschema);
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}

static int type_change_owner(const struct utility_input *input, const PgQuery__AlterOwnerStmt *alter,
                             struct error *error)
{
  const PgQuery__List *names = alter->object->list;
  const struct relation *type;
  bool is_domain = alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
  int status = type_find(input, names->items, names->n_items, is_domain ? TYPE_IS_DOMAIN : 0, false, &type, error);
  return status ? status : relation_give(input, type, alter->newowner, error);
}

// --- DROP -------------------------------------------------------------------------------------------------------

static bool is_going(const struct relation *relation, const struct relation *const *going, int count)
{
  for (int i = 0; i < count; i++)
    if (going[i]->oid == relation->oid)
      return true;
  return false;
}

static bool names_type(const char *text, uint32_t type)
{
  char number[40];
  int size = snprintf(number, sizeof number, "pg_catalog.type_%u", type);
  for (const char *found = text ? strstr(text, number) : NULL; found; found = strstr(found + 1, number))
    if (!isdigit((unsigned char)found[size]))
      return true;
  return false;
}

// A line for what of the table needs the type; with cascade it goes. *table is what is stored then.
static int release_table(const struct utility_input *input, const struct relation *type, const struct relation **table,
                         bool cascade, struct buffer *lines, struct error *error)
{
  const char *end = cascade ? "\n" : "";
  int status = 0;
  for (int i = 0; i < (*table)->schema.column_count && !status; i++) {
    const struct column *column = &(*table)->schema.columns[i];
    bool is_needed = !column->is_dropped && column_user_type(column) == type->oid;
    bool is_default = !is_needed && names_type((*table)->defaults[i].text, type->oid);
    if (!is_needed && !is_default)
      continue;
    buffer_format(lines, "%s%scolumn %s of table %s", !cascade && lines->size ? "\n" : "",
                  is_default ? "default value for " : "", column->name, catalog_shown(input->writer, *table).text);
    if (!cascade)
      buffer_format(lines, " depends on type %s", catalog_shown(input->writer, type).text);
    buffer_append_string(lines, end);
    struct relation *copy = cascade && is_default ? catalog_copy(*table, input->arena) : NULL;
    if (copy) {
      copy->defaults[i] = (struct expression_text){0};
      status = catalog_replace(input->catalog, input->writer, copy, error);
    } else if (cascade)
      status = column_drop_cascade(input, *table, i, error);
    if (!status && cascade && !(*table = catalog_find_oid(input->catalog, input->writer->version, (*table)->oid)))
      status = error_memory(error);
  }
  return status;
}

static int release_checks(const struct utility_input *input, const struct relation *type, const struct relation *table,
                          bool cascade, struct buffer *lines, struct error *error)
{
  struct relation *copy = catalog_copy(table, input->arena);
  int kept = 0;
  if (!copy)
    return error_memory(error);
  for (int i = 0; i < table->check_count; i++) {
    if (!names_type(table->checks[i].check.text, type->oid)) {
      copy->checks[kept++] = copy->checks[i];
      continue;
    }
    buffer_format(lines, "%sconstraint %s on table %s", !cascade && lines->size ? "\n" : "", table->checks[i].name,
                  catalog_shown(input->writer, table).text);
    if (cascade)
      buffer_append_u8(lines, '\n');
    else
      buffer_format(lines, " depends on type %s", catalog_shown(input->writer, type).text);
  }
  bool is_changed = kept < copy->check_count;
  copy->check_count = kept;
  return cascade && is_changed ? catalog_replace(input->catalog, input->writer, copy, error) : 0;
}

int type_release(const struct utility_input *input, const struct relation *const *going, int count, int type,
                 bool cascade, struct buffer *lines, struct error *error)
{
  const struct relation *dependent;
  uint32_t oid = 0;
  if (going[type]->kind != RELATION_TYPE)
    return 0;
  int status = catalog_dependent(input->writer, going[type]->oid, &oid, &dependent);
  while (!status && dependent) {
    bool is_table = dependent->kind == RELATION_TABLE || dependent->kind == RELATION_SOURCE;
    size_t size = lines->size;
    if (is_table && !is_going(dependent, going, count)) {
      status = release_table(input, going[type], &dependent, cascade, lines, error);
      if (!status && (cascade || lines->size == size))
        status = release_checks(input, going[type], dependent, cascade, lines, error);
    } else if (dependent->kind == RELATION_TYPE && dependent->type_kind == TYPE_IS_COMPOSITE &&
               !is_going(dependent, going, count)) {
      status = composite_release(input, going[type], dependent, cascade, lines, error);
      is_table = true;
    } else if (dependent->kind == RELATION_TYPE && !is_going(dependent, going, count))
      status = type_release(input, &dependent, 1, 0, cascade, lines, error);
    if (!status && !cascade && !is_table && !is_going(dependent, going, count))
      buffer_format(lines, "%s%s %s depends on type %s", lines->size ? "\n" : "", relation_kind_name(dependent->kind),
                    catalog_shown(input->writer, dependent).text, catalog_shown(input->writer, going[type]).text);
    if (!status)
      status = catalog_dependent(input->writer, going[type]->oid, &oid, &dependent);
  }
  return status;
}

// Tables lose what needs the types; then the types go, and with them views and domains.
static int drop_types(const struct utility_input *input, const struct relation **types, int count, bool cascade,
                      struct error *error)
{
  struct buffer lines = {0};
  int status = 0;
  for (int i = 0; i < count && !status; i++)
    status = type_release(input, types, count, i, cascade, &lines, error);
  if (!status && !cascade && lines.size) {
    status = count > 1 ? error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                                   "cannot drop desired object(s) because other objects depend on them")
                       : error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                                   "cannot drop type %s because other objects depend on it",
                                   catalog_shown(input->writer, types[0]).text);
    error_detail(error, "%.*s", (int)lines.size, (const char *)lines.data);
    error_hint(error, "Use DROP ... CASCADE to drop the dependent objects too.");
  }
  if (!status)
    status = catalog_drop_all(input->writer, types, count, cascade, &lines);
  if (!status)
    drop_notice(input, &lines);
  buffer_deinit(&lines);
  return status;
}

// TYPE_COUNT: it names none.
static enum type_id drop_built_in(const PgQuery__TypeName *name)
{
  bool is_qualified = name->n_names > 1 && strcmp(utility_string(name->names[name->n_names - 2]), "pg_catalog") != 0;
  return is_qualified || !name->n_names ? TYPE_COUNT : type_of_name(utility_string(name->names[name->n_names - 1]));
}

// The type of a table's rows goes with the table.
static int refuse_row_type(const struct utility_input *input, const PgQuery__TypeName *name, struct error *error)
{
  struct bind_input bind = utility_bind(input);
  const struct relation *relation;
  int status = bind_user_type(&bind, name, &relation, error);
  if (status || !relation || relation->kind == RELATION_TYPE)
    return status;
  const char *kind = relation_kind_name(relation->kind);
  status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop type %s because %s %s requires it",
                     relation->name, kind, relation->name);
  error_hint(error, "You can drop %s %s instead.", kind, relation->name);
  return status;
}

static int types_drop(const struct utility_input *input, const PgQuery__DropStmt *drop, struct error *error)
{
  bool is_domain = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
  const struct relation **types = ARENA_ARRAY(input->arena, const struct relation *, drop->n_objects + 1);
  int count = 0, status = 0;
  if (!types)
    return error_memory(error);
  for (size_t i = 0; i < drop->n_objects && !status; i++) {
    const PgQuery__TypeName *name = drop->objects[i]->type_name;
    enum type_id built_in = drop_built_in(name);
    if (built_in < TYPE_COUNT)
      return error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                       "cannot drop type %s because it is required by the database system", type_info(built_in)->name);
    status = refuse_row_type(input, name, error);
    if (!status)
      status = type_find(input, name->names, name->n_names, 0, drop->missing_ok, &types[count], error);
    if (!status && is_domain && types[count] && types[count]->type_kind != TYPE_IS_DOMAIN)
      status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not a domain", types[count]->name);
    if (!status && !types[count])
      utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "type \"%s\" does not exist, skipping",
                     utility_string(name->names[name->n_names - 1]));
    else if (!status && !is_going(types[count], types, count))
      count++;
  }
  bool cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  return status || !count ? status : drop_types(input, types, count, cascade, error);
}

int type_run(const struct utility_input *input, struct error *error)
{
  const PgQuery__Node *node = input->parsed->node;
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT: return composite_create(input, node->composite_type_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return composite_alter(input, node->alter_table_stmt, error);
  case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT: return enum_create(input, node->create_enum_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT: return enum_alter(input, node->alter_enum_stmt, error);
  case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT: return domain_create(input, node->create_domain_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT: return domain_alter(input, node->alter_domain_stmt, error);
  case PG_QUERY__NODE__NODE_RENAME_STMT:
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE)
      return composite_rename_attribute(input, node->rename_stmt, error);
    return node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT
               ? domain_rename_constraint(input, node->rename_stmt, error)
               : type_rename(input, node->rename_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT: return type_change_owner(input, node->alter_owner_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
    return type_set_schema(input, node->alter_object_schema_stmt, error);
  default: return types_drop(input, node->drop_stmt, error);
  }
}
