// jsonb: access to its parts, its text form, and whether bytes are one.
//
// Everything but jsonb_is_valid trusts that the bytes were made by a builder or were looked at.
#include "data/jsonb.h"

#include "base/limits.h"
#include "data/jsonb_internal.h"
#include "data/numeric.h"
#include "data/utf8.h"

struct jsonb jsonb_of(const struct value *value)
{
  return (struct jsonb){.kind = (enum json_kind)value->data[0], .size = value->size - 1, .data = value->data + 1};
}

bool jsonb_to_value(struct jsonb item, struct arena *arena, struct value *value)
{
  uint8_t *data = arena_alloc(arena, (size_t)item.size + 1);
  if (!data)
    return false;
  data[0] = (uint8_t)item.kind;
  if (item.size)
    memcpy(data + 1, item.data, item.size);
  *value = value_bytes(data, item.size + 1);
  return true;
}

// ---- members ----

uint32_t jsonb_count(struct jsonb container)
{
  return get_le32(container.data + container.size - WORD);
}

static uint32_t word_at(struct jsonb container, uint32_t table_words, uint32_t index)
{
  return get_le32(container.data + container.size - WORD - (size_t)WORD * (table_words - index));
}

static struct jsonb part(struct jsonb container, uint32_t start, uint32_t word)
{
  return (struct jsonb){
      .kind = (enum json_kind)(word >> KIND_SHIFT), .size = (word & END_MASK) - start, .data = container.data + start};
}

struct jsonb jsonb_element(struct jsonb array, uint32_t index)
{
  uint32_t count = jsonb_count(array);
  uint32_t start = index ? word_at(array, count, index - 1) & END_MASK : 0;
  return part(array, start, word_at(array, count, index));
}

struct jsonb jsonb_member(struct jsonb object, uint32_t index, struct bytes *name)
{
  uint32_t words = jsonb_count(object) * 2;
  uint32_t start = index ? word_at(object, words, 2 * index - 1) & END_MASK : 0;
  uint32_t name_end = word_at(object, words, 2 * index);
  *name = bytes_of(object.data + start, name_end - start);
  return part(object, name_end, word_at(object, words, 2 * index + 1));
}

int jsonb_compare_names(struct bytes a, struct bytes b)
{
  if (a.size != b.size)
    return a.size < b.size ? -1 : 1;
  return a.size ? memcmp(a.data, b.data, a.size) : 0;
}

bool jsonb_find(struct jsonb object, struct bytes name, struct jsonb *member)
{
  uint32_t low = 0, high = jsonb_count(object);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    struct bytes found;
    struct jsonb item = jsonb_member(object, middle, &found);
    int order = jsonb_compare_names(name, found);
    if (order == 0) {
      *member = item;
      return true;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

// ---- text ----

enum { COMPACT = -1, INDENT = 4 };

static void new_line(struct buffer *out, int depth)
{
  buffer_append_u8(out, '\n');
  for (int i = 0; i < depth * INDENT; i++)
    buffer_append_u8(out, ' ');
}

// depth: of what stands around it; COMPACT: all on one line.
static void append_text(struct jsonb item, int depth, struct buffer *out)
{
  switch (item.kind) {
  case JSON_NULL: buffer_append_string(out, "null"); return;
  case JSON_FALSE: buffer_append_string(out, "false"); return;
  case JSON_TRUE: buffer_append_string(out, "true"); return;
  case JSON_STRING: json_quote(jsonb_bytes(item), out); return;
  case JSON_NUMBER: {
    struct value number = value_bytes(item.data, item.size);
    numeric_to_text(&number, out);
    return;
  }
  case JSON_ARRAY:
  case JSON_OBJECT: break;
  }
  bool is_object = item.kind == JSON_OBJECT;
  int inside = depth == COMPACT ? COMPACT : depth + 1;
  uint32_t count = jsonb_count(item);
  buffer_append_u8(out, is_object ? '{' : '[');
  for (uint32_t i = 0; i < count && !out->failed; i++) {
    if (i)
      buffer_append_string(out, depth == COMPACT ? ", " : ",");
    if (depth != COMPACT)
      new_line(out, inside);
    struct bytes name;
    struct jsonb member = is_object ? jsonb_member(item, i, &name) : jsonb_element(item, i);
    if (is_object) {
      json_quote(name, out);
      buffer_append_string(out, ": ");
    }
    append_text(member, inside, out);
  }
  if (depth != COMPACT)
    new_line(out, depth);
  buffer_append_u8(out, is_object ? '}' : ']');
}

void jsonb_to_text(struct jsonb item, struct buffer *out)
{
  append_text(item, COMPACT, out);
}
void jsonb_to_pretty_text(struct jsonb item, struct buffer *out)
{
  append_text(item, 0, out);
}

// ---- validity ----

static bool text_is_valid(struct bytes text)
{
  return (!text.size || !memchr(text.data, 0, text.size)) && utf8_is_valid(text);
}

static bool is_valid(struct jsonb item, int depth);

static bool container_is_valid(struct jsonb item, int depth)
{
  bool is_object = item.kind == JSON_OBJECT;
  if (depth == LIMIT_JSON_NESTING || item.size < WORD)
    return false;
  uint32_t count = jsonb_count(item);
  uint64_t table = (uint64_t)count * (is_object ? 2 : 1) * WORD + WORD;
  if (table > item.size)
    return false;
  uint32_t words = count * (is_object ? 2 : 1), start = 0;
  for (uint32_t i = 0; i < words; i++) {
    bool is_name = is_object && i % 2 == 0;
    uint32_t word = word_at(item, words, i), end = word & END_MASK;
    if (end < start || end > item.size - table || (is_name && word != end))
      return false;
    struct jsonb inner = part(item, start, word);
    if (is_name ? !text_is_valid(jsonb_bytes(inner)) : !is_valid(inner, depth + 1))
      return false;
    start = end;
  }
  if (start + table != item.size)
    return false;
  struct bytes last, name;
  for (uint32_t i = 0; is_object && i < count; i++, last = name) {
    (void)jsonb_member(item, i, &name);
    if (i && jsonb_compare_names(last, name) >= 0)
      return false;
  }
  return true;
}

static bool is_valid(struct jsonb item, int depth)
{
  switch (item.kind) {
  case JSON_NULL:
  case JSON_FALSE:
  case JSON_TRUE: return item.size == 0;
  case JSON_STRING: return text_is_valid(jsonb_bytes(item));
  case JSON_NUMBER: return item.size > 3 && numeric_is_valid(jsonb_bytes(item));
  case JSON_ARRAY:
  case JSON_OBJECT: return container_is_valid(item, depth);
  }
  return false;
}

bool jsonb_is_valid(struct bytes bytes)
{
  if (bytes.size == 0 || bytes.size > LIMIT_MESSAGE || bytes.data[0] > JSON_OBJECT)
    return false;
  struct value value = value_bytes(bytes.data, (uint32_t)bytes.size);
  return is_valid(jsonb_of(&value), 0);
}
