// Scanning: quotes, comments, numbers and operators by PostgreSQL's rules (manual, section 4.1).
#include "sql/scan.h"

// Behind a /* comment */, which may nest. False: it was left open.
static bool skip_block_comment(struct scan *s)
{
  size_t depth = 1;
  s->at += 2;
  while (s->at < s->size && depth > 0) {
    if (scan_is(s, s->at, '*') && scan_is(s, s->at + 1, '/')) {
      depth--;
      s->at += 2;
    } else if (scan_is(s, s->at, '/') && scan_is(s, s->at + 1, '*')) {
      depth++;
      s->at += 2;
    } else {
      s->at++;
    }
  }
  return depth == 0;
}

bool scan_skip_comments(struct scan *s)
{
  for (;;) {
    while (scan_has(s, s->at, CHAR_SPACE))
      s->at++;
    if (scan_is(s, s->at, '-') && scan_is(s, s->at + 1, '-')) {
      while (s->at < s->size && s->text[s->at] != '\n' && s->text[s->at] != '\r')
        s->at++;
    } else if (scan_is(s, s->at, '/') && scan_is(s, s->at + 1, '*')) {
      if (!skip_block_comment(s))
        return false;
    } else {
      return true;
    }
  }
}

// From an opening quote to behind the closing one; doubled quotes belong to it, and backslashes escape where they do.
static enum scan_kind scan_quoted(struct scan *s, uint8_t quote, bool has_escapes, enum scan_kind kind)
{
  size_t at = s->at + 1;
  s->has_doubled = false;
  while (at < s->size) {
    if (has_escapes && s->text[at] == '\\') {
      at += 2;
      continue;
    }
    if (s->text[at++] != quote)
      continue;
    if (!scan_is(s, at, (char)quote)) {
      s->at = at;
      return kind;
    }
    s->has_doubled = true;
    at++;
  }
  s->at = s->size;
  return SCAN_OPEN;
}

// E'…' goes on behind white space with a line's end: 'a' <line's end> 'b' is one string, escapes and all.
static enum scan_kind scan_escaped(struct scan *s)
{
  for (;;) {
    enum scan_kind kind = scan_quoted(s, '\'', true, SCAN_SPECIAL);
    size_t end = s->at;
    bool has_line_end = false;
    size_t at = end;
    for (;;) {
      while (scan_has(s, at, CHAR_SPACE)) {
        has_line_end |= s->text[at] == '\n' || s->text[at] == '\r';
        at++;
      }
      if (!scan_is(s, at, '-') || !scan_is(s, at + 1, '-'))
        break;
      while (at < s->size && s->text[at] != '\n' && s->text[at] != '\r')
        at++;
    }
    if (kind == SCAN_OPEN || !has_line_end || !scan_is(s, at, '\''))
      return kind;
    s->at = at;
  }
}

// $1, $$…$$, $tag$…$tag$.
static enum scan_kind scan_dollar(struct scan *s)
{
  size_t at = s->at + 1;
  if (scan_has(s, at, CHAR_DIGIT)) {
    while (scan_has(s, at, CHAR_DIGIT))
      at++;
    s->at = at;
    return SCAN_PARAMETER;
  }
  if (scan_has(s, at, CHAR_WORD_START))
    while (scan_has(s, at, CHAR_WORD) && s->text[at] != '$')
      at++;
  if (!scan_is(s, at, '$')) {
    s->at++;
    return SCAN_JUNK;
  }
  size_t tag = at + 1 - s->at;
  const uint8_t *opening = s->text + s->at;
  for (at++; at + tag <= s->size; at++)
    if (s->text[at] == '$' && memcmp(s->text + at, opening, tag) == 0) {
      s->at = at + tag;
      return SCAN_SPECIAL;
    }
  s->at = s->size;
  return SCAN_OPEN;
}

static enum scan_kind scan_number(struct scan *s)
{
  size_t at = s->at;
  enum scan_kind kind = SCAN_INTEGER;
  while (scan_has(s, at, CHAR_DIGIT))
    at++;
  if (scan_is(s, at, '.') && !scan_is(s, at + 1, '.')) {
    kind = SCAN_NUMBER;
    at++;
    while (scan_has(s, at, CHAR_DIGIT))
      at++;
  }
  if (scan_is(s, at, 'e') || scan_is(s, at, 'E')) {
    size_t exponent = at + 1;
    if (scan_is(s, exponent, '+') || scan_is(s, exponent, '-'))
      exponent++;
    if (scan_has(s, exponent, CHAR_DIGIT)) {
      kind = SCAN_NUMBER;
      at = exponent;
      while (scan_has(s, at, CHAR_DIGIT))
        at++;
    }
  }
  s->at = at;
  return scan_has(s, at, CHAR_WORD) ? SCAN_JUNK : kind;
}

// A run of operator characters ends before a comment; and it does not end in + or - unless it has one of ~!@#%^&|`?
// in it (so that 1*-2 is three tokens).
static enum scan_kind scan_operator(struct scan *s)
{
  size_t at = s->at;
  bool may_end_in_sign = false;
  while (scan_has(s, at, CHAR_OPERATOR)) {
    uint8_t c = s->text[at];
    if (at > s->at && ((c == '-' && scan_is(s, at + 1, '-')) || (c == '/' && scan_is(s, at + 1, '*'))))
      break;
    may_end_in_sign |= (scan_bits[c] & CHAR_SIGN_END) != 0;
    at++;
  }
  while (!may_end_in_sign && at > s->at + 1 && (s->text[at - 1] == '+' || s->text[at - 1] == '-'))
    at--;
  s->at = at;
  return SCAN_OPERATOR;
}

// A letter before a quote, or U& before one: a string or identifier of its own kind. Otherwise a plain word.
static enum scan_kind scan_prefixed(struct scan *s)
{
  uint8_t letter = s->text[s->at] | 0x20;
  if (scan_is(s, s->at + 1, '\'') && letter < 0x80 && strchr("ebxn", letter)) {
    s->at++;
    return letter == 'e' ? scan_escaped(s) : scan_quoted(s, '\'', false, SCAN_SPECIAL);
  }
  if (letter == 'u' && scan_is(s, s->at + 1, '&') && (scan_is(s, s->at + 2, '\'') || scan_is(s, s->at + 2, '"'))) {
    bool is_string = scan_is(s, s->at + 2, '\'');
    s->at += 2;
    return scan_quoted(s, is_string ? '\'' : '"', false, is_string ? SCAN_SPECIAL : SCAN_QUOTED);
  }
  s->at++;
  while (scan_has(s, s->at, CHAR_WORD))
    s->at++;
  return SCAN_WORD;
}

static enum scan_kind scan_mark(struct scan *s)
{
  uint8_t c = s->text[s->at++];
  if ((c == ':' && (scan_is(s, s->at, ':') || scan_is(s, s->at, '='))) || (c == '.' && scan_is(s, s->at, '.')))
    s->at++;
  switch (c) {
  case '(':
  case ')':
  case '[':
  case ']':
  case ',':
  case ';':
  case '.':
  case ':': return SCAN_MARK;
  default: return SCAN_JUNK;
  }
}

void scan_rare(struct scan *s)
{
  uint8_t c = s->text[s->at];
  if (((c == '-' && scan_is(s, s->at + 1, '-')) || (c == '/' && scan_is(s, s->at + 1, '*')))) {
    if (!scan_skip_comments(s)) {
      s->kind = SCAN_OPEN;
      return;
    }
    scan_next(s);
    return;
  }
  uint8_t bits = scan_bits[c];
  if (c == '\'')
    s->kind = scan_quoted(s, '\'', false, SCAN_STRING);
  else if (c == '"')
    s->kind = scan_quoted(s, '"', false, SCAN_QUOTED);
  else if (c == '$')
    s->kind = scan_dollar(s);
  else if ((bits & CHAR_DIGIT) || (c == '.' && scan_has(s, s->at + 1, CHAR_DIGIT)))
    s->kind = scan_number(s);
  else if (bits & CHAR_OPERATOR)
    s->kind = scan_operator(s);
  else if (bits & CHAR_WORD_START)
    s->kind = scan_prefixed(s);
  else
    s->kind = scan_mark(s);
}
