// Constraints that are checked behind the change of a row: foreign keys, and unique keys that are deferrable.
//
// There is no queue of what is to be checked: the change list says what was changed, entry by entry, and rows of tables
// with such constraints are marked in it (CHANGE_CHECKED). So a savepoint, an undo and a second run need nothing here.
// 1. At the end of a statement its entries are walked twice. First for what foreign keys do (CASCADE, SET NULL, SET
//    DEFAULT) and what RESTRICT forbids: rows that are changed so are entries behind, to which the walk comes in its
//    turn. A row that is gone is not found again, so cycles end. Then for what must hold.
// 2. What is deferred is checked when the transaction commits, or when SET CONSTRAINTS makes it immediate, in a walk over
//    all of its entries.
// 3. A check looks at the rows as they are now, not as the entry has them: between two statements every constraint that
//    is not deferred holds, so an entry may be looked at again and again.
#include "base/sqlstate.h"
#include "table/internal.h"

enum occasion {
  OCCASION_STATEMENT, // its end: what is not deferred
  OCCASION_SET,       // SET CONSTRAINTS: what may be deferred, and is not
  OCCASION_COMMIT,    // what may have been deferred
};

struct late {
  struct writer *writer;
  enum occasion occasion;
  bool acts;                       // the first walk of a statement, which changes rows
  tree_number tree;                // of the last entry
  const struct relation *relation; // of its rows; NULL: there is nothing to look at
};

// A row that was changed. Where its key has changed, two entries are one row here.
struct late_row {
  const struct relation *relation;
  struct bytes key; // the new one
  bool has_old, has_new, is_moved;
  struct bytes old_row, new_row;
};

// --- Modes: format ALL's mode (1 byte, MODE_INITIAL: none was given), then oid (4 bytes) and mode of each constraint -----

enum { MODE_INITIAL = 0, MODE_IMMEDIATE = 1, MODE_DEFERRED = 2, MODE_SIZE = 5 };

static bool is_deferred(const struct change_list *changes, uint32_t oid, bool initially)
{
  struct bytes modes = change_modes(changes);
  uint8_t mode = modes.size ? modes.data[0] : MODE_INITIAL;
  for (size_t at = 1; at + MODE_SIZE <= modes.size; at += MODE_SIZE)
    if (get_le32(modes.data + at) == oid)
      mode = modes.data[at + 4];
  return mode == MODE_INITIAL ? initially : mode == MODE_DEFERRED;
}

static bool is_due(const struct late *late, uint32_t oid, bool is_deferrable, bool initially)
{
  const struct change_list *changes = late->writer->changes;
  switch (late->occasion) {
  case OCCASION_STATEMENT: return !is_deferrable || !is_deferred(changes, oid, initially);
  case OCCASION_SET: return is_deferrable && !is_deferred(changes, oid, initially);
  case OCCASION_COMMIT: return is_deferrable && (initially || change_modes(changes).size);
  }
  return true;
}

static bool is_index_due(const struct late *late, const struct index *index)
{
  return index->is_deferrable && is_due(late, index->oid, true, index->is_deferred);
}

static bool is_key_due(const struct late *late, const struct foreign_key *key)
{
  return is_due(late, key->oid, key->is_deferrable, key->is_deferred);
}

// --- The walk -------------------------------------------------------------------------------------------

// Calls `each` for the foreign keys to the relation, until one gives other than 0, and gives that.
static int visit_keys(struct late *late, const struct relation *parent, void *context,
                      int (*each)(void *context, const struct relation *child, const struct foreign_key *key))
{
  struct writer *writer = late->writer;
  int status = STATUS_OK;
  for (int i = 0; i < parent->referencing_count && !status; i++) {
    const struct relation *child;
    status =
        catalog_load(writer->catalog, writer->version, parent->referencing[i], writer->mark, &child, writer->error);
    for (int k = 0; !status && child && k < child->foreign_key_count; k++)
      if (child->foreign_keys[k].referenced_oid == parent->oid)
        status = each(context, child, &child->foreign_keys[k]);
  }
  return status;
}

static int is_due_of(void *context, const struct relation *child, const struct foreign_key *key)
{
  return is_key_due(context, key);
}

// 1: this walk has something to do with the relation's rows.
static int concerns(struct late *late, const struct relation *relation)
{
  if (late->acts)
    return relation->referencing_count > 0;
  for (int i = 0; i < relation->index_count; i++)
    if (is_index_due(late, &relation->indexes[i]))
      return 1;
  for (int i = 0; i < relation->foreign_key_count; i++)
    if (is_key_due(late, &relation->foreign_keys[i]))
      return 1;
  return visit_keys(late, relation, late, is_due_of);
}

static int find_relation(struct late *late, tree_number tree)
{
  if (late->tree == tree)
    return STATUS_OK;
  struct writer *writer = late->writer;
  struct tree_info *info = catalog_tree_info(writer->catalog, tree);
  if (!info)
    return error_memory(writer->error);
  const struct relation *relation = NULL;
  late->relation = NULL;
  late->tree = tree;
  int status =
      info->oid ? catalog_load(writer->catalog, writer->version, info->oid, writer->mark, &relation, writer->error) : 0;
  if (!relation || relation->tree != tree)
    return status; // dropped, or its rows have moved: nothing of it is left in this tree
  status = concerns(late, relation);
  if (status == 1)
    late->relation = relation;
  return status < 0 ? status : STATUS_OK;
}

static bool keep(struct writer *writer, struct bytes *bytes)
{
  const void *copy = arena_copy(writer->arena, bytes->data, bytes->size);
  bytes->data = copy;
  return copy != NULL;
}

// The list may grow under a visit that acts, and move: what that gets is a copy.
static int read_entry(struct late *late, size_t before, const struct change *change, struct late_row *row)
{
  *row = (struct late_row){.relation = late->relation,
                           .key = change->key,
                           .has_old = change->has_old,
                           .has_new = change->has_new,
                           .old_row = change->old_row,
                           .new_row = change->new_row};
  struct change moved;
  if (change->flags & CHANGE_MOVED && change_next(late->writer->changes, &before, &moved)) {
    row->has_new = row->is_moved = true;
    row->key = moved.key;
    row->new_row = moved.new_row;
  }
  if (!late->acts)
    return STATUS_OK;
  bool is_kept =
      keep(late->writer, &row->key) && keep(late->writer, &row->old_row) && keep(late->writer, &row->new_row);
  return is_kept ? STATUS_OK : error_memory(late->writer->error);
}

static bool is_first_of_move(const struct change_list *changes, size_t after)
{
  struct change next;
  return change_next(changes, &after, &next) && next.flags & CHANGE_MOVED;
}

static int walk(struct late *late, size_t mark, int (*visit)(struct late *late, const struct late_row *row))
{
  struct writer *writer = late->writer;
  size_t at = mark, here = mark, before = mark;
  struct change change;
  int status = STATUS_OK;
  struct arena_mark memory = arena_mark(writer->arena);
  for (; !status && change_next(writer->changes, &at, &change); before = here, here = at) {
    if (!(change.flags & CHANGE_CHECKED) || is_first_of_move(writer->changes, at))
      continue;
    struct late_row row;
    status = find_relation(late, change.tree);
    if (!status && !late->relation)
      continue;
    if (!status)
      status = read_entry(late, before, &change, &row);
    if (!status)
      status = visit(late, &row);
    arena_release(writer->arena, memory);
  }
  return status;
}

static int read_values(struct late *late, const struct relation *relation, struct bytes row, struct value **values)
{
  *values = ARENA_ARRAY(late->writer->arena, struct value, relation->schema.column_count + 1);
  return *values ? relation_row(relation, row, *values, late->writer->error) : error_memory(late->writer->error);
}

// --- Rows that were referred to ---------------------------------------------------------------------------

struct departure {
  struct late *late;
  const struct relation *parent;
  const struct value *old_values, *new_values; // new_values NULL: the row is gone
  int (*each)(const struct departure *departure, const struct reference *reference);
};

static int visit_departure(void *context, const struct relation *child, const struct foreign_key *key)
{
  const struct departure *departure = context;
  struct reference reference;
  if (departure->new_values &&
      !reference_parent_changes(departure->parent, key, departure->old_values, departure->new_values))
    return STATUS_OK;
  int status = reference_open(departure->late->writer, child, key, &reference);
  return status ? status : departure->each(departure, &reference);
}

// Calls `each` for every foreign key to a key that the row had and has no more.
static int visit_references(struct late *late, const struct late_row *row,
                            int (*each)(const struct departure *departure, const struct reference *reference))
{
  const struct relation *parent = row->relation;
  struct value *old_values = NULL, *new_values = NULL;
  if (!parent->referencing_count || !row->has_old)
    return STATUS_OK;
  int status = read_values(late, parent, row->old_row, &old_values);
  if (!status && row->has_new)
    status = read_values(late, parent, row->new_row, &new_values);
  struct departure departure = {
      .late = late, .parent = parent, .old_values = old_values, .new_values = new_values, .each = each};
  return status ? status : visit_keys(late, parent, &departure, visit_departure);
}

static enum foreign_action action_of(const struct departure *departure, const struct reference *reference)
{
  return departure->new_values ? reference->key->on_update : reference->key->on_delete;
}

static int act(const struct departure *departure, const struct reference *reference)
{
  struct writer *writer = departure->late->writer;
  enum foreign_action action = action_of(departure, reference);
  switch (action) {
  case FOREIGN_NO_ACTION: return STATUS_OK;
  case FOREIGN_RESTRICT: return reference_check_parent(writer, reference, departure->old_values, false);
  default: return reference_act(writer, reference, action, departure->old_values, departure->new_values);
  }
}

static int act_on_row(struct late *late, const struct late_row *row)
{
  return visit_references(late, row, act);
}

static int check_departure(const struct departure *departure, const struct reference *reference)
{
  // A default may be the very key that is gone.
  enum foreign_action action = action_of(departure, reference);
  if ((action != FOREIGN_NO_ACTION && action != FOREIGN_SET_DEFAULT) || !is_key_due(departure->late, reference->key))
    return STATUS_OK;
  return reference_check_parent(departure->late->writer, reference, departure->old_values, true);
}

// --- Rows that are there -------------------------------------------------------------------------------------

static bool index_differs(const struct relation *relation, const struct index *index, const struct value *a,
                          const struct value *b)
{
  for (int i = 0; i < index->part_count; i++) {
    uint16_t column = index->parts[i].column;
    if (!value_is_same(relation->schema.columns[column].type.id, &a[column], &b[column]))
      return true;
  }
  return false;
}

static int check_unique(struct late *late, const struct late_row *row, bool is_primary, const struct value *old_values,
                        const struct value *values)
{
  struct writer *writer = late->writer;
  const struct relation *relation = row->relation;
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    if (index->is_primary_apart != is_primary || !is_index_due(late, index) || !index_must_be_unique(index, values) ||
        (old_values && !index_differs(relation, index, old_values, values)))
      continue;
    struct buffer *key = &writer->catalog->scratch.reference_key;
    buffer_clear(key);
    int status = key_append_row(&relation->schema, index->parts, index->part_count, values, key, writer->error);
    if (!status && index_prefix_count(writer, index, buffer_bytes(key), 2) > 1)
      status = constraint_unique_error(writer, relation, index, values, UNIQUE_EXISTS);
    if (status)
      return status;
  }
  return STATUS_OK;
}

static int check_references(struct late *late, const struct late_row *row, const struct value *old_values,
                            const struct value *entry_values, const struct value *values)
{
  const struct relation *relation = row->relation;
  int status = STATUS_OK;
  for (int i = 0; i < relation->foreign_key_count && !status; i++) {
    const struct foreign_key *key = &relation->foreign_keys[i];
    struct reference reference;
    if (!is_key_due(late, key) || (old_values && !reference_child_changes(relation, key, old_values, entry_values)))
      continue;
    status = reference_open(late->writer, relation, key, &reference);
    if (!status)
      status = reference_check_child(late->writer, &reference, values);
  }
  return status;
}

// In the order in which PostgreSQL looks.
static int check_row(struct late *late, const struct late_row *row)
{
  struct writer *writer = late->writer;
  const struct relation *relation = row->relation;
  struct bytes now;
  bool is_there = row->has_new && tree_get(writer->version, relation->tree, row->key, &now, writer->mark);
  struct value *values = NULL, *entry_values = NULL, *old_values = NULL;
  int status = STATUS_OK;
  if (is_there) {
    status = read_values(late, relation, now, &values);
    entry_values = values;
    if (!status && !bytes_equal(now, row->new_row))
      status = read_values(late, relation, row->new_row, &entry_values);
    // What has not changed was looked at when it came, or its own entry has it looked at: but not under another key.
    if (!status && row->has_old && !row->is_moved)
      status = read_values(late, relation, row->old_row, &old_values);
    if (!status)
      status = check_unique(late, row, true, old_values, values);
  }
  if (!status)
    status = visit_references(late, row, check_departure);
  if (!status && is_there)
    status = check_references(late, row, old_values, entry_values, values);
  if (!status && is_there)
    status = check_unique(late, row, false, old_values, values);
  return status;
}

// --- When -------------------------------------------------------------------------------------------------------

static int run(struct writer *writer, size_t mark, enum occasion occasion)
{
  struct late late = {.writer = writer, .occasion = occasion};
  return walk(&late, mark, check_row);
}

int table_check_statement(struct writer *writer, size_t mark)
{
  if (!writer->changes->checked)
    return STATUS_OK;
  struct late late = {.writer = writer, .acts = true};
  int status = walk(&late, mark, act_on_row);
  return status ? status : run(writer, mark, OCCASION_STATEMENT);
}

int table_check_deferred(struct writer *writer, size_t mark)
{
  return writer->changes->checked ? run(writer, mark, OCCASION_COMMIT) : STATUS_OK;
}

int table_set_constraints(struct writer *writer, const uint32_t *oids, int count, bool deferred)
{
  uint8_t mode = deferred ? MODE_DEFERRED : MODE_IMMEDIATE;
  struct buffer modes = {0};
  struct bytes before = count ? change_modes(writer->changes) : (struct bytes){0};
  buffer_append_u8(&modes, count == 0 ? mode : before.size ? before.data[0] : MODE_INITIAL);
  for (size_t at = 1; at + MODE_SIZE <= before.size; at += MODE_SIZE) {
    bool is_named = false;
    for (int i = 0; i < count; i++)
      is_named |= get_le32(before.data + at) == oids[i];
    if (!is_named)
      buffer_append(&modes, before.data + at, MODE_SIZE);
  }
  for (int i = 0; i < count; i++) {
    buffer_append_le32(&modes, oids[i]);
    buffer_append_u8(&modes, mode);
  }
  bool is_kept = !modes.failed && change_set_modes(writer->changes, buffer_bytes(&modes));
  buffer_deinit(&modes);
  if (!is_kept)
    return error_memory(writer->error);
  return deferred || !writer->changes->checked ? STATUS_OK : run(writer, 0, OCCASION_SET);
}

// --- Definitions of tables whose rows are still to be checked ----------------------------------------------------

static int is_deferred_key(void *context, const struct relation *child, const struct foreign_key *key)
{
  const struct late *late = context;
  return key->is_deferrable && is_deferred(late->writer->changes, key->oid, key->is_deferred);
}

// 1: the change has something that is deferred.
static int find_pending(struct late *late, const struct relation *relation, const struct change *change)
{
  const struct change_list *changes = late->writer->changes;
  for (int i = 0; change->has_new && i < relation->index_count; i++)
    if (relation->indexes[i].is_deferrable &&
        is_deferred(changes, relation->indexes[i].oid, relation->indexes[i].is_deferred))
      return 1;
  for (int i = 0; change->has_new && i < relation->foreign_key_count; i++)
    if (is_deferred_key(late, relation, &relation->foreign_keys[i]))
      return 1;
  return change->has_old ? visit_keys(late, relation, late, is_deferred_key) : STATUS_OK;
}

int table_refuse_pending(struct writer *writer, const struct relation *relation, const char *command)
{
  if (!relation->is_checked_late || !writer->changes->checked)
    return STATUS_OK;
  struct late late = {.writer = writer};
  size_t at = 0;
  struct change change;
  int status = STATUS_OK;
  while (!status && change_next(writer->changes, &at, &change))
    if (change.flags & CHANGE_CHECKED && change.tree == relation->tree)
      status = find_pending(&late, relation, &change);
  if (status != 1)
    return status;
  return error_set(writer->error, SQLSTATE_OBJECT_IN_USE, "cannot %s \"%s\" because it has pending trigger events",
                   command, relation->name);
}
