// The store against a model: arrays of rows by key number, one for each open version.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/node.h"

enum { KEYS_MOST = 1200, TREES = 3, VERSIONS = 8, ROW_MOST = 64 * 1024 };

static uint64_t random_next(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

#define PENDING UINT64_MAX // changed in a branch: adoption sets the position

struct model_row {
  bool is_there;
  uint32_t size, seed;
  uint64_t position; // of the newest change of this key, or PENDING
};

struct model {
  struct version *version;
  struct model *parent;
  uint64_t parent_change, change;
  struct model_row rows[TREES][KEYS_MOST];
};

enum key_style { KEYS_INT8, KEYS_TEXT, KEYS_LONG };

struct world {
  struct memory_account account;
  struct store *store;
  uint64_t random;
  uint32_t keys;
  uint64_t position;
  enum key_style style;
  uint32_t row_sizes; // rows are smaller than this, most of them
  bool is_starved;    // half of the changes find no memory beyond what there is
  int refusals;
  struct model *models[VERSIONS]; // the trunk first
  uint8_t key[LIMIT_KEY];
  uint8_t row[ROW_MOST];
};

// The order of keys is that of their numbers.
static struct bytes key_of(struct world *world, uint32_t number, uint8_t *at)
{
  size_t size = 0, before = world->style == KEYS_LONG ? 1900 : 1;
  if (world->style == KEYS_TEXT) { // ab, ab + c…: prefixes of one another, zeros in them
    before = 20;
    memset(at, 'a', before);
    put_be16(at + before, (uint16_t)(number / 4));
    size = before + 2 + number % 4;
    memset(at + before + 2, 0, number % 4);
    return bytes_of(at, size);
  }
  memset(at, 'x', before);
  size = before;
  put_be64(at + size, (uint64_t)number * (world->style == KEYS_LONG ? 1 : 77));
  size += 8;
  if (world->style == KEYS_LONG) {
    memset(at + size, 'y', number % 140);
    size += number % 140;
  }
  return bytes_of(at, size);
}

static struct bytes row_of(struct model_row row, uint8_t *at)
{
  for (uint32_t i = 0; i < row.size; i++)
    at[i] = (uint8_t)(row.seed + i * 7 + (i >> 8));
  return bytes_of(at, row.size);
}

static struct model_row random_row(struct world *world)
{
  uint32_t size = (uint32_t)(random_next(&world->random) % world->row_sizes);
  if (random_next(&world->random) % 50 == 0)
    size = (uint32_t)(random_next(&world->random) % (random_next(&world->random) % 8 ? 3000 : ROW_MOST));
  return (struct model_row){.is_there = true, .size = size, .seed = (uint32_t)random_next(&world->random)};
}

static void assert_row(struct world *world, struct bytes row, struct model_row expected)
{
  assert_true(expected.is_there);
  assert_non_null(row.data);
  struct bytes wanted = row_of(expected, world->row);
  assert_int_equal(row.size, wanted.size);
  assert_memory_equal(row.data, wanted.data, row.size);
}

static void check_version(struct world *world, struct model *model)
{
  struct error error = {0};
  if (!version_verify(model->version, &error))
    fail_msg("%s", error.message);
  for (tree_number tree = 0; tree < TREES; tree++) {
    struct cursor cursor;
    struct read_mark mark = {0};
    cursor_init(&cursor, model->version, tree, &mark);
    bool is_on = cursor_seek(&cursor, (struct bytes){0});
    uint64_t count = 0, newest = 0;
    for (uint32_t i = 0; i < world->keys; i++) {
      uint64_t position = model->rows[tree][i].position;
      newest = position != PENDING && position > newest ? position : newest;
      if (!model->rows[tree][i].is_there)
        continue;
      count++;
      assert_true(is_on);
      assert_true(bytes_equal(cursor.key, key_of(world, i, world->key)));
      assert_row(world, cursor.row, model->rows[tree][i]);
      is_on = cursor_next(&cursor);
    }
    assert_false(is_on);
    assert_true(mark.position >= newest && mark.position <= world->position);
    assert_int_equal(tree_count(model->version, tree), count);
    assert_int_equal(tree_estimate(model->version, tree, (struct bytes){0}, (struct bytes){0}), count);
    is_on = cursor_seek_before(&cursor, (struct bytes){0});
    for (uint32_t i = world->keys; i-- > 0;) {
      if (!model->rows[tree][i].is_there)
        continue;
      assert_true(is_on);
      assert_true(bytes_equal(cursor.key, key_of(world, i, world->key)));
      is_on = cursor_previous(&cursor);
    }
    assert_false(is_on);
    cursor_deinit(&cursor);
  }
}

static void check_point(struct world *world, struct model *model)
{
  tree_number tree = (tree_number)(random_next(&world->random) % TREES);
  uint32_t number = (uint32_t)(random_next(&world->random) % world->keys);
  struct bytes row, key = key_of(world, number, world->key);
  struct model_row *rows = model->rows[tree];
  struct read_mark mark = {0};
  assert_int_equal(tree_get(model->version, tree, key, &row, &mark), rows[number].is_there);
  assert_true(mark.position >= rows[number].position || rows[number].position == PENDING);
  assert_true(mark.position <= world->position);
  if (rows[number].is_there)
    assert_row(world, row, rows[number]);
  // A seek from here, either way.
  struct cursor cursor;
  cursor_init(&cursor, model->version, tree, NULL);
  uint32_t next = number, before = number;
  while (next < world->keys && !rows[next].is_there)
    next++;
  key = key_of(world, number, world->key);
  uint8_t other[LIMIT_KEY];
  assert_int_equal(cursor_seek(&cursor, key), next < world->keys);
  if (next < world->keys)
    assert_true(bytes_equal(cursor.key, key_of(world, next, other)));
  while (before > 0 && !rows[before - 1].is_there)
    before--;
  assert_int_equal(cursor_seek_before(&cursor, key), before > 0);
  if (before > 0)
    assert_true(bytes_equal(cursor.key, key_of(world, before - 1, other)));
  uint64_t rank = 0;
  for (uint32_t i = 0; i < number; i++)
    rank += rows[i].is_there;
  if (number > 0)
    assert_int_equal(tree_estimate(model->version, tree, (struct bytes){0}, key), rank);
  struct bytes at, own;
  assert_int_equal(tree_at(model->version, tree, rank, &at), next < world->keys);
  if (next < world->keys)
    assert_true(tree_get(model->version, tree, key_of(world, next, other), &own, NULL) && bytes_equal(at, own));
  cursor_deinit(&cursor);
}

static void begin_scarcity(struct world *world)
{
  if (world->is_starved && random_next(&world->random) % 2)
    world->account.limit = world->account.used;
}

// Was a change refused for want of memory? Then nothing has changed.
static bool end_scarcity(struct world *world, struct model *model, bool is_done)
{
  world->account.limit = 0;
  if (is_done)
    return false;
  assert_true(world->is_starved);
  if (world->refusals++ % 16 == 0)
    check_version(world, model);
  return true;
}

static enum put_result apply(struct world *world, struct model *model, struct tree_put *put, bool is_delete)
{
  begin_scarcity(world);
  enum put_result result = is_delete ? tree_delete(model->version, put) : tree_put(model->version, put);
  (void)end_scarcity(world, model, result != PUT_NO_MEMORY);
  return result;
}

// Puts a row as it lies in the same tree, and deletes by a cursor's key.
static void change_with_borrowed(struct world *world, struct model *model, struct tree_put *put)
{
  uint32_t from = (uint32_t)(random_next(&world->random) % world->keys);
  uint32_t to = (uint32_t)(random_next(&world->random) % world->keys);
  struct model_row *rows = model->rows[put->tree];
  uint8_t key[LIMIT_KEY];
  struct cursor cursor;
  cursor_init(&cursor, model->version, put->tree, NULL);
  if (!rows[from].is_there || !cursor_seek(&cursor, key_of(world, from, key)))
    return;
  bool is_delete = random_next(&world->random) % 2;
  put->mode = PUT_ANY;
  put->key = is_delete ? cursor.key : key_of(world, to, key);
  put->row = cursor.row;
  if (apply(world, model, put, is_delete) == PUT_NO_MEMORY)
    return;
  if (is_delete)
    rows[from].is_there = false;
  else
    rows[to] = rows[from];
  rows[is_delete ? from : to].position = put->position ? put->position : PENDING;
  model->change++;
  cursor_deinit(&cursor);
}

// Takes the change back, with the row that it showed.
static void undo(struct world *world, struct model *model, struct tree_put *put, struct model_row *at,
  struct model_row old)
{
  put->row = put->previous;
  put->mode = PUT_ANY;
  if (apply(world, model, put, !old.is_there) == PUT_NO_MEMORY)
    return;
  old.position = at->position;
  *at = old;
  model->change++;
}

static void change_one(struct world *world, struct model *model)
{
  tree_number tree = (tree_number)(random_next(&world->random) % TREES);
  uint32_t number = (uint32_t)(random_next(&world->random) % world->keys);
  struct model_row *at = &model->rows[tree][number], row = random_row(world), old = *at;
  if (at->is_there && random_next(&world->random) % 3 == 0)
    row.size = at->size; // replaced in place
  bool is_branch = version_kind(model->version) == VERSION_BRANCH;
  struct tree_put put = {.tree = tree, .key = key_of(world, number, world->key),
    .position = is_branch ? 0 : ++world->position};
  if (random_next(&world->random) % 8 == 0) {
    change_with_borrowed(world, model, &put);
    return;
  }
  bool is_delete = random_next(&world->random) % 5 < 2;
  put.mode = is_delete ? PUT_ANY : (enum put_mode)(random_next(&world->random) % 3);
  uint8_t *bytes = malloc(row.size + 1);
  put.row = row_of(row, bytes);
  enum put_result result = apply(world, model, &put, is_delete);
  free(bytes);
  if (result == PUT_NO_MEMORY)
    return;
  bool is_refused = is_delete || put.mode == PUT_UPDATE ? !at->is_there : put.mode == PUT_INSERT && at->is_there;
  assert_int_equal(result, is_refused ? PUT_REFUSED : at->is_there ? PUT_DONE_REPLACED : PUT_DONE_INSERTED);
  if (result == PUT_DONE_REPLACED || (is_refused && put.mode == PUT_INSERT && !is_delete))
    assert_row(world, put.previous, *at);
  else
    assert_null(put.previous.data);
  if (is_refused)
    return;
  *at = row;
  at->is_there = !is_delete;
  at->position = is_branch ? PENDING : world->position;
  model->change++;
  if (random_next(&world->random) % 4 == 0)
    undo(world, model, &put, at, old);
}

// A cursor that walks while its version changes under it.
static void scan_and_change(struct world *world, struct model *model)
{
  tree_number tree = (tree_number)(random_next(&world->random) % TREES);
  struct cursor cursor;
  cursor_init(&cursor, model->version, tree, NULL);
  int64_t at = (int64_t)(random_next(&world->random) % world->keys), way = random_next(&world->random) % 2 ? 1 : -1;
  struct bytes key = key_of(world, (uint32_t)at, world->key);
  bool is_on = way > 0 ? cursor_seek(&cursor, key) : cursor_seek_before(&cursor, key);
  if (way < 0)
    at--;
  for (;;) {
    while (at >= 0 && at < world->keys && !model->rows[tree][at].is_there)
      at += way;
    assert_int_equal(is_on, at >= 0 && at < world->keys);
    if (!is_on)
      break;
    uint8_t other[LIMIT_KEY];
    assert_true(bytes_equal(cursor.key, key_of(world, (uint32_t)at, other)));
    assert_row(world, cursor.row, model->rows[tree][at]);
    if (random_next(&world->random) % 4 == 0)
      change_one(world, model);
    at += way;
    is_on = way > 0 ? cursor_next(&cursor) : cursor_previous(&cursor);
  }
  cursor_deinit(&cursor);
}

static int free_place(struct world *world)
{
  for (int i = 0; i < VERSIONS; i++)
    if (!world->models[i])
      return i;
  return -1;
}

static void pin_one(struct world *world, struct model *from, bool is_branch)
{
  int place = free_place(world);
  if (place < 0)
    return;
  struct model *model = malloc(sizeof *model);
  *model = *from;
  begin_scarcity(world);
  model->version = is_branch ? version_branch(from->version) : version_snapshot(from->version);
  if (end_scarcity(world, from, model->version != NULL)) {
    free(model);
    return;
  }
  model->parent = from;
  model->parent_change = from->change;
  if (version_kind(from->version) == VERSION_SNAPSHOT) { // its pins are its parent's
    model->parent = from->parent;
    model->parent_change = from->parent_change;
  }
  world->models[place] = model;
}

static void close_one(struct world *world, int place)
{
  struct model *model = world->models[place];
  for (int i = 0; i < VERSIONS; i++)
    if (world->models[i] && world->models[i]->parent == model)
      return;
  struct model *parent = model->parent;
  bool is_branch = version_kind(model->version) == VERSION_BRANCH;
  if (is_branch)
    assert_int_equal(version_is_behind(model->version), parent->change != model->parent_change);
  if (is_branch && parent == world->models[0] && !version_is_behind(model->version)) {
    version_adopt(parent->version, model->version, ++world->position);
    memcpy(parent->rows, model->rows, sizeof parent->rows);
    for (tree_number tree = 0; tree < TREES; tree++)
      for (uint32_t i = 0; i < world->keys; i++)
        if (parent->rows[tree][i].position == PENDING)
          parent->rows[tree][i].position = world->position;
    parent->change += model->change - model->parent_change;
  } else {
    version_close(model->version);
  }
  world->models[place] = NULL;
  free(model);
}

static void diff_two(struct world *world, struct model *from, struct model *to)
{
  for (tree_number tree = 0; tree < TREES; tree++) {
    struct diff *diff = diff_open(from->version, to->version, tree);
    assert_non_null(diff);
    struct diff_entry entry;
    for (uint32_t i = 0; i < world->keys; i++) {
      struct model_row old = from->rows[tree][i], new = to->rows[tree][i];
      bool is_same = old.is_there == new.is_there &&
                     (!old.is_there || (old.size == new.size && (old.size == 0 || old.seed == new.seed)));
      // Different seeds may make equal bytes.
      if (old.is_there && new.is_there && old.size == new.size && (uint8_t)old.seed == (uint8_t)new.seed)
        is_same = true;
      if (is_same)
        continue;
      assert_true(diff_next(diff, &entry));
      assert_true(bytes_equal(entry.key, key_of(world, i, world->key)));
      assert_int_equal(entry.old_row.data != NULL, old.is_there);
      assert_int_equal(entry.new_row.data != NULL, new.is_there);
      if (old.is_there)
        assert_row(world, entry.old_row, old);
      if (new.is_there)
        assert_row(world, entry.new_row, new);
    }
    assert_false(diff_next(diff, &entry));
    diff_close(diff);
  }
}

static void load(struct world *world, struct model *model, tree_number tree, uint64_t position)
{
  begin_scarcity(world);
  struct tree_loader *loader = tree_load_begin(model->version, tree, position);
  bool is_loaded = loader != NULL;
  struct model_row rows[KEYS_MOST] = {0};
  for (uint32_t i = 0; is_loaded && i < world->keys; i++) {
    rows[i] = model->rows[tree][i];
    if (random_next(&world->random) % 2)
      continue;
    rows[i] = random_row(world);
    rows[i].position = position ? position : PENDING;
    is_loaded = tree_load_add(loader, key_of(world, i, world->key), row_of(rows[i], world->row));
  }
  is_loaded = tree_load_end(loader) && is_loaded;
  if (end_scarcity(world, model, is_loaded))
    return;
  memcpy(model->rows[tree], rows, sizeof rows);
  model->change++;
}

static void clear_or_load(struct world *world, struct model *model)
{
  tree_number tree = (tree_number)(random_next(&world->random) % TREES);
  uint64_t position = version_kind(model->version) == VERSION_BRANCH ? 0 : ++world->position;
  begin_scarcity(world);
  if (end_scarcity(world, model, tree_clear_at(model->version, tree, position)))
    return;
  bool is_changed = version_root(model->version, tree) != NULL;
  for (uint32_t i = 0; i < world->keys && is_changed; i++)
    model->rows[tree][i] = (struct model_row){.position = position ? position : PENDING};
  model->change++;
  if (random_next(&world->random) % 2)
    load(world, model, tree, position);
}

static struct model *random_model(struct world *world)
{
  for (;;) {
    struct model *model = world->models[random_next(&world->random) % VERSIONS];
    if (model)
      return model;
  }
}

static void step(struct world *world)
{
  struct model *model = random_model(world);
  uint64_t what = random_next(&world->random) % 100;
  if (what < 4) {
    pin_one(world, model, random_next(&world->random) % 2);
  } else if (what < 8) {
    int place = (int)(1 + random_next(&world->random) % (VERSIONS - 1));
    if (world->models[place])
      close_one(world, place);
  } else if (what < 12) {
    check_version(world, model);
  } else if (what < 16) {
    diff_two(world, model, random_model(world));
  } else if (what < 18 && version_kind(model->version) != VERSION_SNAPSHOT) {
    if (random_next(&world->random) % 3 == 0)
      clear_or_load(world, model);
  } else if (what < 30) {
    check_point(world, model);
  } else if (what < 33) {
    if (version_kind(model->version) != VERSION_SNAPSHOT)
      scan_and_change(world, model);
  } else if (what < 40) {
    (void)store_collect(world->store, (int)(random_next(&world->random) % 10));
  } else if (version_kind(model->version) != VERSION_SNAPSHOT) {
    for (uint64_t i = random_next(&world->random) % 200; i > 0; i--)
      change_one(world, model);
  }
}

// Bytes of all that the trunk reaches, its root array aside.
static size_t reachable_bytes(struct version *version)
{
  size_t bytes = 0;
  for (tree_number tree = 0; tree < version_tree_limit(version); tree++)
    bytes += tree_bytes(version, tree);
  return bytes;
}

struct trial {
  enum key_style style;
  uint32_t keys, row_sizes;
  uint64_t seed;
  int steps;
  bool is_starved;
};

static void run_model(struct trial trial)
{
  struct world *world = calloc(1, sizeof *world);
  world->random = trial.seed;
  world->style = trial.style;
  world->keys = trial.keys;
  world->row_sizes = trial.row_sizes;
  world->is_starved = trial.is_starved;
  world->store = store_open(&world->account);
  assert_non_null(world->store);
  world->models[0] = calloc(1, sizeof *world->models[0]);
  world->models[0]->version = store_trunk(world->store);
  for (int i = 0; i < trial.steps; i++)
    step(world);
  for (bool is_left = true; is_left;) {
    is_left = false;
    for (int i = 1; i < VERSIONS; i++) {
      if (world->models[i])
        close_one(world, i);
      is_left |= world->models[i] != NULL;
    }
  }
  check_version(world, world->models[0]);
  while (store_collect(world->store, 100))
    ;
  assert_int_equal(store_retired_bytes(world->store), 0);
  // Nothing leaks: what is left is what the trunk reaches, one page of roots, and at most one row shown last.
  size_t lingering = world->store->lingering ? world->store->lingering->node.bytes : 0;
  assert_int_equal(world->store->node_bytes, reachable_bytes(world->models[0]->version) + SMALL_BYTES + lingering);
  store_close(world->store);
  assert_int_equal(world->account.used, 0);
  assert_true(!trial.is_starved || world->refusals > 0);
  free(world->models[0]);
  free(world);
}

static void follows_the_model_with_integer_keys(void **state)
{
  for (uint64_t seed = 1; seed <= 6; seed++)
    run_model((struct trial){KEYS_INT8, KEYS_MOST, 40, seed, 1000, false});
}

static void follows_the_model_with_text_keys_that_begin_alike(void **state)
{
  for (uint64_t seed = 1; seed <= 4; seed++)
    run_model((struct trial){KEYS_TEXT, KEYS_MOST, 400, 100 + seed, 700, false});
}

static void follows_the_model_with_the_longest_keys(void **state)
{
  for (uint64_t seed = 1; seed <= 4; seed++)
    run_model((struct trial){KEYS_LONG, 600, 1100, 200 + seed, 500, false});
}

static void a_change_that_finds_no_memory_changes_nothing(void **state)
{
  for (uint64_t seed = 1; seed <= 4; seed++)
    run_model((struct trial){(enum key_style)(seed % 3), 600, seed % 2 ? 1100 : 100, 300 + seed, 500, true});
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(follows_the_model_with_integer_keys),
    cmocka_unit_test(follows_the_model_with_text_keys_that_begin_alike),
    cmocka_unit_test(follows_the_model_with_the_longest_keys),
    cmocka_unit_test(a_change_that_finds_no_memory_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
