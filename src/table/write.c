// The one write path for single rows.
//
// 1. A call that fails undoes what it did, back to the change list's mark at its beginning.
// 2. A table without secondary indexes costs one descent: the put itself says whether the key was there.
// 3. Whatever a change needs to know of old and new row is in scratch memory before the first put, for
//    borrowed bytes of the version end with it.
#include "table/write.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/internal.h"

// --- The two functions through which every change goes ---------------------------------------------

// Appends a change that was made, or takes it back.
static int keep_change(struct writer *writer, const struct change *change)
{
  if (change_append(writer->changes, change))
    return STATUS_OK;
  struct tree_put put = {.tree = change->tree, .mode = PUT_ANY, .key = change->key, .row = change->old_row,
                         .position = writer->committed};
  enum put_result result = change->has_old ? tree_put(writer->version, &put) : tree_delete(writer->version, &put);
  if (result == PUT_NO_MEMORY)
    return error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "out of memory while changes were undone");
  return error_memory(writer->error);
}

int write_put(struct writer *writer, tree_number tree, uint8_t flags, enum put_mode mode, struct bytes key,
              struct bytes row, struct bytes *previous)
{
  // With room for the key and both rows, the list takes the change without asking for memory.
  if (!change_reserve(writer->changes, key.size + row.size + row.size))
    return error_memory(writer->error);
  struct tree_put put = {
    .tree = tree, .mode = mode, .key = key, .row = row, .position = writer->position, .mark = writer->mark};
  enum put_result result = tree_put(writer->version, &put);
  if (result == PUT_NO_MEMORY)
    return error_memory(writer->error);
  if (previous)
    *previous = put.previous;
  if (result == PUT_REFUSED)
    return WRITE_REFUSED;
  struct change change = {
    .tree = tree, .flags = flags, .has_old = result == PUT_DONE_REPLACED, .has_new = true,
    .key = key, .old_row = put.previous, .new_row = row};
  return keep_change(writer, &change);
}

int write_delete(struct writer *writer, tree_number tree, uint8_t flags, struct bytes key)
{
  struct tree_put put = {.tree = tree, .key = key, .position = writer->position, .mark = writer->mark};
  enum put_result result = tree_delete(writer->version, &put);
  if (result == PUT_NO_MEMORY)
    return error_memory(writer->error);
  if (result == PUT_REFUSED)
    return WRITE_REFUSED;
  struct change change = {.tree = tree, .flags = flags, .has_old = true, .key = key, .old_row = put.previous};
  return keep_change(writer, &change);
}

int write_whole(struct writer *writer, tree_number tree, uint8_t flags)
{
  struct change change = {.tree = tree, .flags = flags};
  return change_append(writer->changes, &change) ? STATUS_OK : error_memory(writer->error);
}

// Without its limits an account counts on; with them it is refused from here on until what is above them is gone.
enum { ACCOUNT_DEPTH = 8 };

static void lift_limits(struct memory_account *account, size_t limits[ACCOUNT_DEPTH])
{
  for (int i = 0; account && i < ACCOUNT_DEPTH; account = account->parent, i++)
    limits[i] = __atomic_exchange_n(&account->limit, 0, __ATOMIC_RELAXED); // workers charge it at the same time
}

static void restore_limits(struct memory_account *account, const size_t limits[ACCOUNT_DEPTH])
{
  for (int i = 0; account && i < ACCOUNT_DEPTH; account = account->parent, i++)
    __atomic_store_n(&account->limit, limits[i], __ATOMIC_RELAXED);
}

int table_undo(struct writer *writer, size_t mark, struct error *error)
{
  struct memory_account *account = writer->catalog->account;
  int status = change_undo(writer->changes, mark, writer->version, writer->committed, error);
  if (!status || !account)
    return status;
  // What met the limit must still be undone, whole: the way back may pass it by what the change had freed.
  size_t limits[ACCOUNT_DEPTH];
  lift_limits(account, limits);
  status = change_undo(writer->changes, mark, writer->version, writer->committed, error);
  restore_limits(account, limits);
  return status;
}

int table_replay(struct writer *writer, const struct change_list *changes, size_t from, size_t to)
{
  size_t mark = change_mark(writer->changes);
  struct change change;
  int status = STATUS_OK;
  while (!status && from < to && change_next(changes, &from, &change)) {
    CHECK(!(change.flags & (CHANGE_FILLED | CHANGE_DROPPED)));
    status = change.has_new ? write_put(writer, change.tree, change.flags, PUT_ANY, change.key, change.new_row, NULL)
                            : write_delete(writer, change.tree, change.flags, change.key);
    if (status == WRITE_REFUSED) // it is gone already: what it was made from was not the same
      status = error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "a row that was to be deleted once more is not there");
  }
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}

int write_undo(struct writer *writer, size_t mark, int status)
{
  struct error error;
  int undone = table_undo(writer, mark, &error);
  if (!undone)
    return status;
  if (writer->error)
    *writer->error = error;
  return undone;
}

// --- Keys -----------------------------------------------------------------------------------------

int table_key(const struct relation *relation, const struct value *values, struct buffer *key, struct error *error)
{
  return key_append_row(&relation->schema, relation->key, relation->key_count, values, key, error);
}

static int append_primary(const struct index *index, struct bytes primary_key, struct buffer *key, size_t start,
                          struct error *error)
{
  buffer_append_bytes(key, primary_key);
  if (key->failed)
    return error_memory(error);
  if (key->size - start > LIMIT_KEY)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "index row size %zu exceeds maximum %d for index \"%s\"", key->size - start, LIMIT_KEY,
                     index->name);
  return STATUS_OK;
}

int table_index_key(const struct relation *relation, const struct index *index, const struct value *values,
                    struct bytes primary_key, struct buffer *key, struct error *error)
{
  size_t start = key->size;
  int status = key_append_row(&relation->schema, index->parts, index->part_count, values, key, error);
  return status ? status : append_primary(index, primary_key, key, start, error);
}

static int new_primary_key(struct writer *writer, const struct relation *relation, const struct value *values,
                           struct buffer *key)
{
  buffer_clear(key);
  if (relation->key_count)
    return table_key(relation, values, key, writer->error);
  uint64_t number = catalog_row_number(writer->catalog, writer->version, relation);
  if (!number)
    return error_memory(writer->error);
  buffer_append_be64(key, number);
  return key->failed ? error_memory(writer->error) : STATUS_OK;
}

static int encode_row(struct writer *writer, const struct relation *relation, const struct value *values)
{
  struct buffer *row = &writer->catalog->scratch.row;
  buffer_clear(row);
  return row_encode(&relation->schema, values, row, writer->error);
}

static int keep_bytes(struct writer *writer, struct buffer *buffer, struct bytes bytes)
{
  buffer_clear(buffer);
  buffer_append_bytes(buffer, bytes);
  return buffer->failed ? error_memory(writer->error) : STATUS_OK;
}

// --- Secondary indexes ----------------------------------------------------------------------------

bool index_must_be_unique(const struct index *index, const struct value *values)
{
  if (!index->is_unique)
    return false;
  if (index->nulls_are_equal)
    return true;
  for (int i = 0; i < index->part_count; i++)
    if (values[index->parts[i].column].is_null)
      return false;
  return true;
}

// Looks for an entry that begins with the prefix. 1: there is one, its primary key is in scratch.conflict_key.
static int probe(struct writer *writer, const struct index *index, struct bytes prefix)
{
  struct cursor cursor;
  cursor_init(&cursor, writer->version, index->tree, writer->mark);
  int status = STATUS_OK;
  if (cursor_seek(&cursor, prefix) && cursor.key.size >= prefix.size &&
      memcmp(cursor.key.data, prefix.data, prefix.size) == 0) {
    struct bytes primary = bytes_of(cursor.key.data + prefix.size, cursor.key.size - prefix.size);
    status = keep_bytes(writer, &writer->catalog->scratch.conflict_key, primary);
    if (!status)
      status = WRITE_REFUSED;
  }
  cursor_deinit(&cursor);
  return status;
}

static int claim_key(struct writer *writer, const struct index *index, struct bytes key)
{
  struct claim_wish wish = {.tree = index->tree, .key = key, .is_prefix = true, .mode = CLAIM_UPDATE};
  const struct claimer *claimer = writer->claimer;
  return claimer && claimer->is_branch ? claimer->claim(claimer->context, &wish, writer->error) : 0;
}

int index_prefix_count(struct writer *writer, const struct index *index, struct bytes prefix, int limit)
{
  struct cursor cursor;
  int count = 0;
  cursor_init(&cursor, writer->version, index->tree, writer->mark);
  for (bool more = cursor_seek(&cursor, prefix); more && count < limit; more = cursor_next(&cursor)) {
    if (cursor.key.size < prefix.size || memcmp(cursor.key.data, prefix.data, prefix.size) != 0)
      break;
    count++;
  }
  cursor_deinit(&cursor);
  return count;
}

// REFUSED: another row has this key.
static int index_insert(struct writer *writer, const struct relation *relation, const struct index *index,
                        const struct value *values, struct bytes primary_key)
{
  struct buffer *key = &writer->catalog->scratch.index_key;
  buffer_clear(key);
  int status = key_append_row(&relation->schema, index->parts, index->part_count, values, key, writer->error);
  if (!status && index_must_be_unique(index, values)) {
    status = claim_key(writer, index, buffer_bytes(key));
    if (!status && !index->is_deferrable)
      status = probe(writer, index, buffer_bytes(key));
  }
  if (!status)
    status = append_primary(index, primary_key, key, 0, writer->error);
  if (status)
    return status;
  return write_put(writer, index->tree, CHANGE_DERIVED, PUT_ANY, buffer_bytes(key), (struct bytes){0}, NULL);
}

static int index_delete(struct writer *writer, const struct relation *relation, const struct index *index,
                        const struct value *values, struct bytes primary_key)
{
  struct buffer *key = &writer->catalog->scratch.other_key;
  buffer_clear(key);
  int status = table_index_key(relation, index, values, primary_key, key, writer->error);
  if (!status)
    status = write_delete(writer, index->tree, CHANGE_DERIVED, buffer_bytes(key));
  if (status == WRITE_REFUSED)
    return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "index \"%s\" does not agree with its table", index->name);
  return status;
}

bool value_is_same(enum type_id type, const struct value *a, const struct value *b)
{
  if (a->is_null || b->is_null)
    return a->is_null && b->is_null;
  if (type_info(type)->storage == STORAGE_BYTES)
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
  return a->integer == b->integer; // a float8 by its bits: what differs here may still have equal keys
}

static bool index_changes(const struct relation *relation, const struct index *index, const struct value *old_values,
                          const struct value *values)
{
  for (int i = 0; i < index->part_count + index->read_count; i++) {
    uint16_t column = i < index->part_count ? index->parts[i].column : index->reads[i - index->part_count];
    if (!relation_is_expression(relation, column) &&
        !value_is_same(relation->schema.columns[column].type.id, &old_values[column], &values[column]))
      return true;
  }
  return false;
}

// Begins with another row, or with what it was and is.
static int begin_values(struct writer *writer, const struct relation *relation)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  if (relation->expression_count)
    arena_reset(&scratch->arena);
  return scratch_values(scratch, relation_width(relation)) ? STATUS_OK : error_memory(writer->error);
}

// The new row's entries; *conflict is the index that refuses one.
static int indexes_insert(struct writer *writer, const struct relation *relation, struct bytes primary_key,
                          const struct index **conflict)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = begin_values(writer, relation);
  if (status)
    return status;
  row_get_all(&relation->schema, buffer_bytes(&scratch->row), scratch->values);
  for (int i = 0; i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    bool is_in = false;
    if (!index->is_primary)
      status = index_compute(writer->catalog, writer->version, relation, index, scratch->values, &is_in, writer->error);
    if (!status && is_in)
      status = index_insert(writer, relation, index, scratch->values, primary_key);
    if (status)
      *conflict = index;
  }
  return status;
}

// One index's, from scratch.old_values to scratch.values.
static int index_update(struct writer *writer, const struct relation *relation, const struct index *index,
                        struct bytes old_key, struct bytes key)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  bool was_in, is_in = false;
  int status = index_compute(writer->catalog, writer->version, relation, index, scratch->old_values, &was_in, writer->error);
  if (!status)
    status = index_compute(writer->catalog, writer->version, relation, index, scratch->values, &is_in, writer->error);
  if (!status && was_in)
    status = index_delete(writer, relation, index, scratch->old_values, old_key);
  if (!status && is_in)
    status = index_insert(writer, relation, index, scratch->values, key);
  if (status == WRITE_REFUSED)
    status = constraint_unique_error(writer, relation, index, scratch->values, UNIQUE_EXISTS);
  return status;
}

// From the entries of scratch.old_row to those of scratch.row.
static int indexes_update(struct writer *writer, const struct relation *relation, struct bytes old_key, struct bytes key)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = begin_values(writer, relation);
  if (status)
    return status;
  row_get_all(&relation->schema, buffer_bytes(&scratch->row), scratch->values);
  status = relation_row(relation, buffer_bytes(&scratch->old_row), scratch->old_values, writer->error);
  bool is_moved = !bytes_equal(old_key, key);
  for (int i = 0; i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    if (!index->is_primary && (is_moved || index_changes(relation, index, scratch->old_values, scratch->values)))
      status = index_update(writer, relation, index, old_key, key);
  }
  return status;
}

// --- Insert ---------------------------------------------------------------------------------------

// row: the one in the way, where it is at hand (data NULL: it is looked up).
static int report_conflict(struct writer *writer, const struct relation *relation, const struct index *index,
                           struct bytes key, struct bytes row, struct conflict *conflict)
{
  void *copy = arena_copy(writer->arena, key.data, key.size);
  if (!copy)
    return error_memory(writer->error);
  conflict->index = index && !index->is_primary ? index : NULL;
  conflict->key = bytes_of(copy, key.size);
  conflict->row = row;
  if (!row.data && !tree_get(writer->version, relation->tree, conflict->key, &conflict->row, writer->mark))
    return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "index \"%s\" does not agree with its table",
                     index ? index->name : relation->name);
  conflict->found = true;
  return STATUS_OK;
}

// An arbiter that is a secondary index is asked first: where it finds a row, no other index is looked at.
static int ask_arbiter(struct writer *writer, const struct relation *relation, const struct index *index,
                       const struct value *values, struct conflict *conflict)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  bool is_in = true;
  int status = STATUS_OK;
  if (index->is_computed) {
    status = begin_values(writer, relation);
    if (!status) {
      memcpy(scratch->values, values, sizeof *values * relation->schema.column_count);
      values = scratch->values;
      status = index_compute(writer->catalog, writer->version, relation, index, scratch->values, &is_in, writer->error);
    }
  }
  if (status || !is_in || !index_must_be_unique(index, values))
    return status;
  buffer_clear(&scratch->index_key);
  status = key_append_row(&relation->schema, index->parts, index->part_count, values, &scratch->index_key, writer->error);
  if (!status)
    status = probe(writer, index, buffer_bytes(&scratch->index_key));
  if (status == WRITE_REFUSED)
    status = report_conflict(writer, relation, index, buffer_bytes(&scratch->conflict_key), bytes_of(NULL, 0), conflict);
  return status;
}

// A key of the new row is taken, in the primary tree (index NULL; row: the one that has it) or in a unique index.
static int key_is_taken(struct writer *writer, const struct relation *relation, const struct index *index, struct bytes row,
                        const struct value *values, int arbiter, struct conflict *on_conflict)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  const struct index *named = index ? index : relation_primary(relation);
  if (on_conflict && (arbiter < 0 || &relation->indexes[arbiter] == named))
    return report_conflict(writer, relation, named, buffer_bytes(index ? &scratch->conflict_key : &scratch->key), row,
                           on_conflict);
  if (named)
    return constraint_unique_error(writer, relation, named, values, UNIQUE_EXISTS);
  // A key without its entry among the indexes has only the table's name.
  struct index nameless = {.part_count = relation->key_count, .parts = relation->key};
  memcpy(nameless.name, relation->name, sizeof nameless.name);
  return constraint_unique_error(writer, relation, &nameless, values, UNIQUE_EXISTS);
}

// ON CONFLICT cannot ask an index that may hold two rows of one key.
static int refuse_deferrable(struct writer *writer, const struct relation *relation, int arbiter)
{
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    if (!index->is_deferrable || (arbiter >= 0 && arbiter != i))
      continue;
    int status = error_set(writer->error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters");
    constraint_names(writer, relation, NULL, index->name);
    return status;
  }
  return STATUS_OK;
}

// The flag of rows that table/late.c looks at.
static uint8_t row_flags(const struct relation *relation)
{
  return relation->is_checked_late ? CHANGE_CHECKED : 0;
}

int table_insert(struct writer *writer, const struct relation *relation, const struct value *values,
                 int arbiter, struct conflict *on_conflict, struct bytes *key_out)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  if (on_conflict)
    on_conflict->found = false;
  int status = constraint_check(writer, relation, values);
  if (!status && on_conflict && relation->is_checked_late)
    status = refuse_deferrable(writer, relation, arbiter);
  if (status)
    return status;
  if (on_conflict && arbiter >= 0 && !relation->indexes[arbiter].is_primary) {
    status = ask_arbiter(writer, relation, &relation->indexes[arbiter], values, on_conflict);
    if (status || on_conflict->found)
      return status;
  }
  status = new_primary_key(writer, relation, values, &scratch->key);
  if (!status)
    status = encode_row(writer, relation, values);
  if (status)
    return status;
  struct bytes key = buffer_bytes(&scratch->key);
  if (key_out)
    *key_out = key;
  size_t mark = change_mark(writer->changes);
  struct bytes previous;
  status = write_put(writer, relation->tree, row_flags(relation), PUT_INSERT, key, buffer_bytes(&scratch->row), &previous);
  if (status == WRITE_REFUSED)
    return key_is_taken(writer, relation, NULL, previous, values, arbiter, on_conflict);
  if (status || !relation->has_secondary)
    return status;
  const struct index *conflict = NULL;
  status = indexes_insert(writer, relation, key, &conflict);
  if (status == STATUS_OK)
    return STATUS_OK;
  int undone = write_undo(writer, mark, STATUS_OK);
  if (undone)
    return undone;
  // values may have been borrowed from the version: the row's own are in scratch.
  return status == WRITE_REFUSED
           ? key_is_taken(writer, relation, conflict, bytes_of(NULL, 0), scratch->values, arbiter, on_conflict)
           : status;
}

// --- Update, delete, upsert -----------------------------------------------------------------------

static int move_row(struct writer *writer, const struct relation *relation, struct bytes old_key, struct bytes key)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = write_put(writer, relation->tree, row_flags(relation), PUT_INSERT, key, buffer_bytes(&scratch->row), NULL);
  if (status == WRITE_REFUSED) {
    if (!scratch_values(scratch, relation->schema.column_count))
      return error_memory(writer->error);
    row_get_all(&relation->schema, buffer_bytes(&scratch->row), scratch->values);
    return key_is_taken(writer, relation, NULL, bytes_of(NULL, 0), scratch->values, -1, NULL);
  }
  uint8_t flags = row_flags(relation);
  return status ? status : write_delete(writer, relation->tree, flags ? flags | CHANGE_MOVED : 0, old_key);
}

static int row_is_gone(struct writer *writer, const struct relation *relation)
{
  return error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "the row of \"%s\" that was to be changed is not there",
                   relation->name);
}

// The key and the row that the values give: scratch.new_key, scratch.row.
static int prepare_update(struct writer *writer, const struct relation *relation, struct bytes key,
                          const struct value *values)
{
  struct buffer *new_key = &writer->catalog->scratch.new_key;
  int status = constraint_check(writer, relation, values);
  if (status)
    return status;
  buffer_clear(new_key);
  if (relation->key_count)
    status = table_key(relation, values, new_key, writer->error);
  else
    status = keep_bytes(writer, new_key, key);
  return status ? status : encode_row(writer, relation, values);
}

int table_update(struct writer *writer, const struct relation *relation, struct bytes key, struct bytes old_row,
                 const struct value *values)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = prepare_update(writer, relation, key, values);
  if (status)
    return status;
  struct bytes new_key = buffer_bytes(&scratch->new_key);
  bool is_moved = !bytes_equal(key, new_key);
  if (!is_moved && bytes_equal(old_row, buffer_bytes(&scratch->row)))
    return STATUS_OK;
  if (!is_moved && !relation->has_secondary) {
    status = write_put(writer, relation->tree, row_flags(relation), PUT_UPDATE, new_key, buffer_bytes(&scratch->row), NULL);
    return status == WRITE_REFUSED ? row_is_gone(writer, relation) : status;
  }
  // key and old_row may lie in the version: they are needed behind its first change.
  status = keep_bytes(writer, &scratch->old_key, key);
  if (!status && relation->has_secondary)
    status = keep_bytes(writer, &scratch->old_row, old_row);
  if (status)
    return status;
  struct bytes old_key = buffer_bytes(&scratch->old_key);
  size_t mark = change_mark(writer->changes);
  if (is_moved)
    status = move_row(writer, relation, old_key, new_key);
  else
    status = write_put(writer, relation->tree, row_flags(relation), PUT_UPDATE, new_key, buffer_bytes(&scratch->row), NULL);
  if (status == WRITE_REFUSED)
    status = row_is_gone(writer, relation);
  if (!status && relation->has_secondary)
    status = indexes_update(writer, relation, old_key, new_key);
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}

int table_delete(struct writer *writer, const struct relation *relation, struct bytes key, struct bytes old_row)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = keep_bytes(writer, &scratch->new_key, key);
  if (!status && relation->has_secondary)
    status = keep_bytes(writer, &scratch->old_row, old_row);
  if (status)
    return status;
  struct bytes kept = buffer_bytes(&scratch->new_key);
  size_t mark = change_mark(writer->changes);
  status = write_delete(writer, relation->tree, row_flags(relation), kept);
  if (status == WRITE_REFUSED)
    return row_is_gone(writer, relation);
  if (status || !relation->has_secondary)
    return status;
  status = begin_values(writer, relation);
  if (!status)
    status = relation_row(relation, buffer_bytes(&scratch->old_row), scratch->old_values, writer->error);
  for (int i = 0; i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    bool was_in = false;
    if (!index->is_primary)
      status = index_compute(writer->catalog, writer->version, relation, index, scratch->old_values, &was_in, writer->error);
    if (!status && was_in)
      status = index_delete(writer, relation, index, scratch->old_values, kept);
  }
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}

int table_check(struct writer *writer, const struct relation *relation, const struct value *values)
{
  return constraint_check(writer, relation, values);
}

int table_upsert(struct writer *writer, const struct relation *relation, const struct value *values)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = constraint_check(writer, relation, values);
  if (!status)
    status = new_primary_key(writer, relation, values, &scratch->key);
  if (!status)
    status = encode_row(writer, relation, values);
  if (status)
    return status;
  struct bytes key = buffer_bytes(&scratch->key), previous;
  size_t mark = change_mark(writer->changes);
  status = write_put(writer, relation->tree, row_flags(relation), PUT_ANY, key, buffer_bytes(&scratch->row), &previous);
  if (status || !relation->has_secondary)
    return status;
  if (previous.data) {
    status = keep_bytes(writer, &scratch->old_row, previous);
    if (!status)
      status = indexes_update(writer, relation, key, key);
  } else {
    const struct index *conflict = NULL;
    status = indexes_insert(writer, relation, key, &conflict);
    if (status == WRITE_REFUSED)
      status = constraint_unique_error(writer, relation, conflict, scratch->values, UNIQUE_EXISTS);
  }
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}
