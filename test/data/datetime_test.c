// The calendar against its own definition, zones, and the words that mean a time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/datetime.h"

static const int64_t DAY = 86400 * (int64_t)1000000;

static void test_days_follow_one_another(void **state)
{
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  struct civil_time day = {.year = -4712, .month = 1, .day = 1};
  int64_t expected;
  struct error error;
  assert_int_equal(timestamp_from_civil(&day, &expected, &error), 0);
  while (day.year < 3000) {
    int64_t actual;
    struct civil_time back;
    assert_int_equal(timestamp_from_civil(&day, &actual, &error), 0);
    assert_true(actual == expected);
    civil_from_timestamp(actual, &back);
    assert_true(back.year == day.year && back.month == day.month && back.day == day.day && back.hour == 0);
    civil_from_timestamp(actual + DAY - 1, &back);
    assert_true(back.day == day.day && back.hour == 23 && back.microsecond == 999999);
    bool is_leap = (day.year % 4 == 0 && day.year % 100 != 0) || day.year % 400 == 0;
    if (++day.day > lengths[day.month - 1] + (is_leap && day.month == 2)) {
      day.day = 1;
      if (++day.month > 12) {
        day.month = 1;
        day.year++;
      }
    }
    expected += DAY;
  }
}

static void test_range_ends(void **state)
{
  struct error error = {0};
  int64_t timestamp;
  struct civil_time first = {.year = -4713, .month = 11, .day = 24}, beyond = {.year = 294277, .month = 1, .day = 1};
  assert_int_equal(timestamp_from_civil(&first, &timestamp, &error), 0);
  first.day--;
  assert_int_equal(timestamp_from_civil(&first, &timestamp, &error), STATUS_INPUT);
  assert_int_equal(timestamp_from_civil(&beyond, &timestamp, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "22008");
  assert_true(timestamp_is_valid(INT64_MIN) && timestamp_is_valid(INT64_MAX));
  assert_false(timestamp_is_valid(INT64_MIN + 1));
  assert_false(timestamp_is_valid(INT64_MAX - 1));
}

static void test_zones(void **state)
{
  static const struct {
    const char *text;
    bool is_known;
    int32_t offset;
  } cases[] = {
    {"UTC", true, 0},         {"utc", true, 0},        {"Z", true, 0},      {"Etc/UTC", true, 0},
    {"+02", true, 7200},      {"-03:30", true, -12600}, {"+5", true, 18000}, {"GMT+2", true, -7200},
    {"UTC-1", true, 3600},    {"CET", true, 3600},     {"", false, 0},      {"Mars/Olympus", false, 0},
    {"+", false, 0},          {"+16", false, 0},       {"+02:60", false, 0}, {"+02x", false, 0},
    {"GMT 2", false, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct zone zone;
    assert_int_equal(zone_parse(bytes_of_string(cases[i].text), &zone), cases[i].is_known);
    if (cases[i].is_known)
      assert_int_equal(zone_offset_at(zone, 0, NULL), cases[i].offset);
  }
}

static int64_t read_text(enum type_id type, const char *text, const struct format_settings *settings)
{
  struct value value;
  struct error error;
  assert_int_equal(datetime_from_text(type, bytes_of_string(text), settings, NULL, &value, &error), 0);
  return value.integer;
}

static void test_words_mean_the_settings_time(void **state)
{
  // 2000-01-01 23:30 UTC is the next day two hours east of it.
  struct format_settings settings = format_settings_default;
  settings.now = 84600 * (int64_t)1000000;
  settings.zone = zone_fixed(7200);
  assert_true(read_text(TYPE_TIMESTAMPTZ, "now", &settings) == settings.now);
  assert_true(read_text(TYPE_TIMESTAMP, "now", &settings) == settings.now + 7200 * (int64_t)1000000);
  assert_true(read_text(TYPE_TIMESTAMP, "today", &settings) == DAY);
  assert_true(read_text(TYPE_TIMESTAMP, "tomorrow", &settings) == 2 * DAY);
  assert_true(read_text(TYPE_TIMESTAMP, "yesterday 10:00", &settings) == 36000 * (int64_t)1000000);
  assert_true(read_text(TYPE_TIMESTAMPTZ, "today", &settings) == DAY - 7200 * (int64_t)1000000);
}

static void test_zone_of_the_session(void **state)
{
  struct format_settings settings = format_settings_default;
  settings.zone = zone_fixed(-12600);
  struct value value = value_integer(read_text(TYPE_TIMESTAMPTZ, "2020-06-01 12:00", &settings));
  assert_true(value.integer == read_text(TYPE_TIMESTAMPTZ, "2020-06-01 15:30 UTC", &settings));
  struct buffer text = {0};
  datetime_to_text(TYPE_TIMESTAMPTZ, &value, &settings, &text);
  assert_true(bytes_equal(buffer_bytes(&text), bytes_of_string("2020-06-01 12:00:00-03:30")));
  buffer_clear(&text);
  datetime_to_text(TYPE_TIMESTAMP, &value, &settings, &text);
  assert_true(bytes_equal(buffer_bytes(&text), bytes_of_string("2020-06-01 15:30:00")));
  buffer_deinit(&text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_days_follow_one_another),      cmocka_unit_test(test_range_ends),
    cmocka_unit_test(test_zones),                        cmocka_unit_test(test_words_mean_the_settings_time),
    cmocka_unit_test(test_zone_of_the_session),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
