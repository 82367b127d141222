// Foreign keys of single rows: is a key there, who refers to it, and what happens to those.
//
// 1. Two values are compared as the referenced column's type has it: the referencing one is cast to it.
// 2. Referencing rows are found through an index of theirs that begins with referencing columns, if there is one;
//    otherwise the whole table is read.
// 3. When it is that these are called, table/late.c says.
#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/internal.h"

// --- Values of the two sides --------------------------------------------------------------------------

static bool is_integer(enum type_id type)
{
  return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

static bool is_string(enum type_id type)
{
  return type == TYPE_TEXT || type == TYPE_VARCHAR;
}

static bool is_time(enum type_id type)
{
  return type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
}

bool foreign_key_types_fit(enum type_id from, enum type_id to)
{
  const struct function *function;
  return from == to || (is_integer(from) && is_integer(to)) || (is_time(from) && is_time(to)) ||
         cast_find(from, to, CAST_IMPLICIT, &function);
}

// Has a value of the referenced type exactly one of the referencing type that equals it, if any?
static bool is_invertible(enum type_id from, enum type_id to)
{
  return from == to || (is_integer(from) && is_integer(to)) || (is_integer(from) && to == TYPE_NUMERIC) ||
         ((from == TYPE_INT2 || from == TYPE_INT4) && to == TYPE_FLOAT8) || (is_string(from) && is_string(to));
}

static bool integer_fits(enum type_id type, int64_t v)
{
  return type == TYPE_INT8 || (type == TYPE_INT4 ? v == (int32_t)v : v == (int16_t)v);
}

static int out_of_range(struct error *error, enum type_id type)
{
  return error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type_info(type)->name);
}

// As an assignment casts it. Not NULL. The result's bytes are borrowed, or live in writer->arena.
static int convert(struct writer *writer, enum type_id from, enum type_id to, const struct value *value,
                   struct value *result, struct error *error)
{
  *result = *value;
  if (from == to)
    return STATUS_OK;
  if (is_integer(from) && is_integer(to))
    return integer_fits(to, value->integer) ? STATUS_OK : out_of_range(error, to);
  const struct function *function;
  if (!cast_find(from, to, CAST_ASSIGNMENT, &function))
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "a foreign key has columns of types that do not fit");
  if (!function)
    return STATUS_OK;
  struct evaluation evaluation = {.settings = &format_settings_default};
  if (writer->evaluation)
    evaluation = *writer->evaluation;
  evaluation.arena = writer->arena;
  evaluation.error = error;
  return function->code(&evaluation, value, 1, result);
}

// *fits: such a value can be there. What is too large for the other type has no equal in it.
static int convert_key(struct writer *writer, enum type_id from, enum type_id to, const struct value *value,
                       struct value *result, bool *fits)
{
  struct error error;
  int status = convert(writer, from, to, value, result, &error);
  *fits = status != STATUS_INPUT;
  if (status && *fits && writer->error)
    *writer->error = error;
  return *fits ? status : STATUS_OK;
}

// Appends the parts to a key. *fits: it is one that an index can hold.
static int append_part(struct writer *writer, enum type_id type, const struct key_part *part, const struct value *value,
                       struct buffer *key, bool *fits)
{
  struct error error;
  int status = key_append(type, part, value, key, &error);
  *fits = !status || strcmp(error.sqlstate, SQLSTATE_PROGRAM_LIMIT_EXCEEDED) != 0;
  if (status && *fits && writer->error)
    *writer->error = error;
  return *fits ? status : STATUS_OK;
}

static enum type_id child_type(const struct reference *reference, int part)
{
  return reference->child->schema.columns[reference->key->columns[part]].type.id;
}

static enum type_id parent_type(const struct reference *reference, int part)
{
  return reference->parent->schema.columns[reference->key->referenced_columns[part]].type.id;
}

int reference_open(struct writer *writer, const struct relation *child, const struct foreign_key *key,
                   struct reference *reference)
{
  *reference = (struct reference){.key = key, .child = child};
  int status = catalog_load(writer->catalog, writer->version, key->referenced_oid, writer->mark, &reference->parent,
                            writer->error);
  const struct relation *parent = reference->parent;
  for (int i = 0; parent && i < parent->index_count; i++)
    if (parent->indexes[i].oid == key->index_oid)
      reference->index = &parent->indexes[i];
  bool is_whole = reference->index && reference->index->part_count == key->part_count;
  for (int i = 0; is_whole && i < key->part_count; i++)
    is_whole = key->referenced_columns[i] < parent->schema.column_count;
  if (status || is_whole)
    return status;
  return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "foreign key \"%s\" of \"%s\" has lost its table", key->name,
                   child->name);
}

static bool columns_change(const struct relation *relation, const uint16_t *columns, int count, const struct value *a,
                           const struct value *b)
{
  for (int i = 0; i < count; i++)
    if (!value_is_same(relation->schema.columns[columns[i]].type.id, &a[columns[i]], &b[columns[i]]))
      return true;
  return false;
}

bool reference_child_changes(const struct relation *child, const struct foreign_key *key, const struct value *a,
                             const struct value *b)
{
  return columns_change(child, key->columns, key->part_count, a, b);
}

bool reference_parent_changes(const struct relation *parent, const struct foreign_key *key, const struct value *a,
                              const struct value *b)
{
  return columns_change(parent, key->referenced_columns, key->part_count, a, b);
}

// --- Is the key there? ---------------------------------------------------------------------------------

static bool key_is_there(struct writer *writer, const struct reference *reference, struct bytes key)
{
  struct bytes row;
  if (reference->index->is_primary)
    return tree_get(writer->version, reference->parent->tree, key, &row, writer->mark);
  return index_prefix_count(writer, reference->index, key, 1) > 0;
}

// keys: by part, in the referenced types; none NULL.
static int find_parent(struct writer *writer, const struct reference *reference, const struct value *keys, bool *found)
{
  struct buffer *key = &writer->catalog->scratch.reference_key;
  const struct index *index = reference->index;
  buffer_clear(key);
  *found = false;
  for (int i = 0; i < index->part_count; i++) {
    const struct key_part *part = &index->parts[i];
    int place = 0;
    while (place < reference->key->part_count && reference->key->referenced_columns[place] != part->column)
      place++;
    if (place == reference->key->part_count)
      return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "foreign key \"%s\" has lost its index",
                       reference->key->name);
    bool fits;
    int status = append_part(writer, parent_type(reference, place), part, &keys[place], key, &fits);
    if (status || !fits)
      return status;
  }
  *found = key_is_there(writer, reference, buffer_bytes(key));
  return STATUS_OK;
}

int reference_check_child(struct writer *writer, const struct reference *reference, const struct value *values)
{
  const struct foreign_key *key = reference->key;
  int nulls = 0;
  for (int i = 0; i < key->part_count; i++)
    nulls += values[key->columns[i]].is_null;
  if (nulls == key->part_count || (nulls && !key->is_full))
    return STATUS_OK;
  if (nulls)
    return constraint_mixed_error(writer, reference);
  struct value *keys = ARENA_ARRAY(writer->arena, struct value, key->part_count);
  if (!keys)
    return error_memory(writer->error);
  bool found = true;
  int status = STATUS_OK;
  for (int i = 0; i < key->part_count && found && !status; i++)
    status = convert_key(writer, child_type(reference, i), parent_type(reference, i), &values[key->columns[i]],
                         &keys[i], &found);
  if (!status && found)
    status = find_parent(writer, reference, keys, &found);
  return status || found ? status : constraint_missing_error(writer, reference, values);
}

// --- Who refers to it? ----------------------------------------------------------------------------------

struct children {
  const struct reference *reference;
  const struct value *keys;     // by part, in the referenced types
  const struct index *index;    // through which they are found; NULL: the primary tree
  const struct key_part *parts; // of its key
  int part_count, bound_count;  // of which so many are known
  struct value *values;         // of the row at hand
  // 1: no more are wanted.
  int (*visit)(struct writer *writer, struct children *children, struct bytes key, struct bytes row);
  enum foreign_action action;
  const struct value *new_values; // of the referenced row; NULL: it is gone
};

static int part_of_column(const struct reference *reference, uint16_t column)
{
  for (int i = 0; i < reference->key->part_count; i++)
    if (reference->key->columns[i] == column)
      return is_invertible(child_type(reference, i), parent_type(reference, i)) ? i : -1;
  return -1;
}

static void try_path(struct children *children, const struct index *index, const struct key_part *parts, int count)
{
  int bound = 0;
  while (bound < count && part_of_column(children->reference, parts[bound].column) >= 0)
    bound++;
  if (bound <= children->bound_count)
    return;
  children->index = index;
  children->parts = parts;
  children->part_count = count;
  children->bound_count = bound;
}

static void choose_path(struct children *children)
{
  const struct relation *child = children->reference->child;
  try_path(children, NULL, child->key, child->key_count);
  for (int i = 0; i < child->index_count; i++)
    if (!child->indexes[i].is_primary && !child->indexes[i].is_partial)
      try_path(children, &child->indexes[i], child->indexes[i].parts, child->indexes[i].part_count);
}

// *fits false: there cannot be any.
static int children_prefix(struct writer *writer, const struct children *children, struct buffer *prefix, bool *fits)
{
  const struct reference *reference = children->reference;
  int status = STATUS_OK;
  *fits = true;
  for (int i = 0; i < children->bound_count && !status && *fits; i++) {
    int part = part_of_column(reference, children->parts[i].column);
    struct value value;
    status = convert_key(writer, parent_type(reference, part), child_type(reference, part), &children->keys[part],
                         &value, fits);
    if (!status && *fits)
      status = append_part(writer, child_type(reference, part), &children->parts[i], &value, prefix, fits);
  }
  return status;
}

static int is_child(struct writer *writer, const struct children *children, bool *is)
{
  const struct reference *reference = children->reference;
  *is = true;
  for (int i = 0; i < reference->key->part_count && *is; i++) {
    const struct value *value = &children->values[reference->key->columns[i]];
    struct value key;
    if (value->is_null) {
      *is = false;
      break;
    }
    int status = convert_key(writer, child_type(reference, i), parent_type(reference, i), value, &key, is);
    if (status)
      return status;
    *is = *is && value_compare(parent_type(reference, i), &key, &children->keys[i]) == 0;
  }
  return STATUS_OK;
}

// The row on which the cursor stands: its primary key and its bytes.
static int child_at(struct writer *writer, const struct children *children, const struct cursor *cursor,
                    struct bytes *key, struct bytes *row)
{
  const struct relation *child = children->reference->child;
  *key = cursor->key;
  *row = cursor->row;
  bool is_sound = true;
  for (int i = 0; children->index && i < children->part_count && is_sound; i++) {
    struct value value;
    is_sound = key_read(child->schema.columns[children->parts[i].column].type.id, &children->parts[i], key,
                        writer->arena, &value);
  }
  if (children->index && is_sound)
    is_sound = tree_get(writer->version, child->tree, *key, row, writer->mark);
  if (!is_sound)
    return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "index \"%s\" does not agree with its table",
                     children->index->name);
  return relation_row(child, *row, children->values, writer->error);
}

static int visit_children(struct writer *writer, struct children *children, struct bytes prefix)
{
  const struct relation *child = children->reference->child;
  struct cursor cursor;
  int status = STATUS_OK;
  struct arena_mark mark = arena_mark(writer->arena);
  cursor_init(&cursor, writer->version, children->index ? children->index->tree : child->tree, writer->mark);
  for (bool more = cursor_seek(&cursor, prefix); more && !status; more = cursor_next(&cursor)) {
    if (cursor.key.size < prefix.size || (prefix.size && memcmp(cursor.key.data, prefix.data, prefix.size) != 0))
      break;
    struct bytes key, row;
    bool is;
    status = child_at(writer, children, &cursor, &key, &row);
    if (!status)
      status = is_child(writer, children, &is);
    if (!status && is)
      status = children->visit(writer, children, key, row);
    arena_release(writer->arena, mark);
  }
  cursor_deinit(&cursor);
  return status;
}

// Walks the rows that refer to a row with these values of the referenced table. Returns what the last visit did.
static int walk_children(struct writer *writer, struct children *children, const struct value *parent_values)
{
  const struct foreign_key *key = children->reference->key;
  struct value *keys = ARENA_ARRAY(writer->arena, struct value, key->part_count);
  children->values = ARENA_ARRAY(writer->arena, struct value, children->reference->child->schema.column_count + 1);
  if (!keys || !children->values)
    return error_memory(writer->error);
  for (int i = 0; i < key->part_count; i++) {
    keys[i] = parent_values[key->referenced_columns[i]];
    if (keys[i].is_null)
      return STATUS_OK; // nobody can refer to it
  }
  children->keys = keys;
  choose_path(children);
  struct buffer prefix = {0};
  bool fits;
  int status = children_prefix(writer, children, &prefix, &fits);
  if (!status && fits)
    status = visit_children(writer, children, buffer_bytes(&prefix));
  buffer_deinit(&prefix);
  return status;
}

static int stop_at_first(struct writer *writer, struct children *children, struct bytes key, struct bytes row)
{
  return 1;
}

int reference_check_parent(struct writer *writer, const struct reference *reference, const struct value *old_values,
                           bool may_be_replaced)
{
  const struct foreign_key *key = reference->key;
  struct children children = {.reference = reference, .visit = stop_at_first};
  int status = walk_children(writer, &children, old_values);
  if (status != 1)
    return status;
  bool found = false;
  struct value *keys = ARENA_ARRAY(writer->arena, struct value, key->part_count);
  if (!keys)
    return error_memory(writer->error);
  for (int i = 0; i < key->part_count; i++)
    keys[i] = old_values[key->referenced_columns[i]];
  status = may_be_replaced ? find_parent(writer, reference, keys, &found) : STATUS_OK;
  return status || found ? status : constraint_referenced_error(writer, reference, old_values);
}

// --- What happens to them? --------------------------------------------------------------------------------

static int default_value(struct writer *writer, const struct relation *child, int column, struct value *value)
{
  *value = value_null();
  int status = catalog_compile(writer->catalog, writer->version, child, writer->error);
  const struct expression_text *expression = &child->defaults[column];
  if (status || !expression->program)
    return status;
  if (!writer->evaluation)
    return error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "no evaluation for the default of \"%s\"", child->name);
  struct evaluation evaluation = *writer->evaluation;
  evaluation.arena = writer->arena;
  evaluation.error = writer->error;
  return program_run(expression->program, &evaluation, value);
}

static int new_value(struct writer *writer, const struct children *children, int part, struct value *value)
{
  const struct reference *reference = children->reference;
  const struct column *column = &reference->child->schema.columns[reference->key->columns[part]];
  *value = value_null();
  if (children->action == FOREIGN_SET_DEFAULT)
    return default_value(writer, reference->child, reference->key->columns[part], value);
  const struct value *given = &children->new_values[reference->key->referenced_columns[part]];
  if (children->action == FOREIGN_SET_NULL || given->is_null)
    return STATUS_OK;
  int status = convert(writer, parent_type(reference, part), column->type.id, given, value, writer->error);
  return status || column->type.modifier == -1
             ? status
             : value_apply_modifier(column->type, false, writer->arena, value, writer->error);
}

static bool is_set(const struct foreign_key *key, uint16_t column, bool is_gone)
{
  if (!is_gone || !key->delete_column_count)
    return true;
  for (int i = 0; i < key->delete_column_count; i++)
    if (key->delete_columns[i] == column)
      return true;
  return false;
}

static int change_child(struct writer *writer, struct children *children, struct bytes key, struct bytes row)
{
  const struct relation *child = children->reference->child;
  const struct foreign_key *foreign = children->reference->key;
  if (children->action == FOREIGN_CASCADE && !children->new_values)
    return table_delete(writer, child, key, row);
  for (int i = 0; i < foreign->part_count; i++) {
    if (!is_set(foreign, foreign->columns[i], !children->new_values))
      continue;
    int status = new_value(writer, children, i, &children->values[foreign->columns[i]]);
    if (status)
      return status;
  }
  int status = table_generate(writer->catalog, writer->version, child, children->values, writer->arena, writer->error);
  return status ? status : table_update(writer, child, key, row, children->values);
}

int reference_act(struct writer *writer, const struct reference *reference, enum foreign_action action,
                  const struct value *old_values, const struct value *new_values)
{
  struct children children = {
      .reference = reference, .visit = change_child, .action = action, .new_values = new_values};
  return walk_children(writer, &children, old_values);
}

// --- All rows -----------------------------------------------------------------------------------------------

int table_validate(struct writer *writer, const struct relation *relation, const struct foreign_key *key)
{
  struct reference reference;
  int status = reference_open(writer, relation, key, &reference);
  struct value *values = ARENA_ARRAY(writer->arena, struct value, relation->schema.column_count + 1);
  if (!status && !values)
    status = error_memory(writer->error);
  if (status)
    return status;
  struct arena_mark mark = arena_mark(writer->arena);
  struct cursor cursor;
  cursor_init(&cursor, writer->version, relation->tree, writer->mark);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    status = relation_row(relation, cursor.row, values, writer->error);
    if (!status)
      status = reference_check_child(writer, &reference, values);
    arena_release(writer->arena, mark);
  }
  cursor_deinit(&cursor);
  return status;
}
