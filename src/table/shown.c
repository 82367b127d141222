// How messages and psql show the expressions of indexes: with fewer parentheses than in definitions, as PostgreSQL's pretty form.
#include <ctype.h>

#include "table/internal.h"

struct piece {
  const char *text;
  size_t size;
};

// Is it a pair of parentheses with the rest inside?
static bool is_wrapped(struct piece piece)
{
  int depth = 0;
  bool is_quoted = false;
  if (piece.size < 2 || piece.text[0] != '(' || piece.text[piece.size - 1] != ')')
    return false;
  for (size_t i = 0; i + 1 < piece.size; i++) {
    is_quoted ^= piece.text[i] == '\'';
    if (!is_quoted)
      depth += (piece.text[i] == '(') - (piece.text[i] == ')');
    if (depth == 0)
      return false;
  }
  return true;
}

static bool starts_with(struct piece piece, size_t at, const char *word)
{
  size_t size = strlen(word);
  return piece.size - at >= size && memcmp(piece.text + at, word, size) == 0;
}

// Where AND or OR stands outside of parentheses, from `at` on; the end: nowhere. *size: of the word with its blanks.
static size_t find_word(struct piece piece, size_t at, size_t *size)
{
  int depth = 0;
  bool is_quoted = false;
  *size = 0;
  for (; at < piece.size; at++) {
    is_quoted ^= piece.text[at] == '\'';
    if (is_quoted)
      continue;
    depth += (piece.text[at] == '(') - (piece.text[at] == ')');
    if (depth == 0 && (starts_with(piece, at, " AND ") || starts_with(piece, at, " OR "))) {
      *size = piece.text[at + 1] == 'A' ? 5 : 4;
      return at;
    }
  }
  return at;
}

static bool is_word(char c)
{
  return isalnum((unsigned char)c) || c == '_' || c == '"' || c == '.';
}

// (name)::type without its parentheses.
static void append_text(struct piece piece, struct buffer *out)
{
  for (size_t i = 0; i < piece.size; i++) {
    size_t end = i + 1;
    while (piece.text[i] == '(' && end < piece.size && is_word(piece.text[end]))
      end++;
    bool is_cast = end > i + 1 && (i == 0 || !is_word(piece.text[i - 1])) && starts_with(piece, end, ")::");
    if (is_cast) {
      buffer_append(out, piece.text + i + 1, end - i - 1);
      i = end;
    } else
      buffer_append_u8(out, (uint8_t)piece.text[i]);
  }
}

// An operand of AND, OR or NOT.
static void append_operand(struct piece piece, struct buffer *out)
{
  struct piece inside = {piece.text + 1, piece.size - 2};
  size_t size;
  if (is_wrapped(piece) && find_word(inside, 0, &size) == inside.size)
    piece = inside;
  append_text(piece, out);
}

void expression_append_pretty(const char *shown, struct buffer *out)
{
  struct piece piece = {shown, strlen(shown)};
  if (is_wrapped(piece))
    piece = (struct piece){piece.text + 1, piece.size - 2};
  for (size_t at = 0; at < piece.size;) {
    size_t size, end = find_word(piece, at, &size);
    bool is_alone = at == 0 && end == piece.size;
    size_t not_size = starts_with(piece, at, "NOT ") ? 4 : 0;
    buffer_append(out, piece.text + at, not_size);
    struct piece operand = {piece.text + at + not_size, end - at - not_size};
    if (is_alone && !not_size)
      append_text(operand, out);
    else
      append_operand(operand, out);
    buffer_append(out, piece.text + end, size);
    at = end + size;
  }
}

// Does it stand in a key without parentheses of its own, as calls do?
static bool looks_like_call(const char *text)
{
  size_t size = strlen(text);
  return text[0] != '(' && text[0] != '\n' && strncmp(text, "ARRAY[", 6) != 0 && size && text[size - 1] == ')';
}

void expression_append_part(const char *shown, bool is_pretty, struct buffer *out)
{
  bool is_call = looks_like_call(shown);
  buffer_append_string(out, is_call ? "" : "(");
  if (is_pretty)
    expression_append_pretty(shown, out);
  else
    buffer_append_string(out, shown);
  buffer_append_string(out, is_call ? "" : ")");
}
