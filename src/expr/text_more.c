// Functions on text that read something out of it, or count NULLs: unistr, normalize, parse_ident, pg_size_bytes,
// num_nulls.
#include <ctype.h>
#include <utf8proc.h>

#include "data/array.h"
#include "data/numeric.h"
#include "data/utf8.h"
#include "expr/tables.h"

// ---- normalize ----

static int normal_form(struct evaluation *evaluation, const struct value *arguments, int argument_count, int *options)
{
  static const struct {
    const char *name;
    int options;
  } forms[] = {{"NFC", UTF8PROC_COMPOSE},
               {"NFD", UTF8PROC_DECOMPOSE},
               {"NFKC", UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
               {"NFKD", UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
  struct bytes name = argument_count > 1 ? bytes_of_value(&arguments[1]) : bytes_of_string("NFC");
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (name.size == strlen(forms[i].name) && strncasecmp((const char *)name.data, forms[i].name, name.size) == 0) {
      *options = forms[i].options | UTF8PROC_STABLE;
      return STATUS_OK;
    }
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid normalization form: %.*s",
                   (int)name.size, (const char *)name.data);
}

static int normalize(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  int options = 0;
  int status = normal_form(evaluation, arguments, argument_count, &options);
  if (status)
    return status;
  utf8proc_option_t wanted = (utf8proc_option_t)options;
  utf8proc_ssize_t count = utf8proc_decompose(text.data, (utf8proc_ssize_t)text.size, NULL, 0, wanted);
  utf8proc_int32_t *codes = count < 0 ? NULL : ARENA_ARRAY(evaluation->arena, utf8proc_int32_t, count + 1);
  if (!codes)
    return error_memory(evaluation->error);
  (void)utf8proc_decompose(text.data, (utf8proc_ssize_t)text.size, codes, count, wanted);
  utf8proc_ssize_t size = utf8proc_reencode(codes, count, wanted); // in place
  if (size < 0)
    return error_memory(evaluation->error);
  *result = value_bytes(codes, (uint32_t)size);
  return STATUS_OK;
}

static int is_normalized(CALL)
{
  struct value normal;
  int status = normalize(evaluation, arguments, argument_count, &normal);
  if (!status)
    *result = value_boolean(bytes_equal(bytes_of_value(&arguments[0]), bytes_of_value(&normal)));
  return status;
}

// ---- unistr ----

static int bad_escape(struct evaluation *evaluation)
{
  int status = error_set(evaluation->error, SQLSTATE_SYNTAX_ERROR, "invalid Unicode escape");
  error_hint(evaluation->error, "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
  return status;
}

// So many hexadecimal digits; false: they are not there.
static bool read_digits(struct bytes text, size_t at, size_t count, uint32_t *code)
{
  *code = 0;
  for (size_t i = at; i < at + count; i++) {
    if (i >= text.size || !isxdigit(text.data[i]))
      return false;
    *code = *code << 4 | (uint32_t)(text.data[i] <= '9' ? text.data[i] - '0' : (text.data[i] | 32) - 'a' + 10);
  }
  return true;
}

// The escape whose backslash stands at *at. 0 with STATUS_OK: it was a backslash.
static int read_escape(struct evaluation *evaluation, struct bytes text, size_t *at, uint32_t *code)
{
  uint8_t letter = *at + 1 < text.size ? text.data[*at + 1] : 0;
  size_t skip = letter == 'u' || letter == 'U' || letter == '+' ? 2 : 1;
  size_t digits = letter == 'U' ? 8 : letter == '+' ? 6 : 4;
  *code = 0;
  if (letter == '\\') {
    *at += 2;
    return STATUS_OK;
  }
  if (!read_digits(text, *at + skip, digits, code))
    return bad_escape(evaluation);
  *at += skip + digits;
  if (*code == 0 || *code > 0x10ffff)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid Unicode code point: %04X", *code);
  return STATUS_OK;
}

static int bad_pair(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_SYNTAX_ERROR, "invalid Unicode surrogate pair");
}

static int append_unescaped(struct evaluation *evaluation, struct bytes text, struct buffer *out)
{
  uint32_t high = 0;
  for (size_t i = 0; i < text.size;) {
    uint32_t code = 0;
    bool is_escape = text.data[i] == '\\';
    int status = is_escape ? read_escape(evaluation, text, &i, &code) : STATUS_OK;
    if (status)
      return status;
    bool is_low = code >= 0xdc00 && code < 0xe000;
    if ((high != 0) != is_low)
      return bad_pair(evaluation);
    if (code >= 0xd800 && code < 0xdc00) {
      high = code;
      continue;
    }
    if (is_low)
      code = 0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff);
    high = 0;
    utf8proc_uint8_t bytes[4];
    if (code)
      buffer_append(out, bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)code, bytes));
    else if (is_escape)
      buffer_append_u8(out, '\\');
    else
      buffer_append_u8(out, text.data[i++]);
  }
  return high ? bad_pair(evaluation) : STATUS_OK;
}

static int unistr(CALL)
{
  struct buffer out = buffer_for(evaluation);
  int status = append_unescaped(evaluation, bytes_of_value(&arguments[0]), &out);
  if (status == STATUS_OK)
    return result_from_buffer(evaluation, &out, result);
  buffer_deinit(&out);
  return status;
}

// ---- parse_ident ----

struct names {
  struct evaluation *evaluation;
  struct bytes text;
  size_t at;
  struct array_builder *builder;
};

static int not_a_name(const struct names *names, const char *detail)
{
  int status = error_set(names->evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "string is not a valid identifier: \"%.*s\"", (int)names->text.size,
                         (const char *)names->text.data);
  if (detail)
    error_detail(names->evaluation->error, "%s", detail);
  return status;
}

static int next_byte(const struct names *names)
{
  return names->at < names->text.size ? names->text.data[names->at] : -1;
}

static bool begins_name(int c) { return c == '_' || c >= 0x80 || (c > 0 && isalpha(c)); }

static void add_name(struct names *names, const struct buffer *name)
{
  struct value value = value_bytes(name->data, (uint32_t)name->size);
  array_add(names->builder, &value);
}

static int quoted_name(struct names *names, struct buffer *name)
{
  names->at++;
  for (;; names->at++) {
    if (next_byte(names) < 0)
      return not_a_name(names, "String has unclosed double quotes.");
    if (next_byte(names) == '"') {
      names->at++;
      if (next_byte(names) != '"')
        break;
    }
    buffer_append_u8(name, (uint8_t)next_byte(names));
  }
  return name->size ? STATUS_OK : not_a_name(names, "Quoted identifier must not be empty.");
}

static void plain_name(struct names *names, struct buffer *name)
{
  int c;
  while (c = next_byte(names), begins_name(c) || (c >= '0' && c <= '9') || c == '$') {
    buffer_append_u8(name, (uint8_t)(c >= 'A' && c <= 'Z' ? c | 32 : c));
    names->at++;
  }
}

static void skip_blank(struct names *names)
{
  while (next_byte(names) > 0 && isspace(next_byte(names)))
    names->at++;
}

static int read_names(struct names *names, struct buffer *name, bool is_strict)
{
  bool behind_point = false;
  skip_blank(names);
  for (;;) {
    int c = next_byte(names), status = STATUS_OK;
    buffer_clear(name);
    if (c == '"')
      status = quoted_name(names, name);
    else if (begins_name(c))
      plain_name(names, name);
    else
      return not_a_name(names, c == '.'       ? "No valid identifier before \".\"."
                               : behind_point ? "No valid identifier after \".\"."
                                              : NULL);
    if (status)
      return status;
    if (name->failed)
      return error_memory(names->evaluation->error);
    add_name(names, name);
    skip_blank(names);
    if (next_byte(names) != '.')
      return next_byte(names) < 0 || !is_strict ? STATUS_OK : not_a_name(names, NULL);
    behind_point = true;
    names->at++;
    skip_blank(names);
  }
}

static int parse_ident(CALL) // text [, strict]
{
  struct array_builder builder;
  struct buffer name = buffer_for(evaluation);
  struct names names = {.evaluation = evaluation, .text = bytes_of_value(&arguments[0]), .builder = &builder};
  array_builder_init(&builder, TEXT, evaluation->arena->account);
  int status = read_names(&names, &name, argument_count < 2 || arguments[1].integer);
  buffer_deinit(&name);
  if (status) {
    array_builder_deinit(&builder);
    return status;
  }
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

// ---- pg_size_bytes ----

static int bad_size(struct evaluation *evaluation, struct bytes text)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid size: \"%.*s\"", (int)text.size,
                   (const char *)text.data);
}

// The bits of the unit that is the rest of the text; -1: there is no such unit.
static int unit_bits(struct bytes unit)
{
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  for (int i = 0; i < 6; i++)
    if (unit.size == strlen(units[i]) && strncasecmp((const char *)unit.data, units[i], unit.size) == 0)
      return i * 10;
  return unit.size ? -1 : 0;
}

static size_t skip_digits(struct bytes text, size_t at)
{
  while (at < text.size && isdigit(text.data[at]))
    at++;
  return at;
}

// Behind the number that the text begins with; 0: it begins with none.
static size_t number_end(struct bytes text)
{
  size_t start = text.size && (text.data[0] == '-' || text.data[0] == '+');
  size_t whole = skip_digits(text, start), end = whole, digits = whole - start;
  if (end < text.size && text.data[end] == '.') {
    end = skip_digits(text, whole + 1);
    digits += end - whole - 1;
  }
  if (!digits)
    return 0;
  if (end < text.size && (text.data[end] | 32) == 'e') {
    size_t sign = end + 1 < text.size && (text.data[end + 1] == '-' || text.data[end + 1] == '+');
    size_t behind = skip_digits(text, end + 1 + sign);
    end = behind > end + 1 + sign ? behind : end;
  }
  return end;
}

static int size_bytes(CALL)
{
  struct bytes whole = bytes_of_value(&arguments[0]), text = whole;
  struct value number, factor, product, rounded;
  struct arena *arena = evaluation->arena;
  struct error *error = evaluation->error;
  int64_t bytes;
  while (text.size && isspace(text.data[0]))
    text = bytes_of(text.data + 1, text.size - 1);
  size_t end = number_end(text);
  if (!end)
    return bad_size(evaluation, whole);
  struct bytes unit = bytes_of(text.data + end, text.size - end);
  while (unit.size && isspace(unit.data[0]))
    unit = bytes_of(unit.data + 1, unit.size - 1);
  while (unit.size && isspace(unit.data[unit.size - 1]))
    unit.size--;
  int bits = unit_bits(unit);
  if (bits < 0) {
    int status = bad_size(evaluation, whole);
    error_detail(error, "Invalid size unit: \"%.*s\".", (int)unit.size, (const char *)unit.data);
    error_hint(error, "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".");
    return status;
  }
  int status = numeric_from_text(bytes_of(text.data, end), -1, arena, &number, error);
  if (!status)
    status = numeric_from_int64((int64_t)1 << bits, arena, &factor, error);
  if (!status)
    status = numeric_multiply(&number, &factor, arena, &product, error);
  if (!status)
    status = numeric_round(&product, 0, arena, &rounded, error);
  if (!status)
    status = numeric_to_int64(&rounded, INT64_MIN, INT64_MAX, "bigint", &bytes, error);
  if (!status)
    *result = value_integer(bytes);
  return status;
}

// ---- NULLs ----

static int count_nulls(CALL)
{
  int64_t count = 0;
  for (int i = 0; i < argument_count; i++)
    count += arguments[i].is_null;
  *result = value_integer(count);
  return STATUS_OK;
}

static int count_values(CALL)
{
  count_nulls(evaluation, arguments, argument_count, result);
  *result = value_integer(argument_count - result->integer);
  return STATUS_OK;
}

const struct function text_more_functions[] = {
    PURE("normalize", normalize, TEXT, 1, TEXT),
    PURE("normalize", normalize, TEXT, 2, TEXT, TEXT),
    PURE("is_normalized", is_normalized, BOOLEAN, 1, TEXT),
    PURE("is_normalized", is_normalized, BOOLEAN, 2, TEXT, TEXT),
    PURE("unistr", unistr, TEXT, 1, TEXT),
    PURE("parse_ident", parse_ident, TYPE_TEXT_ARRAY, 1, TEXT),
    PURE("parse_ident", parse_ident, TYPE_TEXT_ARRAY, 2, TEXT, BOOLEAN),
    PURE("pg_size_bytes", size_bytes, INT8, 1, TEXT),
    ROW("num_nulls", count_nulls, INT4, -1, FUNCTION_STABLE, true, false, ANY),
    ROW("num_nonnulls", count_values, INT4, -1, FUNCTION_STABLE, true, false, ANY),
    {0},
};
