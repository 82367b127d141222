// EXPLAIN ANALYZE: the statement is run to its end, what each iterator did is counted, and the plan is given with it.
//
// Every iterator's `next` and `rewind` go through functions that count and then call its own.
#include <string.h>

#include "sql/iterator.h"

struct watched {
  int (*next)(struct iterator *op);
  int (*rewind)(struct iterator *op);
  bool has_row; // of this loop
  int64_t loop_time;
};

struct analysis {
  struct run_report report;
  struct watched *watched; // by number of the node
  int64_t begun;
  bool is_over;
  const char **lines;
  int line_count, at;
  struct value row;
};

bool analysis_open(struct execution *execution)
{
  struct arena *arena = &execution->memory;
  struct analysis *analysis = execution->analysis = ARENA_NEW(arena, struct analysis);
  if (!analysis)
    return false;
  analysis->report.nodes = ARENA_ARRAY(arena, struct node_run, execution->plan->node_count + 1);
  analysis->watched = ARENA_ARRAY(arena, struct watched, execution->plan->node_count + 1);
  return analysis->report.nodes && analysis->watched;
}

static int64_t now(const struct execution *execution)
{
  return execution->input.nanoseconds ? execution->input.nanoseconds() : 0;
}

static int watched_rewind(struct iterator *op)
{
  struct analysis *analysis = op->execution->analysis;
  struct watched *watched = &analysis->watched[op->node->number];
  struct node_run *run = &analysis->report.nodes[op->node->number];
  int64_t begun = now(op->execution);
  int status = watched->rewind(op);
  int64_t took = now(op->execution) - begun;
  run->loops++;
  run->time += (uint64_t)took;
  watched->loop_time = took;
  watched->has_row = false;
  return status;
}

static int watched_next(struct iterator *op)
{
  struct analysis *analysis = op->execution->analysis;
  struct watched *watched = &analysis->watched[op->node->number];
  struct node_run *run = &analysis->report.nodes[op->node->number];
  int64_t begun = now(op->execution);
  int status = watched->next(op);
  int64_t took = now(op->execution) - begun;
  run->time += (uint64_t)took;
  watched->loop_time += took;
  run->rows += status == 1;
  if (!watched->has_row) {
    run->first_time += (uint64_t)watched->loop_time;
    watched->has_row = true;
  }
  return status;
}

void analysis_watch(struct execution *execution, struct iterator *op)
{
  struct watched *watched = &execution->analysis->watched[op->node->number];
  watched->next = op->next;
  watched->rewind = op->rewind;
  op->next = watched_next;
  op->rewind = watched_rewind;
}

void analysis_start(struct execution *execution)
{
  struct analysis *analysis = execution->analysis;
  memset(analysis->report.nodes, 0, sizeof *analysis->report.nodes * (size_t)execution->plan->node_count);
  analysis->is_over = false;
  analysis->report.has_clock = execution->input.nanoseconds != NULL;
  analysis->begun = now(execution);
  for (int i = 0; i < execution->plan->node_count; i++)
    if (execution->iterators[i])
      execution->iterators[i]->removed = 0;
}

static int finish(struct execution *execution)
{
  struct analysis *analysis = execution->analysis;
  const struct value *row;
  int status;
  while ((status = execution_row(execution, &row)) > 0)
    ;
  if (status)
    return status;
  analysis->report.time = (uint64_t)(now(execution) - analysis->begun);
  for (int i = 0; i < execution->plan->node_count; i++)
    if (execution->iterators[i])
      analysis->report.nodes[i].removed = execution->iterators[i]->removed;
  analysis->is_over = true;
  analysis->at = 0;
  return plan_explain(execution->plan, execution->plan->analysis, &analysis->report,
                      execution->evaluation.settings ? execution->evaluation.settings->types : NULL, &execution->row_arena,
                      &analysis->lines, &analysis->line_count, execution->evaluation.error);
}

int analysis_next(struct execution *execution, const struct value **row)
{
  struct analysis *analysis = execution->analysis;
  int status = analysis->is_over ? 0 : finish(execution);
  if (status || analysis->at == analysis->line_count)
    return status;
  analysis->row = value_string(analysis->lines[analysis->at++]);
  *row = &analysis->row;
  return 1;
}
