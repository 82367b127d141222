// Event time: the column of a source that says when its rows happened. The watermark stands `lateness` behind the greatest
// time that was seen; a row with an earlier one is late. Both go on row by row, so that they do not depend on how rows
// arrived together. NULL and the infinities are no times: such a row is never late, and moves nothing.
#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/datetime.h"
#include "data/interval.h"
#include "flow/internal.h"

// Ascending, and 0 for none.
static uint64_t as_count(int64_t time)
{
  return (uint64_t)time ^ (1ull << 63);
}

int event_lateness(const struct relation *source, int64_t *microseconds, struct error *error)
{
  const char *text = relation_option(source, "lateness");
  struct interval interval;
  *microseconds = 0;
  int status = text ? interval_from_text(bytes_of_string(text), -1, &interval, error) : 0;
  if (status || !text)
    return status;
  __int128 span = interval_span(&interval);
  if (span < 0 || span > INT64_MAX)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "lateness of source \"%s\" is out of range: \"%s\"",
                     source->name, text);
  *microseconds = (int64_t)span;
  return 0;
}

int event_clock_open(const struct relation *source, const struct version *version, struct event_clock *clock,
                     struct error *error)
{
  const char *column = relation_option(source, "event_time"), *late = relation_option(source, "late");
  *clock = (struct event_clock){.column = column ? relation_column(source, column) : -1};
  if (clock->column < 0)
    return 0;
  struct progress progress;
  progress_read(version, source->oid, &progress);
  clock->type = source->schema.columns[clock->column].type.id;
  clock->newest = progress.counts[SOURCE_NEWEST];
  clock->drops = late && strcmp(late, "drop") == 0;
  return event_lateness(source, &clock->lateness, error);
}

bool event_clock_watermark(const struct event_clock *clock, int64_t *watermark)
{
  if (clock->column < 0 || !clock->newest)
    return false;
  int64_t newest = (int64_t)as_count((int64_t)clock->newest);
  *watermark = newest < INT64_MIN + 1 + clock->lateness ? INT64_MIN + 1 : newest - clock->lateness;
  return true;
}

// The row's time in microseconds; false: it has none.
static bool time_of(const struct event_clock *clock, const struct value *values, int64_t *time)
{
  if (clock->column < 0 || values[clock->column].is_null)
    return false;
  int64_t value = values[clock->column].integer;
  if (clock->type == TYPE_DATE ? date_is_infinite(value) : timestamp_is_infinite(value))
    return false;
  *time = value;
  return clock->type != TYPE_DATE || !__builtin_mul_overflow(value, (int64_t)86400 * 1000 * 1000, time);
}

bool event_clock_is_late(const struct event_clock *clock, const struct value *values)
{
  int64_t time, watermark;
  return time_of(clock, values, &time) && event_clock_watermark(clock, &watermark) && time < watermark;
}

void event_clock_advance(struct event_clock *clock, const struct value *values)
{
  int64_t time;
  if (time_of(clock, values, &time) && as_count(time) > clock->newest)
    clock->newest = as_count(time);
}
