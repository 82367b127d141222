// Arrays of text, of one dimension: what paths and lists of names are.
//
// Bytes of a value: for each element 4 bytes, its size (UINT32_MAX: NULL), and its bytes.
#pragma once

#include "data/value.h"

int text_array_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error);
void text_array_to_text(const struct value *array, struct buffer *out);
int text_array_from_binary(struct bytes binary, struct arena *arena, struct value *value, struct error *error);
void text_array_to_binary(const struct value *array, struct buffer *out);
void text_array_append(struct buffer *array, const struct bytes *element); // NULL: a NULL
// The element behind *position (0 at first). False: there is none.
bool text_array_next(struct bytes array, size_t *position, struct bytes *element, bool *is_null);
int text_array_count(struct bytes array);
