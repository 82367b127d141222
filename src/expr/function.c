// The tables of functions and aggregates put together, and what their files share.
#include "expr/tables.h"

const struct function *const function_tables[] = {
    operator_functions, match_functions,        cast_functions,      json_cast_functions, math_functions,
    text_functions,     pattern_functions,      pattern_piece_functions, format_functions,   time_functions, json_functions,
    jsonb_functions,    jsonb_change_functions, json_make_functions, system_functions,    time_cast_functions,
    jsonpath_functions, text_more_functions,
    real_cast_functions, binary_cast_functions, time_field_functions, date_functions, interval_functions,
    real_functions, binary_functions, overlap_functions, time_format_functions,
    degree_functions, array_functions, array_operator_functions, enum_functions,
    server_functions, json_row_functions, bits_cast_functions, bits_functions, NULL,
};

const struct function *function_at(int index)
{
  for (int t = 0; function_tables[t]; t++)
    for (const struct function *row = function_tables[t]; row->name; row++)
      if (index-- == 0)
        return row;
  return NULL;
}

const struct aggregate *aggregate_at(int index)
{
  for (const struct aggregate *row = aggregates; row->name; row++)
    if (index-- == 0)
      return row;
  return NULL;
}

const struct set_function *set_function_at(int index)
{
  for (const struct set_function *row = set_functions; row->name; row++)
    if (index-- == 0)
      return row;
  return NULL;
}

const struct window_function *window_function_at(int index)
{
  for (const struct window_function *row = window_functions; row->name; row++)
    if (index-- == 0)
      return row;
  return NULL;
}

const struct ordered_set *ordered_set_at(int index)
{
  for (const struct ordered_set *row = ordered_sets; row->name; row++)
    if (index-- == 0)
      return row;
  return NULL;
}

bool ordered_set_exists(const char *name)
{
  for (const struct ordered_set *row = ordered_sets; row->name; row++)
    if (strcmp(row->name, name) == 0)
      return true;
  return ordered_set_is_hypothetical(name);
}

bool window_function_exists(const char *name)
{
  for (const struct window_function *row = window_functions; row->name; row++)
    if (strcmp(row->name, name) == 0)
      return true;
  return false;
}

bool aggregate_exists(const char *name)
{
  for (const struct aggregate *row = aggregates; row->name; row++)
    if (strcmp(row->name, name) == 0)
      return true;
  return false;
}

int call_session(struct evaluation *evaluation, const char *name, const struct value *arguments, int argument_count,
                 struct value *result)
{
  if (!evaluation->hooks || !evaluation->hooks->session_function)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "function %s() cannot be called here", name);
  return evaluation->hooks->session_function(evaluation, name, arguments, argument_count, result);
}
