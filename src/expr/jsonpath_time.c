// jsonpath: the method datetime(), and how what it gives is compared. A date or time is an item of a kind that no jsonb
// has (RUN_MOMENT); a path's result is its text.
#include "data/datetime.h"
#include "expr/jsonpath_run.h"
#include "expr/moment.h"
#include "expr/time_pattern.h"

struct moment_item {
  enum type_id type;
  int64_t local; // microseconds: since 2000, or of the day
  int32_t east;  // seconds, of those with a zone
};

static struct moment_item moment_of(struct jsonb item)
{
  struct moment_item moment;
  memcpy(&moment, item.data, sizeof moment);
  return moment;
}

const char *run_moment_type(struct jsonb item) { return type_info(moment_of(item).type)->name; }

static int read_moment(struct evaluation *evaluation, struct bytes text, struct bytes pattern,
                       struct moment_item *moment)
{
  struct time_reading reading;
  int64_t timestamp;
  int status = time_read(evaluation, text, pattern, true, &reading);
  if (status)
    return status;
  if (reading.type == TYPE_UNKNOWN || (reading.is_zoned && reading.type == TYPE_DATE))
    return error_set(evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT, "datetime format is %s",
                     reading.type == TYPE_DATE ? "zoned but not timed" : "not dated and not timed");
  bool is_zoned = reading.type == TYPE_TIMESTAMPTZ || reading.type == TYPE_TIMETZ;
  if (is_zoned && !reading.has_zone)
    return error_set(evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                     "missing time zone in input string for type %s", type_info(reading.type)->short_name);
  *moment = (struct moment_item){.type = reading.type, .east = is_zoned ? reading.zone : 0};
  bool is_time = reading.type == TYPE_TIME || reading.type == TYPE_TIMETZ;
  if (is_time) // of whatever day
    civil_from_days(0, &reading.civil);
  status = timestamp_from_civil(&reading.civil, &timestamp, evaluation->error);
  if (status)
    return status;
  moment->local = time_round(timestamp, reading.digits);
  return STATUS_OK;
}

// ISO 8601's forms, as PostgreSQL's guess them.
static int guess_moment(struct evaluation *evaluation, struct bytes text, struct moment_item *moment)
{
  static const char *const patterns[] = {
      "yyyy-mm-dd", "HH24:MI:SS.USTZH:TZM", "HH24:MI:SS.USTZH", "HH24:MI:SS.US", "HH24:MI:SSTZH:TZM",
      "HH24:MI:SSTZH", "HH24:MI:SS", "yyyy-mm-dd HH24:MI:SS.USTZH:TZM", "yyyy-mm-dd HH24:MI:SS.USTZH",
      "yyyy-mm-dd HH24:MI:SS.US", "yyyy-mm-dd HH24:MI:SSTZH:TZM", "yyyy-mm-dd HH24:MI:SSTZH",
      "yyyy-mm-dd HH24:MI:SS", "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH:TZM", "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH",
      "yyyy-mm-dd\"T\"HH24:MI:SS.US", "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM", "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
      "yyyy-mm-dd\"T\"HH24:MI:SS",
  };
  int status = STATUS_INPUT;
  for (size_t i = 0; status && i < sizeof patterns / sizeof *patterns; i++)
    status = read_moment(evaluation, text, bytes_of_string(patterns[i]), moment);
  return status;
}

enum run_result run_datetime(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found)
{
  struct moment_item moment;
  struct error failure;
  struct evaluation quiet = *run->evaluation;
  if (item.kind != JSON_STRING)
    return run_fail(run, "22031", "jsonpath item method .%s() can only be applied to a string", "datetime");
  error_clear(&failure);
  quiet.error = &failure;
  int status = node->left ? read_moment(&quiet, jsonb_bytes(item), node->left->text, &moment)
                          : guess_moment(&quiet, jsonb_bytes(item), &moment);
  if (status && strcmp(failure.sqlstate, SQLSTATE_OUT_OF_MEMORY) == 0)
    return run_stop(run, error_memory(run->evaluation->error));
  if (status && !node->left) {
    enum run_result result = run_fail(run, "22031", "%s format is not recognized: \"%.*s\"", "datetime", (int)item.size,
                                      (const char *)item.data);
    if (run->status)
      error_hint(run->evaluation->error, "Use a datetime template argument to specify the input data format.");
    return result;
  }
  if (status && run->throws) {
    *run->evaluation->error = failure;
    return run_stop(run, status);
  }
  const uint8_t *copy = status ? NULL : arena_copy(run->evaluation->arena, &moment, sizeof moment);
  if (status)
    return RUN_FAILED;
  if (!copy)
    return run_stop(run, error_memory(run->evaluation->error));
  return run_next(run, node, jsonb_scalar(RUN_MOMENT, bytes_of(copy, sizeof moment)), found);
}

static void append_zone(int32_t east, struct buffer *out)
{
  int32_t size = east < 0 ? -east : east;
  buffer_format(out, "%c%02d:%02d", east < 0 ? '-' : '+', size / 3600, size / 60 % 60);
}

int run_moment_text(struct evaluation *evaluation, struct jsonb *item)
{
  struct moment_item moment = moment_of(*item);
  enum type_id type = moment.type == TYPE_TIMESTAMPTZ ? TYPE_TIMESTAMP : moment.type == TYPE_TIMETZ ? TYPE_TIME
                                                                                                    : moment.type;
  int64_t rest;
  struct value value = value_integer(type == TYPE_DATE ? moment_split_days(moment.local, &rest) : moment.local);
  struct buffer text = buffer_for(evaluation);
  datetime_to_text(type, &value, &format_settings_default, &text);
  for (size_t i = 0; i < text.size && type == TYPE_TIMESTAMP; i++)
    if (text.data[i] == ' ' && i < 16) {
      text.data[i] = 'T';
      break;
    }
  if (moment.type != type)
    append_zone(moment.east, &text);
  int status = result_from_buffer(evaluation, &text, &value);
  if (!status)
    *item = jsonb_scalar(JSON_STRING, bytes_of_value(&value));
  return status;
}

static bool is_of_day(const struct moment_item *moment)
{
  return moment->type == TYPE_TIME || moment->type == TYPE_TIMETZ;
}

static bool has_zone(const struct moment_item *moment)
{
  return moment->type == TYPE_TIMESTAMPTZ || moment->type == TYPE_TIMETZ;
}

// What has no zone gets the session's, where the function is one that may use it: else 0A000.
static int give_zone(struct run *run, struct moment_item *moment)
{
  static const char *const names[] = {"date", "time", "timestamp"};
  struct evaluation *evaluation = run->evaluation;
  if (has_zone(moment))
    return STATUS_OK;
  if (!run->uses_zone) {
    int status = error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "cannot convert value from %s to %s without time zone usage",
                           names[moment->type == TYPE_DATE ? 0 : is_of_day(moment) ? 1 : 2],
                           is_of_day(moment) ? "timetz" : "timestamptz");
    error_hint(evaluation->error, "Use *_tz() function for time zone support.");
    return status;
  }
  struct zone zone = moment_zone(evaluation);
  if (is_of_day(moment)) {
    moment->east = zone_offset_at(zone, evaluation->now, NULL);
    return STATUS_OK;
  }
  int64_t utc;
  int status = moment_to_utc(evaluation, zone, moment->local, &utc);
  moment->east = status ? 0 : (int32_t)((moment->local - utc) / 1000000);
  return status;
}

bool run_compare_moments(struct run *run, struct jsonb a, struct jsonb b, int *order)
{
  struct moment_item x = moment_of(a), y = moment_of(b);
  if (is_of_day(&x) != is_of_day(&y))
    return false;
  if (has_zone(&x) != has_zone(&y)) {
    int status = give_zone(run, &x);
    status = status ? status : give_zone(run, &y);
    if (status) {
      run_stop(run, status);
      return false;
    }
  }
  int64_t at = x.local - (int64_t)x.east * 1000000, other = y.local - (int64_t)y.east * 1000000;
  *order = (at > other) - (at < other);
  if (*order == 0 && is_of_day(&x)) // those of one moment by their zones, the western one behind
    *order = (y.east > x.east) - (y.east < x.east);
  return true;
}
