// connector = 'generator': rows that are a function of (seed, position).
//
// Options: rows (how many; without it, for ever), rate (rows a second; without it, as fast as they are taken), seed,
// and for each column col.kind = 'sequence' (col.start), 'random' (col.min, col.max), 'zipf' (col.min, col.max,
// col.exponent: min is the most frequent, and so on) or 'choice' (col.values = 'a,b,c'). Without a kind it is a sequence,
// without a start from 0. Text gets the number in digits, a timestamp that many seconds since 2000, a date days; their
// start, min and max may be moments as well. Their sequences go on by col.step, each moved back by up to col.jitter. A
// sequence ends where its type does, and the source with it.
//
// The position is the number of the next row, as decimal text. A row depends on nothing else, so a restart goes on with
// the very rows that would have come.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "connect/connectors.h"
#include "connect/moment.h"
#include "connect/support.h"

enum kind { KIND_SEQUENCE, KIND_RANDOM, KIND_ZIPF, KIND_CHOICE };

struct column {
  uint32_t type;
  enum kind kind;
  int64_t start;
  int64_t min, max; // of whole numbers and text (a number in digits)
  int64_t begin, step, jitter; // of a sequence of moments: microseconds, or days
  double float_min, float_max;
  double exponent, first, last, sure; // of zipf: what its draws need
  char *values;                       // of a choice: one text after another, each with its zero byte; owned
  int value_count;
};

struct generator {
  int64_t rows; // INT64_MAX: for ever
  int64_t rate; // rows a second; 0: as fast as they are taken
  uint64_t seed;
  uint64_t next;    // number of the next row
  int64_t begun_us; // when `begun_at` was due
  uint64_t begun_at;
  int column_count;
  struct column columns[];
};

static bool is_float(uint32_t type) { return type == OID_FLOAT4 || type == OID_FLOAT8; }

static bool is_integer(uint32_t type)
{
  return type == OID_INT2 || type == OID_INT4 || type == OID_INT8;
}

static bool is_moment(uint32_t type)
{
  return type == OID_DATE || type == OID_TIMESTAMP || type == OID_TIMESTAMPTZ;
}

// How many of a type's finest steps a number in an option is: seconds and days.
static int64_t unit_of(uint32_t type) { return type == OID_DATE ? 1 : 1000000; }
static int64_t fine_us(uint32_t type) { return type == OID_DATE ? 86400ll * 1000000 : 1; }

static const char *column_option(const struct quern_source_info *info, const char *column, const char *what)
{
  char name[256];
  snprintf(name, sizeof name, "%s.%s", column, what);
  return option_find(info, name);
}

static int column_integer(const struct quern_source_info *info, const char *column, const char *what, int64_t fallback,
                          int64_t *value, struct quern_error *error)
{
  char name[256];
  snprintf(name, sizeof name, "%s.%s", column, what);
  return option_integer(info, name, INT64_MIN, INT64_MAX, fallback, value, error);
}

static int column_float(const struct quern_source_info *info, const char *column, const char *what, double fallback,
                        double *value, struct quern_error *error)
{
  const char *text = column_option(info, column, what);
  *value = fallback;
  if (!text)
    return 0;
  char *end;
  *value = strtod(text, &end);
  if (end == text || *end || *value != *value)
    return connector_error(error, "22023", "option %s.%s of source \"%s\" must be a number, not \"%s\"", column, what,
                           info->name, text);
  return 0;
}

static void value_range(uint32_t type, int64_t *low, int64_t *high)
{
  switch (type) {
  case OID_INT2: *low = INT16_MIN, *high = INT16_MAX; break;
  case OID_INT4: *low = INT32_MIN, *high = INT32_MAX; break;
  case OID_DATE: *low = -2451545, *high = 2145031948; break; // days: 4714 BC to the year 5,874,897
  case OID_TIMESTAMP:
  case OID_TIMESTAMPTZ: *low = -200000000000, *high = 9000000000000; break; // seconds: 4338 BC to the year 287,000
  default: *low = INT64_MIN, *high = INT64_MAX;
  }
}

// A whole number, or a moment: then its days or seconds, and *rest what is left of it in the type's finest steps.
static int column_start(const struct quern_source_info *info, const struct quern_column *from, const char *what,
                        int64_t fallback, int64_t *value, int64_t *rest, struct quern_error *error)
{
  const char *text = is_moment(from->type) ? column_option(info, from->name, what) : NULL;
  int64_t us;
  *rest = 0;
  if (!text || !strchr(*text == '-' ? text + 1 : text, '-'))
    return column_integer(info, from->name, what, fallback, value, error);
  if (!moment_read(text, &us))
    return connector_error(error, "22023", "option %s.%s of source \"%s\" must be a number or a moment, not \"%s\"",
                           from->name, what, info->name, text);
  int64_t unit_us = unit_of(from->type) * fine_us(from->type);
  *value = us / unit_us - (us % unit_us < 0);
  *rest = (us - *value * unit_us) / fine_us(from->type);
  return 0;
}

static int column_span(const struct quern_source_info *info, const struct quern_column *from, const char *what,
                       int64_t low, int64_t fallback, int64_t *value, struct quern_error *error)
{
  const char *text = column_option(info, from->name, what);
  int64_t us, fine = fine_us(from->type);
  char *end;
  *value = fallback;
  if (!text)
    return 0;
  *value = strtoll(text, &end, 10); // days
  bool is_good = from->type == OID_DATE && end != text && !*end;
  if (!is_good) {
    is_good = span_read(text, &us) && us % fine == 0;
    *value = is_good ? us / fine : 0;
  }
  if (is_good && *value >= low && *value <= INT64_MAX / 4)
    return 0;
  return connector_error(error, "22023", "option %s.%s of source \"%s\" must be a span of %s, not \"%s\"", from->name,
                         what, info->name, from->type == OID_DATE ? "days" : "time", text);
}

// A number of (seed, position, column): two rounds of the finalizer of MurmurHash3 (Appleby).
static uint64_t mix(uint64_t seed, uint64_t position, uint64_t column)
{
  uint64_t z = seed * 0x9e3779b97f4a7c15u + position * 0xbf58476d1ce4e5b9u + column * 0x94d049bb133111ebu;
  for (int i = 0; i < 2; i++) {
    z ^= z >> 33;
    z *= 0xff51afd7ed558ccdu;
    z ^= z >> 33;
    z *= 0xc4ceb9fe1a85ec53u;
    z ^= z >> 33;
  }
  return z;
}

// --- Zipf ---------------------------------------------------------------------------------------------------------
// By rejection-inversion: Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
// distributions", ACM TOMACS 6 (1996).

// The integral of x^-exponent, which is 0 at 1.
static double hat(const struct column *column, double x)
{
  double power = (1 - column->exponent) * log(x);
  return fabs(power) < 1e-12 ? log(x) : log(x) * expm1(power) / power;
}

static double hat_inverse(const struct column *column, double y)
{
  double t = y * (1 - column->exponent);
  if (t < -1)
    t = -1;
  return exp(fabs(t) < 1e-12 ? y : y * log1p(t) / t);
}

static double weight(const struct column *column, double x)
{
  return exp(-column->exponent * log(x));
}

static void zipf_prepare(struct column *column)
{
  column->first = hat(column, 1.5) - 1;
  column->last = hat(column, (double)(column->max - column->min) + 1.5);
  column->sure = 2 - hat_inverse(column, hat(column, 2.5) - weight(column, 2));
}

static int64_t zipf(const struct generator *generator, const struct column *column, uint64_t position, int index)
{
  double count = (double)(column->max - column->min) + 1;
  for (uint64_t attempt = 0;; attempt++) {
    uint64_t random = mix(generator->seed + attempt * 0x632be59bd9b4e019u, position, (uint64_t)index);
    double y = column->last + (double)(random >> 11) * 0x1p-53 * (column->first - column->last);
    double x = hat_inverse(column, y), rank = floor(x + 0.5);
    rank = rank < 1 ? 1 : rank > count ? count : rank;
    if (rank - x <= column->sure || y >= hat(column, rank + 0.5) - weight(column, rank))
      return column->min + (int64_t)rank - 1;
  }
}

static int read_zipf(const struct quern_source_info *info, const char *name, struct column *column,
                     struct quern_error *error)
{
  if (!is_integer(column->type) && column->type != OID_TEXT && column->type != OID_VARCHAR)
    return connector_error(error, "22023", "column \"%s\" of source \"%s\": zipf makes whole numbers and text", name,
                           info->name);
  if (column_float(info, name, "exponent", 1, &column->exponent, error))
    return -1;
  if (!(column->exponent > 0 && column->exponent <= 20))
    return connector_error(error, "22023", "option %s.exponent of source \"%s\" must be above 0 and at most 20", name,
                           info->name);
  if ((uint64_t)column->max - (uint64_t)column->min >= (uint64_t)1 << 52)
    return connector_error(error, "22023", "option %s.max of source \"%s\" is too far above its min", name, info->name);
  zipf_prepare(column);
  return 0;
}

// --- Columns ------------------------------------------------------------------------------------------------------

static int read_choice(const struct quern_source_info *info, const char *name, struct column *column,
                       struct quern_error *error)
{
  const char *values = column_option(info, name, "values");
  if (column->type != OID_TEXT && column->type != OID_VARCHAR)
    return connector_error(error, "22023", "column \"%s\" of source \"%s\": a choice is of texts", name, info->name);
  if (!values || !*values)
    return connector_error(error, "22023", "option %s.values of source \"%s\" must name what to choose from", name,
                           info->name);
  column->values = strdup(values);
  if (!column->values)
    return connector_error(error, "53200", "out of memory");
  column->value_count = 1;
  for (char *at = column->values; (at = strchr(at, ',')); column->value_count++)
    *at++ = 0;
  return 0;
}

static void add_choice(const struct generator *generator, const struct column *column, uint64_t position, int index,
                       struct quern_buffer *rows)
{
  uint64_t random = mix(generator->seed, position, (uint64_t)index);
  const char *at = column->values;
  for (uint64_t skip = (uint64_t)(((unsigned __int128)random * (uint64_t)column->value_count) >> 64); skip > 0; skip--)
    at += strlen(at) + 1;
  row_add_text(rows, at);
}

// -1: there is no such kind.
static int read_kind(const char *name, enum kind *kind)
{
  static const char *const names[] = {"sequence", "random", "zipf", "choice"};
  for (*kind = 0; *kind < 4; ++*kind)
    if (strcmp(name ? name : "sequence", names[*kind]) == 0)
      return 0;
  return -1;
}

static bool has_steps(const struct column *column)
{
  return is_moment(column->type) && column->kind == KIND_SEQUENCE;
}

static int refuse_steps(const struct quern_source_info *info, const char *name, struct quern_error *error)
{
  const char *step = column_option(info, name, "step") ? "step" : "jitter";
  return column_option(info, name, step)
             ? connector_error(error, "22023", "option %s.%s of source \"%s\" is for sequences of dates and timestamps",
                               name, step, info->name)
             : 0;
}

static int read_steps(const struct quern_source_info *info, const struct quern_column *from, int64_t rest,
                      struct column *column, struct quern_error *error)
{
  int64_t low, high, unit = unit_of(from->type);
  value_range(from->type, &low, &high);
  column->begin = column->start * unit + rest;
  if (column_span(info, from, "step", 1, unit, &column->step, error) ||
      column_span(info, from, "jitter", 0, 0, &column->jitter, error))
    return -1;
  return column->begin - low * unit >= column->jitter
             ? 0
             : connector_error(error, "22023", "options of column \"%s\" of source \"%s\" are out of its type's range",
                               from->name, info->name);
}

static int read_column(const struct quern_source_info *info, const struct quern_column *from, struct column *column,
                       struct quern_error *error)
{
  const char *kind = column_option(info, from->name, "kind");
  *column = (struct column){.type = from->type};
  bool is_known = is_integer(from->type) || is_float(from->type) || from->type == OID_DATE || from->type == OID_UUID ||
                  from->type == OID_TEXT ||
                  from->type == OID_VARCHAR || from->type == OID_TIMESTAMP || from->type == OID_TIMESTAMPTZ;
  if (!is_known)
    return connector_error(error, "22023", "column \"%s\" of source \"%s\" has a type that the generator does not make",
                           from->name, info->name);
  if (read_kind(kind, &column->kind))
    return connector_error(error, "22023",
                           "option %s.kind of source \"%s\" must be sequence, random, zipf or choice, not \"%s\"",
                           from->name, info->name, kind);
  if (column->kind == KIND_CHOICE)
    return read_choice(info, from->name, column, error);
  int64_t low, high;
  value_range(from->type, &low, &high);
  int64_t rest, none;
  if (column_start(info, from, "start", 0, &column->start, &rest, error))
    return -1;
  if (!has_steps(column) && refuse_steps(info, from->name, error))
    return -1;
  if (is_float(from->type)) {
    if (column_float(info, from->name, "min", 0, &column->float_min, error) ||
        column_float(info, from->name, "max", 1, &column->float_max, error))
      return -1;
    return column->float_min <= column->float_max
               ? 0
               : connector_error(error, "22023", "option %s.min of source \"%s\" is above its max", from->name,
                                 info->name);
  }
  if (column_start(info, from, "min", 0, &column->min, &none, error) ||
      column_start(info, from, "max", is_integer(from->type) && high < 1000000 ? high : 1000000, &column->max, &none,
                   error))
    return -1;
  if (column->min > column->max)
    return connector_error(error, "22023", "option %s.min of source \"%s\" is above its max", from->name, info->name);
  if (column->min < low || column->max > high || column->start < low || column->start > high)
    return connector_error(error, "22023", "options of column \"%s\" of source \"%s\" are out of its type's range",
                           from->name, info->name);
  if (has_steps(column))
    return read_steps(info, from, rest, column, error);
  return column->kind == KIND_ZIPF ? read_zipf(info, from->name, column, error) : 0;
}

// Bounds the rows by what the sequences can count; more than that cannot be asked for.
static int bound_rows(const struct quern_source_info *info, struct generator *generator, struct quern_error *error)
{
  for (int i = 0; i < info->column_count; i++) {
    const struct column *column = &generator->columns[i];
    int64_t low, high;
    value_range(column->type, &low, &high);
    if (column->kind != KIND_SEQUENCE || is_float(column->type) || (column->start <= 0 && high == INT64_MAX))
      continue;
    int64_t most = is_moment(column->type) ? (high * unit_of(column->type) - column->begin) / column->step
                                           : high - column->start;
    if (most < INT64_MAX)
      most++;
    if (generator->rows <= most)
      continue;
    if (option_find(info, "rows"))
      return connector_error(error, "22023",
                             "the sequence of column \"%s\" of source \"%s\" ends after %" PRId64 " rows",
                             info->columns[i].name, info->name, most);
    generator->rows = most;
  }
  return 0;
}

// col.what of a column that is not there.
static int check_dotted(const struct quern_source_info *info, struct quern_error *error)
{
  for (int i = 0; i < info->option_count; i++) {
    const char *dot = strrchr(info->options[i].name, '.');
    if (!dot)
      continue;
    bool has_column = false;
    for (int k = 0; k < info->column_count; k++)
      has_column |= strlen(info->columns[k].name) == (size_t)(dot - info->options[i].name) &&
                    strncmp(info->columns[k].name, info->options[i].name, (size_t)(dot - info->options[i].name)) == 0;
    if (!has_column)
      return connector_error(error, "22023", "source \"%s\" has no option \"%s\"", info->name, info->options[i].name);
  }
  return 0;
}

static void generator_close(void *source)
{
  struct generator *generator = source;
  for (int i = 0; i < generator->column_count; i++)
    free(generator->columns[i].values);
  free(generator);
}

static struct generator *read_options(const struct quern_source_info *info, struct quern_error *error)
{
  static const char *const known[] = {"rows",  "rate", "seed", ".kind",     ".start",
                                      ".min",  ".max", ".exponent", ".values", ".step",
                                      ".jitter", NULL};
  int64_t seed;
  struct generator *generator = calloc(1, sizeof *generator + sizeof(struct column) * (size_t)info->column_count);
  if (!generator) {
    connector_error(error, "53200", "out of memory");
    return NULL;
  }
  int status = option_check_known(info, known, error);
  if (!status)
    status = check_dotted(info, error);
  if (!status)
    status = option_integer(info, "rows", 0, INT64_MAX, INT64_MAX, &generator->rows, error);
  if (!status)
    status = option_integer(info, "rate", 1, 100000000, 0, &generator->rate, error);
  if (!status)
    status = option_integer(info, "seed", INT64_MIN, INT64_MAX, 1, &seed, error);
  generator->column_count = info->column_count;
  for (int i = 0; !status && i < info->column_count; i++)
    status = read_column(info, &info->columns[i], &generator->columns[i], error);
  if (!status)
    status = bound_rows(info, generator, error);
  if (status) {
    generator_close(generator);
    return NULL;
  }
  generator->seed = (uint64_t)seed;
  return generator;
}

static int generator_check(const struct quern_source_info *info, struct quern_error *error)
{
  struct generator *generator = read_options(info, error);
  if (!generator)
    return -1;
  generator_close(generator);
  return 0;
}

static void *generator_open(const struct quern_source_info *info, const uint8_t *position, size_t size,
                            struct quern_error *error)
{
  struct generator *generator = read_options(info, error);
  if (!generator)
    return NULL;
  for (size_t i = 0; i < size; i++)
    generator->next = generator->next * 10 + (position[i] - '0');
  generator->begun_at = generator->next;
  return generator;
}

static int64_t number(const struct generator *generator, const struct column *column, uint64_t position, int index)
{
  if (column->kind == KIND_SEQUENCE)
    return (int64_t)((uint64_t)column->start + position);
  if (column->kind == KIND_ZIPF)
    return zipf(generator, column, position, index);
  uint64_t range = (uint64_t)column->max - (uint64_t)column->min + 1; // 0: all numbers
  uint64_t random = mix(generator->seed, position, (uint64_t)index);
  return range ? (int64_t)((uint64_t)column->min + (uint64_t)(((unsigned __int128)random * range) >> 64))
               : (int64_t)random;
}

static int64_t moment(const struct generator *generator, const struct column *column, uint64_t position, int index)
{
  if (column->kind != KIND_SEQUENCE)
    return number(generator, column, position, index) * unit_of(column->type);
  uint64_t random = mix(generator->seed, position, (uint64_t)index);
  int64_t back = (int64_t)(((unsigned __int128)random * ((uint64_t)column->jitter + 1)) >> 64);
  return column->begin + (int64_t)position * column->step - back;
}

static void add_float(uint32_t type, double v, struct quern_buffer *rows)
{
  uint8_t bytes[8];
  float single = (float)v;
  uint32_t half;
  uint64_t bits;
  memcpy(&half, &single, 4);
  memcpy(&bits, &v, 8);
  if (type == OID_FLOAT4)
    put_be32(bytes, half);
  else
    put_be64(bytes, bits);
  row_add_bytes(rows, bytes, type == OID_FLOAT4 ? 4 : 8);
}

// A number in its last bytes, or 122 random bits as version 4 of RFC 4122 has them.
static void add_uuid(const struct generator *generator, const struct column *column, uint64_t position, int index,
                     struct quern_buffer *rows)
{
  uint8_t bytes[16] = {0};
  put_be64(bytes + 8, (uint64_t)column->start + position);
  if (column->kind == KIND_RANDOM) {
    put_be64(bytes, mix(generator->seed, position, (uint64_t)index));
    put_be64(bytes + 8, mix(generator->seed ^ UINT64_MAX, position, (uint64_t)index));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
  }
  row_add_bytes(rows, bytes, 16);
}

static void add_column(const struct generator *generator, int index, uint64_t position, struct quern_buffer *rows)
{
  const struct column *column = &generator->columns[index];
  uint8_t bytes[8];
  if (column->kind == KIND_CHOICE) {
    add_choice(generator, column, position, index, rows);
    return;
  }
  if (column->type == OID_UUID) {
    add_uuid(generator, column, position, index, rows);
    return;
  }
  if (is_float(column->type)) {
    double unit = (double)(mix(generator->seed, position, (uint64_t)index) >> 11) * 0x1p-53;
    double v = column->kind == KIND_RANDOM ? column->float_min + unit * (column->float_max - column->float_min)
                                           : (double)column->start + (double)position;
    add_float(column->type, v, rows);
    return;
  }
  int64_t v = is_moment(column->type) ? moment(generator, column, position, index)
                                      : number(generator, column, position, index);
  switch (column->type) {
  case OID_INT2:
    put_be16(bytes, (uint16_t)v);
    row_add_bytes(rows, bytes, 2);
    break;
  case OID_DATE: // days since 2000-01-01
  case OID_INT4:
    put_be32(bytes, (uint32_t)v);
    row_add_bytes(rows, bytes, 4);
    break;
  case OID_INT8:
    put_be64(bytes, (uint64_t)v);
    row_add_bytes(rows, bytes, 8);
    break;
  case OID_TIMESTAMP:
  case OID_TIMESTAMPTZ: // microseconds since 2000-01-01
    put_be64(bytes, (uint64_t)v);
    row_add_bytes(rows, bytes, 8);
    break;
  default: {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, v);
    row_add_text(rows, text);
  }
  }
}

// How many rows are due now, and (when none is) how long until one is.
static int64_t rows_due(struct generator *generator, int64_t now_us, int64_t *wait_us)
{
  *wait_us = 0;
  if (!generator->rate)
    return INT64_MAX;
  if (!generator->begun_us)
    generator->begun_us = now_us;
  int64_t due = (int64_t)((__int128)(now_us - generator->begun_us) * generator->rate / 1000000);
  int64_t made = (int64_t)(generator->next - generator->begun_at);
  if (due > made)
    return due - made;
  *wait_us = (int64_t)((__int128)(made + 1) * 1000000 / generator->rate) - (now_us - generator->begun_us) + 1;
  return 0;
}

static int64_t generator_poll(void *source, struct quern_batch *batch, int max_rows)
{
  struct generator *generator = source;
  int64_t wait_us;
  int64_t count = rows_due(generator, batch->now_us, &wait_us);
  int64_t left = generator->rows == INT64_MAX ? INT64_MAX : generator->rows - (int64_t)generator->next;
  if (left <= 0)
    return -1;
  if (count > max_rows)
    count = max_rows;
  if (count > left)
    count = left;
  for (int64_t i = 0; i < count; i++, generator->next++) {
    row_begin(&batch->rows, generator->column_count);
    for (int k = 0; k < generator->column_count; k++)
      add_column(generator, k, generator->next, &batch->rows);
  }
  batch->is_binary = true;
  batch->row_count = (int)count;
  batch->lag = generator->rate ? 0 : -1;
  batch->position_size =
      (uint32_t)snprintf((char *)batch->position, sizeof batch->position, "%" PRIu64, generator->next);
  return wait_us;
}

const struct quern_connector connector_generator = {
    .name = "generator",
    .check = generator_check,
    .open = generator_open,
    .poll = generator_poll,
    .close = generator_close,
};
