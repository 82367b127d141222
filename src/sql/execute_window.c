// Windows: all rows are sorted, those of a partition are kept, and each is given again with what its window's functions say
// about it.
//
// 1. A kept row is never changed: results that are an argument's value point into it. Where not all of the partition
//    lies in memory they are copied, since rows leave it again.
// 2. Rows of a partition are numbered from 0. Bounds of frames go forward only, from row to row of a partition.
// 3. An aggregate's state holds the rows of its last frame. Where the next one only has more rows behind, they are
//    added; where rows are gone in front, they are taken out again, if the aggregate can; otherwise it begins anew.
#include <string.h>

#include "sql/sorter.h"
#include "sql/spool.h"

enum {
  SPANS_MAX = 3,
  GROUPS_KEPT = 4096,
  KEEPERS = 2 // of a node's share: the sorter and the partition
};

struct span {
  int from, to;
};

// Rows of the partition: what is left of a frame when some are excluded.
struct spans {
  struct span at[SPANS_MAX];
  int count;
};

struct call_run {
  struct arena arena; // of the state
  void *state;        // NULL: none
  struct spans seen;  // the rows that it holds
  struct arena result_arena;
  struct value result;
  struct value given; // to the row at hand
};

struct window_run {
  struct iterator op;
  struct arena arena;    // of the offsets
  struct sorter sorter;  // of all rows, unless they come in order
  struct row_order order;
  struct value *kept;    // scratch: one row
  struct value *ahead;   // the first row of the next partition; NULL: there is none
  struct arena ahead_arena;
  bool is_begun, is_over, sorts, reads_frame;
  struct spool partition;
  int count, row;        // its rows; the one at hand
  int status;            // of reading them; one that cannot be read is all NULL
  struct value *nulls;
  int peers, peers_end, group;
  int *groups; // GROUPS: where the partition's groups of peers begin
  int group_count, group_capacity;
  int head, tail; // RANGE: how far the bounds have come
  struct value offsets[2];
  struct spans frame;
  const struct plan_window_call *call; // the one that is asked
  struct window_place place;
  struct call_run *calls;
};

// --- Reading -----------------------------------------------------------------------------------------------

static int get_values(struct window_run *run)
{
  struct execution *execution = run->op.execution;
  const struct plan_node *node = run->op.node;
  for (int i = 0; i < node->slot_count; i++)
    run->kept[i] = execution->ranges[node->slots[i].range][node->slots[i].column];
  for (int i = 0; i < node->window.value_count; i++) {
    int guard = node->window.guards[i];
    struct value *value = &run->kept[node->slot_count + i];
    *value = value_null();
    if (guard >= 0 && (run->kept[guard].is_null || !run->kept[guard].integer))
      continue;
    int status = expression_get(execution, &node->window.values[i], value);
    if (status)
      return status;
  }
  return 0;
}

static int sort_rows(struct window_run *run)
{
  struct iterator *op = &run->op;
  struct execution *execution = op->execution;
  int status;
  while ((status = op->left->next(op->left)) == 1) {
    struct arena_mark mark = arena_mark(execution->evaluation.arena);
    status = get_values(run);
    if (!status)
      status = sorter_add(&run->sorter, run->kept);
    if (status)
      return status;
    execution_release(execution, mark);
  }
  return status ? status : sorter_sort(&run->sorter);
}

// The next row of all becomes the one ahead; at the end there is none.
static int read_ahead(struct window_run *run)
{
  struct iterator *left = run->op.left;
  int status = run->sorts ? sorter_next(&run->sorter, &run->ahead) : left->next(left);
  if (status == 1 && !run->sorts) {
    run->ahead = run->kept;
    status = get_values(run);
    return status;
  }
  run->is_over = status == 0;
  if (run->is_over)
    run->ahead = NULL;
  return status < 0 ? status : 0;
}

static int check_offset(struct window_run *run, const struct expression *expression, struct value *offset,
                        const char *which)
{
  struct execution *execution = run->op.execution;
  if (!expression)
    return 0;
  int status = expression_get(execution, expression, offset);
  if (!status && offset->is_null)
    status = error_set(execution->evaluation.error, SQLSTATE_NULL_VALUE_NOT_ALLOWED,
                       "frame %s offset must not be null", which);
  if (!status && run->op.node->window.frame.mode != WINDOW_RANGE && offset->integer < 0)
    status = error_set(execution->evaluation.error, SQLSTATE_INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                       "frame %s offset must not be negative", which);
  if (!status && !value_copy(expression->type, offset, &run->arena))
    status = execution_memory(execution);
  return status;
}

static int begin(struct window_run *run)
{
  const struct plan_window *plan = &run->op.node->window;
  run->is_begun = true;
  int status = run->sorts ? sort_rows(run) : 0;
  if (!status)
    status = read_ahead(run);
  if (!status && run->ahead)
    status = check_offset(run, plan->start_offset, &run->offsets[0], "starting");
  if (!status && run->ahead)
    status = check_offset(run, plan->end_offset, &run->offsets[1], "ending");
  return status;
}

// --- Partitions and peers ----------------------------------------------------------------------------------

static const struct value *row_at(struct window_run *run, int row)
{
  const struct value *found;
  int status = spool_row(&run->partition, (uint64_t)row, &found);
  if (!status)
    return found;
  run->status = status;
  return run->nulls;
}

static bool same_keys(const struct plan_window *plan, int from, int to, const struct value *a, const struct value *b)
{
  struct row_order order = {.key_count = to - from, .keys = plan->keys + from, .types = plan->types};
  return row_order_compare(&order, a, b) == 0;
}

static bool are_peers(struct window_run *run, int a, int b)
{
  const struct plan_window *plan = &run->op.node->window;
  return same_keys(plan, plan->partition_count, plan->key_count, row_at(run, a), row_at(run, b));
}

static int find_groups(struct window_run *run)
{
  struct execution *execution = run->op.execution;
  run->group_count = 0;
  for (int i = 0; i < run->count; i++) {
    int status = execution_visit(execution);
    if (status)
      return status;
    if (i && are_peers(run, i - 1, i))
      continue;
    if (!list_grow(execution->account, &run->groups, &run->group_capacity, run->group_count + 1, sizeof *run->groups))
      return execution_memory(execution);
    run->groups[run->group_count++] = i;
  }
  return 0;
}

static int fill_partition(struct window_run *run)
{
  const struct plan_window *plan = &run->op.node->window;
  spool_clear(&run->partition);
  do {
    int status = spool_add(&run->partition, run->ahead);
    if (!status)
      status = execution_visit(run->op.execution);
    if (!status)
      status = read_ahead(run);
    if (status)
      return status;
  } while (run->ahead && same_keys(plan, 0, plan->partition_count, row_at(run, 0), run->ahead));
  if (run->partition.count > INT32_MAX / 2)
    return error_set(run->op.execution->evaluation.error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "a partition of a window has too many rows");
  run->count = (int)run->partition.count;
  arena_reset(&run->ahead_arena);
  if (run->ahead && !run->sorts) // what the left side has at hand is gone when the next partition begins
    run->ahead = values_keep(&run->ahead_arena, plan->types, run->ahead, plan->column_count);
  return !run->sorts && !run->is_over && !run->ahead ? execution_memory(run->op.execution) : run->status;
}

static int begin_partition(struct window_run *run)
{
  const struct plan_window *plan = &run->op.node->window;
  int status = fill_partition(run);
  if (status)
    return status;
  run->op.mark = arena_mark(run->op.execution->evaluation.arena); // above what the left side has at hand
  run->op.is_marked = true;
  run->row = -1;
  run->peers = run->peers_end = run->head = run->tail = 0;
  run->group = -1;
  for (int i = 0; i < plan->call_count; i++)
    run->calls[i].state = NULL;
  return plan->frame.mode == WINDOW_GROUPS ? find_groups(run) : 0;
}

static int next_row(struct window_run *run)
{
  const struct plan_window *plan = &run->op.node->window;
  if (++run->row < run->peers_end)
    return 0;
  run->group++;
  run->peers = run->row;
  run->peers_end = plan->key_count == plan->partition_count ? run->count : run->row + 1;
  while (run->peers_end < run->count && are_peers(run, run->peers, run->peers_end)) {
    int status = execution_visit(run->op.execution);
    if (status)
      return status;
    run->peers_end++;
  }
  return 0;
}

// --- Frames ------------------------------------------------------------------------------------------------

static int64_t clamp(int64_t row, int64_t count)
{
  return row < 0 ? 0 : row > count ? count : row;
}

// at + offset, or at - offset, as far as it matters.
static int64_t shifted(int64_t at, const struct value *offset, enum frame_bound bound)
{
  int64_t sum;
  if (bound == BOUND_PRECEDING)
    return at - offset->integer;
  return __builtin_add_overflow(at, offset->integer, &sum) || sum > INT64_MAX / 2 ? INT64_MAX / 2 : sum;
}

// Does the frame's start lie behind this row; its end at this row or before?
static int is_outside(struct window_run *run, int row, bool is_end, bool *outside)
{
  const struct plan_window *plan = &run->op.node->window;
  const struct sort_key *key = &plan->keys[plan->partition_count];
  const struct value *own = &row_at(run, run->row)[key->column], *value = &row_at(run, row)[key->column];
  enum frame_bound bound = is_end ? plan->frame.end : plan->frame.start;
  if (value->is_null || own->is_null) {
    bool is_before = value->is_null != own->is_null && value->is_null == key->nulls_first;
    *outside = is_end ? !is_before && value->is_null != own->is_null : is_before;
    return 0;
  }
  struct frame_reach reach = {.type = plan->types[key->column],
                              .offset = &run->offsets[is_end],
                              .is_before = (bound == BOUND_PRECEDING) != key->is_descending,
                              .is_most = is_end != key->is_descending};
  bool reaches = false;
  int status = frame_reaches(&run->op.execution->evaluation, &reach, value, own, &reaches);
  *outside = !reaches;
  return status;
}

static int advance(struct window_run *run, bool is_end, int *at)
{
  struct execution *execution = run->op.execution;
  for (bool outside = false; *at < run->count; ++*at) {
    struct arena_mark mark = arena_mark(execution->evaluation.arena);
    int status = is_outside(run, *at, is_end, &outside);
    execution_release(execution, mark);
    if (!status)
      status = execution_visit(execution);
    if (status)
      return status;
    if (outside == is_end)
      return 0;
  }
  return 0;
}

static int range_bound(struct window_run *run, bool is_end, int64_t *row)
{
  int *at = is_end ? &run->tail : &run->head;
  int status = advance(run, is_end, at);
  *row = *at;
  return status;
}

static int64_t group_bound(const struct window_run *run, bool is_end, enum frame_bound bound)
{
  int64_t group = shifted(run->group, &run->offsets[is_end], bound) + is_end;
  return group < 0 ? 0 : group >= run->group_count ? run->count : run->groups[group];
}

// The frame's first row, or the row behind its last one.
static int find_bound(struct window_run *run, bool is_end, int64_t *row)
{
  const struct window_frame *frame = &run->op.node->window.frame;
  enum frame_bound bound = is_end ? frame->end : frame->start;
  if (bound == BOUND_FIRST || bound == BOUND_LAST)
    *row = bound == BOUND_FIRST ? 0 : run->count;
  else if (frame->mode == WINDOW_ROWS)
    *row = bound == BOUND_CURRENT ? run->row + is_end : shifted(run->row, &run->offsets[is_end], bound) + is_end;
  else if (bound == BOUND_CURRENT)
    *row = is_end ? run->peers_end : run->peers;
  else if (frame->mode == WINDOW_GROUPS)
    *row = group_bound(run, is_end, bound);
  else
    return range_bound(run, is_end, row);
  *row = clamp(*row, run->count);
  return 0;
}

static void exclude(struct spans *spans, int from, int to)
{
  struct spans left = {.count = 0};
  for (int i = 0; i < spans->count; i++) {
    struct span span = spans->at[i], first = {span.from, span.to < from ? span.to : from};
    struct span second = {span.from > to ? span.from : to, span.to};
    if (first.from < first.to)
      left.at[left.count++] = first;
    if (second.from < second.to)
      left.at[left.count++] = second;
  }
  *spans = left;
}

static int find_frame(struct window_run *run)
{
  int64_t from = 0, to = 0;
  int status = find_bound(run, false, &from);
  if (!status)
    status = find_bound(run, true, &to);
  if (status)
    return status;
  run->frame = (struct spans){.at = {{(int)from, (int)to}}, .count = from < to};
  enum frame_exclusion exclusion = run->op.node->window.frame.exclusion;
  if (exclusion == EXCLUDE_CURRENT)
    exclude(&run->frame, run->row, run->row + 1);
  if (exclusion == EXCLUDE_GROUP)
    exclude(&run->frame, run->peers, run->peers_end);
  if (exclusion == EXCLUDE_TIES) {
    exclude(&run->frame, run->peers, run->row);
    exclude(&run->frame, run->row + 1, run->peers_end);
  }
  return 0;
}

static int64_t frame_row(const struct window_place *place, int64_t number)
{
  const struct window_run *run = (const struct window_run *)((const char *)place - offsetof(struct window_run, place));
  const struct spans *frame = &run->frame;
  for (int i = 0; number >= 0 && i < frame->count; i++) {
    int64_t size = frame->at[i].to - frame->at[i].from;
    if (number < size)
      return frame->at[i].from + number;
    number -= size;
  }
  return number < 0 && frame->count ? frame->at[frame->count - 1].to + number : -1;
}

// --- Functions ---------------------------------------------------------------------------------------------

static const struct value *argument_of(const struct window_place *place, int64_t row, int argument)
{
  struct window_run *run = (struct window_run *)((char *)(uintptr_t)place - offsetof(struct window_run, place));
  return &row_at(run, (int)row)[run->call->arguments[argument]];
}

// --- Aggregates --------------------------------------------------------------------------------------------

static bool spans_equal(const struct spans *a, const struct spans *b)
{
  bool equal = a->count == b->count;
  for (int i = 0; equal && i < a->count; i++)
    equal = a->at[i].from == b->at[i].from && a->at[i].to == b->at[i].to;
  return equal;
}

// Shows rows to the aggregate, or takes them out again.
static int show_rows(struct window_run *run, struct call_run *state, int from, int to, bool takes_out)
{
  struct execution *execution = run->op.execution;
  const struct plan_window_call *call = run->call;
  const struct aggregate *aggregate = call->aggregate;
  execution->evaluation.argument_types = call->types;
  for (int i = from; i < to; i++) {
    const struct value *row = row_at(run, i);
    struct value arguments[WINDOW_ARGUMENTS];
    bool takes = call->filter < 0 || (!row[call->filter].is_null && row[call->filter].integer);
    for (int a = 0; a < call->argument_count; a++) {
      arguments[a] = row[call->arguments[a]];
      takes &= !(aggregate->skips_null && arguments[a].is_null);
    }
    int status = execution_visit(execution);
    if (status || !takes) {
      if (status)
        return status;
      continue;
    }
    struct arena_mark mark = arena_mark(execution->evaluation.arena);
    status = (takes_out ? aggregate->unstep : aggregate->step)(&execution->evaluation, state->state, arguments,
                                                              &state->arena);
    if (status)
      return status;
    execution_release(execution, mark);
  }
  return 0;
}

// May the state go on to the frame? Not if more rows would go than stay.
static bool can_go_on(const struct window_run *run, const struct call_run *state)
{
  if (!state->state || state->seen.count != 1 || run->frame.count != 1)
    return false;
  struct span seen = state->seen.at[0], frame = run->frame.at[0];
  if (frame.from < seen.from || frame.from > seen.to || frame.to < seen.to)
    return false;
  return frame.from == seen.from || (run->call->aggregate->unstep && frame.from - seen.from <= seen.to - frame.from);
}

static int accumulate(struct window_run *run, struct call_run *state)
{
  int status = 0;
  if (can_go_on(run, state)) {
    struct span seen = state->seen.at[0], frame = run->frame.at[0];
    status = show_rows(run, state, seen.from, frame.from, true);
    return status ? status : show_rows(run, state, seen.to, frame.to, false);
  }
  arena_reset(&state->arena);
  size_t size = run->call->aggregate->state_size;
  if (!(state->state = arena_alloc_zeroed(&state->arena, size ? size : 1)))
    return execution_memory(run->op.execution);
  for (int i = 0; i < run->frame.count && !status; i++)
    status = show_rows(run, state, run->frame.at[i].from, run->frame.at[i].to, false);
  return status;
}

static int run_aggregate(struct window_run *run, struct call_run *state, struct value *result)
{
  struct execution *execution = run->op.execution;
  if (!state->state || !spans_equal(&state->seen, &run->frame)) {
    struct arena_mark mark = arena_mark(execution->evaluation.arena);
    int status = accumulate(run, state);
    execution->evaluation.argument_types = run->call->types;
    if (!status)
      status = run->call->aggregate->finish(&execution->evaluation, state->state, &state->result);
    arena_reset(&state->result_arena);
    if (!status && !state->result.is_null && !value_copy(run->call->type, &state->result, &state->result_arena))
      status = execution_memory(execution);
    if (status)
      return status;
    execution_release(execution, mark);
    state->seen = run->frame;
  }
  *result = state->result;
  return 0;
}

static int run_calls(struct window_run *run)
{
  struct execution *execution = run->op.execution;
  const struct plan_window *plan = &run->op.node->window;
  run->place = (struct window_place){.evaluation = &execution->evaluation,
                                     .row = run->row,
                                     .count = run->count,
                                     .peers = run->peers,
                                     .peers_end = run->peers_end,
                                     .group = run->group,
                                     .argument = argument_of,
                                     .frame_row = frame_row};
  int status = run->reads_frame ? find_frame(run) : 0;
  for (int i = 0; i < plan->call_count && !status; i++) {
    run->call = &plan->calls[i];
    struct value *result = &run->calls[i].given;
    status = run->call->function ? run->call->function->value(&run->place, result)
                                 : run_aggregate(run, &run->calls[i], result);
    bool is_borrowed = run->call->function && !result->is_null && run->partition.count > (uint64_t)run->partition.head.count;
    if (!status && is_borrowed && !value_copy(run->call->type, result, execution->evaluation.arena))
      status = execution_memory(execution);
  }
  return status ? status : run->status;
}

// --- The iterator ------------------------------------------------------------------------------------------

static int window_next(struct iterator *op)
{
  struct window_run *run = (struct window_run *)op;
  const struct plan_window *plan = &op->node->window;
  if (op->is_marked)
    execution_release(op->execution, op->mark);
  int status = run->is_begun ? 0 : begin(run);
  if (!status && run->row + 1 == run->count) {
    if (!run->ahead)
      return 0;
    status = begin_partition(run);
  }
  if (!status)
    status = next_row(run);
  if (!status)
    status = run_calls(run);
  if (status)
    return status;
  const struct value *row = row_at(run, run->row);
  for (int i = 0; i < op->node->slot_count; i++) // among them what windows below said
    op->execution->ranges[op->node->slots[i].range][op->node->slots[i].column] = row[i];
  for (int i = 0; i < plan->call_count; i++)
    op->execution->ranges[plan->range][plan->calls[i].column] = run->calls[i].given;
  return run->status ? run->status : 1;
}

static void window_stop(struct iterator *op)
{
  struct window_run *run = (struct window_run *)op;
  arena_reset(&run->arena);
  arena_reset(&run->ahead_arena);
  for (int i = 0; i < op->node->window.call_count; i++) {
    arena_reset(&run->calls[i].arena);
    arena_reset(&run->calls[i].result_arena);
    run->calls[i].state = NULL;
  }
  sorter_clear(&run->sorter);
  spool_clear(&run->partition);
  run->ahead = NULL;
  run->is_begun = run->is_over = false;
  run->count = run->status = 0;
  run->row = -1;
  if (run->group_capacity > GROUPS_KEPT)
    list_free(op->execution->account, &run->groups, &run->group_capacity, sizeof *run->groups);
}

static int window_rewind(struct iterator *op)
{
  window_stop(op);
  op->is_marked = false;
  return op->left->rewind(op->left);
}

static void window_close(struct iterator *op)
{
  struct window_run *run = (struct window_run *)op;
  struct memory_account *account = op->execution->account;
  for (int i = 0; run->calls && i < op->node->window.call_count; i++) {
    arena_deinit(&run->calls[i].arena);
    arena_deinit(&run->calls[i].result_arena);
  }
  arena_deinit(&run->arena);
  arena_deinit(&run->ahead_arena);
  sorter_deinit(&run->sorter);
  spool_deinit(&run->partition);
  list_free(account, &run->groups, &run->group_capacity, sizeof *run->groups);
}

bool window_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  const struct plan_window *plan = &node->window;
  struct window_run *run = ARENA_NEW(&execution->memory, struct window_run);
  if (!run)
    return false;
  arena_init(&run->arena, execution->account);
  arena_init(&run->ahead_arena, execution->account);
  run->kept = ARENA_ARRAY(&execution->memory, struct value, plan->column_count + 1);
  run->calls = ARENA_ARRAY(&execution->memory, struct call_run, plan->call_count + 1);
  run->nulls = ARENA_ARRAY(&execution->memory, struct value, plan->column_count + 1);
  if (!run->kept || !run->calls || !run->nulls)
    return false;
  for (int i = 0; i < plan->column_count; i++)
    run->nulls[i] = value_null();
  run->row = -1;
  run->sorts = plan->key_count && !plan->is_sorted;
  run->order = (struct row_order){.key_count = plan->key_count, .keys = plan->keys, .types = plan->types};
  sorter_init(&run->sorter, execution, &run->order, plan->column_count);
  sorter_divide(&run->sorter, KEEPERS);
  spool_init(&run->partition, execution, plan->types, plan->column_count);
  spool_divide(&run->partition, KEEPERS);
  for (int i = 0; i < plan->call_count; i++) {
    arena_init(&run->calls[i].arena, execution->account);
    arena_init(&run->calls[i].result_arena, execution->account);
    run->reads_frame |= !plan->calls[i].function || plan->calls[i].function->reads_frame;
  }
  run->op.next = window_next;
  run->op.rewind = window_rewind;
  run->op.stop = window_stop;
  run->op.close = window_close;
  *op = &run->op;
  return true;
}
