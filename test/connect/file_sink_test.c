// The file sink without an engine: a disk that is full, and what an interrupted write leaves.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"

struct place {
  char folder[64];
  struct folders folders;
  struct quern_sink_connector connector;
  void *sink;
  struct quern_position position;
  struct quern_error error;
};

static const struct quern_source_info *place_info(struct place *place, struct description *description)
{
  describe(description, "n int4", "path=k.csv");
  description->info.kind = "sink";
  description->info.context = &place->folders;
  return &description->info;
}

static void place_open(struct place *place)
{
  struct description description;
  place->sink = place->connector.open(place_info(place, &description), &place->position, &place->error);
}

static int set_up(void **state)
{
  struct place *place = calloc(1, sizeof *place);
  strcpy(place->folder, "/tmp/quern-sink-XXXXXX");
  assert_non_null(mkdtemp(place->folder));
  assert_int_equal(folders_add(&place->folders, place->folder, &place->error), 0);
  connector_file_sink(&place->connector, &place->folders);
  place_open(place);
  assert_non_null(place->sink);
  *state = place;
  return 0;
}

static int tear_down(void **state)
{
  struct place *place = *state;
  if (place->sink)
    place->connector.close(place->sink);
  char path[96];
  snprintf(path, sizeof path, "%s/k.csv", place->folder);
  unlink(path);
  rmdir(place->folder);
  folders_close(&place->folders);
  free(place);
  return 0;
}

// So many rows, beginning with this number.
static int deliver(struct place *place, int first, int count)
{
  struct quern_buffer rows = {0};
  for (int i = first; i < first + count; i++) {
    char text[16];
    snprintf(text, sizeof text, "%d", i);
    row_begin(&rows, 1);
    row_add_text(&rows, text);
  }
  struct quern_delivery delivery = {.rows = rows.data, .size = rows.size, .row_count = count};
  int status = place->connector.deliver(place->sink, &delivery, &place->error);
  if (!status)
    status = place->connector.sync(place->sink, &place->position, &place->error);
  quern_buffer_free(&rows);
  return status;
}

static void assert_file(struct place *place, const char *text)
{
  char path[96], got[4096];
  snprintf(path, sizeof path, "%s/k.csv", place->folder);
  int descriptor = open(path, O_RDONLY);
  ssize_t size = read(descriptor, got, sizeof got - 1);
  close(descriptor);
  assert_true(size >= 0);
  got[size] = 0;
  assert_string_equal(got, text);
}

static void limit_files(rlim_t bytes)
{
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A limit for files is met as a full disk is: in the middle of a row.
static void a_full_disk_is_waited_for(void **state)
{
  struct place *place = *state;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(deliver(place, 1, 2), 0);
  limit_files(7);
  for (int i = 0; i < 2; i++) {
    assert_true(deliver(place, 10, 3) < 0);
    assert_int_equal(place->error.status, -3);
    assert_string_equal(place->error.sqlstate, "53100");
    assert_non_null(strstr(place->error.message, "could not write to file \"k.csv\""));
    assert_file(place, "1\n2\n");
  }
  limit_files(RLIM_INFINITY);
  assert_int_equal(deliver(place, 10, 3), 0);
  assert_file(place, "1\n2\n10\n11\n12\n");
}

// What was delivered and not synced does not count, and is cut off when the file is opened again.
static void what_was_not_acknowledged_is_cut_off(void **state)
{
  struct place *place = *state;
  assert_int_equal(deliver(place, 1, 2), 0);
  struct quern_position acknowledged = place->position;
  assert_int_equal(deliver(place, 3, 2), 0);
  assert_file(place, "1\n2\n3\n4\n");
  place->connector.close(place->sink);
  place->position = acknowledged;
  place_open(place);
  assert_non_null(place->sink);
  assert_memory_equal(&place->position, &acknowledged, sizeof acknowledged);
  assert_file(place, "1\n2\n");
  assert_int_equal(deliver(place, 3, 1), 0);
  assert_file(place, "1\n2\n3\n");
}

static void a_position_of_something_else_is_refused(void **state)
{
  struct place *place = *state;
  place->connector.close(place->sink);
  strcpy((char *)place->position.data, "none");
  place->position.size = 4;
  place_open(place);
  assert_null(place->sink);
  assert_string_equal(place->error.sqlstate, "XX001");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_full_disk_is_waited_for, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_was_not_acknowledged_is_cut_off, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_position_of_something_else_is_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
