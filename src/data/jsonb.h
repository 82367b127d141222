// jsonb: JSON taken apart, so that a member is found without reading the others.
//
// Bytes of a value: one byte that is its kind (enum json_kind), then the contents of that kind:
//   null, false, true  nothing
//   string             its text, valid UTF-8 without zero bytes
//   number             a finite numeric (data/numeric.h)
//   array              the contents of its elements one after another; for each element a word, kind << 28 | end of its
//                      contents; the number of elements
//   object             for each member its name and the contents of its value, by name: shorter ones first, those of
//                      one length by their bytes, each name once; for each member two words, end of its name and
//                      kind << 28 | end of its value's contents; the number of members
// Words and numbers have 4 bytes, ends count from the beginning of the contents. Contents can be moved as they are,
// into an array or out of it. The tables stand behind what they tell of, so that nothing moves when a container is
// complete.
//
// Equal values need not have equal bytes: numbers keep their scale.
#pragma once

#include "data/json.h"
#include "data/value.h"

// A value or a part of one, borrowed.
struct jsonb {
  enum json_kind kind;
  uint32_t size;
  const uint8_t *data; // its contents
};

struct jsonb jsonb_of(const struct value *value);
// As a value by itself; false: out of memory.
bool jsonb_to_value(struct jsonb item, struct arena *arena, struct value *value) __attribute__((warn_unused_result));

static inline struct bytes jsonb_bytes(struct jsonb item)
{
  return bytes_of(item.data, item.size);
}
static inline struct jsonb jsonb_scalar(enum json_kind kind, struct bytes contents)
{
  return (struct jsonb){.kind = kind, .size = (uint32_t)contents.size, .data = contents.data};
}
// Number of an array's elements or an object's members.
uint32_t jsonb_count(struct jsonb container);
struct jsonb jsonb_element(struct jsonb array, uint32_t index);
struct jsonb jsonb_member(struct jsonb object, uint32_t index, struct bytes *name);
// The member of that name. False: there is none.
bool jsonb_find(struct jsonb object, struct bytes name, struct jsonb *member);

// ---- order ----

// PostgreSQL's order: null < strings < numbers < false < true < arrays < objects, of containers the one with fewer
// members first, then by their members; an empty array that is the whole value is below all.
int jsonb_compare(struct jsonb a, struct jsonb b);
uint64_t jsonb_hash(struct jsonb item, uint64_t seed);     // equal for equal values
bool jsonb_contains(struct jsonb item, struct jsonb part); // a @> b

// ---- forms ----

int jsonb_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error);
// PostgreSQL's: {"a": 1, "b": [2]}
void jsonb_to_text(struct jsonb item, struct buffer *out);
void jsonb_to_pretty_text(struct jsonb item, struct buffer *out);
bool jsonb_is_valid(struct bytes bytes); // for what comes from files

// ---- building ----
//
// Values are added in order. Between begin and end they are the members of a container; in an object each has its name
// before it, in any order, and of several of one name the last one counts. What fails (memory, 54000 beyond
// LIMIT_MESSAGE, 54001 beyond LIMIT_JSON_NESTING) is told at the next end or at the finish.

struct jsonb_builder {
  struct buffer contents; // of what is complete; the first byte is left for the whole value's kind
  struct buffer entries;  // members of containers that are not (struct jsonb_entry)
  uint32_t depth;         // of those
  uint32_t first;         // entry of the innermost one
  bool is_too_large, is_too_deep;
};

struct jsonb_mark { // a container under way
  uint32_t start;   // of its contents
  uint32_t first;   // of its entries
  uint32_t outer;   // the first entry of the container around it
};

void jsonb_builder_init(struct jsonb_builder *builder, struct memory_account *account);
void jsonb_builder_deinit(struct jsonb_builder *builder);
struct jsonb_mark jsonb_begin(struct jsonb_builder *builder);
int jsonb_end(struct jsonb_builder *builder, struct jsonb_mark mark, enum json_kind kind, struct error *error);
void jsonb_add_name(struct jsonb_builder *builder, struct bytes name);
void jsonb_add(struct jsonb_builder *builder, struct jsonb item);
// What was added, as a value in the arena. The builder can be used again.
int jsonb_finish(struct jsonb_builder *builder, struct arena *arena, struct value *value, struct error *error);
