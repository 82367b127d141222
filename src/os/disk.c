// The real disk: one directory, by its descriptor.
//
// 1. No call leaves a half-opened file.
// 2. Whatever a sync meets is 58030: after a failed fdatasync the kernel may have dropped the bytes, so that trying
//    again would claim what is not there.
#include "os/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sqlstate.h"

struct directory {
  char *path;
  int descriptor;
};

struct real_file {
  struct disk_file file; // first: a disk_file is one of these
  const struct directory *directory;
  int descriptor;
  char name[DISK_NAME];
};

static int directory_failed(const struct directory *directory, const char *name, const char *what, int code,
                            struct error *error)
{
  if (code == ENOMEM)
    return error_memory(error);
  bool is_full = code == ENOSPC || code == EDQUOT;
  return error_set(error, is_full ? SQLSTATE_DISK_FULL : SQLSTATE_IO_ERROR, "could not %s file \"%s/%s\": %s", what,
                   directory->path, name, strerror(code));
}

static int file_failed(const struct real_file *file, const char *what, struct error *error)
{
  return directory_failed(file->directory, file->name, what, errno, error);
}

static int real_read(struct disk_file *disk_file, uint64_t offset, void *data, size_t size, size_t *got,
                     struct error *error)
{
  struct real_file *file = (struct real_file *)disk_file;
  *got = 0;
  while (*got < size) {
    ssize_t part = pread(file->descriptor, (uint8_t *)data + *got, size - *got, (off_t)(offset + *got));
    if (part == 0)
      break;
    if (part < 0 && errno == EINTR)
      continue;
    if (part < 0)
      return file_failed(file, "read", error);
    *got += (size_t)part;
  }
  return STATUS_OK;
}

static int real_write(struct disk_file *disk_file, uint64_t offset, const void *data, size_t size, struct error *error)
{
  struct real_file *file = (struct real_file *)disk_file;
  size_t done = 0;
  while (done < size) {
    ssize_t part = pwrite(file->descriptor, (const uint8_t *)data + done, size - done, (off_t)(offset + done));
    if (part < 0 && errno == EINTR)
      continue;
    if (part < 0)
      return file_failed(file, "write to", error);
    done += (size_t)part;
  }
  return STATUS_OK;
}

static int real_sync(struct disk_file *disk_file, struct error *error)
{
  struct real_file *file = (struct real_file *)disk_file;
  if (fdatasync(file->descriptor) == 0)
    return STATUS_OK;
  return error_set(error, SQLSTATE_IO_ERROR, "could not fdatasync file \"%s/%s\": %s", file->directory->path,
                   file->name, strerror(errno));
}

static int real_preallocate(struct disk_file *disk_file, uint64_t size, struct error *error)
{
  struct real_file *file = (struct real_file *)disk_file;
  int code;
  do
    code = posix_fallocate(file->descriptor, 0, (off_t)size);
  while (code == EINTR);
  errno = code;
  return code == 0 ? STATUS_OK : file_failed(file, "allocate space for", error);
}

static int real_truncate(struct disk_file *disk_file, uint64_t size, struct error *error)
{
  struct real_file *file = (struct real_file *)disk_file;
  int code;
  do
    code = ftruncate(file->descriptor, (off_t)size);
  while (code < 0 && errno == EINTR);
  return code == 0 ? STATUS_OK : file_failed(file, "truncate", error);
}

static int real_size(struct disk_file *disk_file, uint64_t *size, struct error *error)
{
  struct real_file *file = (struct real_file *)disk_file;
  struct stat status;
  if (fstat(file->descriptor, &status) != 0)
    return file_failed(file, "get the size of", error);
  *size = (uint64_t)status.st_size;
  return STATUS_OK;
}

static void real_close(struct disk_file *disk_file)
{
  struct real_file *file = (struct real_file *)disk_file;
  close(file->descriptor);
  free(file);
}

static int real_open_flags(struct directory *directory, const char *name, int flags, struct disk_file **opened,
                           struct error *error);

static int real_open(void *context, const char *name, enum disk_mode mode, struct disk_file **file,
                     struct error *error)
{
  int flags = mode == DISK_READ ? O_RDONLY : mode == DISK_WRITE ? O_RDWR : O_RDWR | O_CREAT | O_TRUNC;
  return real_open_flags(context, name, flags, file, error);
}

static int real_rename(void *context, const char *from, const char *to, struct error *error)
{
  struct directory *directory = context;
  if (renameat(directory->descriptor, from, directory->descriptor, to) == 0)
    return STATUS_OK;
  return directory_failed(directory, from, "rename", errno, error);
}

static int real_remove(void *context, const char *name, struct error *error)
{
  struct directory *directory = context;
  if (unlinkat(directory->descriptor, name, 0) == 0)
    return STATUS_OK;
  return directory_failed(directory, name, "remove", errno, error);
}

static int list_failed(const struct directory *directory, struct error *error)
{
  return error_set(error, SQLSTATE_IO_ERROR, "could not read directory \"%s\": %s", directory->path, strerror(errno));
}

static int real_list(void *context, disk_list_entry entry, void *entry_context, struct error *error)
{
  struct directory *directory = context;
  // A descriptor of its own: the place in the listing belongs to it.
  int descriptor = openat(directory->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return list_failed(directory, error);
  DIR *listing = fdopendir(descriptor);
  if (!listing) {
    close(descriptor);
    return list_failed(directory, error);
  }
  struct dirent *found;
  for (errno = 0; (found = readdir(listing)); errno = 0) {
    if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
      entry(entry_context, found->d_name);
  }
  int status = errno ? list_failed(directory, error) : STATUS_OK;
  closedir(listing);
  return status;
}

static int real_sync_directory(void *context, struct error *error)
{
  struct directory *directory = context;
  if (fsync(directory->descriptor) == 0)
    return STATUS_OK;
  return error_set(error, SQLSTATE_IO_ERROR, "could not fsync directory \"%s\": %s", directory->path, strerror(errno));
}

// The holder writes its process id into the file, so that the one who is refused can say who has it. flock belongs to
// the open file, so two engines of one process refuse each other as well.
static int real_lock(void *context, const char *name, struct disk_file **opened, struct error *error)
{
  struct directory *directory = context;
  struct disk_file *lock;
  int status = real_open_flags(directory, name, O_RDWR | O_CREAT, &lock, error);
  if (status)
    return status;
  struct real_file *file = (struct real_file *)lock;
  char text[24] = "";
  if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      status = error_set(error, SQLSTATE_OBJECT_IN_USE, "data directory \"%s\" is in use by another process",
                         directory->path);
      if (pread(file->descriptor, text, sizeof text - 1, 0) > 0 && atoi(text) > 0)
        error_detail(error, "The process with PID %d holds the lock file \"%s\".", atoi(text), name);
    } else {
      status = file_failed(file, "lock", error);
    }
    real_close(lock);
    return status;
  }
  int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
  if ((status = real_truncate(lock, 0, error)) || (status = real_write(lock, 0, text, (size_t)size, error))) {
    real_close(lock);
    return status;
  }
  *opened = lock;
  return STATUS_OK;
}

static const struct disk_methods real_methods = {
    .open = real_open,
    .rename = real_rename,
    .remove = real_remove,
    .list = real_list,
    .sync_directory = real_sync_directory,
    .lock = real_lock,
    .read = real_read,
    .write = real_write,
    .sync = real_sync,
    .preallocate = real_preallocate,
    .truncate = real_truncate,
    .size = real_size,
    .close = real_close,
};

static int real_open_flags(struct directory *directory, const char *name, int flags, struct disk_file **opened,
                           struct error *error)
{
  *opened = NULL;
  struct real_file *file = malloc(sizeof *file);
  if (!file)
    return error_memory(error);
  *file = (struct real_file){.file.methods = &real_methods, .directory = directory};
  snprintf(file->name, sizeof file->name, "%s", name);
  do
    file->descriptor = openat(directory->descriptor, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  while (file->descriptor < 0 && errno == EINTR);
  if (file->descriptor < 0) {
    int status = directory_failed(directory, name, flags & O_CREAT ? "create" : "open", errno, error);
    free(file);
    return status;
  }
  *opened = &file->file;
  return STATUS_OK;
}

// A directory that was just made must itself survive a power cut: its parent is synced too.
static int sync_parent(const struct directory *directory, struct error *error)
{
  int parent = openat(directory->descriptor, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int code = parent < 0 || fsync(parent) != 0 ? errno : 0;
  if (parent >= 0)
    close(parent);
  if (code)
    return error_set(error, SQLSTATE_IO_ERROR, "could not fsync the parent of directory \"%s\": %s", directory->path,
                     strerror(code));
  return STATUS_OK;
}

static int open_directory(const char *path, bool is_new, struct disk *disk, struct error *error)
{
  struct directory *directory = malloc(sizeof *directory);
  char *copy = strdup(path);
  if (!directory || !copy) {
    free(directory);
    free(copy);
    return error_memory(error);
  }
  *directory = (struct directory){.path = copy, .descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  int status = STATUS_OK;
  if (directory->descriptor < 0)
    status = error_set(error, SQLSTATE_IO_ERROR, "could not open directory \"%s\": %s", path, strerror(errno));
  else if (is_new)
    status = sync_parent(directory, error);
  *disk = (struct disk){.methods = &real_methods, .context = directory, .path = copy};
  if (status)
    disk_close_directory(disk);
  return status;
}

int disk_open_directory(const char *path, struct disk *disk, struct error *error)
{
  bool is_new = mkdir(path, 0700) == 0;
  if (!is_new && errno != EEXIST) {
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return error_set(error, is_full ? SQLSTATE_DISK_FULL : SQLSTATE_IO_ERROR, "could not create directory \"%s\": %s",
                     path, strerror(errno));
  }
  return open_directory(path, is_new, disk, error);
}

int disk_open_existing(const char *path, struct disk *disk, struct error *error)
{
  struct stat stat;
  if (lstat(path, &stat) && errno == ENOENT)
    return error_set(error, SQLSTATE_UNDEFINED_FILE, "directory \"%s\" does not exist", path);
  return open_directory(path, false, disk, error);
}

void disk_close_directory(struct disk *disk)
{
  struct directory *directory = disk->context;
  if (!directory)
    return;
  if (directory->descriptor >= 0)
    close(directory->descriptor);
  free(directory->path);
  free(directory);
  *disk = (struct disk){0};
}
