// Queries of WITH that are kept: those that are run once for all who read them, and recursive ones.
//
// A recursion gives the rows of its left side, then those of its right side run over what the round before gave, until
// a round gives none. Without ALL a row is given once, and only new rows are worked on. Rows are given as they are
// found, so what reads no further ends it.
#include <string.h>

#include "sql/spool.h"

enum { KEPT_TABLES = 3 }; // of a recursion: two rounds, and what is known

struct shared_state {
  struct arena arena; // of its expressions
  struct spool kept;
  bool is_begun, is_over;
};

struct reader { // of shared rows, of a recursion's last round
  struct iterator op;
  uint64_t at;
};

struct recursion {
  struct iterator op;
  struct spool rounds[2]; // one is found while the right side reads the other, the last one
  int found;
  struct row_table known;     // without ALL: all that was given
  bool is_begun, is_stepping, is_over;
  struct arena_mark start;
};

// --- Shared queries ------------------------------------------------------------------------------------

bool shared_open(struct execution *execution)
{
  const struct statement *statement = execution->plan->statement;
  execution->working = ARENA_ARRAY(&execution->memory, struct spool *, statement->working_count + 1);
  execution->shared = ARENA_ARRAY(&execution->memory, struct shared_state, statement->shared_count + 1);
  for (int i = 0; execution->shared && i < statement->shared_count; i++) {
    arena_init(&execution->shared[i].arena, execution->account);
    spool_init(&execution->shared[i].kept, execution, execution->plan->shared[i].types,
               execution->plan->shared[i].column_count);
  }
  return execution->working && execution->shared;
}

void shared_stop(struct execution *execution)
{
  for (int i = 0; i < execution->plan->statement->shared_count; i++) {
    struct shared_state *state = &execution->shared[i];
    state->is_begun = state->is_over = false;
    arena_reset(&state->arena);
    spool_clear(&state->kept);
  }
}

void shared_close(struct execution *execution)
{
  for (int i = 0; execution->shared && i < execution->plan->statement->shared_count; i++) {
    arena_deinit(&execution->shared[i].arena);
    spool_deinit(&execution->shared[i].kept);
  }
}

// One row more of what a change returned.
static int pull_returned(struct execution *execution, int number, int part)
{
  struct shared_state *state = &execution->shared[number];
  const struct value *row;
  int status = execution->are_parts_run[part] ? 0 : part_run(execution, part);
  if (!status)
    status = execution_next(execution->parts[part], &row, execution->evaluation.error);
  state->is_over = status == 0;
  return status == 1 ? spool_add(&state->kept, row) : status;
}

// One row more of a shared query. Its expressions have an arena of their own, since its readers take turns.
static int pull(struct execution *execution, int number)
{
  struct shared_state *state = &execution->shared[number];
  const struct plan_shared *plan = &execution->plan->shared[number];
  int part = execution->plan->statement->shared[number].part;
  if (part >= 0)
    return pull_returned(execution, number, part);
  struct iterator *root = execution->iterators[plan->root->number];
  struct arena *outer = execution->evaluation.arena;
  execution->evaluation.arena = &state->arena;
  int status = state->is_begun ? 0 : root->rewind(root);
  state->is_begun = true;
  if (!status)
    status = root->next(root);
  state->is_over = status == 0;
  if (status == 1)
    status = spool_add(&state->kept, root->row);
  execution->evaluation.arena = outer;
  return status;
}

// --- Readers -------------------------------------------------------------------------------------------

static int reader_rewind(struct iterator *op)
{
  ((struct reader *)op)->at = 0;
  return 0;
}

// The spool's row becomes that of the range. 1 if it passes.
static int give(struct iterator *op, struct spool *spool, uint64_t number)
{
  int range = op->node->from.range;
  int columns = op->execution->plan->statement->ranges[range].column_count;
  const struct value *row;
  bool holds;
  int status = spool_row(spool, number, &row);
  if (status)
    return status;
  memcpy(op->execution->ranges[range], row, sizeof *row * (size_t)columns);
  status = execution_visit(op->execution);
  if (!status)
    status = filters_hold(op->execution, op->node, &holds);
  return status ? status : holds;
}

static int shared_next(struct iterator *op)
{
  struct reader *reader = (struct reader *)op;
  const struct range *range = &op->execution->plan->statement->ranges[op->node->from.range];
  struct execution *owner = range->is_owners ? op->execution->owner : op->execution;
  struct shared_state *state = &owner->shared[range->number];
  int status = 0;
  while (!status) {
    if (reader->at < state->kept.count)
      status = give(op, &state->kept, reader->at++);
    else if (state->is_over)
      return 0;
    else
      status = pull(owner, range->number);
  }
  return status;
}

static int working_next(struct iterator *op)
{
  struct reader *reader = (struct reader *)op;
  int number = op->execution->plan->statement->ranges[op->node->from.range].number, status = 0;
  struct spool *round = op->execution->working[number];
  while (!status && reader->at < round->count)
    status = give(op, round, reader->at++);
  return status;
}

bool kept_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct reader *reader = ARENA_NEW(&execution->memory, struct reader);
  if (!reader)
    return false;
  reader->op.rewind = reader_rewind;
  reader->op.next = node->kind == PLAN_SHARED ? shared_next : working_next;
  *op = &reader->op;
  return true;
}

// --- Recursions ----------------------------------------------------------------------------------------

static void recursion_stop(struct iterator *op)
{
  struct recursion *recursion = (struct recursion *)op;
  row_table_clear(&recursion->known);
  for (int i = 0; i < 2; i++)
    spool_clear(&recursion->rounds[i]);
}

static int recursion_rewind(struct iterator *op)
{
  struct recursion *recursion = (struct recursion *)op;
  recursion_stop(op);
  recursion->is_begun = recursion->is_stepping = recursion->is_over = false;
  recursion->found = 1;
  return 0;
}

static int begin(struct recursion *recursion)
{
  struct iterator *op = &recursion->op;
  recursion->is_begun = true;
  recursion->start = arena_mark(op->execution->evaluation.arena);
  op->execution->working[op->node->recursion.working] = &recursion->rounds[0];
  return op->left->rewind(op->left);
}

// What was found is worked on next.
static int next_round(struct recursion *recursion)
{
  struct iterator *op = &recursion->op;
  struct spool *round = &recursion->rounds[recursion->found];
  op->execution->working[op->node->recursion.working] = round;
  recursion->found ^= 1;
  spool_clear(&recursion->rounds[recursion->found]);
  recursion->is_stepping = true;
  recursion->is_over = round->count == 0;
  if (recursion->is_over)
    return 0;
  execution_release(op->execution, recursion->start);
  int status = execution_visit(op->execution);
  return status ? status : op->right->rewind(op->right);
}

// Was the row given before?
static int is_known(struct recursion *recursion, const struct value *row, bool *known)
{
  const struct plan_node *node = recursion->op.node;
  const enum type_id *types = node->recursion.types;
  int count = node->recursion.column_count;
  *known = false;
  if (node->recursion.is_all)
    return 0;
  uint64_t hash = values_hash(types, row, count);
  uint32_t entry = row_table_first(&recursion->known, hash);
  while (entry && !values_equal(types, recursion->known.entries[entry - 1].row, row, count))
    entry = row_table_next(&recursion->known, entry);
  *known = entry != 0;
  if (*known)
    return 0;
  struct value *kept = values_keep(&recursion->known.arena, types, row, count);
  return kept && row_table_add(&recursion->known, hash, kept) ? 0 : execution_memory(recursion->op.execution);
}

static int recursion_next(struct iterator *op)
{
  struct recursion *recursion = (struct recursion *)op;
  int status = recursion->is_begun ? 0 : begin(recursion);
  while (!status && !recursion->is_over) {
    struct iterator *side = recursion->is_stepping ? op->right : op->left;
    status = side->next(side);
    if (status < 0)
      return status;
    if (status == 0) {
      status = next_round(recursion);
      continue;
    }
    bool known;
    status = is_known(recursion, side->row, &known);
    if (status || known)
      continue;
    status = spool_add(&recursion->rounds[recursion->found], side->row);
    if (status)
      continue;
    op->row = side->row;
    return 1;
  }
  return status;
}

static void recursion_close(struct iterator *op)
{
  struct recursion *recursion = (struct recursion *)op;
  row_table_deinit(&recursion->known);
  for (int i = 0; i < 2; i++)
    spool_deinit(&recursion->rounds[i]);
}

bool recursion_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct recursion *recursion = ARENA_NEW(&execution->memory, struct recursion);
  if (!recursion)
    return false;
  row_table_init(&recursion->known, execution->account);
  for (int i = 0; i < 2; i++) {
    spool_init(&recursion->rounds[i], execution, node->recursion.types, node->recursion.column_count);
    spool_divide(&recursion->rounds[i], KEPT_TABLES);
  }
  recursion->op.rewind = recursion_rewind;
  recursion->op.next = recursion_next;
  recursion->op.stop = recursion_stop;
  recursion->op.close = recursion_close;
  *op = &recursion->op;
  return true;
}
