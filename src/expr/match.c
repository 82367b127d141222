// LIKE and ILIKE. The pattern's escape character is '\'; ESCAPE with another one rewrites the pattern (like_escape).
#include "base/sqlstate.h"
#include "data/utf8.h"
#include "expr/tables.h"

// The literal character that the pattern stands at, an escape before it taken off. False: an escape ends the pattern.
static bool pattern_literal(struct bytes pattern, bool of_bytes, size_t *at, size_t *width)
{
  if (pattern.data[*at] == '\\' && ++*at == pattern.size)
    return false;
  *width = of_bytes ? 1 : (size_t)utf8_width(pattern.data[*at]);
  return true;
}

static int bad_pattern(struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character");
}

// Greedy with one place to go back to: the last '%' can always take more, so earlier ones need not be tried again.
// of_bytes: a character is a byte, whatever it is.
static int like(struct bytes text, struct bytes pattern, bool of_bytes, struct error *error, bool *matches)
{
  size_t t = 0, p = 0, back_text = 0, back_pattern = SIZE_MAX;
  *matches = false;
  while (t < text.size || p < pattern.size) {
    if (p < pattern.size && pattern.data[p] == '%') {
      back_pattern = ++p;
      back_text = t;
      if (p == pattern.size)
        break;
      continue;
    }
    if (p < pattern.size && t < text.size) {
      size_t width = of_bytes ? 1 : (size_t)utf8_width(text.data[t]), literal = p, literal_width = 0;
      if (pattern.data[p] == '_') {
        t += width;
        p++;
        continue;
      }
      if (!pattern_literal(pattern, of_bytes, &literal, &literal_width))
        return bad_pattern(error);
      if (literal_width == width && memcmp(&pattern.data[literal], &text.data[t], width) == 0) {
        t += width;
        p = literal + width;
        continue;
      }
    }
    if (back_pattern == SIZE_MAX || back_text >= text.size)
      return STATUS_OK;
    back_text += of_bytes ? 1 : (size_t)utf8_width(text.data[back_text]);
    t = back_text;
    p = back_pattern;
  }
  *matches = true;
  return STATUS_OK;
}

int match_like(struct evaluation *evaluation, struct bytes text, struct bytes pattern, bool ignore_case, bool *matches)
{
  struct bytes lower_text = text, lower_pattern = pattern;
  if (ignore_case && (!text_lower(evaluation, text, &lower_text) || !text_lower(evaluation, pattern, &lower_pattern)))
    return error_memory(evaluation->error);
  return like(lower_text, lower_pattern, false, evaluation->error, matches);
}

static int call_like(struct evaluation *evaluation, const struct value *arguments, bool ignore_case, bool negated,
                     struct value *result)
{
  bool matches;
  int status =
      match_like(evaluation, bytes_of_value(&arguments[0]), bytes_of_value(&arguments[1]), ignore_case, &matches);
  *result = value_boolean(matches != negated);
  return status;
}

static int bytes_like(struct evaluation *evaluation, const struct value *arguments, bool negated, struct value *result)
{
  bool matches;
  int status = like(bytes_of_value(&arguments[0]), bytes_of_value(&arguments[1]), true, evaluation->error, &matches);
  *result = value_boolean(matches != negated);
  return status;
}

static int bytea_like(CALL) { return bytes_like(evaluation, arguments, false, result); }
static int bytea_unlike(CALL) { return bytes_like(evaluation, arguments, true, result); }
static int text_like(CALL) { return call_like(evaluation, arguments, false, false, result); }
static int text_unlike(CALL) { return call_like(evaluation, arguments, false, true, result); }
static int text_ilike(CALL) { return call_like(evaluation, arguments, true, false, result); }
static int text_unilike(CALL) { return call_like(evaluation, arguments, true, true, result); }

// A pattern with another escape character, or none, as one with '\'.
static int like_escape(CALL)
{
  struct bytes pattern = bytes_of_value(&arguments[0]), escape = bytes_of_value(&arguments[1]);
  if (escape.size && (size_t)utf8_width(escape.data[0]) != escape.size) {
    int status = error_set(evaluation->error, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
    error_hint(evaluation->error, "Escape string must be empty or one character.");
    return status;
  }
  struct buffer out = buffer_for(evaluation);
  bool escaped = false;
  for (size_t i = 0; i < pattern.size;) {
    size_t width = (size_t)utf8_width(pattern.data[i]);
    bool is_escape = !escaped && escape.size == width && memcmp(&pattern.data[i], escape.data, width) == 0;
    if (is_escape)
      buffer_append_u8(&out, '\\');
    else if (pattern.data[i] == '\\' && !(escaped && escape.size == 1 && escape.data[0] == '\\'))
      buffer_append_string(&out, escaped ? "\\" : "\\\\");
    else
      buffer_append(&out, &pattern.data[i], width);
    escaped = is_escape;
    i += width;
  }
  return result_from_buffer(evaluation, &out, result);
}

// The order of LIKE's prefixes: that of the bytes, the only one here; blanks at the end of bpchar do not count.
#define PATTERN_ORDER(name, type, operator)                                                         \
  static int name(CALL)                                                                             \
  {                                                                                                 \
    (void)evaluation;                                                                               \
    *result = value_boolean(value_compare(type, &arguments[0], &arguments[1]) operator 0);          \
    return STATUS_OK;                                                                               \
  }
PATTERN_ORDER(text_pattern_less, TYPE_TEXT, <)
PATTERN_ORDER(text_pattern_at_most, TYPE_TEXT, <=)
PATTERN_ORDER(text_pattern_greater, TYPE_TEXT, >)
PATTERN_ORDER(text_pattern_at_least, TYPE_TEXT, >=)
PATTERN_ORDER(bpchar_pattern_less, TYPE_BPCHAR, <)
PATTERN_ORDER(bpchar_pattern_at_most, TYPE_BPCHAR, <=)
PATTERN_ORDER(bpchar_pattern_greater, TYPE_BPCHAR, >)
PATTERN_ORDER(bpchar_pattern_at_least, TYPE_BPCHAR, >=)

#define PATTERN_ROWS(name, type)                                                                    \
  OPERATOR("~<~", name##_pattern_less, BOOLEAN, 2, type, type),                                     \
      OPERATOR("~<=~", name##_pattern_at_most, BOOLEAN, 2, type, type),                             \
      OPERATOR("~>~", name##_pattern_greater, BOOLEAN, 2, type, type),                              \
      OPERATOR("~>=~", name##_pattern_at_least, BOOLEAN, 2, type, type)
#define LIKE_ROWS(name, code)                                                                       \
  OPERATOR(name, code, BOOLEAN, 2, TEXT, TEXT), OPERATOR(name, code, BOOLEAN, 2, BPCHAR, TEXT),     \
      OPERATOR(name, code, BOOLEAN, 2, NAME, TEXT)

const struct function match_functions[] = {
    LIKE_ROWS("~~", text_like),
    LIKE_ROWS("!~~", text_unlike),
    LIKE_ROWS("~~*", text_ilike),
    LIKE_ROWS("!~~*", text_unilike),
    OPERATOR("~~", bytea_like, BOOLEAN, 2, BYTEA, BYTEA),
    OPERATOR("!~~", bytea_unlike, BOOLEAN, 2, BYTEA, BYTEA),
    PURE("like", bytea_like, BOOLEAN, 2, BYTEA, BYTEA),
    PURE("notlike", bytea_unlike, BOOLEAN, 2, BYTEA, BYTEA),
    PATTERN_ROWS(text, TEXT),
    PATTERN_ROWS(bpchar, BPCHAR),
    PURE("like_escape", like_escape, TEXT, 2, TEXT, TEXT),
    PURE("like", text_like, BOOLEAN, 2, TEXT, TEXT),
    PURE("notlike", text_unlike, BOOLEAN, 2, TEXT, TEXT),
    {0},
};
