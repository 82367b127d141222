// Claims: who holds, who waits, who gives way; and nothing is left when all are gone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "txn/claim.h"

enum { CLAIMANTS = 12, NUMBERS = 6, TABLE = 20 };

struct crowd {
  struct memory_account account;
  struct claims claims;
  struct claimant claimants[CLAIMANTS];
  struct error error;
};

static void crowd_open(struct crowd *crowd)
{
  memset(crowd, 0, sizeof *crowd);
  claims_init(&crowd->claims, &crowd->account);
  for (int i = 0; i < CLAIMANTS; i++) {
    crowd->claimants[i].owner = &crowd->claimants[i];
    crowd->claimants[i].age = (uint64_t)i + 1;
  }
}

static void crowd_close(struct crowd *crowd)
{
  for (int i = 0; i < CLAIMANTS; i++)
    claims_release(&crowd->claims, &crowd->claimants[i], true);
  assert_null(claims_next_ready(&crowd->claims));
  claims_deinit(&crowd->claims);
  assert_int_equal(crowd->account.used, 0);
}

static int take(struct crowd *crowd, int claimant, const char *key, enum claim_mode mode, enum claim_wait wait)
{
  struct claim_request request = {.tag = {CLAIM_ON_ROW, TABLE, bytes_of_string(key)}, .mode = mode, .wait = wait};
  error_clear(&crowd->error);
  return claim_take(&crowd->claims, &crowd->claimants[claimant], &request, &crowd->error);
}

static int take_softly(struct crowd *crowd, int claimant, const char *key, enum claim_mode mode)
{
  struct claim_request request = {.tag = {CLAIM_ON_ROW, TABLE, bytes_of_string(key)}, .mode = mode, .is_soft = true};
  error_clear(&crowd->error);
  return claim_take(&crowd->claims, &crowd->claimants[claimant], &request, &crowd->error);
}

static int next_ready(struct crowd *crowd)
{
  struct claimant *claimant = claims_next_ready(&crowd->claims);
  return claimant ? (int)(claimant - crowd->claimants) : -1;
}

static void test_first_come_first_served(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  assert_int_equal(take(&crowd, 0, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), 0);
  assert_int_equal(take(&crowd, 0, "a", CLAIM_SHARE, CLAIM_OR_WAIT), 0); // less than it has
  assert_int_equal(take(&crowd, 1, "a", CLAIM_SHARE, CLAIM_OR_FAIL), CLAIM_REFUSED);
  assert_int_equal(take(&crowd, 1, "a", CLAIM_SHARE, CLAIM_OR_SKIP), CLAIM_SKIPPED);
  assert_int_equal(take(&crowd, 1, "a", CLAIM_SHARE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take(&crowd, 3, "a", CLAIM_SHARE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_ptr_equal(claim_blocker(&crowd.claimants[3]), &crowd.claimants[0]);
  claims_release(&crowd.claims, &crowd.claimants[0], false);
  assert_int_equal(next_ready(&crowd), 1);
  assert_int_equal(next_ready(&crowd), -1); // 3 stays behind 2
  assert_int_equal(take(&crowd, 4, "a", CLAIM_KEY_SHARE, CLAIM_OR_FAIL), CLAIM_REFUSED); // so does whoever comes now
  claim_cancel(&crowd.claims, &crowd.claimants[2]);
  assert_int_equal(next_ready(&crowd), 3);
  crowd_close(&crowd);
}

static void test_the_youngest_holder_gives_way(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  for (int i = 0; i < 3; i++)
    assert_int_equal(take(&crowd, i, (const char *[]){"a", "b", "c"}[i], CLAIM_UPDATE, CLAIM_OR_WAIT), 0);
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take(&crowd, 0, "b", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take(&crowd, 1, "c", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(next_ready(&crowd), 2);
  assert_true(crowd.claimants[2].is_victim);
  assert_int_equal(next_ready(&crowd), -1);
  claims_release(&crowd.claims, &crowd.claimants[2], false);
  assert_int_equal(next_ready(&crowd), 1);
  claims_release(&crowd.claims, &crowd.claimants[1], false);
  assert_int_equal(next_ready(&crowd), 0);
  crowd_close(&crowd);
}

// It is in the circle for its place in a queue alone, and was never granted a row.
static void test_who_holds_no_row_steps_back(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  assert_int_equal(take(&crowd, 0, "a", CLAIM_SHARE, CLAIM_OR_WAIT), 0);
  assert_int_equal(take(&crowd, 1, "b", CLAIM_UPDATE, CLAIM_OR_WAIT), 0);
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take(&crowd, 1, "a", CLAIM_SHARE, CLAIM_OR_WAIT), STATUS_WAIT); // behind the one before
  assert_int_equal(take(&crowd, 0, "b", CLAIM_SHARE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(next_ready(&crowd), 1);
  assert_int_equal(next_ready(&crowd), 2);
  assert_false(crowd.claimants[2].is_victim);
  assert_int_equal(crowd.claimants[2].hold_count, 0);
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  claims_release(&crowd.claims, &crowd.claimants[1], false);
  assert_int_equal(next_ready(&crowd), 0);
  claims_release(&crowd.claims, &crowd.claimants[0], false);
  assert_int_equal(next_ready(&crowd), 2);
  assert_int_equal(crowd.claims.counts.deadlocks, 0);
  crowd_close(&crowd);
}

static void test_a_one_shot_keeps_its_place(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  assert_int_equal(take(&crowd, 0, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), 0);
  struct change_list changes;
  change_list_init(&changes);
  struct change change = {.tree = TABLE, .has_old = true, .has_new = true, .key = bytes_of_string("a"),
                          .old_row = bytes_of_string("x"), .new_row = bytes_of_string("y")};
  assert_true(change_append(&changes, &change));
  assert_int_equal(claims_pass(&crowd.claims, &crowd.claimants[0], false, &changes, &crowd.error), 0);
  assert_int_equal(claims_pass(&crowd.claims, &crowd.claimants[1], true, &changes, &crowd.error), STATUS_WAIT);
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  claims_release(&crowd.claims, &crowd.claimants[0], false);
  assert_int_equal(next_ready(&crowd), 1);
  assert_int_equal(next_ready(&crowd), -1);
  assert_int_equal(claims_pass(&crowd.claims, &crowd.claimants[1], true, &changes, &crowd.error), 0);
  claims_let_go(&crowd.claims, &crowd.claimants[1], false);
  assert_int_equal(next_ready(&crowd), 2);
  claims_break(&crowd.claims, &changes);
  assert_true(crowd.claimants[2].is_broken);
  assert_int_equal(claims_pass(&crowd.claims, &crowd.claimants[1], true, &changes, &crowd.error), 0);
  change_list_deinit(&changes);
  crowd_close(&crowd);
}

static void test_a_unique_key_is_met_by_entries_that_begin_with_it(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  struct claim_request request = {
    .tag = {CLAIM_ON_ROW, TABLE + 1, bytes_of_string("abc")}, .mode = CLAIM_UPDATE, .is_prefix = true};
  assert_int_equal(claim_take(&crowd.claims, &crowd.claimants[0], &request, &crowd.error), 0);
  static const char *const keys[] = {"abc1", "abd1", "ab", "abcabc"};
  static const bool meets[] = {true, false, false, true};
  for (int i = 0; i < 4; i++) {
    struct change_list changes;
    change_list_init(&changes);
    struct change change = {.tree = TABLE + 1, .flags = CHANGE_DERIVED, .has_new = true, .key = bytes_of_string(keys[i])};
    assert_true(change_append(&changes, &change));
    int status = claims_pass(&crowd.claims, &crowd.claimants[1], true, &changes, &crowd.error);
    assert_int_equal(status, meets[i] ? STATUS_WAIT : 0);
    claim_cancel(&crowd.claims, &crowd.claimants[1]);
    change_list_deinit(&changes);
  }
  crowd_close(&crowd);
}

static void test_numbers_are_counted(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  struct claim_request request = {
    .tag = {.kind = CLAIM_ON_NUMBER, .key = bytes_of_string("7")}, .mode = CLAIM_UPDATE, .is_session = true};
  for (int i = 0; i < 2; i++)
    assert_int_equal(claim_take(&crowd.claims, &crowd.claimants[0], &request, &crowd.error), 0);
  assert_int_equal(claim_take(&crowd.claims, &crowd.claimants[1], &request, &crowd.error), STATUS_WAIT);
  claims_release(&crowd.claims, &crowd.claimants[0], false); // the session's stay
  assert_true(claim_give(&crowd.claims, &crowd.claimants[0], &request));
  assert_int_equal(next_ready(&crowd), -1);
  assert_true(claim_give(&crowd.claims, &crowd.claimants[0], &request));
  assert_false(claim_give(&crowd.claims, &crowd.claimants[0], &request));
  assert_int_equal(next_ready(&crowd), 1);
  // What it waited for is the transaction's until it is taken once more.
  assert_false(claim_give(&crowd.claims, &crowd.claimants[1], &request));
  assert_int_equal(claim_take(&crowd.claims, &crowd.claimants[1], &request, &crowd.error), 0);
  claims_release(&crowd.claims, &crowd.claimants[1], false);
  assert_int_equal(claim_take(&crowd.claims, &crowd.claimants[0], &request, &crowd.error), STATUS_WAIT);
  claims_give_numbers(&crowd.claims, &crowd.claimants[1]);
  assert_int_equal(next_ready(&crowd), 0);
  crowd_close(&crowd);
}

// --- Whatever happens --------------------------------------------------------------------------------------------

static uint32_t draw(uint64_t *seed, uint32_t below)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33) % below;
}

static bool conflict(enum claim_mode a, enum claim_mode b)
{
  static const bool rows[4][4] = {{0, 0, 0, 1}, {0, 0, 1, 1}, {0, 1, 1, 1}, {1, 1, 1, 1}};
  return rows[a][b];
}

// Nobody holds what conflicts with another's; whoever waits has a reason; no circle stands.
static void look(const struct crowd *crowd)
{
  struct claim_view held[512];
  int count = 0;
  struct claim_walk walk = {0};
  struct claim_view view;
  while (claims_next(&crowd->claims, &walk, &view))
    if (view.is_held && view.tag.kind == CLAIM_ON_ROW)
      held[count++] = view;
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++)
      assert_false(held[i].claimant != held[j].claimant && bytes_equal(held[i].tag.key, held[j].tag.key) &&
                   conflict(held[i].mode, held[j].mode));
  for (int i = 0; i < CLAIMANTS; i++) {
    const struct claimant *at = &crowd->claimants[i];
    int steps = 0;
    for (; at && at->waits_for; at = claim_blocker(at))
      assert_true(steps++ < CLAIMANTS); // along the first blockers, at least
  }
}

static void test_random_crowds(void **state)
{
  static const char *const keys[NUMBERS] = {"a", "b", "c", "d", "e", "f"};
  int waits = 0, deadlocks = 0;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct crowd crowd;
    crowd_open(&crowd);
    uint64_t random = seed, ages = CLAIMANTS;
    for (int turn = 0; turn < 3000; turn++) {
      int who = (int)draw(&random, CLAIMANTS);
      struct claimant *claimant = &crowd.claimants[who];
      if (draw(&random, 8) == 0) {
        claims_release(&crowd.claims, claimant, true);
        claimant->age = ++ages;
      } else if (!claimant->waits_for && !claimant->is_ready) {
        enum claim_wait wait = draw(&random, 5) ? CLAIM_OR_WAIT : draw(&random, 2) ? CLAIM_OR_SKIP : CLAIM_OR_FAIL;
        int status = take(&crowd, who, keys[draw(&random, NUMBERS)], (enum claim_mode)draw(&random, 4), wait);
        waits += status == STATUS_WAIT;
        if (status < 0 && status != STATUS_WAIT) {
          assert_string_equal(crowd.error.sqlstate, "40P01");
          deadlocks++;
          claims_release(&crowd.claims, claimant, true);
        }
      }
      struct claimant *ready;
      while ((ready = claims_next_ready(&crowd.claims))) {
        deadlocks += ready->is_victim;
        if (ready->is_victim)
          claims_release(&crowd.claims, ready, true);
      }
      look(&crowd);
    }
    crowd_close(&crowd);
  }
  assert_true(waits > 1000 && deadlocks > 100);
}

static void test_nobody_waits_long_for_a_soft_claim(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  assert_int_equal(take_softly(&crowd, 0, "a", CLAIM_SHARE), 0);
  assert_int_equal(take_softly(&crowd, 1, "a", CLAIM_SHARE), 0);
  assert_int_equal(take(&crowd, 1, "a", CLAIM_SHARE, CLAIM_OR_WAIT), 0); // in earnest now
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_true(claim_waits_softly(&crowd.claimants[2]));
  crowd.claims.now = LIMIT_SOFT_HOLD_MS * 1000 - 1;
  claim_lose_patience(&crowd.claims, &crowd.claimants[2], true);
  assert_int_equal(crowd.claims.counts.broken, 0);
  crowd.claims.now++;
  claim_lose_patience(&crowd.claims, &crowd.claimants[2], true);
  assert_int_equal(crowd.claims.counts.broken, 1);
  assert_true(crowd.claimants[0].is_broken && !crowd.claimants[1].is_broken);
  assert_false(claim_waits_softly(&crowd.claimants[2]));
  assert_int_equal(next_ready(&crowd), -1);
  claims_release(&crowd.claims, &crowd.claimants[1], false);
  assert_int_equal(next_ready(&crowd), 2);
  assert_int_equal(take_softly(&crowd, 3, "a", CLAIM_SHARE), STATUS_WAIT); // for what is not soft
  claim_lose_patience(&crowd.claims, &crowd.claimants[3], false);
  assert_int_equal(next_ready(&crowd), -1);
  claim_lose_patience(&crowd.claims, &crowd.claimants[3], true);
  assert_int_equal(next_ready(&crowd), 3);
  assert_true(crowd.claimants[3].has_given_up);
  crowd_close(&crowd);
}

static void test_who_would_not_wait_passes_soft_claims(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  assert_int_equal(take_softly(&crowd, 0, "a", CLAIM_NO_KEY_UPDATE), 0);
  assert_int_equal(take_softly(&crowd, 1, "a", CLAIM_SHARE), STATUS_WAIT);
  assert_int_equal(take(&crowd, 2, "a", CLAIM_UPDATE, CLAIM_OR_SKIP), 0);
  assert_true(crowd.claimants[0].is_broken);
  assert_true(crowd.claimants[1].is_broken || crowd.claimants[1].has_given_up);
  assert_int_equal(take(&crowd, 3, "a", CLAIM_UPDATE, CLAIM_OR_FAIL), CLAIM_REFUSED);
  claims_release(&crowd.claims, &crowd.claimants[2], false);
  assert_int_equal(take_softly(&crowd, 4, "a", CLAIM_NO_KEY_UPDATE), 0);
  struct change_list changes;
  change_list_init(&changes);
  struct change change = {.tree = TABLE, .has_old = true, .has_new = true, .key = bytes_of_string("a"),
                          .old_row = bytes_of_string("x"), .new_row = bytes_of_string("y")};
  assert_true(change_append(&changes, &change));
  crowd.claimants[5].is_source = true;
  assert_int_equal(claims_pass(&crowd.claims, &crowd.claimants[5], true, &changes, &crowd.error), 0);
  assert_int_equal(claims_pass(&crowd.claims, &crowd.claimants[6], true, &changes, &crowd.error), STATUS_WAIT);
  change_list_deinit(&changes);
  crowd_close(&crowd);
}

static void test_a_circle_breaks_at_what_is_soft(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  assert_int_equal(take_softly(&crowd, 0, "a", CLAIM_SHARE), 0);
  assert_int_equal(take(&crowd, 1, "b", CLAIM_UPDATE, CLAIM_OR_WAIT), 0);
  assert_int_equal(take(&crowd, 0, "b", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take(&crowd, 1, "a", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(next_ready(&crowd), 1); // it has what it asked for
  assert_false(crowd.claimants[1].is_victim);
  assert_true(crowd.claimants[0].is_broken);
  claims_release(&crowd.claims, &crowd.claimants[1], false);
  assert_int_equal(next_ready(&crowd), 0);
  assert_int_equal(take(&crowd, 1, "c", CLAIM_UPDATE, CLAIM_OR_WAIT), 0);
  assert_int_equal(take(&crowd, 1, "b", CLAIM_UPDATE, CLAIM_OR_WAIT), STATUS_WAIT);
  assert_int_equal(take_softly(&crowd, 0, "c", CLAIM_SHARE), STATUS_WAIT);
  assert_int_equal(next_ready(&crowd), 0); // it goes on without
  assert_true(crowd.claimants[0].has_given_up && !crowd.claimants[0].is_victim);
  assert_int_equal(crowd.claims.counts.deadlocks, 0);
  crowd_close(&crowd);
}

static void test_claims_are_charged(void **state)
{
  struct crowd crowd;
  crowd_open(&crowd);
  crowd.account.limit = 4096;
  int status = 0, taken = 0;
  char key[16];
  while (!status && taken < 1000) {
    snprintf(key, sizeof key, "%d", taken);
    status = take(&crowd, 0, key, CLAIM_UPDATE, CLAIM_OR_WAIT);
    taken += !status;
  }
  assert_string_equal(crowd.error.sqlstate, "53200");
  assert_true(taken > 5 && taken < 100);
  crowd_close(&crowd);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_first_come_first_served),
    cmocka_unit_test(test_the_youngest_holder_gives_way),
    cmocka_unit_test(test_who_holds_no_row_steps_back),
    cmocka_unit_test(test_a_one_shot_keeps_its_place),
    cmocka_unit_test(test_a_unique_key_is_met_by_entries_that_begin_with_it),
    cmocka_unit_test(test_numbers_are_counted),
    cmocka_unit_test(test_random_crowds),
    cmocka_unit_test(test_nobody_waits_long_for_a_soft_claim),
    cmocka_unit_test(test_who_would_not_wait_passes_soft_claims),
    cmocka_unit_test(test_a_circle_breaks_at_what_is_soft),
    cmocka_unit_test(test_claims_are_charged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
