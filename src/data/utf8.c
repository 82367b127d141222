// UTF-8 as PostgreSQL checks it: no overlong forms, no surrogates, nothing beyond U+10FFFF, no zero.
#include "data/utf8.h"

#include <stdio.h>

#include "base/sqlstate.h"

// Bytes of the legal character at `at`, 0 if there is none.
static int legal_width(const uint8_t *at, size_t left)
{
  uint8_t c = at[0];
  if (c < 0x80)
    return c != 0;
  if (c < 0xc2 || c > 0xf4)
    return 0;
  int width = utf8_width(c);
  if (left < (size_t)width)
    return 0;
  for (int i = 1; i < width; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) || (c == 0xf0 && at[1] < 0x90) ||
      (c == 0xf4 && at[1] > 0x8f))
    return 0;
  return width;
}

// Where the first illegal byte is; text.size if there is none.
static size_t first_illegal(struct bytes text)
{
  const uint64_t high = 0x8080808080808080u, low = 0x0101010101010101u;
  size_t i = 0;
  while (i < text.size) {
    // Eight plain characters at a time: no high bit, and no byte that a subtraction of one makes borrow.
    uint64_t word;
    while (i + 8 <= text.size && (memcpy(&word, text.data + i, 8), !((word | (word - low)) & high)))
      i += 8;
    if (i == text.size)
      break;
    int width = legal_width(text.data + i, text.size - i);
    if (!width)
      break;
    i += (size_t)width;
  }
  return i;
}

bool utf8_is_valid(struct bytes text)
{
  return first_illegal(text) == text.size;
}

int utf8_check(struct bytes text, struct error *error)
{
  size_t at = first_illegal(text);
  if (at == text.size)
    return 0;
  uint8_t first = text.data[at];
  size_t width = first < 0xc0 || first >= 0xf8 ? 1 : (size_t)utf8_width(first);
  char list[4 * 5 + 1] = "";
  size_t used = 0;
  for (size_t i = 0; i < width && at + i < text.size; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s0x%02x", i ? " " : "", text.data[at + i]);
  return error_set(error, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": %s",
                   list);
}

size_t utf8_length(struct bytes text)
{
  size_t count = 0;
  for (size_t i = 0; i < text.size; i++)
    count += (text.data[i] & 0xc0) != 0x80;
  return count;
}

size_t utf8_prefix(struct bytes text, size_t count)
{
  size_t at = 0;
  for (; count > 0 && at < text.size; count--)
    at += (size_t)utf8_width(text.data[at]);
  return at < text.size ? at : text.size;
}
