// JSON arrays as the text of SQL arrays: [1, null, "a"] is {1,NULL,"a"}, arrays within one another are dimensions.
#include "data/array.h"
#include "data/json.h"

static void append_quoted(struct bytes text, struct buffer *out)
{
  buffer_append_u8(out, '"');
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == '"' || text.data[i] == '\\')
      buffer_append_u8(out, '\\');
    buffer_append_u8(out, text.data[i]);
  }
  buffer_append_u8(out, '"');
}

// What is JSON in the array, too, stays as it is written; elsewhere a string is what it stands for.
static int append_member(enum type_id element, struct bytes json, struct buffer *out, struct error *error)
{
  enum json_kind kind = json_kind_of(json);
  if (kind == JSON_NULL) {
    buffer_append_string(out, "NULL");
    return STATUS_OK;
  }
  if (kind != JSON_STRING || element == TYPE_JSON || element == TYPE_JSONB) {
    append_quoted(json_trim(json), out);
    return STATUS_OK;
  }
  struct buffer text = {.account = out->account};
  int status = json_unescape(json_trim(json), &text, error);
  append_quoted(buffer_bytes(&text), out);
  out->failed |= text.failed;
  buffer_deinit(&text);
  return status;
}

static int append_array(enum type_id element, struct bytes json, int depth, struct buffer *out, struct error *error)
{
  struct bytes name, member;
  int status = depth == ARRAY_DIMENSIONS ? array_too_many_dimensions(depth + 1, error) : STATUS_OK;
  buffer_append_u8(out, '{');
  bool is_first = true;
  for (size_t position = 0; !status && json_next(json, &position, &name, &member); is_first = false) {
    if (!is_first)
      buffer_append_u8(out, ',');
    status = json_kind_of(member) == JSON_ARRAY ? append_array(element, member, depth + 1, out, error)
                                                : append_member(element, member, out, error);
  }
  buffer_append_u8(out, '}');
  return status;
}

int array_text_from_json(enum type_id type, struct bytes json, struct buffer *out, struct error *error)
{
  int status = append_array(type_element(type), json_trim(json), 0, out, error);
  return !status && out->failed ? error_memory(error) : status;
}
