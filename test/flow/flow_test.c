// Streams with tasks that stand for workflows: order, what is undone, what is counted, what is put down.
#include <stdio.h>

#include "../table/fixture.h"
#include "base/limits.h"
#include "flow/flow.h"

// What a fake workflow does is its text: a word and a number.
//   keep      each row's a into table "kept" as (n, a): n counts the rows of the table
//   fail N    the same, then fails where a = N
//   memory N  the same, but out of memory
//   atom N    the whole atom's count into "kept"; fails where the count is N
//   feed N    pushes a into the source "feedN"
//   refuse    cannot be opened
struct task {
  char word[16];
  int number;
};

struct stage {
  struct world world;
  struct flow *flow;
  const struct relation *kept;
  int opened, closed;
};

static int task_open(void *context, struct writer *writer, const struct relation *workflow,
                     const struct relation *source, struct task **result, bool *takes_atom, struct error *error)
{
  struct stage *stage = context;
  struct task *task = calloc(1, sizeof *task);
  assert_non_null(task);
  assert_true(sscanf(workflow->text, "%15s %d", task->word, &task->number) >= 1);
  assert_int_equal(source->oid, workflow->dependencies[0]);
  if (strcmp(task->word, "refuse") == 0) {
    free(task);
    return error_set(error, "42P01", "it is gone");
  }
  *takes_atom = strcmp(task->word, "atom") == 0;
  *result = task;
  stage->opened++;
  return 0;
}

static void task_close(void *context, struct task *task)
{
  ((struct stage *)context)->closed++;
  free(task);
}

static int keep(struct stage *stage, struct writer *writer, int64_t a)
{
  struct value values[4] = {value_integer((int64_t)tree_count(writer->version, stage->kept->tree)), value_integer(a),
                            value_null(), value_null()};
  return table_insert(writer, stage->kept, values, 0, NULL, NULL);
}

static int task_run(void *context, struct task *task, struct writer *writer, const struct row_batch *rows,
                    uint64_t *rows_out, struct error *error)
{
  struct stage *stage = context;
  if (strcmp(task->word, "feed") == 0) {
    char name[16];
    snprintf(name, sizeof name, "feed%d", task->number);
    *rows_out = (uint64_t)rows->row_count;
    return flow_push(stage->flow, writer, world_find(&stage->world, writer->version, name), rows, error);
  }
  if (strcmp(task->word, "atom") == 0) {
    *rows_out = 1;
    int status = keep(stage, writer, rows->row_count);
    return status || rows->row_count != task->number ? status : error_set(error, "22012", "this many");
  }
  assert_int_equal(rows->row_count, 1);
  int64_t a = rows->rows[0][0].integer;
  int status = keep(stage, writer, a);
  *rows_out = 1;
  if (status || a != task->number || strcmp(task->word, "keep") == 0)
    return status;
  return strcmp(task->word, "memory") == 0 ? error_memory(error) : error_set(error, "22012", "a is %d", task->number);
}

static const struct relation *make_source(struct stage *stage, const char *name, bool has_key)
{
  struct definition definition;
  definition_init(&definition, name, has_key);
  definition.relation.kind = RELATION_SOURCE;
  definition.relation.state = "running";
  definition_check(&definition, "a_check", "a > -100");
  const struct relation *source = world_create(&stage->world, &definition);
  world_commit(&stage->world, NULL);
  return source;
}

static void make_workflow(struct stage *stage, const char *name, const struct relation *source, const char *text)
{
  struct definition definition;
  definition_init(&definition, name, false);
  definition.relation.kind = RELATION_WORKFLOW;
  definition.relation.schema.column_count = 0;
  definition.relation.text = text;
  definition.relation.state = "running";
  uint32_t oid = source->oid;
  definition.relation.dependencies = &oid;
  definition.relation.dependency_count = 1;
  world_create(&stage->world, &definition);
  world_commit(&stage->world, NULL);
}

static void stage_open(struct stage *stage)
{
  memset(stage, 0, sizeof *stage);
  world_start(&stage->world);
  struct definition definition;
  definition_init(&definition, "kept", true);
  stage->kept = world_create(&stage->world, &definition);
  struct flow_hooks hooks = {.context = stage, .task_open = task_open, .task_close = task_close, .task_run = task_run};
  stage->flow = flow_open(stage->world.catalog, &hooks, &stage->world.account);
  assert_non_null(stage->flow);
}

static void stage_close(struct stage *stage)
{
  flow_close(stage->flow);
  assert_int_equal(stage->opened, stage->closed);
  world_close(&stage->world);
}

// The column b of "kept", in the order of its rows, as "1 2 3".
static const char *kept(struct stage *stage)
{
  static char text[4096];
  text[0] = 0;
  struct cursor cursor;
  cursor_init(&cursor, stage->world.writer.version, stage->kept->tree, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more; more = cursor_next(&cursor)) {
    struct value values[4];
    assert_int_equal(relation_row(stage->kept, cursor.row, values, &stage->world.error), 0);
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", text[0] ? " " : "",
             (long long)values[1].integer);
  }
  cursor_deinit(&cursor);
  return text;
}

static void add_row(struct buffer *rows, const char *a)
{
  buffer_append_be16(rows, 4);
  buffer_append_be32(rows, (uint32_t)strlen(a));
  buffer_append(rows, a, strlen(a));
  buffer_append_be32(rows, UINT32_MAX);
  buffer_append_be32(rows, 3);
  buffer_append(rows, "abc", 3);
  buffer_append_be32(rows, UINT32_MAX);
}

// One atom of a connector: rows (a, NULL, 'abc', NULL), the a's with spaces between.
static int arrive(struct stage *stage, const struct relation *source, const char *list, const char *position)
{
  struct buffer rows = {0};
  char copy[256], *rest = copy, *word;
  snprintf(copy, sizeof copy, "%s", list);
  struct arrival arrival = {.source = source, .position = bytes_of_string(position), .now = 1000};
  while ((word = strsep(&rest, " ")) && *word) {
    add_row(&rows, word);
    arrival.row_count++;
  }
  arrival.rows = buffer_bytes(&rows);
  error_clear(&stage->world.error);
  int status = flow_arrive(stage->flow, &stage->world.writer, &arrival, &stage->world.error);
  if (status)
    assert_int_equal(table_undo(&stage->world.writer, 0, &stage->world.error), 0);
  else
    world_commit(&stage->world, NULL);
  buffer_deinit(&rows);
  return status;
}

static int push(struct stage *stage, const struct relation *source, int count, const int *numbers)
{
  struct value values[16][4], *rows[16];
  for (int i = 0; i < count; i++) {
    rows[i] = values[i];
    values[i][0] = value_integer(numbers[i]);
    for (int k = 1; k < 4; k++)
      values[i][k] = value_null();
  }
  struct row_batch batch = {.rows = rows, .row_count = count};
  error_clear(&stage->world.error);
  int status = flow_push(stage->flow, &stage->world.writer, source, &batch, &stage->world.error);
  if (status)
    assert_int_equal(table_undo(&stage->world.writer, 0, &stage->world.error), 0);
  else
    world_commit(&stage->world, NULL);
  return status;
}

static void assert_source(struct stage *stage, const struct relation *source, int rows, int errors,
                          const char *position)
{
  struct source_progress progress;
  flow_source_progress(stage->world.writer.version, source->oid, &progress);
  assert_int_equal(progress.rows, rows);
  assert_int_equal(progress.errors, errors);
  assert_int_equal(progress.position.size, strlen(position));
  if (position[0])
    assert_memory_equal(progress.position.data, position, strlen(position));
}

static void assert_workflow(struct stage *stage, const char *name, int atoms, int rows_in, int rows_out, int errors)
{
  struct workflow_progress progress;
  const struct relation *workflow = world_find(&stage->world, stage->world.writer.version, name);
  flow_workflow_progress(stage->world.writer.version, workflow->oid, &progress);
  assert_int_equal(progress.atoms, atoms);
  assert_int_equal(progress.rows_in, rows_in);
  assert_int_equal(progress.rows_out, rows_out);
  assert_int_equal(progress.errors, errors);
}

// --- Tests -------------------------------------------------------------------------------------------------------

static void test_rows_in_order_through_each_workflow(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", false);
  make_workflow(&stage, "one", source, "keep");
  make_workflow(&stage, "two", source, "keep");
  make_workflow(&stage, "all", source, "atom");
  assert_int_equal(arrive(&stage, source, "7 8", "x2"), 0);
  assert_string_equal(kept(&stage), "7 7 8 8 2");
  assert_source(&stage, source, 2, 0, "x2");
  assert_workflow(&stage, "one", 1, 2, 2, 0);
  assert_workflow(&stage, "all", 1, 2, 1, 0);
  assert_int_equal(push(&stage, source, 1, (int[]){9}), 0);
  assert_string_equal(kept(&stage), "7 7 8 8 2 9 9 1");
  assert_source(&stage, source, 3, 0, "x2"); // a push does not move the connector's position
  stage_close(&stage);
}

static void assert_next_error(struct stage *stage, uint64_t *at, const char *sqlstate, const char *text)
{
  struct source_error error;
  assert_true(flow_error_next(stage->world.writer.version, at, &error));
  assert_string_equal(error.sqlstate, sqlstate);
  assert_int_equal(error.text.size, strlen(text));
  if (text[0])
    assert_memory_equal(error.text.data, text, strlen(text));
  assert_int_equal(error.at, 1000);
}

static void test_a_failing_row_is_undone_where_it_failed(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", true);
  make_workflow(&stage, "bad", source, "fail 8");
  make_workflow(&stage, "good", source, "keep");
  make_workflow(&stage, "all", source, "atom");
  assert_int_equal(arrive(&stage, source, "7 8 x9 -100 10", "p"), 0);
  assert_string_equal(kept(&stage), "7 7 8 10 10 3"); // the atom has the rows that could be read and stored
  assert_int_equal(tree_count(stage.world.writer.version, source->tree), 3);
  assert_source(&stage, source, 5, 3, "p");
  assert_workflow(&stage, "bad", 1, 3, 2, 1);
  assert_workflow(&stage, "good", 1, 3, 3, 0);
  uint64_t at = 0;
  assert_next_error(&stage, &at, "22012", "8,,abc,");
  assert_next_error(&stage, &at, "22P02", "x9,,abc,");
  assert_next_error(&stage, &at, "23514", "-100,,abc,");
  struct source_error error;
  assert_false(flow_error_next(stage.world.writer.version, &at, &error));
  stage_close(&stage);
}

static void test_a_failing_atom_is_undone_whole(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", false);
  make_workflow(&stage, "all", source, "atom 2");
  assert_int_equal(arrive(&stage, source, "1 2", "p"), 0);
  assert_string_equal(kept(&stage), "");
  assert_source(&stage, source, 2, 1, "p");
  assert_int_equal(arrive(&stage, source, "1 2 3", "q"), 0);
  assert_string_equal(kept(&stage), "3");
  stage_close(&stage);
}

static void test_a_push_fails_whole(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", true);
  make_workflow(&stage, "bad", source, "fail 8");
  assert_int_not_equal(push(&stage, source, 3, (int[]){7, 8, 9}), 0);
  assert_string_equal(stage.world.error.sqlstate, "22012");
  assert_int_not_equal(push(&stage, source, 2, (int[]){7, -100}), 0);
  assert_string_equal(stage.world.error.sqlstate, "23514");
  assert_string_equal(kept(&stage), "");
  assert_source(&stage, source, 0, 0, "");
  assert_workflow(&stage, "bad", 0, 0, 0, 0);
  assert_int_equal(push(&stage, source, 2, (int[]){7, 9}), 0);
  assert_string_equal(kept(&stage), "7 9");
  stage_close(&stage);
}

static void test_want_of_memory_is_no_bad_row(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", false);
  make_workflow(&stage, "big", source, "memory 8");
  assert_int_not_equal(arrive(&stage, source, "7 8 9", "p"), 0);
  assert_string_equal(stage.world.error.sqlstate, "53200");
  assert_string_equal(kept(&stage), "");
  assert_source(&stage, source, 0, 0, "");
  stage_close(&stage);
}

static void test_a_workflow_that_cannot_be_opened(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", false);
  make_workflow(&stage, "gone", source, "refuse");
  make_workflow(&stage, "good", source, "keep");
  assert_int_equal(arrive(&stage, source, "1 2", "p"), 0);
  assert_string_equal(kept(&stage), "1 2");
  assert_source(&stage, source, 2, 2, "p");
  stage_close(&stage);
}

static void test_feeding_and_feedback(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *sources[LIMIT_WORKFLOW_DEPTH + 2];
  char name[64], text[64];
  for (int i = 0; i < LIMIT_WORKFLOW_DEPTH + 2; i++) {
    snprintf(name, sizeof name, "feed%d", i);
    sources[i] = make_source(&stage, name, false);
  }
  make_workflow(&stage, "last", sources[3], "keep");
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "w%d", i);
    snprintf(text, sizeof text, "feed %d", i + 1);
    make_workflow(&stage, name, sources[i], text);
  }
  assert_int_equal(push(&stage, sources[0], 2, (int[]){1, 2}), 0);
  assert_string_equal(kept(&stage), "1 2");
  assert_source(&stage, sources[3], 2, 0, "");
  for (int i = 3; i < LIMIT_WORKFLOW_DEPTH + 1; i++) {
    snprintf(name, sizeof name, "w%d", i);
    snprintf(text, sizeof text, "feed %d", i + 1);
    make_workflow(&stage, name, sources[i], text);
  }
  assert_int_not_equal(push(&stage, sources[0], 1, (int[]){1}), 0);
  assert_string_equal(stage.world.error.sqlstate, "54001");
  make_workflow(&stage, "back", sources[5], "feed 5");
  assert_int_not_equal(push(&stage, sources[5], 1, (int[]){1}), 0);
  assert_string_equal(stage.world.error.sqlstate, "54001");
  assert_string_equal(kept(&stage), "1 2");
  stage_close(&stage);
}

static void test_errors_are_bounded(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", false);
  for (int i = 0; i < LIMIT_SOURCE_ERRORS + 10; i++) {
    struct error reason;
    error_clear(&reason);
    assert_int_not_equal(error_set(&reason, "58030", "reason %d", i), 0);
    assert_int_equal(flow_fail(&stage.world.writer, source, &reason, 5, &stage.world.error), 0);
    world_commit(&stage.world, NULL);
  }
  uint64_t at = 0;
  struct source_error error;
  int count = 0;
  while (flow_error_next(stage.world.writer.version, &at, &error))
    if (count++ == 0)
      assert_memory_equal(error.reason.data, "reason 10", 9);
  assert_int_equal(count, LIMIT_SOURCE_ERRORS);
  assert_source(&stage, source, 0, LIMIT_SOURCE_ERRORS + 10, "");
  stage_close(&stage);
}

static void set_state(struct stage *stage, const char *name, const char *text)
{
  const struct relation *relation = world_find(&stage->world, stage->world.writer.version, name);
  struct relation *definition = catalog_copy(relation, &stage->world.arena);
  assert_non_null(definition);
  definition->state = text;
  assert_int_equal(catalog_replace(stage->world.catalog, &stage->world.writer, definition, &stage->world.error), 0);
}

static void test_what_is_wanted(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *stream = make_source(&stage, "s", false);
  const struct relation *keyed = make_source(&stage, "k", true);
  const struct version *version = stage.world.writer.version;
  assert_false(flow_wants_source(stage.flow, version, stream));
  assert_true(flow_wants_source(stage.flow, version, keyed));
  make_workflow(&stage, "w", stream, "keep");
  assert_true(flow_wants_source(stage.flow, version, stream));
  assert_int_equal(push(&stage, stream, 1, (int[]){1}), 0);
  set_state(&stage, "w", "paused");
  assert_false(flow_wants_source(stage.flow, version, stream));
  assert_int_equal(push(&stage, stream, 1, (int[]){2}), 0);
  assert_string_equal(kept(&stage), "1");
  set_state(&stage, "w", "running");
  set_state(&stage, "s", "paused");
  stream = world_find(&stage.world, version, "s");
  assert_false(flow_wants_source(stage.flow, version, stream));
  assert_int_not_equal(push(&stage, stream, 1, (int[]){3}), 0);
  assert_string_equal(stage.world.error.sqlstate, "55000");
  stage_close(&stage);
}

static void test_a_malformed_batch_changes_nothing(void **state)
{
  struct stage stage;
  stage_open(&stage);
  const struct relation *source = make_source(&stage, "s", false);
  make_workflow(&stage, "w", source, "keep");
  struct buffer rows = {0};
  add_row(&rows, "12");
  for (size_t size = 0; size < rows.size; size++) {
    struct arrival arrival = {.source = source, .row_count = 1, .rows = bytes_of(rows.data, size)};
    assert_int_not_equal(flow_arrive(stage.flow, &stage.world.writer, &arrival, &stage.world.error), 0);
    assert_string_equal(stage.world.error.sqlstate, "22P04");
    assert_int_equal(table_undo(&stage.world.writer, 0, &stage.world.error), 0);
  }
  buffer_deinit(&rows);
  assert_string_equal(kept(&stage), "");
  stage_close(&stage);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_in_order_through_each_workflow),
      cmocka_unit_test(test_a_failing_row_is_undone_where_it_failed),
      cmocka_unit_test(test_a_failing_atom_is_undone_whole),
      cmocka_unit_test(test_a_push_fails_whole),
      cmocka_unit_test(test_want_of_memory_is_no_bad_row),
      cmocka_unit_test(test_a_workflow_that_cannot_be_opened),
      cmocka_unit_test(test_feeding_and_feedback),
      cmocka_unit_test(test_errors_are_bounded),
      cmocka_unit_test(test_what_is_wanted),
      cmocka_unit_test(test_a_malformed_batch_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
