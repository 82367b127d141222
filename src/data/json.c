// Reading JSON: a lexer and a parser by descent, both with PostgreSQL's messages.
//
// 1. The depth of the descent is bounded by LIMIT_JSON_NESTING.
// 2. Where it fails, `token` up to `end` is the offending token: the message's detail has it, its context the line up
//    to there.
// 3. A walk trusts that its text was read before; it neither recurs nor copies.
#include "data/json.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/sqlstate.h"

enum token { TOKEN_STRING, TOKEN_NUMBER, TOKEN_WORD, TOKEN_SIGN, TOKEN_END };

struct reader {
  const uint8_t *at, *limit; // what is not read yet
  const uint8_t *line;       // where the current line begins
  int line_number;
  const uint8_t *token, *end; // the token at hand
  enum token kind;
  uint8_t sign;          // TOKEN_SIGN
  enum json_kind scalar; // the others
  int depth;
  const struct json_events *events;
  void *context;
  struct buffer string; // without its escapes, where there are events
  struct error *error;
};

// ---- errors ----

enum { CONTEXT_BYTES = 50 };

static int width_at(const struct reader *r, const uint8_t *at)
{
  int width = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
  return r->limit - at < width ? (int)(r->limit - at) : width;
}

// The line up to the token, its beginning left out where it is long.
static void add_context(struct reader *r)
{
  const uint8_t *from = r->line;
  while (r->end - from >= CONTEXT_BYTES)
    from += width_at(r, from);
  if (from - r->line <= 3)
    from = r->line;
  bool is_cut = r->kind != TOKEN_END && r->end < r->limit && *r->end != '\n' && *r->end != '\r';
  error_context(r->error, "JSON data, line %d: %s%.*s%s", r->line_number, from > r->line ? "..." : "",
                (int)(r->end - from), (const char *)from, is_cut ? "..." : "");
}

// Says that the text is not JSON, and why.
__attribute__((format(printf, 2, 3))) static int refuse(struct reader *r, const char *format, ...)
{
  char detail[sizeof r->error->detail];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  int status = error_set(r->error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json");
  error_detail(r->error, "%s", detail);
  add_context(r);
  return status;
}

#define TOKEN_OF(r) (int)((r)->end - (r)->token), (const char *)(r)->token

static int bad_token(struct reader *r)
{
  return refuse(r, "Token \"%.*s\" is invalid.", TOKEN_OF(r));
}

static int expected(struct reader *r, const char *what)
{
  if (r->kind == TOKEN_END)
    return refuse(r, "The input string ended unexpectedly.");
  return refuse(r, "Expected %s, but found \"%.*s\".", what, TOKEN_OF(r));
}

// ---- tokens ----

static bool is_digit(const struct reader *r, const uint8_t *at)
{
  return at < r->limit && *at >= '0' && *at <= '9';
}

static bool is_word(uint8_t c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

static int read_number(struct reader *r)
{
  const uint8_t *at = r->token + (*r->token == '-');
  bool is_bad = !is_digit(r, at);
  if (!is_bad && *at == '0')
    at++;
  else
    while (is_digit(r, at))
      at++;
  if (at < r->limit && *at == '.') {
    at++;
    is_bad |= !is_digit(r, at);
    while (is_digit(r, at))
      at++;
  }
  if (at < r->limit && (*at == 'e' || *at == 'E')) {
    at++;
    at += at < r->limit && (*at == '+' || *at == '-');
    is_bad |= !is_digit(r, at);
    while (is_digit(r, at))
      at++;
  }
  for (; at < r->limit && is_word(*at); at++)
    is_bad = true;
  r->end = r->at = at;
  r->kind = TOKEN_NUMBER;
  r->scalar = JSON_NUMBER;
  return is_bad ? bad_token(r) : STATUS_OK;
}

static void append_character(struct buffer *out, uint32_t c)
{
  if (c < 0x80) {
    buffer_append_u8(out, (uint8_t)c);
  } else if (c < 0x800) {
    buffer_append_u8(out, (uint8_t)(0xc0 | c >> 6));
    buffer_append_u8(out, (uint8_t)(0x80 | (c & 63)));
  } else {
    if (c < 0x10000) {
      buffer_append_u8(out, (uint8_t)(0xe0 | c >> 12));
    } else {
      buffer_append_u8(out, (uint8_t)(0xf0 | c >> 18));
      buffer_append_u8(out, (uint8_t)(0x80 | (c >> 12 & 63)));
    }
    buffer_append_u8(out, (uint8_t)(0x80 | (c >> 6 & 63)));
    buffer_append_u8(out, (uint8_t)(0x80 | (c & 63)));
  }
}

static int hexadecimal(uint8_t c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static int lone_surrogate(struct reader *r)
{
  return refuse(r, "Unicode low surrogate must follow a high surrogate.");
}

// The four digits behind \u. *high: the first half of a pair that waits for its second; 0: none.
static int read_unicode(struct reader *r, const uint8_t **at, struct buffer *out, uint32_t *high)
{
  uint32_t c = 0;
  for (int i = 0; i < 4; i++) {
    (*at)++;
    if (*at >= r->limit) {
      r->end = *at;
      return bad_token(r);
    }
    int digit = hexadecimal(**at);
    if (digit < 0) {
      r->end = *at + width_at(r, *at);
      return refuse(r, "\"\\u\" must be followed by four hexadecimal digits.");
    }
    c = c * 16 + (uint32_t)digit;
  }
  if (!out)
    return STATUS_OK;
  r->end = *at + 1;
  if (c >= 0xd800 && c < 0xdc00) {
    if (*high)
      return refuse(r, "Unicode high surrogate must not follow a high surrogate.");
    *high = c;
    return STATUS_OK;
  }
  bool is_low = c >= 0xdc00 && c < 0xe000;
  if (is_low != (*high != 0))
    return lone_surrogate(r);
  if (is_low)
    c = 0x10000 + ((*high - 0xd800) << 10) + (c - 0xdc00);
  *high = 0;
  if (c == 0) {
    int status = error_set(r->error, SQLSTATE_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
    error_detail(r->error, "\\u0000 cannot be converted to text.");
    add_context(r);
    return status;
  }
  append_character(out, c);
  return STATUS_OK;
}

static int read_escape(struct reader *r, const uint8_t **at, struct buffer *out, uint32_t *high)
{
  static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  (*at)++;
  if (*at >= r->limit) {
    r->end = *at;
    return bad_token(r);
  }
  if (**at == 'u')
    return read_unicode(r, at, out, high);
  if (*high) {
    r->end = *at;
    return lone_surrogate(r);
  }
  const char *letter = **at ? strchr(letters, **at) : NULL;
  if (!letter) {
    r->token = *at;
    r->end = *at + width_at(r, *at);
    return refuse(r, "Escape sequence \"\\%.*s\" is invalid.", TOKEN_OF(r));
  }
  if (out)
    buffer_append_u8(out, (uint8_t)meanings[letter - letters]);
  return STATUS_OK;
}

// Its quotes belong to the token. out: where the contents go; NULL: nowhere.
static int read_string(struct reader *r, struct buffer *out)
{
  uint32_t high = 0;
  const uint8_t *at = r->token + 1;
  r->kind = TOKEN_STRING;
  r->scalar = JSON_STRING;
  for (;; at++) {
    const uint8_t *plain = at;
    while (at < r->limit && *at != '"' && *at != '\\' && *at >= 0x20)
      at++;
    if (high && at > plain) {
      r->end = plain;
      return lone_surrogate(r);
    }
    if (out)
      buffer_append(out, plain, (size_t)(at - plain));
    r->end = at;
    if (at >= r->limit)
      return bad_token(r);
    if (*at == '"')
      break;
    if (*at < 0x20)
      return refuse(r, "Character with value 0x%02x must be escaped.", *at);
    int status = read_escape(r, &at, out, &high);
    if (status)
      return status;
  }
  if (high)
    return lone_surrogate(r);
  r->end = r->at = at + 1;
  return out && out->failed ? error_memory(r->error) : STATUS_OK;
}

static bool token_is(const struct reader *r, const char *word)
{
  return (size_t)(r->end - r->token) == strlen(word) && memcmp(r->token, word, strlen(word)) == 0;
}

static int read_word(struct reader *r)
{
  const uint8_t *at = r->token;
  while (at < r->limit && is_word(*at))
    at++;
  r->kind = TOKEN_WORD;
  r->end = r->at = at == r->token ? at + 1 : at;
  if (token_is(r, "true"))
    r->scalar = JSON_TRUE;
  else if (token_is(r, "false"))
    r->scalar = JSON_FALSE;
  else if (token_is(r, "null"))
    r->scalar = JSON_NULL;
  else
    return bad_token(r);
  return STATUS_OK;
}

static int next(struct reader *r)
{
  while (r->at < r->limit && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
    if (*r->at++ == '\n') {
      r->line_number++;
      r->line = r->at;
    }
  }
  r->token = r->end = r->at;
  if (r->at == r->limit) {
    r->kind = TOKEN_END;
    return STATUS_OK;
  }
  uint8_t c = *r->at;
  if (c == '"') {
    buffer_clear(&r->string);
    return read_string(r, r->events ? &r->string : NULL);
  }
  if (c == '-' || (c >= '0' && c <= '9'))
    return read_number(r);
  if (!strchr("{}[],:", c))
    return read_word(r);
  r->kind = TOKEN_SIGN;
  r->sign = c;
  r->end = ++r->at;
  return STATUS_OK;
}

// ---- the grammar ----

int json_too_deep(struct error *error)
{
  int status = error_set(error, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
  error_detail(error, "JSON may nest %d levels deep.", LIMIT_JSON_NESTING);
  return status;
}

static bool is_sign(const struct reader *r, char sign)
{
  return r->kind == TOKEN_SIGN && r->sign == (uint8_t)sign;
}

static struct bytes contents(const struct reader *r)
{
  return r->kind == TOKEN_STRING ? buffer_bytes(&r->string) : bytes_of(r->token, (size_t)(r->end - r->token));
}

static int read_value(struct reader *r);

// A name and its value; the name is the token at hand.
static int read_field(struct reader *r)
{
  if (r->kind != TOKEN_STRING)
    return expected(r, "string");
  int status = r->events ? r->events->key(r->context, contents(r)) : STATUS_OK;
  if (!status)
    status = next(r);
  if (!status && !is_sign(r, ':'))
    status = expected(r, "\":\"");
  if (!status)
    status = next(r);
  return status ? status : read_value(r);
}

static int read_members(struct reader *r, bool is_object)
{
  char closing = is_object ? '}' : ']';
  int status = next(r);
  if (status || is_sign(r, closing))
    return status;
  if (is_object && r->kind != TOKEN_STRING)
    return expected(r, "string or \"}\"");
  for (;;) {
    status = is_object ? read_field(r) : read_value(r);
    if (status)
      return status;
    if (is_sign(r, closing))
      return STATUS_OK;
    if (!is_sign(r, ','))
      return expected(r, is_object ? "\",\" or \"}\"" : "\",\" or \"]\"");
    if ((status = next(r)))
      return status;
  }
}

static int read_container(struct reader *r)
{
  bool is_object = is_sign(r, '{');
  enum json_kind kind = is_object ? JSON_OBJECT : JSON_ARRAY;
  if (r->depth == LIMIT_JSON_NESTING)
    return json_too_deep(r->error);
  r->depth++;
  int status = r->events ? r->events->begin(r->context, kind) : STATUS_OK;
  if (!status)
    status = read_members(r, is_object);
  if (!status && r->events)
    status = r->events->end(r->context, kind);
  r->depth--;
  return status;
}

// The value that begins with the token at hand; leaves the token behind it at hand.
static int read_value(struct reader *r)
{
  int status;
  if (is_sign(r, '{') || is_sign(r, '['))
    status = read_container(r);
  else if (r->kind == TOKEN_SIGN || r->kind == TOKEN_END)
    return expected(r, "JSON value");
  else
    status = r->events ? r->events->scalar(r->context, r->scalar, contents(r)) : STATUS_OK;
  return status ? status : next(r);
}

int json_parse(struct bytes text, const struct json_events *events, void *context, struct error *error)
{
  struct error ignored;
  struct reader r = {
      .at = text.data,
      .limit = text.data + text.size,
      .line = text.data,
      .line_number = 1,
      .events = events,
      .context = context,
      .error = error ? error : &ignored,
  };
  int status = next(&r);
  if (!status)
    status = read_value(&r);
  if (!status && r.kind != TOKEN_END)
    status = expected(&r, "end of input");
  buffer_deinit(&r.string);
  return status;
}

// ---- walking ----

static bool is_space(uint8_t c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct bytes json_trim(struct bytes value)
{
  while (value.size && is_space(value.data[0]))
    value = bytes_of(value.data + 1, value.size - 1);
  while (value.size && is_space(value.data[value.size - 1]))
    value.size--;
  return value;
}

enum json_kind json_kind_of(struct bytes value)
{
  value = json_trim(value);
  switch (value.size ? value.data[0] : 'n') {
  case '{': return JSON_OBJECT;
  case '[': return JSON_ARRAY;
  case '"': return JSON_STRING;
  case 't': return JSON_TRUE;
  case 'f': return JSON_FALSE;
  case 'n': return JSON_NULL;
  default: return JSON_NUMBER;
  }
}

static size_t skip_spaces(struct bytes text, size_t at)
{
  while (at < text.size && is_space(text.data[at]))
    at++;
  return at;
}

static size_t skip_string(struct bytes text, size_t at)
{
  for (at++; at < text.size && text.data[at] != '"'; at++)
    at += text.data[at] == '\\';
  return at < text.size ? at + 1 : text.size;
}

static size_t skip_value(struct bytes text, size_t at)
{
  size_t depth = 0;
  while (at < text.size) {
    uint8_t c = text.data[at];
    if (c == '"') {
      at = skip_string(text, at);
    } else if (c == '{' || c == '[') {
      depth++;
      at++;
    } else if (c == '}' || c == ']') {
      if (depth == 0)
        return at;
      depth--;
      at++;
    } else if (depth == 0 && (c == ',' || c == ':' || is_space(c))) {
      return at;
    } else {
      at++;
      continue;
    }
    if (depth == 0)
      return at;
  }
  return at;
}

bool json_next(struct bytes container, size_t *position, struct bytes *name, struct bytes *value)
{
  size_t at = *position;
  if (at == 0)
    at = skip_spaces(container, 0);
  bool is_object = container.size && container.data[skip_spaces(container, 0)] == '{';
  at = skip_spaces(container, at + 1); // behind the bracket or the comma
  if (at >= container.size || container.data[at] == '}' || container.data[at] == ']')
    return false;
  *name = bytes_of(NULL, 0);
  if (is_object) {
    size_t end = skip_string(container, at);
    *name = bytes_of(container.data + at, end - at);
    at = skip_spaces(container, skip_spaces(container, end) + 1);
  }
  size_t end = skip_value(container, at);
  *value = bytes_of(container.data + at, end - at);
  *position = skip_spaces(container, end);
  return true;
}

int json_unescape(struct bytes quoted, struct buffer *out, struct error *error)
{
  struct error ignored;
  struct reader r = {
      .at = quoted.data,
      .limit = quoted.data + quoted.size,
      .line = quoted.data,
      .line_number = 1,
      .token = quoted.data,
      .error = error ? error : &ignored,
  };
  return read_string(&r, out);
}

void json_quote(struct bytes text, struct buffer *out)
{
  static const char escaped[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
  buffer_append_u8(out, '"');
  size_t from = 0;
  for (size_t i = 0; i < text.size; i++) {
    uint8_t c = text.data[i];
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    buffer_append(out, text.data + from, i - from);
    from = i + 1;
    const char *found = c ? strchr(escaped, c) : NULL;
    if (found) {
      buffer_append_u8(out, '\\');
      buffer_append_u8(out, (uint8_t)letters[found - escaped]);
    } else {
      buffer_format(out, "\\u%04x", c);
    }
  }
  buffer_append(out, text.data + from, text.size - from);
  buffer_append_u8(out, '"');
}
