// The generator: rows are a function of seed and position, and come when they are due.
#include <stdio.h>

#include "batch.h"

static const struct quern_connector *const generator = &connector_generator;

static const char COLUMNS[] = "id int8, small int2, middle int4, price float8, word text, at timestamptz";
static const char OPTIONS[] = "seed=7, id.kind=sequence, id.start=100, small.kind=random, small.min=-3, small.max=3, "
                              "middle.kind=random, price.kind=random, price.min=-1.5, price.max=2.5, word.kind=random, "
                              "word.min=10, word.max=12, at.start=60";

static void test_values(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(generator, COLUMNS, OPTIONS, "");
  assert_int_equal(poll_at(generator, source, &batch, 1, 1000), 0);
  assert_int_equal(batch.row_count, 1000);
  assert_true(batch.is_binary);
  bool low = false, high = false;
  for (int i = 0; i < 1000; i++) {
    int32_t size;
    assert_int_equal(integer_field(&batch, i, 0), 100 + i);
    int64_t small = integer_field(&batch, i, 1), middle = integer_field(&batch, i, 2);
    assert_true(small >= -3 && small <= 3);
    low |= small == -3;
    high |= small == 3;
    assert_true(middle >= 0 && middle <= 1000000);
    double price = float_field(&batch, i, 3);
    assert_true(price >= -1.5 && price < 2.5);
    const uint8_t *word = field(&batch, i, 4, &size);
    assert_true(size == 2 && word[0] == '1' && word[1] >= '0' && word[1] <= '2');
    assert_int_equal(integer_field(&batch, i, 5), (60 + i) * 1000000ll);
  }
  assert_true(low && high);
  generator->close(source);
  quern_buffer_free(&batch.rows);
}

// The same rows however they are asked for, and wherever one begins.
static void test_same_seed_and_position_same_rows(void **state)
{
  struct quern_batch whole = {0}, part = {0};
  void *source = open_source(generator, COLUMNS, OPTIONS, "");
  poll_at(generator, source, &whole, 1, 300);
  generator->close(source);
  size_t at = 0;
  char position[64] = "";
  for (int size = 1; at < whole.rows.size; size = size * 2 + 1) {
    source = open_source(generator, COLUMNS, OPTIONS, position);
    poll_at(generator, source, &part, 1, size);
    size_t compared = part.rows.size < whole.rows.size - at ? part.rows.size : whole.rows.size - at;
    assert_memory_equal(part.rows.data, whole.rows.data + at, compared);
    at += compared;
    snprintf(position, sizeof position, "%.*s", (int)part.position_size, (const char *)part.position);
    generator->close(source);
  }
  source = open_source(generator, "middle int4", "seed=8, middle.kind=random", "");
  poll_at(generator, source, &part, 1, 300);
  int same = 0;
  for (int i = 0; i < 300; i++)
    same += integer_field(&part, i, 0) == integer_field(&whole, i, 2);
  assert_true(same < 5); // another seed, other rows
  generator->close(source);
  quern_buffer_free(&whole.rows);
  quern_buffer_free(&part.rows);
}

static void test_rate(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(generator, "id int8", "rate=1000", "");
  int64_t now = 5000000, made = 0;
  assert_int_equal(poll_at(generator, source, &batch, now, 1024), 1001); // the first is due after a millisecond
  assert_int_equal(batch.row_count, 0);
  int64_t begun = now;
  for (int i = 0; i < 500; i++) {
    now += 1 + i * 37 % 9000;
    int64_t wait = poll_at(generator, source, &batch, now, 1024);
    made += batch.row_count;
    assert_int_equal(made, (now - begun) / 1000);
    if (batch.row_count == 0) // and it is due when it said it would be
      assert_int_equal((now + wait - begun) / 1000, made + 1);
  }
  now += 3000000; // it was not asked for long: it catches up, a batch at a time
  poll_at(generator, source, &batch, now, 1024);
  assert_int_equal(batch.row_count, 1024);
  assert_int_equal(batch.lag, 0);
  generator->close(source);
  quern_buffer_free(&batch.rows);
}

static void test_rows_end(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(generator, "id int8", "rows=10", "7");
  assert_true(poll_at(generator, source, &batch, 1, 1024) >= 0);
  assert_int_equal(batch.row_count, 3);
  assert_int_equal(integer_field(&batch, 2, 0), 9);
  assert_memory_equal(batch.position, "10", 2);
  assert_int_equal(poll_at(generator, source, &batch, 2, 1024), -1);
  assert_int_equal(batch.row_count, 0);
  generator->close(source);
  source = open_source(generator, "id int8", "rows=0", "");
  assert_int_equal(poll_at(generator, source, &batch, 1, 1024), -1);
  generator->close(source);
  quern_buffer_free(&batch.rows);
}

static void test_whole_range(void **state)
{
  struct quern_batch batch = {0};
  void *source =
      open_source(generator, "id int8", "id.kind=random, id.min=-9223372036854775808, id.max=9223372036854775807", "");
  poll_at(generator, source, &batch, 1, 100);
  int negative = 0;
  for (int i = 0; i < 100; i++)
    negative += integer_field(&batch, i, 0) < 0;
  assert_true(negative > 20 && negative < 80);
  generator->close(source);
  quern_buffer_free(&batch.rows);
}

// It ends; it does not begin again below zero.
static void test_sequence_of_a_small_type(void **state)
{
  assert_refused(generator, "id int2", "id.start=32000, rows=1000", "column \"id\"");
  struct quern_batch batch = {0};
  void *source = open_source(generator, "id int2", "id.start=32000, rows=768", "");
  poll_at(generator, source, &batch, 1, 1000);
  assert_int_equal(batch.row_count, 768);
  assert_int_equal(integer_field(&batch, 767, 0), 32767);
  generator->close(source);
  source = open_source(generator, "id int2", "id.start=-1", "32760");
  poll_at(generator, source, &batch, 1, 1000);
  assert_int_equal(batch.row_count, 9);
  assert_int_equal(integer_field(&batch, 8, 0), 32767);
  assert_int_equal(poll_at(generator, source, &batch, 1, 1000), -1);
  generator->close(source);
  quern_buffer_free(&batch.rows);
}

// One in the harmonic number of them is the first of a thousand at exponent 1, half as many the second.
static void test_zipf_and_choice(void **state)
{
  struct description description;
  struct quern_error error = {0};
  void *source = connector_generator.open(
    describe(&description, "a int8, b text, c int8",
             "a.kind=zipf, a.min=10, a.max=1009, b.kind=choice, b.values=red;, c.kind=zipf, c.min=0, c.max=99999, c.exponent=0.99, seed=3"),
    NULL, 0, &error);
  assert_non_null(source);
  int counts[1000] = {0}, firsts = 0;
  for (int rows = 0; rows < 100000;) {
    struct quern_batch batch = {0};
    assert_true(connector_generator.poll(source, &batch, 1000) >= 0);
    const uint8_t *at = batch.rows.data;
    for (int i = 0; i < batch.row_count; i++) {
      int64_t v = (int64_t)get_be64(at + 6);
      assert_true(v >= 10 && v <= 1009);
      counts[v - 10]++;
      assert_memory_equal(at + 18, "red;", 4);
      int64_t c = (int64_t)get_be64(at + 26);
      assert_true(c >= 0 && c <= 99999);
      firsts += c == 0;
      at += 34;
    }
    rows += batch.row_count;
    quern_buffer_free(&batch.rows);
  }
  connector_generator.close(source);
  assert_in_range(counts[0], 13000, 13720);
  assert_in_range(counts[1], 6430, 6930);
  assert_in_range(counts[9], 1230, 1440);
  assert_in_range(firsts, 7600, 8200); // one in 12.65
}

// 2026-01-01 in days since 2000.
enum { NEW_YEAR = 9497 };

static void test_moments(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(generator, "a timestamptz, b timestamp, c date, d date, e timestamp, f timestamptz",
                             "a.start=2026-01-01T00:00:00.25Z, a.step=250ms, b.start=2026-01-01 12:30, b.step=2 days, b.jitter=1h, "
                             "c.start=2026-01-01, c.step=7, d.start=2026-01-01, d.step=2 days, d.jitter=3, "
                             "e.kind=random, e.min=2026-01-01, e.max=2026-01-02, f.start=-1",
                             "");
  assert_int_equal(poll_at(generator, source, &batch, 1, 500), 0);
  int64_t new_year = NEW_YEAR * 86400ll, least = INT64_MAX, most = 0;
  bool has_days[4] = {0};
  for (int i = 0; i < 500; i++) {
    assert_int_equal(integer_field(&batch, i, 0), new_year * 1000000 + 250000 * (i + 1));
    int64_t back = (new_year + 45000 + i * 172800ll) * 1000000 - integer_field(&batch, i, 1);
    least = back < least ? back : least;
    most = back > most ? back : most;
    assert_int_equal(integer_field(&batch, i, 2), NEW_YEAR + 7 * i);
    int64_t days = NEW_YEAR + 2 * i - integer_field(&batch, i, 3);
    assert_true(days >= 0 && days <= 3);
    has_days[days] = true;
    int64_t random = integer_field(&batch, i, 4);
    assert_true(random >= new_year * 1000000 && random <= (new_year + 86400) * 1000000 && random % 1000000 == 0);
    assert_int_equal(integer_field(&batch, i, 5), (i - 1) * 1000000ll);
  }
  assert_true(least >= 0 && least < 60000000 && most > 3540000000ll && most <= 3600000000ll);
  assert_true(has_days[0] && has_days[1] && has_days[2] && has_days[3]);
  generator->close(source);
  quern_buffer_free(&batch.rows);
}

static void test_moments_that_are_none(void **state)
{
  static const char *const texts[] = {"2026-02-29", "2026-13-01", "2026-1", "2026-01-01 25:00", "2026-01-01T12:60", "2026-01-01 12",
                                      "2026-01-01 12:00+02", "2026-01-01x", "x-y"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    char option[64];
    snprintf(option, sizeof option, "at.start=%s", texts[i]);
    assert_refused(generator, "at timestamptz", option, "must be a number or a moment");
  }
  assert_refused(generator, "at timestamptz", "at.step=0", "must be a span of time");
  assert_refused(generator, "at timestamptz", "at.step=-1s", "must be a span of time");
  assert_refused(generator, "at timestamptz", "at.jitter=often", "must be a span of time");
  assert_refused(generator, "d date", "d.step=1h", "must be a span of days");
  assert_refused(generator, "id int8", "id.step=1", "is for sequences of dates and timestamps");
  assert_refused(generator, "at timestamptz", "at.kind=random, at.jitter=1s", "is for sequences");
  assert_refused(generator, "d date", "d.start=-2451545, d.jitter=1", "out of its type's range");
  assert_refused(generator, "d date", "d.start=2145031948, d.step=2, rows=2", "ends after 1 rows");
}

static void test_refused(void **state)
{
  assert_refused(generator, "id int8", "rate=fast", "option rate of source \"s\" must be a whole number, not \"fast\"");
  assert_refused(generator, "id int8", "rate=", "whole number");
  assert_refused(generator, "id int8", "rate=0", "between 1 and");
  assert_refused(generator, "id int8", "rate=99999999999999999999", "whole number");
  assert_refused(generator, "id int8", "rows=-1", "between 0 and");
  assert_refused(generator, "id int8", "seed=x", "option seed");
  assert_refused(generator, "id int8", "speed=3", "no option \"speed\"");
  assert_refused(generator, "id int8", "idx.kind=random", "no option \"idx.kind\"");
  assert_refused(generator, "id int8", "i.kind=random", "no option \"i.kind\"");
  assert_refused(generator, "id int8", "id.kinds=random", "no option \"id.kinds\"");
  assert_refused(generator, "id int8", "id.kind=mixed", "must be sequence, random, zipf or choice, not \"mixed\"");
  assert_refused(generator, "id int8", "id.kind=random, id.min=2, id.max=1", "above its max");
  assert_refused(generator, "id int2", "id.kind=random, id.max=32768", "out of its type's range");
  assert_refused(generator, "id int4", "id.start=-2147483649", "out of its type's range");
  assert_refused(generator, "f float8", "f.kind=random, f.min=x", "must be a number");
  assert_refused(generator, "f float8", "f.kind=random, f.min=3", "above its max");
  assert_refused(generator, "at timestamptz", "at.start=-300000000000", "out of its type's range");
  assert_refused(generator, "n numeric", "", "does not make");
  assert_refused(generator, "b bool", "", "does not make");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),      cmocka_unit_test(test_same_seed_and_position_same_rows),
      cmocka_unit_test(test_rate),        cmocka_unit_test(test_rows_end),
      cmocka_unit_test(test_whole_range), cmocka_unit_test(test_sequence_of_a_small_type),
      cmocka_unit_test(test_zipf_and_choice),
    cmocka_unit_test(test_moments), cmocka_unit_test(test_moments_that_are_none),
    cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
