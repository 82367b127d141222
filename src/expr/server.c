// What is asked of a server of PostgreSQL's: its encodings and collations, the sizes of values, the time of day.
#include <ctype.h>
#include <stdio.h>

#include "data/numeric.h"
#include "data/utf8.h"
#include "expr/moment.h"
#include "expr/tables.h"

enum { ENCODING_SQL_ASCII = 0, ENCODING_UTF8 = 6, ENCODING_LATIN1 = 8 };

// ---- encodings ----

static int utf8_name(CALL)
{
  *result = value_string("UTF8");
  return STATUS_OK;
}

// Letters and digits count, of either case. -1: it is none of ours.
static int encoding_named(struct bytes name)
{
  static const struct {
    const char *name;
    int number;
  } names[] = {{"utf8", ENCODING_UTF8}, {"unicode", ENCODING_UTF8}, {"sqlascii", ENCODING_SQL_ASCII},
               {"latin1", ENCODING_LATIN1}, {"iso88591", ENCODING_LATIN1}};
  char plain[64];
  size_t size = 0;
  for (size_t i = 0; i < name.size && size < sizeof plain - 1; i++)
    if (isalnum(name.data[i]))
      plain[size++] = (char)tolower(name.data[i]);
  plain[size] = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(plain, names[i].name) == 0)
      return names[i].number;
  return -1;
}

static int char_to_encoding(CALL)
{
  *result = value_integer(encoding_named(bytes_of_value(&arguments[0])));
  return STATUS_OK;
}

static int encoding_to_char(CALL)
{
  int64_t number = arguments[0].integer;
  *result = value_string(number == ENCODING_UTF8        ? "UTF8"
                         : number == ENCODING_SQL_ASCII ? "SQL_ASCII"
                         : number == ENCODING_LATIN1    ? "LATIN1"
                                                        : "");
  return STATUS_OK;
}

static int encoding_width(CALL)
{
  int64_t number = arguments[0].integer;
  *result = number == ENCODING_UTF8                                   ? value_integer(4)
            : number == ENCODING_SQL_ASCII || number == ENCODING_LATIN1 ? value_integer(1)
                                                                        : value_null();
  return STATUS_OK;
}

// Bytes from one encoding to another: *from and *to are what the names say.
static int find_encodings(struct evaluation *evaluation, const struct value *names, int *from, int *to)
{
  *from = encoding_named(bytes_of_value(&names[0]));
  *to = encoding_named(bytes_of_value(&names[1]));
  for (int i = 0; i < 2; i++)
    if ((i ? *to : *from) < 0)
      return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid %s encoding name \"%.*s\"",
                       i ? "destination" : "source", (int)names[i].size, (const char *)names[i].data);
  return STATUS_OK;
}

static int to_latin1(struct evaluation *evaluation, struct bytes text, struct buffer *out)
{
  for (size_t i = 0; i < text.size;) {
    size_t width = (size_t)utf8_width(text.data[i]);
    bool is_two = width == 2 && (text.data[i] & 0x1f) < 4;
    if (width > 2 || (width == 2 && !is_two)) {
      char shown[40] = "";
      for (size_t k = 0, used = 0; k < width; k++)
        used += (size_t)snprintf(shown + used, sizeof shown - used, "%s0x%02x", k ? " " : "", text.data[i + k]);
      return error_set(evaluation->error, SQLSTATE_UNTRANSLATABLE_CHARACTER,
                       "character with byte sequence %s in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                       shown);
    }
    buffer_append_u8(out, is_two ? (uint8_t)(text.data[i] << 6 | (text.data[i + 1] & 0x3f)) : text.data[i]);
    i += width;
  }
  return STATUS_OK;
}

static void from_latin1(struct bytes text, struct buffer *out)
{
  for (size_t i = 0; i < text.size; i++) {
    uint8_t c = text.data[i];
    if (c >= 0x80)
      buffer_append_u8(out, (uint8_t)(0xc0 | c >> 6));
    buffer_append_u8(out, c < 0x80 ? c : (uint8_t)(0x80 | (c & 0x3f)));
  }
}

static int convert_bytes(struct evaluation *evaluation, struct bytes text, int from, int to, struct value *result)
{
  struct buffer out = buffer_for(evaluation);
  int status = from == ENCODING_UTF8 ? utf8_check(text, evaluation->error) : STATUS_OK;
  if (status)
    return status;
  if (from == ENCODING_UTF8 && to == ENCODING_LATIN1)
    status = to_latin1(evaluation, text, &out);
  else if (from == ENCODING_LATIN1 && to == ENCODING_UTF8)
    from_latin1(text, &out);
  else
    buffer_append_bytes(&out, text);
  if (!status)
    return result_from_buffer(evaluation, &out, result);
  buffer_deinit(&out);
  return status;
}

static int convert(CALL) // bytes, from, to
{
  int from, to;
  int status = find_encodings(evaluation, arguments + 1, &from, &to);
  return status ? status : convert_bytes(evaluation, bytes_of_value(&arguments[0]), from, to, result);
}

static int convert_from(CALL) // bytes, from
{
  struct value names[2] = {arguments[1], value_string("UTF8")};
  int from, to;
  int status = find_encodings(evaluation, names, &from, &to);
  if (status)
    return status;
  if (from == ENCODING_SQL_ASCII)
    from = ENCODING_UTF8; // what comes of it is a text, which must be good
  status = convert_bytes(evaluation, bytes_of_value(&arguments[0]), from, to, result);
  if (!status && memchr(result->data, 0, result->size))
    return error_set(evaluation->error, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE,
                     "invalid byte sequence for encoding \"UTF8\": 0x00");
  return status;
}

static int convert_to(CALL) // text, to
{
  struct value names[2] = {value_string("UTF8"), arguments[1]};
  int from, to;
  int status = find_encodings(evaluation, names, &from, &to);
  return status ? status : convert_bytes(evaluation, bytes_of_value(&arguments[0]), from, to, result);
}

static int length_in(CALL) // bytes, encoding
{
  struct bytes text = bytes_of_value(&arguments[0]);
  int encoding = encoding_named(bytes_of_value(&arguments[1]));
  if (encoding < 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid encoding name \"%.*s\"",
                     (int)arguments[1].size, (const char *)arguments[1].data);
  int status = encoding == ENCODING_UTF8 ? utf8_check(text, evaluation->error) : STATUS_OK;
  if (status)
    return status;
  *result = value_integer(encoding == ENCODING_UTF8 ? (int64_t)utf8_length(text) : (int64_t)text.size);
  return STATUS_OK;
}

static int to_ascii(CALL)
{
  return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                   "encoding conversion from UTF8 to ASCII not supported");
}

static int collation_for(CALL)
{
  enum type_id type = evaluation->argument_types[0];
  *result = value_null();
  if (type == TYPE_NAME)
    *result = value_string("\"C\"");
  else if (type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR)
    *result = value_string("\"default\"");
  else if (type != TYPE_UNKNOWN)
    return error_set(evaluation->error, SQLSTATE_DATATYPE_MISMATCH, "collations are not supported by type %s",
                     type_is_user(type) ? "of the argument" : type_info(type)->name);
  return STATUS_OK;
}

// ---- sizes ----

// As a row of PostgreSQL's keeps it: short values have a head of one byte.
static int column_size(CALL)
{
  const struct value *value = &arguments[0];
  enum type_id type = evaluation->argument_types[0];
  const struct type_info *info = type_info(type);
  *result = value_null();
  if (value->is_null)
    return STATUS_OK;
  int64_t size = info->wire_size;
  if (size < 0 && type == TYPE_NUMERIC) {
    struct buffer text = buffer_for(evaluation);
    int exponent = 0;
    if (numeric_sign(value) == 1 || numeric_sign(value) == -1)
      numeric_digits(value, &exponent, &text);
    int64_t places = (int64_t)text.size, before = exponent > 0 ? (exponent + 3) / 4 : -(-exponent / 4);
    int64_t behind = places > exponent ? (places - exponent + 3) / 4 : -(((int64_t)exponent - places) / 4);
    buffer_deinit(&text);
    size = 3 + (places ? 2 * (before + behind) : 0);
  } else if (size < 0) {
    size = value->size + (value->size < 127 ? 1 : 4);
  }
  *result = value_integer(size);
  return STATUS_OK;
}

static const struct size_unit {
  const char *name;
  int64_t below; // shown in this unit below so many of it
  bool rounds;   // and is rounded, for a finer unit's half is still there
  int shift;     // bits to the next unit
} size_units[] = {{"bytes", 10 * 1024, false, 9}, {"kB", 20 * 1024 - 1, true, 10}, {"MB", 20 * 1024 - 1, true, 10},
                  {"GB", 20 * 1024 - 1, true, 10}, {"TB", 20 * 1024 - 1, true, 10}, {"PB", INT64_MAX, true, 0}};
enum { SIZE_UNITS = sizeof size_units / sizeof *size_units };

static int size_pretty(CALL)
{
  int64_t size = arguments[0].integer;
  int unit = 0;
  for (; unit < 5 && (size < 0 ? -(uint64_t)size : (uint64_t)size) >= (uint64_t)size_units[unit].below; unit++)
    size /= (int64_t)1 << size_units[unit].shift;
  if (size_units[unit].rounds)
    size = size < 0 ? (size - 1) / 2 : (size + 1) / 2;
  char *text = arena_format(evaluation->arena, "%lld %s", (long long)size, size_units[unit].name);
  if (!text)
    return error_memory(evaluation->error);
  *result = value_string(text);
  return STATUS_OK;
}

// Divided by the number, what is behind the point cut off.
static int divide_whole(struct evaluation *evaluation, int64_t by, struct value *size)
{
  struct value number;
  int status = numeric_from_int64(by, evaluation->arena, &number, evaluation->error);
  if (!status)
    status = numeric_divide(size, &number, evaluation->arena, size, evaluation->error);
  return status ? status : numeric_truncate(size, 0, evaluation->arena, size, evaluation->error);
}

static int numeric_size_pretty(CALL)
{
  struct value size = arguments[0], limit, one;
  struct buffer text = buffer_for(evaluation);
  int status = STATUS_OK, unit = 0;
  for (; unit < SIZE_UNITS - 1 && !status; unit++) {
    double magnitude = numeric_to_float8(&size);
    if (!(magnitude >= (double)size_units[unit].below || magnitude <= -(double)size_units[unit].below))
      break;
    status = divide_whole(evaluation, (int64_t)1 << size_units[unit].shift, &size);
  }
  if (!status && size_units[unit].rounds) {
    status = numeric_from_int64(numeric_sign(&size) < 0 ? -1 : 1, evaluation->arena, &one, evaluation->error);
    if (!status)
      status = numeric_add(&size, &one, evaluation->arena, &limit, evaluation->error);
    if (!status)
      status = divide_whole(evaluation, 2, &limit);
    size = limit;
  }
  if (status)
    return status;
  numeric_to_text(&size, &text);
  buffer_format(&text, " %s", size_units[unit].name);
  return result_from_buffer(evaluation, &text, result);
}

// ---- the rest ----

static int time_of_day(CALL)
{
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const struct format_settings *settings = settings_of(evaluation);
  const char *zone = NULL;
  int32_t offset = zone_offset_at(settings->zone, evaluation->clock_now, &zone);
  struct civil_time civil;
  civil_from_timestamp(evaluation->clock_now + (int64_t)offset * 1000000, &civil);
  char *text = arena_format(evaluation->arena, "%s %s %02d %02d:%02d:%02d.%06d %lld %s",
                            days[calendar_field(&civil, FIELD_DOW)], months[civil.month - 1], civil.day, civil.hour,
                            civil.minute, civil.second, civil.microsecond, (long long)civil.year,
                            zone ? zone : settings->zone_name);
  if (!text)
    return error_memory(evaluation->error);
  *result = value_string(text);
  return STATUS_OK;
}

// A transaction has no number: the time at which it began stands for one.
static int transaction_number(CALL)
{
  *result = value_integer(evaluation->now);
  return STATUS_OK;
}

static int zero(CALL)
{
  *result = value_integer(0);
  return STATUS_OK;
}

static int false_answer(CALL)
{
  *result = value_boolean(false);
  return STATUS_OK;
}

static int no_number(CALL)
{
  *result = value_null();
  return STATUS_OK;
}

static int sleep_seconds(struct evaluation *evaluation, double seconds, struct value *result)
{
  struct value argument = {.float8 = seconds < 0 ? 0 : seconds};
  return call_session(evaluation, "pg_sleep", &argument, 1, result);
}

static int sleep_for(CALL)
{
  struct interval interval = interval_of(&arguments[0]);
  double days = interval.months * 30.0 + interval.days;
  return sleep_seconds(evaluation, days * 86400 + (double)interval.microseconds / 1e6, result);
}

static int sleep_until(CALL)
{
  return sleep_seconds(evaluation, ((double)arguments[0].integer - (double)evaluation->statement_now) / 1e6, result);
}

#define STEADY(name, code, result, count, ...)                                                      \
  ROW(name, code, result, count, FUNCTION_STABLE, false, false, __VA_ARGS__)

const struct function server_functions[] = {
    STEADY("pg_client_encoding", utf8_name, NAME, 0, 0),
    STEADY("getdatabaseencoding", utf8_name, NAME, 0, 0),
    PURE("pg_char_to_encoding", char_to_encoding, INT4, 1, NAME),
    PURE("pg_encoding_to_char", encoding_to_char, NAME, 1, INT4),
    PURE("pg_encoding_max_length", encoding_width, INT4, 1, INT4),
    PURE("convert", convert, BYTEA, 3, BYTEA, NAME, NAME),
    PURE("convert_from", convert_from, TEXT, 2, BYTEA, NAME),
    PURE("convert_to", convert_to, BYTEA, 2, TEXT, NAME),
    PURE("length", length_in, INT4, 2, BYTEA, NAME),
    PURE("to_ascii", to_ascii, TEXT, 1, TEXT),
    PURE("to_ascii", to_ascii, TEXT, 2, TEXT, NAME),
    PURE("to_ascii", to_ascii, TEXT, 2, TEXT, INT4),
    TYPED("pg_collation_for", collation_for, TEXT, 1, ANY),
    TYPED("pg_column_size", column_size, INT4, 1, ANY),
    PURE("pg_size_pretty", size_pretty, TEXT, 1, INT8),
    PURE("pg_size_pretty", numeric_size_pretty, TEXT, 1, NUMERIC),
    ROW("timeofday", time_of_day, TEXT, 0, FUNCTION_KEPT, false, false, 0),
    ROW("pg_sleep_for", sleep_for, TYPE_VOID, 1, FUNCTION_ONCE, false, false, INTERVAL),
    ROW("pg_sleep_until", sleep_until, TYPE_VOID, 1, FUNCTION_ONCE, false, false, TIMESTAMPTZ),
    STEADY("txid_current", transaction_number, INT8, 0, 0),
    STEADY("txid_current_if_assigned", transaction_number, INT8, 0, 0),
    STEADY("pg_current_xact_id", transaction_number, INT8, 0, 0),
    STEADY("pg_current_xact_id_if_assigned", transaction_number, INT8, 0, 0),
    STEADY("pg_trigger_depth", zero, INT4, 0, 0),
    STEADY("pg_jit_available", false_answer, BOOLEAN, 0, 0),
    STEADY("pg_is_in_recovery", false_answer, BOOLEAN, 0, 0),
    STEADY("pg_is_wal_replay_paused", false_answer, BOOLEAN, 0, 0),
    STEADY("pg_tablespace_size", no_number, INT8, 1, OID),
    STEADY("pg_relation_filenode", no_number, OID, 1, OID),
    {0},
};
