// A trunk with one table of numbers, and a runner of small scripts on it.
#pragma once

#include "../table/fixture.h"
#include "store/read_set.h"
#include "txn/branch.h"

struct bank {
  struct memory_account account;
  struct store *store;
  struct catalog *catalog;
  struct trunk trunk;
  struct arena arena;
  struct evaluation evaluation;
  struct error error;
  struct writer writer;
  const struct relation *table; // k int4 PRIMARY KEY, v int4, …
};

static inline struct writer bank_writer(struct bank *bank)
{
  return (struct writer){.arena = &bank->arena, .evaluation = &bank->evaluation, .error = &bank->error};
}

static inline void bank_open(struct bank *bank)
{
  memset(bank, 0, sizeof *bank);
  bank->store = store_open(&bank->account);
  bank->catalog = catalog_open(&bank->account, &(struct catalog_hooks){.compile = world_compile});
  arena_init(&bank->arena, NULL);
  bank->evaluation.settings = &format_settings_default;
  assert_int_equal(trunk_open(&bank->trunk, bank->store, bank->catalog), 0);
  bank->writer = bank_writer(bank);
  atom_begin(&bank->trunk, &bank->writer);
  assert_int_equal(catalog_bootstrap(bank->catalog, &bank->writer, &bank->error), 0);
  struct definition definition;
  definition_init(&definition, "numbers", true);
  definition_index(&definition, "numbers_b", false, 1, -1);
  assert_int_equal(catalog_create(bank->catalog, &bank->writer, &definition.relation, &bank->error), 0);
  uint64_t position;
  assert_int_equal(atom_commit(&bank->trunk, &position, &bank->error), 0);
  assert_int_equal(position, 1);
  bank->table = relation_pin(catalog_find_oid(bank->catalog, store_trunk(bank->store), definition.relation.oid));
}

static inline void bank_close(struct bank *bank)
{
  relation_unpin(bank->table);
  trunk_close(&bank->trunk);
  arena_deinit(&bank->arena);
  catalog_close(bank->catalog);
  while (store_collect(bank->store, 1000))
    ;
  store_close(bank->store);
  assert_int_equal(bank->account.used, 0);
}

enum operation { READ, ADD, INSERT, DELETE, SUM, FOLLOW }; // FOLLOW: the next key's value, plus the amount, becomes this one's

struct operation_step {
  enum operation operation;
  int key, amount;
};

enum { SEED = 42 };

// The value of a key; false: no such row.
static inline bool bank_get(struct bank *bank, const struct version *version, struct read_mark *mark, int k, int64_t *v,
                            struct buffer *key, struct bytes *row)
{
  struct value values[4] = {value_integer(k)};
  buffer_clear(key);
  assert_int_equal(table_key(bank->table, values, key, NULL), 0);
  if (!tree_get(version, bank->table->tree, buffer_bytes(key), row, mark))
    return false;
  row_get_all(&bank->table->schema, *row, values);
  *v = values[1].integer;
  return true;
}

static inline void promise_number(struct promise *promise, int64_t number)
{
  promise_add_row(promise, bytes_of(&number, sizeof number), SEED, true);
}

// Of the keys from `first` on.
static inline int64_t bank_sum(struct bank *bank, const struct version *version, struct read_mark *mark, int first)
{
  int64_t sum = 0;
  struct cursor cursor;
  struct buffer from = {0};
  struct value key = value_integer(first);
  assert_int_equal(table_key(bank->table, &key, &from, NULL), 0);
  cursor_init(&cursor, version, bank->table->tree, mark);
  for (bool more = cursor_seek(&cursor, buffer_bytes(&from)); more; more = cursor_next(&cursor)) {
    struct value value = {0};
    row_get(&bank->table->schema, cursor.row, 1, &value);
    sum += value.integer;
  }
  cursor_deinit(&cursor);
  buffer_deinit(&from);
  return sum;
}

// Runs a step: what the client would be told goes into the promise.
static inline int bank_step(void *context, struct writer *writer, struct bytes bytes, struct bytes kept,
                            struct promise *promise, struct error *error)
{
  struct bank *bank = context;
  struct operation_step step;
  assert_int_equal(bytes.size, sizeof step);
  memcpy(&step, bytes.data, sizeof step);
  struct buffer key = {0};
  struct bytes row;
  int64_t v = 0;
  bool found = bank_get(bank, writer->version, writer->mark, step.key, &v, &key, &row);
  struct value values[4] = {value_integer(step.key), value_integer(v + step.amount), value_null(), value_null()};
  int status = 0;
  switch (step.operation) {
  case READ:
    if (found)
      promise_number(promise, v);
    promise_add_text(promise, found ? "SELECT 1" : "SELECT 0", SEED);
    break;
  case ADD:
    if (found)
      status = table_update(writer, bank->table, buffer_bytes(&key), row, values);
    promise_add_text(promise, found ? "UPDATE 1" : "UPDATE 0", SEED);
    break;
  case INSERT:
    values[1] = value_integer(step.amount);
    status = table_insert(writer, bank->table, values, -1, NULL, NULL);
    promise_add_text(promise, status ? writer->error->sqlstate : "INSERT 0 1", SEED);
    status = status == STATUS_INPUT ? 0 : status;
    break;
  case DELETE:
    if (found)
      status = table_delete(writer, bank->table, buffer_bytes(&key), row);
    promise_add_text(promise, found ? "DELETE 1" : "DELETE 0", SEED);
    break;
  case FOLLOW: {
    struct buffer other = {0};
    struct bytes ignored;
    int64_t next = 0;
    bank_get(bank, writer->version, writer->mark, step.key + 1, &next, &other, &ignored);
    buffer_deinit(&other);
    values[1] = value_integer(next + step.amount);
    if (found)
      found = bank_get(bank, writer->version, writer->mark, step.key, &v, &key, &row);
    if (found)
      status = table_update(writer, bank->table, buffer_bytes(&key), row, values);
    promise_add_text(promise, found ? "UPDATE 1" : "UPDATE 0", SEED);
    break;
  }
  case SUM:
    promise_number(promise, bank_sum(bank, writer->version, writer->mark, step.key));
    break;
  }
  buffer_deinit(&key);
  return status;
}

// Runs a step on a branch and records it.
static inline struct promise branch_do(struct bank *bank, struct branch *branch, enum operation operation, int key, int amount)
{
  struct operation_step step;
  memset(&step, 0, sizeof step);
  step = (struct operation_step){.operation = operation, .key = key, .amount = amount};
  struct writer writer = bank_writer(bank);
  branch_writer(branch, &writer);
  struct promise promise = {0};
  struct bytes bytes = bytes_of(&step, sizeof step);
  struct read_set reads = {0};
  writer.mark = &(struct read_mark){.set = &reads};
  assert_int_equal(bank_step(bank, &writer, bytes, (struct bytes){0}, &promise, &bank->error), 0);
  assert_int_equal(branch_record(branch, bytes, (struct bytes){0}, &promise, &reads, &bank->error), 0);
  read_set_deinit(&reads);
  return promise;
}

// Runs a step of a script again. What it marked what it saw with is gone with it: nobody may touch that afterwards.
static inline int bank_rerun(void *context, struct writer *writer, struct bytes bytes, struct bytes kept,
                             struct promise *promise, struct read_set *reads, struct error *error)
{
  struct read_mark mark = {.set = reads};
  writer->mark = &mark;
  int status = bank_step(context, writer, bytes, kept, promise, error);
  writer->mark = (struct read_mark *)1;
  return status;
}

static inline int bank_move(struct bank *bank, struct branch *branch)
{
  struct writer writer = bank_writer(bank);
  return branch_move(branch, &writer, &(struct step_runner){.context = bank, .run = bank_rerun}, &bank->error);
}

static inline int bank_commit(struct bank *bank, struct branch *branch, uint64_t *position)
{
  struct writer writer = bank_writer(bank);
  return branch_commit(branch, &writer, &(struct step_runner){.context = bank, .run = bank_rerun}, position, &bank->error);
}

// One step as an atom of its own. Returns its position.
static inline uint64_t bank_do(struct bank *bank, enum operation operation, int key, int amount)
{
  struct operation_step step = {.operation = operation, .key = key, .amount = amount};
  struct promise promise = {0};
  atom_begin(&bank->trunk, &bank->writer);
  assert_int_equal(bank_step(bank, &bank->writer, bytes_of(&step, sizeof step), (struct bytes){0}, &promise, &bank->error), 0);
  uint64_t position;
  assert_int_equal(atom_commit(&bank->trunk, &position, &bank->error), 0);
  return position;
}

static inline int64_t bank_value(struct bank *bank, int k)
{
  struct buffer key = {0};
  struct bytes row;
  int64_t v = INT64_MIN;
  bank_get(bank, store_trunk(bank->store), NULL, k, &v, &key, &row);
  buffer_deinit(&key);
  return v;
}

// Applies all of the trunk's output to a fresh store and compares every tree.
static inline void bank_verify_output(struct bank *bank)
{
  struct world copy;
  world_open(&copy);
  size_t at = 0;
  uint64_t last = 0;
  const struct buffer *output = &bank->trunk.output;
  while (at < output->size) {
    uint64_t position = get_le64(output->data + at);
    uint32_t size = get_le32(output->data + at + 8);
    assert_int_equal(position, last + 1);
    last = position;
    assert_int_equal(table_apply(copy.catalog, copy.writer.version, bytes_of(output->data + at + 12, size), position,
                                 &copy.error), 0);
    at += 12 + size;
  }
  assert_int_equal(at, output->size);
  assert_int_equal(last, bank->trunk.position);
  struct buffer ours = {0}, theirs = {0};
  version_dump(store_trunk(bank->store), &ours);
  version_dump(copy.writer.version, &theirs);
  assert_same_dump(&ours, &theirs);
  buffer_deinit(&ours);
  buffer_deinit(&theirs);
  world_close(&copy);
}
