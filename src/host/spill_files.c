// Random names, as others may use the directory.
#include "host/spill_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "os/random.h"

struct spilled {
  struct disk_file *disk_file;
  uint64_t size;
};

static int hook_open(void *context, void **result, struct error *error)
{
  struct spill_files *files = context;
  struct spilled *file = calloc(1, sizeof *file);
  if (!file)
    return error_memory(error);
  char name[DISK_NAME];
  uint64_t random;
  int status = random_fill(&random, sizeof random, error);
  snprintf(name, sizeof name, "temporary-%016llx", (unsigned long long)random);
  if (!status)
    status = disk_open(files->disk, name, DISK_CREATE, &file->disk_file, error);
  if (!status) {
    status = disk_remove(files->disk, name, error);
    if (status)
      disk_close(file->disk_file);
  }
  if (status) {
    free(file);
    return status;
  }
  *result = file;
  return 0;
}

static void hook_close(void *context, void *opened)
{
  struct spill_files *files = context;
  struct spilled *file = opened;
  disk_close(file->disk_file);
  __atomic_fetch_sub(&files->used, file->size, __ATOMIC_RELAXED);
  free(file);
}

static int hook_write(void *context, void *opened, uint64_t offset, const void *data, size_t size, struct error *error)
{
  struct spill_files *files = context;
  struct spilled *file = opened;
  uint64_t end = offset + size, more = end > file->size ? end - file->size : 0;
  uint64_t used = __atomic_add_fetch(&files->used, more, __ATOMIC_RELAXED);
  __atomic_fetch_add(&files->written, size, __ATOMIC_RELAXED);
  file->size += more;
  if (used > files->limit) {
    int status = error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "temporary files exceed --temporary-limit (%llu kB)",
                           (unsigned long long)files->limit / 1024);
    error_hint(error, "Give statements more memory (--statement-memory), or the files more room.");
    return status;
  }
  return disk_write(file->disk_file, offset, data, size, error);
}

static int hook_read(void *context, void *opened, uint64_t offset, void *data, size_t size, struct error *error)
{
  struct spilled *file = opened;
  size_t got;
  int status = disk_read(file->disk_file, offset, data, size, &got, error);
  if (!status && got < size)
    status = error_set(error, SQLSTATE_IO_ERROR, "a temporary file ends before its end");
  return status;
}

int spill_files_open(struct spill_files *files, const char *directory, struct disk *data, uint64_t limit,
                   struct error *error)
{
  *files = (struct spill_files){.disk = data, .limit = limit ? limit : DEFAULT_TEMPORARY_BYTES};
  files->hooks = (struct spill_hooks){files, hook_open, hook_write, hook_read, hook_close};
  if (!directory && data)
    return 0;
  if (!directory)
    directory = getenv("TMPDIR");
  files->disk = &files->own;
  return disk_open_existing(directory && *directory ? directory : "/tmp", &files->own, error);
}

void spill_files_close(struct spill_files *files)
{
  if (files->own.methods)
    disk_close_directory(&files->own);
  *files = (struct spill_files){0};
}

uint64_t spill_files_used(const struct spill_files *files)
{
  return __atomic_load_n(&files->used, __ATOMIC_RELAXED);
}

uint64_t spill_files_written(const struct spill_files *files)
{
  return __atomic_load_n(&files->written, __ATOMIC_RELAXED);
}
