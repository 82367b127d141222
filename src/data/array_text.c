// The text form of arrays, PostgreSQL's, both ways.
//
// Reading goes twice over the text: what its braces amount to, and then its elements. So a text that is no array is
// refused as such, whatever its elements are. Elements at different depths are refused as PostgreSQL 17 does it; older
// ones make something of them.
#include "data/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/sqlstate.h"

static bool is_space(uint8_t c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// ---- to text ----

static bool needs_quotes(struct bytes element)
{
  if (element.size == 0 || (element.size == 4 && strncasecmp((const char *)element.data, "null", 4) == 0))
    return true;
  for (size_t i = 0; i < element.size; i++) {
    uint8_t c = element.data[i];
    if (c == '{' || c == '}' || c == ',' || c == '"' || c == '\\' || is_space(c))
      return true;
  }
  return false;
}

static void append_element(struct bytes element, struct buffer *out)
{
  if (!needs_quotes(element)) {
    buffer_append_bytes(out, element);
    return;
  }
  buffer_append_u8(out, '"');
  for (size_t i = 0; i < element.size; i++) {
    if (element.data[i] == '"' || element.data[i] == '\\')
      buffer_append_u8(out, '\\');
    buffer_append_u8(out, element.data[i]);
  }
  buffer_append_u8(out, '"');
}

static void append_bounds(const struct array_shape *shape, struct buffer *out)
{
  bool is_plain = true;
  for (int i = 0; i < shape->dimension_count; i++)
    is_plain &= shape->lowers[i] == 1;
  if (is_plain)
    return;
  for (int i = 0; i < shape->dimension_count; i++)
    buffer_format(out, "[%d:%d]", shape->lowers[i], shape->lowers[i] + shape->lengths[i] - 1);
  buffer_append_u8(out, '=');
}

// A vector's text: the numbers with blanks between.
static void vector_to_text(const struct array *array, const struct format_settings *settings, struct buffer *out)
{
  struct array_walk walk = array_walk(array);
  struct value element;
  for (uint32_t i = 0; array_next(&walk, &element); i++) {
    if (i)
      buffer_append_u8(out, ' ');
    value_to_text(array->element, &element, settings, out);
  }
}

static int vector_from_text(struct bytes text, const struct format_settings *settings, struct arena *arena,
                            struct value *value, struct error *error)
{
  struct array_builder builder;
  array_builder_init(&builder, TYPE_INT2, NULL);
  int status = 0;
  for (size_t at = 0; !status;) {
    while (at < text.size && text.data[at] == ' ')
      at++;
    size_t begin = at;
    while (at < text.size && text.data[at] != ' ')
      at++;
    if (begin == at)
      break;
    struct value element;
    struct bytes word = bytes_of(text.data + begin, at - begin);
    status = value_from_text(type_plain(TYPE_INT2), word, settings, arena, &element, error);
    if (!status)
      array_add(&builder, &element);
  }
  if (status) {
    array_builder_deinit(&builder);
    return status;
  }
  struct array_shape shape = array_line(builder.count);
  shape.lowers[0] = 0;
  return array_finish(&builder, &shape, arena, value, error);
}

void array_to_text(enum type_id type, const struct value *value, const struct format_settings *settings,
                   struct buffer *out)
{
  struct array array = array_of(type, value);
  struct value element;
  if (type == TYPE_INT2_VECTOR) {
    vector_to_text(&array, settings, out);
    return;
  }
  struct buffer text = {.account = out->account};
  append_bounds(&array.shape, out);
  if (!array.count)
    buffer_append_string(out, "{}");
  struct array_walk walk = array_walk(&array);
  for (uint32_t i = 0; array_next(&walk, &element); i++) {
    if (i)
      buffer_append_u8(out, ',');
    uint32_t run = 1; // of elements within this dimension's brace
    for (int d = array.shape.dimension_count - 1; d >= 0; d--) {
      run *= (uint32_t)array.shape.lengths[d];
      if (i % run == 0)
        buffer_append_u8(out, '{');
    }
    if (element.is_null) {
      buffer_append_string(out, "NULL");
    } else {
      buffer_clear(&text);
      value_to_text(array.element, &element, settings, &text);
      append_element(buffer_bytes(&text), out);
      out->failed |= text.failed;
    }
    run = 1;
    for (int d = array.shape.dimension_count - 1; d >= 0; d--) {
      run *= (uint32_t)array.shape.lengths[d];
      if ((i + 1) % run == 0)
        buffer_append_u8(out, '}');
    }
  }
  buffer_deinit(&text);
}

// ---- from text ----

struct reading {
  struct bytes text;
  size_t at;
  struct error *error;
};

__attribute__((format(printf, 2, 3))) static int malformed(const struct reading *reading, const char *detail, ...);

static int malformed(const struct reading *reading, const char *detail, ...)
{
  int status = error_set(reading->error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "malformed array literal: \"%.*s\"",
                         (int)reading->text.size, (const char *)reading->text.data);
  char text[128];
  va_list list;
  va_start(list, detail);
  vsnprintf(text, sizeof text, detail, list);
  va_end(list);
  error_detail(reading->error, "%s", text);
  return status;
}

// The character that comes; 0 at the end.
static uint8_t coming(const struct reading *reading)
{
  return reading->at < reading->text.size ? reading->text.data[reading->at] : 0;
}

static void skip_spaces(struct reading *reading)
{
  while (is_space(coming(reading)))
    reading->at++;
}

// Digits and signs, as far as they go, as atoi reads them. False: there are none.
static bool read_number(struct reading *reading, int32_t *number)
{
  size_t start = reading->at;
  bool is_negative = coming(reading) == '-', is_over = false;
  int64_t v = 0;
  for (uint8_t c; (c = coming(reading)) && ((c >= '0' && c <= '9') || c == '-' || c == '+'); reading->at++) {
    is_over |= (c < '0' || c > '9') && reading->at > start;
    if (!is_over && c >= '0' && c <= '9' && v <= INT32_MAX)
      v = v * 10 + (c - '0');
  }
  v = is_negative ? -v : v;
  *number = v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
  return reading->at > start;
}

// [m:n][n]…=
static int read_bounds(struct reading *reading, struct array_shape *shape)
{
  for (skip_spaces(reading); coming(reading) == '['; skip_spaces(reading)) {
    int32_t lower = 1, upper;
    int d = shape->dimension_count;
    reading->at++;
    if (d == ARRAY_DIMENSIONS)
      return array_too_many_dimensions(d + 1, reading->error);
    if (!read_number(reading, &upper))
      return malformed(reading, "\"[\" must introduce explicitly-specified array dimensions.");
    if (coming(reading) == ':') {
      reading->at++;
      lower = upper;
      if (!read_number(reading, &upper))
        return malformed(reading, "Missing array dimension value.");
    }
    if (coming(reading) != ']')
      return malformed(reading, "Missing \"]\" after array dimensions.");
    reading->at++;
    if (upper < lower)
      return error_set(reading->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound");
    int64_t length = (int64_t)upper - lower + 1;
    shape->lowers[d] = lower;
    shape->lengths[d] = length > INT32_MAX ? -1 : (int32_t)length; // refused with the whole shape
    shape->dimension_count++;
  }
  if (!shape->dimension_count)
    return coming(reading) == '{' ? STATUS_OK
                                  : malformed(reading, "Array value must start with \"{\" or dimension information.");
  if (coming(reading) != '=')
    return malformed(reading, "Missing \"=\" after array dimensions.");
  reading->at++;
  skip_spaces(reading);
  return coming(reading) == '{' ? STATUS_OK : malformed(reading, "Array contents must start with \"{\".");
}

enum place {
  NO_LEVEL,
  LEVEL_STARTED,
  LEVEL_ENDED,
  LEVEL_DELIMITED,
  ELEMENT_STARTED,
  ELEMENT_DELIMITED,
  QUOTED,
  QUOTED_ENDED,
};

// The braces: at each depth how many stand side by side.
struct braces {
  enum place place;
  int depth, deepest;
  bool has_elements;
  int32_t counts[ARRAY_DIMENSIONS], lengths[ARRAY_DIMENSIONS]; // of the open level; of the one that was closed before
};

static int open_brace(const struct reading *reading, struct braces *braces)
{
  if (braces->place != NO_LEVEL && braces->place != LEVEL_STARTED && braces->place != LEVEL_DELIMITED)
    return malformed(reading, "Unexpected \"{\" character.");
  if (braces->has_elements && braces->depth == braces->deepest)
    return malformed(reading, "Multidimensional arrays must have sub-arrays with matching dimensions.");
  if (braces->depth == ARRAY_DIMENSIONS)
    return array_too_many_dimensions(braces->depth + 1, reading->error);
  braces->place = LEVEL_STARTED;
  braces->counts[braces->depth++] = 1;
  if (braces->deepest < braces->depth)
    braces->deepest = braces->depth;
  return STATUS_OK;
}

static int close_brace(const struct reading *reading, struct braces *braces)
{
  bool is_empty = braces->place == LEVEL_STARTED && braces->depth == 1;
  if (braces->place != ELEMENT_STARTED && braces->place != QUOTED_ENDED && braces->place != LEVEL_ENDED && !is_empty)
    return malformed(reading, "Unexpected \"}\" character.");
  braces->place = LEVEL_ENDED;
  int level = --braces->depth;
  if (braces->lengths[level] && braces->lengths[level] != braces->counts[level])
    return malformed(reading, "Multidimensional arrays must have sub-arrays with matching dimensions.");
  braces->lengths[level] = braces->counts[level];
  return STATUS_OK;
}

static int delimit(const struct reading *reading, struct braces *braces)
{
  if (braces->place != ELEMENT_STARTED && braces->place != QUOTED_ENDED && braces->place != LEVEL_ENDED)
    return malformed(reading, "Unexpected \",\" character.");
  braces->place = braces->place == LEVEL_ENDED ? LEVEL_DELIMITED : ELEMENT_DELIMITED;
  braces->counts[braces->depth - 1]++;
  return STATUS_OK;
}

// A character of an element, or the quote before or behind one.
static int pass_element(struct reading *reading, struct braces *braces, uint8_t c)
{
  bool may_start = braces->place == LEVEL_STARTED || braces->place == ELEMENT_DELIMITED;
  if (c == '"') {
    if (!may_start && braces->place != QUOTED)
      return malformed(reading, "Unexpected array element.");
    braces->place = braces->place == QUOTED ? QUOTED_ENDED : QUOTED;
  } else if (c == '\\') {
    if (!may_start && braces->place != ELEMENT_STARTED && braces->place != QUOTED)
      return malformed(reading, "Unexpected \"\\\" character.");
    if (++reading->at >= reading->text.size)
      return malformed(reading, "Unexpected end of input.");
  } else if (!may_start && braces->place != ELEMENT_STARTED && braces->place != QUOTED) {
    return malformed(reading, "Unexpected array element.");
  }
  if (may_start && c != '"')
    braces->place = ELEMENT_STARTED;
  if (braces->has_elements && braces->depth < braces->deepest)
    return malformed(reading, "Multidimensional arrays must have sub-arrays with matching dimensions.");
  braces->has_elements = true;
  return STATUS_OK;
}

// From the first brace to the end of the text.
static int read_braces(struct reading *reading, struct braces *braces)
{
  int status = STATUS_OK;
  do {
    uint8_t c = coming(reading);
    if (reading->at >= reading->text.size)
      return malformed(reading, "Unexpected end of input.");
    bool is_quoted = braces->place == QUOTED;
    if (!is_quoted && c == '{')
      status = open_brace(reading, braces);
    else if (!is_quoted && c == '}')
      status = close_brace(reading, braces);
    else if (!is_quoted && c == ',')
      status = delimit(reading, braces);
    else if (is_quoted || !is_space(c))
      status = pass_element(reading, braces, c);
    reading->at++;
  } while (!status && braces->depth);
  skip_spaces(reading);
  if (!status && reading->at < reading->text.size)
    return malformed(reading, "Junk after closing right brace.");
  return status;
}

// The element that comes, without its quotes and escapes; up to the comma or the brace behind it.
static bool take_element(struct reading *reading, struct buffer *element)
{
  size_t end = 0; // behind the last character that counts
  bool is_quoted = false, is_plain = true;
  buffer_clear(element);
  for (uint8_t c; (c = coming(reading)), is_quoted || (c != ',' && c != '}'); reading->at++) {
    if (c == '"') {
      is_quoted = !is_quoted;
      is_plain = false;
      end = element->size;
      continue;
    }
    bool is_escaped = c == '\\';
    if (is_escaped) {
      is_plain = false;
      c = reading->text.data[++reading->at];
    }
    buffer_append_u8(element, c);
    if (is_quoted || is_escaped || !is_space(c))
      end = element->size;
  }
  if (!element->failed)
    element->size = end;
  return !(is_plain && end == 4 && element->data && strncasecmp((const char *)element->data, "null", 4) == 0);
}

// The braces were found good.
static int read_elements(struct reading *reading, struct type type, const struct format_settings *settings,
                         struct arena *arena, struct array_builder *builder)
{
  struct buffer text = {.account = arena->account};
  int status = STATUS_OK;
  while (!status && reading->at < reading->text.size) {
    uint8_t c = coming(reading);
    if (c == '{' || c == '}' || c == ',' || is_space(c)) {
      reading->at++;
      continue;
    }
    struct value element = value_null();
    bool is_there = take_element(reading, &text);
    status = text.failed ? error_memory(reading->error)
             : is_there
                 ? value_from_text(type, bytes_of(text.data ? text.data : (const uint8_t *)"", text.size), settings,
                                   arena, &element, reading->error)
                 : STATUS_OK;
    array_add(builder, &element);
  }
  buffer_deinit(&text);
  return status;
}

static int read_shape(struct reading *reading, struct array_shape *shape, uint32_t *count)
{
  struct braces braces = {0};
  int status = read_bounds(reading, shape);
  size_t start = reading->at;
  if (!status)
    status = read_braces(reading, &braces);
  if (status)
    return status;
  int deepest = braces.has_elements ? braces.deepest : 0;
  if (!shape->dimension_count) {
    shape->dimension_count = deepest;
    for (int i = 0; i < deepest; i++) {
      shape->lengths[i] = braces.lengths[i];
      shape->lowers[i] = 1;
    }
  }
  bool is_equal = shape->dimension_count == deepest;
  for (int i = 0; i < deepest && is_equal; i++)
    is_equal = shape->lengths[i] == braces.lengths[i];
  if (!is_equal)
    return malformed(reading, "Specified array dimensions do not match array contents.");
  reading->at = start;
  return array_shape_count(shape, count, reading->error);
}

int array_from_text(struct type type, struct bytes text, const struct format_settings *settings, struct arena *arena,
                    struct value *value, struct error *error)
{
  if (type.id == TYPE_INT2_VECTOR)
    return vector_from_text(text, settings, arena, value, error);
  struct reading reading = {.text = text, .error = error};
  struct type element = {.id = type_element(type.id), .modifier = type.modifier};
  struct array_shape shape = {0};
  uint32_t count;
  int status = read_shape(&reading, &shape, &count);
  if (status)
    return status;
  struct array_builder builder;
  array_builder_init(&builder, element.id, arena->account);
  if (count)
    status = read_elements(&reading, element, settings, arena, &builder);
  if (!status && builder.count != count)
    status = malformed(&reading, "Multidimensional arrays must have sub-arrays with matching dimensions.");
  if (!status)
    return array_finish(&builder, &shape, arena, value, error);
  array_builder_deinit(&builder);
  return status;
}
