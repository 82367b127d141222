// What a data directory is worth: every checksum, every tree, every table, looked at without changing anything.
#include <stdio.h>
#include <stdlib.h>

#include "base/sqlstate.h"
#include "host/conversation.h"
#include "log/checkpoint.h"
#include "log/log.h"
#include "os/disk.h"
#include "partition/partition.h"

struct check {
  void (*say)(void *context, const char *line);
  void *context;
  struct partition *partition;
  uint64_t tables, rows, faults;
};

static void say(void *context, const char *line)
{
  struct check *check = context;
  if (check->say)
    check->say(check->context, line);
}

static int apply(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  struct check *check = context;
  return partition_apply(check->partition, payload, position, error);
}

static void found(void *context, const char *table, uint64_t rows, const struct error *fault)
{
  struct check *check = context;
  char line[sizeof fault->message + sizeof fault->detail + 100];
  check->tables++;
  check->rows += rows;
  if (!fault)
    return;
  check->faults++;
  snprintf(line, sizeof line, "table \"%.63s\": %s%s%s", table, fault->message, fault->detail[0] ? ": " : "", fault->detail);
  say(check, line);
}

static int no_data(const struct disk *disk, struct error *error)
{
  return error_set(error, SQLSTATE_UNDEFINED_FILE, "there is no data in directory \"%s\"", disk->path);
}

// Checkpoint and log, into the partition. Their checksums are looked at on the way.
static int recover(struct check *check, const struct disk *disk, struct error *error)
{
  char line[200];
  struct checkpoint checkpoint = {0};
  struct checkpoint_statistics loaded = {0};
  int status = checkpoint_find(disk, &checkpoint, say, check, error);
  if (!status && checkpoint.is_found)
    status = checkpoint_load(disk, &checkpoint, partition_trunk(check->partition), &loaded, error);
  if (status)
    return status;
  struct log_options options = {
    .after = checkpoint.position,
    .log_id = checkpoint.log_id,
    .new_log_id = 1,
    .is_read_only = true,
    .apply = apply,
    .report = say,
    .context = check,
  };
  struct log *log;
  status = log_open(disk, &options, &log, error);
  if (status)
    return status;
  struct log_statistics statistics;
  log_statistics(log, &statistics);
  uint64_t position = log_position(log);
  bool is_empty = log_is_new(log) && !checkpoint.is_found;
  log_close(log);
  if (is_empty)
    return no_data(disk, error);
  snprintf(line, sizeof line, "checkpoint at position %llu: %llu rows, %llu bytes", (unsigned long long)checkpoint.position,
           (unsigned long long)loaded.rows, (unsigned long long)checkpoint.file_bytes);
  say(check, line);
  snprintf(line, sizeof line, "log up to position %llu: %llu atoms, %llu bytes", (unsigned long long)position,
           (unsigned long long)statistics.recovered_atoms, (unsigned long long)statistics.recovered_bytes);
  say(check, line);
  return partition_recovered(check->partition, position, error);
}

static void name_found(void *context, const char *name)
{
  bool *has_files = context;
  *has_files = true;
}

static int check_directory(struct check *check, const struct disk *disk, struct error *error)
{
  struct disk_file *lock = NULL;
  struct partition_options options = {.seed = 1};
  bool has_files = false;
  int status = disk_list(disk, name_found, &has_files, error);
  if (!status && !has_files) // not even a lock is to be left in it
    status = no_data(disk, error);
  if (!status)
    status = disk_lock(disk, LOG_LOCK, &lock, error);
  check->partition = status ? NULL : partition_open(&options, error);
  if (!status && !check->partition)
    status = error->status;
  if (!status)
    status = recover(check, disk, error);
  if (!status)
    status = partition_verify(check->partition, found, check, error);
  if (check->partition)
    partition_close(check->partition);
  disk_close(lock);
  return status;
}

int quern_check(const char *directory, void (*report)(void *context, const char *line), void *context,
                struct quern_error *quern_error)
{
  struct error error;
  error_clear(&error);
  struct check check = {.say = report, .context = context};
  struct disk disk;
  int status = disk_open_existing(directory, &disk, &error);
  if (!status) {
    status = check_directory(&check, &disk, &error);
    disk_close_directory(&disk);
  }
  if (!status && check.faults)
    status = error_set(&error, SQLSTATE_DATA_CORRUPTED, "%llu of %llu tables are not what they should be",
                       (unsigned long long)check.faults, (unsigned long long)check.tables);
  char line[200];
  snprintf(line, sizeof line, "%llu tables, %llu rows: all is well", (unsigned long long)check.tables,
           (unsigned long long)check.rows);
  if (!status)
    say(&check, line);
  else
    copy_error(&error, quern_error);
  return status;
}
