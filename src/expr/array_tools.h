// What the files of array functions share; for the room expr alone.
#pragma once

#include "data/array.h"
#include "expr/tables.h"

// The argument, which must not be NULL.
static inline struct array array_argument(const struct evaluation *evaluation, const struct value *arguments, int i)
{
  return array_of(evaluation->argument_types[i], &arguments[i]);
}

// All elements side by side, in the evaluation's arena. NULL: out of memory.
struct value *array_elements(struct evaluation *evaluation, const struct array *array);
// An array of these, which must be as many as the shape has.
int array_of_elements(struct evaluation *evaluation, enum type_id element, const struct array_shape *shape,
                      const struct value *elements, struct value *result);
int array_empty(struct evaluation *evaluation, enum type_id element, struct value *result);
// 42883 where the type has no equality.
int array_needs_equality(struct evaluation *evaluation, enum type_id element);
// The elements gathered so far: a byte, 1 where it is NULL, then 8 bytes as they lie in a value, or 4 of the size and
// the bytes.
struct gathered {
  struct joined bytes;
  enum type_id element;
  uint32_t count;
  struct array_shape shape; // of each, where they are arrays
};

// Of one type; NULL equals NULL.
bool array_element_equal(enum type_id element, const struct value *a, const struct value *b);
