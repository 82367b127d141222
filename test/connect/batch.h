// Sources without an engine: options in, batches out.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "connect/connectors.h"
#include "connect/support.h"

enum { MANY = 16 };

// "name type, …" and "option=value, …".
struct description {
  struct quern_source_info info;
  struct quern_column columns[MANY];
  struct quern_option options[MANY];
  char column_text[512], option_text[512];
};

static inline uint32_t type_named(const char *name)
{
  static const struct {
    const char *name;
    uint32_t oid;
  } types[] = {{"int2", OID_INT2},       {"int4", OID_INT4}, {"int8", OID_INT8},
               {"float8", OID_FLOAT8},   {"text", OID_TEXT}, {"timestamptz", OID_TIMESTAMPTZ},
               {"numeric", OID_NUMERIC}, {"bool", 16},       {"date", OID_DATE}, {"timestamp", OID_TIMESTAMP}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(types[i].name, name) == 0)
      return types[i].oid;
  fail_msg("no type %s", name);
  return 0;
}

static inline const struct quern_source_info *describe(struct description *description, const char *columns,
                                                       const char *options)
{
  memset(description, 0, sizeof *description);
  snprintf(description->column_text, sizeof description->column_text, "%s", columns);
  snprintf(description->option_text, sizeof description->option_text, "%s", options);
  char *rest = description->column_text, *part;
  int count = 0;
  while ((part = strsep(&rest, ",")) && *part) {
    part += strspn(part, " ");
    char *name = strsep(&part, " ");
    description->columns[count++] = (struct quern_column){.name = name, .type = type_named(part)};
  }
  description->info = (struct quern_source_info){
      .kind = "source", .name = "s", .columns = description->columns, .column_count = count, .options = description->options};
  count = 0;
  for (rest = description->option_text; (part = strsep(&rest, ",")) && *part;) {
    part += strspn(part, " ");
    char *name = strsep(&part, "=");
    description->options[count++] = (struct quern_option){.name = name, .value = part};
  }
  description->info.option_count = count;
  return &description->info;
}

// The connector refuses these columns and options: with 22023 and a message that has `part` in it.
static inline void assert_refused(const struct quern_connector *connector, const char *columns, const char *options,
                                  const char *part)
{
  struct description description;
  struct quern_error error = {0};
  assert_int_equal(connector->check(describe(&description, columns, options), &error), -1);
  assert_string_equal(error.sqlstate, "22023");
  if (!strstr(error.message, part))
    fail_msg("\"%s\" is not in \"%s\"", part, error.message);
  assert_null(connector->open(&description.info, NULL, 0, &error));
}

static inline void *open_source(const struct quern_connector *connector, const char *columns, const char *options,
                                const char *position)
{
  struct description description;
  struct quern_error error = {0};
  const struct quern_source_info *info = describe(&description, columns, options);
  assert_int_equal(connector->check(info, &error), 0);
  void *source = connector->open(info, (const uint8_t *)position, strlen(position), &error);
  assert_non_null(source);
  return source;
}

static inline int64_t poll_at(const struct quern_connector *connector, void *source, struct quern_batch *batch,
                              int64_t now_us, int max)
{
  batch->rows.size = 0;
  batch->row_count = 0;
  batch->now_us = now_us;
  return connector->poll(source, batch, max);
}

// Field `column` of row `row`: its bytes and size.
static inline const uint8_t *field(const struct quern_batch *batch, int row, int column, int32_t *size)
{
  const uint8_t *at = batch->rows.data;
  for (int r = 0;; r++) {
    int columns = get_be16(at);
    at += 2;
    for (int c = 0; c < columns; c++) {
      *size = (int32_t)get_be32(at);
      at += 4;
      if (r == row && c == column)
        return at;
      at += *size > 0 ? *size : 0;
    }
    assert_true(at < batch->rows.data + batch->rows.size);
  }
}

static inline int64_t integer_field(const struct quern_batch *batch, int row, int column)
{
  int32_t size;
  const uint8_t *bytes = field(batch, row, column, &size);
  switch (size) {
  case 2: return (int16_t)get_be16(bytes);
  case 4: return (int32_t)get_be32(bytes);
  case 8: return (int64_t)get_be64(bytes);
  default: fail_msg("%d bytes are no number", size); return 0;
  }
}

static inline double float_field(const struct quern_batch *batch, int row, int column)
{
  uint64_t bits = (uint64_t)integer_field(batch, row, column);
  double value;
  memcpy(&value, &bits, 8);
  return value;
}
