// Arrays: of up to six dimensions, with any lower bounds, of any type that is no array itself.
//
// Bytes of a value, little-endian:
//   1 byte       the number of dimensions; 0: there are no elements
//   1 byte       1 where an element is NULL, else 0
//   each         4 bytes, the length of the dimension, and 4 bytes, its lower bound
//   bitmap       only where an element is NULL: a bit for each, set for NULL
//   elements     row by row, NULLs left out: integers and floats in the bytes that rows have for them, all others as
//                4 bytes, the size, and their bytes
// An array has one form only: equal bytes are equal arrays.
//
// The elements' type is not in them: who has a value has its type.
#pragma once

#include "data/value.h"

enum { ARRAY_DIMENSIONS = 6 };

struct array_shape {
  int dimension_count;
  int32_t lengths[ARRAY_DIMENSIONS], lowers[ARRAY_DIMENSIONS];
};

// An array to look at; borrowed from the value.
struct array {
  enum type_id element;
  struct array_shape shape;
  uint32_t count; // of elements
  const uint8_t *nulls; // NULL: no element is
  const uint8_t *data;
};
struct array array_of(enum type_id type, const struct value *value);
// Can the bytes, from a file, be looked at? What the elements are is not looked into.
bool array_is_sound(enum type_id type, struct bytes bytes);

// A walk over the elements: {.array = &array, .at = array.data}.
struct array_walk {
  const struct array *array;
  uint32_t index; // of the next element
  const uint8_t *at;
};
static inline struct array_walk array_walk(const struct array *array)
{
  return (struct array_walk){.array = array, .at = array->data};
}
bool array_next(struct array_walk *walk, struct value *element); // false: there is none
// The element number index (row by row, from 0), which must be there.
void array_get(const struct array *array, uint32_t index, struct value *element);
static inline bool array_has_null(const struct array *array) { return array->nulls != NULL; }

// An array under way. Appending remembers a failure; array_finish tells of it.
struct array_builder {
  enum type_id element;
  uint32_t count;
  bool has_null;
  struct buffer nulls, elements;
};
void array_builder_init(struct array_builder *builder, enum type_id element, struct memory_account *account);
void array_builder_deinit(struct array_builder *builder);
void array_add(struct array_builder *builder, const struct value *element); // copies
// All elements of another array of the type, in its order.
void array_add_all(struct array_builder *builder, const struct array *array);
// The value, its bytes in the arena. The shape must be of as many elements as were added. Ends the builder's life.
int array_finish(struct array_builder *builder, const struct array_shape *shape, struct arena *arena,
                 struct value *value, struct error *error);

// One dimension, from 1; none where count is 0.
struct array_shape array_line(uint32_t count);
// How many elements; 54000 where they are too many, or an upper bound is none of an integer.
int array_shape_count(const struct array_shape *shape, uint32_t *count, struct error *error);
int array_too_large(struct error *error);
bool array_shape_equal(const struct array_shape *a, const struct array_shape *b);
int array_too_many_dimensions(int count, struct error *error);

// PostgreSQL's order: the elements (NULL above all), their number, the number of dimensions, lengths, lower bounds.
int array_compare(enum type_id type, const struct value *a, const struct value *b);
uint64_t array_hash(enum type_id type, const struct value *value, uint64_t seed);
// The modifier is applied to each element.
int array_apply_modifier(struct type type, bool is_explicit, struct arena *arena, struct value *value,
                         struct error *error);

// array_text.c: {1,NULL,"a b"}, [0:1]={1,2}
int array_from_text(struct type type, struct bytes text, const struct format_settings *settings, struct arena *arena,
                    struct value *value, struct error *error);
void array_to_text(enum type_id type, const struct value *value, const struct format_settings *settings,
                   struct buffer *out);
// array_json.c: appends the text of the array that a JSON array is.
int array_text_from_json(enum type_id type, struct bytes json, struct buffer *out, struct error *error);
// array_binary.c
int array_from_binary(struct type type, struct bytes binary, const struct format_settings *settings,
                      struct arena *arena, struct value *value, struct error *error);
void array_to_binary(enum type_id type, const struct value *value, struct buffer *out);
// array_key.c: for each element its part of a key by itself (NULL last), and 0; the number of dimensions; the lengths
// and the lower bounds, 4 bytes each, big-endian, the sign bit turned. 54000 beyond LIMIT_KEY.
int array_key_append(enum type_id type, const struct value *value, struct buffer *out, struct error *error);
bool array_key_read(enum type_id type, struct bytes *key, struct arena *arena, struct value *value);
