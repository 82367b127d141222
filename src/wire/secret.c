// The secret's file. One that is too short (its making was cut off) is made anew.
#include "wire/secret.h"

#include <stdio.h>
#include <unistd.h>

#include "os/disk.h"
#include "os/random.h"

static const char name[] = "login.secret";

static int make(const struct disk *disk, uint8_t secret[SECRET_SIZE], struct error *error)
{
  struct disk_file *file;
  int status = random_fill(secret, SECRET_SIZE, error);
  if (!status)
    status = disk_open(disk, name, DISK_CREATE, &file, error);
  if (status)
    return status;
  status = disk_write(file, 0, secret, SECRET_SIZE, error);
  if (!status)
    status = disk_sync(file, error);
  disk_close(file);
  return status ? status : disk_sync_directory(disk, error);
}

int secret_read(const char *directory, uint8_t secret[SECRET_SIZE], struct error *error)
{
  if (!directory)
    return random_fill(secret, SECRET_SIZE, error);
  char path[4096];
  struct disk disk;
  struct disk_file *file;
  size_t got = 0;
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int status = disk_open_existing(directory, &disk, error);
  if (status)
    return status;
  if (access(path, F_OK) == 0 && !(status = disk_open(&disk, name, DISK_READ, &file, error))) {
    status = disk_read(file, 0, secret, SECRET_SIZE, &got, error);
    disk_close(file);
  }
  if (!status && got < SECRET_SIZE)
    status = make(&disk, secret, error);
  disk_close_directory(&disk);
  return status;
}
