// Window functions: what a row's place in its partition and in its frame says.
//
// They keep nothing between rows: the place has all of it.
#include "expr/tables.h"

#define PLACE const struct window_place *place, struct value *result

static const struct value *argument(const struct window_place *place, int number)
{
  return place->argument(place, place->row, number);
}

// ---- the place ----

static int row_number(PLACE)
{
  *result = value_integer(place->row + 1);
  return STATUS_OK;
}

static int rank(PLACE)
{
  *result = value_integer(place->peers + 1);
  return STATUS_OK;
}

static int dense_rank(PLACE)
{
  *result = value_integer(place->group + 1);
  return STATUS_OK;
}

static int percent_rank(PLACE)
{
  *result = value_float8(place->count > 1 ? (double)place->peers / (double)(place->count - 1) : 0);
  return STATUS_OK;
}

static int cume_dist(PLACE)
{
  *result = value_float8((double)place->peers_end / (double)place->count);
  return STATUS_OK;
}

// Parts of equal size, the first ones greater by one where the rows do not suffice. The first row says how many.
static int ntile(PLACE)
{
  const struct value *given = place->argument(place, 0, 0);
  *result = value_null();
  if (given->is_null)
    return STATUS_OK;
  int64_t parts = given->integer;
  if (parts <= 0)
    return error_set(place->evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_NTILE,
                     "argument of ntile must be greater than zero");
  int64_t size = place->count / parts, greater = place->count % parts, in_greater = greater * (size + 1);
  *result = value_integer(place->row < in_greater ? place->row / (size + 1) + 1
                                                  : greater + (place->row - in_greater) / size + 1);
  return STATUS_OK;
}

// ---- other rows of the partition ----

// arguments: the value, how far away, and what comes instead where there is no such row.
static int beside(PLACE, int64_t distance, bool has_default)
{
  int64_t row;
  *result = value_null();
  if (!__builtin_add_overflow(place->row, distance, &row) && row >= 0 && row < place->count)
    *result = *place->argument(place, row, 0);
  else if (has_default)
    *result = *argument(place, 2);
  return STATUS_OK;
}

static int beside_given(PLACE, int sign, bool has_default)
{
  const struct value *distance = argument(place, 1);
  *result = value_null();
  return distance->is_null ? STATUS_OK : beside(place, result, sign * distance->integer, has_default);
}

static int lag(PLACE) { return beside(place, result, -1, false); }
static int lead(PLACE) { return beside(place, result, 1, false); }
static int lag_by(PLACE) { return beside_given(place, result, -1, false); }
static int lead_by(PLACE) { return beside_given(place, result, 1, false); }
static int lag_or(PLACE) { return beside_given(place, result, -1, true); }
static int lead_or(PLACE) { return beside_given(place, result, 1, true); }

// ---- rows of the frame ----

static int frame_value(PLACE, int64_t number)
{
  int64_t row = place->frame_row(place, number);
  *result = row < 0 ? value_null() : *place->argument(place, row, 0);
  return STATUS_OK;
}

static int first_value(PLACE) { return frame_value(place, result, 0); }
static int last_value(PLACE) { return frame_value(place, result, -1); }

static int nth_value(PLACE)
{
  const struct value *number = argument(place, 1);
  *result = value_null();
  if (number->is_null)
    return STATUS_OK;
  if (number->integer <= 0)
    return error_set(place->evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_NTH_VALUE,
                     "argument of nth_value must be greater than zero");
  return frame_value(place, result, number->integer - 1);
}

const struct window_function window_functions[] = {
    {"row_number", INT8, 0, {0}, false, row_number},
    {"rank", INT8, 0, {0}, false, rank},
    {"dense_rank", INT8, 0, {0}, false, dense_rank},
    {"percent_rank", FLOAT8, 0, {0}, false, percent_rank},
    {"cume_dist", FLOAT8, 0, {0}, false, cume_dist},
    {"ntile", INT4, 1, {INT4}, false, ntile},
    {"lag", TYPE_ANY_ELEMENT, 1, {TYPE_ANY_ELEMENT}, false, lag},
    {"lag", TYPE_ANY_ELEMENT, 2, {TYPE_ANY_ELEMENT, INT4}, false, lag_by},
    {"lag", TYPE_LIKE_ELEMENT, 3, {TYPE_LIKE_ELEMENT, INT4, TYPE_LIKE_ELEMENT}, false, lag_or},
    {"lead", TYPE_ANY_ELEMENT, 1, {TYPE_ANY_ELEMENT}, false, lead},
    {"lead", TYPE_ANY_ELEMENT, 2, {TYPE_ANY_ELEMENT, INT4}, false, lead_by},
    {"lead", TYPE_LIKE_ELEMENT, 3, {TYPE_LIKE_ELEMENT, INT4, TYPE_LIKE_ELEMENT}, false, lead_or},
    {"first_value", TYPE_ANY_ELEMENT, 1, {TYPE_ANY_ELEMENT}, true, first_value},
    {"last_value", TYPE_ANY_ELEMENT, 1, {TYPE_ANY_ELEMENT}, true, last_value},
    {"nth_value", TYPE_ANY_ELEMENT, 2, {TYPE_ANY_ELEMENT, INT4}, true, nth_value},
    {0},
};
