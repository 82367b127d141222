// Temporary tables, views and sequences: relations like others, in a schema that is one session's.
//
// 1. Such a schema has the number SCHEMA_TEMPORARY + the session's, and is there from its first relation on. It goes, with
//    all that is in it, when the session ends; and where a process ended before its sessions did, when the next one starts.
// 2. Nothing permanent depends on what is in it.
#include "table/temporary.h"

#include <stdio.h>

#include "base/sqlstate.h"
#include "table/internal.h"
#include "table/namespace.h"
#include "table/right.h"

int temporary_open(struct writer *writer, uint32_t schema_oid)
{
  char name[32];
  if (catalog_schema_name(writer->catalog, writer->version, schema_oid))
    return STATUS_OK;
  snprintf(name, sizeof name, "pg_temp_%u", schema_oid - SCHEMA_TEMPORARY);
  return namespace_put(writer, schema_oid, ROLE_OWNER, name);
}

struct gathered {
  const struct relation **relations;
  int count, capacity;
};

static int add(struct gathered *gathered, struct arena *arena, const struct relation *relation, struct error *error)
{
  if (gathered->count == gathered->capacity) {
    int capacity = 2 * gathered->capacity + 16;
    const struct relation **grown = ARENA_ARRAY(arena, const struct relation *, capacity);
    if (!grown)
      return error_memory(error);
    if (gathered->count)
      memcpy(grown, gathered->relations, sizeof *grown * (size_t)gathered->count);
    gathered->relations = grown;
    gathered->capacity = capacity;
  }
  gathered->relations[gathered->count++] = relation;
  return STATUS_OK;
}

// The relations of a schema, by their names (those of indexes left out).
static int gather(struct writer *writer, uint32_t schema_oid, struct arena *arena, struct gathered *gathered)
{
  uint8_t prefix[4];
  struct cursor cursor;
  int status = STATUS_OK;
  put_be32(prefix, schema_oid);
  cursor_init(&cursor, writer->version, TREE_NAMES, NULL);
  for (bool more = cursor_seek(&cursor, bytes_of(prefix, 4)); more && !status; more = cursor_next(&cursor)) {
    const struct relation *relation;
    if (cursor.key.size < 4 || memcmp(cursor.key.data, prefix, 4) != 0)
      break;
    if (cursor.row.size != 8 || get_be32(cursor.row.data) != get_be32(cursor.row.data + 4))
      continue;
    status = catalog_load(writer->catalog, writer->version, get_be32(cursor.row.data), NULL, &relation, writer->error);
    if (!status && relation)
      status = add(gathered, arena, relation, writer->error);
  }
  cursor_deinit(&cursor);
  return status;
}

int temporary_drop(struct writer *writer, uint32_t schema_oid)
{
  struct gathered all = {0};
  struct arena arena;
  if (!catalog_schema_name(writer->catalog, writer->version, schema_oid))
    return STATUS_OK;
  arena_init(&arena, NULL);
  int status = gather(writer, schema_oid, &arena, &all);
  if (!status && all.count)
    status = catalog_drop_all(writer, all.relations, all.count, true, NULL);
  arena_deinit(&arena);
  return status ? status : namespace_drop(writer, schema_oid);
}

int temporary_drop_all(struct writer *writer)
{
  uint32_t oid = SCHEMA_TEMPORARY - 1;
  const char *name;
  int status = STATUS_OK;
  while (!status && namespace_next(writer->catalog, writer->version, &oid, &name))
    status = temporary_drop(writer, oid);
  return status;
}

static uint64_t bytes_of_relation(const struct writer *writer, const struct relation *relation)
{
  uint64_t bytes = relation->tree ? tree_bytes(writer->version, relation->tree) : 0;
  for (int i = 0; i < relation->index_count; i++)
    if (!relation->indexes[i].is_primary)
      bytes += tree_bytes(writer->version, relation->indexes[i].tree);
  return bytes;
}

int temporary_at_commit(struct writer *writer, uint32_t schema_oid, uint64_t limit)
{
  struct gathered all = {0}, dropped = {0};
  struct arena arena;
  uint64_t bytes = 0;
  if (!catalog_schema_name(writer->catalog, writer->version, schema_oid))
    return STATUS_OK;
  arena_init(&arena, NULL);
  int status = gather(writer, schema_oid, &arena, &all);
  for (int i = 0; i < all.count && !status; i++) {
    const struct relation *relation = all.relations[i];
    if (relation->on_commit == ON_COMMIT_DELETE && tree_count(writer->version, relation->tree))
      status = table_truncate(writer, relation);
    else if (relation->on_commit == ON_COMMIT_DROP)
      status = add(&dropped, &arena, relation, writer->error);
    else
      bytes += bytes_of_relation(writer, relation);
  }
  if (!status && dropped.count)
    status = catalog_drop_all(writer, dropped.relations, dropped.count, true, NULL);
  arena_deinit(&arena);
  if (!status && limit && bytes > limit) {
    status = error_set(writer->error, SQLSTATE_OUT_OF_MEMORY,
                       "the temporary tables of this session would take %llu bytes, more than %llu",
                       (unsigned long long)bytes, (unsigned long long)limit);
    error_hint(writer->error, "Drop some, or start the server with a larger --statement-memory.");
  }
  return status;
}
