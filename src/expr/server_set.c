// What a server of PostgreSQL's tells of itself as rows: its key words and its time zones.
#include "data/keyword.h"
#include "expr/moment.h"
#include "expr/tables.h"

int keyword_rows(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  const struct keyword *keyword = keyword_at((int)call->position);
  if (!keyword)
    return 0;
  call->position++;
  char category[2] = {keyword->category, 0};
  const char *copy = arena_string(evaluation->arena, category);
  if (!copy)
    return error_memory(evaluation->error);
  row[0] = value_string(keyword->word);
  row[2] = value_boolean(keyword->is_bare_label);
  row[3] = value_string(keyword->category == 'U'   ? "unreserved"
                        : keyword->category == 'C' ? "unreserved (cannot be function or type name)"
                        : keyword->category == 'T' ? "reserved (can be function or type name)"
                                                   : "reserved");
  row[4] = value_string(keyword->is_bare_label ? "can be bare label" : "requires AS");
  row[1] = value_string(copy);
  return 1;
}

int zone_rows(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  struct zone zone;
  if (!zone_at((int)call->position, &zone))
    return 0;
  call->position++;
  const char *abbreviation;
  int32_t offset = zone_offset_at(zone, evaluation->now, &abbreviation);
  struct interval interval = {.microseconds = (int64_t)offset * 1000000};
  row[0] = value_string(zone_name(zone));
  row[1] = value_string(abbreviation ? abbreviation : "");
  row[3] = value_boolean(zone_is_daylight_at(zone, evaluation->now));
  int status = interval_result(evaluation, &interval, &row[2]);
  return status ? status : 1;
}
