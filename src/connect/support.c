// Options and rows.
#include "connect/support.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

int connector_error(struct quern_error *error, const char *sqlstate, const char *format, ...)
{
  *error = (struct quern_error){.status = -1};
  strcpy(error->sqlstate, sqlstate);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return -1;
}

const char *option_find(const struct quern_source_info *info, const char *name)
{
  for (int i = 0; i < info->option_count; i++)
    if (strcmp(info->options[i].name, name) == 0)
      return info->options[i].value;
  return NULL;
}

int option_integer(const struct quern_source_info *info, const char *name, int64_t low, int64_t high, int64_t fallback,
                   int64_t *value, struct quern_error *error)
{
  const char *text = option_find(info, name);
  *value = fallback;
  if (!text)
    return 0;
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  if (errno || end == text || *end)
    return connector_error(error, "22023", "option %s of %s \"%s\" must be a whole number, not \"%s\"", name,
                           info->kind, info->name, text);
  if (*value < low || *value > high)
    return connector_error(error, "22023", "option %s of %s \"%s\" must be between %lld and %lld", name, info->kind,
                           info->name, (long long)low, (long long)high);
  return 0;
}

bool span_read(const char *text, int64_t *value_us)
{
  static const struct {
    const char *name;
    double us;
  } units[] = {
      {"", 1e6},       {"us", 1},        {"ms", 1e3},       {"s", 1e6},       {"sec", 1e6},
      {"second", 1e6}, {"seconds", 1e6}, {"min", 60e6},     {"minute", 60e6}, {"minutes", 60e6},
      {"h", 3600e6},   {"hour", 3600e6}, {"hours", 3600e6},
      {"d", 86400e6},  {"day", 86400e6}, {"days", 86400e6},
  };
  char *end;
  double number = strtod(text, &end);
  bool is_number = end != text;
  while (*end == ' ')
    end++;
  for (size_t i = 0; is_number && i < sizeof units / sizeof units[0]; i++) {
    double us = number * units[i].us;
    if (strcmp(end, units[i].name) == 0 && us >= 0 && us <= 9e18) {
      *value_us = (int64_t)us;
      return true;
    }
  }
  return false;
}

int option_interval(const struct quern_source_info *info, const char *name, int64_t fallback_us, int64_t *value_us,
                    struct quern_error *error)
{
  const char *text = option_find(info, name);
  *value_us = fallback_us;
  if (!text || (span_read(text, value_us) && *value_us >= 1000 && *value_us <= 86400ll * 1000 * 1000))
    return 0;
  return connector_error(error, "22023",
                         "option %s of %s \"%s\" must be a span of time between 1ms and 24h, not \"%s\"", name,
                         info->kind, info->name, text);
}

int option_boolean(const struct quern_source_info *info, const char *name, bool *value, struct quern_error *error)
{
  static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};
  const char *text = option_find(info, name);
  *value = false;
  for (size_t i = 0; text && i < sizeof words / sizeof words[0]; i++)
    if (strcmp(text, words[i]) == 0) {
      *value = i % 2;
      return 0;
    }
  return text ? connector_error(error, "22023", "option %s of %s \"%s\" must be true or false, not \"%s\"", name,
                                info->kind, info->name, text)
              : 0;
}

int option_format(const struct quern_source_info *info, bool *is_json, struct quern_error *error)
{
  static const char *const of_csv[] = {"delimiter", "quote", "escape", "null", "header"};
  const char *format = option_find(info, "format");
  if (format && strcmp(format, "csv") != 0 && strcmp(format, "json") != 0)
    return connector_error(error, "22023", "option format of %s \"%s\" must be csv or json, not \"%s\"", info->kind,
                           info->name, format);
  *is_json = format && strcmp(format, "json") == 0;
  for (size_t i = 0; *is_json && i < sizeof of_csv / sizeof of_csv[0]; i++)
    if (option_find(info, of_csv[i]))
      return connector_error(error, "22023", "%s \"%s\": option %s is for CSV", info->kind, info->name, of_csv[i]);
  return 0;
}

int option_check_known(const struct quern_source_info *info, const char *const *known, struct quern_error *error)
{
  for (int i = 0; i < info->option_count; i++) {
    const char *name = info->options[i].name;
    const char *dot = strrchr(name, '.');
    bool is_known = strcmp(name, "connector") == 0;
    for (int k = 0; known[k]; k++)
      is_known |= strcmp(known[k][0] == '.' && dot ? dot : name, known[k]) == 0;
    if (!is_known)
      return connector_error(error, "22023", "%s \"%s\" has no option \"%s\"", info->kind, info->name, name);
  }
  return 0;
}

void row_begin(struct quern_buffer *rows, int column_count)
{
  quern_add_row(rows, column_count);
}

void row_add_bytes(struct quern_buffer *rows, const void *data, int32_t size)
{
  quern_add_field(rows, data, size);
}

void row_add_text(struct quern_buffer *rows, const char *text)
{
  quern_add_field(rows, text, (int32_t)strlen(text));
}

void row_add_null(struct quern_buffer *rows)
{
  quern_add_field(rows, NULL, -1);
}

void row_extend(struct quern_buffer *rows, const void *data, size_t size)
{
  quern_buffer_append(rows, data, size);
}

void row_end_bytes(struct quern_buffer *rows, size_t head, bool is_null)
{
  if (is_null)
    rows->size = head + 4;
  put_be32(rows->data + head, is_null ? UINT32_MAX : (uint32_t)(rows->size - head - 4));
}

void row_add_bad(struct quern_buffer *rows, const char *reason, const void *text, size_t size)
{
  row_begin(rows, QUERN_BAD_ROW);
  row_add_text(rows, reason);
  row_add_bytes(rows, text, (int32_t)size);
}
