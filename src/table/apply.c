// Recovery: a log payload applied to the trunk.
//
// 1. A payload has the logged trees' new rows; what is derived from them (index entries, rows of dropped trees) is made
//    again here, from the definitions as they are behind the payload. The only expressions that run are those of indexes,
//    which are pure.
// 2. Where a payload changes a relation's definition, its rows go to the primary tree alone, and its indexes are
//    built as a whole at the end. Otherwise each row brings its index entries along.
// 3. The trunk of a recovery that fails is thrown away: nothing is undone.
#include <stdlib.h>

#include "base/sqlstate.h"
#include "table/internal.h"

// A relation whose definition the payload changes.
struct redefinition {
  uint32_t oid;
  struct relation *old;             // pinned; NULL: was not there
  const struct relation *definition; // behind the payload; NULL: is gone
  bool has_rows;                     // the payload has rows of it
};

struct application {
  struct catalog *catalog;
  struct version *trunk;
  uint64_t position;
  struct error *error;
  struct redefinition *redefinitions;
  size_t count, capacity;
};

static int corrupted(struct application *application, const char *what)
{
  return error_set(application->error, SQLSTATE_DATA_CORRUPTED, "%s in the log", what);
}

static int put(struct application *application, tree_number tree, struct bytes key, struct bytes row, struct bytes *previous)
{
  struct tree_put request = {
    .tree = tree, .mode = PUT_ANY, .key = key, .row = row, .position = application->position};
  if (tree_put(application->trunk, &request) == PUT_NO_MEMORY)
    return error_memory(application->error);
  if (previous)
    *previous = request.previous;
  return STATUS_OK;
}

static int delete(struct application *application, tree_number tree, struct bytes key, struct bytes *previous)
{
  struct tree_put request = {.tree = tree, .key = key, .position = application->position};
  enum put_result result = tree_delete(application->trunk, &request);
  if (result == PUT_NO_MEMORY)
    return error_memory(application->error);
  if (previous)
    *previous = result == PUT_DONE_REPLACED ? request.previous : (struct bytes){0};
  return STATUS_OK;
}

// --- Definitions ----------------------------------------------------------------------------------

static int add_redefinition(struct application *application, struct bytes key)
{
  if (key.size != 4)
    return corrupted(application, "malformed key of a definition");
  if (application->count == application->capacity) {
    size_t capacity = application->capacity ? application->capacity * 2 : 8;
    struct redefinition *grown = realloc(application->redefinitions, capacity * sizeof *grown);
    if (!grown)
      return error_memory(application->error);
    application->redefinitions = grown;
    application->capacity = capacity;
  }
  const struct relation *old;
  uint32_t oid = get_be32(key.data);
  int status = catalog_load(application->catalog, application->trunk, oid, NULL, &old, application->error);
  if (status)
    return status;
  application->redefinitions[application->count++] =
    (struct redefinition){.oid = oid, .old = old ? relation_pin(old) : NULL};
  return STATUS_OK;
}

// The catalog's trees first, so that all rows behind them meet the definitions that the atom left.
static int apply_definitions(struct application *application, struct bytes payload)
{
  struct change_reader reader;
  struct change change;
  int status = change_reader_open(&reader, payload, application->error);
  if (status)
    return status;
  while ((status = change_read(&reader, &change, application->error)) == 1) {
    if (change.tree >= TREE_FIRST_USER)
      continue;
    if (change.tree == TREE_RELATIONS && (status = add_redefinition(application, change.key)) != STATUS_OK)
      return status;
    status = change.has_new ? put(application, change.tree, change.key, change.new_row, NULL)
                            : delete(application, change.tree, change.key, NULL);
    if (status)
      return status;
  }
  if (status || !application->count)
    return status;
  version_touch_definitions(application->trunk);
  for (size_t i = 0; i < application->count && !status; i++)
    status = catalog_load(application->catalog, application->trunk, application->redefinitions[i].oid, NULL,
                          &application->redefinitions[i].definition, application->error);
  return status;
}

// The relation whose rows the tree holds; *relation is NULL for a tree of no relation.
static int relation_of_tree(struct application *application, tree_number tree, const struct relation **relation)
{
  struct catalog *catalog = application->catalog;
  uint64_t definitions = version_definitions(application->trunk);
  struct tree_info *info = catalog_tree_info(catalog, tree);
  if (!info)
    return error_memory(application->error);
  *relation = info->relation;
  if (info->known_at == definitions + 1 && catalog->scanned == definitions)
    return STATUS_OK;
  if (catalog->scanned != definitions) { // loading a definition notes its tree
    uint32_t oid = 0;
    while (catalog_next(catalog, application->trunk, &oid))
      ;
    catalog->scanned = definitions;
    info = catalog_tree_info(catalog, tree);
  }
  const struct relation *found = NULL;
  int status = info->oid ? catalog_load(catalog, application->trunk, info->oid, NULL, &found, application->error)
                         : STATUS_OK;
  if (status)
    return status;
  *relation = found && found->tree == tree ? found : NULL;
  info->relation = *relation;
  info->known_at = definitions + 1;
  return STATUS_OK;
}

// --- Rows -----------------------------------------------------------------------------------------

static struct redefinition *redefinition_of(struct application *application, const struct relation *relation)
{
  for (size_t i = 0; i < application->count; i++)
    if (application->redefinitions[i].oid == relation->oid)
      return &application->redefinitions[i];
  return NULL;
}

static bool row_is_of(const struct relation *relation, struct bytes row)
{
  return row.size >= 2 && row_version(row) == relation->schema.version && row_is_valid(&relation->schema, row);
}

static int index_entries(struct application *application, const struct relation *relation, struct bytes key,
                         struct bytes row, bool is_added)
{
  struct table_scratch *scratch = &application->catalog->scratch;
  if (!scratch_values(scratch, relation_width(relation)))
    return error_memory(application->error);
  if (relation->expression_count)
    arena_reset(&scratch->arena);
  int status = relation_row(relation, row, scratch->values, application->error);
  for (int i = 0; i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    bool is_in = false;
    if (!index->is_primary)
      status = index_compute(application->catalog, application->trunk, relation, index, scratch->values, &is_in, application->error);
    if (status || !is_in)
      continue;
    buffer_clear(&scratch->index_key);
    status = table_index_key(relation, index, scratch->values, key, &scratch->index_key, application->error);
    if (status)
      return status;
    status = is_added ? put(application, index->tree, buffer_bytes(&scratch->index_key), (struct bytes){0}, NULL)
                      : delete(application, index->tree, buffer_bytes(&scratch->index_key), NULL);
  }
  return status;
}

static int apply_row(struct application *application, const struct change *change)
{
  const struct relation *relation = NULL;
  int status = relation_of_tree(application, change->tree, &relation);
  if (status)
    return status;
  if (relation && change->has_new && !row_is_of(relation, change->new_row))
    return corrupted(application, "a malformed row");
  struct redefinition *redefinition = relation && application->count ? redefinition_of(application, relation) : NULL;
  if (redefinition)
    redefinition->has_rows = true;
  struct bytes previous = {0};
  status = change->has_new ? put(application, change->tree, change->key, change->new_row, &previous)
                           : delete(application, change->tree, change->key, &previous);
  if (status || !relation || !relation->has_secondary || redefinition)
    return status;
  if (previous.data) {
    struct buffer *old_row = &application->catalog->scratch.old_row;
    buffer_clear(old_row);
    buffer_append_bytes(old_row, previous);
    status = old_row->failed ? error_memory(application->error)
                             : index_entries(application, relation, change->key, buffer_bytes(old_row), false);
  }
  if (!status && change->has_new)
    status = index_entries(application, relation, change->key, change->new_row, true);
  return status;
}

static int apply_rows(struct application *application, struct bytes payload)
{
  struct change_reader reader;
  struct change change;
  int status = change_reader_open(&reader, payload, application->error);
  while (!status && (status = change_read(&reader, &change, application->error)) == 1)
    status = change.tree < TREE_FIRST_USER ? STATUS_OK : apply_row(application, &change);
  return status;
}

// --- What follows from changed definitions ----------------------------------------------------------

static bool has_tree(const struct relation *relation, tree_number tree)
{
  if (!relation)
    return false;
  if (relation->tree == tree)
    return true;
  for (int i = 0; i < relation->index_count; i++)
    if (relation->indexes[i].tree == tree)
      return true;
  return false;
}

static int clear(struct application *application, tree_number tree)
{
  return tree_clear(application->trunk, tree) ? STATUS_OK : error_memory(application->error);
}

static int clear_old_trees(struct application *application, const struct redefinition *redefinition)
{
  const struct relation *old = redefinition->old;
  int status = STATUS_OK;
  if (!old)
    return status;
  if (old->tree && !has_tree(redefinition->definition, old->tree))
    status = clear(application, old->tree);
  for (int i = 0; i < old->index_count && !status; i++)
    if (!old->indexes[i].is_primary && !has_tree(redefinition->definition, old->indexes[i].tree))
      status = clear(application, old->indexes[i].tree);
  return status;
}

static int rebuild_indexes(struct application *application, const struct redefinition *redefinition)
{
  const struct relation *relation = redefinition->definition;
  int status = STATUS_OK;
  for (int i = 0; relation && i < relation->index_count && !status; i++) {
    const struct index *index = &relation->indexes[i];
    if (index->is_primary || (!redefinition->has_rows && has_tree(redefinition->old, index->tree)))
      continue;
    struct load_set set = {0};
    size_t twin;
    status = clear(application, index->tree);
    if (!status)
      status = load_index(&set, application->catalog, application->trunk, relation, index, NULL, application->error);
    if (!status)
      status = load_run(&set, application->trunk, index->tree, application->position, &twin, application->error);
    if (status == WRITE_REFUSED)
      status = corrupted(application, "two rows with one key of a unique index");
    load_deinit(&set);
  }
  return status;
}

int table_apply(struct catalog *catalog, struct version *trunk, struct bytes payload, uint64_t position,
                struct error *error)
{
  struct application application = {.catalog = catalog, .trunk = trunk, .position = position, .error = error};
  int status = apply_definitions(&application, payload);
  if (!status)
    status = apply_rows(&application, payload);
  for (size_t i = 0; i < application.count && !status; i++) {
    status = clear_old_trees(&application, &application.redefinitions[i]);
    if (!status)
      status = rebuild_indexes(&application, &application.redefinitions[i]);
  }
  for (size_t i = 0; i < application.count; i++)
    relation_unpin(application.redefinitions[i].old);
  // A number that nobody had when the process ended is drawn again by the next one: a definition that is gone must not
  // be found under its (oid, stamp) when another one has them.
  if (application.count)
    catalog_collect(catalog, trunk);
  free(application.redefinitions);
  return status;
}
