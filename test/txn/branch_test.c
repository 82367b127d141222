// Branches: adopted, run again, or failed; and always equal to a serial run with the replies that were given.
#include <stdio.h>

#include "base/limits.h"
#include "fixture.h"

static struct branch *open_branch(struct bank *bank)
{
  struct branch *branch = branch_open(&bank->trunk, &bank->account);
  assert_non_null(branch);
  return branch;
}

static void test_adopt(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  struct branch *branch = open_branch(&bank);
  branch_do(&bank, branch, READ, 1, 0);
  branch_do(&bank, branch, ADD, 1, 5);
  branch_do(&bank, branch, INSERT, 2, 7);
  assert_int_equal(branch_step_count(branch), 3);
  assert_true(branch_has_changes(branch));
  assert_int_equal(bank_value(&bank, 1), 10);
  uint64_t position;
  assert_int_equal(bank_commit(&bank, branch, &position), 0);
  assert_int_equal(position, 3);
  assert_int_equal(bank.trunk.counts.adopted, 1);
  assert_int_equal(bank_value(&bank, 1), 15);
  struct read_mark mark = {0};
  struct bytes row;
  struct buffer key = {0};
  struct value values[4] = {value_integer(2)};
  assert_int_equal(table_key(bank.table, values, &key, NULL), 0);
  assert_true(tree_get(store_trunk(bank.store), bank.table->tree, buffer_bytes(&key), &row, &mark));
  assert_int_equal(mark.position, 3);
  bank_do(&bank, ADD, 2, 1);
  bank_verify_output(&bank);
  buffer_deinit(&key);
  bank_close(&bank);
}

static void test_adopt_carries_definitions(void **state)
{
  struct bank bank;
  bank_open(&bank);
  struct branch *branch = open_branch(&bank);
  struct writer writer = bank_writer(&bank);
  branch_writer(branch, &writer);
  struct definition definition;
  definition_init(&definition, "more", true);
  assert_int_equal(catalog_create(bank.catalog, &writer, &definition.relation, &bank.error), 0);
  assert_null(catalog_find_oid(bank.catalog, store_trunk(bank.store), definition.relation.oid));
  uint64_t definitions = version_definitions(branch_version(branch)), position;
  assert_true(version_definitions(store_trunk(bank.store)) != definitions);
  assert_int_equal(bank_commit(&bank, branch, &position), 0);
  assert_true(version_definitions(store_trunk(bank.store)) == definitions);
  assert_non_null(catalog_find_oid(bank.catalog, store_trunk(bank.store), definition.relation.oid));
  bank_verify_output(&bank);
  bank_close(&bank);
}

// An atom that others commit on a table of their own.
static void other_atom(struct bank *bank, const struct relation *table, int k)
{
  struct writer writer = bank_writer(bank);
  struct value values[4] = {value_integer(k), value_integer(k), value_null(), value_null()};
  uint64_t position;
  atom_begin(&bank->trunk, &writer);
  assert_int_equal(table_insert(&writer, table, values, -1, NULL, NULL), 0);
  assert_int_equal(atom_commit(&bank->trunk, &position, &bank->error), 0);
}

static const struct relation *other_table(struct bank *bank)
{
  struct definition definition;
  uint64_t position;
  struct writer writer = bank_writer(bank);
  definition_init(&definition, "more", true);
  atom_begin(&bank->trunk, &writer);
  assert_int_equal(catalog_create(bank->catalog, &writer, &definition.relation, &bank->error), 0);
  assert_int_equal(atom_commit(&bank->trunk, &position, &bank->error), 0);
  return catalog_find_oid(bank->catalog, store_trunk(bank->store), definition.relation.oid);
}

static void test_trees_are_adopted_beside_others_changes(void **state)
{
  struct bank bank;
  bank_open(&bank);
  const struct relation *more = other_table(&bank);
  for (int k = 0; k < 300; k++)
    bank_do(&bank, INSERT, k, 10);
  bank.trunk.adopted_changes = 2;
  struct version *before = version_snapshot(store_trunk(bank.store));
  struct branch *branch = open_branch(&bank);
  other_atom(&bank, more, 1);
  branch_do(&bank, branch, SUM, 0, 0);
  for (int k = 0; k < 300; k += 2)
    branch_do(&bank, branch, k % 3 ? DELETE : ADD, k, 5);
  branch_do(&bank, branch, INSERT, 1000, 7);
  other_atom(&bank, more, 2);
  struct version *between = version_snapshot(store_trunk(bank.store));
  uint64_t position;
  assert_int_equal(bank_commit(&bank, branch, &position), 0);
  assert_int_equal(bank.trunk.counts.adopted, 1);
  assert_int_equal(bank.trunk.counts.rerun, 0);
  assert_int_equal(tree_count(store_trunk(bank.store), more->tree), 2);
  assert_int_equal(bank_value(&bank, 6), 15);
  assert_int_equal(bank_value(&bank, 2), INT64_MIN);
  assert_int_equal(bank_value(&bank, 1000), 7);
  assert_int_equal(bank_sum(&bank, before, NULL, 0), 3000);
  assert_int_equal(bank_sum(&bank, between, NULL, 0), 3000);
  struct bytes row;
  struct read_mark mark = {0};
  struct buffer key = {0};
  int64_t value;
  assert_true(bank_get(&bank, store_trunk(bank.store), &mark, 6, &value, &key, &row));
  assert_int_equal(mark.position, position);
  buffer_deinit(&key);
  other_atom(&bank, more, 3);
  bank_do(&bank, ADD, 6, 1);
  assert_true(version_verify(store_trunk(bank.store), &bank.error));
  version_close(before);
  version_close(between);
  bank_verify_output(&bank);
  bank_close(&bank);
}

static void test_what_others_have_touched_is_run_again(void **state)
{
  for (int way = 0; way < 4; way++) {
    struct bank bank;
    bank_open(&bank);
    const struct relation *more = other_table(&bank);
    bank_do(&bank, INSERT, 1, 10);
    bank_do(&bank, INSERT, 2, 20);
    bank.trunk.adopted_changes = way == 2 ? 100 : 0;
    struct branch *branch = open_branch(&bank);
    branch_do(&bank, branch, ADD, 1, 5);
    struct promise promise = {0};
    struct operation_step step = {.operation = SUM, .key = 3};
    promise_number(&promise, 0);
    if (way == 1) // it does not say what it looked at
      assert_int_equal(branch_record(branch, bytes_of(&step, sizeof step), (struct bytes){0}, &promise, NULL, &bank.error), 0);
    if (way == 3)
      branch_reads_tree(branch, more->tree);
    if (way)
      other_atom(&bank, more, 1);
    else
      bank_do(&bank, ADD, 2, 1);
    uint64_t position;
    assert_int_equal(bank_commit(&bank, branch, &position), 0);
    assert_int_equal(bank.trunk.counts.adopted, 0);
    assert_int_equal(bank.trunk.counts.rerun, 1);
    assert_int_equal(bank_value(&bank, 1), 15);
    bank_verify_output(&bank);
    bank_close(&bank);
  }
}

static void test_run_again_with_equal_replies(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  bank_do(&bank, INSERT, 2, 20);
  struct branch *branch = open_branch(&bank);
  branch_do(&bank, branch, READ, 2, 0);
  branch_do(&bank, branch, ADD, 1, 5); // blind
  bank_do(&bank, ADD, 1, 100);
  uint64_t position;
  assert_int_equal(bank_commit(&bank, branch, &position), 0);
  assert_int_equal(position, 5);
  assert_int_equal(bank.trunk.counts.rerun, 1);
  assert_int_equal(bank_value(&bank, 1), 115);
  bank_verify_output(&bank);
  bank_close(&bank);
}

static void test_run_again_with_another_reply(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  struct branch *branch = open_branch(&bank);
  branch_do(&bank, branch, ADD, 1, 5);
  branch_do(&bank, branch, READ, 1, 0);
  bank_do(&bank, ADD, 1, 100);
  uint64_t position;
  assert_int_equal(bank_commit(&bank, branch, &position), STATUS_RETRY);
  assert_string_equal(bank.error.sqlstate, "40001");
  assert_string_equal(bank.error.message, "could not serialize access: the reply of statement 2 would be different now");
  assert_int_equal(position, 0);
  assert_int_equal(bank_value(&bank, 1), 110);
  assert_int_equal(bank.trunk.counts.failed, 1);
  assert_false(bank.trunk.is_running);
  bank_verify_output(&bank);
  bank_close(&bank);
}

static void test_a_failure_that_fails_again_is_kept(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  for (int round = 0; round < 2; round++) {
    struct branch *branch = open_branch(&bank);
    branch_do(&bank, branch, INSERT, 1, 3); // 23505
    branch_do(&bank, branch, INSERT, 5 + round, 3);
    bank_do(&bank, round == 0 ? ADD : DELETE, 1, 1);
    uint64_t position;
    assert_int_equal(bank_commit(&bank, branch, &position), round == 0 ? 0 : STATUS_RETRY);
  }
  assert_int_equal(bank_value(&bank, 5), 3);
  assert_int_equal(bank_value(&bank, 6), INT64_MIN);
  bank_verify_output(&bank);
  bank_close(&bank);
}

static void test_without_changes_it_is_done_at_its_snapshot(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  struct branch *branch = open_branch(&bank);
  branch_do(&bank, branch, READ, 1, 0);
  bank_do(&bank, ADD, 1, 100);
  branch_do(&bank, branch, READ, 1, 0);
  uint64_t position = 77;
  assert_int_equal(bank_commit(&bank, branch, &position), 0);
  assert_int_equal(position, 0);
  assert_int_equal(bank.trunk.counts.rerun, 0);
  bank_close(&bank);
}

static int stopped(void *context, struct writer *writer, struct bytes step, struct bytes kept, struct promise *promise,
                   struct read_set *reads, struct error *error)
{
  return error_set(error, "57014", "canceling statement due to user request");
}

static void test_what_ends_a_commit_undoes_it(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  struct branch *branch = open_branch(&bank);
  branch_do(&bank, branch, ADD, 1, 1);
  bank_do(&bank, ADD, 1, 100);
  struct writer writer = bank_writer(&bank);
  uint64_t position;
  assert_int_equal(branch_commit(branch, &writer, &(struct step_runner){.run = stopped}, &position, &bank.error), STATUS_LIMIT);
  assert_string_equal(bank.error.sqlstate, "57014");
  assert_int_equal(bank_value(&bank, 1), 110);
  bank_close(&bank);
}

static void test_a_script_has_a_limit(void **state)
{
  struct bank bank;
  bank_open(&bank);
  struct memory_account account = {.parent = &bank.account, .limit = 3 * 1024 * 1024};
  struct branch *branch = branch_open(&bank.trunk, &account);
  struct promise promise = {0};
  uint8_t *step = calloc(1, 1024 * 1024);
  struct bytes bytes = bytes_of(step, 1024 * 1024);
  assert_int_equal(branch_record(branch, bytes, (struct bytes){0}, &promise, NULL, &bank.error), 0);
  assert_int_equal(branch_record(branch, bytes, (struct bytes){0}, &promise, NULL, &bank.error), 0);
  assert_int_equal(branch_record(branch, bytes, (struct bytes){0}, &promise, NULL, &bank.error), STATUS_LIMIT);
  assert_string_equal(bank.error.sqlstate, "53200");
  assert_int_equal(branch_record(branch, bytes_of(step, (size_t)LIMIT_SCRIPT + 1), (struct bytes){0}, &promise, NULL, &bank.error),
                   STATUS_LIMIT);
  assert_string_equal(bank.error.sqlstate, "54000");
  assert_int_equal(branch_step_count(branch), 2);
  branch_close(branch);
  assert_int_equal(account.used, 0);
  free(step);
  bank_close(&bank);
}

static void test_promises(void **state)
{
  struct promise a = {0}, b = {0};
  promise_add_row(&a, bytes_of_string("x"), SEED, false);
  promise_add_row(&a, bytes_of_string("y"), SEED, false);
  promise_add_row(&b, bytes_of_string("y"), SEED, false);
  assert_false(promise_equal(&a, &b));
  promise_add_row(&b, bytes_of_string("x"), SEED, false);
  assert_true(promise_equal(&a, &b));
  promise_add_text(&a, "SELECT 2", SEED);
  assert_false(promise_equal(&a, &b));
  promise_add_text(&b, "SELECT 3", SEED);
  assert_false(promise_equal(&a, &b));
  a = b = (struct promise){0};
  promise_add_row(&a, bytes_of_string("x"), SEED, true);
  promise_add_row(&a, bytes_of_string("y"), SEED, true);
  promise_add_row(&b, bytes_of_string("y"), SEED, true);
  promise_add_row(&b, bytes_of_string("x"), SEED, true);
  assert_false(promise_equal(&a, &b));
  a = b = (struct promise){0};
  for (int i = 0; i < 2; i++) // two equal rows are not none
    promise_add_row(&a, bytes_of_string("x"), SEED, false);
  b.rows = 2;
  assert_false(promise_equal(&a, &b));
}

// --- Random scripts against a serial oracle ----------------------------------------------------------

enum { KEYS = 8, BRANCHES = 6, STEPS = 8 };

struct serial {
  bool is_there[KEYS];
  int64_t v[KEYS];
};

static struct promise serial_step(struct serial *serial, const struct operation_step *step)
{
  struct promise promise = {0};
  bool *is_there = &serial->is_there[step->key];
  int64_t *v = &serial->v[step->key], sum = 0;
  switch (step->operation) {
  case READ:
    if (*is_there)
      promise_number(&promise, *v);
    promise_add_text(&promise, *is_there ? "SELECT 1" : "SELECT 0", SEED);
    break;
  case ADD:
    if (*is_there)
      *v += step->amount;
    promise_add_text(&promise, *is_there ? "UPDATE 1" : "UPDATE 0", SEED);
    break;
  case FOLLOW:
    if (*is_there)
      *v = (step->key + 1 < KEYS && serial->is_there[step->key + 1] ? v[1] : 0) + step->amount;
    promise_add_text(&promise, *is_there ? "UPDATE 1" : "UPDATE 0", SEED);
    break;
  case INSERT:
    promise_add_text(&promise, *is_there ? "23505" : "INSERT 0 1", SEED);
    if (!*is_there)
      *v = step->amount;
    *is_there = true;
    break;
  case DELETE:
    promise_add_text(&promise, *is_there ? "DELETE 1" : "DELETE 0", SEED);
    *is_there = false;
    break;
  case SUM:
    for (int i = step->key; i < KEYS; i++)
      sum += serial->is_there[i] ? serial->v[i] : 0;
    promise_number(&promise, sum);
    break;
  }
  return promise;
}

struct client {
  struct branch *branch;
  struct serial begun; // the state when it began
  struct operation_step steps[STEPS];
  struct promise promises[STEPS];
  int step_count;
};

// All replies of the client's script, run on *serial, are those that it was given.
static bool serial_keeps(struct serial *serial, const struct client *client)
{
  for (int i = 0; i < client->step_count; i++) {
    struct promise promise = serial_step(serial, &client->steps[i]);
    if (!promise_equal(&promise, &client->promises[i]))
      return false;
  }
  return true;
}

static bool serial_equal(const struct serial *a, const struct serial *b)
{
  for (int i = 0; i < KEYS; i++)
    if (a->is_there[i] != b->is_there[i] || (a->is_there[i] && a->v[i] != b->v[i]))
      return false;
  return true;
}

static void finish(struct bank *bank, struct client *client, struct serial *now, int *outcomes)
{
  uint64_t position, before = bank->trunk.position;
  bool has_changes = branch_has_changes(client->branch);
  int status = bank_commit(bank, client->branch, &position);
  client->branch = NULL;
  struct serial run = has_changes ? *now : client->begun;
  bool keeps = serial_keeps(&run, client);
  assert_int_equal(status == 0, keeps);
  if (status == 0 && has_changes && !serial_equal(&run, now)) {
    assert_int_equal(position, before + 1);
    *now = run;
  } else {
    assert_int_equal(bank->trunk.position, before);
  }
  outcomes[status == 0]++;
}

static void step(struct bank *bank, struct client *client, uint64_t *seed)
{
  // Mostly increments, so that most promises can be kept.
  static const enum operation operations[] = {ADD, ADD, ADD, FOLLOW, FOLLOW, READ, INSERT, DELETE, SUM};
  struct operation_step *at = &client->steps[client->step_count];
  at->operation = operations[below(seed, 9)];
  if (at->operation != ADD && below(seed, 3))
    at->operation = ADD;
  at->key = below(seed, KEYS);
  at->amount = below(seed, 9) - 4;
  client->promises[client->step_count++] = branch_do(bank, client->branch, at->operation, at->key, at->amount);
}

// Moves the client's branch to the trunk as it is: that must be possible just if all its replies hold there.
static void move(struct bank *bank, struct client *client, const struct serial *now, int *outcomes)
{
  struct serial run = *now;
  bool keeps = serial_keeps(&run, client), is_behind = version_is_behind(branch_version(client->branch));
  int status = bank_move(bank, client->branch);
  assert_int_equal(status == 0, keeps || !is_behind);
  outcomes[2 + (status == 0)]++;
  if (status == 0) {
    if (is_behind)
      client->begun = *now;
    return;
  }
  assert_string_equal(bank->error.sqlstate, "40001");
  branch_close(client->branch);
  client->branch = NULL;
}

// Looks again at what the client has read, on the trunk as it is: who finds another reply could not commit now.
static void look_again(struct bank *bank, struct client *client, const struct serial *now, int *outcomes)
{
  if (!client->branch || !branch_wants_round(client->branch, 0))
    return;
  struct bytes step, kept;
  const struct version *version;
  struct serial run = *now;
  bool keeps = serial_keeps(&run, client);
  assert_int_equal(branch_round_begin(client->branch, &bank->error), 0);
  while (branch_round_next(client->branch, 0, &step, &kept, &version)) {
    struct operation_step operation;
    memcpy(&operation, step.data, sizeof operation);
    if (operation.operation != READ && operation.operation != SUM) // it has changed nothing, but might now
      continue;
    struct promise promise = {0};
    struct read_set reads = {0};
    struct writer writer = {.version = (struct version *)version, .mark = &(struct read_mark){.set = &reads}};
    assert_int_equal(bank_step(bank, &writer, step, kept, &promise, &bank->error), 0);
    int status = branch_round_confirm(client->branch, &promise, &reads, &(struct step_runner){0}, &bank->error);
    read_set_deinit(&reads);
    assert_true(status == 0 || !keeps);
    outcomes[6 + (status == 0)]++;
  }
  branch_round_end(client->branch);
}

static void run_oracle(uint64_t seed, uint64_t repair_rows, bool has_rounds, int *outcomes)
{
  struct bank bank;
  struct client clients[BRANCHES] = {0};
  struct serial now = {0};
  bank_open(&bank);
  bank.trunk.repair_rows = repair_rows;
  for (int turn = 0; turn < 1500; turn++) {
    struct client *client = &clients[below(&seed, BRANCHES)];
    if (!client->branch) {
      memset(client, 0, sizeof *client);
      client->branch = open_branch(&bank);
      client->begun = now;
    }
    int what = below(&seed, 20);
    if (has_rounds)
      look_again(&bank, &clients[turn % BRANCHES], &now, outcomes);
    if (what == 0) {
      branch_close(client->branch);
      client->branch = NULL;
    } else if (what < 4) {
      move(&bank, client, &now, outcomes);
    } else if (client->step_count < STEPS && what < 17) {
      step(&bank, client, &seed);
    } else {
      finish(&bank, client, &now, outcomes);
    }
    if (turn % 100 == 0) {
      assert_true(version_verify(store_trunk(bank.store), &bank.error));
      store_collect(bank.store, 100);
      arena_reset(&bank.arena);
    }
  }
  for (int i = 0; i < BRANCHES; i++)
    branch_close(clients[i].branch);
  for (int k = 0; k < KEYS; k++)
    assert_int_equal(bank_value(&bank, k), now.is_there[k] ? now.v[k] : INT64_MIN);
  bank_verify_output(&bank);
  outcomes[4] += (int)bank.trunk.counts.steps_kept;
  outcomes[5] += (int)bank.trunk.counts.steps_run;
  bank_close(&bank);
}

// The plain form: every step runs again. The fast form: steps whose reads are as they were are kept. A mixture. And the
// fast form with rounds. All of them do what a serial run does, which is the same for the same seed.
static void test_random_scripts_are_serial(void **state)
{
  enum { FORMS = 4 };
  static const uint64_t repair_rows[FORMS] = {UINT64_MAX, 0, 2, 0};
  int outcomes[FORMS][8] = {0};
  for (int form = 0; form < FORMS; form++)
    for (uint64_t seed = 1; seed <= 10; seed++)
      run_oracle(seed * 104729, repair_rows[form], form == 3, outcomes[form]);
  assert_true(outcomes[3][6] > 50 && outcomes[3][7] >= 3); // another reply; the same one
  for (int form = 0; form < FORMS; form++) {
    for (int way = 0; way < 4; way++) {
      assert_true(outcomes[form][way] > 50); // all ways were gone
      assert_int_equal(outcomes[form][way], outcomes[0][way]);
    }
    assert_true((form == 0) == (outcomes[form][4] == 0));
    assert_true(outcomes[form][5] > 100);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_adopt),
    cmocka_unit_test(test_adopt_carries_definitions),
    cmocka_unit_test(test_trees_are_adopted_beside_others_changes),
    cmocka_unit_test(test_what_others_have_touched_is_run_again),
    cmocka_unit_test(test_run_again_with_equal_replies),
    cmocka_unit_test(test_run_again_with_another_reply),
    cmocka_unit_test(test_a_failure_that_fails_again_is_kept),
    cmocka_unit_test(test_without_changes_it_is_done_at_its_snapshot),
    cmocka_unit_test(test_what_ends_a_commit_undoes_it),
    cmocka_unit_test(test_a_script_has_a_limit),
    cmocka_unit_test(test_promises),
    cmocka_unit_test(test_random_scripts_are_serial),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
