// Literals out of a text, so that statements that differ only in them share a plan.
//
// 1. The stripped text means the same with the literals as parameters, or binding answers STATUS_LONG; where that
//    could not be told (a string behind a type's name) the text is refused.
// 2. One pass; nothing is allocated once the buffers have grown.
#include "base/limits.h"
#include "sql/parse.h"
#include "sql/scan.h"

// Which tokens stand before the one that is looked at.
enum previous {
  PREVIOUS_NOTHING,
  PREVIOUS_VALUE,    // a literal, a name, a closing parenthesis: a string behind it would be part of it
  PREVIOUS_OPEN,     // an operator, comma, parenthesis, or a keyword that expressions follow
  PREVIOUS_CAST,     // ::
  PREVIOUS_CASTED,   // a name behind ::
  PREVIOUS_MODIFIER, // a parenthesis behind that: what stands in it belongs to the type
};

struct strip {
  struct scan scan;
  struct stripped *out;
  enum previous previous;
  bool is_minus; // the token before was an operator that ends in -
  bool by;       // behind ORDER BY or GROUP BY: a number may be a column's
  size_t copied; // of the text: what is behind it has not been looked at
};

// Copies what stands before the offset, and goes on behind `next`.
static inline void copy_until(struct strip *strip, size_t offset, size_t next)
{
  buffer_append(&strip->out->text, strip->scan.text + strip->copied, offset - strip->copied);
  strip->copied = next;
}

// Up to 8 bytes of a word, letters in lower case, as one number.
static inline uint64_t word_number(const uint8_t *text, size_t size)
{
  uint64_t number = 0;
  for (size_t i = 0; i < size; i++)
    number = number << 8 | (text[i] | 0x20);
  return number;
}

#define IS(word) (number == word_number((const uint8_t *)word, sizeof word - 1))

// Keywords that an expression follows, so that a string behind them is a literal of no type.
static bool is_expression_word(const struct scan *scan)
{
  size_t size = scan_size(scan);
  if (size < 2 || size > 8)
    return false;
  uint64_t number = word_number(scan->text + scan->start, size);
  switch (size) {
  case 2: return IS("or") || IS("on") || IS("in") || IS("by");
  case 3: return IS("and") || IS("set") || IS("not") || IS("for") || IS("all");
  case 4: return IS("from") || IS("like") || IS("then") || IS("else") || IS("when") || IS("case");
  case 5: return IS("where") || IS("limit") || IS("ilike");
  case 6: return IS("select") || IS("offset") || IS("having") || IS("escape");
  case 7: return IS("between");
  default: return IS("distinct");
  }
}

// The later words of a type's name: double precision, character varying, timestamp with time zone.
static bool is_type_word(const struct scan *scan)
{
  return scan_is_word(scan, "precision") || scan_is_word(scan, "varying") || scan_is_word(scan, "with") ||
         scan_is_word(scan, "without") || scan_is_word(scan, "time") || scan_is_word(scan, "zone");
}

static inline struct literal *add_literal(struct strip *strip)
{
  struct stripped *out = strip->out;
  if (out->literal_count == LITERALS_MAXIMUM)
    return NULL;
  copy_until(strip, strip->scan.start, strip->scan.at);
  struct literal *literal = &out->literals[out->literal_count++];
  literal->position = (int32_t)strip->scan.start;
  uint8_t *at = buffer_extend(&out->text, 4);
  if (!at)
    return NULL;
  int number = out->literal_count;
  int size = 0;
  at[size++] = '$';
  if (number >= 100)
    at[size++] = (uint8_t)('0' + number / 100);
  if (number >= 10)
    at[size++] = (uint8_t)('0' + number / 10 % 10);
  at[size++] = (uint8_t)('0' + number % 10);
  out->text.size -= (size_t)(4 - size);
  return literal;
}

// INT4, INT8 or NUMERIC by its digits. UNKNOWN: one whose type depends on the sign before it.
static enum type_id number_type(const struct strip *strip)
{
  const struct scan *scan = &strip->scan;
  size_t size = scan_size(scan);
  if (scan->kind == SCAN_NUMBER)
    return TYPE_NUMERIC;
  if (size > 19)
    return TYPE_NUMERIC;
  uint64_t number = 0;
  for (size_t i = 0; i < size; i++)
    number = number * 10 + (uint64_t)(scan->text[scan->start + i] - '0');
  if (strip->is_minus && (number == (uint64_t)INT32_MAX + 1 || number == (uint64_t)INT64_MAX + 1))
    return TYPE_UNKNOWN;
  return number <= INT32_MAX ? TYPE_INT4 : number <= INT64_MAX ? TYPE_INT8 : TYPE_NUMERIC;
}

static bool strip_number(struct strip *strip)
{
  enum type_id type = number_type(strip);
  if (type == TYPE_UNKNOWN || strip->previous == PREVIOUS_CASTED)
    return false;
  struct literal *literal = add_literal(strip);
  if (!literal)
    return false;
  literal->type = type;
  literal->text = bytes_of(strip->scan.text + strip->scan.start, scan_size(&strip->scan));
  return true;
}

static bool strip_string(struct strip *strip)
{
  if (strip->previous != PREVIOUS_OPEN)
    return false;
  struct literal *literal = add_literal(strip);
  if (!literal)
    return false;
  literal->type = TYPE_UNKNOWN;
  const uint8_t *from = strip->scan.text + strip->scan.start + 1;
  size_t size = scan_size(&strip->scan) - 2;
  literal->text = bytes_of(from, size);
  if (!strip->scan.has_doubled)
    return true;
  // The buffer was given room for all of the text, so it does not move any more.
  uint8_t *to = strip->out->strings.data + strip->out->strings.size;
  size_t length = 0;
  for (size_t i = 0; i < size; i++) {
    to[length++] = from[i];
    i += from[i] == '\'';
  }
  strip->out->strings.size += length;
  literal->text = bytes_of(to, length);
  return true;
}

static void strip_word(struct strip *strip)
{
  const struct scan *scan = &strip->scan;
  if (strip->previous == PREVIOUS_CAST) {
    strip->previous = PREVIOUS_CASTED;
    return;
  }
  if (strip->previous == PREVIOUS_CASTED && is_type_word(scan))
    return;
  strip->previous = is_expression_word(scan) ? PREVIOUS_OPEN : PREVIOUS_VALUE;
  if (strip->previous == PREVIOUS_OPEN && scan_is_word(scan, "by"))
    strip->by = true;
  else if (strip->by && (scan_is_word(scan, "limit") || scan_is_word(scan, "offset")))
    strip->by = false;
}

// False: a second statement, or what should not be stripped.
static bool strip_mark(struct strip *strip)
{
  struct scan *scan = &strip->scan;
  uint8_t c = scan->text[scan->start];
  if (c == ';') { // one at the end is left out
    copy_until(strip, scan->start, scan->size);
    scan_next(scan);
    return scan->kind == SCAN_END;
  }
  if (c == ':') {
    strip->previous = PREVIOUS_CAST;
    return true;
  }
  if (c == '(')
    strip->previous = strip->previous == PREVIOUS_CASTED ? PREVIOUS_MODIFIER : PREVIOUS_OPEN;
  else if (c == ')' || c == ']' || c == '.')
    strip->previous =
        strip->previous == PREVIOUS_CASTED || strip->previous == PREVIOUS_CAST ? PREVIOUS_CASTED : PREVIOUS_VALUE;
  else if (strip->previous != PREVIOUS_MODIFIER)
    strip->previous = PREVIOUS_OPEN;
  if (c == ')')
    strip->by = false;
  return true;
}

// One token into the stripped text. False: the text is not one to strip.
static bool strip_token(struct strip *strip)
{
  bool was_minus = strip->is_minus;
  strip->is_minus = false;
  switch (strip->scan.kind) {
  case SCAN_WORD: strip_word(strip); return true;
  case SCAN_QUOTED: strip->previous = PREVIOUS_VALUE; return true;
  case SCAN_OPERATOR:
    strip->is_minus = strip->scan.text[strip->scan.at - 1] == '-';
    strip->previous = PREVIOUS_OPEN;
    return true;
  case SCAN_INTEGER:
  case SCAN_NUMBER:
  case SCAN_STRING:
    strip->is_minus = was_minus;
    if (strip->by || (strip->previous == PREVIOUS_MODIFIER && strip->scan.kind == SCAN_INTEGER)) {
      if (strip->previous != PREVIOUS_MODIFIER)
        strip->previous = PREVIOUS_VALUE;
      return true;
    }
    if (strip->scan.kind == SCAN_STRING ? !strip_string(strip) : !strip_number(strip))
      return false;
    strip->is_minus = false;
    strip->previous = PREVIOUS_VALUE;
    return true;
  case SCAN_MARK: return strip_mark(strip);
  default: return false;
  }
}

static bool is_stripped_command(const struct scan *scan)
{
  return scan_is_word(scan, "select") || scan_is_word(scan, "insert") || scan_is_word(scan, "update") ||
         scan_is_word(scan, "delete");
}

bool literals_strip(struct bytes text, struct stripped *stripped)
{
  struct strip strip = {
      .scan = {.text = text.data, .size = text.size},
      .out = stripped,
      .previous = PREVIOUS_NOTHING,
  };
  buffer_clear(&stripped->text);
  buffer_clear(&stripped->strings);
  stripped->literal_count = 0;
  scan_next(&strip.scan);
  // A parameter is never longer than what it stands for, but for one-digit numbers beyond the ninth.
  if (!is_stripped_command(&strip.scan) || text.size > LIMIT_MESSAGE ||
      !buffer_reserve(&stripped->text, text.size + 4 * LITERALS_MAXIMUM) ||
      !buffer_reserve(&stripped->strings, text.size))
    return false;
  strip.copied = strip.scan.start;
  size_t end = strip.scan.start;
  do {
    // White space and comments become one blank, or nothing.
    size_t gap = strip.scan.start - end;
    if (gap > 1 || (gap == 1 && text.data[end] != ' ')) {
      copy_until(&strip, end, strip.scan.start);
      buffer_append_u8(&stripped->text, ' ');
    }
    if (!strip_token(&strip))
      return false;
    end = strip.scan.at;
  } while (scan_next(&strip.scan) != SCAN_END);
  if (strip.copied < end)
    copy_until(&strip, end, end);
  return !stripped->text.failed;
}
