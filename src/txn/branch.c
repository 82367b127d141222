// Branches, their scripts, and commit by promise in its plain form. The diagram is in branch.h.
//
// 1. A branch's change list says how its version differs from the trunk that it began from.
// 2. The script holds every step that the client sent, also those whose effects were undone since: it saw their replies.
// 3. branch_commit closes the branch, whatever comes out, but for STATUS_WAIT.
// 4. `base` is the trunk as it was when the branch was made: what differs from it is the branch's own change.
#include "txn/branch.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/sequence.h"
#include "txn/walk.h"

// --- Promises -------------------------------------------------------------------------------------

static struct hash128 add128(struct hash128 a, struct hash128 b)
{
  struct hash128 sum = {.low = a.low + b.low, .high = a.high + b.high};
  sum.high += sum.low < a.low;
  return sum;
}

void promise_add_row(struct promise *promise, struct bytes row, uint64_t seed, bool is_ordered)
{
  struct hash128 hash = hash128(row.data, row.size, seed);
  if (is_ordered) { // chained: each hash goes over the one before it
    struct hash128 chain[2] = {promise->hash, hash};
    promise->hash = hash128(chain, sizeof chain, seed);
  } else {
    promise->hash = add128(promise->hash, hash);
  }
  promise->rows++;
}

void promise_add_text(struct promise *promise, const char *text, uint64_t seed)
{
  // A seed of its own, so that a tag is never taken for a row.
  struct hash128 chain[2] = {promise->hash, hash128(text, strlen(text), ~seed)};
  promise->hash = hash128(chain, sizeof chain, ~seed);
}

bool promise_equal(const struct promise *a, const struct promise *b)
{
  return a->rows == b->rows && a->hash.low == b->hash.low && a->hash.high == b->hash.high;
}

// --- Life -----------------------------------------------------------------------------------------

static void close_versions(struct branch *branch)
{
  if (branch->version)
    version_close(branch->version);
  if (branch->confirmed)
    version_close(branch->confirmed);
  if (branch->round)
    version_close(branch->round);
  if (branch->base)
    version_close(branch->base);
  branch->version = branch->base = branch->confirmed = branch->round = NULL;
}

// From the trunk as it is now; without a script.
static bool begin(struct branch *branch, struct trunk *trunk, struct memory_account *account)
{
  *branch = (struct branch){.trunk = trunk, .committed = trunk->position};
  change_list_init(&branch->changes);
  branch->changes.bytes.account = branch->script.account = branch->places.account = branch->reads.account = account;
  branch->base = version_snapshot(store_trunk(trunk->store));
  branch->version = version_branch(store_trunk(trunk->store));
  if (!branch->base || !branch->version)
    close_versions(branch);
  else
    branch->definitions = version_definitions(branch->version);
  return branch->version;
}

struct branch *branch_open(struct trunk *trunk, struct memory_account *account)
{
  CHECK(!trunk->is_running);
  struct branch *branch = malloc(sizeof *branch);
  if (branch && !begin(branch, trunk, account)) {
    free(branch);
    branch = NULL;
  }
  trunk->branches += branch != NULL;
  return branch;
}

void branch_close(struct branch *branch)
{
  if (!branch)
    return;
  branch->trunk->branches--;
  close_versions(branch);
  change_list_deinit(&branch->changes);
  buffer_deinit(&branch->script);
  buffer_deinit(&branch->reads);
  buffer_deinit(&branch->places);
  free(branch);
}

void branch_writer(struct branch *branch, struct writer *writer)
{
  writer->version = branch->version;
  writer->changes = &branch->changes;
  writer->catalog = branch->trunk->catalog;
  writer->position = 0;
  writer->committed = branch->committed;
}

struct version *branch_version(struct branch *branch)
{
  return branch->version;
}

bool branch_has_changes(const struct branch *branch)
{
  return branch->changes.count > 0;
}

uint64_t branch_base(const struct branch *branch)
{
  return branch->committed;
}

bool branch_has_changed(const struct branch *branch, tree_number tree, struct bytes key, struct bytes row)
{
  struct bytes old;
  return !tree_get(branch->base, tree, key, &old, NULL) || !bytes_equal(old, row);
}

// The row with this key, or the key of the first entry that begins so. False: there is none.
static bool look_up(const struct version *version, tree_number tree, struct bytes key, bool is_prefix,
                    struct cursor *cursor, struct bytes *found)
{
  if (!is_prefix)
    return tree_get(version, tree, key, found, NULL);
  cursor_init(cursor, version, tree, NULL);
  bool is_there = cursor_seek(cursor, key) && cursor->key.size >= key.size && !memcmp(cursor->key.data, key.data, key.size);
  *found = is_there ? cursor->key : bytes_of(NULL, 0);
  return is_there;
}

bool branch_is_stale(const struct branch *branch, tree_number tree, struct bytes key, bool is_prefix)
{
  if (!version_is_behind(branch->version))
    return false;
  struct cursor then, now;
  struct bytes old, new;
  bool was = look_up(branch->base, tree, key, is_prefix, &then, &old);
  bool is = look_up(store_trunk(branch->trunk->store), tree, key, is_prefix, &now, &new);
  return was != is || (is && !bytes_equal(old, new));
}

bool branch_is_tree_stale(const struct branch *branch, tree_number tree)
{
  if (!version_is_behind(branch->version))
    return false;
  struct diff *diff = diff_open(branch->base, store_trunk(branch->trunk->store), tree);
  struct diff_entry entry;
  bool differs = !diff || diff_next(diff, &entry);
  if (diff)
    diff_close(diff);
  return differs;
}

void branch_reads_tree(struct branch *branch, tree_number tree)
{
  branch->looks_anywhere |= !note_tree(branch->read, &branch->read_count, tree);
}

void branch_pin_definitions(struct branch *branch)
{
  branch->pins_definitions = true;
}

size_t branch_step_count(const struct branch *branch)
{
  return branch->step_count;
}

// A savepoint was rolled back: what steps had changed behind the mark stands nowhere any more.
static void forget_changes(struct branch *branch, size_t mark)
{
  for (size_t i = branch->step_count; i-- > 0;) {
    uint8_t *at = branch->script.data + get_le64(branch->places.data + 8 * i);
    struct step head;
    memcpy(&head, at, sizeof head);
    if (head.changes_to <= mark) // so do those before it
      break;
    head.changes_from = head.changes_from < mark ? head.changes_from : mark;
    head.changes_to = mark;
    head.must_run = true;
    memcpy(at, &head, sizeof head);
  }
  branch->recorded = mark;
  branch->was_undone = true;
}

// What the step that has just run changed, and whether that can be made once more without running it.
void step_end(struct branch *branch, struct step *head)
{
  uint64_t definitions = version_definitions(branch->version);
  size_t end = change_mark(&branch->changes);
  if (end < branch->recorded)
    forget_changes(branch, end);
  head->changes_from = branch->recorded;
  head->changes_to = branch->recorded = end;
  head->must_run = definitions != branch->definitions;
  branch->definitions = definitions;
  size_t at = head->changes_from;
  struct change change;
  while (at < head->changes_to && change_next(&branch->changes, &at, &change)) {
    head->must_run |= change.flags & (CHANGE_FILLED | CHANGE_DROPPED | CHANGE_WORD);
    if (!(change.flags & CHANGE_WORD))
      branch->looks_anywhere |= !note_tree(branch->changed, &branch->changed_count, change.tree);
  }
}

int branch_record(struct branch *branch, struct bytes step, struct bytes kept, const struct promise *promise,
                  const struct read_set *reads, struct error *error)
{
  struct step head = {.promise = *promise, .step_size = step.size, .kept_size = kept.size};
  size_t size = sizeof head + step.size + kept.size;
  if (size > LIMIT_SCRIPT || branch->script.size + branch->reads.size > LIMIT_SCRIPT - size) {
    int status = error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the transaction's statements exceed %d bytes",
                           LIMIT_SCRIPT);
    error_hint(error, "Commit more often, or use COPY outside of a transaction.");
    return status;
  }
  if (!buffer_reserve(&branch->script, size) || !buffer_reserve(&branch->places, 8)) {
    branch->script.failed = branch->places.failed = false;
    return error_memory(error);
  }
  buffer_append_le64(&branch->places, branch->script.size);
  step_end(branch, &head);
  head.reads = script_add_reads(branch, reads);
  branch->visited += head.reads.visited;
  buffer_append(&branch->script, &head, sizeof head);
  buffer_append_bytes(&branch->script, step);
  buffer_append_bytes(&branch->script, kept);
  branch->step_count++;
  return STATUS_OK;
}

// --- Commit ---------------------------------------------------------------------------------------

// Its version is the trunk's from now on; beside others' changes, its trees are.
static bool take_version(struct branch *branch, uint64_t position)
{
  struct version *trunk = store_trunk(branch->trunk->store);
  if (!version_is_behind(branch->version))
    version_adopt(trunk, branch->version, position);
  else if (!version_adopt_trees(trunk, branch->version, branch->changed, branch->changed_count, position))
    return false;
  branch->version = NULL;
  return true;
}

static int adopt(struct branch *branch, uint64_t *position, struct error *error)
{
  struct trunk *trunk = branch->trunk;
  size_t entries, start = trunk->output.size, told = trunk->signals.size;
  struct writer writer = {.error = error};
  branch_writer(branch, &writer);
  int status = sequence_log(&writer, version_definitions(branch->version) !=
                                       version_definitions(store_trunk(trunk->store)));
  if (!status)
    status = trunk_emit(trunk, &branch->changes, branch->version, trunk->position + 1, &entries, error);
  if (status || entries == 0) { // 0: it changed nothing after all
    sequence_unlogged(trunk->catalog);
    return status;
  }
  if (trunk->branches > 1)
    history_note(&trunk->history, &branch->changes, trunk->author);
  change_finish(&branch->changes, branch->version);
  if (!take_version(branch, trunk->position + 1)) {
    trunk->output.size = start;
    trunk->signals.size = told;
    sequence_unlogged(trunk->catalog);
    return error_memory(error);
  }
  *position = ++trunk->position;
  sequence_logged(trunk->catalog, *position);
  trunk->counts.atoms++;
  trunk->counts.adopted++;
  return STATUS_OK;
}

static int admit(const struct step_runner *runner, const struct change_list *changes, struct error *error)
{
  return runner->admit ? runner->admit(runner->context, changes, error) : STATUS_OK;
}

static int commit_by_running(struct branch *branch, struct writer *writer, const struct step_runner *runner,
                             uint64_t *position, struct error *error)
{
  struct trunk *trunk = branch->trunk;
  trunk->counts.rerun++;
  struct walk walk = {.branch = branch, .writer = writer, .runner = runner};
  if (walk_wants_to_know(&walk))
    walk.now = version_snapshot(store_trunk(trunk->store));
  atom_begin(trunk, writer);
  int status = walk_script(&walk, error);
  if (walk.now)
    version_close((struct version *)walk.now);
  if (!status)
    status = admit(runner, &trunk->changes, error);
  if (status) {
    atom_abort(trunk);
    return status;
  }
  close_versions(branch); // the trunk goes on alone
  return atom_commit(trunk, position, error);
}

// Numbers that were drawn go before it, as an atom of their own: their trees are not the branch's.
static int log_numbers(struct trunk *trunk, struct error *error)
{
  struct writer writer = {.error = error};
  uint64_t position;
  if (sequence_is_logged(trunk->catalog))
    return STATUS_OK;
  atom_begin(trunk, &writer);
  return atom_commit(trunk, &position, error);
}

// Has the trunk changed other trees only than those that the branch has read or changed? Then all of its promises hold there.
static bool stands_apart(const struct branch *branch)
{
  const struct version *trunk = store_trunk(branch->trunk->store);
  uint64_t definitions = version_definitions(branch->base);
  bool is_apart = !branch->looks_anywhere && !branch->was_undone && branch->changes.count >= branch->trunk->adopted_changes &&
                  version_definitions(branch->version) == definitions && version_definitions(trunk) == definitions;
  for (int i = 0; i < branch->read_count && is_apart; i++)
    is_apart = tree_is_same(branch->base, trunk, branch->read[i]);
  for (int i = 0; i < branch->changed_count && is_apart; i++)
    is_apart = tree_is_same(branch->base, trunk, branch->changed[i]);
  return is_apart;
}

static int commit_changes(struct branch *branch, struct writer *writer, const struct step_runner *runner, uint64_t *position,
                          struct error *error)
{
  if (!version_is_behind(branch->version))
    return adopt(branch, position, error);
  if (!stands_apart(branch))
    return commit_by_running(branch, writer, runner, position, error);
  int status = log_numbers(branch->trunk, error);
  return status ? status : adopt(branch, position, error);
}

static int definitions_hold(const struct branch *branch, struct error *error)
{
  if (!branch->pins_definitions ||
      version_definitions(store_trunk(branch->trunk->store)) == version_definitions(branch->base))
    return STATUS_OK;
  int status = error_set(error, SQLSTATE_SERIALIZATION_FAILURE, "could not serialize access: the error of a statement "
                                                                "would be different now");
  error_detail(error, "Definitions have changed since it failed.");
  error_hint(error, "The transaction might succeed if retried.");
  return status;
}

int branch_commit(struct branch *branch, struct writer *writer, const struct step_runner *runner, uint64_t *position,
                  struct error *error)
{
  struct trunk *trunk = branch->trunk;
  CHECK(!trunk->is_running);
  *position = 0;
  int status = STATUS_OK;
  if (branch_has_changes(branch)) {
    status = definitions_hold(branch, error);
    if (!status)
      status = admit(runner, &branch->changes, error); // what is changed again is seldom something else
    if (!status)
      status = commit_changes(branch, writer, runner, position, error);
  }
  if (status == STATUS_WAIT)
    return status;
  trunk->counts.failed += status != STATUS_OK;
  branch_close(branch);
  return status;
}

int branch_move(struct branch *branch, struct writer *writer, const struct step_runner *runner, struct error *error)
{
  if (!version_is_behind(branch->version))
    return STATUS_OK;
  struct branch moved;
  if (!begin(&moved, branch->trunk, branch->changes.bytes.account))
    return error_memory(error);
  branch_writer(&moved, writer);
  struct walk walk = {.branch = branch, .writer = writer, .runner = runner, .now = moved.base, .moved = &moved};
  int status = walk_script(&walk, error);
  if (!status) {
    struct branch old = *branch;
    branch->version = moved.version;
    branch->base = moved.base;
    branch->confirmed = NULL;
    moved.confirmed = old.confirmed;
    branch->changes = moved.changes;
    branch->committed = moved.committed;
    branch->recorded = moved.recorded;
    branch->definitions = moved.definitions;
    branch->looks_anywhere = true; // what it has read now is not listed
    moved.version = old.version;
    moved.base = old.base;
    moved.changes = old.changes;
    branch->trunk->counts.moved++;
  }
  close_versions(&moved);
  change_list_deinit(&moved.changes);
  return status;
}
