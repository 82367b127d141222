// What the grammar makes of arrays is calls of these. No name in SQL finds them; their nodes carry the types.
#pragma once

#include "expr/function.h"

extern const struct function array_make_function;    // ARRAY[…]: all elements, or all arrays, of one type
extern const struct function array_element_function; // array, subscripts
// A mask says which bounds are there: bits 2i and 2i + 1, the lower and the upper one of dimension i. Those that are
// not are 0.
extern const struct function array_slice_function;        // array, mask, bounds in pairs
extern const struct function array_assign_function;       // array, element, subscripts
extern const struct function array_assign_slice_function; // array, source, mask, bounds in pairs

// array_cast.c: casts of arrays. They take the types from the call.
extern const struct function text_from_array_function;
extern const struct function array_from_text_function;
extern const struct function array_cast_function;
extern const struct function array_modifier_function; // array, modifier, is explicit
// enum.c. To an enum, and to arrays of enums, the calls have two arguments more: all of its values, and its name.
extern const struct function enum_from_text_function;
extern const struct function text_from_enum_function;
