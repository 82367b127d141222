// Regular expressions: PostgreSQL's flavour, put into PCRE2's.
//
// 1. A pattern is translated first (translate): escapes that mean something else in PCRE2 are rewritten, those that
//    PostgreSQL does not know are refused. What is left means the same in both, but for which of several matches at
//    one place is taken: PCRE2 takes the first alternative that matches, PostgreSQL the longest.
// 2. All of PCRE2's memory comes from the evaluation's arena, and its work is bounded.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "data/utf8.h"
#include "expr/tables.h"

enum { MATCH_WORK_MAX = 10 * 1000 * 1000, MATCH_DEPTH_MAX = 100 * 1000, MATCH_HEAP_KILOBYTES = 16 * 1024 };

struct regex {
  pcre2_code *code;
  pcre2_match_data *match;
  pcre2_match_context *limits;
  bool is_global;
};

static void *allocate(PCRE2_SIZE size, void *arena) { return arena_alloc(arena, size); }
static void release(void *memory, void *arena) {}

static int bad_regex(struct evaluation *evaluation, const char *why)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_REGULAR_EXPRESSION, "invalid regular expression: %s", why);
}

static size_t hex_digits(struct bytes pattern, size_t at, size_t most)
{
  size_t n = 0;
  while (n < most && at + n < pattern.size && strchr("0123456789abcdefABCDEF", pattern.data[at + n]) &&
         pattern.data[at + n])
    n++;
  return n;
}

// One escape; *at stands behind the backslash and is moved behind the escape.
static int translate_escape(struct evaluation *evaluation, struct bytes pattern, size_t *at, struct buffer *out)
{
  static const struct {
    char letter;
    const char *means;
  } escapes[] = {
      {'m', "\\b(?=\\w)"}, {'M', "\\b(?<=\\w)"}, {'y', "\\b"}, {'Y', "\\B"},   {'A', "\\A"}, {'Z', "\\z"},
      {'b', "\\x08"},      {'B', "\\\\"},        {'a', "\\a"}, {'e', "\\e"},   {'f', "\\f"}, {'n', "\\n"},
      {'r', "\\r"},        {'t', "\\t"},         {'v', "\\x0b"}, {'d', "\\d"}, {'D', "\\D"}, {'s', "\\s"},
      {'S', "\\S"},        {'w', "\\w"},         {'W', "\\W"},
  };
  if (*at == pattern.size)
    return bad_regex(evaluation, "invalid escape \\ sequence");
  char c = (char)pattern.data[(*at)++];
  for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
    if (escapes[i].letter == c) {
      buffer_append_string(out, escapes[i].means);
      return STATUS_OK;
    }
  size_t wanted = c == 'u' ? 4 : c == 'U' ? 8 : c == 'x' ? 255 : 0;
  if (wanted) {
    size_t n = hex_digits(pattern, *at, wanted);
    if (n == 0 || (c != 'x' && n != wanted))
      return bad_regex(evaluation, "invalid escape \\ sequence");
    buffer_format(out, "\\x{%.*s}", (int)(n > 8 ? 8 : n), (const char *)&pattern.data[*at + (n > 8 ? n - 8 : 0)]);
    *at += n;
    return STATUS_OK;
  }
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
    return bad_regex(evaluation, "invalid escape \\ sequence");
  buffer_append_u8(out, '\\');
  buffer_append_u8(out, (uint8_t)c);
  return STATUS_OK;
}

// A bracket expression, from its '[' on. Copied as it stands but for escapes.
static int translate_bracket(struct evaluation *evaluation, struct bytes pattern, size_t *at, struct buffer *out)
{
  size_t i = *at;
  buffer_append_u8(out, pattern.data[i++]);
  if (i < pattern.size && pattern.data[i] == '^')
    buffer_append_u8(out, pattern.data[i++]);
  for (bool first = true; i < pattern.size; first = false) {
    uint8_t c = pattern.data[i++];
    if (c == ']' && !first) {
      buffer_append_u8(out, c);
      *at = i;
      return STATUS_OK;
    }
    if (c == '\\') {
      int status = translate_escape(evaluation, pattern, &i, out);
      if (status != STATUS_OK)
        return status;
    } else if (c == '[' && i < pattern.size && strchr(":.=", pattern.data[i])) {
      uint8_t kind = pattern.data[i];
      buffer_append_u8(out, c);
      do
        buffer_append_u8(out, pattern.data[i++]);
      while (i < pattern.size && !(pattern.data[i - 1] == kind && pattern.data[i] == ']' && i >= 2));
      if (i < pattern.size)
        buffer_append_u8(out, pattern.data[i++]);
    } else {
      if (c == '[' || c == '&' || c == '~')
        buffer_append_u8(out, '\\');
      buffer_append_u8(out, c);
    }
  }
  return bad_regex(evaluation, "brackets [] not balanced");
}

static int translate(struct evaluation *evaluation, struct bytes pattern, struct buffer *out)
{
  size_t i = 0;
  if (pattern.size >= 4 && memcmp(pattern.data, "***=", 4) == 0) { // the rest is literal
    for (i = 4; i < pattern.size; i++) {
      if (pattern.data[i] < 0x80 && !strchr("\n", pattern.data[i]) && strchr("\\^$.[]|()?*+{}", pattern.data[i]))
        buffer_append_u8(out, '\\');
      buffer_append_u8(out, pattern.data[i]);
    }
    return STATUS_OK;
  }
  if (pattern.size >= 4 && memcmp(pattern.data, "***:", 4) == 0)
    i = 4;
  while (i < pattern.size) {
    uint8_t c = pattern.data[i];
    int status = STATUS_OK;
    if (c == '\\') {
      i++;
      status = translate_escape(evaluation, pattern, &i, out);
    } else if (c == '[' && pattern.size - i >= 7 && memcmp(&pattern.data[i], "[[:<:]]", 7) == 0) {
      buffer_append_string(out, "\\b(?=\\w)");
      i += 7;
    } else if (c == '[' && pattern.size - i >= 7 && memcmp(&pattern.data[i], "[[:>:]]", 7) == 0) {
      buffer_append_string(out, "\\b(?<=\\w)");
      i += 7;
    } else if (c == '[') {
      status = translate_bracket(evaluation, pattern, &i, out);
    } else if (c == '(' && i + 1 < pattern.size && pattern.data[i + 1] == '*') {
      return bad_regex(evaluation, "quantifier operand invalid");
    } else if (c == '(' && i + 2 < pattern.size && pattern.data[i + 1] == '?' &&
               !strchr(":=!<imnsx-", pattern.data[i + 2])) {
      return bad_regex(evaluation, "quantifier operand invalid");
    } else {
      buffer_append_u8(out, c);
      i++;
    }
    if (status != STATUS_OK)
      return status;
  }
  return STATUS_OK;
}

static int compile_error(struct evaluation *evaluation, int code)
{
  static const struct {
    int code;
    const char *text;
  } known[] = {
      {114, "parentheses () not balanced"}, {122, "parentheses () not balanced"}, {106, "brackets [] not balanced"},
      {109, "quantifier operand invalid"},  {101, "invalid escape \\ sequence"},  {104, "invalid repetition count(s)"},
      {105, "invalid repetition count(s)"}, {108, "invalid character range"},     {130, "invalid character class"},
      {115, "invalid backreference number"},
  };
  char text[200] = "";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == code)
      return bad_regex(evaluation, known[i].text);
  pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
  return bad_regex(evaluation, text);
}

// The letters of regexp_replace's flags. c: case-sensitive, n and m: lines matter, s: they do not.
static int read_flags(struct evaluation *evaluation, struct bytes flags, uint32_t *options, bool *is_global)
{
  for (size_t i = 0; i < flags.size; i++) {
    switch (flags.data[i]) {
    case 'g': *is_global = true; break;
    case 'i': *options |= PCRE2_CASELESS; break;
    case 'c': *options &= ~PCRE2_CASELESS; break;
    case 'x': *options |= PCRE2_EXTENDED; break;
    case 's': *options = (*options | PCRE2_DOTALL) & ~PCRE2_MULTILINE; break;
    case 't': *options &= ~PCRE2_EXTENDED; break;
    case 'b':
    case 'e':
    case 'p':
    case 'q':
    case 'w':
      return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "regular expression option \"%c\" is not supported", flags.data[i]);
    case 'n':
    case 'm': *options = (*options | PCRE2_MULTILINE) & ~PCRE2_DOTALL; break;
    default:
      return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "invalid regular expression option: \"%.*s\"", utf8_width(flags.data[i]),
                       (const char *)&flags.data[i]);
    }
  }
  return STATUS_OK;
}

static int regex_compile(struct evaluation *evaluation, struct bytes pattern, struct bytes flags, struct regex *regex)
{
  uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_UTF_CHECK;
  struct buffer translated = buffer_for(evaluation);
  int code = 0;
  size_t offset = 0;
  *regex = (struct regex){0};
  int status = read_flags(evaluation, flags, &options, &regex->is_global);
  if (status == STATUS_OK)
    status = translate(evaluation, pattern, &translated);
  if (status == STATUS_OK && translated.failed)
    status = error_memory(evaluation->error);
  pcre2_general_context *general =
      status == STATUS_OK ? pcre2_general_context_create(allocate, release, evaluation->arena) : NULL;
  pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
  if (context) {
    const uint8_t *text = translated.data ? translated.data : (const uint8_t *)"";
    regex->code = pcre2_compile(text, translated.size, options, &code, &offset, context);
    regex->limits = pcre2_match_context_create(general);
    if (regex->code)
      regex->match = pcre2_match_data_create_from_pattern(regex->code, general);
  }
  buffer_deinit(&translated);
  if (status != STATUS_OK)
    return status;
  if (context && !regex->code && code != PCRE2_ERROR_NOMEMORY && code != 121)
    return compile_error(evaluation, code);
  if (!regex->code || !regex->match || !regex->limits)
    return error_memory(evaluation->error);
  pcre2_set_match_limit(regex->limits, MATCH_WORK_MAX);
  pcre2_set_depth_limit(regex->limits, MATCH_DEPTH_MAX);
  pcre2_set_heap_limit(regex->limits, MATCH_HEAP_KILOBYTES);
  return STATUS_OK;
}

// Is there a match from the byte offset on? Its places are in regex->match.
static int regex_find(struct evaluation *evaluation, struct regex *regex, struct bytes text, size_t from, bool *found)
{
  const uint8_t *data = text.data ? text.data : (const uint8_t *)"";
  int count = pcre2_match(regex->code, data, text.size, from, PCRE2_NO_UTF_CHECK, regex->match, regex->limits);
  *found = count > 0;
  if (count > 0 || count == PCRE2_ERROR_NOMATCH)
    return STATUS_OK;
  if (count == PCRE2_ERROR_NOMEMORY)
    return error_memory(evaluation->error);
  return error_set(evaluation->error, SQLSTATE_STATEMENT_TOO_COMPLEX, "regular expression failed: too complex");
}

static int matches(struct evaluation *evaluation, const struct value *arguments, const char *flags, bool negated,
                   struct value *result)
{
  struct regex regex;
  bool found = false;
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), bytes_of_string(flags), &regex);
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, bytes_of_value(&arguments[0]), 0, &found);
  *result = value_boolean(found != negated);
  return status;
}

static int regex_match(CALL) { return matches(evaluation, arguments, "", false, result); }
static int regex_no_match(CALL) { return matches(evaluation, arguments, "", true, result); }
static int regex_imatch(CALL) { return matches(evaluation, arguments, "i", false, result); }
static int regex_no_imatch(CALL) { return matches(evaluation, arguments, "i", true, result); }

static int no_global(struct evaluation *evaluation, const struct regex *regex, const char *name)
{
  if (!regex->is_global)
    return STATUS_OK;
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s() does not support the \"global\" option",
                   name);
}

static int regexp_like(CALL)
{
  struct regex regex;
  bool found = false;
  struct bytes flags = argument_count > 2 ? bytes_of_value(&arguments[2]) : bytes_of_string("");
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), flags, &regex);
  if (status == STATUS_OK)
    status = no_global(evaluation, &regex, "regexp_like");
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, bytes_of_value(&arguments[0]), 0, &found);
  *result = value_boolean(found);
  return status;
}

// Behind a match: an empty one steps over a character.
static size_t after_match(struct bytes text, const size_t *places)
{
  if (places[1] > places[0] || places[1] >= text.size)
    return places[1] > places[0] ? places[1] : places[1] + 1;
  return places[1] + (size_t)utf8_width(text.data[places[1]]);
}

// \1 … \9, \& and \\ in a replacement.
static void append_replacement(struct regex *regex, struct bytes text, struct bytes with, struct buffer *out)
{
  const size_t *places = pcre2_get_ovector_pointer(regex->match);
  uint32_t groups = pcre2_get_ovector_count(regex->match);
  for (size_t i = 0; i < with.size; i++) {
    uint8_t c = with.data[i];
    uint8_t next = c == '\\' && i + 1 < with.size ? with.data[i + 1] : 0;
    if (next == '&' || (next >= '1' && next <= '9')) {
      uint32_t group = next == '&' ? 0 : (uint32_t)(next - '0');
      if (group < groups && places[2 * group] != PCRE2_UNSET)
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

// Where matches are looked for from this character on, from 1; behind the text: nowhere.
static size_t search_from(struct bytes text, int64_t start)
{
  return start - 1 > (int64_t)utf8_length(text) ? text.size + 1 : utf8_prefix(text, (size_t)start - 1);
}

static int replace(struct evaluation *evaluation, const struct replacement *r, struct value *result)
{
  struct regex regex;
  struct buffer out = buffer_for(evaluation);
  int status = regex_compile(evaluation, r->pattern, r->flags, &regex);
  if (status != STATUS_OK)
    return status;
  int64_t number = r->number >= 0 ? r->number : regex.is_global ? 0 : 1;
  size_t copied = 0, from = search_from(r->text, r->start);
  for (int64_t n = 1; from <= r->text.size && !out.failed; n++) {
    bool found;
    status = regex_find(evaluation, &regex, r->text, from, &found);
    if (status != STATUS_OK || !found)
      break;
    const size_t *places = pcre2_get_ovector_pointer(regex.match);
    from = after_match(r->text, places);
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

static int bad_parameter(struct evaluation *evaluation, const char *name, int64_t v)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                   "invalid value for parameter \"%s\": %lld", name, (long long)v);
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
    return bad_parameter(evaluation, "start", r.start);
  return r.number < 0 ? bad_parameter(evaluation, "n", r.number) : replace(evaluation, &r, result);
}

static int regexp_count(CALL) // text, pattern [, start [, flags]]
{
  struct regex regex;
  struct bytes text = bytes_of_value(&arguments[0]);
  struct bytes flags = argument_count > 3 ? bytes_of_value(&arguments[3]) : bytes_of_string("");
  int64_t start = argument_count > 2 ? arguments[2].integer : 1, count = 0;
  if (start <= 0)
    return bad_parameter(evaluation, "start", start);
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), flags, &regex);
  if (status == STATUS_OK)
    status = no_global(evaluation, &regex, "regexp_count");
  for (size_t from = search_from(text, start); status == STATUS_OK && from <= text.size; count++) {
    bool found;
    status = regex_find(evaluation, &regex, text, from, &found);
    if (status != STATUS_OK || !found)
      break;
    from = after_match(text, pcre2_get_ovector_pointer(regex.match));
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
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, text, 0, &found);
  *result = value_null();
  if (status != STATUS_OK || !found)
    return status;
  const size_t *places = pcre2_get_ovector_pointer(regex.match);
  if (pcre2_get_ovector_count(regex.match) > 1)
    places += 2;
  if (places[0] != PCRE2_UNSET)
    *result = value_bytes(text.data + places[0], (uint32_t)(places[1] - places[0]));
  return STATUS_OK;
}

static int regexp_substr(CALL) // the whole first match
{
  struct regex regex;
  bool found = false;
  struct bytes text = bytes_of_value(&arguments[0]);
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), bytes_of_string(""), &regex);
  if (status == STATUS_OK)
    status = regex_find(evaluation, &regex, text, 0, &found);
  *result = value_null();
  if (status != STATUS_OK || !found)
    return status;
  const size_t *places = pcre2_get_ovector_pointer(regex.match);
  *result = value_bytes(text.data + places[0], (uint32_t)(places[1] - places[0]));
  return STATUS_OK;
}

// A pattern of SIMILAR TO as a regular expression.
static int similar(CALL)
{
  struct bytes pattern = bytes_of_value(&arguments[0]);
  struct bytes escape = argument_count > 1 ? bytes_of_value(&arguments[1]) : bytes_of_string("\\");
  if (escape.size && (size_t)utf8_width(escape.data[0]) != escape.size) {
    int status = error_set(evaluation->error, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
    error_hint(evaluation->error, "Escape string must be empty or one character.");
    return status;
  }
  struct buffer out = buffer_for(evaluation);
  bool in_bracket = false;
  buffer_append_string(&out, "^(?:");
  for (size_t i = 0; i < pattern.size;) {
    size_t width = (size_t)utf8_width(pattern.data[i]);
    uint8_t c = pattern.data[i];
    if (escape.size == width && memcmp(&pattern.data[i], escape.data, width) == 0) {
      i += width;
      if (i == pattern.size)
        break; // an escape of nothing
      width = (size_t)utf8_width(pattern.data[i]);
      buffer_append_u8(&out, '\\');
      buffer_append(&out, &pattern.data[i], width);
    } else if (in_bracket) {
      if (c == '\\')
        buffer_append_u8(&out, '\\');
      buffer_append(&out, &pattern.data[i], width);
      in_bracket = c != ']';
    } else if (c == '%') {
      buffer_append_string(&out, ".*");
    } else if (c == '_') {
      buffer_append_u8(&out, '.');
    } else if (c == '(') {
      buffer_append_string(&out, "(?:");
    } else {
      if (c == '\\' || c == '.' || c == '^' || c == '$')
        buffer_append_u8(&out, '\\');
      buffer_append(&out, &pattern.data[i], width);
      in_bracket = c == '[';
    }
    i += width;
  }
  buffer_append_string(&out, ")$");
  return result_from_buffer(evaluation, &out, result);
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
    PURE("regexp_substr", regexp_substr, TEXT, 2, TEXT, TEXT),
    PURE("substring", substring_pattern, TEXT, 2, TEXT, TEXT),
    PURE("similar_to_escape", similar, TEXT, 1, TEXT),
    PURE("similar_to_escape", similar, TEXT, 2, TEXT, TEXT),
    {0},
};
