// Plans: how a bound statement is run. Immutable, so that worker threads may run one; each run has its own execution.
#pragma once

#include "sql/query.h"

struct plan;
struct statistics; // sql/statistics.h

struct plan_input {
  struct statement *statement;
  const struct version *version; // for estimates of row counts
  struct statistics *statistics; // kept samples; may be NULL
  struct arena *arena;           // the statement's
  bool parameters_are_literals;  // where the plan hangs on a literal's value: STATUS_LONG
  bool without_short_path;       // iterators for all, to measure what they cost
};

int plan_statement(const struct plan_input *input, struct plan **plan, struct error *error);
// Are the tables still about as large as they were?
bool plan_fits(const struct plan *plan, const struct version *version);
// Would another plan be found if the literals were known, and is that worth finding it anew each time?
bool plan_wants_literals(const struct plan *plan);
enum explain_format { EXPLAIN_TEXT, EXPLAIN_JSON };
struct explain_options {
  bool costs, verbose, analyze, timing, summary;
  enum explain_format format;
};

// What a run did at one node, for EXPLAIN ANALYZE. Times in nanoseconds; 0 where the run had no clock.
struct node_run {
  uint64_t loops, rows, removed; // removed: by the node's filter
  uint64_t first_time, time;     // until the first row, and all of it; of all loops
};
struct run_report {
  struct node_run *nodes; // by number of the node
  uint64_t time;
  bool has_clock;
};

// Its runs give EXPLAIN ANALYZE's lines instead of their rows. options are borrowed.
void plan_analyze(struct plan *plan, const struct explain_options *options);
// EXPLAIN's lines, each one row of text, in PostgreSQL's manner (costs and rows are estimates). report: NULL without ANALYZE.
// types give the names of those that users made.
int plan_explain(const struct plan *plan, const struct explain_options *options, const struct run_report *report,
                 const struct user_types *types, struct arena *arena, const char ***lines, int *line_count, struct error *error);
