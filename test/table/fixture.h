// A small world for the tests of table/ and txn/: a store, a catalog, a writer, and one table with every kind of index.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table/write.h"

struct world {
  struct memory_account account;
  struct store *store;
  struct catalog *catalog;
  struct change_list changes;
  struct arena arena;
  struct evaluation evaluation;
  struct error error;
  struct writer writer;
  uint64_t position;
};

// Understands "COLUMN > NUMBER" over integer columns.
static inline int world_compile(void *context, const struct compile_input *input, struct expression_text *compiled,
                                struct error *error)
{
  const struct relation *relation = input->relation;
  char name[64];
  long long bound;
  assert_int_equal(sscanf(input->text, "%63s > %lld", name, &bound), 2);
  int column = relation_column(relation, name);
  assert_true(column >= 0);
  enum type_id type = relation->schema.columns[column].type.id;
  struct arena *arena = input->arena;
  struct node *arguments[2] = {node_column(arena, type_plain(type), 0, column, -1),
                               node_constant(arena, type_plain(type), value_integer(bound), -1)};
  const struct function *function;
  int status = function_resolve(">", true, (enum type_id[]){type, type}, 2, NULL, &function, error);
  if (status)
    return status;
  struct node *call = node_new(arena, NODE_CALL, type_plain(TYPE_BOOLEAN), -1, arguments, 2);
  call->function = function;
  compiled->node = call;
  compiled->program = program_compile(call, arena, error);
  return compiled->program ? STATUS_OK : (int)error->status;
}

static inline void world_begin(struct world *world)
{
  change_list_clear(&world->changes);
  world->writer.position = world->position + 1;
  world->writer.committed = world->position;
}

static inline void world_open(struct world *world)
{
  memset(world, 0, sizeof *world);
  world->store = store_open(&world->account);
  world->catalog = catalog_open(&world->account, &(struct catalog_hooks){.compile = world_compile});
  change_list_init(&world->changes);
  arena_init(&world->arena, NULL);
  world->evaluation.settings = &format_settings_default;
  world->writer = (struct writer){
    .version = store_trunk(world->store), .changes = &world->changes, .catalog = world->catalog,
    .arena = &world->arena, .evaluation = &world->evaluation, .error = &world->error};
  world_begin(world);
}

// A world whose schemas are there.
static inline void world_start(struct world *world)
{
  world_open(world);
  assert_int_equal(catalog_bootstrap(world->catalog, &world->writer, &world->error), 0);
  world->position++;
  world_begin(world);
}

static inline void world_close(struct world *world)
{
  change_list_deinit(&world->changes);
  arena_deinit(&world->arena);
  catalog_close(world->catalog);
  while (store_collect(world->store, 1000))
    ;
  store_close(world->store);
  assert_int_equal(world->account.used, 0);
}

// Commits what the writer changed; the payload is appended to `payload` (NULL: not wanted).
static inline void world_commit(struct world *world, struct buffer *payload)
{
  struct buffer ignored = {0};
  size_t entries = change_encode(&world->changes, world->writer.version, (struct bytes){0}, payload ? payload : &ignored);
  assert_false(payload ? payload->failed : ignored.failed);
  buffer_deinit(&ignored);
  if (entries)
    world->position++;
  change_finish(&world->changes, world->writer.version);
  arena_reset(&world->arena);
  world_begin(world);
}

static inline void world_abort(struct world *world, uint64_t definitions)
{
  assert_int_equal(table_undo(&world->writer, 0, &world->error), 0);
  version_set_definitions(world->writer.version, definitions);
  world_begin(world);
}

// a int4 PRIMARY KEY, b int4, c text, d int8; UNIQUE (c), UNIQUE (b, d) where has_pair, an index on (b DESC).
struct definition {
  struct relation relation;
  struct column columns[4];
  struct key_part key[1];
  struct index indexes[4];
  struct key_part parts[4][2];
  struct constraint checks[2];
  struct expression_text defaults[4];
};

static inline void definition_index(struct definition *definition, const char *name, bool is_unique, int first, int second)
{
  int number = definition->relation.index_count++;
  struct index *index = &definition->indexes[number];
  *index = (struct index){.is_unique = is_unique, .is_constraint = is_unique, .parts = definition->parts[number]};
  strcpy(index->name, name);
  definition->parts[number][index->part_count++] = (struct key_part){.column = (uint16_t)first};
  if (second >= 0)
    definition->parts[number][index->part_count++] = (struct key_part){.column = (uint16_t)second, .descending = true};
}

static inline void definition_init(struct definition *definition, const char *name, bool has_key)
{
  memset(definition, 0, sizeof *definition);
  static const struct { const char *name; enum type_id type; } columns[4] = {
    {"a", TYPE_INT4}, {"b", TYPE_INT4}, {"c", TYPE_TEXT}, {"d", TYPE_INT8}};
  for (int i = 0; i < 4; i++) {
    strcpy(definition->columns[i].name, columns[i].name);
    definition->columns[i].type = type_plain(columns[i].type);
  }
  struct relation *relation = &definition->relation;
  relation->schema_oid = SCHEMA_PUBLIC;
  strcpy(relation->name, name);
  relation->kind = RELATION_TABLE;
  relation->owner = ROLE_OWNER;
  relation->schema.columns = definition->columns;
  relation->schema.column_count = 4;
  relation->key = definition->key;
  relation->indexes = definition->indexes;
  relation->checks = definition->checks;
  relation->defaults = definition->defaults;
  if (has_key) {
    relation->key_count = 1;
    char pkey[64];
    snprintf(pkey, sizeof pkey, "%s_pkey", name);
    definition_index(definition, pkey, true, 0, -1);
    definition->indexes[0].is_primary = true;
  }
}

static inline void definition_check(struct definition *definition, const char *name, const char *text)
{
  struct constraint *check = &definition->checks[definition->relation.check_count++];
  strcpy(check->name, name);
  check->check.text = text;
}

static inline struct name_scope world_scope(void)
{
  static const uint32_t path[] = {SCHEMA_PG_CATALOG, SCHEMA_PUBLIC};
  return (struct name_scope){.role = ROLE_OWNER, .search_path = path, .search_path_count = 2};
}

static inline const struct relation *world_find(struct world *world, const struct version *version, const char *name)
{
  struct name_scope scope = world_scope();
  const struct relation *relation;
  int status = catalog_find(world->catalog, version, &scope, NULL, name, NULL, RIGHT_SELECT, true, &relation, &world->error);
  if (status)
    print_error("%s\n", world->error.message);
  assert_int_equal(status, 0);
  return relation;
}

static inline const struct relation *world_create(struct world *world, struct definition *definition)
{
  int status = catalog_create(world->catalog, &world->writer, &definition->relation, &world->error);
  if (status)
    print_error("%s\n", world->error.message);
  assert_int_equal(status, 0);
  return world_find(world, world->writer.version, definition->relation.name);
}

// All trees of a version, as bytes.
static inline void version_dump(const struct version *version, struct buffer *out)
{
  tree_number limit = version_tree_limit(version);
  for (tree_number tree = 0; tree < limit; tree++) {
    struct cursor cursor;
    cursor_init(&cursor, version, tree, NULL);
    for (bool more = cursor_seek(&cursor, (struct bytes){0}); more; more = cursor_next(&cursor)) {
      buffer_append_le32(out, tree);
      buffer_append_le32(out, (uint32_t)cursor.key.size);
      buffer_append_bytes(out, cursor.key);
      buffer_append_le32(out, (uint32_t)cursor.row.size);
      buffer_append_bytes(out, cursor.row);
    }
    cursor_deinit(&cursor);
  }
  assert_false(out->failed);
}

static inline void assert_same_dump(const struct buffer *a, const struct buffer *b)
{
  assert_int_equal(a->size, b->size);
  if (a->size)
    assert_memory_equal(a->data, b->data, a->size);
}

static inline uint64_t next_random(uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline int below(uint64_t *state, int bound)
{
  return (int)(next_random(state) % (uint64_t)bound);
}
