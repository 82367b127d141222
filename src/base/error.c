// Filling the error struct.
#include "base/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/sqlstate.h"

static enum status status_of(const char *sqlstate)
{
  if (memcmp(sqlstate, "40", 2) == 0 || strcmp(sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE) == 0 ||
      strcmp(sqlstate, SQLSTATE_SNAPSHOT_TOO_OLD) == 0)
    return STATUS_RETRY;
  if (memcmp(sqlstate, "53", 2) == 0 || memcmp(sqlstate, "54", 2) == 0 ||
      strcmp(sqlstate, SQLSTATE_QUERY_CANCELED) == 0)
    return STATUS_LIMIT;
  if (memcmp(sqlstate, "58", 2) == 0 || memcmp(sqlstate, "XX", 2) == 0)
    return STATUS_FATAL;
  return STATUS_INPUT;
}

// Formats into a text of this size; one that is too long is cut between two characters.
static void format_text(char *text, size_t size, const char *format, va_list arguments)
{
  int length = vsnprintf(text, size, format, arguments);
  if (length < 0 || (size_t)length < size)
    return;
  size_t end = size - 1;
  while (end > 0 && ((uint8_t)text[end - 1] & 0xc0) == 0x80)
    end--; // behind the first byte of the last character
  size_t have = size - 1 - end + 1; // of its bytes
  uint8_t first = end ? (uint8_t)text[end - 1] : 0;
  size_t whole = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (have < whole)
    text[end - 1] = 0;
}

int error_set(struct error *error, const char *sqlstate, const char *format, ...)
{
  enum status status = status_of(sqlstate);
  if (!error)
    return status;
  error_clear(error);
  error->status = status;
  error->severity = SEVERITY_ERROR;
  memcpy(error->sqlstate, sqlstate, 5);
  error->sqlstate[5] = 0;
  va_list arguments;
  va_start(arguments, format);
  format_text(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}

void error_detail(struct error *error, const char *format, ...)
{
  if (!error)
    return;
  va_list arguments;
  va_start(arguments, format);
  format_text(error->detail, sizeof error->detail, format, arguments);
  va_end(arguments);
}

void error_hint(struct error *error, const char *format, ...)
{
  if (!error)
    return;
  va_list arguments;
  va_start(arguments, format);
  format_text(error->hint, sizeof error->hint, format, arguments);
  va_end(arguments);
}

void error_context(struct error *error, const char *format, ...)
{
  if (!error)
    return;
  va_list arguments;
  va_start(arguments, format);
  format_text(error->context, sizeof error->context, format, arguments);
  va_end(arguments);
}

void error_position(struct error *error, int32_t position)
{
  if (error)
    error->position = position;
}

int error_memory(struct error *error)
{
  return error_set(error, SQLSTATE_OUT_OF_MEMORY, "out of memory");
}

void error_clear(struct error *error)
{
  // Only the first byte of each text says whether it is there: an error is cleared on every
  // statement, and 1.5 KB of zeros each time would show.
  error->status = STATUS_OK;
  error->severity = SEVERITY_ERROR;
  error->sqlstate[0] = 0;
  error->position = 0;
  error->message[0] = error->detail[0] = error->hint[0] = error->context[0] = 0;
  error->schema[0] = error->table[0] = error->column[0] = error->constraint[0] = error->type[0] = 0;
}
