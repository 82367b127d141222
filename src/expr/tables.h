// What the files of function tables share; for the room expr alone.
#pragma once

#include <limits.h>

#include "base/sqlstate.h"
#include "expr/function.h"

// Short names for the columns of the tables.
#define BOOLEAN TYPE_BOOLEAN
#define INT2 TYPE_INT2
#define INT4 TYPE_INT4
#define INT8 TYPE_INT8
#define FLOAT8 TYPE_FLOAT8
#define NUMERIC TYPE_NUMERIC
#define TEXT TYPE_TEXT
#define VARCHAR TYPE_VARCHAR
#define BPCHAR TYPE_BPCHAR
#define TIMESTAMP TYPE_TIMESTAMP
#define TIMESTAMPTZ TYPE_TIMESTAMPTZ
#define OID TYPE_OID
#define NAME TYPE_NAME
#define CHAR1 TYPE_CHAR1
#define JSON TYPE_JSON
#define JSONB TYPE_JSONB
#define FLOAT4 TYPE_FLOAT4
#define BYTEA TYPE_BYTEA
#define DATE TYPE_DATE
#define TIME TYPE_TIME
#define TIMETZ TYPE_TIMETZ
#define INTERVAL TYPE_INTERVAL
#define UUID TYPE_UUID
#define BIT TYPE_BIT
#define VARBIT TYPE_VARBIT
#define ANY TYPE_COUNT

// The arguments of every function_code, for definitions: static int NAME(CALL) { … }
#define CALL                                                                                        \
  struct evaluation *evaluation, const struct value *arguments, int argument_count, struct value *result

// The bytes of the one, then those of the other: texts, binary strings.
int concatenate_bytes(CALL);

// Rows of the tables. PURE(name, code, result, argument_count, argument types…)
#define ROW(name, code, result, count, volatility, on_null, operator, ...)                          \
  {name, 0, result, count, {__VA_ARGS__}, code, volatility, on_null, operator, false}
#define OPERATOR(name, code, result, count, ...)                                                    \
  ROW(name, code, result, count, FUNCTION_PURE, false, true, __VA_ARGS__)
#define PURE(name, code, result, count, ...) ROW(name, code, result, count, FUNCTION_PURE, false, false, __VA_ARGS__)
#define STABLE(name, code, result, count, ...)                                                      \
  ROW(name, code, result, count, FUNCTION_STABLE, false, false, __VA_ARGS__)

// The arguments of an aggregate's functions, for definitions.
#define STEP                                                                                        \
  struct evaluation *evaluation, void *state, const struct value *arguments, struct arena *arena
#define FINISH struct evaluation *evaluation, void *state, struct value *result

// Takes arguments of any type, NULLs too, with their types.
#define TYPED(name, code, result, count, ...)                                                       \
  {name, 0, result, count, {__VA_ARGS__}, code, FUNCTION_STABLE, true, false, true}
// The same of what depends on its arguments alone.
#define PURE_TYPED(name, code, result, count, ...)                                                  \
  {name, 0, result, count, {__VA_ARGS__}, code, FUNCTION_PURE, false, false, true}
#define PURE_TYPED_NULLS(name, code, result, count, ...)                                            \
  {name, 0, result, count, {__VA_ARGS__}, code, FUNCTION_PURE, true, false, true}
#define TYPED_OPERATOR(name, code, result, count, ...)                                              \
  {name, 0, result, count, {__VA_ARGS__}, code, FUNCTION_PURE, false, true, true}
#define TYPED_OPERATOR_NULLS(name, code, result, count, ...)                                        \
  {name, 0, result, count, {__VA_ARGS__}, code, FUNCTION_PURE, true, true, true}
// Comparison operators: the six functions of a kind, and their rows.
#define COMPARISONS(kind, order)                                                                    \
  static int kind##_equal(CALL) { *result = value_boolean((order) == 0); return STATUS_OK; }        \
  static int kind##_unequal(CALL) { *result = value_boolean((order) != 0); return STATUS_OK; }      \
  static int kind##_less(CALL) { *result = value_boolean((order) < 0); return STATUS_OK; }          \
  static int kind##_at_most(CALL) { *result = value_boolean((order) <= 0); return STATUS_OK; }      \
  static int kind##_greater(CALL) { *result = value_boolean((order) > 0); return STATUS_OK; }       \
  static int kind##_at_least(CALL) { *result = value_boolean((order) >= 0); return STATUS_OK; }

#define COMPARISON_ROWS(kind, left, right)                                                          \
  OPERATOR("=", kind##_equal, BOOLEAN, 2, left, right), OPERATOR("<>", kind##_unequal, BOOLEAN, 2, left, right), \
      OPERATOR("<", kind##_less, BOOLEAN, 2, left, right), OPERATOR("<=", kind##_at_most, BOOLEAN, 2, left, right), \
      OPERATOR(">", kind##_greater, BOOLEAN, 2, left, right), OPERATOR(">=", kind##_at_least, BOOLEAN, 2, left, right)
#define BY_TYPE(type) value_compare(type, &arguments[0], &arguments[1])

#define STABLE_COMPARISON_ROWS(kind, left, right)                                                   \
  ROW("=", kind##_equal, BOOLEAN, 2, FUNCTION_STABLE, false, true, left, right),                    \
      ROW("<>", kind##_unequal, BOOLEAN, 2, FUNCTION_STABLE, false, true, left, right),             \
      ROW("<", kind##_less, BOOLEAN, 2, FUNCTION_STABLE, false, true, left, right),                 \
      ROW("<=", kind##_at_most, BOOLEAN, 2, FUNCTION_STABLE, false, true, left, right),             \
      ROW(">", kind##_greater, BOOLEAN, 2, FUNCTION_STABLE, false, true, left, right),              \
      ROW(">=", kind##_at_least, BOOLEAN, 2, FUNCTION_STABLE, false, true, left, right)

// Casts by the text forms, and what a type's modifier makes of a value; cast.c has what they call.
#define TO_TEXT(name, type)                                                                         \
  static int text_from_##name(CALL) { return cast_to_text(evaluation, type, &arguments[0], result); }
#define FROM_TEXT(name, type)                                                                       \
  static int name##_from_text(CALL) { return cast_from_text(evaluation, type, &arguments[0], result); }
#define MODIFIER(name, type, is_explicit)                                                           \
  static int name##_modifier(CALL) { return cast_modifier(evaluation, type, arguments, is_explicit, result); }
int cast_to_text(struct evaluation *evaluation, enum type_id type, const struct value *value, struct value *result);
int cast_from_text(struct evaluation *evaluation, enum type_id type, const struct value *text, struct value *result);
int cast_modifier(struct evaluation *evaluation, enum type_id id, const struct value *arguments, bool is_explicit,
                  struct value *result);

// operators.c: the arithmetic of double precision, for real beside it.
int float8_add(CALL);
int float8_subtract(CALL);
int float8_multiply(CALL);
int float8_divide(CALL);

// Each ends with a row without a name.
extern const struct function operator_functions[];
extern const struct function match_functions[];
extern const struct function cast_functions[];
extern const struct function json_cast_functions[];
extern const struct function json_functions[];
extern const struct function jsonb_functions[];
extern const struct function jsonb_change_functions[];
extern const struct function jsonpath_functions[];
extern const struct function json_make_functions[];
extern const struct function json_row_functions[];
extern const struct function time_cast_functions[];
extern const struct function real_cast_functions[];
extern const struct function binary_cast_functions[];
extern const struct function math_functions[];
extern const struct function text_functions[];
extern const struct function text_more_functions[];
extern const struct function pattern_functions[];
extern const struct function pattern_piece_functions[];
extern const struct function format_functions[];
extern const struct function time_functions[];
extern const struct function time_field_functions[];
extern const struct function date_functions[];
extern const struct function interval_functions[];
extern const struct function time_format_functions[];
extern const struct function overlap_functions[];
extern const struct function enum_functions[];
extern const struct function degree_functions[];
extern const struct function real_functions[];
extern const struct function binary_functions[];
extern const struct function bits_cast_functions[];
extern const struct function bits_functions[];
extern const struct function bit_from_integer_function; // and how many bits
extern const struct function system_functions[];
extern const struct function server_functions[];
extern const struct function array_functions[];
extern const struct function array_operator_functions[];
extern const struct aggregate aggregates[];
extern const struct set_function set_functions[];
extern const struct window_function window_functions[];
extern const struct ordered_set ordered_sets[];
extern const struct function *const function_tables[]; // all of the above that hold functions; NULL at the end

static inline struct bytes bytes_of_value(const struct value *value) { return bytes_of(value->data, value->size); }

// Room for size bytes that become the result: *result is set to them. NULL: out of memory.
static inline uint8_t *result_bytes(struct evaluation *evaluation, size_t size, struct value *result)
{
  uint8_t *data = size <= UINT32_MAX ? arena_alloc(evaluation->arena, size ? size : 1) : NULL;
  *result = value_bytes(data, (uint32_t)size);
  return data;
}

// A buffer for a result under way: it counts as the statement's memory.
static inline struct buffer buffer_for(const struct evaluation *evaluation)
{
  return (struct buffer){.account = evaluation->arena->account};
}

// Gives the buffer's bytes as the result and frees the buffer.
static inline int result_from_buffer(struct evaluation *evaluation, struct buffer *buffer, struct value *result)
{
  uint8_t *data = buffer->failed ? NULL : result_bytes(evaluation, buffer->size, result);
  if (data && buffer->size)
    memcpy(data, buffer->data, buffer->size);
  buffer_deinit(buffer);
  return data ? STATUS_OK : error_memory(evaluation->error);
}

static inline const struct format_settings *settings_of(const struct evaluation *evaluation)
{
  return evaluation->settings ? evaluation->settings : &format_settings_default;
}

// aggregate.c: a state that grows by bytes.
struct joined {
  uint8_t *data;
  size_t size, capacity;
  bool is_set;
};
int joined_append(struct evaluation *evaluation, struct joined *joined, const struct value *value, struct arena *arena);
// json_aggregate.c. The states are struct joined.
int json_agg_step(STEP);
int json_agg_finish(FINISH);
int jsonb_agg_step(STEP);
int jsonb_agg_finish(FINISH);
int json_object_agg_step(STEP);
int json_object_agg_finish(FINISH);
int jsonb_object_agg_step(STEP);
int jsonb_object_agg_finish(FINISH);
// regression.c. The state is struct regression.
struct regression {
  double count, x, xx, y, yy, xy; // sums; of the squares and products: of the differences from the means
};
int regression_step(STEP);
int regression_covar_pop(FINISH);
int regression_covar_samp(FINISH);
int regression_corr(FINISH);
int regression_count(FINISH);
int regression_sxx(FINISH);
int regression_syy(FINISH);
int regression_sxy(FINISH);
int regression_avgx(FINISH);
int regression_avgy(FINISH);
int regression_r2(FINISH);
int regression_slope(FINISH);
int regression_intercept(FINISH);
// array_set.c. The state is struct gathered of array_tools.h.
int array_agg_step(STEP);
int array_agg_finish(FINISH);
int array_unnest(struct evaluation *evaluation, struct set_call *call, struct value *row);
int array_expand(struct evaluation *evaluation, struct set_call *call, struct value *row);
int array_subscripts(struct evaluation *evaluation, struct set_call *call, struct value *row);
// json_row.c
int json_populate_rows(struct evaluation *evaluation, struct set_call *call, struct value *row);
int jsonb_populate_rows(struct evaluation *evaluation, struct set_call *call, struct value *row);
// server_set.c
int keyword_rows(struct evaluation *evaluation, struct set_call *call, struct value *row);
int zone_rows(struct evaluation *evaluation, struct set_call *call, struct value *row);
// jsonpath.c
int jsonpath_prepare(CALL);
int jsonpath_prepare_tz(CALL);
// pattern_pieces.c
int regexp_matches(struct evaluation *evaluation, struct set_call *call, struct value *row);
int regexp_split_to_table(struct evaluation *evaluation, struct set_call *call, struct value *row);
// array.c
int string_to_table(struct evaluation *evaluation, struct set_call *call, struct value *row);
// resolve.c
bool type_can_become(enum type_id from, enum type_id to); // implicitly, as an argument; `to` may be ANY
// match.c. LIKE's pattern with '\' as its escape; ignore_case folds ASCII and Unicode simple case.
int match_like(struct evaluation *evaluation, struct bytes text, struct bytes pattern, bool ignore_case, bool *matches);
// format.c: of patterns. "st", "nd", …; a quoted run stands for itself: its end, or `at` where there is none.
const char *ordinal_suffix(int64_t number, bool upper);
size_t quoted_end(struct bytes pattern, size_t at);
// text.c: lower case of valid UTF-8, in the evaluation's arena. False: out of memory.
bool text_lower(struct evaluation *evaluation, struct bytes text, struct bytes *lower);
// function.c: the session's functions, through the hook.
int call_session(struct evaluation *evaluation, const char *name, const struct value *arguments, int argument_count,
                 struct value *result);
