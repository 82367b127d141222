// Executions from inside: what the files execute*.c share.
//
// 1. An iterator belongs to one node of the plan. `rewind` takes it to its beginning (again), `next` gives a row:
//    1 a row, 0 the end, or a status; `stop` gives back what a run held.
// 2. A row of a range stands in execution->ranges[range]; one of an iterator above PLAN_PROJECT in iterator->row.
//    Both are valid until the iterator's next `next` or `rewind`.
// 3. Results of expressions lie in the evaluation's arena, which is used as a stack: an iterator that begins a row
//    takes back what was allocated since it began the row before (iterator_begin_row).
#pragma once

#include "base/sqlstate.h"
#include "sql/execute.h"
#include "sql/plan_node.h"
#include "sql/rows.h"
#include "sql/system.h"

struct iterator {
  const struct plan_node *node;
  struct execution *execution;
  struct iterator *left, *right;
  int (*next)(struct iterator *op);
  int (*rewind)(struct iterator *op);
  void (*stop)(struct iterator *op);
  void (*close)(struct iterator *op);
  struct value *row;
  struct arena_mark mark;
  bool is_marked;
  uint64_t removed; // rows by its filter
};

struct subquery_state {
  struct arena arena; // of its expressions
  bool is_ready;      // uncorrelated: the result below stands
  struct value value;
  bool exists, has_null;
  struct row_table set; // IN
};

// What a change holds: rows found or made, in the order in which they came.
struct collected {
  struct bytes key;     // UPDATE, DELETE: of the row found
  struct value *values; // INSERT: the row; UPDATE: what is assigned
  int action;           // MERGE: its number
};

struct change_state {
  struct arena arena; // collected rows
  struct collected *rows;
  int row_count, row_capacity;
  struct row_table touched; // UPDATE, DELETE: keys found; ON CONFLICT: keys inserted and updated
  struct value **given;     // rows of RETURNING
  int given_count, given_capacity, given_at;
  struct value *values;  // scratch: one row of the table
  struct value *scratch; // what is assigned or returned
  enum type_id *column_types, *assigned_types, *returning_types;
  enum type_id **action_types; // MERGE: of what each action assigns
  struct evaluation evaluation; // of the writer, where its owner gave none
};

struct spool;
struct shared_state;

struct execution {
  struct execution *owner;  // of a part: that of the whole statement
  struct execution **parts; // changes in WITH
  bool *are_parts_run;
  struct version *snapshot; // with parts: what all of them read
  struct spool *given;      // with parts, of a SELECT: its rows
  enum type_id *given_types;
  uint64_t given_at;
  const struct plan *plan;
  struct memory_account *account;
  struct arena memory; // iterators and ranges, for the execution's life
  struct arena row_arena;
  struct evaluation evaluation;
  struct evaluation_hooks hooks;
  struct execution_input input;
  struct value **ranges;
  struct iterator **iterators;
  struct subquery_state *subqueries;
  struct shared_state *shared;
  struct spool **working; // by number of the recursion: its last round
  struct change_state *change;
  struct value *short_row;
  struct buffer short_key;
  bool is_running, short_has_row;
  struct analysis *analysis; // EXPLAIN ANALYZE; NULL
  uint64_t row_count;
  size_t share; // of the account, in bytes: what one node may keep in memory
  uint64_t visited;
  uint32_t countdown, stride; // visits until the next look at cancellation and allowance
};

// The next row of the statement itself.
int execution_row(struct execution *execution, const struct value **row);
struct iterator *iterator_open(struct execution *execution, const struct plan_node *node);
int execution_check(struct execution *execution);
// Room for one more element of a list that is charged to the execution's account. False: out of memory.
bool list_grow(struct memory_account *account, void *list, int *capacity, int needed, size_t element_size);
void list_free(struct memory_account *account, void *list, int *capacity, size_t element_size);

// EXPLAIN ANALYZE (execute_analyze.c): counts what all iterators do, and gives lines when all is done.
bool analysis_open(struct execution *execution);
void analysis_watch(struct execution *execution, struct iterator *op);
void analysis_start(struct execution *execution);
int analysis_next(struct execution *execution, const struct value **row);

// One file of iterators each.
bool scan_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool range_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool join_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool expand_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool window_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool group_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool distinct_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool recursion_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool kept_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool setop_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool sort_open(struct iterator **op, struct execution *execution, const struct plan_node *node);
bool claim_open(struct iterator **op, struct execution *execution);

bool shared_open(struct execution *execution);
void shared_stop(struct execution *execution);
void shared_close(struct execution *execution);

bool parts_open(struct execution *execution);
int parts_start(struct execution *execution);
int parts_next(struct execution *execution, const struct value **row); // 1 or 0
// Runs a part to its end.
int part_run(struct execution *execution, int part);
void parts_stop(struct execution *execution);
void parts_close(struct execution *execution);

// Runs the whole change. 0 or a status.
int change_run(struct execution *execution);
bool change_open(struct execution *execution);
void change_stop(struct execution *execution);
void change_close(struct execution *execution);
// Is the row in change->values one that is to be inserted?
int change_filter_row(struct execution *execution, bool *passes);
// Writes one row with the values in change->values, conflicts and RETURNING included.
int change_generate(struct execution *execution); // the generated columns of change->values
int change_insert_row(struct execution *execution);
// The end of the statement, for its constraints. mark: where it began in the change list.
int change_check(struct execution *execution, size_t mark);
// Lends the writer what its owner left out.
void change_lend(struct execution *execution);
// What a branch claims when it changes: the key itself; a row that becomes `values` (change->values).
int change_claim(struct execution *execution, struct bytes key, enum claim_mode mode);
int change_claim_update(struct execution *execution, struct bytes key, struct bytes row, const struct value *values);
// Keeps a row's key and values in change->rows.
int change_collect(struct execution *execution, struct bytes key, const enum type_id *types, const struct value *values,
                   int count);
bool change_is_touched(struct change_state *change, struct bytes key);
int change_touch(struct execution *execution, struct bytes key);
// Has another part of the statement changed the row that this one found? Then it has had its change.
bool change_is_taken(struct execution *execution, struct bytes key, bool is_there, struct bytes row);
bool assignments_move_key(const struct relation *relation, const struct assignment *assignments, int count);
bool merge_open(struct execution *execution);
int merge_run(struct execution *execution);
// Would a MERGE answer otherwise if a row that it inserts or updates had been another's? One that updates or inserts would
// not.
bool merge_is_relied_on(const struct modification *modification);
int short_start(struct execution *execution);

// Key of a point scan, appended to the buffer. *none: no row can have it.
int scan_point_key(struct execution *execution, const struct plan_scan *scan, struct buffer *key, bool *none);
// Tests a table's row and sets the range's current row. *passes false: it is to be skipped.
int scan_take_row(struct execution *execution, const struct plan_node *node, struct bytes key, struct bytes row,
                  const struct value *bounds, bool *passes);

// Counts a row that was visited. 0, STATUS_LONG or 57014.
static inline int execution_visit(struct execution *execution)
{
  return --execution->countdown ? 0 : execution_check(execution);
}

// A row that passed, of a relation's own tree: claimed if the transaction claims what it shows.
static inline int execution_show(struct execution *execution, const struct relation *relation, struct bytes key,
                                 struct bytes row)
{
  const struct claimer *claimer = execution->input.claimer;
  struct claim_wish wish = {.tree = relation->tree, .key = key, .mode = CLAIM_NO_KEY_UPDATE};
  if (!claimer || !claimer->may_claim_shown || execution->change || !claimer->claims_shown(claimer->context, &wish, row))
    return 0;
  return claimer->claim(claimer->context, &wish, execution->evaluation.error);
}

// A key of a relation's own tree that was looked for and is not there.
static inline int execution_miss(struct execution *execution, const struct plan_scan *scan, struct bytes key)
{
  const struct claimer *claimer = execution->input.claimer;
  if (!claimer || !claimer->claims_absent || execution->change)
    return 0;
  return claimer_claim(claimer, scan->tree, key, CLAIM_UPDATE, execution->evaluation.error);
}

// A node that keeps rows has so many bytes of them. 1: they belong into files now; STATUS_LONG: whoever runs the statement
// at length is to write them; 0: they may stay in memory, or must.
static inline int execution_overflows(const struct execution *execution, size_t used)
{
  if (used <= execution->share)
    return 0;
  return execution->input.allowance ? STATUS_LONG : execution->input.spill ? 1 : 0;
}

// The same of a table with an account of its own, which has all but one of so many parts of the node's share, when so many
// rows more come.
static inline int execution_table_overflows(const struct execution *execution, const struct row_table *table,
                                            uint32_t more, size_t parts)
{
  size_t needed = table->account->used + row_table_growth(table, more);
  return execution_overflows(execution, needed + needed / (parts - 1));
}

static inline int execution_memory(struct execution *execution)
{
  return error_memory(execution->evaluation.error);
}

static inline void execution_release(struct execution *execution, struct arena_mark mark)
{
  struct arena *arena = execution->evaluation.arena;
  if (arena->next != mark.next || arena->blocks != mark.block)
    arena_release(arena, mark);
}

static inline void iterator_begin_row(struct iterator *op)
{
  if (op->is_marked)
    execution_release(op->execution, op->mark);
  else {
    op->mark = arena_mark(op->execution->evaluation.arena);
    op->is_marked = true;
  }
}

static inline int expression_get(struct execution *execution, const struct expression *expression, struct value *value)
{
  switch (expression->form) {
  case EXPRESSION_COLUMN: *value = execution->ranges[expression->range][expression->column]; return 0;
  case EXPRESSION_CONSTANT: *value = expression->constant; return 0;
  case EXPRESSION_PARAMETER: *value = execution->input.parameters[expression->column]; return 0;
  case EXPRESSION_PROGRAM: break;
  }
  return program_run(expression->program, &execution->evaluation, value);
}

static inline int expression_holds(struct execution *execution, const struct expression *expression, bool *holds)
{
  if (expression->form == EXPRESSION_PROGRAM)
    return program_test(expression->program, &execution->evaluation, holds);
  struct value value;
  int status = expression_get(execution, expression, &value);
  *holds = !status && !value.is_null && value.integer;
  return status;
}

static inline int filters_hold(struct execution *execution, const struct plan_node *node, bool *holds)
{
  *holds = true;
  for (int i = 0; i < node->filter_count && *holds; i++) {
    int status = expression_holds(execution, &node->filters[i], holds);
    if (status)
      return status;
  }
  return 0;
}
