// The snapshot as a checkpoint that belongs to no log.
#include "host/backup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/sqlstate.h"
#include "os/disk.h"
#include "os/thread.h"

enum { ROWS_A_SLICE = 4096 };

static void found(void *context, const char *name)
{
  bool *is_used = context;
  *is_used = true;
}

static int write_rows(const struct disk *disk, const struct version *snapshot, uint64_t position, bool (*stops)(void *context),
                      void *context, struct error *error)
{
  struct checkpoint_writer *writer;
  int status = checkpoint_begin(disk, snapshot, position, 0, &writer, error);
  if (status)
    return status;
  while ((status = checkpoint_step(writer, ROWS_A_SLICE, error)) > 0)
    if (stops && stops(context)) {
      status = error_set(error, SQLSTATE_QUERY_CANCELED, "the backup was stopped");
      break;
    }
  if (!status)
    return checkpoint_finish(writer, NULL, error);
  checkpoint_abandon(writer);
  return status;
}

int backup_write(const struct version *snapshot, uint64_t position, const char *directory, bool (*stops)(void *context),
                 void *context, struct error *error)
{
  struct disk disk;
  bool is_used = false;
  int status = disk_open_directory(directory, &disk, error);
  if (status)
    return status;
  status = disk_list(&disk, found, &is_used, error);
  if (!status && is_used)
    status = error_set(error, SQLSTATE_DUPLICATE_FILE, "directory \"%s\" is not empty", directory);
  if (!status)
    status = write_rows(&disk, snapshot, position, stops, context, error);
  disk_close_directory(&disk);
  return status;
}

// --- For a session ------------------------------------------------------------------------------------------------

enum backup_state { BACKUP_IDLE, BACKUP_WRITING, BACKUP_WRITTEN, BACKUP_ENDED };

struct backup {
  struct mutex mutex;
  struct thread thread;
  enum backup_state state; // WRITTEN: by the thread; ENDED: the loop has seen it
  bool is_closing;
  struct version *snapshot;
  uint64_t position;
  struct journal *journal;
  struct wake *wake;
  uint32_t session;
  char directory[1200];
  int status;
  struct error error;
};

int backup_open(struct backup **result, struct error *error)
{
  struct backup *backup = calloc(1, sizeof *backup);
  if (!backup)
    return error_memory(error);
  mutex_init(&backup->mutex);
  *result = backup;
  return 0;
}

static bool is_closing(void *context)
{
  struct backup *backup = context;
  mutex_lock(&backup->mutex);
  bool closing = backup->is_closing;
  mutex_unlock(&backup->mutex);
  return closing;
}

static void backup_main(void *context)
{
  struct backup *backup = context;
  struct error error;
  error_clear(&error);
  int status = 0;
  if (backup->journal && !journal_wait(backup->journal, backup->position)) // it holds nothing that might still be lost
    status = error_set(&error, SQLSTATE_IO_ERROR, "the log cannot be written");
  if (!status)
    status = backup_write(backup->snapshot, backup->position, backup->directory, is_closing, backup, &error);
  mutex_lock(&backup->mutex);
  backup->status = status;
  backup->error = error;
  backup->state = BACKUP_WRITTEN;
  mutex_unlock(&backup->mutex);
  wake_signal(backup->wake);
}

static void collect(struct backup *backup)
{
  thread_close(&backup->thread);
  backup->thread = (struct thread){0};
  version_close(backup->snapshot);
  backup->snapshot = NULL;
}

void backup_close(struct backup *backup)
{
  if (!backup)
    return;
  mutex_lock(&backup->mutex);
  backup->is_closing = true;
  mutex_unlock(&backup->mutex);
  if (backup->snapshot)
    collect(backup);
  mutex_deinit(&backup->mutex);
  free(backup);
}

static bool is_plain(const char *name)
{
  size_t size = strlen(name);
  return size > 0 && size <= 100 && name[0] != '.' &&
         strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == size;
}

static int begin(struct backup *backup, const struct backup_place *place, uint32_t session, const char *name,
                 struct error *error)
{
  if (!place->folder) {
    int status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "the server may not write backups");
    error_hint(error, "Start it with --backups DIR.");
    return status;
  }
  if (!is_plain(name))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "a backup's name has letters, digits, dots, dashes and underscores, and does not begin with a dot");
  snprintf(backup->directory, sizeof backup->directory, "%.1000s/%s", place->folder, name);
  backup->snapshot = version_snapshot(place->trunk);
  if (!backup->snapshot)
    return error_memory(error);
  backup->position = place->position;
  backup->journal = place->journal;
  backup->wake = place->wake;
  backup->session = session;
  backup->state = BACKUP_WRITING;
  struct thread_options options = {.name = "quern-backup", .is_background = true};
  int status = thread_open(&backup->thread, &options, backup_main, backup, error);
  if (!status)
    return STATUS_WAIT;
  version_close(backup->snapshot);
  backup->snapshot = NULL;
  backup->state = BACKUP_IDLE;
  return status;
}

int backup_ask(struct backup *backup, const struct backup_place *place, uint32_t session, const char *name,
               uint64_t *position, struct error *error)
{
  bool is_own = backup->session == session;
  if (backup->snapshot) // it is being written
    return is_own ? STATUS_WAIT : error_set(error, SQLSTATE_OBJECT_IN_USE, "another backup is being written");
  bool has_ended = backup->state == BACKUP_ENDED;
  backup->state = BACKUP_IDLE;
  if (!has_ended || !is_own) // whoever asked for that one is gone
    return begin(backup, place, session, name, error);
  *position = backup->position;
  if (backup->status)
    *error = backup->error;
  return backup->status;
}

bool backup_ended(struct backup *backup, uint32_t *session)
{
  mutex_lock(&backup->mutex);
  bool is_written = backup->state == BACKUP_WRITTEN;
  if (is_written)
    backup->state = BACKUP_ENDED;
  mutex_unlock(&backup->mutex);
  if (!is_written)
    return false;
  collect(backup);
  *session = backup->session;
  return true;
}
