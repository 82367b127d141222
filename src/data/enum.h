// Enums: types whose values are labels in an order that was declared.
//
// A value's bytes: its rank (4 bytes, big-endian), and its label. So values are in order as their bytes are, and can be
// printed by who knows no catalog; what it costs is that all rows of a type change when a label gets another name. Ranks
// leave room for labels between them; where there is none left, the type is ranked anew, and its rows change too.
#pragma once

#include "data/value.h"

struct enum_label {
  uint32_t oid;
  uint32_t rank;
  const char *name; // at most 63 bytes
};

struct enum_type {
  int count;
  struct enum_label *labels; // in their order
};

// The first label's rank, and how far from each other labels begin.
static const uint32_t ENUM_RANK_FIRST = 0x80000000;
enum { ENUM_RANK_SIZE = 4, ENUM_RANK_STEP = 0x10000 };

// The label in a value's bytes.
static inline struct bytes enum_text(const struct value *value)
{
  return bytes_of(value->data + ENUM_RANK_SIZE, value->size - ENUM_RANK_SIZE);
}
bool enum_is_valid(struct bytes bytes);
// NULL: it has no such label.
const struct enum_label *enum_find(const struct enum_type *type, struct bytes label);
int enum_value(const struct enum_label *label, struct arena *arena, struct value *value, struct error *error);
// 22P02 where the type has no such label.
int enum_from_text(enum type_id type, struct bytes text, const struct user_types *types, struct arena *arena,
                   struct value *value, struct error *error);
// An array of all its values, in their order; NULL, said, where there is no memory.
int enum_all(enum type_id type, const struct enum_type *of, struct arena *arena, struct value *values,
             struct error *error);
