// Schemas: rows of TREE_SCHEMAS under their object ids, format version (1 byte), owner (4), name.
//
// There are few, so a name is found by looking at all of them. Names that were given out live as long as the catalog.
#include "table/namespace.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/comment.h"
#include "table/internal.h"
#include "table/right.h"

enum { SCHEMA_ROW_VERSION = 1, SCHEMA_ROW_HEAD = 5 };

static const char *keep_name(struct catalog *catalog, struct bytes name)
{
  char *kept = map_get(&catalog->schema_names, name);
  if (kept)
    return kept;
  kept = malloc(name.size + 1);
  if (!kept || !map_put(&catalog->schema_names, name, kept)) {
    free(kept);
    return NULL;
  }
  memcpy(kept, name.data, name.size);
  kept[name.size] = 0;
  return kept;
}

static bool read_row(struct bytes row, struct bytes *name)
{
  if (row.size <= SCHEMA_ROW_HEAD || row.size > SCHEMA_ROW_HEAD + LIMIT_IDENTIFIER)
    return false;
  *name = bytes_of(row.data + SCHEMA_ROW_HEAD, row.size - SCHEMA_ROW_HEAD);
  return true;
}

int namespace_put(struct writer *writer, uint32_t oid, uint32_t owner, const char *name)
{
  uint8_t key[4], row[SCHEMA_ROW_HEAD + LIMIT_IDENTIFIER] = {SCHEMA_ROW_VERSION};
  size_t size = strnlen(name, LIMIT_IDENTIFIER);
  put_be32(key, oid);
  put_le32(row + 1, owner);
  memcpy(row + SCHEMA_ROW_HEAD, name, size);
  int status = write_put(writer, TREE_SCHEMAS, 0, PUT_ANY, bytes_of(key, 4), bytes_of(row, SCHEMA_ROW_HEAD + size), NULL);
  if (!status)
    version_touch_definitions(writer->version);
  return status;
}

static int taken(struct writer *writer, const char *name)
{
  if (!catalog_schema(writer->catalog, writer->version, name))
    return STATUS_OK;
  return error_set(writer->error, SQLSTATE_DUPLICATE_SCHEMA, "schema \"%s\" already exists", name);
}

int catalog_bootstrap(struct catalog *catalog, struct writer *writer, struct error *error)
{
  static const struct {
    uint32_t oid;
    const char *name;
  } schemas[] = {{SCHEMA_PG_CATALOG, "pg_catalog"},
                 {SCHEMA_PUBLIC, "public"},
                 {SCHEMA_QUERN, "quern"},
                 {SCHEMA_INFORMATION, "information_schema"}};
  size_t mark = change_mark(writer->changes);
  writer->error = error;
  for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
    int status = namespace_put(writer, schemas[i].oid, ROLE_OWNER, schemas[i].name);
    if (status)
      return write_undo(writer, mark, status);
  }
  return STATUS_OK;
}

int namespace_create(struct writer *writer, const char *name, uint32_t owner, uint32_t *oid)
{
  int status = taken(writer, name);
  *oid = SCHEMA_PUBLIC;
  if (!status && strcmp(name, "public") != 0)
    status = catalog_draw_oid(writer, oid);
  else if (!status && catalog_schema_name(writer->catalog, writer->version, SCHEMA_PUBLIC)) // it has another name by now
    status = catalog_draw_oid(writer, oid);
  return status ? status : namespace_put(writer, *oid, owner, name);
}

int namespace_rename(struct writer *writer, uint32_t oid, const char *name)
{
  int status = taken(writer, name);
  return status ? status : namespace_put(writer, oid, schema_owner(writer->version, oid), name);
}

int namespace_give(struct writer *writer, uint32_t oid, uint32_t owner)
{
  const char *name = catalog_schema_name(writer->catalog, writer->version, oid);
  return name ? namespace_put(writer, oid, owner, name) : error_memory(writer->error);
}

int namespace_drop(struct writer *writer, uint32_t oid)
{
  uint8_t key[4];
  put_be32(key, oid);
  int status = rights_put(writer, CLASS_SCHEMA, oid, NULL);
  if (!status)
    status = comments_forget(writer, COMMENT_SCHEMA, oid);
  if (!status)
    status = write_delete(writer, TREE_SCHEMAS, 0, bytes_of(key, 4));
  version_touch_definitions(writer->version);
  return status < 0 ? status : STATUS_OK;
}

bool namespace_next(struct catalog *catalog, const struct version *version, uint32_t *oid, const char **name)
{
  uint8_t key[4];
  struct bytes text;
  put_be32(key, *oid + 1);
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_SCHEMAS, NULL);
  bool found = cursor_seek(&cursor, bytes_of(key, 4)) && cursor.key.size == 4 && read_row(cursor.row, &text);
  if (found) {
    *oid = get_be32(cursor.key.data);
    *name = keep_name(catalog, text);
  }
  cursor_deinit(&cursor);
  return found && *name;
}

uint32_t namespace_oid_limit(const struct version *version)
{
  struct cursor cursor;
  uint8_t temporary[4]; // these are not drawn
  put_be32(temporary, SCHEMA_TEMPORARY);
  cursor_init(&cursor, version, TREE_SCHEMAS, NULL);
  bool found = cursor_seek_before(&cursor, bytes_of(temporary, 4)) && cursor.key.size == 4;
  uint32_t limit = found ? get_be32(cursor.key.data) + 1 : 0;
  cursor_deinit(&cursor);
  return limit;
}

uint32_t catalog_schema(struct catalog *catalog, const struct version *version, const char *name)
{
  uint32_t oid = 0;
  size_t size = strlen(name);
  struct bytes other;
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_SCHEMAS, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !oid; more = cursor_next(&cursor))
    if (cursor.key.size == 4 && read_row(cursor.row, &other) && other.size == size && memcmp(other.data, name, size) == 0)
      oid = get_be32(cursor.key.data);
  cursor_deinit(&cursor);
  return oid;
}

const char *catalog_schema_name(struct catalog *catalog, const struct version *version, uint32_t oid)
{
  uint8_t key[4];
  struct bytes row, name;
  put_be32(key, oid);
  if (!tree_get(version, TREE_SCHEMAS, bytes_of(key, 4), &row, NULL) || !read_row(row, &name))
    return NULL;
  return keep_name(catalog, name);
}
