// Runs jsonpath; for the functions of json_path_query.c and the files of the machine itself.
#pragma once

#include "data/jsonpath.h"
#include "expr/json_path.h"

// What a step came to. RUN_FAILED: an error; it is set where run->status is, else it is a silent one.
enum run_result { RUN_FOUND, RUN_NOTHING, RUN_FAILED };

struct found {
  struct jsonb *items;
  size_t count, capacity;
};

struct run {
  struct evaluation *evaluation;
  const struct jsonpath *path;
  struct jsonb root, current, variables;
  int64_t array_size;  // of the innermost array that is subscripted; -1: there is none
  bool ignores;        // what a path does not find is no error
  bool throws;         // errors are set, not silent
  bool uses_zone;      // the session's, where dates and times without one are compared with others
  int status;          // what ends all: an error that is thrown, memory, a cancellation
  uint32_t steps;
};

// found: NULL where only whether there is something is asked.
enum run_result run_node(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found);
// The same; of arrays their elements, in lax mode.
enum run_result run_unwrapped(struct run *run, const struct jsonpath_node *node, struct jsonb item, bool unwraps,
                              struct found *found);
enum run_result run_next(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found);
enum run_result run_fail(struct run *run, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum run_result run_stop(struct run *run, int status); // ends all
bool found_add(struct run *run, struct found *found, struct jsonb item); // false: run->status is set

// jsonpath_test.c
enum truth { IS_FALSE, IS_TRUE, IS_UNKNOWN };
enum truth run_predicate(struct run *run, const struct jsonpath_node *node, struct jsonb item);
// jsonpath_number.c: arithmetic, and methods of numbers.
enum run_result run_arithmetic(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                               struct found *found);
enum run_result run_number_method(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                  struct found *found);
enum run_result run_variable(struct run *run, const struct jsonpath_node *node, struct jsonb *item);

// jsonpath_time.c. A date or time; no jsonb has it.
#define RUN_MOMENT ((enum json_kind)(JSON_OBJECT + 1))
enum run_result run_datetime(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found);
const char *run_moment_type(struct jsonb item);
int run_moment_text(struct evaluation *evaluation, struct jsonb *item); // the item becomes a string
// False: they cannot be compared, or run->status is set.
bool run_compare_moments(struct run *run, struct jsonb a, struct jsonb b, int *order);

struct value run_number_of(struct jsonb item);
static inline struct jsonb run_number(const struct value *number)
{
  return jsonb_scalar(JSON_NUMBER, bytes_of_value(number));
}
static inline struct jsonb run_text(const char *text) { return jsonb_scalar(JSON_STRING, bytes_of_string(text)); }
