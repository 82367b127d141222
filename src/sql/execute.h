// Running plans, by pulling rows.
//
//        execution_open   execution_start    execution_next -> 1 … 1     execution_next -> 0
//  (none) ----------> idle ----------> running <-------> running ------------------> idle
//                       ^                 |  error, STATUS_LONG, execution_stop         |
//                       +-----------------+---------------------------------------------+
//
// 1. An execution is opened once and started many times: a second start allocates little or nothing.
// 2. A change (INSERT, UPDATE, DELETE) is complete before its first row is given; what RETURNING gives lies ready.
//    A change that fails leaves undoing to the caller's mark.
// 3. Rows are pulled from a version that does not change between two pulls, except by this execution itself.
#pragma once

#include "base/flag.h"
#include "flow/flow.h"
#include "sql/plan.h"
#include "sql/spill.h"

struct execution;

struct execution_input {
  const struct version *version;
  struct writer *writer;             // changes go there; NULL: a read
  const struct value *parameters;    // of the statement's parameter types; they outlive the run
  const struct format_settings *settings;
  const struct evaluation_hooks *hooks; // random, session_function: `subquery` is the executor's own
  void *context;                     // for the hooks, evaluation->context
  int64_t now, statement_now, clock_now; // microseconds since 2000-01-01 UTC
  struct read_mark *mark;            // may be NULL
  const struct row_batch *source;    // rows of RANGE_SOURCE; NULL: none
  uint64_t allowance;                // rows that may be visited before STATUS_LONG; 0: no bound
  const bool *is_cancelled;          // looked at now and then: 57014; may be NULL
  const struct spill_hooks *spill;   // files for what memory does not hold; NULL: none
  int64_t (*nanoseconds)(void);      // for EXPLAIN ANALYZE; NULL: it tells no times
  // INSERT into a source that is a stream, and into a keyed one: the rows arrive there (flow/). values as cast for the columns.
  int (*push)(void *context, struct writer *writer, const struct relation *source, const struct row_batch *rows,
              struct error *error);
  const struct claimer *claimer;     // told of what the reply relies on; NULL: nobody
  const struct program *row_filter;  // INSERT: rows, over range 0, that it does not hold for are left out; NULL: none
  bool is_part;                      // of a larger statement, whose owner calls table_check_statement at its end
  // Rows of a system table, in the arena: see sql/system.h.
  struct system_context *system;
};

// account: what the run's memory is charged to (a statement's, 53200 beyond it).
// NULL: out of memory.
struct execution *execution_open(const struct plan *plan, struct memory_account *account);
void execution_close(struct execution *execution);
int execution_start(struct execution *execution, const struct execution_input *input, struct error *error)
    __attribute__((warn_unused_result));
// 1: *row has the values of the statement's columns, borrowed until the next call. 0: the end. STATUS_LONG: the allowance is met.
int execution_next(struct execution *execution, const struct value **row, struct error *error)
    __attribute__((warn_unused_result));
// Ends a run before its end. Frees what it held but keeps what the next start can use.
void execution_stop(struct execution *execution);
// Rows changed (INSERT, UPDATE, DELETE) or given so far: for the command tag.
uint64_t execution_row_count(const struct execution *execution);
