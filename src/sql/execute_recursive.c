// Queries of WITH that are kept: those that are run once for all who read them, and recursive ones.
//
// A recursion gives the rows of its left side, then those of its right side run over what the round before gave, until
// a round gives none. Without ALL a row is given once, and only new rows are worked on. Rows are given as they are
// found, so what reads no further ends it.
#include <string.h>

#include "sql/iterator.h"

struct reader { // of shared rows, of a recursion's last round
  struct iterator op;
  int at;
};

struct recursion {
  struct iterator op;
  struct kept_rows rounds[2]; // the last one, which the right side reads, and the one that is found
  struct row_table known;     // without ALL: all that was given
  bool is_begun, is_stepping, is_over;
  struct arena_mark start;
};

// --- Rows ----------------------------------------------------------------------------------------------

bool kept_add(struct execution *execution, struct kept_rows *kept, const enum type_id *types,
              const struct value *values, int count)
{
  struct value *row = values_keep(&kept->arena, types, values, count);
  if (!row || !list_grow(execution->account, &kept->rows, &kept->capacity, kept->count + 1, sizeof *kept->rows))
    return false;
  kept->rows[kept->count++] = row;
  return true;
}

void kept_clear(struct execution *execution, struct kept_rows *kept)
{
  enum { KEPT_MOST = 4096 };
  arena_reset(&kept->arena);
  kept->count = 0;
  if (kept->capacity > KEPT_MOST)
    list_free(execution->account, &kept->rows, &kept->capacity, sizeof *kept->rows);
}

void kept_free(struct execution *execution, struct kept_rows *kept)
{
  arena_deinit(&kept->arena);
  list_free(execution->account, &kept->rows, &kept->capacity, sizeof *kept->rows);
}

// --- Shared queries ------------------------------------------------------------------------------------

bool shared_open(struct execution *execution)
{
  const struct statement *statement = execution->plan->statement;
  execution->working = ARENA_ARRAY(&execution->memory, struct kept_rows *, statement->working_count + 1);
  execution->shared = ARENA_ARRAY(&execution->memory, struct shared_state, statement->shared_count + 1);
  for (int i = 0; execution->shared && i < statement->shared_count; i++) {
    arena_init(&execution->shared[i].arena, execution->account);
    arena_init(&execution->shared[i].kept.arena, execution->account);
  }
  return execution->working && execution->shared;
}

void shared_stop(struct execution *execution)
{
  for (int i = 0; i < execution->plan->statement->shared_count; i++) {
    struct shared_state *state = &execution->shared[i];
    state->is_begun = state->is_over = false;
    arena_reset(&state->arena);
    kept_clear(execution, &state->kept);
  }
}

void shared_close(struct execution *execution)
{
  for (int i = 0; execution->shared && i < execution->plan->statement->shared_count; i++) {
    arena_deinit(&execution->shared[i].arena);
    kept_free(execution, &execution->shared[i].kept);
  }
}

// One row more of what a change returned.
static int pull_returned(struct execution *execution, int number, int part)
{
  struct shared_state *state = &execution->shared[number];
  const struct plan_shared *plan = &execution->plan->shared[number];
  const struct value *row;
  int status = execution->are_parts_run[part] ? 0 : part_run(execution, part);
  if (!status)
    status = execution_next(execution->parts[part], &row, execution->evaluation.error);
  state->is_over = status == 0;
  if (status != 1)
    return status;
  return kept_add(execution, &state->kept, plan->types, row, plan->column_count) ? 0 : execution_memory(execution);
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
    status = kept_add(execution, &state->kept, plan->types, root->row, plan->column_count)
                 ? 0
                 : execution_memory(execution);
  execution->evaluation.arena = outer;
  return status;
}

// --- Readers -------------------------------------------------------------------------------------------

static int reader_rewind(struct iterator *op)
{
  ((struct reader *)op)->at = 0;
  return 0;
}

// The row at hand in the range. 1 if it passes.
static int give(struct iterator *op, const struct value *row)
{
  int range = op->node->from.range;
  int columns = op->execution->plan->statement->ranges[range].column_count;
  bool holds;
  memcpy(op->execution->ranges[range], row, sizeof *row * (size_t)columns);
  int status = execution_visit(op->execution);
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
      status = give(op, state->kept.rows[reader->at++]);
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
  const struct kept_rows *round = op->execution->working[number];
  while (!status && reader->at < round->count)
    status = give(op, round->rows[reader->at++]);
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
    kept_clear(op->execution, &recursion->rounds[i]);
}

static int recursion_rewind(struct iterator *op)
{
  struct recursion *recursion = (struct recursion *)op;
  recursion_stop(op);
  recursion->is_begun = recursion->is_stepping = recursion->is_over = false;
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
  struct kept_rows found = recursion->rounds[1];
  recursion->rounds[1] = recursion->rounds[0];
  recursion->rounds[0] = found;
  kept_clear(op->execution, &recursion->rounds[1]);
  recursion->is_stepping = true;
  recursion->is_over = recursion->rounds[0].count == 0;
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
    if (!kept_add(op->execution, &recursion->rounds[1], op->node->recursion.types, side->row,
                  op->node->recursion.column_count))
      return execution_memory(op->execution);
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
    kept_free(op->execution, &recursion->rounds[i]);
}

bool recursion_open(struct iterator **op, struct execution *execution)
{
  struct recursion *recursion = ARENA_NEW(&execution->memory, struct recursion);
  if (!recursion)
    return false;
  row_table_init(&recursion->known, execution->account);
  for (int i = 0; i < 2; i++)
    arena_init(&recursion->rounds[i].arena, execution->account);
  recursion->op.rewind = recursion_rewind;
  recursion->op.next = recursion_next;
  recursion->op.stop = recursion_stop;
  recursion->op.close = recursion_close;
  *op = &recursion->op;
  return true;
}
