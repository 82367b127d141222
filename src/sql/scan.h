// A scanner of PostgreSQL's tokens, for what looks at a text before the parser does: the pre-scan and the literals.
//
// It never fails and never reads behind the end. Where it may not agree with the parser's own scanner (a quote left
// open, a broken number) the parser refuses the text anyway.
#pragma once

#include "base/bytes.h"

enum scan_kind {
  SCAN_END,
  SCAN_WORD,     // identifier or keyword without quotes
  SCAN_QUOTED,   // "identifier", U&"…"
  SCAN_STRING,   // '…' with no more than doubled quotes
  SCAN_SPECIAL,  // E'…', U&'…', B'…', X'…', N'…', $$…$$
  SCAN_INTEGER,
  SCAN_NUMBER,   // with a point or an exponent
  SCAN_PARAMETER,
  SCAN_OPERATOR,
  SCAN_MARK,     // ( ) [ ] , ; . : :: := => ..
  SCAN_OPEN,     // a quote or comment that the text's end left open
  SCAN_JUNK,     // what no token begins with; also a number with letters behind it
};

struct scan {
  const uint8_t *text;
  size_t size;
  size_t at;         // behind the token
  size_t start;      // of the token
  enum scan_kind kind;
  bool has_doubled;  // SCAN_STRING: '' stands in it
};

enum { CHAR_SPACE = 1, CHAR_WORD = 2, CHAR_DIGIT = 4, CHAR_OPERATOR = 8, CHAR_WORD_START = 16, CHAR_SIGN_END = 32 };

// Bits for each byte. CHAR_SIGN_END: with one of these in it an operator may end in + or -.
static const uint8_t scan_bits[256] = {
  ['\t'] = CHAR_SPACE, ['\n'] = CHAR_SPACE, ['\f'] = CHAR_SPACE, ['\r'] = CHAR_SPACE, [' '] = CHAR_SPACE,
  ['0' ... '9'] = CHAR_DIGIT | CHAR_WORD, ['$'] = CHAR_WORD,
  ['a' ... 'z'] = CHAR_WORD | CHAR_WORD_START, ['A' ... 'Z'] = CHAR_WORD | CHAR_WORD_START,
  ['_'] = CHAR_WORD | CHAR_WORD_START, [128 ... 255] = CHAR_WORD | CHAR_WORD_START,
  ['~'] = CHAR_OPERATOR | CHAR_SIGN_END, ['!'] = CHAR_OPERATOR | CHAR_SIGN_END,
  ['@'] = CHAR_OPERATOR | CHAR_SIGN_END, ['#'] = CHAR_OPERATOR | CHAR_SIGN_END,
  ['^'] = CHAR_OPERATOR | CHAR_SIGN_END, ['&'] = CHAR_OPERATOR | CHAR_SIGN_END,
  ['|'] = CHAR_OPERATOR | CHAR_SIGN_END, ['`'] = CHAR_OPERATOR | CHAR_SIGN_END,
  ['?'] = CHAR_OPERATOR | CHAR_SIGN_END, ['%'] = CHAR_OPERATOR | CHAR_SIGN_END,
  ['+'] = CHAR_OPERATOR, ['-'] = CHAR_OPERATOR, ['*'] = CHAR_OPERATOR, ['/'] = CHAR_OPERATOR,
  ['<'] = CHAR_OPERATOR, ['>'] = CHAR_OPERATOR, ['='] = CHAR_OPERATOR,
};

static inline bool scan_has(const struct scan *s, size_t at, uint8_t bits)
{
  return at < s->size && (scan_bits[s->text[at]] & bits);
}

static inline bool scan_is(const struct scan *s, size_t at, char c)
{
  return at < s->size && s->text[at] == (uint8_t)c;
}

// Behind white space and comments. False: a comment was left open.
bool scan_skip_comments(struct scan *scan);
// The rarer tokens; scan->start is set.
void scan_rare(struct scan *scan);

// Reads the next token.
static inline enum scan_kind scan_next(struct scan *s)
{
  while (scan_has(s, s->at, CHAR_SPACE))
    s->at++;
  s->start = s->at;
  if (s->at >= s->size)
    return s->kind = SCAN_END;
  uint8_t c = s->text[s->at];
  uint8_t bits = scan_bits[c];
  if ((bits & CHAR_WORD_START) && !scan_is(s, s->at + 1, '\'') && !scan_is(s, s->at + 1, '&')) {
    size_t at = s->at + 1;
    while (scan_has(s, at, CHAR_WORD))
      at++;
    s->at = at;
    return s->kind = SCAN_WORD;
  }
  scan_rare(s);
  return s->kind;
}

static inline size_t scan_size(const struct scan *s) { return s->at - s->start; }

// Is the token this keyword (lower case)?
static inline bool scan_is_word(const struct scan *s, const char *word)
{
  if (s->kind != SCAN_WORD)
    return false;
  const uint8_t *at = s->text + s->start;
  size_t size = scan_size(s);
  for (size_t i = 0; i < size; i++)
    if ((at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]) != (uint8_t)word[i])
      return false;
  return word[size] == 0;
}

static inline bool scan_is_mark(const struct scan *s, char c)
{
  return s->kind == SCAN_MARK && scan_size(s) == 1 && s->text[s->start] == (uint8_t)c;
}
