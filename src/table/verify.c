// Do the tables agree with themselves? For `quern check`: reads everything, changes nothing.
#include "base/sqlstate.h"
#include "table/internal.h"

// Counts the indexes that have no tree of their own out.
static bool has_own_tree(const struct relation *relation, const struct index *index)
{
  return index->tree && index->tree != relation->tree;
}

static int verify_generated(struct writer *writer, const struct relation *relation, const struct value *values)
{
  struct value *again = arena_copy(writer->arena, values, sizeof *values * relation->schema.column_count);
  int status = again ? table_generate(writer->catalog, writer->version, relation, again, writer->arena, writer->error) : error_memory(writer->error);
  for (int i = 0; i < relation->schema.column_count && !status; i++) {
    const struct column *column = &relation->schema.columns[i];
    if (column->is_generated && !value_is_same(column->type.id, &values[i], &again[i]))
      return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "generated column \"%s\" of a row of \"%s\" has another value",
                       column->name, relation->name);
  }
  return status;
}

// Counts the row in `entries` for each index that has it.
static int verify_row(struct writer *writer, const struct relation *relation, const struct cursor *cursor,
                      struct value *values, uint64_t *entries)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  if (!row_is_valid(&relation->schema, cursor->row))
    return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "a row of \"%s\" is malformed", relation->name);
  int status = relation_row(relation, cursor->row, values, writer->error);
  if (!status)
    status = constraint_verify(writer, relation, values);
  if (!status && relation->has_generated)
    status = verify_generated(writer, relation, values);
  buffer_clear(&scratch->key);
  if (!status && relation->key_count)
    status = table_key(relation, values, &scratch->key, writer->error);
  if (!status && relation->key_count && !bytes_equal(buffer_bytes(&scratch->key), cursor->key))
    return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "a row of \"%s\" stands under another row's key", relation->name);
  for (int i = 0; !status && i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    struct bytes ignored;
    bool is_in = true;
    if (has_own_tree(relation, index))
      status = index_compute(writer->catalog, writer->version, relation, index, values, &is_in, writer->error);
    entries[i] += !status && is_in;
    if (status || !is_in || !has_own_tree(relation, index))
      continue;
    buffer_clear(&scratch->index_key);
    status = table_index_key(relation, index, values, cursor->key, &scratch->index_key, writer->error);
    if (!status && !tree_get(writer->version, index->tree, buffer_bytes(&scratch->index_key), &ignored, NULL))
      return error_set(writer->error, SQLSTATE_DATA_CORRUPTED, "a row of \"%s\" is not in index \"%s\"", relation->name,
                       index->name);
  }
  return status;
}

int table_verify(struct writer *writer, const struct relation *relation, uint64_t *rows)
{
  *rows = 0;
  struct value *values = ARENA_ARRAY(writer->arena, struct value, relation_width(relation) + 1);
  uint64_t *entries = ARENA_ARRAY(writer->arena, uint64_t, relation->index_count + 1);
  if (!values || !entries)
    return error_memory(writer->error);
  int status = catalog_compile(writer->catalog, writer->version, relation, writer->error);
  struct arena_mark mark = arena_mark(writer->arena);
  struct cursor cursor;
  cursor_init(&cursor, writer->version, relation->tree, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    status = verify_row(writer, relation, &cursor, values, entries);
    arena_release(writer->arena, mark);
    arena_reset(&writer->catalog->scratch.arena);
    ++*rows;
  }
  cursor_deinit(&cursor);
  for (int i = 0; !status && i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    uint64_t found = has_own_tree(relation, index) ? tree_count(writer->version, index->tree) : *rows;
    if (found != entries[i])
      return error_set(writer->error, SQLSTATE_DATA_CORRUPTED,
                       "index \"%s\" has %llu entries, table \"%s\" has %llu rows for it", index->name,
                       (unsigned long long)found, relation->name, (unsigned long long)entries[i]);
  }
  for (int i = 0; !status && i < relation->foreign_key_count; i++)
    if (!relation->foreign_keys[i].is_not_valid)
      status = table_validate(writer, relation, &relation->foreign_keys[i]);
  return status;
}
