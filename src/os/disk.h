// One directory of files: all that the log and the checkpoints do with a disk goes through here, so that a
// simulated disk can stand in its place.
//
// 1. Names are plain names inside the disk's directory, without slashes.
// 2. What was written is on the disk only after disk_sync; that a name is (or is not) there, only after
//    disk_sync_directory.
// 3. Errors name the path and the system's reason: 53100 for a full disk (STATUS_LIMIT: it may succeed later),
//    58030 for everything else (STATUS_FATAL). A failed disk_sync is never to be tried again.
// 4. A file is used by one thread at a time; different files, and the directory, by any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum disk_mode {
  DISK_READ,   // must exist
  DISK_WRITE,  // must exist; to read and write
  DISK_CREATE, // to read and write; what had the name is emptied
};

enum { DISK_NAME = 64 }; // bytes of the longest name, zero byte included

struct disk_file {
  const struct disk_methods *methods;
};

// Called once a name; must not change the directory.
typedef void (*disk_list_entry)(void *context, const char *name);

struct disk_methods {
  int (*open)(void *context, const char *name, enum disk_mode mode, struct disk_file **file, struct error *error);
  int (*rename)(void *context, const char *from, const char *to, struct error *error);
  int (*remove)(void *context, const char *name, struct error *error);
  int (*list)(void *context, disk_list_entry entry, void *entry_context, struct error *error);
  int (*sync_directory)(void *context, struct error *error);
  int (*lock)(void *context, const char *name, struct disk_file **file, struct error *error);

  int (*read)(struct disk_file *file, uint64_t offset, void *data, size_t size, size_t *got, struct error *error);
  int (*write)(struct disk_file *file, uint64_t offset, const void *data, size_t size, struct error *error);
  int (*sync)(struct disk_file *file, struct error *error);
  int (*preallocate)(struct disk_file *file, uint64_t size, struct error *error);
  int (*truncate)(struct disk_file *file, uint64_t size, struct error *error);
  int (*size)(struct disk_file *file, uint64_t *size, struct error *error);
  void (*close)(struct disk_file *file);
};

struct disk {
  const struct disk_methods *methods;
  void *context;
  const char *path; // of the directory, for messages; borrowed
};

// The real one. Makes the directory if it is missing (its parent must exist). A failed open leaves nothing to close.
int disk_open_directory(const char *path, struct disk *disk, struct error *error);
int disk_open_existing(const char *path, struct disk *disk, struct error *error); // 58P01: there is none
void disk_close_directory(struct disk *disk); // its files must have been closed

static inline int disk_open(const struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **file,
                            struct error *error)
{
  return disk->methods->open(disk->context, name, mode, file, error);
}

// Replaces what was named `to`, atomically.
static inline int disk_rename(const struct disk *disk, const char *from, const char *to, struct error *error)
{
  return disk->methods->rename(disk->context, from, to, error);
}

static inline int disk_remove(const struct disk *disk, const char *name, struct error *error)
{
  return disk->methods->remove(disk->context, name, error);
}

// Every file's name, in no particular order.
static inline int disk_list(const struct disk *disk, disk_list_entry entry, void *context, struct error *error)
{
  return disk->methods->list(disk->context, entry, context, error);
}

static inline int disk_sync_directory(const struct disk *disk, struct error *error)
{
  return disk->methods->sync_directory(disk->context, error);
}

// Takes the directory for this process (file `name`), until the file is closed or the process ends.
// 55006 when somebody has it.
static inline int disk_lock(const struct disk *disk, const char *name, struct disk_file **file, struct error *error)
{
  return disk->methods->lock(disk->context, name, file, error);
}

// Fewer bytes than asked for are got only at the file's end.
static inline int disk_read(struct disk_file *file, uint64_t offset, void *data, size_t size, size_t *got,
                            struct error *error)
{
  return file->methods->read(file, offset, data, size, got, error);
}

// All of it or an error (of which some part may have been written). Behind the end the file grows, with zeros between.
static inline int disk_write(struct disk_file *file, uint64_t offset, const void *data, size_t size,
                             struct error *error)
{
  return file->methods->write(file, offset, data, size, error);
}

// fdatasync: the bytes, and the size if it grew. A failure is STATUS_FATAL.
static inline int disk_sync(struct disk_file *file, struct error *error)
{
  return file->methods->sync(file, error);
}

// Sees to it that writing up to size will not meet a full disk; the file grows to it with zeros.
static inline int disk_preallocate(struct disk_file *file, uint64_t size, struct error *error)
{
  return file->methods->preallocate(file, size, error);
}

static inline int disk_truncate(struct disk_file *file, uint64_t size, struct error *error)
{
  return file->methods->truncate(file, size, error);
}

static inline int disk_size(struct disk_file *file, uint64_t *size, struct error *error)
{
  return file->methods->size(file, size, error);
}

static inline void disk_close(struct disk_file *file)
{
  if (file)
    file->methods->close(file);
}
