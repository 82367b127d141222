// Random changes of tables with foreign keys and deferrable unique keys, held against looking at all rows.
//
// 1. A statement that succeeds leaves every constraint whole that is not deferred; a transaction that commits, all.
// 2. A check that fails stands for a constraint that does not hold (RESTRICT apart, which looks no further).
// 3. What failed is undone whole, also where memory ran out; recovery comes to the same rows.
#include <stdio.h>

#include "fixture.h"

enum { A, B, C, TABLES };
enum { DOMAIN = 5 };

struct play {
  struct world world;
  uint64_t seed;
  const char *names[TABLES];
  bool has_restrict;                        // some of its foreign keys
  bool initially[TABLES], deferred[TABLES]; // of A's unique key, B's and C's first foreign keys
};

static const struct relation *table(struct play *play, int number)
{
  return world_find(&play->world, play->world.writer.version, play->names[number]);
}

static void add_key(struct play *play, int child, int column, int parent, int referenced, bool is_deferrable,
                    enum foreign_action on_delete, enum foreign_action on_update)
{
  struct arena arena;
  arena_init(&arena, NULL);
  const struct relation *to = table(play, parent);
  struct relation *copy = catalog_copy(table(play, child), &arena);
  struct foreign_key keys[4] = {0}, *key = &keys[copy->foreign_key_count];
  uint16_t columns[1] = {(uint16_t)column}, referenced_columns[1] = {(uint16_t)referenced};
  for (int i = 0; i < copy->foreign_key_count; i++)
    keys[i] = copy->foreign_keys[i];
  snprintf(key->name, sizeof key->name, "%.8s_%d", copy->name, column);
  key->referenced_oid = to->oid;
  for (int i = 0; i < to->index_count; i++)
    if (to->indexes[i].parts[0].column == referenced)
      key->index_oid = to->indexes[i].oid;
  key->part_count = 1;
  key->columns = columns;
  key->referenced_columns = referenced_columns;
  key->is_deferrable = is_deferrable;
  key->is_deferred = is_deferrable && below(&play->seed, 2);
  play->initially[child] |= key->is_deferred;
  key->on_delete = on_delete;
  key->on_update = on_update;
  copy->foreign_keys = keys;
  copy->foreign_key_count++;
  assert_int_equal(catalog_replace(play->world.catalog, &play->world.writer, copy, &play->world.error), 0);
  arena_deinit(&arena);
}

static enum foreign_action any_action(struct play *play)
{
  return play->has_restrict ? "arcnda"[below(&play->seed, 6)] : "acnda"[below(&play->seed, 5)];
}

// A (a key, b -> A.a, c unique deferrable as text, d unique), B (a key, b -> A.a, d -> A.d), C (row numbers; b -> B.a, d -> C.d).
static void play_start(struct play *play, uint64_t seed)
{
  memset(play, 0, sizeof *play);
  play->seed = seed;
  play->has_restrict = below(&play->seed, 3) == 0;
  world_start(&play->world);
  static const char *const names[TABLES] = {"ta", "tb", "tc"};
  for (int i = 0; i < TABLES; i++) {
    struct definition definition;
    play->names[i] = names[i];
    definition_init(&definition, names[i], i != C);
    if (i == A) {
      definition_index(&definition, "ta_c", true, 2, -1);
      definition.indexes[1].is_deferrable = true;
    }
    if (i != B)
      definition_index(&definition, i == A ? "ta_d" : "tc_d", true, 3, -1);
    if (i != A && below(&play->seed, 2))
      definition_index(&definition, i == B ? "tb_b" : "tc_b", false, 1, 3);
    world_create(&play->world, &definition);
  }
  add_key(play, A, 1, A, 0, false, any_action(play), any_action(play));
  add_key(play, B, 1, A, 0, true, FOREIGN_NO_ACTION, any_action(play));
  add_key(play, B, 3, A, 3, false, any_action(play), any_action(play));
  add_key(play, C, 1, B, 0, true, any_action(play), any_action(play));
  add_key(play, C, 3, C, 3, false, any_action(play), FOREIGN_CASCADE);
  world_commit(&play->world, NULL);
  for (int i = 0; i < TABLES; i++)
    table(play, i); // the definitions are in the cache when memory runs out
}

// --- Looking at all rows ------------------------------------------------------------------------------------

struct rows {
  struct value values[64][4];
  struct buffer keys[64];
  int count;
};

static void read_rows(struct play *play, int number, struct rows *rows)
{
  const struct relation *relation = table(play, number);
  struct cursor cursor;
  memset(rows, 0, sizeof *rows);
  cursor_init(&cursor, play->world.writer.version, relation->tree, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more; more = cursor_next(&cursor)) {
    assert_true(rows->count < 64);
    row_get_all(&relation->schema, cursor.row, rows->values[rows->count]);
    buffer_append_bytes(&rows->keys[rows->count++], cursor.key);
  }
  cursor_deinit(&cursor);
}

static void free_rows(struct rows *rows)
{
  for (int i = 0; i < rows->count; i++)
    buffer_deinit(&rows->keys[i]);
}

static bool key_holds(struct play *play, const struct relation *child, const struct foreign_key *key)
{
  struct rows children, parents;
  int child_number = child->name[1] - 'a', parent_number = 0;
  while (table(play, parent_number)->oid != key->referenced_oid)
    parent_number++;
  read_rows(play, child_number, &children);
  read_rows(play, parent_number, &parents);
  bool holds = true;
  for (int i = 0; i < children.count; i++) {
    const struct value *value = &children.values[i][key->columns[0]];
    bool found = value->is_null;
    for (int j = 0; j < parents.count; j++) {
      const struct value *other = &parents.values[j][key->referenced_columns[0]];
      found |= !other->is_null && other->integer == value->integer;
    }
    holds &= found;
  }
  free_rows(&children);
  free_rows(&parents);
  return holds;
}

static bool unique_holds(struct play *play)
{
  struct rows rows;
  read_rows(play, A, &rows);
  bool holds = true;
  for (int i = 0; i < rows.count; i++)
    for (int j = 0; j < i; j++) {
      const struct value *a = &rows.values[i][2], *b = &rows.values[j][2];
      holds &= a->is_null || b->is_null || a->size != b->size || memcmp(a->data, b->data, a->size) != 0;
    }
  free_rows(&rows);
  return holds;
}

// Do all constraints hold, but for those that are deferred now?
static bool all_hold(struct play *play, bool at_commit)
{
  bool holds = (!at_commit && play->deferred[A]) || unique_holds(play);
  for (int i = 0; i < TABLES; i++) {
    const struct relation *child = table(play, i);
    for (int k = 0; k < child->foreign_key_count; k++) {
      const struct foreign_key *key = &child->foreign_keys[k];
      bool is_deferred = !at_commit && key->is_deferrable && play->deferred[i];
      holds &= is_deferred || key_holds(play, child, key);
    }
  }
  return holds;
}

// --- Statements ------------------------------------------------------------------------------------------------

static void random_values(struct play *play, struct value values[4], char text[8])
{
  for (int i = 0; i < 4; i++)
    values[i] = below(&play->seed, 4) == 0 && i > 0 ? value_null() : value_integer(below(&play->seed, DOMAIN));
  if (!values[2].is_null) {
    snprintf(text, 8, "t%d", below(&play->seed, DOMAIN));
    values[2] = value_string(text);
  }
}

// Rows to which others may refer, as far as there is room for them.
static int fill(struct play *play)
{
  for (int i = 0; i < DOMAIN; i++) {
    struct value values[4] = {value_integer(i), value_null(), value_null(), value_integer(i)};
    for (int number = A; number <= B; number++) {
      values[1] = number == A ? value_null() : value_integer(i);
      int status = table_insert(&play->world.writer, table(play, number), values, -1, NULL, NULL);
      if (status && status != STATUS_INPUT)
        return status;
    }
  }
  return 0;
}

// Some rows inserted, updated or deleted.
static int change_rows(struct play *play, const struct relation *relation)
{
  struct writer *writer = &play->world.writer;
  struct rows rows;
  char text[8];
  struct value values[4];
  int kind = below(&play->seed, 3), status = 0;
  if (kind == 0 && below(&play->seed, 4) == 0)
    return fill(play);
  if (kind == 0) {
    for (int i = below(&play->seed, 3); i >= 0 && !status; i--) {
      random_values(play, values, text);
      status = table_insert(writer, relation, values, -1, NULL, NULL);
    }
    return status;
  }
  read_rows(play, relation->name[1] - 'a', &rows);
  for (int i = 0; i < rows.count && !status; i++) {
    struct bytes row;
    if (below(&play->seed, 3) == 0 ||
        !tree_get(writer->version, relation->tree, buffer_bytes(&rows.keys[i]), &row, NULL))
      continue;
    if (kind == 1) {
      status = table_delete(writer, relation, buffer_bytes(&rows.keys[i]), row);
      continue;
    }
    struct value changed[4];
    row_get_all(&relation->schema, row, values);
    random_values(play, changed, text);
    int column = below(&play->seed, 4);
    values[column] = changed[column];
    if (values[0].is_null)
      values[0] = value_integer(0);
    status = table_update(writer, relation, buffer_bytes(&rows.keys[i]), row, values);
  }
  free_rows(&rows);
  return status;
}

static int set_modes(struct play *play)
{
  int number = below(&play->seed, TABLES + 1);
  bool deferred = below(&play->seed, 2);
  bool before[TABLES];
  memcpy(before, play->deferred, sizeof before);
  uint32_t oid = 0;
  if (number == A)
    oid = relation_index(table(play, A), "ta_c")->oid;
  else if (number < TABLES)
    oid = table(play, number)->foreign_keys[0].oid;
  for (int i = 0; i < TABLES; i++)
    if (number == TABLES || number == i)
      play->deferred[i] = deferred;
  int status = table_set_constraints(&play->world.writer, &oid, number < TABLES, deferred);
  if (status) {
    assert_false(all_hold(play, false));
    memcpy(play->deferred, before, sizeof before);
  }
  return status;
}

static void run_statement(struct play *play, size_t *failures)
{
  struct writer *writer = &play->world.writer;
  struct buffer before = {0}, after = {0};
  size_t mark = change_mark(&play->world.changes);
  version_dump(writer->version, &before);
  bool is_limited = below(&play->seed, 20) == 0;
  if (is_limited)
    play->world.account.limit = play->world.account.used + (size_t)below(&play->seed, 3000);
  bool sets = below(&play->seed, 6) == 0;
  int status = sets ? set_modes(play) : change_rows(play, table(play, below(&play->seed, TABLES)));
  if (!status && !sets) {
    status = table_check_statement(writer, mark);
    play->world.account.limit = 0;
    if (status == STATUS_INPUT && strcmp(play->world.error.sqlstate, "23503") == 0 && !play->has_restrict)
      assert_false(all_hold(play, false));
  }
  play->world.account.limit = 0;
  assert_true(status == 0 || status == STATUS_INPUT || (is_limited && status == STATUS_LIMIT));
  if (!status) {
    assert_true(all_hold(play, false));
  } else {
    ++*failures;
    assert_int_equal(table_undo(writer, mark, &play->world.error), 0);
    version_dump(writer->version, &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
  }
  arena_reset(&play->world.arena);
  buffer_deinit(&before);
  buffer_deinit(&after);
}

static void recover(struct play *play, struct world *copy, struct buffer *payload)
{
  struct buffer here = {0}, there = {0};
  if (payload->size) {
    copy->position++;
    assert_int_equal(
        table_apply(copy->catalog, store_trunk(copy->store), buffer_bytes(payload), copy->position, &copy->error), 0);
  }
  version_dump(play->world.writer.version, &here);
  version_dump(store_trunk(copy->store), &there);
  assert_int_equal(here.size, there.size);
  assert_memory_equal(here.data, there.data, here.size);
  buffer_deinit(&here);
  buffer_deinit(&there);
}

static void run_play(uint64_t seed, size_t *commits, size_t *refused, size_t *failures)
{
  struct play play;
  play_start(&play, seed);
  struct writer *writer = &play.world.writer;
  for (int transaction = 0; transaction < 25; transaction++) {
    memcpy(play.deferred, play.initially, sizeof play.deferred);
    for (int i = below(&play.seed, 12); i >= 0; i--)
      run_statement(&play, failures);
    int status = table_check_deferred(writer, 0);
    assert_true(status == 0 || status == STATUS_INPUT);
    assert_int_equal(status == 0, all_hold(&play, true));
    if (status) {
      ++*refused;
      assert_int_equal(table_undo(writer, 0, &play.world.error), 0);
      world_begin(&play.world);
    } else {
      ++*commits;
      world_commit(&play.world, NULL);
    }
    assert_true(all_hold(&play, true));
    assert_true(version_verify(writer->version, &play.world.error));
    arena_reset(&play.world.arena);
  }
  world_close(&play.world);
}

static void test_random_changes(void **state)
{
  size_t commits = 0, refused = 0, failures = 0;
  for (uint64_t seed = 1; seed <= 200; seed++)
    run_play(seed, &commits, &refused, &failures);
  assert_true(commits > 1000 && refused > 50 && failures > 1000);
}

// A play's commits, applied to another world as recovery does, definitions included.
static void test_recovery(void **state)
{
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct play play;
    struct world copy;
    struct buffer payload = {0};
    size_t failures = 0;
    play_start(&play, seed * 77);
    world_open(&copy);
    // The first payload has all that there is so far.
    tree_number limit = version_tree_limit(play.world.writer.version);
    struct change_list whole;
    change_list_init(&whole);
    for (tree_number tree = 0; tree < TREE_FIRST_USER && tree < limit; tree++) {
      struct cursor cursor;
      cursor_init(&cursor, play.world.writer.version, tree, NULL);
      for (bool more = cursor_seek(&cursor, (struct bytes){0}); more; more = cursor_next(&cursor))
        assert_true(change_append(
            &whole, &(struct change){.tree = tree, .has_new = true, .key = cursor.key, .new_row = cursor.row}));
      cursor_deinit(&cursor);
    }
    change_encode(&whole, play.world.writer.version, (struct bytes){0}, &payload);
    change_list_deinit(&whole);
    recover(&play, &copy, &payload);
    for (int transaction = 0; transaction < 20; transaction++) {
      memcpy(play.deferred, play.initially, sizeof play.deferred);
      for (int i = below(&play.seed, 5); i >= 0; i--)
        run_statement(&play, &failures);
      buffer_clear(&payload);
      if (table_check_deferred(&play.world.writer, 0)) {
        assert_int_equal(table_undo(&play.world.writer, 0, &play.world.error), 0);
        world_begin(&play.world);
        continue;
      }
      size_t entries = change_encode(&play.world.changes, play.world.writer.version, (struct bytes){0}, &payload);
      if (!entries)
        buffer_clear(&payload);
      world_commit(&play.world, NULL);
      recover(&play, &copy, &payload);
    }
    buffer_deinit(&payload);
    world_close(&copy);
    world_close(&play.world);
  }
}

// The list's own account of what is to be checked, and of SET CONSTRAINTS, goes back with it.
static void test_modes_are_undone(void **state)
{
  struct play play;
  play_start(&play, 1);
  struct writer *writer = &play.world.writer;
  struct change_list *changes = &play.world.changes;
  uint32_t oid = relation_index(table(&play, A), "ta_c")->oid;
  assert_int_equal(change_modes(changes).size, 0);
  size_t start = change_mark(changes);
  assert_int_equal(table_set_constraints(writer, NULL, 0, true), 0);
  assert_int_equal(change_modes(changes).size, 1);
  size_t mark = change_mark(changes);
  assert_int_equal(table_set_constraints(writer, &oid, 1, false), 0);
  assert_int_equal(table_set_constraints(writer, &oid, 1, true), 0);
  assert_int_equal(change_modes(changes).size, 6);
  struct value values[4] = {value_integer(1), value_null(), value_string("x"), value_null()};
  assert_int_equal(table_insert(writer, table(&play, A), values, -1, NULL, NULL), 0);
  assert_int_equal(changes->checked, 1);
  assert_int_equal(table_undo(writer, mark, &play.world.error), 0);
  assert_int_equal(change_modes(changes).size, 1);
  assert_int_equal(changes->checked, 0);
  assert_int_equal(changes->count, 0);
  assert_int_equal(table_undo(writer, start, &play.world.error), 0);
  assert_int_equal(change_modes(changes).size, 0);
  world_close(&play.world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_changes),
      cmocka_unit_test(test_recovery),
      cmocka_unit_test(test_modes_are_undone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
