// OVERLAPS: do two spans of time have a moment in common? Each is given by its ends, or by one and a length.
//
// An end may be NULL: then the other is what is known, and the answer may be too.
#include "expr/moment.h"
#include "expr/tables.h"

struct span {
  struct value from, to;
};

static struct value equal_or_null(bool is_known, bool v) { return is_known ? value_boolean(v) : value_null(); }

static bool order_ends(struct span *span)
{
  if (span->from.is_null && span->to.is_null)
    return false;
  if (span->from.is_null || (!span->to.is_null && span->from.integer > span->to.integer)) {
    struct value from = span->from;
    span->from = span->to;
    span->to = from;
  }
  return true;
}

static struct value overlap(struct span a, struct span b)
{
  if (!order_ends(&a) || !order_ends(&b))
    return value_null();
  if (a.from.integer == b.from.integer)
    return equal_or_null(!a.to.is_null && !b.to.is_null, true);
  struct span earlier = a.from.integer < b.from.integer ? a : b, later = a.from.integer < b.from.integer ? b : a;
  if (earlier.to.is_null)
    return value_null();
  if (later.from.integer < earlier.to.integer)
    return value_boolean(true);
  return equal_or_null(!later.to.is_null, false);
}

static int end_of(struct evaluation *evaluation, enum type_id type, const struct value *from,
                  const struct value *length, struct value *to)
{
  *to = value_null();
  if (from->is_null || length->is_null)
    return STATUS_OK;
  struct interval interval = interval_of(length);
  int64_t sum = 0, rest;
  int status = STATUS_OK;
  if (type == TYPE_TIME) {
    (void)moment_split_days(from->integer + interval.microseconds % DAY_MICROSECONDS, &rest);
    sum = rest;
  } else {
    struct zone zone = type == TYPE_TIMESTAMPTZ ? moment_zone(evaluation) : zone_fixed(0);
    status = moment_add(evaluation, zone, from->integer, &interval, &sum);
  }
  *to = value_integer(sum);
  return status;
}

static int overlaps(struct evaluation *evaluation, const struct value *arguments, enum type_id type, bool first_length,
                    bool second_length, struct value *result)
{
  struct span a = {arguments[0], arguments[1]}, b = {arguments[2], arguments[3]};
  int status = first_length ? end_of(evaluation, type, &arguments[0], &arguments[1], &a.to) : STATUS_OK;
  if (status == STATUS_OK && second_length)
    status = end_of(evaluation, type, &arguments[2], &arguments[3], &b.to);
  *result = overlap(a, b);
  return status;
}

#define OVERLAPS(name, type)                                                                        \
  static int name##_ends(CALL) { return overlaps(evaluation, arguments, type, false, false, result); } \
  static int name##_lengths(CALL) { return overlaps(evaluation, arguments, type, true, true, result); } \
  static int name##_first(CALL) { return overlaps(evaluation, arguments, type, true, false, result); } \
  static int name##_second(CALL) { return overlaps(evaluation, arguments, type, false, true, result); }
OVERLAPS(timestamp, TYPE_TIMESTAMP)
OVERLAPS(timestamptz, TYPE_TIMESTAMPTZ)
OVERLAPS(time, TYPE_TIME)

// Times with a zone are compared as moments, those of one moment by their zones.
static int timetz_overlaps(CALL)
{
  struct value moments[4];
  for (int i = 0; i < 4; i++) {
    struct zoned_time time = arguments[i].is_null ? (struct zoned_time){0} : zoned_time_of(&arguments[i]);
    moments[i] = value_integer((time.time + (int64_t)time.west * 1000000) * 0x40000 + time.west);
    moments[i].is_null = arguments[i].is_null;
  }
  return overlaps(evaluation, moments, TYPE_TIMETZ, false, false, result);
}

#define OVERLAPS_ROW(code, a, b, c, d) ROW("overlaps", code, BOOLEAN, 4, FUNCTION_STABLE, true, false, a, b, c, d)
#define OVERLAPS_ROWS(name, type)                                                                   \
  OVERLAPS_ROW(name##_ends, type, type, type, type), OVERLAPS_ROW(name##_lengths, type, INTERVAL, type, INTERVAL), \
      OVERLAPS_ROW(name##_first, type, INTERVAL, type, type), OVERLAPS_ROW(name##_second, type, type, type, INTERVAL)

const struct function overlap_functions[] = {
    OVERLAPS_ROWS(timestamp, TIMESTAMP),
    OVERLAPS_ROWS(timestamptz, TIMESTAMPTZ),
    OVERLAPS_ROWS(time, TIME),
    OVERLAPS_ROW(timetz_overlaps, TIMETZ, TIMETZ, TIMETZ, TIMETZ),
    {0},
};
