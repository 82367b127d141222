// Changes of whole tables: TRUNCATE, filling a new index, moving all rows into new trees.
//
// What fills a fresh tree is gathered, sorted and loaded in key order; the change list gets one entry for the
// whole tree (CHANGE_FILLED).
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/internal.h"

// --- Sorted loads ---------------------------------------------------------------------------------

static struct bytes item_key(const struct load_set *set, const struct load_item *item)
{
  return bytes_of(set->bytes.data + item->key, item->key_size);
}

bool load_add(struct load_set *set, struct bytes key, size_t prefix_size, struct bytes row)
{
  if (set->count == set->capacity) {
    size_t capacity = set->capacity ? set->capacity * 2 : 256;
    struct load_item *items = realloc(set->items, capacity * sizeof *items);
    if (!items)
      return false;
    set->items = items;
    set->capacity = capacity;
  }
  struct load_item item = {
    .key = set->bytes.size, .row = set->bytes.size + key.size, .key_size = (uint32_t)key.size,
    .prefix_size = (uint32_t)prefix_size, .row_size = (uint32_t)row.size};
  buffer_append_bytes(&set->bytes, key);
  buffer_append_bytes(&set->bytes, row);
  if (set->bytes.failed)
    return false;
  if (set->count == 0)
    set->is_sorted = true;
  else if (set->is_sorted)
    set->is_sorted = bytes_compare(item_key(set, &set->items[set->count - 1]), item_key(set, &item)) < 0;
  set->items[set->count++] = item;
  return true;
}

static int compare_items(const void *a, const void *b, void *context)
{
  const struct load_set *set = context;
  return bytes_compare(item_key(set, a), item_key(set, b));
}

static bool is_twin(const struct load_set *set, const struct load_item *a, const struct load_item *b)
{
  return a->prefix_size && a->prefix_size == b->prefix_size &&
         memcmp(set->bytes.data + a->key, set->bytes.data + b->key, a->prefix_size) == 0;
}

int load_run(struct load_set *set, struct version *version, tree_number tree, uint64_t position, size_t *twin,
             struct error *error)
{
  if (set->count && !set->is_sorted)
    qsort_r(set->items, set->count, sizeof *set->items, compare_items, set);
  for (size_t i = 1; i < set->count; i++) {
    if (is_twin(set, &set->items[i - 1], &set->items[i])) {
      *twin = i;
      return WRITE_REFUSED;
    }
  }
  if (!set->count)
    return STATUS_OK;
  struct tree_loader *loader = tree_load_begin(version, tree, position);
  if (!loader)
    return error_memory(error);
  bool is_loaded = true;
  for (size_t i = 0; i < set->count && is_loaded; i++) {
    const struct load_item *item = &set->items[i];
    is_loaded = tree_load_add(loader, item_key(set, item), bytes_of(set->bytes.data + item->row, item->row_size));
  }
  is_loaded &= tree_load_end(loader);
  if (is_loaded)
    return STATUS_OK;
  (void)tree_clear(version, tree);
  return error_memory(error);
}

void load_deinit(struct load_set *set)
{
  buffer_deinit(&set->bytes);
  free(set->items);
  *set = (struct load_set){0};
}

static int add_index_entry(struct load_set *set, struct catalog *catalog, const struct version *version,
                           const struct relation *relation, const struct index *index, const struct cursor *cursor,
                           struct error *error)
{
  struct table_scratch *scratch = &catalog->scratch;
  bool is_in;
  if (index->is_computed)
    arena_reset(&scratch->arena);
  int status = relation_row(relation, cursor->row, scratch->old_values, error);
  if (!status)
    status = index_compute(catalog, version, relation, index, scratch->old_values, &is_in, error);
  if (status || !is_in)
    return status;
  buffer_clear(&scratch->index_key);
  status = table_index_key(relation, index, scratch->old_values, cursor->key, &scratch->index_key, error);
  if (status)
    return status;
  size_t prefix = 0;
  if (index_must_be_unique(index, scratch->old_values))
    prefix = scratch->index_key.size - cursor->key.size;
  return load_add(set, buffer_bytes(&scratch->index_key), prefix, (struct bytes){0}) ? STATUS_OK : error_memory(error);
}

int load_index(struct load_set *set, struct catalog *catalog, const struct version *version,
               const struct relation *relation, const struct index *index, struct read_mark *mark, struct error *error)
{
  if (!scratch_values(&catalog->scratch, relation_width(relation)))
    return error_memory(error);
  int status = STATUS_OK;
  struct cursor cursor;
  cursor_init(&cursor, version, relation->tree, mark);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    status = add_index_entry(set, catalog, version, relation, index, &cursor, error);
    if (!status && flag_is_set(set->is_cancelled))
      status = error_set(error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
  }
  cursor_deinit(&cursor);
  return status;
}

// --- TRUNCATE -------------------------------------------------------------------------------------

static int truncate_tree(struct writer *writer, tree_number tree, uint8_t flags)
{
  int status = STATUS_OK;
  struct cursor cursor;
  cursor_init(&cursor, writer->version, tree, writer->mark);
  // The key is deleted under the cursor, which finds its place again by itself. Each deletion leaves the atom's
  // position in its leaf, on which then everybody depends who sees that the rows are gone.
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    struct buffer *key = &writer->catalog->scratch.key;
    buffer_clear(key);
    buffer_append_bytes(key, cursor.key);
    status = key->failed ? error_memory(writer->error) : write_delete(writer, tree, flags, buffer_bytes(key));
  }
  cursor_deinit(&cursor);
  return status;
}

int table_truncate(struct writer *writer, const struct relation *relation)
{
  size_t mark = change_mark(writer->changes);
  int status = relation->tree ? truncate_tree(writer, relation->tree, 0) : STATUS_OK;
  for (int i = 0; i < relation->index_count && !status; i++)
    if (!relation->indexes[i].is_primary)
      status = truncate_tree(writer, relation->indexes[i].tree, CHANGE_DERIVED);
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}

// --- New indexes and new trees ----------------------------------------------------------------------

// The error of two rows with one key. The values are read back from the row that lies in the tree under `key`.
static int twin_error(struct writer *writer, const struct relation *relation, const struct index *index,
                      struct bytes row)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  bool is_in;
  int status = relation_row(relation, row, scratch->old_values, writer->error);
  if (!status)
    status = index_compute(writer->catalog, writer->version, relation, index, scratch->old_values, &is_in, writer->error);
  return status ? status : constraint_unique_error(writer, relation, index, scratch->old_values, UNIQUE_DUPLICATED);
}

int table_build_index(struct writer *writer, const struct relation *relation, const struct index *index)
{
  if (ahead_is_ready(writer->ahead, index->tree))
    return ahead_take(writer);
  if (ahead_is_wanted(writer, relation->tree))
    return ahead_ask(writer->ahead, relation, index->tree);
  struct load_set set = {0};
  size_t twin, mark = change_mark(writer->changes);
  int status = load_index(&set, writer->catalog, writer->version, relation, index, writer->mark, writer->error);
  if (!status)
    status = write_whole(writer, index->tree, CHANGE_FILLED | CHANGE_DERIVED);
  if (!status)
    status = load_run(&set, writer->version, index->tree, writer->position, &twin, writer->error);
  if (status == WRITE_REFUSED) {
    const struct load_item *item = &set.items[twin];
    struct bytes key = item_key(&set, item), row;
    key = bytes_of(key.data + item->prefix_size, key.size - item->prefix_size);
    if (tree_get(writer->version, relation->tree, key, &row, writer->mark))
      status = twin_error(writer, relation, index, row);
    else
      status = error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "a row went while its index was built");
  }
  load_deinit(&set);
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}

static int contains_null(struct writer *writer, const struct relation *relation, int column)
{
  const char *name = relation->schema.columns[column].name;
  int status = error_set(writer->error, SQLSTATE_NOT_NULL_VIOLATION,
                         "column \"%s\" of relation \"%s\" contains null values", name, relation->name);
  constraint_names(writer, relation, name, NULL);
  return status;
}

static int add_rewritten(struct writer *writer, struct load_set *set, const struct relation *from,
                         const struct relation *to, const struct cursor *cursor)
{
  struct table_scratch *scratch = &writer->catalog->scratch;
  int status = relation_row(from, cursor->row, scratch->old_values, writer->error);
  for (int i = 0; i < to->schema.column_count && !status; i++)
    if (to->schema.columns[i].not_null && !to->schema.columns[i].is_dropped && scratch->old_values[i].is_null)
      status = contains_null(writer, to, i);
  if (status)
    return status;
  buffer_clear(&scratch->key);
  if (to->key_count) {
    status = table_key(to, scratch->old_values, &scratch->key, writer->error);
  } else {
    uint64_t number = catalog_row_number(writer->catalog, writer->version, to);
    buffer_append_be64(&scratch->key, number);
    if (!number || scratch->key.failed)
      status = error_memory(writer->error);
  }
  buffer_clear(&scratch->row);
  if (!status)
    status = row_encode(&to->schema, scratch->old_values, &scratch->row, writer->error);
  if (!status && !load_add(set, buffer_bytes(&scratch->key), scratch->key.size, buffer_bytes(&scratch->row)))
    status = error_memory(writer->error);
  return status;
}

int load_rewritten(struct load_set *set, struct writer *writer, const struct relation *from, const struct relation *to)
{
  if (from->schema.column_count != to->schema.column_count)
    return error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "the rows of \"%s\" have other columns", from->name);
  if (!scratch_values(&writer->catalog->scratch, to->schema.column_count))
    return error_memory(writer->error);
  int status = STATUS_OK;
  struct cursor cursor;
  cursor_init(&cursor, writer->version, from->tree, writer->mark);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    status = add_rewritten(writer, set, from, to, &cursor);
    if (!status && flag_is_set(set->is_cancelled))
      status = error_set(writer->error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
  }
  cursor_deinit(&cursor);
  return status;
}

int table_rewrite(struct writer *writer, const struct relation *from, const struct relation *to)
{
  if (ahead_is_ready(writer->ahead, to->tree))
    return ahead_take(writer);
  // Rows without a key get numbers: not those that they got when they were looked at before.
  if (to->key_count && to->index_count < STORE_ATTACH_LIMIT && ahead_is_wanted(writer, from->tree))
    return ahead_ask(writer->ahead, to, 0);
  struct load_set set = {0};
  size_t twin, mark = change_mark(writer->changes);
  int status = load_rewritten(&set, writer, from, to);
  if (!status)
    status = write_whole(writer, to->tree, CHANGE_FILLED);
  if (!status)
    status = load_run(&set, writer->version, to->tree, writer->position, &twin, writer->error);
  if (status == WRITE_REFUSED) {
    const struct load_item *item = &set.items[twin];
    const struct index *primary = relation_primary(to);
    struct index nameless = {.part_count = to->key_count, .parts = to->key};
    memcpy(nameless.name, to->name, sizeof nameless.name);
    status = twin_error(writer, to, primary ? primary : &nameless,
                        bytes_of(set.bytes.data + item->row, item->row_size));
  }
  load_deinit(&set);
  for (int i = 0; i < to->index_count && !status; i++)
    if (!to->indexes[i].is_primary)
      status = table_build_index(writer, to, &to->indexes[i]);
  return status ? write_undo(writer, mark, status) : STATUS_OK;
}
