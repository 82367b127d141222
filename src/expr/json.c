// Reading json, the text: members and paths by walking it. What is handed out is the text that stands there.
#include "expr/json_path.h"

int json_to_plain_text(struct evaluation *evaluation, struct bytes value, struct value *result)
{
  enum json_kind kind = json_kind_of(value);
  *result = value_null();
  if (kind == JSON_NULL)
    return STATUS_OK;
  struct buffer out = buffer_for(evaluation);
  int status = STATUS_OK;
  if (kind == JSON_STRING)
    status = json_unescape(value, &out, evaluation->error);
  else
    buffer_append_bytes(&out, value);
  if (status) {
    buffer_deinit(&out);
    return status;
  }
  return result_from_buffer(evaluation, &out, result);
}

// Is this what the name, with its quotes and escapes, stands for? `is` on STATUS_OK.
static int name_is(struct evaluation *evaluation, struct bytes name, struct bytes wanted, bool *is)
{
  struct bytes inside = bytes_of(name.data + 1, name.size - 2);
  *is = bytes_equal(inside, wanted);
  if (!inside.size || !memchr(inside.data, '\\', inside.size))
    return STATUS_OK;
  struct buffer text = buffer_for(evaluation);
  int status = json_unescape(name, &text, evaluation->error);
  *is = !status && bytes_equal(buffer_bytes(&text), wanted);
  buffer_deinit(&text);
  return status;
}

int json_find_member(struct evaluation *evaluation, struct bytes object, struct bytes wanted, struct bytes *found)
{
  struct bytes name, value;
  *found = bytes_of(NULL, 0);
  for (size_t position = 0; json_next(object, &position, &name, &value);) {
    bool is;
    int status = name_is(evaluation, name, wanted, &is);
    if (status)
      return status;
    if (is)
      *found = value;
  }
  return STATUS_OK;
}

static int64_t count_members(struct bytes container)
{
  struct bytes name, value;
  int64_t count = 0;
  for (size_t position = 0; json_next(container, &position, &name, &value);)
    count++;
  return count;
}

static struct bytes find_element(struct bytes array, int64_t index)
{
  struct bytes name, value;
  if (index < 0)
    index += count_members(array);
  for (size_t position = 0; index >= 0 && json_next(array, &position, &name, &value);)
    if (index-- == 0)
      return value;
  return bytes_of(NULL, 0);
}

static int give(struct evaluation *evaluation, struct bytes found, bool as_text, struct value *result)
{
  *result = value_null();
  if (!found.data)
    return STATUS_OK;
  if (as_text)
    return json_to_plain_text(evaluation, found, result);
  *result = value_bytes(found.data, (uint32_t)found.size);
  return STATUS_OK;
}

static int member(struct evaluation *evaluation, const struct value *arguments, bool as_text, struct value *result)
{
  struct bytes object = bytes_of_value(&arguments[0]), found = {0};
  int status = STATUS_OK;
  if (json_kind_of(object) == JSON_OBJECT)
    status = json_find_member(evaluation, object, bytes_of_value(&arguments[1]), &found);
  return status ? status : give(evaluation, found, as_text, result);
}

static int element(struct evaluation *evaluation, const struct value *arguments, bool as_text, struct value *result)
{
  struct bytes array = bytes_of_value(&arguments[0]), found = {0};
  if (json_kind_of(array) == JSON_ARRAY)
    found = find_element(array, arguments[1].integer);
  return give(evaluation, found, as_text, result);
}

static int member_value(CALL)
{
  return member(evaluation, arguments, false, result);
}
static int member_text(CALL)
{
  return member(evaluation, arguments, true, result);
}
static int element_value(CALL)
{
  return element(evaluation, arguments, false, result);
}
static int element_text(CALL)
{
  return element(evaluation, arguments, true, result);
}

static int along(struct evaluation *evaluation, const struct value *value, const struct json_path *path, bool as_text,
                 struct value *result)
{
  struct bytes found = bytes_of_value(value);
  if (path->count || json_is_container(json_kind_of(found))) // a whole scalar keeps its blanks, as in PostgreSQL
    found = json_trim(found);
  for (int i = 0; i < path->count && found.data; i++) {
    const struct value *step = &path->steps[i];
    enum json_kind kind = json_kind_of(found);
    int64_t index;
    int status = STATUS_OK;
    if (kind == JSON_OBJECT && !step->is_null)
      status = json_find_member(evaluation, found, bytes_of_value(step), &found);
    else if (kind == JSON_ARRAY && !step->is_null && json_path_number(step, &index))
      found = find_element(found, index);
    else
      found = bytes_of(NULL, 0);
    if (status)
      return status;
  }
  return give(evaluation, as_text && found.data ? json_trim(found) : found, as_text, result);
}

static int along_array(struct evaluation *evaluation, const struct value *arguments, bool as_text, struct value *result)
{
  struct json_path path;
  int status = json_path_from_array(evaluation, &arguments[1], &path);
  return status ? status : along(evaluation, &arguments[0], &path, as_text, result);
}

static int along_arguments(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                           bool as_text, struct value *result)
{
  struct json_path path = {.count = argument_count - 1, .steps = (struct value *)(uintptr_t)&arguments[1]};
  return along(evaluation, &arguments[0], &path, as_text, result);
}

static int path_value(CALL)
{
  return along_array(evaluation, arguments, false, result);
}
static int path_text(CALL)
{
  return along_array(evaluation, arguments, true, result);
}
static int extract_value(CALL)
{
  return along_arguments(evaluation, arguments, argument_count, false, result);
}
static int extract_text(CALL)
{
  return along_arguments(evaluation, arguments, argument_count, true, result);
}

// ---- what it is ----

static int type_name(CALL)
{
  static const char *const names[] = {
      [JSON_NULL] = "null",    [JSON_STRING] = "string", [JSON_NUMBER] = "number", [JSON_FALSE] = "boolean",
      [JSON_TRUE] = "boolean", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
  *result = value_string(names[json_kind_of(bytes_of_value(&arguments[0]))]);
  return STATUS_OK;
}

static int array_length(CALL)
{
  struct bytes array = bytes_of_value(&arguments[0]);
  enum json_kind kind = json_kind_of(array);
  if (kind != JSON_ARRAY)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot get array length of %s",
                     kind == JSON_OBJECT ? "a non-array" : "a scalar");
  *result = value_integer(count_members(array));
  return STATUS_OK;
}

// ---- without nulls ----

struct stripping {
  struct evaluation *evaluation;
  struct buffer out, name; // name: of the member whose value comes next
  bool has_name;
};

// What stands before a value: a comma, its name. Strings are written anew: escapes that need not be are not.
static int strip_before(struct stripping *s)
{
  uint8_t last = s->out.size ? s->out.data[s->out.size - 1] : '[';
  if (last != '[' && last != '{')
    buffer_append_u8(&s->out, ',');
  if (s->has_name) {
    json_quote(buffer_bytes(&s->name), &s->out);
    buffer_append_u8(&s->out, ':');
  }
  s->has_name = false;
  return s->out.failed ? error_memory(s->evaluation->error) : STATUS_OK;
}

static int strip_begin(void *context, enum json_kind kind)
{
  struct stripping *s = context;
  int status = strip_before(s);
  buffer_append_u8(&s->out, kind == JSON_OBJECT ? '{' : '[');
  return status;
}

static int strip_end(void *context, enum json_kind kind)
{
  struct stripping *s = context;
  buffer_append_u8(&s->out, kind == JSON_OBJECT ? '}' : ']');
  return STATUS_OK;
}

static int strip_key(void *context, struct bytes name)
{
  struct stripping *s = context;
  buffer_clear(&s->name);
  buffer_append_bytes(&s->name, name);
  s->has_name = true;
  return s->name.failed ? error_memory(s->evaluation->error) : STATUS_OK;
}

static int strip_scalar(void *context, enum json_kind kind, struct bytes contents)
{
  struct stripping *s = context;
  if (kind == JSON_NULL && s->has_name) {
    s->has_name = false;
    return STATUS_OK;
  }
  int status = strip_before(s);
  if (kind == JSON_STRING)
    json_quote(contents, &s->out);
  else
    buffer_append_bytes(&s->out, contents);
  return status;
}

static int strip_nulls(CALL)
{
  static const struct json_events events = {strip_begin, strip_end, strip_key, strip_scalar};
  struct stripping s = {.evaluation = evaluation, .out = buffer_for(evaluation), .name = buffer_for(evaluation)};
  int status = json_parse(bytes_of_value(&arguments[0]), &events, &s, evaluation->error);
  buffer_deinit(&s.name);
  if (!status)
    return result_from_buffer(evaluation, &s.out, result);
  buffer_deinit(&s.out);
  return status;
}

const struct function json_functions[] = {
    OPERATOR("->", member_value, JSON, 2, JSON, TEXT),
    OPERATOR("->", element_value, JSON, 2, JSON, INT4),
    OPERATOR("->>", member_text, TEXT, 2, JSON, TEXT),
    OPERATOR("->>", element_text, TEXT, 2, JSON, INT4),
    OPERATOR("#>", path_value, JSON, 2, JSON, TYPE_TEXT_ARRAY),
    OPERATOR("#>>", path_text, TEXT, 2, JSON, TYPE_TEXT_ARRAY),
    PURE("json_extract_path", extract_value, JSON, -2, JSON, TEXT),
    PURE("json_extract_path_text", extract_text, TEXT, -2, JSON, TEXT),
    PURE("json_typeof", type_name, TEXT, 1, JSON),
    PURE("json_array_length", array_length, INT4, 1, JSON),
    PURE("json_strip_nulls", strip_nulls, JSON, 1, JSON),
    {0},
};
