// Rows as lines of a COPY TO: PostgreSQL's text and csv forms (copy_binary.c has the binary one).
#include "sql/copy.h"

// What stands for a byte behind a backslash; 0: the byte needs none.
static uint8_t text_escape(const struct copy_options *options, uint8_t c)
{
  switch (c) {
  case '\b': return 'b';
  case '\f': return 'f';
  case '\n': return 'n';
  case '\r': return 'r';
  case '\t': return 't';
  case '\v': return 'v';
  case '\\': return '\\';
  default: return c == (uint8_t)options->delimiter ? c : 0;
  }
}

// Has none of eight bytes the value of each of `byte`? (Warren, Hacker's Delight, 6-1)
static bool lacks_byte(uint64_t eight, uint64_t byte)
{
  eight ^= byte;
  return !((eight - UINT64_C(0x0101010101010101)) & ~eight & UINT64_C(0x8080808080808080));
}

// May be taken on trust where it says that no byte needs a backslash.
static bool is_plain_text(const struct copy_options *options, const uint8_t *text, size_t size)
{
  const uint64_t ones = UINT64_C(0x0101010101010101);
  uint64_t delimiter = (uint8_t)options->delimiter * ones, eight;
  bool is_plain = true;
  while (size >= sizeof eight && is_plain) {
    memcpy(&eight, text, sizeof eight);
    bool has_control = (eight - ' ' * ones) & ~eight & 0x80 * ones;
    is_plain = !has_control && lacks_byte(eight, '\\' * ones) && lacks_byte(eight, delimiter);
    text += sizeof eight;
    size -= sizeof eight;
  }
  for (size_t i = 0; i < size && is_plain; i++)
    is_plain = !text_escape(options, text[i]);
  return is_plain;
}

// Puts backslashes into what stands behind `start`.
static void escape_text(const struct copy_options *options, struct buffer *out, size_t start)
{
  size_t extra = 0, end = out->size;
  if (is_plain_text(options, out->data + start, end - start))
    return;
  for (size_t i = start; i < end; i++)
    extra += text_escape(options, out->data[i]) != 0;
  if (!extra || !buffer_extend(out, extra))
    return;
  size_t to = out->size;
  for (size_t from = end; from > start;) {
    uint8_t c = out->data[--from], escaped = text_escape(options, c);
    out->data[--to] = escaped ? escaped : c;
    if (escaped)
      out->data[--to] = '\\';
  }
}

static bool needs_quotes(const struct copy_options *options, const uint8_t *text, size_t size, bool is_alone)
{
  if (size == strlen(options->null) && memcmp(text, options->null, size) == 0)
    return true;
  if (is_alone && size == 2 && memcmp(text, "\\.", 2) == 0)
    return true;
  for (size_t i = 0; i < size; i++)
    if (text[i] == (uint8_t)options->delimiter || text[i] == (uint8_t)options->quote || text[i] == '\n' ||
        text[i] == '\r')
      return true;
  return false;
}

enum quoting { QUOTE_NEEDED, QUOTE_NEEDED_ALONE, QUOTE_ALWAYS }; // ALONE: a line's only field

static void quote_csv(const struct copy_options *options, struct buffer *out, size_t start, enum quoting quoting)
{
  size_t end = out->size, extra = 2;
  bool is_alone = quoting == QUOTE_NEEDED_ALONE;
  if (quoting != QUOTE_ALWAYS && !needs_quotes(options, out->data + start, end - start, is_alone))
    return;
  uint8_t quote = (uint8_t)options->quote, escape = (uint8_t)options->escape;
  for (size_t i = start; i < end; i++)
    extra += out->data[i] == quote || out->data[i] == escape;
  if (!buffer_extend(out, extra))
    return;
  size_t to = out->size;
  out->data[--to] = quote;
  for (size_t from = end; from > start;) {
    uint8_t c = out->data[--from];
    out->data[--to] = c;
    if (c == quote || c == escape)
      out->data[--to] = escape;
  }
  out->data[--to] = quote;
}

static void finish_field(const struct copy_options *options, struct buffer *out, size_t start, enum quoting quoting)
{
  if (out->failed)
    return;
  if (options->is_csv)
    quote_csv(options, out, start, quoting);
  else
    escape_text(options, out, start);
}

void copy_write_row(const struct copy_options *options, const enum type_id *types, const struct value *values,
                    int count, const struct format_settings *settings, struct buffer *out)
{
  if (options->is_binary) {
    copy_write_binary_row(types, values, count, out);
    return;
  }
  enum quoting quoting = count == 1 ? QUOTE_NEEDED_ALONE : QUOTE_NEEDED;
  for (int i = 0; i < count; i++) {
    if (i)
      buffer_append_u8(out, (uint8_t)options->delimiter);
    if (values[i].is_null) {
      buffer_append_string(out, options->null);
      continue;
    }
    size_t start = out->size;
    value_to_text(types[i], &values[i], settings, out);
    finish_field(options, out, start, options->force_quote && options->force_quote[i] ? QUOTE_ALWAYS : quoting);
  }
  buffer_append_u8(out, '\n');
}

void copy_write_header(const struct copy_options *options, const struct target *columns, int count, struct buffer *out)
{
  for (int i = 0; i < count; i++) {
    if (i)
      buffer_append_u8(out, (uint8_t)options->delimiter);
    size_t start = out->size;
    buffer_append_string(out, columns[i].name);
    finish_field(options, out, start, count == 1 ? QUOTE_NEEDED_ALONE : QUOTE_NEEDED);
  }
  buffer_append_u8(out, '\n');
}
