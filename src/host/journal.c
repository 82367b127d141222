// Group commit. Two groups: the loop fills `filling` while the log thread writes `writing`; they change places under
// the mutex. A full disk is waited out: the same group is tried again, and what depends on it stays with us.
//
// Clients that wait for their commits come back together when these are done. Syncing at once for the first of them
// would leave the others to the next sync, and so split the clients into two halves that take turns. So after a sync
// the next one waits until as many atoms are there as were under way when it ended, but no longer than half of what a
// sync takes: a lone client never waits, many share each sync.
#include "host/journal.h"

#include <stdlib.h>

#include "os/clock.h"
#include "os/thread.h"

enum { RETRY_US = 200000 };

struct journal {
  struct log *log;
  struct wake *wake;
  struct thread thread;
  struct mutex mutex;
  struct condition work;    // for the log thread
  struct condition durable_grew;
  struct log_group filling, writing;
  uint64_t filling_atoms;
  uint64_t wanted_atoms;    // the next group is worth a sync from here on
  int64_t patience_until;   // or from then on
  uint64_t free_position;   // segments up to here may go; 0: nothing to do
  bool is_closing;
  bool one_by_one;          // no group commit
  int status;               // of a lost log
  struct error error;
  uint64_t durable;         // atomic
  bool is_full;             // atomic
  uint64_t bytes_written;
  struct journal_statistics statistics;
};

static void count_sync(struct journal *journal, uint64_t took_us, uint64_t atoms, size_t bytes)
{
  struct journal_statistics *s = &journal->statistics;
  int bucket = took_us ? 64 - __builtin_clzll(took_us) : 0;
  s->sync_us_buckets[bucket < 23 ? bucket : 23]++;
  s->sync_us_total += took_us;
  if (took_us > s->sync_us_max)
    s->sync_us_max = took_us;
  s->groups++;
  s->atoms += atoms;
  s->bytes += bytes;
}

static void set_full(struct journal *journal, bool is_full)
{
  __atomic_store_n(&journal->is_full, is_full, __ATOMIC_RELEASE);
  wake_signal(journal->wake);
}

enum { PATIENCE_MAXIMUM_US = 2000 };

// After a sync that took so long, of so many atoms: when is the next one due? Under the mutex.
static void be_patient(struct journal *journal, uint64_t took_us, uint64_t atoms)
{
  uint64_t patience = took_us / 2 < PATIENCE_MAXIMUM_US ? took_us / 2 : PATIENCE_MAXIMUM_US;
  journal->wanted_atoms = atoms + journal->filling_atoms;
  journal->patience_until = clock_monotonic() + (int64_t)patience;
}

// Writes and syncs a group, and says so.
static int put_group(struct journal *journal, const struct log_group *group, uint64_t atoms, struct error *error)
{
  int status = log_write(journal->log, group, error);
  if (status)
    return status;
  int64_t begin = clock_monotonic();
  status = log_sync(journal->log, error);
  if (status)
    return status;
  uint64_t took = (uint64_t)(clock_monotonic() - begin);
  bool has_room = log_has_room(journal->log);
  struct log_statistics statistics;
  log_statistics(journal->log, &statistics);
  mutex_lock(&journal->mutex);
  count_sync(journal, took, atoms, group->bytes.size);
  if (!journal->one_by_one)
    be_patient(journal, took, atoms);
  journal->bytes_written = statistics.bytes_written;
  __atomic_store_n(&journal->durable, log_durable(journal->log), __ATOMIC_RELEASE);
  condition_broadcast(&journal->durable_grew);
  mutex_unlock(&journal->mutex);
  if (journal->is_full == has_room)
    set_full(journal, !has_room);
  wake_signal(journal->wake);
  return 0;
}

// Writes and syncs `writing`. STATUS_LIMIT: the disk is full, try again: what is written already is passed over.
static int write_group(struct journal *journal, uint64_t atoms, struct error *error)
{
  struct bytes all = buffer_bytes(&journal->writing.bytes);
  int status = journal->one_by_one ? 0 : put_group(journal, &journal->writing, atoms, error);
  for (size_t at = 0; journal->one_by_one && !status && at < all.size;) {
    struct log_group one = {.last_position = get_le64(all.data + at)}; // its bytes are the group's
    one.bytes.data = journal->writing.bytes.data + at;
    one.bytes.size = 12 + (size_t)get_le32(all.data + at + 8);
    status = put_group(journal, &one, 1, error);
    at += one.bytes.size;
  }
  if (!status)
    log_group_clear(&journal->writing);
  return status;
}

static void fail(struct journal *journal, int status, const struct error *error)
{
  mutex_lock(&journal->mutex);
  journal->status = status;
  journal->error = *error;
  condition_broadcast(&journal->durable_grew);
  mutex_unlock(&journal->mutex);
  wake_signal(journal->wake);
}

// Waits for work and takes it. False: the end.
static bool take_work(struct journal *journal, uint64_t *atoms, uint64_t *free_position)
{
  mutex_lock(&journal->mutex);
  while (log_group_is_empty(&journal->filling) && !journal->free_position && !journal->is_closing)
    if (!journal->is_full)
      condition_wait(&journal->work, &journal->mutex);
    else if (!condition_wait_until(&journal->work, &journal->mutex, clock_monotonic() + RETRY_US))
      break; // look whether there is room again
  while (journal->filling_atoms < journal->wanted_atoms && !journal->is_closing && !journal->is_full)
    if (!condition_wait_until(&journal->work, &journal->mutex, journal->patience_until))
      break;
  struct log_group spare = journal->writing;
  journal->writing = journal->filling;
  journal->filling = spare;
  *atoms = journal->filling_atoms;
  journal->filling_atoms = 0;
  *free_position = journal->free_position;
  journal->free_position = 0;
  bool goes_on = !journal->is_closing || !log_group_is_empty(&journal->writing);
  mutex_unlock(&journal->mutex);
  return goes_on;
}

static bool wait_for_room(struct journal *journal)
{
  mutex_lock(&journal->mutex);
  bool is_closing = journal->is_closing;
  if (!is_closing)
    condition_wait_until(&journal->work, &journal->mutex, clock_monotonic() + RETRY_US);
  mutex_unlock(&journal->mutex);
  return !is_closing;
}

static void journal_main(void *context)
{
  struct journal *journal = context;
  uint64_t atoms, free_position;
  struct error error;
  while (take_work(journal, &atoms, &free_position)) {
    int status = log_group_is_empty(&journal->writing) ? 0 : write_group(journal, atoms, &error);
    while (status == STATUS_LIMIT) {
      set_full(journal, true);
      if (!wait_for_room(journal))
        break;
      status = write_group(journal, atoms, &error);
    }
    if (!status && free_position)
      status = log_free(journal->log, free_position, &error);
    if (!status && journal->is_full && log_has_room(journal->log))
      set_full(journal, false);
    if (status) {
      fail(journal, status, &error);
      return;
    }
  }
}

int journal_open(struct log *log, struct wake *wake, bool one_by_one, struct journal **result, struct error *error)
{
  struct journal *journal = calloc(1, sizeof *journal);
  if (!journal)
    return error_memory(error);
  journal->log = log;
  journal->wake = wake;
  journal->one_by_one = one_by_one;
  journal->durable = log_durable(log);
  mutex_init(&journal->mutex);
  condition_init(&journal->work);
  condition_init(&journal->durable_grew);
  struct thread_options options = {.name = "quern-log"};
  int status = thread_open(&journal->thread, &options, journal_main, journal, error);
  if (status) {
    journal_close(journal);
    return status;
  }
  *result = journal;
  return 0;
}

void journal_close(struct journal *journal)
{
  if (!journal)
    return;
  mutex_lock(&journal->mutex);
  journal->is_closing = true;
  condition_signal(&journal->work);
  condition_broadcast(&journal->durable_grew);
  mutex_unlock(&journal->mutex);
  thread_close(&journal->thread);
  condition_deinit(&journal->durable_grew);
  condition_deinit(&journal->work);
  mutex_deinit(&journal->mutex);
  log_group_deinit(&journal->filling);
  log_group_deinit(&journal->writing);
  free(journal);
}

// position (8), size (4), payload, each
static uint64_t count_atoms(struct bytes changes)
{
  uint64_t count = 0;
  for (size_t at = 0; at + 12 <= changes.size; count++)
    at += 12 + (size_t)get_le32(changes.data + at + 8);
  return count;
}

int journal_append(struct journal *journal, struct bytes changes, struct error *error)
{
  mutex_lock(&journal->mutex);
  bool was_empty = log_group_is_empty(&journal->filling);
  int status = log_group_append_run(&journal->filling, changes, error);
  bool had_enough = journal->filling_atoms >= journal->wanted_atoms;
  journal->filling_atoms += status ? 0 : count_atoms(changes);
  if (!status && (was_empty || (!had_enough && journal->filling_atoms >= journal->wanted_atoms)))
    condition_signal(&journal->work);
  mutex_unlock(&journal->mutex);
  return status;
}

uint64_t journal_durable(const struct journal *journal)
{
  return __atomic_load_n(&journal->durable, __ATOMIC_ACQUIRE);
}

bool journal_has_room(const struct journal *journal)
{
  return !__atomic_load_n(&journal->is_full, __ATOMIC_ACQUIRE);
}

size_t journal_backlog(struct journal *journal)
{
  mutex_lock(&journal->mutex);
  size_t bytes = journal->filling.bytes.size;
  mutex_unlock(&journal->mutex);
  return bytes;
}

int journal_failure(struct journal *journal, struct error *error)
{
  mutex_lock(&journal->mutex);
  int status = journal->status;
  if (status)
    *error = journal->error;
  mutex_unlock(&journal->mutex);
  return status;
}

void journal_statistics(struct journal *journal, struct journal_statistics *statistics)
{
  mutex_lock(&journal->mutex);
  *statistics = journal->statistics;
  mutex_unlock(&journal->mutex);
}

bool journal_wait(struct journal *journal, uint64_t position)
{
  mutex_lock(&journal->mutex);
  while (journal_durable(journal) < position && !journal->status && !journal->is_closing)
    condition_wait(&journal->durable_grew, &journal->mutex);
  bool is_there = journal_durable(journal) >= position;
  mutex_unlock(&journal->mutex);
  return is_there;
}

void journal_free(struct journal *journal, uint64_t position)
{
  mutex_lock(&journal->mutex);
  journal->free_position = position;
  condition_signal(&journal->work);
  mutex_unlock(&journal->mutex);
}

uint64_t journal_bytes(struct journal *journal)
{
  mutex_lock(&journal->mutex);
  uint64_t bytes = journal->bytes_written;
  mutex_unlock(&journal->mutex);
  return bytes;
}
