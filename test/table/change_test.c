// Change lists: undo, compaction, payloads, and readers that meet anything.
#include <stdio.h>

#include "base/limits.h"
#include "fixture.h"

enum { TREE = TREE_FIRST_USER };

static struct bytes text(const char *t)
{
  return bytes_of_string(t);
}

static void put(struct world *world, tree_number tree, uint8_t flags, const char *key, const char *row)
{
  struct tree_put request = {.tree = tree, .mode = PUT_ANY, .key = text(key), .row = text(row ? row : ""), .position = 1};
  struct version *version = world->writer.version;
  enum put_result result = row ? tree_put(version, &request) : tree_delete(version, &request);
  assert_true(result == PUT_DONE_INSERTED || result == PUT_DONE_REPLACED);
  struct change change = {.tree = tree, .flags = flags, .has_old = result == PUT_DONE_REPLACED, .has_new = row != NULL,
                          .key = text(key), .old_row = request.previous, .new_row = text(row ? row : "")};
  assert_true(change_append(&world->changes, &change));
}

static void test_walk_and_undo(void **state)
{
  struct world world;
  world_open(&world);
  put(&world, TREE, 0, "a", "1");
  put(&world, TREE, 0, "b", "");
  size_t mark = change_mark(&world.changes);
  put(&world, TREE, 0, "a", "2");
  put(&world, TREE, 0, "b", NULL);
  put(&world, TREE, CHANGE_DERIVED, "c", "3");
  size_t at = mark;
  struct change change;
  assert_true(change_next(&world.changes, &at, &change));
  assert_true(change.has_old && change.has_new && bytes_equal(change.old_row, text("1")));
  assert_true(change_next(&world.changes, &at, &change));
  assert_true(change.has_old && !change.has_new && change.old_row.size == 0);
  assert_true(change_next(&world.changes, &at, &change));
  assert_true(!change.has_old && change.flags == CHANGE_DERIVED && change.tree == TREE);
  assert_false(change_next(&world.changes, &at, &change));
  assert_int_equal(change_undo(&world.changes, mark, world.writer.version, 0, &world.error), 0);
  assert_int_equal(world.changes.count, 2);
  struct bytes row;
  assert_true(tree_get(world.writer.version, TREE, text("a"), &row, NULL) && bytes_equal(row, text("1")));
  assert_true(tree_get(world.writer.version, TREE, text("b"), &row, NULL) && row.size == 0);
  assert_false(tree_get(world.writer.version, TREE, text("c"), &row, NULL));
  assert_int_equal(change_undo(&world.changes, 0, world.writer.version, 0, &world.error), 0);
  assert_int_equal(tree_count(world.writer.version, TREE), 0);
  assert_int_equal(world.changes.bytes.size, 0);
  world_close(&world);
}

// Reads a payload as text: "key=row key-".
static void describe(const struct buffer *payload, char *out, size_t size)
{
  struct change_reader reader;
  struct change change;
  struct error error;
  assert_int_equal(change_reader_open(&reader, buffer_bytes(payload), &error), 0);
  out[0] = 0;
  while (change_read(&reader, &change, &error) == 1) {
    size_t used = strlen(out);
    if (change.has_new)
      snprintf(out + used, size - used, "%.*s=%.*s ", (int)change.key.size, change.key.data, (int)change.new_row.size,
               (const char *)change.new_row.data);
    else
      snprintf(out + used, size - used, "%.*s- ", (int)change.key.size, change.key.data);
  }
  assert_int_equal(reader.at, payload->size);
}

static void test_one_entry_a_key(void **state)
{
  struct world world;
  struct buffer payload = {0};
  char out[400];
  world_open(&world);
  put(&world, TREE, 0, "old", "1");
  put(&world, TREE, 0, "same", "1");
  put(&world, TREE, 0, "gone", "1");
  change_list_clear(&world.changes);
  put(&world, TREE, 0, "old", "2");
  put(&world, TREE, 0, "new", "1");
  put(&world, TREE, CHANGE_DERIVED, "index", "");
  put(&world, TREE, 0, "same", "2");
  put(&world, TREE, 0, "gone", NULL);
  put(&world, TREE, 0, "brief", "1");
  put(&world, TREE, 0, "brief", NULL);
  put(&world, TREE, 0, "same", "1");
  put(&world, TREE, 0, "old", "3");
  assert_int_equal(change_encode(&world.changes, world.writer.version, text("extra"), &payload), 3);
  describe(&payload, out, sizeof out);
  assert_string_equal(out, "old=3 new=1 gone- ");
  struct change_reader reader;
  assert_int_equal(change_reader_open(&reader, buffer_bytes(&payload), NULL), 0);
  assert_true(bytes_equal(reader.extra, text("extra")));
  buffer_deinit(&payload);
  world_close(&world);
}

static void test_compaction_of_many(void **state)
{
  struct world world;
  struct buffer payload = {0};
  world_open(&world);
  char key[16], row[16];
  for (int i = 0; i < 5000; i++) {
    snprintf(key, sizeof key, "k%d", i % 700);
    snprintf(row, sizeof row, "%d", i);
    put(&world, TREE, 0, key, row);
  }
  assert_int_equal(change_encode(&world.changes, world.writer.version, (struct bytes){0}, &payload), 700);
  struct change_reader reader;
  struct change change;
  assert_int_equal(change_reader_open(&reader, buffer_bytes(&payload), NULL), 0);
  while (change_read(&reader, &change, NULL) == 1) {
    struct bytes there;
    assert_true(tree_get(world.writer.version, TREE, change.key, &there, NULL));
    assert_true(bytes_equal(there, change.new_row));
  }
  buffer_deinit(&payload);
  world_close(&world);
}

static void test_whole_trees(void **state)
{
  struct world world;
  struct buffer payload = {0};
  char out[200];
  world_open(&world);
  put(&world, TREE + 2, 0, "dropped", "1");
  change_list_clear(&world.changes);
  struct change filled = {.tree = TREE + 1, .flags = CHANGE_FILLED}, dropped = {.tree = TREE + 2, .flags = CHANGE_DROPPED};
  put(&world, TREE + 2, 0, "dropped", "2");
  size_t mark = change_mark(&world.changes);
  assert_true(change_append(&world.changes, &filled));
  struct tree_loader *loader = tree_load_begin(world.writer.version, TREE + 1, 1);
  assert_true(tree_load_add(loader, text("a"), text("1")) && tree_load_add(loader, text("b"), text("2")));
  assert_true(tree_load_end(loader));
  put(&world, TREE + 1, 0, "b", "3");
  put(&world, TREE, 0, "x", "9");
  assert_true(change_append(&world.changes, &dropped));
  assert_int_equal(change_encode(&world.changes, world.writer.version, (struct bytes){0}, &payload), 3);
  describe(&payload, out, sizeof out);
  assert_string_equal(out, "a=1 b=3 x=9 ");
  assert_int_equal(tree_count(world.writer.version, TREE + 2), 1);
  change_finish(&world.changes, world.writer.version);
  assert_int_equal(tree_count(world.writer.version, TREE + 2), 0);
  assert_int_equal(change_undo(&world.changes, mark, world.writer.version, 0, &world.error), 0);
  assert_int_equal(tree_count(world.writer.version, TREE + 1), 0);
  assert_int_equal(world.changes.whole, 0);
  buffer_deinit(&payload);
  world_close(&world);
}

// What was made ready for a tree goes before what single entries say of its keys; undone, it is gone.
static void test_ready_trees(void **state)
{
  struct world world;
  struct buffer payload = {0};
  char out[200];
  world_open(&world);
  struct change ready = {.tree = TREE + 1, .flags = CHANGE_FILLED | CHANGE_READY};
  struct change dropped = {.tree = TREE + 1, .flags = CHANGE_DROPPED};
  struct tree_loader *loader = tree_load_begin(world.writer.version, TREE + 1, 1);
  assert_true(tree_load_add(loader, text("a"), text("1")) && tree_load_add(loader, text("b"), text("2")));
  assert_true(tree_load_end(loader));
  assert_true(change_append(&world.changes, &ready));
  change_encode_tree(world.writer.version, TREE + 1, &world.changes.ready);
  put(&world, TREE + 1, 0, "b", "3");
  assert_true(change_encode(&world.changes, world.writer.version, (struct bytes){0}, &payload) > 0);
  describe(&payload, out, sizeof out);
  assert_string_equal(out, "a=1 b=2 b=3 ");
  size_t mark = change_mark(&world.changes);
  assert_true(change_append(&world.changes, &dropped));
  buffer_clear(&payload);
  assert_int_equal(change_encode(&world.changes, world.writer.version, (struct bytes){0}, &payload), 0);
  assert_int_equal(change_undo(&world.changes, mark, world.writer.version, 0, &world.error), 0);
  assert_true(world.changes.ready.size > 0);
  assert_int_equal(change_undo(&world.changes, 0, world.writer.version, 0, &world.error), 0);
  assert_int_equal(world.changes.ready.size, 0);
  assert_int_equal(tree_count(world.writer.version, TREE + 1), 0);
  buffer_deinit(&payload);
  world_close(&world);
}

static void test_reader_meets_anything(void **state)
{
  struct world world;
  struct buffer payload = {0};
  world_open(&world);
  char key[16];
  for (int i = 0; i < 30; i++) {
    snprintf(key, sizeof key, "key%d", i);
    put(&world, TREE, 0, key, "some row");
  }
  change_encode(&world.changes, world.writer.version, text("extra"), &payload);
  uint64_t seed = 11;
  for (int round = 0; round < 50000; round++) {
    // Exactly as large as its content, so that a read behind the end is seen.
    size_t size = (size_t)below(&seed, (int)payload.size + 1);
    uint8_t *bytes = malloc(size ? size : 1);
    memcpy(bytes, payload.data, size);
    for (int flips = below(&seed, 5); flips > 0 && size; flips--)
      bytes[below(&seed, (int)size)] = (uint8_t)next_random(&seed);
    struct change_reader reader;
    struct change change;
    struct error error;
    int status = change_reader_open(&reader, bytes_of(bytes, size), &error);
    while (!status && (status = change_read(&reader, &change, &error)) == 1) {
      assert_true(change.key.size <= LIMIT_KEY && change.key.data + change.key.size <= bytes + size);
      assert_true(change.new_row.size == 0 || change.new_row.data + change.new_row.size <= bytes + size);
      status = 0;
    }
    assert_true(status == 0 || status == STATUS_FATAL);
    free(bytes);
  }
  buffer_deinit(&payload);
  world_close(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_walk_and_undo),      cmocka_unit_test(test_one_entry_a_key),
    cmocka_unit_test(test_compaction_of_many), cmocka_unit_test(test_whole_trees), cmocka_unit_test(test_ready_trees),
    cmocka_unit_test(test_reader_meets_anything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
