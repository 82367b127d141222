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
// EXPLAIN's lines, each one row of text, in PostgreSQL's manner (costs and rows are estimates).
struct explain_options { bool costs, verbose, analyze; };
int plan_explain(const struct plan *plan, const struct explain_options *options, struct arena *arena,
                 const char ***lines, int *line_count, struct error *error);
