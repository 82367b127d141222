// Arithmetic of dates, times and intervals that the files of time functions share.
#pragma once

#include "data/datetime.h"
#include "data/interval.h"
#include "expr/calendar.h"
#include "expr/function.h"

#define DAY_MICROSECONDS ((int64_t)86400 * 1000000)

// 22008 "… out of range"; what: "timestamp", "date", "interval", "time".
int moment_out_of_range(struct evaluation *evaluation, const char *what);
// Floor of the division, and what is left, which is never negative.
int64_t moment_split_days(int64_t microseconds, int64_t *rest);
static inline struct zone moment_zone(const struct evaluation *evaluation)
{
  return evaluation->settings ? evaluation->settings->zone : zone_fixed(0);
}
// By a name or an offset. A bare offset is a zone's name in POSIX's sense where is_name: '+02' is two hours west of
// Greenwich. 22023.
int moment_find_zone(struct evaluation *evaluation, const struct value *name, bool is_name, struct zone *zone);

int moment_from_date(struct evaluation *evaluation, int64_t days, int64_t *timestamp); // infinities stay
int moment_to_utc(struct evaluation *evaluation, struct zone zone, int64_t local, int64_t *utc);
int moment_to_local(struct evaluation *evaluation, struct zone zone, int64_t utc, int64_t *local);
// Months first, then days, both as the calendar of the zone has them, then the time. 22008.
int moment_add(struct evaluation *evaluation, struct zone zone, int64_t timestamp, const struct interval *interval,
               int64_t *sum);
int interval_negate(struct evaluation *evaluation, const struct interval *interval, struct interval *result);
int interval_add(struct evaluation *evaluation, const struct interval *a, const struct interval *b,
                 struct interval *sum);
int interval_divide_by(struct evaluation *evaluation, const struct interval *interval, double by,
                       struct interval *result);
int interval_multiply_by(struct evaluation *evaluation, const struct interval *interval, double by,
                         struct interval *result);
int interval_result(struct evaluation *evaluation, const struct interval *interval, struct value *result);

// time_field.c. "hour", "mon", … False: there is none of that name.
bool moment_find_field(struct evaluation *evaluation, const struct value *name, enum time_field *field);
int moment_bad_field(struct evaluation *evaluation, const struct value *name, bool is_known, enum type_id type);
