#include "data/record.h"

#include <string.h>

void record_begin(struct buffer *out, uint32_t column_count)
{
  buffer_append_le32(out, column_count);
}

void record_add(struct buffer *out, const struct record_column *column)
{
  const struct value *value = &column->value;
  bool is_bytes = type_is_bytes(column->type);
  buffer_append_le32(out, (uint32_t)column->type);
  buffer_append_u8(out, (uint8_t)column->name.size);
  buffer_append_bytes(out, column->name);
  buffer_append_u8(out, value->is_null);
  buffer_append_le32(out, value->is_null ? 0 : is_bytes ? value->size : 8);
  if (value->is_null)
    return;
  if (is_bytes)
    buffer_append(out, value->data, value->size);
  else
    buffer_append_le64(out, (uint64_t)value->integer);
}

uint32_t record_column_count(const struct value *record)
{
  return get_le32(record->data);
}

bool record_next(struct record_walk *walk, struct record_column *column)
{
  if (walk->number == record_column_count(walk->record))
    return false;
  const uint8_t *at = walk->record->data + (walk->at ? walk->at : 4);
  column->type = (enum type_id)get_le32(at);
  column->name = bytes_of(at + 5, at[4]);
  at += 5 + column->name.size;
  uint32_t size = get_le32(at + 1);
  column->value = at[0] ? value_null() : type_is_bytes(column->type) ? value_bytes(at + 5, size)
                                                                     : value_integer((int64_t)get_le64(at + 5));
  walk->number++;
  walk->at = (size_t)(at + 5 + size - walk->record->data);
  return true;
}

int record_compare(const struct value *a, const struct value *b)
{
  struct record_walk left = {.record = a}, right = {.record = b};
  struct record_column x, y;
  int order = 0;
  while (!order) {
    bool has_left = record_next(&left, &x), has_right = record_next(&right, &y);
    if (!has_left || !has_right)
      return (int)has_left - (int)has_right;
    if (x.type != y.type)
      order = x.type < y.type ? -1 : 1;
    else if (x.value.is_null || y.value.is_null)
      order = (int)x.value.is_null - (int)y.value.is_null;
    else
      order = value_compare(x.type, &x.value, &y.value);
  }
  return order;
}

uint64_t record_hash(const struct value *record, uint64_t seed)
{
  struct record_walk walk = {.record = record};
  struct record_column column;
  while (record_next(&walk, &column))
    seed = column.value.is_null ? seed * 31 + 7 : value_hash(column.type, &column.value, seed);
  return seed;
}

static bool needs_quotes(struct bytes text)
{
  for (size_t i = 0; i < text.size; i++)
    if (strchr("\"\\(), \t\n\v\f\r", text.data[i]) && text.data[i])
      return true;
  return text.size == 0;
}

static void append_text(struct bytes text, struct buffer *out)
{
  if (!needs_quotes(text)) {
    buffer_append_bytes(out, text);
    return;
  }
  buffer_append_u8(out, '"');
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == '"' || text.data[i] == '\\')
      buffer_append_u8(out, text.data[i]);
    buffer_append_u8(out, text.data[i]);
  }
  buffer_append_u8(out, '"');
}

void record_to_text(const struct value *record, const struct format_settings *settings, struct buffer *out)
{
  struct record_walk walk = {.record = record};
  struct record_column column;
  struct buffer text = {.account = out->account};
  buffer_append_u8(out, '(');
  for (bool is_first = true; record_next(&walk, &column); is_first = false) {
    if (!is_first)
      buffer_append_u8(out, ',');
    if (column.value.is_null)
      continue;
    buffer_clear(&text);
    value_to_text(column.type, &column.value, settings, &text);
    append_text(buffer_bytes(&text), out);
    out->failed |= text.failed;
  }
  buffer_append_u8(out, ')');
  buffer_deinit(&text);
}

void record_to_binary(const struct value *record, struct buffer *out)
{
  struct record_walk walk = {.record = record};
  struct record_column column;
  buffer_append_be32(out, record_column_count(record));
  while (record_next(&walk, &column)) {
    buffer_append_be32(out, type_oid(column.type));
    size_t begin = out->size;
    buffer_append_be32(out, UINT32_MAX);
    if (column.value.is_null)
      continue;
    value_to_binary(column.type, &column.value, out);
    if (!out->failed)
      put_be32(out->data + begin, (uint32_t)(out->size - begin - 4));
  }
}
