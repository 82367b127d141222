// An allocation that fails, one after another, while a log is opened, written, checkpointed, freed and recovered: whatever
// it was for, what was durable is there at the next opening, whole and in order, and a start that is refused harms nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "log/checkpoint.h"
#include "log/log.h"
#include "store/store.h"
#include "../support/refuse.h"

enum { SMALL = 32 * 1024, ATOMS = 60, TREE = 64 };

struct bench {
  struct disk disk;
  struct disk_file *lock;
  struct memory_account account;
  struct store *store; // one tree: position -> payload
  struct log *log;
  struct log_group group;
  uint64_t written, acknowledged;
};

static uint64_t refused;

static void die(const char *what, const char *why)
{
  fprintf(stderr, "allocation %llu refused: %s: %s\n", (unsigned long long)refused, what, why);
  exit(1);
}

// A payload is a function of its position; some are longer than a segment.
static struct bytes payload_of(uint64_t position, uint8_t *bytes)
{
  size_t size = position % 17 == 0 ? 50000 : position * 37 % 900;
  for (size_t i = 0; i < size; i++)
    bytes[i] = (uint8_t)(position * 31 + i * 7);
  return bytes_of(bytes, size);
}

static int put(struct bench *bench, uint64_t position, struct bytes payload, struct error *error)
{
  uint8_t key[8];
  put_be64(key, position);
  struct tree_put row = {.tree = TREE, .key = bytes_of(key, 8), .row = payload, .position = position};
  return tree_put(store_trunk(bench->store), &row) == PUT_NO_MEMORY ? error_memory(error) : 0;
}

static int apply(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  return put(context, position, payload, error);
}

static void stop(struct bench *bench)
{
  log_close(bench->log);
  log_group_deinit(&bench->group);
  disk_close(bench->lock);
  store_close(bench->store);
  disk_close_directory(&bench->disk);
  bench->log = NULL;
  bench->lock = NULL;
  bench->store = NULL;
  bench->disk = (struct disk){0};
}

static int start(struct bench *bench, const char *path, struct error *error)
{
  struct checkpoint found = {0};
  int status = disk_open_directory(path, &bench->disk, error);
  if (status) {
    bench->disk = (struct disk){0};
    return status;
  }
  bench->store = store_open(&bench->account);
  if (!bench->store)
    status = error_memory(error);
  if (!status)
    status = disk_lock(&bench->disk, LOG_LOCK, &bench->lock, error);
  if (!status)
    status = checkpoint_find(&bench->disk, &found, NULL, NULL, error);
  if (!status && found.is_found)
    status = checkpoint_load(&bench->disk, &found, store_trunk(bench->store), NULL, error);
  struct log_options options = {.segment_size = SMALL, .after = found.position, .log_id = found.log_id, .new_log_id = 77,
                                .without_sync = true, .apply = apply, .context = bench};
  if (!status)
    status = log_open(&bench->disk, &options, &bench->log, error);
  return status ? status : checkpoint_clean(&bench->disk, &found, error);
}

// As the host does: what the log could not take is given to it again.
static int write_group(struct bench *bench, struct error *error)
{
  int status = log_write_group(bench->log, &bench->group, error);
  if (status == STATUS_LIMIT)
    status = log_write_group(bench->log, &bench->group, error);
  if (status)
    return status;
  log_group_clear(&bench->group);
  bench->acknowledged = log_durable(bench->log);
  return 0;
}

static int write_atoms(struct bench *bench, int count, struct error *error)
{
  static uint8_t bytes[50000];
  int status = 0;
  for (int i = 0; i < count && !status; i++) {
    uint64_t position = log_position(bench->log) + 1 + (uint64_t)(i % 4);
    struct bytes payload = payload_of(position, bytes);
    status = put(bench, position, payload, error);
    if (!status)
      status = log_group_append(&bench->group, position, payload, error);
    if (!status)
      bench->written = position;
    if (!status && i % 4 == 3)
      status = write_group(bench, error);
  }
  return status;
}

static int checkpoint_now(struct bench *bench, struct error *error)
{
  struct checkpoint_writer *writer;
  struct version *snapshot = version_snapshot(store_trunk(bench->store));
  uint64_t position = log_position(bench->log);
  if (!snapshot)
    return error_memory(error);
  int status = checkpoint_begin(&bench->disk, snapshot, position, log_id(bench->log), &writer, error);
  int more = 1;
  while (!status && (more = checkpoint_step(writer, 20, error)) > 0)
    ;
  if (!status && more < 0)
    checkpoint_abandon(writer);
  status = status ? status : more;
  if (!status)
    status = checkpoint_finish(writer, NULL, error);
  version_close(snapshot);
  return status ? status : log_free(bench->log, position, error);
}

static int go(struct bench *bench, const char *path, struct error *error)
{
  int status = start(bench, path, error);
  if (!status)
    status = write_atoms(bench, 28, error);
  if (!status)
    status = checkpoint_now(bench, error);
  if (!status)
    status = write_atoms(bench, 12, error);
  stop(bench);
  if (!status)
    status = start(bench, path, error);
  if (!status)
    status = write_atoms(bench, 20, error);
  stop(bench);
  return status;
}

static void look(struct bench *bench, const char *path)
{
  static uint8_t bytes[50000];
  struct error error;
  if (start(bench, path, &error))
    die("the next start", error.message);
  uint64_t count = tree_count(store_trunk(bench->store), TREE);
  if (count < bench->acknowledged || count > bench->written || count != log_position(bench->log))
    die("the log", "atoms are lost, or were never written");
  for (uint64_t position = 1; position <= count; position++) {
    uint8_t key[8];
    struct bytes row;
    put_be64(key, position);
    if (!tree_get(store_trunk(bench->store), TREE, bytes_of(key, 8), &row, NULL) ||
        !bytes_equal(row, payload_of(position, bytes)))
      die("the log", "an atom is not what was written");
  }
  stop(bench);
}

static uint64_t run(uint64_t which)
{
  char path[] = "/tmp/quern-allocation-XXXXXX", command[80];
  if (!mkdtemp(path))
    die("a folder", "could not be made");
  refused = which;
  struct bench bench = {0};
  struct error error;
  error_clear(&error);
  refuse_begin(which);
  int status = go(&bench, path, &error);
  uint64_t allocations = refuse_end();
  if (status && strcmp(error.sqlstate, "53200") != 0)
    die(error.sqlstate, error.message);
  if (!which && (status || bench.acknowledged != ATOMS))
    die("nothing", error.message);
  look(&bench, path);
  snprintf(command, sizeof command, "rm -rf '%s'", path);
  if (system(command))
    die("a folder", "could not be removed");
  return allocations;
}

int main(int count, char **arguments)
{
  return refuse_main(count, arguments, run, 150);
}
