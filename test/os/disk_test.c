// The real disk: one holder, and errors that say which file and why.
#include "os/disk.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
  char path[64];
  struct disk disk;
};

static int set_up(void **state)
{
  struct place *place = calloc(1, sizeof *place);
  snprintf(place->path, sizeof place->path, "/tmp/quern-disk-test-XXXXXX");
  assert_non_null(mkdtemp(place->path));
  struct error error;
  assert_int_equal(disk_open_directory(place->path, &place->disk, &error), 0);
  *state = place;
  return 0;
}

static void remove_file(void *context, const char *name)
{
  char path[400];
  snprintf(path, sizeof path, "%s/%s", ((struct place *)context)->path, name);
  assert_int_equal(unlink(path), 0);
}

static int tear_down(void **state)
{
  struct place *place = *state;
  assert_int_equal(disk_list(&place->disk, remove_file, place, NULL), 0);
  disk_close_directory(&place->disk);
  disk_close_directory(&place->disk);
  rmdir(place->path);
  free(place);
  return 0;
}

static void test_files(void **state)
{
  struct place *place = *state;
  const struct disk *disk = &place->disk;
  struct disk_file *file;
  struct error error;
  char bytes[16] = "";
  size_t got;
  uint64_t size;
  assert_int_equal(disk_open(disk, "a", DISK_WRITE, &file, &error), STATUS_FATAL);
  assert_string_equal(error.sqlstate, "58030");
  assert_non_null(strstr(error.message, place->path));
  assert_non_null(strstr(error.message, "/a\": No such file or directory"));
  assert_int_equal(disk_open(disk, "a", DISK_CREATE, &file, &error), 0);
  assert_int_equal(disk_preallocate(file, 10000, &error), 0);
  assert_int_equal(disk_write(file, 9998, "abcd", 4, &error), 0);
  assert_int_equal(disk_size(file, &size, &error), 0);
  assert_int_equal(size, 10002);
  assert_int_equal(disk_sync(file, &error), 0);
  assert_int_equal(disk_read(file, 9997, bytes, sizeof bytes, &got, &error), 0);
  assert_int_equal(got, 5);
  assert_memory_equal(bytes, "\0abcd", 5);
  assert_int_equal(disk_truncate(file, 9999, &error), 0);
  disk_close(file);
  assert_int_equal(disk_rename(disk, "a", "b", &error), 0);
  assert_int_equal(disk_sync_directory(disk, &error), 0);
  assert_int_equal(disk_open(disk, "b", DISK_READ, &file, &error), 0);
  assert_int_equal(disk_write(file, 0, "x", 1, &error), STATUS_FATAL); // opened to read
  assert_string_equal(error.sqlstate, "58030");
  assert_int_equal(disk_size(file, &size, &error), 0);
  assert_int_equal(size, 9999);
  disk_close(file);
  assert_int_equal(disk_open(disk, "b", DISK_CREATE, &file, &error), 0);
  assert_int_equal(disk_size(file, &size, &error), 0);
  assert_int_equal(size, 0);
  disk_close(file);
  assert_int_equal(disk_remove(disk, "b", &error), 0);
  assert_int_equal(disk_remove(disk, "b", &error), STATUS_FATAL);
}

// /dev/full answers every write as a full disk does.
static void test_full_disk(void **state)
{
  (void)state;
  struct disk device;
  struct error error;
  struct disk_file *file;
  assert_int_equal(disk_open_directory("/dev", &device, &error), 0);
  assert_int_equal(disk_open(&device, "full", DISK_WRITE, &file, &error), 0);
  assert_int_equal(disk_write(file, 0, "x", 1, &error), STATUS_LIMIT);
  assert_string_equal(error.sqlstate, "53100");
  assert_string_equal(error.message, "could not write to file \"/dev/full\": No space left on device");
  disk_close(file);
  disk_close_directory(&device);
}

static void test_second_holder_is_refused(void **state)
{
  struct place *place = *state;
  struct error error;
  struct disk_file *lock, *second;
  assert_int_equal(disk_lock(&place->disk, "lock", &lock, &error), 0);
  // In this process too.
  assert_int_equal(disk_lock(&place->disk, "lock", &second, &error), STATUS_INPUT);
  char expected[256];
  snprintf(expected, sizeof expected, "data directory \"%s\" is in use by another process", place->path);
  assert_string_equal(error.message, expected);
  assert_string_equal(error.sqlstate, "55006");
  snprintf(expected, sizeof expected, "The process with PID %d holds the lock file \"lock\".", (int)getpid());
  assert_string_equal(error.detail, expected);
  disk_close(lock);
  assert_int_equal(disk_lock(&place->disk, "lock", &lock, &error), 0);
  disk_close(lock);
}

static void test_a_killed_holder_lets_go(void **state)
{
  struct place *place = *state;
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    struct disk disk;
    struct error child_error;
    struct disk_file *lock;
    if (disk_open_directory(place->path, &disk, &child_error) || disk_lock(&disk, "lock", &lock, &child_error))
      _exit(1);
    if (write(ready[1], "x", 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  char byte;
  assert_int_equal(read(ready[0], &byte, 1), 1);
  struct error error;
  struct disk_file *lock;
  assert_int_equal(disk_lock(&place->disk, "lock", &lock, &error), STATUS_INPUT);
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(disk_lock(&place->disk, "lock", &lock, &error), 0);
  disk_close(lock);
  close(ready[0]);
  close(ready[1]);
}

static void test_directories(void **state)
{
  struct place *place = *state;
  struct disk disk;
  struct error error;
  char path[128];
  snprintf(path, sizeof path, "%s/none/deeper", place->path);
  assert_int_equal(disk_open_directory(path, &disk, &error), STATUS_FATAL);
  assert_string_equal(error.sqlstate, "58030");
  assert_int_equal(disk_open_directory("/etc/passwd", &disk, &error), STATUS_FATAL);
  assert_non_null(strstr(error.message, "\"/etc/passwd\""));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_second_holder_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_killed_holder_lets_go, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_directories, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
