// jsonb in keys: one byte for the kind, then
//   string            as text in keys
//   number            as numeric in keys
//   array, object     the number of members (4 bytes, big-endian), then the members, an object's each behind its name
// The kinds' bytes have the order of the kinds; an empty array that is the whole value is below all.
#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/jsonb_internal.h"
#include "data/key.h"

enum { EMPTY_ARRAY = 1, FIRST_KIND = 2, COUNT_SIZE = 4 };

static const struct key_part ascending = {0};

// A string or a number, as a part of a key by itself.
static int append_scalar(enum type_id type, struct bytes contents, struct buffer *out, struct error *error)
{
  struct value value = value_bytes(contents.data, (uint32_t)contents.size);
  return key_append(type, &ascending, &value, out, error);
}

static int append(struct jsonb item, struct buffer *out, struct error *error)
{
  buffer_append_u8(out, (uint8_t)(FIRST_KIND + item.kind));
  if (item.kind == JSON_STRING || item.kind == JSON_NUMBER)
    return append_scalar(item.kind == JSON_STRING ? TYPE_TEXT : TYPE_NUMERIC, jsonb_bytes(item), out, error);
  if (out->size > LIMIT_KEY)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "key exceeds the limit of %d bytes", LIMIT_KEY);
  if (!json_is_container(item.kind))
    return out->failed ? error_memory(error) : STATUS_OK;
  uint32_t count = jsonb_count(item);
  buffer_append_be32(out, count);
  int status = STATUS_OK;
  for (uint32_t i = 0; i < count && !status; i++) {
    struct bytes name;
    struct jsonb member = item.kind == JSON_OBJECT ? jsonb_member(item, i, &name) : jsonb_element(item, i);
    if (item.kind == JSON_OBJECT)
      status = append_scalar(TYPE_TEXT, name, out, error);
    if (!status)
      status = append(member, out, error);
  }
  return !status && out->failed ? error_memory(error) : status;
}

int jsonb_key_append(struct jsonb item, struct buffer *out, struct error *error)
{
  if (item.kind != JSON_ARRAY || jsonb_count(item))
    return append(item, out, error);
  buffer_append_u8(out, EMPTY_ARRAY);
  return out->failed ? error_memory(error) : STATUS_OK;
}

// ---- reading back ----

static bool take_byte(struct bytes *key, uint8_t *byte)
{
  if (!key->size)
    return false;
  *byte = key->data[0];
  *key = bytes_of(key->data + 1, key->size - 1);
  return true;
}

static bool read_scalar(enum type_id type, struct bytes *key, struct arena *arena, struct bytes *contents)
{
  struct value value;
  if (!key_read(type, &ascending, key, arena, &value) || value.is_null)
    return false;
  *contents = bytes_of(value.data, value.size);
  return true;
}

static bool read_item(struct bytes *key, struct arena *arena, struct jsonb_builder *builder)
{
  uint8_t byte;
  if (!take_byte(key, &byte) || byte < FIRST_KIND || byte > FIRST_KIND + JSON_OBJECT)
    return false;
  enum json_kind kind = (enum json_kind)(byte - FIRST_KIND);
  struct bytes contents = {0};
  if (!json_is_container(kind)) {
    bool has_contents = kind == JSON_STRING || kind == JSON_NUMBER;
    if (has_contents && !read_scalar(kind == JSON_STRING ? TYPE_TEXT : TYPE_NUMERIC, key, arena, &contents))
      return false;
    jsonb_add(builder, jsonb_scalar(kind, contents));
    return true;
  }
  if (key->size < COUNT_SIZE)
    return false;
  uint32_t count = get_be32(key->data);
  *key = bytes_of(key->data + COUNT_SIZE, key->size - COUNT_SIZE);
  struct jsonb_mark mark = jsonb_begin(builder);
  for (uint32_t i = 0; i < count; i++) {
    if (kind == JSON_OBJECT) {
      if (!read_scalar(TYPE_TEXT, key, arena, &contents))
        return false;
      jsonb_add_name(builder, contents);
    }
    if (!read_item(key, arena, builder))
      return false;
  }
  return jsonb_end(builder, mark, kind, NULL) == STATUS_OK;
}

bool jsonb_key_read(struct bytes *key, struct arena *arena, struct value *value)
{
  struct jsonb_builder builder;
  jsonb_builder_init(&builder, arena->account);
  bool is_read = true;
  if (key->size && key->data[0] == EMPTY_ARRAY) {
    *key = bytes_of(key->data + 1, key->size - 1);
    is_read = jsonb_end(&builder, jsonb_begin(&builder), JSON_ARRAY, NULL) == STATUS_OK;
  } else {
    is_read = read_item(key, arena, &builder);
  }
  is_read = is_read && jsonb_finish(&builder, arena, value, NULL) == STATUS_OK;
  jsonb_builder_deinit(&builder);
  return is_read;
}
