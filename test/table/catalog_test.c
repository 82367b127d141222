// Definitions: created, found, replaced, dropped; each version sees its own.
#include <stdio.h>

#include "table/definition.h"
#include "fixture.h"

static int find(struct world *world, const char *schema, const char *name, const char *kinds, bool missing_ok,
                const struct relation **relation)
{
  struct name_scope scope = world_scope();
  return catalog_find(world->catalog, world->writer.version, &scope, schema, name, kinds, RIGHT_SELECT, missing_ok,
                      relation, &world->error);
}

static void assert_error(struct world *world, int status, const char *sqlstate, const char *message)
{
  assert_int_equal(status, STATUS_INPUT);
  assert_string_equal(world->error.sqlstate, sqlstate);
  assert_string_equal(world->error.message, message);
}

static void test_find(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", true);
  definition_index(&definition, "t_b", false, 1, -1);
  definition_check(&definition, "positive", "d > 0");
  const struct relation *t = world_create(&world, &definition), *found;
  assert_true(t->oid >= OID_FIRST_USER && t->tree >= TREE_FIRST_USER && t->is_compiled && t->has_secondary);
  assert_int_equal(t->indexes[0].tree, t->tree);
  assert_int_not_equal(t->indexes[1].tree, t->tree);
  assert_int_equal(find(&world, "public", "t", "r", false, &found), 0);
  assert_ptr_equal(found, t);
  assert_int_equal(find(&world, NULL, "t_b", "i", false, &found), 0);
  assert_ptr_equal(found, t);
  assert_int_equal(catalog_name(world.catalog, world.writer.version, SCHEMA_PUBLIC, "t_b"), t->indexes[1].oid);
  assert_int_equal(catalog_schema(world.catalog, world.writer.version, "information_schema"), SCHEMA_INFORMATION);
  assert_int_equal(catalog_schema(world.catalog, world.writer.version, "nowhere"), 0);
  assert_int_equal(find(&world, NULL, "u", NULL, true, &found), 0);
  assert_null(found);
  assert_error(&world, find(&world, NULL, "u", NULL, false, &found), "42P01", "relation \"u\" does not exist");
  assert_error(&world, find(&world, "public", "u", NULL, false, &found), "42P01", "relation \"public.u\" does not exist");
  assert_error(&world, find(&world, "nowhere", "t", NULL, false, &found), "3F000", "schema \"nowhere\" does not exist");
  assert_error(&world, find(&world, NULL, "t_b", NULL, false, &found), "42809", "cannot open relation \"t_b\"");
  assert_error(&world, find(&world, NULL, "t_b", "r", false, &found), "42809", "\"t_b\" is not a table");
  assert_string_equal(world.error.hint, "Use DROP INDEX to remove an index.");
  assert_error(&world, find(&world, NULL, "t", "i", false, &found), "42809", "\"t\" is not an index");
  struct name_scope stranger = world_scope();
  stranger.role = 77;
  assert_error(&world, catalog_find(world.catalog, world.writer.version, &stranger, NULL, "t", NULL, RIGHT_SELECT, false,
                                    &found, &world.error), "42501", "permission denied for table t");
  world_close(&world);
}

static void test_names_are_shared(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", true);
  world_create(&world, &definition);
  struct buffer before = {0}, after = {0};
  version_dump(world.writer.version, &before);
  assert_error(&world, catalog_create(world.catalog, &world.writer, &definition.relation, &world.error), "42P07",
               "relation \"t\" already exists");
  definition_init(&definition, "u", true);
  definition_index(&definition, "t_pkey", false, 1, -1);
  assert_error(&world, catalog_create(world.catalog, &world.writer, &definition.relation, &world.error), "42P07",
               "relation \"t_pkey\" already exists");
  version_dump(world.writer.version, &after);
  assert_same_dump(&before, &after);
  buffer_deinit(&before);
  buffer_deinit(&after);
  world_close(&world);
}

static void insert_some(struct world *world, const struct relation *relation, int count)
{
  for (int i = 0; i < count; i++) {
    struct value values[4] = {value_integer(i), value_integer(i), value_null(), value_integer(i)};
    assert_int_equal(table_insert(&world->writer, relation, values, -1, NULL, NULL), 0);
  }
}

static const struct relation *create_dependent(struct world *world, const char *name, uint32_t on)
{
  struct definition definition;
  definition_init(&definition, name, false);
  definition.relation.kind = RELATION_WORKFLOW;
  definition.relation.schema.column_count = 0;
  definition.relation.text = "insert into t select 1";
  definition.relation.dependency_count = 1;
  definition.relation.dependencies = &on;
  return world_create(world, &definition);
}

static void test_drop(void **state)
{
  struct world world;
  world_start(&world);
  struct buffer empty = {0}, after = {0}, dropped = {0};
  version_dump(world.writer.version, &empty);
  struct definition definition;
  definition_init(&definition, "t", true);
  definition_index(&definition, "t_b", false, 1, -1);
  const struct relation *t = world_create(&world, &definition);
  insert_some(&world, t, 20);
  const struct relation *w = create_dependent(&world, "w", t->oid);
  assert_int_equal(w->tree, 0);
  create_dependent(&world, "v", w->oid);
  world_commit(&world, NULL);

  uint64_t definitions = version_definitions(world.writer.version);
  assert_error(&world, catalog_drop(world.catalog, &world.writer, t, false, &dropped, &world.error), "2BP01",
               "cannot drop table t because other objects depend on it");
  assert_string_equal(world.error.detail, "workflow w depends on table t\nworkflow v depends on workflow w");
  assert_string_equal(world.error.hint, "Use DROP ... CASCADE to drop the dependent objects too.");
  assert_int_equal(world.changes.count, 0);
  assert_true(version_definitions(world.writer.version) == definitions);

  struct buffer before = {0}, undone = {0};
  version_dump(world.writer.version, &before);
  assert_int_equal(catalog_drop(world.catalog, &world.writer, t, true, &dropped, &world.error), 0);
  buffer_append_u8(&dropped, 0);
  assert_string_equal((char *)dropped.data, "workflow w\nworkflow v\n");
  assert_null(world_find(&world, world.writer.version, "t"));
  assert_true(version_definitions(world.writer.version) != definitions);
  world_abort(&world, definitions);
  version_dump(world.writer.version, &undone);
  assert_same_dump(&before, &undone);
  assert_ptr_equal(world_find(&world, world.writer.version, "t"), t);

  assert_int_equal(catalog_drop(world.catalog, &world.writer, t, true, NULL, &world.error), 0);
  world_commit(&world, NULL);
  version_dump(world.writer.version, &after);
  assert_same_dump(&empty, &after);
  catalog_collect(world.catalog, world.writer.version);
  buffer_deinit(&empty);
  buffer_deinit(&after);
  buffer_deinit(&dropped);
  buffer_deinit(&before);
  buffer_deinit(&undone);
  world_close(&world);
}

static void test_rename(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", true);
  const struct relation *t = world_create(&world, &definition);
  insert_some(&world, t, 3);
  struct relation *copy = catalog_copy(t, &world.arena);
  strcpy(copy->name, "renamed");
  assert_int_equal(catalog_replace(world.catalog, &world.writer, copy, &world.error), 0);
  assert_null(world_find(&world, world.writer.version, "t"));
  const struct relation *renamed = world_find(&world, world.writer.version, "renamed");
  assert_int_equal(renamed->oid, t->oid);
  assert_int_equal(renamed->tree, t->tree);
  assert_true(renamed->stamp != t->stamp);
  assert_int_equal(tree_count(world.writer.version, renamed->tree), 3);
  world_close(&world);
}

static void test_a_branch_sees_its_own(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", true);
  const struct relation *t = world_create(&world, &definition);
  world_commit(&world, NULL);
  struct version *trunk = world.writer.version, *branch = version_branch(trunk);
  uint64_t definitions = version_definitions(trunk);
  assert_true(version_definitions(branch) == definitions);

  world.writer.version = branch;
  struct relation *copy = catalog_copy(t, &world.arena);
  copy->state = "other";
  assert_int_equal(catalog_replace(world.catalog, &world.writer, copy, &world.error), 0);
  struct definition more;
  definition_init(&more, "u", true);
  const struct relation *u = world_create(&world, &more);
  assert_true(version_definitions(branch) != definitions && version_definitions(trunk) == definitions);

  assert_string_equal(world_find(&world, branch, "t")->state, "other");
  assert_null(world_find(&world, trunk, "t")->state);
  assert_ptr_equal(world_find(&world, trunk, "t"), t);
  assert_null(world_find(&world, trunk, "u"));
  assert_ptr_equal(world_find(&world, branch, "u"), u);

  // Meanwhile another is created on the trunk: neither oid nor tree is drawn twice.
  change_list_clear(&world.changes);
  world.writer.version = trunk;
  const struct relation *other = world_create(&world, &more);
  assert_true(other->oid != u->oid && other->tree != u->tree && other->stamp != u->stamp);

  // A pinned definition outlives both its version and the cache.
  const struct relation *pinned = relation_pin(world_find(&world, branch, "t"));
  version_close(branch);
  catalog_collect(world.catalog, trunk);
  assert_string_equal(pinned->state, "other");
  relation_unpin(pinned);
  catalog_collect(world.catalog, trunk);
  world_close(&world);
}

static void fill_definition(struct definition *definition)
{
  definition_init(definition, "everything", true);
  definition_index(definition, "second", true, 2, 1);
  definition_check(definition, "check", "d > 0");
  struct relation *relation = &definition->relation;
  static struct option options[] = {{"connector", "generator"}, {"id.kind", "sequence"}};
  static uint32_t dependencies[] = {5, 6, 7};
  relation->options = options;
  relation->option_count = 2;
  relation->dependencies = dependencies;
  relation->dependency_count = 3;
  relation->text = "select 'é'";
  relation->state = "running";
  relation->acl = "{a=r/b}";
  relation->oid = 99;
  relation->stamp = 12345;
  relation->tree = 70;
  definition->defaults[3].text = "1 + 1";
  definition->columns[2].type = (struct type){TYPE_VARCHAR, 10};
  definition->columns[1].is_dropped = true;
}

static void test_encoding(void **state)
{
  struct definition definition;
  struct buffer row = {0}, again = {0};
  struct arena arena;
  struct relation relation = {0};
  struct error error;
  arena_init(&arena, NULL);
  fill_definition(&definition);
  assert_int_equal(definition_encode(&definition.relation, &row, &error), 0);
  assert_int_equal(definition_decode(buffer_bytes(&row), &arena, &relation, &error), 0);
  assert_string_equal(relation_option(&relation, "id.kind"), "sequence");
  assert_null(relation_option(&relation, "id"));
  assert_int_equal(relation_column(&relation, "d"), 3);
  assert_int_equal(relation_column(&relation, "b"), -1); // dropped
  assert_string_equal(relation.text, "select 'é'");
  assert_int_equal(relation.schema.columns[2].type.modifier, 10);
  assert_true(relation.indexes[1].parts[1].descending);
  uint64_t stamp;
  assert_true(definition_stamp(buffer_bytes(&row), &stamp));
  assert_int_equal(stamp, 12345);
  assert_int_equal(definition_encode(&relation, &again, &error), 0);
  assert_same_dump(&row, &again);
  arena_deinit(&arena);
  buffer_deinit(&row);
  buffer_deinit(&again);
}

static void test_decoding_meets_anything(void **state)
{
  struct definition definition;
  struct buffer row = {0};
  fill_definition(&definition);
  assert_int_equal(definition_encode(&definition.relation, &row, NULL), 0);
  uint64_t seed = 3;
  for (int round = 0; round < 30000; round++) {
    size_t size = round % 2 ? row.size : (size_t)below(&seed, (int)row.size + 1);
    uint8_t *bytes = malloc(size ? size : 1);
    memcpy(bytes, row.data, size);
    for (int flips = below(&seed, 4); flips > 0 && size; flips--)
      bytes[below(&seed, (int)size)] = (uint8_t)next_random(&seed);
    struct memory_account account = {.limit = 1024 * 1024};
    struct arena arena;
    struct relation relation = {0};
    struct error error;
    arena_init(&arena, &account);
    int status = definition_decode(bytes_of(bytes, size), &arena, &relation, &error);
    assert_true(status == 0 || status == STATUS_FATAL);
    if (size < row.size)
      assert_int_equal(status, STATUS_FATAL);
    arena_deinit(&arena);
    free(bytes);
  }
  buffer_deinit(&row);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_find),     cmocka_unit_test(test_names_are_shared),
    cmocka_unit_test(test_drop),     cmocka_unit_test(test_rename),
    cmocka_unit_test(test_a_branch_sees_its_own),
    cmocka_unit_test(test_encoding), cmocka_unit_test(test_decoding_meets_anything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
