// What tells whether a text matches a pattern, and what replaces and counts matches: ~, regexp_like, regexp_replace,
// regexp_count, substring, SIMILAR TO. What takes texts apart by them stands in pattern_pieces.c.
#include "data/utf8.h"
#include "expr/regex.h"

static int matches(struct evaluation *evaluation, const struct value *arguments, const char *flags, bool negated,
                   struct value *result)
{
  struct regex regex;
  bool found = false;
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), bytes_of_string(flags), &regex);
  regex.wants_extent = false;
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, bytes_of_value(&arguments[0]), 0, &found);
  *result = value_boolean(found != negated);
  return status;
}

static int regex_match(CALL) { return matches(evaluation, arguments, "", false, result); }
static int regex_no_match(CALL) { return matches(evaluation, arguments, "", true, result); }
static int regex_imatch(CALL) { return matches(evaluation, arguments, "i", false, result); }
static int regex_no_imatch(CALL) { return matches(evaluation, arguments, "i", true, result); }

static int regexp_like(CALL)
{
  struct regex regex;
  bool found = false;
  struct bytes flags = argument_count > 2 ? bytes_of_value(&arguments[2]) : bytes_of_string("");
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), flags, &regex);
  regex.wants_extent = false;
  if (status == STATUS_OK)
    status = regex_no_global(evaluation, &regex, "regexp_like");
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, bytes_of_value(&arguments[0]), 0, &found);
  *result = value_boolean(found);
  return status;
}

// \1 … \9, \& and \\ in a replacement.
static void append_replacement(struct regex *regex, struct bytes text, struct bytes with, struct buffer *out)
{
  const size_t *places = regex->places;
  uint32_t groups = (uint32_t)regex->group_count + 1;
  for (size_t i = 0; i < with.size; i++) {
    uint8_t c = with.data[i];
    uint8_t next = c == '\\' && i + 1 < with.size ? with.data[i + 1] : 0;
    if (next == '&' || (next >= '1' && next <= '9')) {
      uint32_t group = next == '&' ? 0 : (uint32_t)(next - '0');
      if (group < groups && places[2 * group] != SIZE_MAX)
        buffer_append(out, text.data + places[2 * group], places[2 * group + 1] - places[2 * group]);
      i++;
    } else {
      buffer_append_u8(out, c);
      if (next == '\\')
        i++;
    }
  }
}

struct replacement {
  struct bytes text, pattern, with, flags;
  int64_t start;  // in characters, from 1
  int64_t number; // which match; 0: all; -1: as the flags say
};

static int replace(struct evaluation *evaluation, const struct replacement *r, struct value *result)
{
  struct regex regex;
  struct buffer out = buffer_for(evaluation);
  int status = regex_compile(evaluation, r->pattern, r->flags, &regex);
  if (status != STATUS_OK)
    return status;
  regex.wants_groups = true;
  int64_t number = r->number >= 0 ? r->number : regex.is_global ? 0 : 1;
  size_t copied = 0, from = regex_from(r->text, r->start);
  for (int64_t n = 1; from <= r->text.size && !out.failed; n++) {
    bool found;
    status = regex_find(evaluation, &regex, r->text, from, &found);
    if (status != STATUS_OK || !found)
      break;
    const size_t *places = regex.places;
    from = regex_after(&regex, r->text);
    if (number == 0 || number == n) {
      buffer_append(&out, r->text.data + copied, places[0] - copied);
      append_replacement(&regex, r->text, r->with, &out);
      copied = places[1];
      if (number)
        break;
    }
  }
  if (status != STATUS_OK) {
    buffer_deinit(&out);
    return status;
  }
  if (copied < r->text.size)
    buffer_append(&out, r->text.data + copied, r->text.size - copied);
  return result_from_buffer(evaluation, &out, result);
}

static int regexp_replace(CALL) // text, pattern, replacement [, flags]
{
  struct replacement r = {.text = bytes_of_value(&arguments[0]), .pattern = bytes_of_value(&arguments[1]),
                          .with = bytes_of_value(&arguments[2]), .start = 1, .number = -1};
  if (argument_count > 3)
    r.flags = bytes_of_value(&arguments[3]);
  if (r.flags.size && r.flags.data[0] >= '0' && r.flags.data[0] <= '9') {
    int status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "invalid regular expression option: \"%.1s\"", (const char *)r.flags.data);
    error_hint(evaluation->error, "If you meant to use regexp_replace() with a start parameter, "
                                  "cast the fourth argument to integer explicitly.");
    return status;
  }
  return replace(evaluation, &r, result);
}

static int regexp_replace_from(CALL) // text, pattern, replacement, start [, number [, flags]]
{
  struct replacement r = {.text = bytes_of_value(&arguments[0]), .pattern = bytes_of_value(&arguments[1]),
                          .with = bytes_of_value(&arguments[2]), .start = arguments[3].integer, .number = 1};
  if (argument_count > 4)
    r.number = arguments[4].integer;
  if (argument_count > 5)
    r.flags = bytes_of_value(&arguments[5]);
  if (r.start <= 0)
    return regex_bad_parameter(evaluation, "start", r.start);
  return r.number < 0 ? regex_bad_parameter(evaluation, "n", r.number) : replace(evaluation, &r, result);
}

static int regexp_count(CALL) // text, pattern [, start [, flags]]
{
  struct regex regex;
  struct bytes text = bytes_of_value(&arguments[0]);
  struct bytes flags = argument_count > 3 ? bytes_of_value(&arguments[3]) : bytes_of_string("");
  int64_t start = argument_count > 2 ? arguments[2].integer : 1, count = 0;
  if (start <= 0)
    return regex_bad_parameter(evaluation, "start", start);
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), flags, &regex);
  if (status == STATUS_OK)
    status = regex_no_global(evaluation, &regex, "regexp_count");
  for (size_t from = regex_from(text, start); status == STATUS_OK && from <= text.size; count++) {
    bool found;
    status = regex_find(evaluation, &regex, text, from, &found);
    if (status != STATUS_OK || !found)
      break;
    from = regex_after(&regex, text);
  }
  *result = value_integer(count);
  return status;
}

// The first group of the first match, or the whole match where there are no groups; NULL: no match.
static int substring_pattern(CALL)
{
  struct regex regex;
  bool found = false;
  struct bytes text = bytes_of_value(&arguments[0]);
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), bytes_of_string(""), &regex);
  regex.wants_groups = true;
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, text, 0, &found);
  *result = value_null();
  if (status != STATUS_OK || !found)
    return status;
  const size_t *places = regex.places;
  if (regex.group_count > 0)
    places += 2;
  if (places[0] != SIZE_MAX)
    *result = value_bytes(text.data + places[0], (uint32_t)(places[1] - places[0]));
  return STATUS_OK;
}

// One character of a pattern of SIMILAR TO that is not escaped, outside of brackets.
static void append_similar(uint8_t c, struct buffer *out)
{
  if (c == '%')
    buffer_append_string(out, ".*");
  else if (c == '_')
    buffer_append_u8(out, '.');
  else if (c == '(')
    buffer_append_string(out, "(?:");
  else {
    if (c == '\\' || c == '.' || c == '^' || c == '$')
      buffer_append_u8(out, '\\');
    buffer_append_u8(out, c);
  }
}

// Two escaped quotes separate what is looked for from what stands around it; that takes the least on its left.
static void similar_to_regex(struct bytes pattern, struct bytes escape, struct buffer *out, int *separators)
{
  bool in_bracket = false;
  buffer_append_string(out, "^(?:");
  for (size_t i = 0; i < pattern.size;) {
    size_t width = (size_t)utf8_width(pattern.data[i]);
    uint8_t c = pattern.data[i];
    if (escape.size == width && memcmp(&pattern.data[i], escape.data, width) == 0) {
      i += width;
      if (i == pattern.size)
        break; // an escape of nothing
      width = (size_t)utf8_width(pattern.data[i]);
      if (pattern.data[i] == '"' && !in_bracket) {
        buffer_append_string(out, ++*separators == 1 ? "){1,1}?(" : "){1,1}(?:");
        i++;
        continue;
      }
      buffer_append_u8(out, '\\');
      buffer_append(out, &pattern.data[i], width);
    } else if (in_bracket || width > 1) {
      if (c == '\\')
        buffer_append_u8(out, c);
      buffer_append(out, &pattern.data[i], width);
      in_bracket = in_bracket && c != ']';
    } else {
      append_similar(c, out);
      in_bracket = c == '[';
    }
    i += width;
  }
  buffer_append_string(out, ")$");
}

// A pattern of SIMILAR TO as a regular expression.
static int similar(CALL)
{
  struct bytes escape = argument_count > 1 ? bytes_of_value(&arguments[1]) : bytes_of_string("\\");
  if (escape.size && (size_t)utf8_width(escape.data[0]) != escape.size) {
    int status = error_set(evaluation->error, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
    error_hint(evaluation->error, "Escape string must be empty or one character.");
    return status;
  }
  struct buffer out = buffer_for(evaluation);
  int separators = 0;
  similar_to_regex(bytes_of_value(&arguments[0]), escape, &out, &separators);
  if (separators <= 2)
    return result_from_buffer(evaluation, &out, result);
  buffer_deinit(&out);
  return error_set(evaluation->error, "2200C",
                   "SQL regular expression may not contain more than two escape-double-quote separators");
}

// substring(text similar pattern escape escape)
static int substring_similar(CALL)
{
  struct value both[2] = {arguments[0], value_null()};
  int status = similar(evaluation, &arguments[1], 2, &both[1]);
  return status ? status : substring_pattern(evaluation, both, 2, result);
}

#define REGEX_ROWS(name, code)                                                                      \
  OPERATOR(name, code, BOOLEAN, 2, TEXT, TEXT), OPERATOR(name, code, BOOLEAN, 2, BPCHAR, TEXT),     \
      OPERATOR(name, code, BOOLEAN, 2, NAME, TEXT)

const struct function pattern_functions[] = {
    REGEX_ROWS("~", regex_match),
    REGEX_ROWS("!~", regex_no_match),
    REGEX_ROWS("~*", regex_imatch),
    REGEX_ROWS("!~*", regex_no_imatch),
    PURE("regexp_like", regexp_like, BOOLEAN, 2, TEXT, TEXT),
    PURE("regexp_like", regexp_like, BOOLEAN, 3, TEXT, TEXT, TEXT),
    PURE("regexp_replace", regexp_replace, TEXT, 3, TEXT, TEXT, TEXT),
    PURE("regexp_replace", regexp_replace, TEXT, 4, TEXT, TEXT, TEXT, TEXT),
    PURE("regexp_replace", regexp_replace_from, TEXT, 4, TEXT, TEXT, TEXT, INT4),
    PURE("regexp_replace", regexp_replace_from, TEXT, 5, TEXT, TEXT, TEXT, INT4, INT4),
    PURE("regexp_replace", regexp_replace_from, TEXT, 6, TEXT, TEXT, TEXT, INT4, INT4, TEXT),
    PURE("regexp_count", regexp_count, INT4, 2, TEXT, TEXT),
    PURE("regexp_count", regexp_count, INT4, 3, TEXT, TEXT, INT4),
    PURE("regexp_count", regexp_count, INT4, 4, TEXT, TEXT, INT4, TEXT),
    PURE("substring", substring_pattern, TEXT, 2, TEXT, TEXT),
    PURE("substring", substring_similar, TEXT, 3, TEXT, TEXT, TEXT),
    PURE("similar_to_escape", similar, TEXT, 1, TEXT),
    PURE("similar_to_escape", similar, TEXT, 2, TEXT, TEXT),
    {0},
};
