// Parts of tables: some of a table's rows, with their index entries, in a version that has no others of it. What a
// statement makes of a part can then take the place of what it made of the part as it was.
#include "base/sqlstate.h"
#include "table/internal.h"

bool table_part_begin(struct version *version, const struct relation *relation)
{
  bool is_empty = tree_clear(version, relation->tree);
  for (int i = 0; i < relation->index_count && is_empty; i++)
    is_empty = relation->indexes[i].is_primary || tree_clear(version, relation->indexes[i].tree);
  return is_empty;
}

static int put(struct version *version, tree_number tree, struct bytes key, struct bytes row, struct error *error)
{
  struct tree_put put = {.tree = tree, .key = key, .row = row};
  return tree_put(version, &put) == PUT_NO_MEMORY ? error_memory(error) : STATUS_OK;
}

int table_part_add(struct writer *writer, const struct relation *relation, struct bytes key, struct bytes row)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  if (!scratch_values(scratch, relation_width(relation)))
    return error_memory(writer->error);
  if (relation->expression_count)
    arena_reset(&scratch->arena);
  int status = put(writer->version, relation->tree, key, row, writer->error);
  if (!status && relation->has_secondary)
    status = relation_row(relation, row, scratch->values, writer->error);
  for (int i = 0; i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    bool is_in = false;
    if (!index->is_primary)
      status = index_compute(writer->catalog, writer->version, relation, index, scratch->values, &is_in, writer->error);
    if (status || !is_in)
      continue;
    buffer_clear(&scratch->index_key);
    status = table_index_key(relation, index, scratch->values, key, &scratch->index_key, writer->error);
    if (!status)
      status = put(writer->version, index->tree, buffer_bytes(&scratch->index_key), (struct bytes){0}, writer->error);
  }
  return status;
}

// The entries that are in one version of the tree and not in the other go.
static int remove_others(struct writer *writer, uint8_t flags, tree_number tree, const struct version *old_part,
                         const struct version *new_part)
{
  int status = STATUS_OK;
  struct bytes row;
  struct cursor cursor;
  cursor_init(&cursor, old_part, tree, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    if (new_part && tree_get(new_part, tree, cursor.key, &row, NULL))
      continue;
    status = write_delete(writer, tree, flags, cursor.key);
    if (status == WRITE_REFUSED)
      status = error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "a row that was changed before is not there");
  }
  cursor_deinit(&cursor);
  return status;
}

static int put_all(struct writer *writer, uint8_t flags, tree_number tree, const struct version *part)
{
  int status = STATUS_OK;
  struct cursor cursor;
  cursor_init(&cursor, part, tree, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor))
    status = write_put(writer, tree, flags, PUT_ANY, cursor.key, cursor.row, NULL);
  cursor_deinit(&cursor);
  return status;
}

int table_part_replace(struct writer *writer, const tree_number *trees, int count, tree_number logged,
                       const struct version *old_part, const struct version *new_part)
{
  int status = STATUS_OK;
  for (int i = 0; i < count && !status; i++) {
    uint8_t flags = trees[i] == logged ? 0 : CHANGE_DERIVED;
    if (old_part)
      status = remove_others(writer, flags, trees[i], old_part, new_part);
    if (!status && new_part)
      status = put_all(writer, flags, trees[i], new_part);
  }
  return status;
}

int table_part_copy(struct writer *writer, const struct change_list *touched, const struct version *from)
{
  size_t mark = change_mark(writer->changes), at = 0;
  struct change change;
  int status = STATUS_OK;
  while (!status && change_next(touched, &at, &change)) {
    struct bytes row, old;
    uint8_t flags = change.flags & CHANGE_DERIVED;
    bool is_there = tree_get(from, change.tree, change.key, &row, NULL);
    bool was_there = tree_get(writer->version, change.tree, change.key, &old, NULL);
    if (is_there && (!was_there || !bytes_equal(row, old)))
      status = write_put(writer, change.tree, flags, PUT_ANY, change.key, row, NULL);
    else if (!is_there && was_there)
      status = write_delete(writer, change.tree, flags, change.key);
  }
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}
