// Checkpoints: whole or not there, whatever the disk does.
#include "log/checkpoint.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/limits.h"
#include "log/log.h"
#include "../../sim/disk_sim.c"

static void put(struct version *version, tree_number tree, uint32_t key, size_t size, uint64_t position)
{
  uint8_t key_bytes[4], *row = malloc(size + 1);
  put_be32(key_bytes, key);
  for (size_t i = 0; i < size; i++)
    row[i] = (uint8_t)(key * 31 + i + position);
  struct tree_put change = {
      .tree = tree, .mode = PUT_ANY, .key = bytes_of(key_bytes, 4), .row = bytes_of(row, size), .position = position};
  enum put_result result = tree_put(version, &change);
  assert_true(result == PUT_DONE_INSERTED || result == PUT_DONE_REPLACED);
  free(row);
}

// A number for all that a version holds.
static uint64_t sum_of(const struct version *version)
{
  uint64_t sum = 1;
  for (tree_number tree = 0; tree < version_tree_limit(version); tree++) {
    struct cursor cursor;
    cursor_init(&cursor, version, tree, NULL);
    for (bool on = cursor_seek(&cursor, (struct bytes){0}); on; on = cursor_next(&cursor)) {
      sum = hash64(cursor.key.data, cursor.key.size, sum + tree);
      sum = hash64(cursor.row.data, cursor.row.size, sum);
    }
    cursor_deinit(&cursor);
  }
  return sum;
}

static struct store *filled(uint32_t rows, uint64_t position)
{
  struct store *store = store_open(NULL);
  struct version *trunk = store_trunk(store);
  for (uint32_t i = 0; i < rows; i++) {
    put(trunk, 1, i * 7, i % 90, position);
    if (i % 3 == 0)
      put(trunk, 5, i, 0, position);
  }
  return store;
}

static int write_checkpoint(struct disk_sim *sim, struct store *store, uint64_t position, int budget,
                            struct checkpoint_statistics *statistics, struct error *error)
{
  struct version *snapshot = version_snapshot(store_trunk(store));
  struct checkpoint_writer *writer;
  int status = checkpoint_begin(disk_sim_disk(sim), snapshot, position, 3, &writer, error);
  if (!status) {
    while ((status = checkpoint_step(writer, budget, error)) > 0)
      ;
    if (status)
      checkpoint_abandon(writer);
    else
      status = checkpoint_finish(writer, statistics, error);
  }
  version_close(snapshot);
  return status;
}

// The sum of what the newest checkpoint holds; 0: there is none.
static uint64_t read_back(struct disk_sim *sim, struct checkpoint *checkpoint, struct error *error)
{
  int status = checkpoint_find(disk_sim_disk(sim), checkpoint, NULL, NULL, error);
  if (status || !checkpoint->is_found)
    return 0;
  struct store *store = store_open(NULL);
  struct checkpoint_statistics statistics;
  status = checkpoint_load(disk_sim_disk(sim), checkpoint, store_trunk(store), &statistics, error);
  uint64_t sum = status ? 0 : sum_of(store_trunk(store));
  struct error broken = {0};
  if (!status && !version_verify(store_trunk(store), &broken))
    fail_msg("%s", broken.message);
  store_close(store);
  return sum;
}

static void count_name(void *context, const char *name)
{
  (void)name;
  (*(int *)context)++;
}

static int count_files(struct disk_sim *sim)
{
  int count = 0;
  assert_int_equal(disk_list(disk_sim_disk(sim), count_name, &count, NULL), 0);
  return count;
}

static void test_there_and_back(void **state)
{
  (void)state;
  const uint32_t sizes[] = {0, 1, 2, 100, 30000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct disk_sim *sim = disk_sim_open(1);
    struct store *store = filled(sizes[i], 9);
    struct checkpoint_statistics statistics;
    struct error error = {0};
    assert_int_equal(write_checkpoint(sim, store, 9, 37, &statistics, &error), 0);
    assert_int_equal(statistics.rows, sizes[i] + (sizes[i] + 2) / 3);
    struct checkpoint checkpoint;
    assert_int_equal(read_back(sim, &checkpoint, &error), sum_of(store_trunk(store)));
    assert_int_equal(checkpoint.position, 9);
    assert_int_equal(checkpoint.log_id, 3);
    assert_int_equal(checkpoint.file_bytes, statistics.file_bytes);
    // A newer one takes its place.
    put(store_trunk(store), 2, 4, 100, 12);
    assert_int_equal(write_checkpoint(sim, store, 12, 1000, NULL, &error), 0);
    assert_int_equal(read_back(sim, &checkpoint, &error), sum_of(store_trunk(store)));
    assert_int_equal(checkpoint.position, 12);
    assert_int_equal(count_files(sim), 1);
    store_close(store);
    disk_sim_close(sim);
  }
}

static void test_a_pinned_version_stays_what_it_was(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct store *store = filled(5000, 1);
  uint64_t sum = sum_of(store_trunk(store));
  struct version *snapshot = version_snapshot(store_trunk(store));
  struct checkpoint_writer *writer;
  struct error error = {0};
  assert_int_equal(checkpoint_begin(disk_sim_disk(sim), snapshot, 4, 3, &writer, &error), 0);
  int status;
  uint32_t key = 0;
  while ((status = checkpoint_step(writer, 100, &error)) > 0)
    put(store_trunk(store), 1, key++ * 7, 50, 5);
  assert_int_equal(status, 0);
  // Until it is finished there is none.
  struct checkpoint checkpoint;
  assert_int_equal(read_back(sim, &checkpoint, &error), 0);
  assert_int_equal(checkpoint_finish(writer, NULL, &error), 0);
  version_close(snapshot);
  assert_int_equal(read_back(sim, &checkpoint, &error), sum);
  store_close(store);
  disk_sim_close(sim);
}

static void test_largest_rows_and_keys(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct store *store = store_open(NULL);
  uint8_t *row = calloc(1, LIMIT_ROW), key[LIMIT_KEY];
  for (int i = 0; i < 3; i++) {
    memset(key, i, sizeof key);
    struct tree_put change = {
        .mode = PUT_ANY, .key = bytes_of(key, sizeof key), .row = bytes_of(row, LIMIT_ROW), .position = 1};
    assert_int_equal(tree_put(store_trunk(store), &change), PUT_DONE_INSERTED);
  }
  free(row);
  struct error error = {0};
  assert_int_equal(write_checkpoint(sim, store, 1, 100, NULL, &error), 0);
  struct checkpoint checkpoint;
  assert_int_equal(read_back(sim, &checkpoint, &error), sum_of(store_trunk(store)));
  store_close(store);
  disk_sim_close(sim);
}

// The power goes, or one operation fails, at every single operation: before, the old one is there; after, the new one.
static void test_crash_at_every_operation(void **state)
{
  (void)state;
  struct store *old = filled(3000, 5), *new = filled(4000, 8);
  uint64_t old_sum = sum_of(store_trunk(old)), new_sum = sum_of(store_trunk(new));
  for (int way = 0; way < 3; way++) {
    bool was_whole = false;
    for (uint64_t at = 1; !was_whole; at++) {
      for (uint64_t seed = 1; seed <= 6; seed++) {
        struct disk_sim *sim = disk_sim_open(seed);
        struct error error = {0};
        assert_int_equal(write_checkpoint(sim, old, 5, 1000, NULL, &error), 0);
        struct disk_sim_faults *faults = disk_sim_faults(sim);
        *(way == 0 ? &faults->crash_operation : way == 1 ? &faults->fail_operation : &faults->fail_sync) = at;
        int status = write_checkpoint(sim, new, 8, 1000, NULL, &error);
        was_whole = !status && *(way == 0 ? &faults->crash_operation : way == 1 ? &faults->fail_operation
                                                                               : &faults->fail_sync);
        if (status)
          assert_string_equal(error.sqlstate, "58030");
        disk_sim_crash(sim);
        struct checkpoint checkpoint;
        uint64_t sum = read_back(sim, &checkpoint, &error);
        if (status == 0)
          assert_true(sum == new_sum && checkpoint.position == 8);
        else
          assert_true((sum == new_sum && checkpoint.position == 8) || (sum == old_sum && checkpoint.position == 5));
        assert_int_equal(checkpoint_clean(disk_sim_disk(sim), &checkpoint, &error), 0);
        assert_int_equal(count_files(sim), 1);
        disk_sim_close(sim);
      }
    }
  }
  store_close(old);
  store_close(new);
}

static void test_a_left_out_sync_is_found(void **state)
{
  (void)state;
  struct store *store = filled(3000, 5);
  int found = 0;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    struct disk_sim *sim = disk_sim_open(seed);
    struct error error = {0};
    disk_sim_faults(sim)->ignore_sync = true;
    assert_int_equal(write_checkpoint(sim, store, 5, 1000, NULL, &error), 0);
    disk_sim_crash(sim);
    struct checkpoint checkpoint;
    found += read_back(sim, &checkpoint, &error) == 0;
    disk_sim_close(sim);
  }
  assert_true(found > 10);
  store_close(store);
}

static void test_full_disk_keeps_the_old_one(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct store *store = filled(3000, 5);
  uint64_t sum = sum_of(store_trunk(store));
  struct error error = {0};
  assert_int_equal(write_checkpoint(sim, store, 5, 1000, NULL, &error), 0);
  size_t size = 0;
  disk_sim_bytes(sim, "checkpoint-0000000000000005", &size);
  put(store_trunk(store), 9, 9, 9, 6);
  for (uint64_t room = 0; room < size; room += 500) {
    disk_sim_faults(sim)->capacity = size + room + 1;
    assert_int_equal(write_checkpoint(sim, store, 6, 1000, NULL, &error), STATUS_LIMIT);
    assert_string_equal(error.sqlstate, "53100");
    assert_int_equal(count_files(sim), 1);
    struct checkpoint checkpoint;
    assert_int_equal(read_back(sim, &checkpoint, &error), sum);
  }
  store_close(store);
  disk_sim_close(sim);
}

struct flips {
  int reports;
};

static void on_report(void *context, const char *line)
{
  assert_non_null(strstr(line, "checkpoint-0000000000000006"));
  ((struct flips *)context)->reports++;
}

static void test_damage_is_refused_or_passed_over(void **state)
{
  (void)state;
  struct disk_sim *sim = disk_sim_open(1);
  struct store *store = filled(300, 5);
  struct error error = {0};
  assert_int_equal(write_checkpoint(sim, store, 6, 1000, NULL, &error), 0);
  size_t size = 0;
  uint8_t *bytes = calloc(1, 1 << 20);
  const uint8_t *kept = disk_sim_bytes(sim, "checkpoint-0000000000000006", &size);
  memcpy(bytes, kept, size);
  struct checkpoint checkpoint;
  for (size_t at = 0; at < size; at++) {
    bytes[at] ^= 1 << at % 8;
    assert_true(disk_sim_put(sim, "checkpoint-0000000000000006", bytes, size));
    assert_int_equal(checkpoint_find(disk_sim_disk(sim), &checkpoint, NULL, NULL, &error), STATUS_FATAL);
    assert_string_equal(error.sqlstate, "XX001");
    bytes[at] ^= 1 << at % 8;
    assert_true(disk_sim_put(sim, "checkpoint-0000000000000006", bytes, at));
    assert_int_equal(checkpoint_find(disk_sim_disk(sim), &checkpoint, NULL, NULL, &error), STATUS_FATAL);
    assert_string_equal(error.sqlstate, "XX001");
  }
  assert_true(disk_sim_put(sim, "checkpoint-0000000000000006", bytes, size + 1));
  assert_int_equal(checkpoint_find(disk_sim_disk(sim), &checkpoint, NULL, NULL, &error), STATUS_FATAL);
  assert_non_null(strstr(error.message, "something stands behind its end"));
  assert_int_equal(count_files(sim), 1);
  // A good older one is taken, and the broken one named.
  struct disk_sim *other = disk_sim_open(1);
  assert_int_equal(write_checkpoint(other, store, 4, 1000, NULL, &error), 0);
  bytes[100] ^= 1;
  assert_true(disk_sim_put(other, "checkpoint-0000000000000006", bytes, size));
  struct flips flips = {0};
  assert_int_equal(checkpoint_find(disk_sim_disk(other), &checkpoint, on_report, &flips, &error), 0);
  assert_int_equal(checkpoint.position, 4);
  assert_int_equal(flips.reports, 1);
  disk_sim_close(other);
  // Of a newer format: refused, also beside an older one.
  bytes[100] ^= 1;
  put_le32(bytes + 8, 2);
  put_le64(bytes + 32, hash64(bytes, 32, 0));
  assert_true(disk_sim_put(sim, "checkpoint-0000000000000006", bytes, size));
  assert_int_equal(checkpoint_find(disk_sim_disk(sim), &checkpoint, NULL, NULL, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "0A000");
  free(bytes);
  store_close(store);
  disk_sim_close(sim);
}

// --- Log and checkpoints together: a store that is the fold of its log ---------------------------------

struct world {
  struct disk_sim *sim;
  uint64_t random;
  uint64_t sums[512]; // of the state at each position
  uint64_t durable;
  struct store *store;
  struct log *log;
};

static uint64_t world_next(struct world *world)
{
  world->random = world->random * 6364136223846793005ull + 1442695040888963407ull;
  return world->random >> 33;
}

// The payload is the key that the atom changes.
static int apply(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  (void)error;
  struct world *world = context;
  assert_int_equal(payload.size, 4);
  uint32_t key = get_be32(payload.data);
  put(store_trunk(world->store), key % 3, key, key % 900, position);
  return STATUS_OK;
}

static int world_open(struct world *world, struct error *error)
{
  const struct disk *disk = disk_sim_disk(world->sim);
  struct checkpoint checkpoint;
  world->store = store_open(NULL);
  int status = checkpoint_find(disk, &checkpoint, NULL, NULL, error);
  if (!status && checkpoint.is_found)
    status = checkpoint_load(disk, &checkpoint, store_trunk(world->store), NULL, error);
  struct log_options options = {
      .segment_size = 16 * 1024,
      .after = checkpoint.position,
      .log_id = checkpoint.log_id,
      .new_log_id = 3,
      .apply = apply,
      .context = world,
  };
  if (!status)
    status = log_open(disk, &options, &world->log, error);
  if (!status)
    status = checkpoint_clean(disk, &checkpoint, error);
  return status;
}

static int world_work(struct world *world, struct error *error)
{
  struct log_group group = {0};
  int status = 0;
  for (int i = (int)(world_next(world) % 8); i > 0 && !status && log_position(world->log) < 500; i--) {
    log_group_clear(&group);
    uint64_t position = log_position(world->log);
    for (int count = 1 + (int)(world_next(world) % 5); count > 0 && !status; count--) {
      uint8_t payload[4];
      put_be32(payload, (uint32_t)world_next(world) % 5000);
      position++;
      status = log_group_append(&group, position, bytes_of(payload, 4), error);
      apply(world, position, bytes_of(payload, 4), error);
      world->sums[position] = sum_of(store_trunk(world->store));
    }
    if (!status)
      status = log_write_group(world->log, &group, error);
    if (!status && world_next(world) % 4 == 0)
      status = write_checkpoint(world->sim, world->store, position, 50, NULL, error);
    else
      continue;
    if (!status)
      status = log_free(world->log, position, error);
  }
  log_group_deinit(&group);
  return status;
}

static bool world_run(uint64_t seed, int way)
{
  struct world *world = calloc(1, sizeof *world);
  world->sim = disk_sim_open(seed);
  world->random = seed;
  bool is_good = true;
  struct store *empty = store_open(NULL);
  world->sums[0] = sum_of(store_trunk(empty));
  store_close(empty);
  for (int life = 0; life < 12 && is_good; life++) {
    struct disk_sim_faults *faults = disk_sim_faults(world->sim);
    faults->ignore_sync = way == 1;
    faults->ignore_directory_sync = way == 2;
    if (world_next(world) % 4)
      faults->crash_operation = 1 + world_next(world) % 60;
    struct error error = {0};
    int status = world_open(world, &error);
    if (status) {
      is_good = strcmp(error.sqlstate, "58030") == 0;
    } else {
      uint64_t position = log_position(world->log);
      is_good = position >= world->durable && sum_of(store_trunk(world->store)) == world->sums[position];
      world->durable = position;
      if (is_good)
        (void)world_work(world, &error);
      world->durable = log_durable(world->log) > world->durable ? log_durable(world->log) : world->durable;
    }
    log_close(world->log);
    world->log = NULL;
    store_close(world->store);
    if (world_next(world) % 4)
      disk_sim_crash(world->sim);
    else
      disk_sim_kill(world->sim);
  }
  disk_sim_close(world->sim);
  free(world);
  return is_good;
}

static void test_log_and_checkpoints_together(void **state)
{
  (void)state;
  const char *only = getenv("SEED"), *count = getenv("SEEDS");
  uint64_t first = only ? strtoull(only, NULL, 10) : 1, last = only ? first : count ? strtoull(count, NULL, 10) : 400;
  for (uint64_t seed = first; seed <= last; seed++) {
    if (!world_run(seed, 0))
      fail_msg("seed %" PRIu64, seed);
  }
  int found[3] = {0};
  for (uint64_t seed = 1; seed <= 30; seed++) {
    found[1] += !world_run(seed, 1);
    found[2] += !world_run(seed, 2);
  }
  assert_true(found[1] > 10);
  assert_true(found[2] > 10);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),
      cmocka_unit_test(test_a_pinned_version_stays_what_it_was),
      cmocka_unit_test(test_largest_rows_and_keys),
      cmocka_unit_test(test_crash_at_every_operation),
      cmocka_unit_test(test_a_left_out_sync_is_found),
      cmocka_unit_test(test_full_disk_keeps_the_old_one),
      cmocka_unit_test(test_damage_is_refused_or_passed_over),
      cmocka_unit_test(test_log_and_checkpoints_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
