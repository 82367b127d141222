// The write path against a simple model, undo, recovery, and the errors of constraints.
#include <stdio.h>

#include "fixture.h"

// --- The model ------------------------------------------------------------------------------------

enum { KEYS = 40, TEXT = 12 };

struct model_row {
  bool is_there, b_null, c_null;
  int a, b;
  char c[TEXT];
  int64_t d;
};

struct model {
  struct model_row rows[KEYS]; // by a
};

static void row_values(const struct model_row *row, struct value values[4])
{
  values[0] = value_integer(row->a);
  values[1] = row->b_null ? value_null() : value_integer(row->b);
  values[2] = row->c_null ? value_null() : value_string(row->c);
  values[3] = value_integer(row->d);
}

static struct model_row random_row(uint64_t *seed)
{
  struct model_row row = {.is_there = true, .a = below(seed, KEYS), .b = below(seed, 5), .d = below(seed, 8)};
  row.b_null = below(seed, 6) == 0;
  row.c_null = below(seed, 4) == 0;
  snprintf(row.c, sizeof row.c, "t%d", below(seed, 60));
  return row;
}

// A row other than `except` that has the same c, or the same (b, d). NULLs are distinct.
static const struct model_row *same_c(const struct model *model, const struct model_row *row, int except)
{
  for (int i = 0; i < KEYS; i++)
    if (model->rows[i].is_there && i != except && !row->c_null && !model->rows[i].c_null &&
        strcmp(model->rows[i].c, row->c) == 0)
      return &model->rows[i];
  return NULL;
}

static const struct model_row *same_pair(const struct model *model, const struct model_row *row, int except)
{
  for (int i = 0; i < KEYS; i++)
    if (model->rows[i].is_there && i != except && !row->b_null && !model->rows[i].b_null &&
        model->rows[i].b == row->b && model->rows[i].d == row->d)
      return &model->rows[i];
  return NULL;
}

static struct bytes key_of(const struct relation *relation, int a, struct buffer *key)
{
  struct value values[4] = {value_integer(a)};
  buffer_clear(key);
  assert_int_equal(table_key(relation, values, key, NULL), 0);
  return buffer_bytes(key);
}

// Primary tree and indexes hold exactly the model's rows.
static void verify(struct world *world, const struct relation *relation, const struct model *model)
{
  struct buffer key = {0}, index_key = {0};
  uint64_t count = 0;
  for (int i = 0; i < KEYS; i++) {
    struct bytes row, primary = key_of(relation, i, &key);
    bool found = tree_get(world->writer.version, relation->tree, primary, &row, NULL);
    assert_int_equal(found, model->rows[i].is_there);
    if (!found)
      continue;
    count++;
    struct value values[4], expected[4];
    assert_int_equal(relation_row(relation, row, values, &world->error), 0);
    row_values(&model->rows[i], expected);
    for (int c = 0; c < 4; c++) {
      assert_int_equal(values[c].is_null, expected[c].is_null);
      if (!values[c].is_null)
        assert_int_equal(value_compare(relation->schema.columns[c].type.id, &values[c], &expected[c]), 0);
    }
    for (int x = 0; x < relation->index_count; x++) {
      if (relation->indexes[x].is_primary)
        continue;
      buffer_clear(&index_key);
      assert_int_equal(table_index_key(relation, &relation->indexes[x], expected, primary, &index_key, NULL), 0);
      assert_true(tree_get(world->writer.version, relation->indexes[x].tree, buffer_bytes(&index_key), &row, NULL));
    }
  }
  assert_int_equal(tree_count(world->writer.version, relation->tree), count);
  for (int x = 0; x < relation->index_count; x++)
    if (!relation->indexes[x].is_primary)
      assert_int_equal(tree_count(world->writer.version, relation->indexes[x].tree), count);
  buffer_deinit(&key);
  buffer_deinit(&index_key);
}

// --- Random operations ------------------------------------------------------------------------------

struct play {
  struct world *world;
  const struct relation *relation;
  struct model *model;
  uint64_t *seed;
  bool has_c, has_pair; // the unique indexes that are there
};

static const char *index_name(const struct play *play, const char *suffix)
{
  static char name[80];
  snprintf(name, sizeof name, "%s_%s", play->relation->name, suffix);
  return name;
}

static int index_number(const struct play *play, const char *suffix)
{
  const struct index *index = relation_index(play->relation, index_name(play, suffix));
  return index ? (int)(index - play->relation->indexes) : -1;
}

// The name of the constraint that the row breaks, in the order in which they are looked at.
static const char *broken(const struct play *play, const struct model_row *row, int except, const struct model_row **by)
{
  if (row->a != except && play->model->rows[row->a].is_there) {
    *by = &play->model->rows[row->a];
    return "pkey";
  }
  for (int i = 0; i < play->relation->index_count; i++) {
    const char *name = play->relation->indexes[i].name + strlen(play->relation->name) + 1;
    if (strcmp(name, "c") == 0 && (*by = same_c(play->model, row, except)))
      return "c";
    if (strcmp(name, "pair") == 0 && (*by = same_pair(play->model, row, except)))
      return "pair";
  }
  return NULL;
}

static void expect(const struct play *play, int status, const char *constraint)
{
  struct error *error = &play->world->error;
  if (!constraint) {
    if (status)
      print_error("%s\n", error->message);
    assert_int_equal(status, 0);
    return;
  }
  assert_int_equal(status, STATUS_INPUT);
  assert_string_equal(error->sqlstate, "23505");
  assert_string_equal(error->constraint, index_name(play, constraint));
  assert_string_equal(error->table, play->relation->name);
  assert_string_equal(error->schema, "public");
}

static void play_insert(const struct play *play)
{
  struct model_row row = random_row(play->seed);
  struct value values[4];
  row_values(&row, values);
  const struct model_row *by;
  const char *constraint = broken(play, &row, -1, &by);
  int how = below(play->seed, 3);
  int arbiter = how == 1 ? -1 : index_number(play, "c");
  if (how == 0 || (how == 2 && arbiter < 0)) {
    expect(play, table_insert(&play->world->writer, play->relation, values, -1, NULL, NULL), constraint);
    if (!constraint)
      play->model->rows[row.a] = row;
    return;
  }
  if (how == 2 && (by = same_c(play->model, &row, -1)))
    constraint = "c";
  struct conflict conflict;
  int status = table_insert(&play->world->writer, play->relation, values, arbiter, &conflict, NULL);
  if (how == 2 && constraint && strcmp(constraint, "c") != 0) {
    expect(play, status, constraint);
    return;
  }
  expect(play, status, NULL);
  assert_int_equal(conflict.found, constraint != NULL);
  if (!constraint) {
    play->model->rows[row.a] = row;
    return;
  }
  struct buffer key = {0};
  assert_true(bytes_equal(conflict.key, key_of(play->relation, by->a, &key)));
  buffer_deinit(&key);
  assert_string_equal(conflict.index ? conflict.index->name : index_name(play, "pkey"), index_name(play, constraint));
}

static void play_update(const struct play *play)
{
  int a = below(play->seed, KEYS);
  if (!play->model->rows[a].is_there)
    return;
  struct model_row row = random_row(play->seed), *old = &play->model->rows[a];
  if (below(play->seed, 4) != 0)
    row.a = a;
  struct buffer key = {0};
  struct bytes old_row;
  assert_true(tree_get(play->world->writer.version, play->relation->tree, key_of(play->relation, a, &key), &old_row, NULL));
  struct value values[4], old_values[4];
  row_values(&row, values);
  row_get_all(&play->relation->schema, old_row, old_values);
  if (below(play->seed, 2) == 0) { // borrowed from the row that is about to go
    values[2] = old_values[2];
    row.c_null = old->c_null;
    memcpy(row.c, old->c, sizeof row.c);
  }
  const struct model_row *by;
  const char *constraint = broken(play, &row, a, &by);
  expect(play, table_update(&play->world->writer, play->relation, buffer_bytes(&key), old_row, values), constraint);
  if (!constraint) {
    old->is_there = false;
    play->model->rows[row.a] = row;
  }
  buffer_deinit(&key);
}

static void play_delete(const struct play *play)
{
  int a = below(play->seed, KEYS);
  struct cursor cursor;
  struct buffer key = {0};
  cursor_init(&cursor, play->world->writer.version, play->relation->tree, NULL);
  if (play->model->rows[a].is_there) {
    assert_true(cursor_seek(&cursor, key_of(play->relation, a, &key)));
    expect(play, table_delete(&play->world->writer, play->relation, cursor.key, cursor.row), NULL);
    play->model->rows[a].is_there = false;
  }
  cursor_deinit(&cursor);
  buffer_deinit(&key);
}

static void play_upsert(const struct play *play)
{
  struct model_row row = random_row(play->seed);
  struct value values[4];
  row_values(&row, values);
  const struct model_row *by;
  const char *constraint = broken(play, &row, row.a, &by);
  expect(play, table_upsert(&play->world->writer, play->relation, values), constraint);
  if (!constraint)
    play->model->rows[row.a] = row;
}

// --- Changes of the definition ------------------------------------------------------------------------

static const struct relation *replace(struct world *world, struct relation *copy, const struct relation *old)
{
  char name[64];
  strcpy(name, old->name);
  assert_int_equal(catalog_replace(world->catalog, &world->writer, copy, &world->error), 0);
  return world_find(world, world->writer.version, name);
}

static void play_drop_index(struct play *play)
{
  struct relation *copy = catalog_copy(play->relation, &play->world->arena);
  int last = copy->index_count - 1;
  if (copy->indexes[last].is_primary)
    return;
  copy->index_count = last;
  play->relation = replace(play->world, copy, play->relation);
}

static void play_create_index(struct play *play)
{
  static const struct { const char *suffix; bool is_unique; int parts[2]; } kinds[] = {
    {"c", true, {2, -1}}, {"pair", true, {1, 3}}, {"plain", false, {1, -1}}};
  int kind = below(play->seed, 3);
  if (index_number(play, kinds[kind].suffix) >= 0)
    return;
  struct world *world = play->world;
  struct relation *copy = catalog_copy(play->relation, &world->arena);
  struct index *indexes = ARENA_ARRAY(&world->arena, struct index, copy->index_count + 1);
  memcpy(indexes, copy->indexes, (size_t)copy->index_count * sizeof *indexes);
  struct index *index = &indexes[copy->index_count++];
  copy->indexes = indexes;
  strcpy(index->name, index_name(play, kinds[kind].suffix));
  index->is_unique = kinds[kind].is_unique;
  index->parts = ARENA_ARRAY(&world->arena, struct key_part, 2);
  for (int i = 0; i < 2 && kinds[kind].parts[i] >= 0; i++)
    index->parts[index->part_count++] =
      (struct key_part){.column = (uint16_t)kinds[kind].parts[i], .descending = kind == 1};
  size_t mark = change_mark(&world->changes);
  uint64_t definitions = version_definitions(world->writer.version);
  const struct relation *fresh = replace(world, copy, play->relation);
  int status = table_build_index(&world->writer, fresh, relation_index(fresh, index_name(play, kinds[kind].suffix)));
  bool has_twins = false;
  for (int i = 0; i < KEYS; i++)
    if (play->model->rows[i].is_there && ((kind == 0 && same_c(play->model, &play->model->rows[i], i)) ||
                                          (kind == 1 && same_pair(play->model, &play->model->rows[i], i))))
      has_twins = true;
  if (!has_twins) {
    expect(play, status, NULL);
    play->relation = fresh;
    return;
  }
  expect(play, status, kinds[kind].suffix);
  assert_non_null(strstr(world->error.message, "could not create unique index"));
  assert_non_null(strstr(world->error.detail, "is duplicated."));
  assert_int_equal(change_undo(&world->changes, mark, world->writer.version, world->position, &world->error), 0);
  version_set_definitions(world->writer.version, definitions);
  play->relation = world_find(world, world->writer.version, play->relation->name);
}

static void play_rewrite(struct play *play)
{
  struct relation *copy = catalog_copy(play->relation, &play->world->arena);
  copy->tree = 0;
  const struct relation *fresh = replace(play->world, copy, play->relation);
  assert_int_not_equal(fresh->tree, play->relation->tree);
  expect(play, table_rewrite(&play->world->writer, play->relation, fresh), NULL);
  play->relation = fresh;
}

static void play_one(struct play *play)
{
  switch (below(play->seed, 100)) {
  case 0: play_drop_index(play); return;
  case 1: case 2: play_create_index(play); return;
  case 3: if (below(play->seed, 3) == 0) play_rewrite(play); return;
  case 4:
    if (below(play->seed, 4) == 0) {
      expect(play, table_truncate(&play->world->writer, play->relation), NULL);
      memset(play->model, 0, sizeof *play->model);
    }
    return;
  }
  switch (below(play->seed, 5)) {
  case 0: case 1: play_insert(play); break;
  case 2: play_update(play); break;
  case 3: play_delete(play); break;
  default: play_upsert(play); break;
  }
}

static const struct relation *create_full(struct world *world)
{
  struct definition definition;
  definition_init(&definition, "t", true);
  definition_index(&definition, "t_c", true, 2, -1);
  definition_index(&definition, "t_plain", false, 1, -1);
  definition_index(&definition, "t_pair", true, 1, 3);
  return world_create(world, &definition);
}

static void apply(struct world *copy, const struct buffer *payload, uint64_t position)
{
  int status = table_apply(copy->catalog, copy->writer.version, buffer_bytes(payload), position, &copy->error);
  if (status)
    print_error("%s\n", copy->error.message);
  assert_int_equal(status, 0);
}

// The trunk of the copy, to which every payload was applied, has the same trees.
static void verify_copy(struct world *world, struct world *copy)
{
  struct buffer ours = {0}, theirs = {0};
  version_dump(world->writer.version, &ours);
  version_dump(copy->writer.version, &theirs);
  assert_same_dump(&ours, &theirs);
  buffer_deinit(&ours);
  buffer_deinit(&theirs);
  assert_true(version_verify(copy->writer.version, &copy->error));
}

static void run_model(uint64_t seed)
{
  struct world world, copy;
  struct model model = {0}, before;
  struct buffer payload = {0}, old_dump = {0}, dump = {0};
  world_open(&world);
  world_open(&copy);
  assert_int_equal(catalog_bootstrap(world.catalog, &world.writer, &world.error), 0);
  create_full(&world);
  world_commit(&world, &payload);
  apply(&copy, &payload, world.position);
  for (int atom = 0; atom < 250; atom++) {
    struct play play = {.world = &world, .model = &model, .seed = &seed};
    play.relation = world_find(&world, world.writer.version, "t");
    before = model;
    uint64_t definitions = version_definitions(world.writer.version);
    buffer_clear(&old_dump);
    version_dump(world.writer.version, &old_dump);
    for (int count = 1 + below(&seed, 12); count > 0; count--)
      play_one(&play);
    verify(&world, play.relation, &model);
    if (below(&seed, 3) == 0) {
      world_abort(&world, definitions);
      model = before;
      buffer_clear(&dump);
      version_dump(world.writer.version, &dump);
      assert_same_dump(&old_dump, &dump);
    } else {
      buffer_clear(&payload);
      world_commit(&world, &payload);
      apply(&copy, &payload, world.position);
      verify_copy(&world, &copy);
    }
    assert_true(version_verify(world.writer.version, &world.error));
    catalog_collect(world.catalog, world.writer.version);
    store_collect(world.store, 1000);
  }
  buffer_deinit(&payload);
  buffer_deinit(&old_dump);
  buffer_deinit(&dump);
  world_close(&world);
  world_close(&copy);
}

static void test_model(void **state)
{
  for (uint64_t seed = 1; seed <= 12; seed++)
    run_model(seed * 7919);
}

// --- Errors ---------------------------------------------------------------------------------------

static void test_errors_have_all_fields(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", true);
  definition_index(&definition, "t_c_d_key", true, 2, 3);
  definition.columns[1].not_null = true;
  definition_check(&definition, "z_positive", "d > 0");
  definition_check(&definition, "b_large", "b > 10");
  const struct relation *t = world_create(&world, &definition);
  struct value values[4] = {value_integer(1), value_integer(11), value_string("x"), value_integer(5)};
  struct error *error = &world.error;
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), 0);

  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), STATUS_INPUT);
  assert_string_equal(error->sqlstate, "23505");
  assert_string_equal(error->message, "duplicate key value violates unique constraint \"t_pkey\"");
  assert_string_equal(error->detail, "Key (a)=(1) already exists.");
  assert_string_equal(error->constraint, "t_pkey");
  assert_string_equal(error->table, "t");
  assert_string_equal(error->schema, "public");

  values[0] = value_integer(2);
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), STATUS_INPUT);
  assert_string_equal(error->message, "duplicate key value violates unique constraint \"t_c_d_key\"");
  assert_string_equal(error->detail, "Key (c, d)=(x, 5) already exists.");

  values[0] = value_null();
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), STATUS_INPUT);
  assert_string_equal(error->message, "null value in column \"a\" of relation \"t\" violates not-null constraint");
  assert_string_equal(error->detail, "Failing row contains (null, 11, x, 5).");
  assert_string_equal(error->sqlstate, "23502");
  assert_string_equal(error->column, "a");
  assert_string_equal(error->table, "t");
  assert_string_equal(error->schema, "public");

  values[0] = value_integer(3);
  values[1] = value_integer(10);
  values[3] = value_integer(0);
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), STATUS_INPUT);
  assert_string_equal(error->sqlstate, "23514");
  assert_string_equal(error->message, "new row for relation \"t\" violates check constraint \"b_large\"");
  assert_string_equal(error->detail, "Failing row contains (3, 10, x, 0).");
  assert_string_equal(error->constraint, "b_large");
  assert_string_equal(error->table, "t");
  assert_string_equal(error->schema, "public");

  values[1] = value_integer(11);
  assert_int_equal(table_upsert(&world.writer, t, values), STATUS_INPUT);
  assert_string_equal(error->constraint, "z_positive");
  values[3] = value_null(); // a check that is NULL passes
  assert_int_equal(table_upsert(&world.writer, t, values), 0);
  assert_int_equal(tree_count(world.writer.version, t->tree), 2);
  world_close(&world);
}

static void test_long_values_are_cut_in_details(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", true);
  const struct relation *t = world_create(&world, &definition);
  char text[1000];
  for (size_t i = 0; i + 1 < sizeof text; i += 2)
    memcpy(text + i, "é", 2);
  struct value values[4] = {value_null(), value_null(), value_bytes(text, 999), value_null()};
  text[0] = 'x'; // so that a cut after 64 bytes would fall into a character
  memmove(text + 1, text + 2, 997);
  values[2].size = 997;
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), STATUS_INPUT);
  char expected[200] = "Failing row contains (null, null, x";
  for (int i = 0; i < 31; i++)
    strcat(expected, "é");
  strcat(expected, "..., null).");
  assert_string_equal(world.error.detail, expected);
  world_close(&world);
}

static void test_hidden_row_numbers_are_never_the_same(void **state)
{
  struct world world, copy;
  struct buffer payload = {0};
  world_open(&world);
  world_open(&copy);
  assert_int_equal(catalog_bootstrap(world.catalog, &world.writer, &world.error), 0);
  struct definition definition;
  definition_init(&definition, "t", false);
  const struct relation *t = world_create(&world, &definition);
  struct value values[4] = {value_integer(1), value_null(), value_null(), value_null()};
  uint64_t last = 0;
  for (int i = 0; i < 5; i++) {
    size_t mark = change_mark(&world.changes);
    struct bytes key;
    assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, &key), 0);
    assert_int_equal(key.size, 8);
    assert_true(get_be64(key.data) > last);
    last = get_be64(key.data);
    if (i == 2)
      assert_int_equal(change_undo(&world.changes, mark, world.writer.version, 0, &world.error), 0);
  }
  struct version *branch = version_branch(world.writer.version);
  uint64_t number = catalog_row_number(world.catalog, branch, t);
  assert_true(number > last);
  assert_true(catalog_row_number(world.catalog, world.writer.version, t) > number);
  version_close(branch);
  assert_int_equal(tree_count(world.writer.version, t->tree), 4);
  world_commit(&world, &payload);
  apply(&copy, &payload, 1);
  catalog_recover(copy.catalog, copy.writer.version);
  const struct relation *there = world_find(&copy, copy.writer.version, "t");
  assert_true(catalog_row_number(copy.catalog, copy.writer.version, there) > last);
  struct definition other;
  definition_init(&other, "u", true);
  const struct relation *u = world_create(&copy, &other);
  assert_true(u->oid > t->oid && u->tree > t->tree && u->stamp > t->stamp);
  buffer_deinit(&payload);
  world_close(&world);
  world_close(&copy);
}

static void test_recovery_forgets_what_was_dropped(void **state)
{
  struct world world, copy;
  struct buffer payload = {0}, ignored = {0};
  world_open(&world);
  world_open(&copy);
  assert_int_equal(catalog_bootstrap(world.catalog, &world.writer, &world.error), 0);
  world_commit(&world, &payload);
  apply(&copy, &payload, world.position);
  struct definition definition;
  definition_init(&definition, "before", true);
  const struct relation *before = world_create(&world, &definition);
  uint32_t oid = before->oid;
  buffer_clear(&payload);
  world_commit(&world, &payload);
  apply(&copy, &payload, world.position);
  assert_int_equal(catalog_drop(world.catalog, &world.writer, before, false, &ignored, &world.error), 0);
  buffer_clear(&payload);
  world_commit(&world, &payload);
  apply(&copy, &payload, world.position);
  catalog_recover(copy.catalog, copy.writer.version);
  // Its numbers are free again; what gets them is what it says itself.
  definition_init(&definition, "after", false);
  const struct relation *after = world_create(&copy, &definition);
  assert_int_equal(after->oid, oid);
  assert_string_equal(after->name, "after");
  assert_int_equal(after->key_count, 0);
  buffer_deinit(&ignored);
  buffer_deinit(&payload);
  world_close(&world);
  world_close(&copy);
}

static void test_rewrite_gives_a_key(void **state)
{
  struct world world;
  world_start(&world);
  struct definition definition;
  definition_init(&definition, "t", false);
  definition_index(&definition, "t_c", true, 2, -1);
  const struct relation *t = world_create(&world, &definition);
  struct value values[4] = {value_null(), value_null(), value_null(), value_null()};
  for (int i = 99; i >= 0; i--) {
    values[0] = value_integer(i);
    assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), 0);
  }
  struct relation *copy = catalog_copy(t, &world.arena);
  static struct key_part part;
  struct index indexes[2] = {copy->indexes[0], {.name = "t_pkey", .is_primary = true, .is_unique = true,
                                                .is_constraint = true, .parts = &part, .part_count = 1}};
  copy->indexes = indexes;
  copy->index_count = 2;
  copy->key = &part;
  copy->key_count = 1;
  copy->tree = 0;
  size_t mark = change_mark(&world.changes);
  assert_int_equal(catalog_replace(world.catalog, &world.writer, copy, &world.error), 0);
  const struct relation *keyed = world_find(&world, world.writer.version, "t");
  assert_true(keyed->schema.columns[0].not_null);
  assert_int_equal(table_rewrite(&world.writer, t, keyed), 0);
  assert_int_equal(tree_count(world.writer.version, keyed->tree), 100);
  assert_int_equal(tree_count(world.writer.version, keyed->indexes[0].tree), 100);

  // The same with a NULL, and with two equal keys.
  assert_int_equal(change_undo(&world.changes, mark, world.writer.version, 0, &world.error), 0);
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), 0);
  keyed = world_find(&world, world.writer.version, "t");
  copy->tree = 0;
  assert_int_equal(catalog_replace(world.catalog, &world.writer, copy, &world.error), 0);
  keyed = world_find(&world, world.writer.version, "t");
  assert_int_equal(table_rewrite(&world.writer, t, keyed), STATUS_INPUT);
  assert_string_equal(world.error.message, "could not create unique index \"t_pkey\"");
  assert_string_equal(world.error.detail, "Key (a)=(0) is duplicated.");
  assert_int_equal(tree_count(world.writer.version, keyed->tree), 0);
  values[0] = value_null();
  assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), 0);
  assert_int_equal(table_rewrite(&world.writer, t, keyed), STATUS_INPUT);
  assert_string_equal(world.error.message, "column \"a\" of relation \"t\" contains null values");
  assert_string_equal(world.error.sqlstate, "23502");
  world_close(&world);
}

static void test_apply_refuses_damage(void **state)
{
  struct world world, copy;
  struct buffer payload = {0}, bytes = {0};
  world_open(&world);
  assert_int_equal(catalog_bootstrap(world.catalog, &world.writer, &world.error), 0);
  const struct relation *t = create_full(&world);
  for (int i = 0; i < 3; i++) {
    struct value values[4] = {value_integer(i), value_integer(i), value_null(), value_integer(i)};
    assert_int_equal(table_insert(&world.writer, t, values, -1, NULL, NULL), 0);
  }
  world_commit(&world, &payload);
  uint64_t seed = 5;
  for (int round = 0; round < 3000; round++) {
    buffer_clear(&bytes);
    buffer_append_bytes(&bytes, buffer_bytes(&payload));
    for (int flips = 1 + below(&seed, 4); flips > 0; flips--)
      bytes.data[below(&seed, (int)bytes.size)] = (uint8_t)next_random(&seed);
    if (below(&seed, 3) == 0)
      bytes.size = (size_t)below(&seed, (int)bytes.size);
    world_open(&copy);
    // Whatever comes out, it is an answer; and what was taken can be looked at.
    (void)table_apply(copy.catalog, copy.writer.version, buffer_bytes(&bytes), 1, &copy.error);
    uint32_t oid = 0;
    while (catalog_next(copy.catalog, copy.writer.version, &oid))
      ;
    world_close(&copy);
  }
  buffer_deinit(&payload);
  buffer_deinit(&bytes);
  world_close(&world);
}

// Statements that meet the engine's memory limit at any point: what they did is undone whole.
static void run_limited(uint64_t seed)
{
  struct world world;
  struct buffer before = {0}, after = {0};
  char text[400];
  world_start(&world);
  create_full(&world);
  const struct relation *t = world_find(&world, world.writer.version, "t");
  world_commit(&world, NULL);
  memset(text, 'x', sizeof text);
  int refused = 0;
  for (int round = 0; round < 60; round++) {
    uint64_t definitions = version_definitions(world.writer.version);
    buffer_clear(&before);
    version_dump(world.writer.version, &before);
    world.account.limit = world.account.used + (size_t)below(&seed, 200000);
    int status = 0;
    for (int i = 0; i < 300 && !status; i++) {
      int size = snprintf(text, 20, "%d.", below(&seed, 1 << 30));
      text[size] = 'x';
      struct value values[4] = {value_integer(below(&seed, 2000)), value_integer(below(&seed, 100)),
                                value_bytes(text, (uint32_t)(20 + below(&seed, 300))), value_integer(round * 1000 + i)};
      status = table_upsert(&world.writer, t, values);
      if (status == STATUS_INPUT)
        status = 0;
      if (below(&seed, 200) == 0 && !status)
        status = table_truncate(&world.writer, t);
    }
    assert_true(status == 0 || status == STATUS_LIMIT);
    refused += status != 0;
    if (status || below(&seed, 3) == 0) {
      world_abort(&world, definitions);
      buffer_clear(&after);
      version_dump(world.writer.version, &after);
      assert_same_dump(&before, &after);
    } else {
      world_commit(&world, NULL);
    }
    assert_true(version_verify(world.writer.version, &world.error));
    store_collect(world.store, 10000);
  }
  assert_true(refused > 5);
  buffer_deinit(&before);
  buffer_deinit(&after);
  world_close(&world);
}

static void test_a_memory_limit_undoes_all(void **state)
{
  for (uint64_t seed = 1; seed <= 8; seed++)
    run_limited(seed);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_model),
    cmocka_unit_test(test_errors_have_all_fields),
    cmocka_unit_test(test_long_values_are_cut_in_details),
    cmocka_unit_test(test_hidden_row_numbers_are_never_the_same),
    cmocka_unit_test(test_recovery_forgets_what_was_dropped),
    cmocka_unit_test(test_rewrite_gives_a_key),
    cmocka_unit_test(test_apply_refuses_damage),
    cmocka_unit_test(test_a_memory_limit_undoes_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
