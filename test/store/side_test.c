// A side beside a trunk that goes on: what each of them shows, before and behind the attaching, and that all memory
// is given back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/node.h"

enum { TREES = 4, KEYS = 3000, OTHER_TREE = 3 };

// What a version should show: a row's number, or 0 where there is none.
struct model {
  uint32_t rows[TREES][KEYS];
};

static uint64_t seed = 7;

static uint32_t draw(uint32_t below)
{
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % below;
}

static struct bytes row_of(uint32_t number, uint8_t *at)
{
  uint32_t size = number % 50 == 0 ? 3000 : number % 7 * 8 + 4; // some live outside of their leaf
  for (uint32_t i = 0; i < size; i++)
    at[i] = (uint8_t)(number >> i % 4 * 8);
  return bytes_of(at, size);
}

static struct bytes key_of(uint32_t key, uint8_t *at)
{
  put_be32(at, key);
  return bytes_of(at, 4);
}

static void change(struct version *version, struct model *model, tree_number tree, int count, uint64_t position)
{
  uint8_t key[4], row[3000];
  while (count-- > 0) {
    uint32_t number = draw(KEYS), value = draw(3) ? draw(1000000) + 1 : 0;
    struct tree_put put = {.tree = tree, .key = key_of(number, key), .position = position};
    if (value)
      put.row = row_of(value, row);
    assert_int_not_equal(value ? tree_put(version, &put) : tree_delete(version, &put), PUT_NO_MEMORY);
    model->rows[tree][number] = value;
  }
}

static void check(const struct version *version, const struct model *model)
{
  struct error error = {0};
  if (!version_verify(version, &error))
    fail_msg("%s", error.message);
  uint8_t key[4], expected[3000];
  for (tree_number tree = 0; tree < TREES; tree++) {
    for (uint32_t i = 0; i < KEYS; i++) {
      struct bytes row;
      bool is_there = tree_get(version, tree, key_of(i, key), &row, NULL);
      assert_int_equal(is_there, model->rows[tree][i] != 0);
      if (is_there)
        assert_true(bytes_equal(row, row_of(model->rows[tree][i], expected)));
    }
  }
}

struct world {
  struct memory_account account, side_account;
  struct store *store, *side;
  struct version *trunk, *snapshot;
  struct model model, side_model;
};

static void begin(struct world *world, int rows)
{
  *world = (struct world){0};
  world->side_account.parent = &world->account;
  world->store = store_open(&world->account);
  world->trunk = store_trunk(world->store);
  for (tree_number tree = 0; tree < TREES; tree++)
    change(world->trunk, &world->model, tree, rows, 1);
  world->snapshot = version_snapshot(world->trunk);
  world->side = store_open_side(world->snapshot, &world->side_account);
  world->side_model = world->model;
}

static void end(struct world *world)
{
  while (store_collect(world->store, 1000))
    ;
  assert_int_equal(world->store->retired, 0);
  store_close(world->store);
  assert_int_equal(world->side_account.used, 0);
  assert_int_equal(world->account.used, 0);
}

static void a_side_and_its_trunk_do_not_see_each_other(void **state)
{
  struct world world;
  begin(&world, 4000);
  struct model before = world.model;
  for (int i = 0; i < 5; i++) {
    change(world.trunk, &world.model, draw(TREES), 500, 2);
    change(store_trunk(world.side), &world.side_model, draw(TREES), 500, 0);
  }
  check(world.trunk, &world.model);
  check(store_trunk(world.side), &world.side_model);
  check(world.snapshot, &before);
  store_close(world.side);
  version_close(world.snapshot);
  check(world.trunk, &world.model);
  end(&world);
}

static void attached_trees_are_the_trunks(void **state)
{
  for (int round = 0; round < 12; round++) {
    struct world world;
    begin(&world, round % 3 ? 4000 : 30);
    struct version *older = version_snapshot(world.trunk);
    struct model then = world.model;
    struct version *side = store_trunk(world.side);
    for (tree_number tree = 0; tree < TREES; tree++)
      change(side, &world.side_model, tree, 300 * round, 0);
    if (round == 4)
      assert_true(tree_clear(side, 1));
    if (round == 4)
      memset(world.side_model.rows[1], 0, sizeof world.side_model.rows[1]);
    for (tree_number tree = 0; tree < OTHER_TREE; tree++)
      assert_true(tree_own(side, tree));
    version_close(world.snapshot); // nothing of it is needed any more
    change(world.trunk, &world.model, draw(OTHER_TREE), 800, 3);
    struct version *newer = version_snapshot(world.trunk);
    struct model now = world.model;
    change(side, &world.side_model, 0, 100, 0);
    static const tree_number trees[] = {0, 1, 2};
    assert_true(store_attach(world.store, world.side, trees, trees, OTHER_TREE, 9));
    for (tree_number tree = 0; tree < OTHER_TREE; tree++)
      memcpy(world.model.rows[tree], world.side_model.rows[tree], sizeof world.model.rows[tree]);
    check(world.trunk, &world.model);
    check(older, &then);
    for (tree_number tree = 0; tree < TREES; tree++)
      change(world.trunk, &world.model, tree, 1500, 10);
    check(world.trunk, &world.model);
    check(newer, &now);
    version_close(round % 2 ? older : newer);
    while (store_collect(world.store, 100))
      ;
    check(round % 2 ? newer : older, round % 2 ? &now : &then);
    version_close(round % 2 ? newer : older);
    check(world.trunk, &world.model);
    end(&world);
  }
}

static void who_sees_an_attached_tree_depends_on_its_atom(void **state)
{
  struct world world;
  begin(&world, 4000);
  assert_true(tree_own(store_trunk(world.side), 0));
  version_close(world.snapshot);
  assert_true(store_attach(world.store, world.side, &(tree_number){0}, &(tree_number){0}, 1, 77));
  uint8_t key[4];
  struct bytes row;
  struct read_mark mark = {0};
  tree_get(world.trunk, 0, key_of(5, key), &row, &mark);
  assert_int_equal(mark.position, 77);
  struct cursor cursor;
  mark = (struct read_mark){0};
  cursor_init(&cursor, world.trunk, 0, &mark);
  assert_true(cursor_seek(&cursor, (struct bytes){0}));
  cursor_deinit(&cursor);
  assert_int_equal(mark.position, 77);
  mark = (struct read_mark){0};
  tree_get(world.trunk, 1, key_of(5, key), &row, &mark);
  assert_int_equal(mark.position, 1);
  end(&world);
}

static void a_side_without_memory_says_so(void **state)
{
  for (size_t room = 0; room < 2000000; room += 150000) {
    struct world world;
    begin(&world, 6000);
    world.side_account.limit = world.side_account.used + room;
    bool fits = tree_own(store_trunk(world.side), 0) && tree_own(store_trunk(world.side), 1);
    if (room == 0)
      assert_false(fits);
    check(store_trunk(world.side), &world.side_model);
    store_close(world.side);
    version_close(world.snapshot);
    check(world.trunk, &world.model);
    end(&world);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_side_and_its_trunk_do_not_see_each_other),
    cmocka_unit_test(attached_trees_are_the_trunks),
    cmocka_unit_test(who_sees_an_attached_tree_depends_on_its_atom),
    cmocka_unit_test(a_side_without_memory_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
