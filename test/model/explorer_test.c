// The rules of transactions, looked at whole: every setup of a family, in every order of its parties' steps.
//
// `test_model_explorer` looks at a part of each family, chosen by a stride; `test_model_explorer all` at everything
// (some minutes).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "explore.h"
#include "promises.h"

static unsigned is_all;

// All statements, and all scripts of one or two of them.
enum { STATEMENTS = (KINDS - 1) * ROWS + 1, PAIRS = STATEMENTS * STATEMENTS, SCRIPTS = STATEMENTS + PAIRS };

static struct statement statement_number(int number)
{
  if (number == STATEMENTS - 1)
    return (struct statement){SUM, 0};
  int kind = number / ROWS;
  return (struct statement){(uint8_t)(kind < SUM ? kind : kind + 1), (uint8_t)(number % ROWS)};
}

static struct script script_number(int number)
{
  if (number < STATEMENTS)
    return (struct script){1, {statement_number(number)}};
  number -= STATEMENTS;
  return (struct script){2, {statement_number(number / STATEMENTS), statement_number(number % STATEMENTS)}};
}

// Everything of the setup; the counterexample, if it is not in order.
static unsigned judge(struct explorer *explorer, const struct setup *setup)
{
  explore(explorer, setup);
  if (explorer->told & TOLD_40001 && promises_no_40001(setup))
    explorer->wrong |= WRONG_RETRY;
  if (explorer->told & TOLD_40P01 && promises_no_deadlock(setup))
    explorer->wrong |= WRONG_DEADLOCK;
  return explorer->wrong;
}

// The members of a family are numbered; each setup is made from its number.
struct family {
  const char *name;
  void (*make)(struct setup *setup, uint64_t number);
  uint64_t size;
  uint64_t stride; // prime to the size
};

static const struct setup empty = {.start = {ROW_OF(1, 0), ROW_ABSENT}};

static void make_two(struct setup *setup, uint64_t number)
{
  setup->scripts[0] = script_number((int)(number % SCRIPTS));
  setup->scripts[1] = script_number((int)(number / SCRIPTS));
  if (number % SCRIPTS > number / SCRIPTS) // the same as with the clients exchanged: then the second row is there too
    setup->start[1] = ROW_OF(0, 1);
}

static void make_three(struct setup *setup, uint64_t number)
{
  setup->scripts[0] = script_number((int)(number % SCRIPTS));
  number /= SCRIPTS;
  setup->scripts[1] = script_number((int)(number % STATEMENTS));
  setup->scripts[2] = script_number((int)(number / STATEMENTS));
}

static void make_one_shot(struct setup *setup, uint64_t number)
{
  make_three(setup, number);
  setup->is_one_shot[2] = true;
}

static void make_vanishing(struct setup *setup, uint64_t number)
{
  make_three(setup, number);
  setup->is_one_shot[1] = number % 2;
  setup->may_vanish = true;
}

static void make_stream(struct setup *setup, uint64_t number)
{
  setup->stream_count = STREAM_ROWS;
  setup->stream_hold = (uint8_t)(number % 3);
  number /= 3;
  setup->stream[0] = number & 1;
  setup->stream[1] = number >> 1 & 1;
  number >>= 2;
  setup->scripts[0] = script_number((int)(number % SCRIPTS));
  setup->scripts[1] = script_number((int)(number / SCRIPTS));
}

static const struct statement crowded[] = {
  {ADD, 0}, {ADD_RETURNING, 0}, {ADD_RETURNING, 1}, {READ, 0}, {LOCK, 1}, {LOCK_SHARE, 0}, {INSERT, 1}, {SET_OTHER, 0},
  {CONDITIONAL, 0}, {DELETE, 1}, {COUNT_BOTH, 0}, {SUM, 0},
};
enum { CROWD = sizeof crowded / sizeof *crowded };

// Three of two statements each, from a shorter list.
static void make_crowd(struct setup *setup, uint64_t number)
{
  for (int i = 0; i < CLIENTS; i++) {
    setup->scripts[i].count = 2;
    for (int s = 0; s < 2; s++, number /= CROWD)
      setup->scripts[i].steps[s] = crowded[number % CROWD];
  }
}

// Two of three statements each, from the same.
static void make_long(struct setup *setup, uint64_t number)
{
  for (int i = 0; i < 2; i++) {
    setup->scripts[i].count = 3;
    for (int s = 0; s < 3; s++, number /= CROWD)
      setup->scripts[i].steps[s] = crowded[number % CROWD];
  }
}

// One of two statements beside others without end.
static void make_repeating(struct setup *setup, uint64_t number)
{
  setup->repeats = true;
  setup->scripts[0] = script_number((int)(number % SCRIPTS));
  number /= SCRIPTS;
  setup->scripts[1] = script_number((int)(number % STATEMENTS));
  setup->scripts[2] = (struct script){1, {{INSERT + number / STATEMENTS, 1}}};
  setup->is_one_shot[2] = true;
}

#define CROWD_6 ((uint64_t)CROWD * CROWD * CROWD * CROWD * CROWD * CROWD)

static const struct family families[] = {
  {"two clients", make_two, (uint64_t)SCRIPTS * SCRIPTS, 37},
  {"two clients of three statements", make_long, CROWD_6, 1009},
  {"three clients", make_three, (uint64_t)SCRIPTS * PAIRS, 97},
  {"three clients of two statements", make_crowd, CROWD_6, 2003},
  {"a one-shot between", make_one_shot, (uint64_t)SCRIPTS * PAIRS, 89},
  {"a client that vanishes", make_vanishing, (uint64_t)SCRIPTS * PAIRS, 401},
  {"a stream between", make_stream, (uint64_t)SCRIPTS * SCRIPTS * 12, 1201},
  {"others that never end", make_repeating, (uint64_t)SCRIPTS * STATEMENTS * 2, 61},
};
enum { FAMILIES = sizeof families / sizeof *families };

static void look_at_family(const struct family *family)
{
  struct explorer explorer = {0};
  for (uint64_t number = 0; number < family->size; number += is_all ? 1 : family->stride) {
    struct setup setup = empty;
    family->make(&setup, number);
    if (judge(&explorer, &setup)) {
      print_way(&explorer);
      fail_msg("%s: number %llu", family->name, (unsigned long long)number);
    }
  }
  printf("%s: %llu setups, %llu worlds, %llu steps\n", family->name, (unsigned long long)explorer.setups,
         (unsigned long long)explorer.worlds, (unsigned long long)explorer.steps);
  explorer_close(&explorer);
}

static void test_families_keep_their_promises(void **state)
{
  for (int i = 0; i < FAMILIES; i++)
    look_at_family(&families[i]);
}

// --- Schedules by name --------------------------------------------------------------------------------------------

struct schedule {
  const char *name;
  struct setup setup;
  unsigned told; // by one order or another, to those that are no one-shots
};

#define ROWS_START .start = {ROW_OF(1, 0), ROW_ABSENT}
#define BOTH_THERE .start = {ROW_OF(1, 0), ROW_OF(1, 0)}

static const struct schedule schedules[] = {
  {"busy counter",
   {ROWS_START, .scripts = {{1, {{ADD, 0}}}, {2, {{ADD, 0}, {SET_OTHER, 0}}}, {1, {{UPSERT, 0}}}}}, 0},
  {"busy counter that is shown",
   {ROWS_START, .scripts = {{1, {{ADD_RETURNING, 0}}}, {2, {{ADD_RETURNING, 0}, {READ, 0}}}, {1, {{ADD, 0}}}}}, 0},
  {"two change a row, then read it: the second waits",
   {ROWS_START, .scripts = {{2, {{ADD, 0}, {READ, 0}}}, {2, {{ADD, 0}, {READ, 0}}}}}, 0},
  {"blind change beside FOR UPDATE", {ROWS_START, .scripts = {{2, {{LOCK, 0}, {ADD, 0}}}, {1, {{ADD, 0}}}}}, 0},
  {"a queue of FOR UPDATE",
   {ROWS_START,
    .scripts = {{2, {{LOCK, 0}, {ADD, 0}}}, {2, {{LOCK, 0}, {CONDITIONAL, 0}}}, {2, {{LOCK, 0}, {TAKE, 0}}}}}, 0},
  {"a version column, two", {ROWS_START, .scripts = {{1, {{CONDITIONAL, 0}}}, {1, {{CONDITIONAL, 0}}}}}, 0},
  {"get or create, three",
   {ROWS_START,
    .scripts = {{2, {{INSERT, 1}, {READ, 1}}}, {2, {{INSERT, 1}, {READ, 1}}}, {2, {{INSERT, 1}, {READ, 1}}}}}, 0},
  {"who holds a row and wants more of it",
   {BOTH_THERE, .scripts = {{2, {{ADD_RETURNING, 1}, {LOCK, 1}}}, {2, {{LOCK, 0}, {LOCK, 1}}}}}, 0},
  {"read, then write, retried",
   {ROWS_START, .scripts = {{2, {{READ, 0}, {ADD, 0}}}, {2, {{READ, 0}, {ADD, 0}}}}}, TOLD_40001},
  {"write skew", {BOTH_THERE, .scripts = {{2, {{SUM, 0}, {ADD, 0}}}, {2, {{SUM, 0}, {ADD, 1}}}}}, TOLD_40001},
  {"each sees what it added, and nothing of the other",
   {BOTH_THERE, .scripts = {{2, {{ADD, 0}, {SUM, 0}}}, {2, {{ADD, 1}, {SUM, 0}}}}}, TOLD_40001},
  {"crosswise", {BOTH_THERE, .scripts = {{2, {{LOCK, 0}, {LOCK, 1}}}, {2, {{LOCK, 1}, {LOCK, 0}}}}}, TOLD_40P01},
  {"two share, then change",
   {ROWS_START, .scripts = {{2, {{LOCK_SHARE, 0}, {ADD, 0}}}, {2, {{LOCK_SHARE, 0}, {ADD, 0}}}}}, TOLD_40P01},
  {"crosswise at COMMIT",
   {BOTH_THERE, .scripts = {{2, {{ADD_RETURNING, 0}, {ADD, 1}}}, {2, {{ADD_RETURNING, 1}, {ADD, 0}}}}}, TOLD_40P01},
  {"a stream amid FOR UPDATE",
   {ROWS_START, .scripts = {{2, {{LOCK, 0}, {ADD, 0}}}}, .stream = {0, 0}, .stream_count = 2, .stream_hold = 2},
   TOLD_40001},
  {"a stream breaks a claim that others wait for",
   {BOTH_THERE, .scripts = {{2, {{LOCK, 0}, {ADD_RETURNING, 1}}}, {2, {{ADD_RETURNING, 0}, {LOCK, 1}}}},
    .stream = {0}, .stream_count = 1, .stream_hold = 1}, TOLD_40001},
  {"a stream amid blind changes",
   {ROWS_START, .scripts = {{1, {{ADD, 0}}}}, .stream = {0, 0}, .stream_count = 2, .stream_hold = 1}, 0},
  {"only reads",
   {ROWS_START, .scripts = {{2, {{READ, 0}, {SUM, 0}}}, {2, {{ADD, 0}, {ADD, 0}}}, {1, {{INSERT, 1}}}}}, 0},
  // The DELETE waits for client 0's row, client 1 behind the DELETE, client 0 for client 1.
  {"a one-shot in a circle",
   {BOTH_THERE, .is_one_shot = {false, false, true},
    .scripts = {{2, {{ADD_RETURNING, 0}, {LOCK, 1}}}, {2, {{LOCK, 1}, {INSERT, 0}}}, {1, {{DELETE, 0}}}}}, TOLD_40001},
};
enum { SCHEDULES = sizeof schedules / sizeof *schedules };

static void test_schedules_end_as_promised(void **state)
{
  for (int i = 0; i < SCHEDULES; i++) {
    struct explorer explorer = {0};
    if (judge(&explorer, &schedules[i].setup) || explorer.told != schedules[i].told) {
      print_way(&explorer);
      fail_msg("%s", schedules[i].name);
    }
    explorer_close(&explorer);
  }
}

// --- Faults -------------------------------------------------------------------------------------------------------

static const struct {
  enum fault fault;
  unsigned wrong;
} faults[] = {
  {FAULT_RELEASED_EARLY, WRONG_RETRY},
  {FAULT_NOT_MOVED, WRONG_RETRY},
  {FAULT_STALE_NOT_MOVED, WRONG_RETRY},
  {FAULT_REPLIES_IGNORED, WRONG_SERIAL},
  {FAULT_ADOPTED_BEHIND, WRONG_SERIAL},
  {FAULT_RANGE_MISSED, WRONG_REPAIR},
  {FAULT_CHANGES_MISSED, WRONG_REPAIR},
  {FAULT_FILTER_OUTSIDE, WRONG_REPAIR},
  {FAULT_ROWS_APPLIED, WRONG_REPAIR},
  {FAULT_COMMIT_BARGES, WRONG_RETRY},
  {FAULT_ONE_SHOT_BARGES, WRONG_RETRY},
  {FAULT_COMMIT_NOT_IN_GRAPH, WRONG_STUCK},
  {FAULT_NO_DEADLOCKS, WRONG_STUCK},
  {FAULT_NOT_SERVED, WRONG_STUCK},
  {FAULT_CLAIM_LEFT, WRONG_LEFT},
  {FAULT_STREAM_PATIENT, WRONG_STREAM},
  {FAULT_HOLDER_QUEUES, WRONG_DEADLOCK},
  {FAULT_SAME_UNCLAIMED, WRONG_RETRY},
  {FAULT_NOT_EAGER, WRONG_STARVED},
  {FAULT_ABSENCE_UNCLAIMED, WRONG_STARVED},
  {FAULT_BROKEN_GOES_ON, WRONG_DEADLOCK},
  {FAULT_ONE_SHOT_FAILS, WRONG_ONE_SHOT},
};

// The first setup in which the fault shows: among the schedules, then in the families.
static bool find_fault(struct explorer *explorer, enum fault fault, struct setup *setup)
{
  for (int i = 0; i < SCHEDULES; i++) {
    *setup = schedules[i].setup;
    setup->fault = fault;
    if (judge(explorer, setup))
      return true;
  }
  for (int i = 0; i < FAMILIES; i++)
    for (uint64_t number = 0; number < families[i].size; number += families[i].stride) {
      *setup = empty;
      families[i].make(setup, number);
      setup->fault = fault;
      if (judge(explorer, setup))
        return true;
    }
  return false;
}

static void test_faults_are_found(void **state)
{
  assert_int_equal(sizeof faults / sizeof *faults, FAULTS - 1);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    struct explorer explorer = {0};
    struct setup setup;
    if (!find_fault(&explorer, faults[i].fault, &setup))
      fail_msg("fault %d is not found", faults[i].fault);
    if (!(explorer.wrong & faults[i].wrong)) {
      print_way(&explorer);
      fail_msg("fault %d shows otherwise", faults[i].fault);
    }
    explorer_close(&explorer);
  }
}

int main(int argc, char **argv)
{
  is_all = argc > 1 && strcmp(argv[1], "all") == 0;
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_families_keep_their_promises),
    cmocka_unit_test(test_schedules_end_as_promised),
    cmocka_unit_test(test_faults_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
