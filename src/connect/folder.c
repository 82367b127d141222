// Paths are opened beneath the folder's descriptor by the kernel (openat2), which refuses whatever leads out of it.
#include "connect/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "connect/support.h"

int folders_add(struct folders *folders, const char *path, struct quern_error *error)
{
  if (folders->count == FOLDERS_MAXIMUM)
    return connector_error(error, "53400", "more than %d folders for files", FOLDERS_MAXIMUM);
  struct folder *folder = &folders->list[folders->count];
  char *real = realpath(path, NULL);
  folder->descriptor = real ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (folder->descriptor < 0 || strlen(real) >= sizeof folder->path) {
    int reason = folder->descriptor < 0 ? errno : ENAMETOOLONG;
    if (folder->descriptor >= 0)
      close(folder->descriptor);
    free(real);
    return connector_error(error, "58P01", "could not open folder \"%s\": %s", path, strerror(reason));
  }
  strcpy(folder->path, real);
  free(real);
  folders->count++;
  return 0;
}

void folders_close(struct folders *folders)
{
  while (folders->count > 0)
    close(folders->list[--folders->count].descriptor);
}

static bool has_parent_step(const char *path)
{
  for (const char *at = path; at; at = strchr(at, '/')) {
    at += *at == '/';
    if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
      return true;
  }
  return false;
}

// What of an absolute path is beneath the folder. NULL: it is somewhere else.
static const char *beneath(const struct folder *folder, const char *path)
{
  size_t size = strlen(folder->path);
  bool is_root = strcmp(folder->path, "/") == 0;
  if (strncmp(path, folder->path, size) != 0 || (!is_root && path[size] != '/'))
    return NULL;
  path += size;
  return path + strspn(path, "/");
}

int folders_check(const struct folders *folders, const char *path, struct quern_error *error)
{
  if (!*path)
    return connector_error(error, "22023", "the path is empty");
  bool is_allowed = *path != '/' && folders->count > 0;
  for (int i = 0; *path == '/' && i < folders->count; i++)
    is_allowed |= beneath(&folders->list[i], path) != NULL;
  if (is_allowed && !has_parent_step(path))
    return 0;
  connector_error(error, "42501", "path \"%s\" is not in a folder that the server may use", path);
  strcpy(error->hint, "Start the server with --files DIR to allow one.");
  return -1;
}

int folders_open(const struct folders *folders, const char *path, int flags, struct quern_error *error)
{
  if (folders_check(folders, path, error))
    return -1;
  struct open_how how = {
    .flags = (uint64_t)flags | O_CLOEXEC,
    .mode = flags & O_CREAT ? 0640 : 0,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  int reason = ENOENT;
  for (int i = 0; i < folders->count; i++) {
    const struct folder *folder = &folders->list[i];
    const char *relative = *path == '/' ? beneath(folder, path) : path;
    if (!relative)
      continue;
    long descriptor = syscall(SYS_openat2, folder->descriptor, *relative ? relative : ".", &how, sizeof how);
    if (descriptor >= 0)
      return (int)descriptor;
    reason = errno;
    if (reason != ENOENT)
      break;
  }
  if (reason == EXDEV || reason == ELOOP)
    return connector_error(error, "42501", "path \"%s\" leads out of the folders that the server may use", path);
  return connector_error(error, "58P01", "could not open file \"%s\": %s", path, strerror(reason));
}
