// Calls of aggregates that are not plain: with DISTINCT, ORDER BY, WITHIN GROUP.
#pragma once

#include "sql/iterator.h"

struct aggregate_place {
  struct execution *execution;
  const struct plan_aggregate_call *call;
  void *state;                // of the call, in a group
  struct row_table *distinct; // what the call has seen, of all groups
  struct value *values;       // scratch
  struct arena *finish;       // for results: until the next group is given
};
// Takes the row at hand. arena: where the group lies; its number.
int aggregate_show(const struct aggregate_place *place, int64_t group, struct arena *arena);
int aggregate_result(const struct aggregate_place *place, struct value *result);
