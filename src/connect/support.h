// What connectors share: options, errors, rows.
#pragma once

#include <stdint.h>

#include "quern.h"

// PostgreSQL's object ids of the types that connectors know.
enum {
  OID_BOOLEAN = 16,
  OID_INT2 = 21,
  OID_INT4 = 23,
  OID_INT8 = 20,
  OID_FLOAT4 = 700,
  OID_FLOAT8 = 701,
  OID_NUMERIC = 1700,
  OID_TEXT = 25,
  OID_VARCHAR = 1043,
  OID_DATE = 1082,
  OID_TIMESTAMP = 1114,
  OID_TIMESTAMPTZ = 1184,
  OID_UUID = 2950,
  OID_OID = 26,
  OID_JSON = 114,
  OID_JSONB = 3802
};

// NULL: not given.
const char *option_find(const struct quern_source_info *info, const char *name);
// A whole number; fallback where the option is not given. -1 with *error (22023) when it is none or outside of
// low … high.
int option_integer(const struct quern_source_info *info, const char *name, int64_t low, int64_t high, int64_t fallback,
                   int64_t *value, struct quern_error *error);
int option_boolean(const struct quern_source_info *info, const char *name, bool *value, struct quern_error *error);
// format: 'csv' or 'json', which has none of CSV's options.
int option_format(const struct quern_source_info *info, bool *is_json, struct quern_error *error);
// A span of time, at least 0: '250ms', '1s', '2 min', '1h', '3 days'; a number alone means seconds. In microseconds.
bool span_read(const char *text, int64_t *value_us);
// One between 1ms and 24h.
int option_interval(const struct quern_source_info *info, const char *name, int64_t fallback_us, int64_t *value_us,
                    struct quern_error *error);
// 22023 for an option that is not in `known` (ends with NULL; "connector" always is). ".kind" there stands for
// col.kind of any column; whether the source has that column is left to the caller.
int option_check_known(const struct quern_source_info *info, const char *const *known, struct quern_error *error);
int connector_error(struct quern_error *error, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Writing rows in the batch's form.
void row_begin(struct quern_buffer *rows, int column_count);
void row_add_bytes(struct quern_buffer *rows, const void *data, int32_t size);
void row_add_text(struct quern_buffer *rows, const char *text);
void row_add_null(struct quern_buffer *rows);
// More bytes for the column that was added last; then its size, which began at `head` (the buffer's size before it).
void row_extend(struct quern_buffer *rows, const void *data, size_t size);
void row_end_bytes(struct quern_buffer *rows, size_t head, bool is_null);
// What was found in the place of a row.
void row_add_bad(struct quern_buffer *rows, const char *reason, const void *text, size_t size);
