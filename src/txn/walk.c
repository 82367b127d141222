// Repair: a script over a newer version. A step of which everything that it looked at is as it was is kept: its changes
// are made once more. Every other step is run again, and its reply must come out as it was promised.
//
// 1. Whatever differs between the branch's base and the version now lies in the diff of the two; whatever the walk itself
//    made otherwise than the first time is in `dirty`. A step whose ranges meet neither would do the same again.
// 2. A step that looked at little is run without asking: that costs less.
// 3. When definitions have changed, all steps are run.
// (Veldhuizen, "Transaction Repair: Full Serializability Without Locks", arXiv 1403.5645, at the grain of statements.)
#include "txn/walk.h"

#include "base/check.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/sqlstate.h"

enum { DIRTY_BYTES = 1024 * 1024 }; // beyond it anything may have come out otherwise

bool script_next(const struct branch *branch, size_t *at, struct script_step *step)
{
  if (*at >= branch->script.size)
    return false;
  step->head = branch->script.data + *at;
  memcpy(&step->step, step->head, sizeof step->step);
  step->bytes = bytes_of(step->head + sizeof step->step, step->step.step_size);
  step->kept = bytes_of(step->bytes.data + step->bytes.size, step->step.kept_size);
  step->number++;
  *at += sizeof step->step + step->bytes.size + step->kept.size;
  return true;
}

void script_put(const struct script_step *step)
{
  memcpy(step->head, &step->step, sizeof step->step);
}

struct bytes script_reads(const struct branch *branch, const struct step_reads *reads)
{
  return bytes_of(branch->reads.data + reads->at, reads->size);
}

bool note_tree(tree_number *trees, int *count, tree_number tree)
{
  for (int i = *count; i-- > 0;)
    if (trees[i] == tree)
      return true;
  if (*count == STORE_ATTACH_LIMIT)
    return false;
  trees[(*count)++] = tree;
  return true;
}

struct step_reads script_add_reads(struct branch *branch, const struct read_set *reads)
{
  struct step_reads added = {.at = branch->reads.size};
  if (!reads || reads->failed) {
    branch->looks_anywhere = true;
    return added;
  }
  for (int i = 0; i < reads->count; i++)
    branch->looks_anywhere |= !note_tree(branch->read, &branch->read_count, reads->ranges[i].tree);
  read_set_encode(reads, &branch->reads);
  if (branch->reads.failed) {
    branch->reads.failed = false;
    branch->reads.size = added.at;
  }
  added.size = branch->reads.size - added.at;
  added.visited = reads->visited;
  return added;
}

static bool may_keep(const struct walk *walk, const struct script_step *step)
{
  return step->step.reads.size && !step->step.must_run &&
         step->step.reads.visited >= walk->branch->trunk->repair_rows;
}

bool walk_wants_to_know(const struct walk *walk)
{
  struct script_step step = {0};
  size_t at = 0;
  while (script_next(walk->branch, &at, &step))
    if (may_keep(walk, &step))
      return true;
  return false;
}

// --- What came out otherwise --------------------------------------------------------------------------------------

static bool same_change(const struct change *a, const struct change *b)
{
  return a->tree == b->tree && a->flags == b->flags && a->has_new == b->has_new && bytes_equal(a->key, b->key) &&
         bytes_equal(a->new_row, b->new_row);
}

static void add_dirty(struct walk *walk, const struct change_list *changes, size_t from, size_t to)
{
  struct change change;
  while (from < to && change_next(changes, &from, &change) && walk->dirty.size < DIRTY_BYTES) {
    buffer_append_le32(&walk->dirty, change.tree);
    buffer_append_le16(&walk->dirty, (uint16_t)change.key.size);
    buffer_append_bytes(&walk->dirty, change.key);
  }
}

// Compares what a step changed with what it changed the first time.
static void compare_changes(struct walk *walk, const struct step *first, size_t from, size_t to)
{
  const struct change_list *then = &walk->branch->changes, *now = walk->writer->changes;
  size_t a = first->changes_from, b = from;
  struct change old, new;
  bool is_same = true;
  while (is_same && a < first->changes_to && b < to) {
    bool both = change_next(then, &a, &old) && change_next(now, &b, &new);
    is_same = both && same_change(&old, &new);
  }
  if (is_same && a >= first->changes_to && b >= to)
    return;
  add_dirty(walk, then, first->changes_from, first->changes_to);
  add_dirty(walk, now, from, to);
}

static bool meets_dirty(const struct walk *walk, const struct read_walk *range)
{
  if (walk->dirty.failed || walk->dirty.size >= DIRTY_BYTES)
    return true;
  for (size_t at = 0; at < walk->dirty.size;) {
    const uint8_t *entry = walk->dirty.data + at;
    struct bytes key = bytes_of(entry + 6, get_le16(entry + 4));
    if (read_walk_holds(range, get_le32(entry), key))
      return true;
    at += 6 + key.size;
  }
  return false;
}

bool step_is_clean(const struct branch *branch, const struct script_step *step, const struct version *now)
{
  if (version_definitions(now) != version_definitions(branch->base))
    return false;
  bool is_confirmed = step->step.confirmation & CONFIRMED;
  const struct step_reads *reads = is_confirmed ? &step->step.confirmed : &step->step.reads;
  struct read_walk range = {.encoded = script_reads(branch, reads)};
  struct bytes key;
  while (read_walk_next(&range))
    if (read_walk_differs(&range, is_confirmed ? branch->confirmed : branch->base, now, &key))
      return false;
  return true;
}

static bool is_clean(const struct walk *walk, const struct script_step *step)
{
  if (!walk->now || !may_keep(walk, step))
    return false;
  if (FAULT(DERIVED_AS_DATA) && step->step.changes_from < step->step.changes_to)
    return true;
  bool is_confirmed = step->step.confirmation & CONFIRMED;
  struct read_walk range = {
    .encoded = script_reads(walk->branch, is_confirmed ? &step->step.confirmed : &step->step.reads)};
  while (read_walk_next(&range))
    if (meets_dirty(walk, &range))
      return false;
  return step_is_clean(walk->branch, step, walk->now);
}

// --- Steps --------------------------------------------------------------------------------------------------------

static bool has_changed(const struct branch *branch, tree_number tree, struct bytes key)
{
  struct bytes row;
  return tree_get(branch->version, tree, key, &row, NULL) ? branch_has_changed(branch, tree, key, row)
                                                          : tree_get(branch->base, tree, key, &row, NULL);
}

// A row that the step looked at and that others have changed since, if it can be named.
static void explain(const struct branch *branch, const struct script_step *step, const struct step_runner *runner,
                    const struct version *now, struct error *error)
{
  struct read_walk range = {.encoded = script_reads(branch, &step->step.reads)};
  struct bytes key;
  while (runner->explain && read_walk_next(&range))
    if (read_walk_differs(&range, branch->base, now, &key)) {
      struct author author;
      heat_note(&branch->trunk->heat, range.tree, key, has_changed(branch, range.tree, key));
      bool is_known = history_find(&branch->trunk->history, range.tree, key, &author);
      runner->explain(runner->context, range.tree, key, is_known ? &author : NULL, error);
      return;
    }
}

int step_broken(const struct branch *branch, const struct script_step *step, const struct step_runner *runner,
                const struct version *now, struct error *error)
{
  int status = error_set(error, SQLSTATE_SERIALIZATION_FAILURE,
                         "could not serialize access: the reply of statement %zu would be different now", step->number);
  error_detail(error, "Another transaction changed what the statement read after its reply was given.");
  error_hint(error, "The transaction might succeed if retried.");
  explain(branch, step, runner, now, error);
  return status;
}

static int run_step(struct walk *walk, const struct script_step *step, struct error *error)
{
  const struct branch *branch = walk->branch;
  struct promise promise = {0};
  size_t from = change_mark(walk->writer->changes);
  read_set_clear(&walk->reads);
  int status =
    walk->runner->run(walk->runner->context, walk->writer, step->bytes, step->kept, &promise, &walk->reads, error);
  branch->trunk->counts.steps_run++;
  if (status)
    return status;
  if (!promise_equal(&promise, &step->step.promise) && !FAULT(HASH_IGNORED))
    return step_broken(branch, step, walk->runner, walk->now ? walk->now : store_trunk(branch->trunk->store), error);
  if (walk->now)
    compare_changes(walk, &step->step, from, change_mark(walk->writer->changes));
  return STATUS_OK;
}

static int keep_step(struct walk *walk, const struct script_step *step, struct error *error)
{
  walk->branch->trunk->counts.steps_kept++;
  struct writer *writer = walk->writer;
  writer->error = error;
  writer->mark = NULL; // that of the step that ran before is gone
  return table_replay(writer, &walk->branch->changes, step->step.changes_from, step->step.changes_to);
}

int walk_script(struct walk *walk, struct error *error)
{
  struct script_step step = {0};
  size_t at = 0;
  int status = STATUS_OK;
  while (!status && script_next(walk->branch, &at, &step)) {
    bool is_kept = is_clean(walk, &step);
    status = is_kept ? keep_step(walk, &step, error) : run_step(walk, &step, error);
    if (status || !walk->moved)
      continue;
    // In the branch that takes over the step's changes stand elsewhere, and it may have looked at something else.
    step_end(walk->moved, &step.step);
    if (!is_kept)
      step.step.reads = script_add_reads(walk->branch, &walk->reads);
    else if (step.step.confirmation & CONFIRMED)
      step.step.reads = step.step.confirmed;
    step.step.confirmation = CONFIRMED_NOT;
    script_put(&step);
  }
  buffer_deinit(&walk->dirty);
  read_set_deinit(&walk->reads);
  return status;
}
