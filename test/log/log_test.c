// The log: what was durable is there after anything, in order and whole; damage is refused, never hidden.
#include "log/log.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "../../sim/disk_sim.c"

enum { SMALL = 32 * 1024, ATOMS = 1024 };

// A payload is a function of its position and the history's number, so that anything read back can be judged.
static size_t payload_size(uint64_t history, uint64_t position)
{
  uint64_t h = hash64(&position, sizeof position, history);
  if (h % 29 == 0)
    return 8000 + h / 29 % 60000; // in chunks, over several segments
  return h % 7 == 0 ? 0 : h / 7 % 700;
}

static struct bytes payload_of(uint64_t history, uint64_t position, struct buffer *buffer)
{
  buffer_clear(buffer);
  size_t size = payload_size(history, position);
  uint64_t h = position * 1000003 + history;
  for (size_t i = 0; i < size; i++) {
    h = h * 6364136223846793005ull + 1442695040888963407ull;
    buffer_append_u8(buffer, (uint8_t)(h >> 56));
  }
  return buffer_bytes(buffer);
}

struct reader {
  uint64_t history[ATOMS]; // by position: which history wrote it; the model
  uint64_t last;
  int reports;
  bool is_broken; // something came back that was never written
  char line[512];
};

static int read_atom(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  (void)error;
  struct reader *reader = context;
  struct buffer expected = {0};
  if (position != reader->last + 1 || position >= ATOMS ||
      !bytes_equal(payload, payload_of(reader->history[position], position, &expected)))
    reader->is_broken = true;
  reader->last = position;
  buffer_deinit(&expected);
  return STATUS_OK;
}

static void read_report(void *context, const char *line)
{
  struct reader *reader = context;
  reader->reports++;
  snprintf(reader->line, sizeof reader->line, "%s", line);
}

static int open_after(struct disk_sim *sim, struct reader *reader, uint64_t after, struct log **log,
                      struct error *error)
{
  reader->last = after;
  reader->reports = 0;
  struct log_options options = {
      .segment_size = SMALL,
      .after = after,
      .new_log_id = 77,
      .apply = read_atom,
      .report = read_report,
      .context = reader,
  };
  return log_open(disk_sim_disk(sim), &options, log, error);
}

static struct log *must_open(struct disk_sim *sim, struct reader *reader, uint64_t after)
{
  struct log *log;
  struct error error = {0};
  if (open_after(sim, reader, after, &log, &error))
    fail_msg("%s: %s", error.sqlstate, error.message);
  assert_false(reader->is_broken);
  return log;
}

// count atoms of the history as one group.
static int write_group(struct log *log, struct reader *reader, uint64_t history, int count, bool syncs,
                       struct error *error)
{
  struct log_group group = {0};
  struct buffer payload = {0};
  uint64_t position = log_position(log);
  for (int i = 0; i < count; i++) {
    position++;
    reader->history[position] = history;
    assert_int_equal(log_group_append(&group, position, payload_of(history, position, &payload), error), 0);
  }
  int status = syncs ? log_write_group(log, &group, error) : log_write(log, &group, error);
  buffer_deinit(&payload);
  log_group_deinit(&group);
  return status;
}

static void must_write(struct log *log, struct reader *reader, uint64_t history, int count)
{
  struct error error = {0};
  if (write_group(log, reader, history, count, true, &error))
    fail_msg("%s: %s", error.sqlstate, error.message);
  assert_int_equal(log_durable(log), log_position(log));
}

// The name of the newest (or oldest) segment.
struct pick {
  char name[DISK_NAME];
  bool oldest;
  int count;
};

static void pick_segment(void *context, const char *name)
{
  struct pick *pick = context;
  if (strncmp(name, "log-", 4) != 0)
    return;
  pick->count++;
  int order = *pick->name ? strcmp(name, pick->name) : 0;
  if (!*pick->name || (pick->oldest ? order < 0 : order > 0))
    snprintf(pick->name, sizeof pick->name, "%s", name);
}

static struct pick segment_of(struct disk_sim *sim, bool oldest)
{
  struct pick pick = {.oldest = oldest};
  assert_int_equal(disk_list(disk_sim_disk(sim), pick_segment, &pick, NULL), 0);
  return pick;
}

static void set_byte(struct disk_sim *sim, const char *name, size_t offset, uint8_t value)
{
  size_t size = 0;
  const uint8_t *bytes = disk_sim_bytes(sim, name, &size);
  uint8_t *copy = malloc(size);
  memcpy(copy, bytes, size);
  copy[offset] = value;
  assert_true(disk_sim_put(sim, name, copy, size));
  free(copy);
}

static void test_append_and_read_back(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  assert_true(log_is_new(log));
  assert_int_equal(log_id(log), 77);
  uint64_t total = 0;
  for (int count = 1; count < 30; count++, total += (uint64_t)count - 1)
    must_write(log, &reader, 5, count);
  assert_int_equal(log_position(log), total);
  struct log_statistics statistics;
  log_statistics(log, &statistics);
  assert_true(statistics.segments > 3);
  log_close(log);
  log = must_open(sim, &reader, 0);
  assert_false(log_is_new(log));
  assert_int_equal(reader.last, total);
  assert_int_equal(reader.reports, 0);
  log_close(log);
  log = must_open(sim, &reader, total - 10);
  assert_int_equal(reader.last, total);
  log_statistics(log, &statistics);
  assert_int_equal(statistics.recovered_atoms, 10);
  log_close(log);
  disk_sim_close(sim);
}

static void test_default_segments_and_large_atoms(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct log_options options = {.new_log_id = 9};
  struct log *log;
  struct error error = {0};
  assert_int_equal(log_open(disk_sim_disk(sim), &options, &log, &error), 0);
  struct log_group group = {0};
  size_t size = 5 * LOG_CHUNK + 17;
  uint8_t *large = malloc(size);
  memset(large, 7, size);
  assert_int_equal(log_group_append(&group, 1, bytes_of(large, size), &error), 0);
  assert_int_equal(log_group_append(&group, 2, bytes_of(large, LOG_CHUNK), &error), 0);
  assert_int_equal(log_write_group(log, &group, &error), 0);
  struct log_statistics statistics;
  log_statistics(log, &statistics);
  assert_int_equal(statistics.segments, 1);
  assert_int_equal(statistics.syncs, 1);
  log_group_deinit(&group);
  free(large);
  log_close(log);
  assert_int_equal(log_open(disk_sim_disk(sim), &options, &log, &error), 0);
  assert_int_equal(log_position(log), 2);
  log_close(log);
  disk_sim_close(sim);
}

static void test_segments_are_used_again(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  struct error error = {0};
  int largest = 0;
  uint64_t after = 0;
  for (int round = 0; round < 60; round++) {
    must_write(log, &reader, 3, 15);
    if (round % 4 == 3) {
      after = log_position(log) - 5;
      assert_int_equal(log_free(log, after, &error), 0);
      struct pick pick = segment_of(sim, true);
      largest = pick.count > largest ? pick.count : largest;
    }
    if (round % 20 == 19) {
      log_close(log);
      log = must_open(sim, &reader, after);
      assert_int_equal(reader.last, log_position(log));
    }
  }
  assert_true(largest < 12);
  struct log_statistics statistics;
  log_statistics(log, &statistics);
  assert_true(statistics.spare_segments >= 1 && statistics.spare_segments <= 16);
  log_close(log);
  // Without its checkpoint the log no longer says everything: that is refused.
  assert_int_equal(open_after(sim, &reader, 0, &log, &error), STATUS_FATAL);
  assert_string_equal(error.sqlstate, "XX001");
  disk_sim_close(sim);
}

static void test_torn_tail_at_every_byte(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  must_write(log, &reader, 11, 9);
  struct pick pick = segment_of(sim, false);
  size_t size = 0;
  const uint8_t *bytes = disk_sim_bytes(sim, pick.name, &size);
  size_t start = size;
  while (bytes[start - 1] == 0)
    start--;
  must_write(log, &reader, 11, 1);
  log_close(log);
  bytes = disk_sim_bytes(sim, pick.name, &size);
  size_t end = size;
  while (bytes[end - 1] == 0)
    end--;
  assert_true(end > start + 40);
  for (size_t cut = start / 8 * 8 + 8; cut < end; cut++) {
    for (int way = 0; way < 3; way++) { // zeros behind, another byte there, the file cut off
      struct disk_sim *copy = disk_sim_copy(sim);
      uint8_t *broken = malloc(size);
      memcpy(broken, bytes, size);
      if (way == 0)
        memset(broken + cut, 0, end - cut);
      else
        broken[cut] ^= 0x40;
      assert_true(disk_sim_put(copy, pick.name, broken, way == 2 ? cut : size));
      free(broken);
      log = must_open(copy, &reader, 0);
      assert_int_equal(reader.last, 9);
      if (cut > start / 8 * 8 + 8)
        assert_int_equal(reader.reports, 1);
      // And what comes next is not mixed up with what was cut.
      must_write(log, &reader, 12, 3);
      log_close(log);
      log = must_open(copy, &reader, 0);
      assert_int_equal(reader.last, 12);
      assert_int_equal(reader.reports, 0);
      log_close(log);
      disk_sim_close(copy);
      for (int i = 10; i < 13; i++)
        reader.history[i] = 11;
    }
  }
  disk_sim_close(sim);
}

static void test_damage_before_the_tail_is_refused(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  for (int i = 0; i < 40; i++)
    must_write(log, &reader, 2, 3);
  log_close(log);
  struct pick pick = segment_of(sim, true);
  assert_true(pick.count > 2);
  size_t size = 0;
  const uint8_t *bytes = disk_sim_bytes(sim, pick.name, &size);
  int refused = 0;
  for (size_t at = 0; at < size; at += at < 64 ? 1 : 97) {
    if (at >= 64 && at < 4096)
      continue; // the rest of the header block holds nothing
    uint8_t before = bytes[at];
    struct disk_sim *copy = disk_sim_copy(sim);
    set_byte(copy, pick.name, at, before ^ 0x01);
    struct error error = {0};
    int status = open_after(copy, &reader, 0, &log, &error);
    if (status == 0) {
      // Only where nothing is checked: padding and the unused end of the segment.
      assert_int_equal(before, 0);
      assert_int_equal(reader.last, 120);
      log_close(log);
    } else {
      refused++;
      assert_int_equal(status, STATUS_FATAL);
      assert_string_equal(error.sqlstate, "XX001");
      assert_non_null(strstr(error.message, pick.name));
      // Nothing was changed or deleted.
      size_t size_after;
      const uint8_t *bytes_after = disk_sim_bytes(copy, pick.name, &size_after);
      assert_int_equal(size_after, size);
      assert_int_equal(bytes_after[at], before ^ 0x01);
      assert_int_equal(segment_of(copy, true).count, pick.count);
    }
    assert_false(reader.is_broken);
    disk_sim_close(copy);
  }
  assert_true(refused > 200);
  // In the last segment too, as long as a later group shows that the record was synced.
  disk_sim_close(sim);
  sim = disk_sim_open(1);
  log = must_open(sim, &reader, 0);
  must_write(log, &reader, 11, 2);
  must_write(log, &reader, 11, 2);
  log_close(log);
  pick = segment_of(sim, false);
  bytes = disk_sim_bytes(sim, pick.name, &size);
  set_byte(sim, pick.name, 4096 + 9, bytes[4096 + 9] ^ 0x80);
  struct error error = {0};
  assert_int_equal(open_after(sim, &reader, 0, &log, &error), STATUS_FATAL);
  assert_non_null(strstr(error.message, "at offset 4096"));
  disk_sim_close(sim);
}

static void test_a_missing_file_is_refused(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  for (int i = 0; i < 40; i++)
    must_write(log, &reader, 2, 3);
  log_close(log);
  struct pick last = segment_of(sim, false);
  uint64_t serial = strtoull(last.name + 4, NULL, 16);
  for (uint64_t lost = 2; lost < serial; lost++) {
    char name[DISK_NAME];
    snprintf(name, sizeof name, "log-%016" PRIx64, lost);
    struct disk_sim *copy = disk_sim_copy(sim);
    if (disk_remove(disk_sim_disk(copy), name, NULL) == 0) {
      struct error error = {0};
      assert_int_equal(open_after(copy, &reader, 0, &log, &error), STATUS_FATAL);
      assert_string_equal(error.sqlstate, "XX001");
    }
    disk_sim_close(copy);
  }
  disk_sim_close(sim);
}

static void test_a_log_that_ends_before_its_checkpoint_is_refused(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  must_write(log, &reader, 2, 5);
  log_close(log);
  struct error error = {0};
  assert_int_equal(open_after(sim, &reader, 6, &log, &error), STATUS_FATAL);
  assert_string_equal(error.sqlstate, "XX001");
  assert_non_null(strstr(error.message, "before the position of the checkpoint"));
  log_close(must_open(sim, &reader, 5));
  disk_sim_close(sim);
}

static void test_newer_format_is_refused(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  log_close(must_open(sim, &reader, 0));
  struct pick pick = segment_of(sim, false);
  size_t size;
  uint8_t header[64];
  memcpy(header, disk_sim_bytes(sim, pick.name, &size), sizeof header);
  put_le32(header + 8, 2);
  put_le64(header + 56, hash64(header, 56, 0));
  assert_true(disk_sim_put(sim, pick.name, header, sizeof header));
  struct log *log;
  struct error error = {0};
  assert_int_equal(open_after(sim, &reader, 0, &log, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "0A000");
  assert_non_null(strstr(error.message, "format version 2"));
  disk_sim_close(sim);
}

static void test_full_disk_keeps_what_was_there(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  disk_sim_faults(sim)->capacity = 3 * SMALL + 1000;
  struct error error = {0};
  int status = 0;
  uint64_t durable = 0;
  bool was_warned = false;
  while (!status) {
    durable = log_durable(log);
    was_warned = !log_has_room(log);
    status = write_group(log, &reader, 4, 20, true, &error);
  }
  assert_int_equal(status, STATUS_LIMIT);
  assert_string_equal(error.sqlstate, "53100");
  assert_true(was_warned);
  assert_true(log_durable(log) >= durable);
  struct disk_sim *copy = disk_sim_copy(sim);
  struct log *second = must_open(copy, &reader, 0);
  assert_true(reader.last >= durable);
  log_close(second);
  disk_sim_close(copy);
  // The same group again, with room: nothing is missing, nothing twice.
  disk_sim_faults(sim)->capacity = 0;
  struct log_group group = {0};
  struct buffer payload = {0};
  for (uint64_t position = durable + 1; position <= durable + 20; position++)
    assert_int_equal(log_group_append(&group, position, payload_of(4, position, &payload), &error), 0);
  assert_int_equal(log_write_group(log, &group, &error), 0);
  assert_int_equal(log_durable(log), durable + 20);
  buffer_deinit(&payload);
  log_group_deinit(&group);
  log_close(log);
  log = must_open(sim, &reader, 0);
  assert_int_equal(reader.last, durable + 20);
  log_close(log);
  disk_sim_close(sim);
}

static void test_failed_sync_is_the_end(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  must_write(log, &reader, 6, 3);
  disk_sim_faults(sim)->fail_sync = 1;
  struct error error = {0};
  assert_int_equal(write_group(log, &reader, 6, 2, true, &error), STATUS_FATAL);
  assert_string_equal(error.sqlstate, "58030");
  uint64_t operations = disk_sim_operations(sim);
  error_clear(&error);
  assert_int_equal(log_sync(log, &error), STATUS_FATAL);
  assert_string_equal(error.sqlstate, "58030");
  assert_int_equal(write_group(log, &reader, 6, 1, true, &error), STATUS_FATAL);
  assert_int_equal(disk_sim_operations(sim), operations);
  assert_int_equal(log_durable(log), 3);
  log_close(log);
  disk_sim_close(sim);
}

// The system has what could not be synced in memory, and takes it for clean.
static void test_what_a_failed_sync_left_is_written_again(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct disk_sim *sim = disk_sim_open(seed);
    struct reader reader = {0};
    struct log *log = must_open(sim, &reader, 0);
    must_write(log, &reader, 6, 3);
    disk_sim_faults(sim)->fail_sync = 1;
    struct error error = {0};
    assert_int_equal(write_group(log, &reader, 6, 4, true, &error), STATUS_FATAL);
    log_close(log);
    disk_sim_kill(sim);
    log = must_open(sim, &reader, 0);
    uint64_t shown = reader.last;
    assert_int_equal(shown, log_durable(log));
    log_close(log);
    disk_sim_crash(sim);
    log = must_open(sim, &reader, 0);
    assert_int_equal(reader.last, shown);
    log_close(log);
    disk_sim_close(sim);
  }
}

// Killed while it frees segments, then without power while the next process takes one of them for its own.
static void test_a_freed_segment_is_used_again_after_a_kill(void **state)
{
  (void)state;
  for (uint64_t run = 0; run < 600; run++) {
    struct disk_sim *sim = disk_sim_open(run);
    struct reader reader = {0};
    struct error error = {0};
    struct log *log = must_open(sim, &reader, 0);
    struct log_statistics statistics = {0};
    while (statistics.segments < 4) {
      must_write(log, &reader, 6, 3);
      log_statistics(log, &statistics);
    }
    uint64_t after = log_durable(log);
    disk_sim_faults(sim)->crash_operation = 2 + run % 3;
    assert_int_equal(log_free(log, after, &error), STATUS_FATAL);
    log_close(log);
    disk_sim_kill(sim);
    disk_sim_faults(sim)->crash_operation = 5 + run / 3 % 20;
    if (!open_after(sim, &reader, after, &log, &error))
      log_close(log);
    disk_sim_crash(sim);
    log = must_open(sim, &reader, after);
    assert_int_equal(log_position(log), after);
    log_close(log);
    disk_sim_close(sim);
  }
}

// One life of a disk after another, each cut short at some operation, against what is known to be durable.
struct lives {
  uint64_t random;
  uint64_t durable;
  uint64_t after; // a checkpoint's position: everything up to it may be freed
};

static uint64_t lives_next(struct lives *lives)
{
  lives->random = lives->random * 6364136223846793005ull + 1442695040888963407ull;
  return lives->random >> 33;
}

// False: something durable is not there (or something half is).
static bool live_once(struct disk_sim *sim, struct reader *reader, struct lives *lives, uint64_t history)
{
  struct log *log;
  struct error error = {0};
  bool may_fail = lives_next(lives) % 8 == 0; // power may go during recovery itself
  if (may_fail)
    disk_sim_faults(sim)->crash_operation = 1 + lives_next(lives) % 30;
  int status = open_after(sim, reader, lives->after, &log, &error);
  if (status) {
    if (!may_fail || strcmp(error.sqlstate, "58030") != 0)
      print_message("%s: %s\n", error.sqlstate, error.message);
    return may_fail && strcmp(error.sqlstate, "58030") == 0;
  }
  bool is_good = !reader->is_broken && reader->last >= lives->durable;
  // What was recovered may have been shown, so it must stay.
  lives->durable = reader->last;
  if (!may_fail && lives_next(lives) % 6)
    disk_sim_faults(sim)->crash_operation = 1 + lives_next(lives) % 40;
  int groups = (int)(lives_next(lives) % 12);
  for (int i = 0; i < groups && is_good && log_position(log) + 12 < ATOMS; i++) {
    if (write_group(log, reader, history, 1 + (int)(lives_next(lives) % 8), lives_next(lives) % 4 > 0, &error))
      break;
    if (lives_next(lives) % 5 == 0) {
      lives->after = log_durable(log) - lives_next(lives) % 3 % (log_durable(log) + 1 - lives->after);
      if (log_free(log, lives->after, &error))
        break;
    }
  }
  if (log_durable(log) > lives->durable)
    lives->durable = log_durable(log);
  log_close(log);
  return is_good;
}

static bool run_lives(uint64_t seed, bool leaves_out_sync)
{
  struct disk_sim *sim = disk_sim_open(seed);
  struct reader *reader = calloc(1, sizeof *reader);
  struct lives lives = {.random = seed * 977 + 1};
  bool is_good = true;
  for (uint64_t life = 1; life <= 10 && is_good; life++) {
    disk_sim_faults(sim)->ignore_sync = leaves_out_sync;
    is_good = live_once(sim, reader, &lives, seed * 100 + life);
    if (lives_next(&lives) % 4 == 0)
      disk_sim_kill(sim);
    else
      disk_sim_crash(sim);
  }
  free(reader);
  disk_sim_close(sim);
  return is_good;
}

static void test_random_crashes(void **state)
{
  (void)state;
  const char *only = getenv("SEED"), *count = getenv("SEEDS");
  // Each of ten lives.
  uint64_t first = only ? strtoull(only, NULL, 10) : 1, last = only ? first : count ? strtoull(count, NULL, 10) : 1000;
  for (uint64_t seed = first; seed <= last; seed++) {
    if (!run_lives(seed, false))
      fail_msg("seed %" PRIu64, seed);
  }
}

static void test_a_left_out_sync_is_found(void **state)
{
  (void)state;
  int found = 0;
  for (uint64_t seed = 1; seed <= 20; seed++)
    found += !run_lives(seed, true);
  assert_true(found > 10);
}

// Random damage never crashes recovery, and never gives what was not written.
static void test_random_bytes(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct reader reader = {0};
  struct log *log = must_open(sim, &reader, 0);
  for (int i = 0; i < 30; i++)
    must_write(log, &reader, 2, 3);
  log_close(log);
  struct pick oldest = segment_of(sim, true), newest = segment_of(sim, false);
  struct lives lives = {.random = 4};
  int opened = 0;
  for (int round = 0; round < 600; round++) {
    struct disk_sim *copy = disk_sim_copy(sim);
    const char *name = round % 2 ? oldest.name : newest.name;
    size_t size = 0;
    const uint8_t *bytes = disk_sim_bytes(copy, name, &size);
    uint8_t *broken = malloc(size + 1);
    memcpy(broken, bytes, size);
    size_t start = lives_next(&lives) % (round % 3 ? 8192 : size), count = 1 + lives_next(&lives) % 200;
    for (size_t i = start; i < start + count && i < size; i++)
      broken[i] = round % 5 ? (uint8_t)lives_next(&lives) : 0;
    assert_true(disk_sim_put(copy, name, broken, round % 7 ? size : lives_next(&lives) % size));
    free(broken);
    struct error error = {0};
    int status = open_after(copy, &reader, 0, &log, &error);
    assert_false(reader.is_broken);
    if (status == 0) {
      opened++;
      log_close(log);
    } else {
      assert_int_equal(status, STATUS_FATAL);
    }
    disk_sim_close(copy);
  }
  assert_true(opened > 0 && opened < 600);
  disk_sim_close(sim);
}

static void remove_file(void *context, const char *name)
{
  assert_int_equal(disk_remove(context, name, NULL), 0);
}

static void test_on_the_real_disk(void **state)
{
  (void)state;
  char path[] = "/tmp/quern-log-test-XXXXXX";
  assert_non_null(mkdtemp(path));
  struct disk disk;
  struct error error = {0};
  struct reader reader = {0};
  uint64_t after = 0;
  assert_int_equal(disk_open_directory(path, &disk, &error), 0);
  for (int round = 0; round < 4; round++) {
    reader.last = after;
    struct log_options options = {
        .segment_size = 1 << 20, .after = after, .new_log_id = 5, .apply = read_atom, .context = &reader};
    struct log *log;
    if (log_open(&disk, &options, &log, &error))
      fail_msg("%s", error.message);
    assert_false(reader.is_broken);
    assert_int_equal(reader.last, log_position(log));
    for (int i = 0; i < 20; i++)
      must_write(log, &reader, 9, 10);
    assert_true(log_has_room(log));
    after += 100;
    assert_int_equal(log_free(log, after, &error), 0);
    log_close(log);
  }
  assert_int_equal(disk_list(&disk, remove_file, &disk, NULL), 0);
  disk_close_directory(&disk);
  rmdir(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_append_and_read_back),
      cmocka_unit_test(test_default_segments_and_large_atoms),
      cmocka_unit_test(test_segments_are_used_again),
      cmocka_unit_test(test_torn_tail_at_every_byte),
      cmocka_unit_test(test_damage_before_the_tail_is_refused),
      cmocka_unit_test(test_a_missing_file_is_refused),
      cmocka_unit_test(test_a_log_that_ends_before_its_checkpoint_is_refused),
      cmocka_unit_test(test_newer_format_is_refused),
      cmocka_unit_test(test_full_disk_keeps_what_was_there),
      cmocka_unit_test(test_failed_sync_is_the_end),
      cmocka_unit_test(test_what_a_failed_sync_left_is_written_again),
      cmocka_unit_test(test_a_freed_segment_is_used_again_after_a_kill),
      cmocka_unit_test(test_random_crashes),
      cmocka_unit_test(test_a_left_out_sync_is_found),
      cmocka_unit_test(test_random_bytes),
      cmocka_unit_test(test_on_the_real_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
