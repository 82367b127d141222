// The table of settings, and what SET, SHOW and RESET do with it.
//
// 1. A setting is one row of the table; those that the engine looks at have a field of struct settings and functions
//    here, the others a number in settings->numbers.
// 2. A value that is refused leaves everything as it was.
#include "sql/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/sqlstate.h"
#include "data/datetime.h"
#include "table/relation.h"

#define SQLSTATE_CANT_CHANGE_RUNTIME_PARAM "55P02"

enum setting_kind {
  SETTING_FIXED, // `value` and nothing else
  SETTING_BOOL,
  SETTING_ENUM,   // words
  SETTING_NUMBER, // from low to high, in the unit
  SETTING_OWN,    // set and show
};

enum unit { UNIT_NONE, UNIT_MS, UNIT_KB };

struct setting_change {
  const char *name, *value; // value NULL: the default
  uint32_t (*schema_oid)(void *context, const char *name);
  void *context;
};

struct setting {
  const char *name; // PostgreSQL's spelling
  enum setting_kind kind;
  bool is_reported;
  enum unit unit;
  const char *value; // FIXED: it; ENUM, and OWN of words: the words with commas between
  int32_t initial;   // BOOL, NUMBER: the default; ENUM: number of the word
  int32_t low, high; // NUMBER, and OWN of numbers; OWN up to 1: a boolean
  int (*set)(struct settings *settings, const struct setting_change *change, struct error *error);
  const char *(*show)(const struct settings *settings, char *scratch, int size);
};

// --- Words and numbers ------------------------------------------------------------------------------------

// What PostgreSQL takes for a boolean: beginnings of true, false, yes, no; on, off, 1, 0.
static bool read_bool(const char *text, bool *value)
{
  static const struct {
    const char *word;
    size_t least;
    bool value;
  } words[] = {
      {"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
      {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false},
  };
  size_t size = strlen(text);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (size >= words[i].least && size <= strlen(words[i].word) && strncasecmp(text, words[i].word, size) == 0) {
      *value = words[i].value;
      return true;
    }
  return false;
}

// The word number `index` of a list; its size in *size. NULL behind the last.
static const char *list_word(const char *list, int index, size_t *size)
{
  for (; index > 0; index--) {
    list += strcspn(list, ",");
    if (!*list++)
      return NULL;
  }
  *size = strcspn(list, ",");
  return list;
}

static int find_word(const char *list, const char *text)
{
  size_t size;
  const char *word;
  for (int i = 0; (word = list_word(list, i, &size)); i++)
    if (strlen(text) == size && strncasecmp(word, text, size) == 0)
      return i;
  return -1;
}

static int invalid_value(const char *name, const char *value, struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": \"%s\"", name, value);
}

static int bad_word(const struct setting *setting, const char *value, struct error *error)
{
  int status = invalid_value(setting->name, value, error);
  char words[200] = "";
  size_t size, at = 0;
  const char *word;
  for (int i = 0; (word = list_word(setting->value, i, &size)) && at + size + 3 < sizeof words; i++)
    at += (size_t)snprintf(words + at, sizeof words - at, "%s%.*s", i ? ", " : "", (int)size, word);
  error_hint(error, "Available values: %s.", words);
  return status;
}

static const struct {
  const char *name;
  enum unit unit;
  double factor;
} units[] = {
    {"d", UNIT_MS, 86400000}, {"h", UNIT_MS, 3600000}, {"min", UNIT_MS, 60000},     {"s", UNIT_MS, 1000},
    {"ms", UNIT_MS, 1},       {"us", UNIT_MS, 0.001},  {"TB", UNIT_KB, 1073741824}, {"GB", UNIT_KB, 1048576},
    {"MB", UNIT_KB, 1024},    {"kB", UNIT_KB, 1},      {"B", UNIT_KB, 1.0 / 1024},
};
enum { UNIT_COUNT = sizeof units / sizeof *units };

static const char *unit_hint(enum unit unit)
{
  return unit == UNIT_MS ? "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."
                         : "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".";
}

// A number with or without a unit.
static int read_number(const struct setting *setting, const char *text, int32_t *number, struct error *error)
{
  char *end;
  double value = strtod(text, &end);
  if (end == text || strpbrk(text, "xXnN") == text || value != value)
    return invalid_value(setting->name, text, error);
  while (isspace((unsigned char)*end))
    end++;
  size_t size = strcspn(end, " \t\n");
  if (end[size + strspn(end + size, " \t\n")])
    return invalid_value(setting->name, text, error);
  if (size) {
    int i = 0;
    while (i < UNIT_COUNT &&
           !(units[i].unit == setting->unit && strlen(units[i].name) == size && memcmp(units[i].name, end, size) == 0))
      i++;
    if (i == UNIT_COUNT) {
      int status = invalid_value(setting->name, text, error);
      if (setting->unit != UNIT_NONE)
        error_hint(error, "%s", unit_hint(setting->unit));
      return status;
    }
    value *= units[i].factor;
  }
  value += value < 0 ? -0.5 : 0.5;
  if (!(value > -2147483649.0 && value < 2147483648.0)) {
    int status = invalid_value(setting->name, text, error);
    error_hint(error, "Value exceeds integer range.");
    return status;
  }
  *number = (int32_t)value;
  const char *unit = setting->unit == UNIT_MS ? " ms" : setting->unit == UNIT_KB ? " kB" : "";
  if (*number < setting->low || *number > setting->high)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "%d%s is outside the valid range for parameter \"%s\" (%d .. %d)", *number, unit, setting->name,
                     setting->low, setting->high);
  return 0;
}

// With the largest unit that divides it.
static const char *show_number(enum unit unit, int64_t number, char *scratch, int size)
{
  for (int i = 0; i < UNIT_COUNT && unit != UNIT_NONE && number > 0; i++)
    if (units[i].unit == unit && units[i].factor >= 1 && number % (int64_t)units[i].factor == 0) {
      snprintf(scratch, (size_t)size, "%lld%s", (long long)(number / (int64_t)units[i].factor), units[i].name);
      return scratch;
    }
  snprintf(scratch, (size_t)size, "%lld", (long long)number);
  return scratch;
}

static void copy_text(char *to, size_t size, const char *from)
{
  size_t length = strnlen(from, size - 1);
  while (length > 0 && from[length] && ((uint8_t)from[length] & 0xc0) == 0x80)
    length--;
  memmove(to, from, length);
  to[length] = 0;
}

// --- Settings with fields of their own ----------------------------------------------------------------------

#define SET(name) \
  static int set_##name(struct settings *settings, const struct setting_change *change, struct error *error)
#define SHOW(name) static const char *show_##name(const struct settings *settings, char *scratch, int size)

SET(application_name)
{
  char *to = settings->application_name;
  copy_text(to, sizeof settings->application_name, change->value ? change->value : "");
  for (; *to; to++)
    if (*to < 32 || *to > 126)
      *to = '?';
  return 0;
}
SHOW(application_name)
{
  return settings->application_name;
}

// The letters and digits of an encoding's name, which is all that counts.
static bool same_encoding(const char *a, const char *b)
{
  for (;; a++, b++) {
    while (*a && !isalnum((unsigned char)*a))
      a++;
    while (*b && !isalnum((unsigned char)*b))
      b++;
    if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
      return false;
    if (!*a)
      return true;
  }
}

SET(client_encoding)
{
  static const char *const others[] = {
      "SQL_ASCII", "LATIN1",  "LATIN2", "LATIN9",        "ISO_8859_1", "ISO_8859_15", "WIN1250",
      "WIN1251",   "WIN1252", "KOI8R",  "SJIS",          "EUC_JP",     "EUC_KR",      "EUC_CN",
      "GBK",       "GB18030", "BIG5",   "MULE_INTERNAL", NULL,
  };
  if (!change->value || same_encoding(change->value, "UTF8") || same_encoding(change->value, "unicode"))
    return 0;
  for (const char *const *other = others; *other; other++)
    if (same_encoding(change->value, *other))
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "conversion between %s and UTF8 is not supported",
                       *other);
  return invalid_value(change->name, change->value, error);
}
SHOW(client_encoding)
{
  return settings->client_encoding;
}

SET(date_style)
{
  char list[64];
  copy_text(list, sizeof list, change->value ? change->value : "ISO, MDY");
  for (char *rest = list, *word; (word = strtok_r(rest, ", ", &rest));) {
    static const char *const good[] = {"ISO", "MDY", "US", "NONEURO", "NONEUROPEAN", "DEFAULT", NULL};
    static const char *const others[] = {"SQL", "POSTGRES", "GERMAN", "DMY", "EURO", "EUROPEAN", "YMD", NULL};
    bool is_good = false, is_other = false;
    for (int i = 0; good[i]; i++)
      is_good |= strcasecmp(word, good[i]) == 0;
    for (int i = 0; others[i]; i++)
      is_other |= strcasecmp(word, others[i]) == 0;
    if (is_other)
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "DateStyle \"%s\" is not supported, only \"ISO, MDY\"",
                       word);
    if (!is_good) {
      int status = invalid_value(change->name, change->value, error);
      error_detail(error, "Unrecognized key word: \"%s\".", word);
      return status;
    }
  }
  return 0;
}
SHOW(date_style)
{
  return settings->date_style;
}

void settings_moved(struct settings *settings)
{
  settings->format.zone_name = settings->time_zone;
}

SET(time_zone)
{
  const char *value = change->value ? change->value : "UTC", *shown = value;
  struct zone zone = zone_fixed(0);
  char *end;
  double hours = strtod(value, &end); // SET TIME ZONE 2, -3.5
  bool is_number = end != value && !*end && hours > -16 && hours < 16;
  if (strcasecmp(value, "local") == 0 || strcasecmp(value, "default") == 0 || strcasecmp(value, "utc") == 0)
    shown = "UTC";
  else if (is_number)
    zone = zone_fixed((int32_t)(hours * 3600));
  else if (zone_find(bytes_of_string(value), &zone))
    shown = zone_name(zone);
  else if (!zone_parse(bytes_of_string(value), &zone))
    return invalid_value(change->name, value, error);
  settings->format.zone = zone;
  int32_t offset = zone.offset;
  if (is_number) { // as PostgreSQL shows it
    int minutes = abs(offset) / 60 % 60;
    char east[16], west[16];
    snprintf(east, sizeof east, minutes ? "%c%02d:%02d" : "%c%02d", offset < 0 ? '-' : '+', abs(offset) / 3600,
             minutes);
    snprintf(west, sizeof west, minutes ? "%c%02d:%02d" : "%c%02d", offset < 0 ? '+' : '-', abs(offset) / 3600,
             minutes);
    snprintf(settings->time_zone, sizeof settings->time_zone, "<%s>%s", east, west);
  } else {
    copy_text(settings->time_zone, sizeof settings->time_zone, shown);
  }
  settings_moved(settings);
  return 0;
}
SHOW(time_zone)
{
  return settings->time_zone;
}

SET(extra_float_digits)
{
  static const struct setting bounds = {.name = "extra_float_digits", .low = -15, .high = 3};
  int32_t number = 1;
  int status = change->value ? read_number(&bounds, change->value, &number, error) : 0;
  if (!status)
    settings->format.extra_float_digits = number;
  return status;
}
SHOW(extra_float_digits)
{
  return show_number(UNIT_NONE, settings->format.extra_float_digits, scratch, size);
}

static int set_timeout(int32_t *timeout_ms, const struct setting_change *change, struct error *error)
{
  const struct setting bounds = {.name = change->name, .unit = UNIT_MS, .high = INT32_MAX};
  int32_t number = 0;
  int status = change->value ? read_number(&bounds, change->value, &number, error) : 0;
  if (!status)
    *timeout_ms = number;
  return status;
}
SET(statement_timeout)
{
  return set_timeout(&settings->statement_timeout_ms, change, error);
}
SHOW(statement_timeout)
{
  return show_number(UNIT_MS, settings->statement_timeout_ms, scratch, size);
}
SET(idle_timeout)
{
  return set_timeout(&settings->idle_timeout_ms, change, error);
}
SHOW(idle_timeout)
{
  return show_number(UNIT_MS, settings->idle_timeout_ms, scratch, size);
}
SET(idle_in_transaction_timeout)
{
  return set_timeout(&settings->idle_in_transaction_timeout_ms, change, error);
}
SHOW(idle_in_transaction_timeout)
{
  return show_number(UNIT_MS, settings->idle_in_transaction_timeout_ms, scratch, size);
}

static int set_flag(bool *flag, const struct setting_change *change, struct error *error)
{
  bool value = false;
  if (change->value && !read_bool(change->value, &value))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"%s\" requires a Boolean value",
                     change->name);
  *flag = value;
  return 0;
}
SET(read_only)
{
  return set_flag(&settings->read_only, change, error);
}
SHOW(read_only)
{
  return settings->read_only ? "on" : "off";
}
SET(default_read_only)
{
  return set_flag(&settings->default_read_only, change, error);
}
SHOW(default_read_only)
{
  return settings->default_read_only ? "on" : "off";
}

static const char isolation_levels[] = "serializable,repeatable read,read committed,read uncommitted";

static int set_level(char *level, const struct setting_change *change, struct error *error)
{
  const struct setting levels = {.name = change->name, .value = isolation_levels};
  const char *value = change->value ? change->value : "serializable";
  if (find_word(isolation_levels, value) < 0)
    return bad_word(&levels, value, error);
  for (size_t i = 0; i <= strlen(value); i++)
    level[i] = (char)tolower((unsigned char)value[i]);
  return 0;
}
SET(isolation)
{
  return set_level(settings->isolation, change, error);
}
SHOW(isolation)
{
  return settings->isolation;
}
SET(default_isolation)
{
  return set_level(settings->default_isolation, change, error);
}
SHOW(default_isolation)
{
  return settings->default_isolation;
}
SET(deferrable)
{
  return set_flag(&settings->deferrable, change, error);
}
SHOW(deferrable)
{
  return settings->deferrable ? "on" : "off";
}
SET(default_deferrable)
{
  return set_flag(&settings->default_deferrable, change, error);
}
SHOW(default_deferrable)
{
  return settings->default_deferrable ? "on" : "off";
}

void settings_begin_transaction(struct settings *settings)
{
  settings->read_only = settings->default_read_only;
  settings->deferrable = settings->default_deferrable;
  memcpy(settings->isolation, settings->default_isolation, sizeof settings->isolation);
}

void settings_continue_transaction(struct settings *settings, const struct settings *before)
{
  settings->read_only = before->read_only;
  settings->deferrable = before->deferrable;
  memcpy(settings->isolation, before->isolation, sizeof settings->isolation);
}

// How long a COMMIT waits for the log: all but the last mean until it is on the disk.
static const char *const commit_words[] = {"local", "remote_write", "remote_apply", "on", "off"};
static const char commit_list[] = "local,remote_write,remote_apply,on,off";
enum { COMMIT_ON = 3, COMMIT_OFF = 4 };

// A word of a list; a beginning of true or false where on and off are among the words.
static int set_word(const struct setting *setting, const char *value, int32_t *number, struct error *error)
{
  int found = find_word(setting->value, value);
  bool flag;
  if (found < 0 && read_bool(value, &flag))
    found = find_word(setting->value, flag ? "on" : "off");
  if (found < 0)
    return bad_word(setting, value, error);
  *number = found;
  return 0;
}

SET(synchronous_commit)
{
  static const struct setting words = {.name = "synchronous_commit", .value = commit_list};
  int32_t number = COMMIT_ON;
  int status = change->value ? set_word(&words, change->value, &number, error) : 0;
  if (!status)
    settings->synchronous_commit = (int8_t)number;
  return status;
}
SHOW(synchronous_commit)
{
  return commit_words[settings->synchronous_commit];
}

bool settings_waits_for_log(const struct settings *settings)
{
  return settings->synchronous_commit != COMMIT_OFF;
}

// Roles are the session's to set (partition/identity.c): they are looked up.
SET(role)
{
  return error_set(error, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be set here", change->name);
}
SHOW(role)
{
  return settings->role_name[0] ? settings->role_name : "none";
}
SHOW(superuser)
{
  return settings->is_superuser ? "on" : "off";
}
SET(superuser)
{
  return error_set(error, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed", change->name);
}
SHOW(user)
{
  return settings->user;
}

// --- The search path --------------------------------------------------------------------------------------------

// Takes one name off a list of identifiers. 1: a name, 0: the end, -1: no list.
static int next_name(const char **list, char name[64])
{
  const char *at = *list + strspn(*list, " \t\n");
  size_t size = 0;
  if (!*at)
    return 0;
  if (*at == '"') {
    for (at++; *at && !(*at == '"' && at[1] != '"'); at++) {
      at += *at == '"';
      if (size < 63)
        name[size++] = *at;
    }
    if (*at++ != '"')
      return -1;
  } else {
    for (; *at && !strchr(", \t\n\"", *at); at++)
      if (size < 63)
        name[size++] = (char)tolower((unsigned char)*at);
    if (!size)
      return -1;
  }
  name[size] = 0;
  at += strspn(at, " \t\n");
  if (*at && *at != ',')
    return -1;
  if (*at == ',' && !at[1 + strspn(at + 1, " \t\n")])
    return -1;
  *list = at + (*at == ',');
  return 1;
}

static void add_schema(struct settings *settings, uint32_t oid)
{
  for (int i = 0; i < settings->search_path_count; i++)
    if (settings->search_path[i] == oid)
      return;
  if (oid && settings->search_path_count < SETTINGS_SEARCH_PATH)
    settings->search_path[settings->search_path_count++] = oid;
}

static const char default_path[] = "\"$user\", public";

SET(search_path)
{
  const char *value = change->value ? change->value : default_path, *rest = value;
  uint32_t oids[SETTINGS_SEARCH_PATH];
  int count = 0, found;
  bool names_catalog = false, names_temporary = false;
  char name[64];
  if (strlen(value) >= sizeof settings->search_path_text)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "the search path is longer than %d bytes",
                     (int)sizeof settings->search_path_text - 1);
  while ((found = strcmp(rest, "\"\"") == 0 ? 0 : next_name(&rest, name)) > 0) {
    uint32_t oid = strcmp(name, "pg_catalog") == 0 ? (uint32_t)SCHEMA_PG_CATALOG
                   : change->schema_oid            ? change->schema_oid(change->context, name)
                   : strcmp(name, "public") == 0   ? (uint32_t)SCHEMA_PUBLIC
                                                   : 0;
    names_catalog |= oid == SCHEMA_PG_CATALOG;
    names_temporary |= schema_is_temporary(oid);
    if (oid && count < SETTINGS_SEARCH_PATH - 2)
      oids[count++] = oid;
  }
  if (found < 0) {
    int status = invalid_value(change->name, value, error);
    error_detail(error, "List syntax is invalid.");
    return status;
  }
  settings->search_path_count = 0;
  if (!names_temporary && change->schema_oid)
    add_schema(settings, change->schema_oid(change->context, "pg_temp"));
  if (!names_catalog)
    add_schema(settings, SCHEMA_PG_CATALOG);
  for (int i = 0; i < count; i++)
    add_schema(settings, oids[i]);
  copy_text(settings->search_path_text, sizeof settings->search_path_text, *value ? value : "\"\"");
  return 0;
}
SHOW(search_path)
{
  return settings->search_path_text;
}

// --- The table, in the order of SHOW ALL ----------------------------------------------------------------------------

#define FIXED(name, value) \
  { \
    name, SETTING_FIXED, false, UNIT_NONE, value, 0, 0, 0, NULL, NULL \
  }
#define REPORTED(name, value) \
  { \
    name, SETTING_FIXED, true, UNIT_NONE, value, 0, 0, 0, NULL, NULL \
  }
#define BOOL(name, initial) \
  { \
    name, SETTING_BOOL, false, UNIT_NONE, NULL, initial, 0, 1, NULL, NULL \
  }
#define ENUM(name, words, initial) \
  { \
    name, SETTING_ENUM, false, UNIT_NONE, words, initial, 0, 0, NULL, NULL \
  }
#define NUMBER(name, unit, initial, low, high) \
  { \
    name, SETTING_NUMBER, false, unit, NULL, initial, low, high, NULL, NULL \
  }
#define OWN(name, is_reported, set, show) \
  { \
    name, SETTING_OWN, is_reported, UNIT_NONE, NULL, 0, 0, 0, set, show \
  }

#define OWN_BOOL(name, is_reported, set, show) \
  { \
    name, SETTING_OWN, is_reported, UNIT_NONE, NULL, 0, 0, 1, set, show \
  }
#define OWN_ENUM(name, words, set, show) \
  { \
    name, SETTING_OWN, false, UNIT_NONE, words, 0, 0, 0, set, show \
  }
#define OWN_NUMBER(name, unit, low, high, set, show) \
  { \
    name, SETTING_OWN, false, unit, NULL, 0, low, high, set, show \
  }

static const char locales[] =
    "C.UTF-8,C,POSIX,C.utf8,en_US.UTF-8,en_US.utf8"; // messages and numbers are the same in all
static const char levels[] = "debug5,debug4,debug3,debug2,debug1,log,notice,warning,error";

static const struct setting table[] = {
    OWN("application_name", true, set_application_name, show_application_name),
    BOOL("array_nulls", true),
    ENUM("bytea_output", "hex", 0),
    BOOL("check_function_bodies", true),
    OWN("client_encoding", true, set_client_encoding, show_client_encoding),
    ENUM("client_min_messages", levels, 6),
    OWN("DateStyle", true, set_date_style, show_date_style),
    ENUM("default_table_access_method", "heap", 0),
    ENUM("default_tablespace", "", 0),
    OWN_BOOL("default_transaction_deferrable", false, set_default_deferrable, show_default_deferrable),
    OWN_ENUM("default_transaction_isolation", isolation_levels, set_default_isolation, show_default_isolation),
    OWN_BOOL("default_transaction_read_only", true, set_default_read_only, show_default_read_only),
    BOOL("enable_bitmapscan", true),
    BOOL("enable_hashagg", true),
    BOOL("enable_hashjoin", true),
    BOOL("enable_indexonlyscan", true),
    BOOL("enable_indexscan", true),
    BOOL("enable_mergejoin", true),
    BOOL("enable_nestloop", true),
    BOOL("enable_seqscan", true),
    BOOL("enable_sort", true),
    BOOL("escape_string_warning", true),
    OWN_NUMBER("extra_float_digits", UNIT_NONE, -15, 3, set_extra_float_digits, show_extra_float_digits),
    BOOL("geqo", true),
    OWN_NUMBER("idle_in_transaction_session_timeout", UNIT_MS, 0, INT32_MAX, set_idle_in_transaction_timeout, show_idle_in_transaction_timeout),
    OWN_NUMBER("idle_session_timeout", UNIT_MS, 0, INT32_MAX, set_idle_timeout, show_idle_timeout),
    REPORTED("in_hot_standby", "off"),
    REPORTED("integer_datetimes", "on"),
    {"IntervalStyle", SETTING_ENUM, true, UNIT_NONE, "postgres", 0, 0, 0, NULL,
     NULL},
    OWN_BOOL("is_superuser", true, set_superuser, show_superuser),
    BOOL("jit", false),
    FIXED("lc_collate", "C.UTF-8"),
    FIXED("lc_ctype", "C.UTF-8"),
    ENUM("lc_messages", locales, 0),
    ENUM("lc_monetary", locales, 0),
    ENUM("lc_numeric", locales, 0),
    ENUM("lc_time", locales, 0),
    NUMBER("lock_timeout", UNIT_MS, 0, 0, INT32_MAX),
    NUMBER("maintenance_work_mem", UNIT_KB, 65536, 1024, INT32_MAX),
    FIXED("max_identifier_length", "63"),
    FIXED("max_index_keys", "1600"),
    NUMBER("max_parallel_workers_per_gather", UNIT_NONE, 0, 0, 1024),
    ENUM("password_encryption", "md5,scram-sha-256", 1),
    OWN("role", false, set_role, show_role),
    BOOL("row_security", true),
    OWN("search_path", false, set_search_path, show_search_path),
    REPORTED("server_encoding", "UTF8"),
    REPORTED("server_version", "15.0"),
    FIXED("server_version_num", "150000"),
    OWN("session_authorization", true, set_role, show_user),
    {"standard_conforming_strings", SETTING_BOOL, true, UNIT_NONE, NULL, true, 1, 1, NULL, NULL},
    OWN_NUMBER("statement_timeout", UNIT_MS, 0, INT32_MAX, set_statement_timeout, show_statement_timeout),
    BOOL("synchronize_seqscans", true),
    OWN_ENUM("synchronous_commit", commit_list, set_synchronous_commit, show_synchronous_commit),
    NUMBER("temp_buffers", UNIT_KB, 8192, 800, INT32_MAX),
    OWN("TimeZone", true, set_time_zone, show_time_zone),
    OWN_BOOL("transaction_deferrable", false, set_deferrable, show_deferrable),
    OWN_ENUM("transaction_isolation", isolation_levels, set_isolation, show_isolation),
    OWN_BOOL("transaction_read_only", false, set_read_only, show_read_only),
    NUMBER("work_mem", UNIT_KB, 4096, 64, INT32_MAX),
    ENUM("xmloption", "content,document", 0),
};
enum { SETTING_COUNT = sizeof table / sizeof *table };

// Place in settings->numbers: how many before it have one.
static int32_t *number_of(struct settings *settings, const struct setting *setting)
{
  int place = 0;
  for (const struct setting *at = table; at < setting; at++)
    place += at->kind != SETTING_OWN && at->kind != SETTING_FIXED;
  CHECK(place < SETTINGS_NUMBERS);
  return &settings->numbers[place];
}

static const struct setting *find_setting(const char *name)
{
  if (strcasecmp(name, "time zone") == 0)
    name = "TimeZone";
  for (int i = 0; i < SETTING_COUNT; i++)
    if (strcasecmp(table[i].name, name) == 0)
      return &table[i];
  return NULL;
}

uint32_t settings_temporary(const struct settings *settings)
{
  return SCHEMA_TEMPORARY + ((uint32_t)settings->backend & SESSION_NUMBERS);
}

void settings_init(struct settings *settings)
{
  *settings = (struct settings){
      .role = ROLE_OWNER,
      .session_role = ROLE_OWNER,
      .login_role = ROLE_OWNER,
      .is_superuser = true,
      .user = "quern",
      .database = "quern",
      .client_encoding = "UTF8",
      .date_style = "ISO, MDY",
      .time_zone = "UTC",
      .format = format_settings_default,
      .isolation = "serializable",
      .default_isolation = "serializable",
      .synchronous_commit = COMMIT_ON,
  };
  struct setting_change path = {.name = "search_path"};
  (void)set_search_path(settings, &path, NULL);
  for (int i = 0; i < SETTING_COUNT; i++)
    if (table[i].kind != SETTING_OWN && table[i].kind != SETTING_FIXED)
      *number_of(settings, &table[i]) = table[i].initial;
}

static int unknown_setting(const char *name, struct error *error)
{
  return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"", name);
}

static int set_bool(const struct setting *setting, const char *value, int32_t *number, struct error *error)
{
  bool flag;
  if (!read_bool(value, &flag))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"%s\" requires a Boolean value",
                     setting->name);
  if (flag < setting->low)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "parameter \"%s\" cannot be off", setting->name);
  *number = flag;
  return 0;
}

int settings_set(struct settings *settings, const char *name, const char *value,
                 uint32_t (*schema_oid)(void *context, const char *name), void *context, struct error *error)
{
  const struct setting *setting = find_setting(name);
  if (!setting && settings_is_custom(name))
    return settings_set_custom(settings, name, value, error);
  if (!setting)
    return unknown_setting(name, error);
  if (setting->kind == SETTING_FIXED)
    return error_set(error, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed", setting->name);
  if (setting->kind == SETTING_OWN) {
    struct setting_change change = {
        .name = setting->name, .value = value, .schema_oid = schema_oid, .context = context};
    return setting->set(settings, &change, error);
  }
  int32_t number = setting->initial;
  int status = 0;
  if (value && setting->kind == SETTING_BOOL)
    status = set_bool(setting, value, &number, error);
  else if (value && setting->kind == SETTING_ENUM)
    status = set_word(setting, value, &number, error);
  else if (value)
    status = read_number(setting, value, &number, error);
  if (!status)
    *number_of(settings, setting) = number;
  return status;
}

int64_t settings_number(const struct settings *settings, const char *name)
{
  return *number_of((struct settings *)settings, find_setting(name));
}

const char *settings_show(const struct settings *settings, const char *name, char *scratch, int size)
{
  const struct setting *setting = find_setting(name);
  if (!setting)
    return setting_list_find(&settings->custom, name);
  if (setting->kind == SETTING_FIXED)
    return setting->value;
  if (setting->kind == SETTING_OWN)
    return setting->show(settings, scratch, size);
  int32_t number = *number_of((struct settings *)settings, setting);
  if (setting->kind == SETTING_BOOL)
    return number ? "on" : "off";
  if (setting->kind == SETTING_NUMBER)
    return show_number(setting->unit, number, scratch, size);
  size_t length = 0;
  const char *word = list_word(setting->value, number, &length);
  snprintf(scratch, (size_t)size, "%.*s", (int)length, word ? word : "");
  return scratch;
}

const char *settings_reported(const char *name)
{
  const struct setting *setting = find_setting(name);
  return setting && setting->is_reported ? setting->name : NULL;
}

const char *settings_name(int index)
{
  return index >= 0 && index < SETTING_COUNT ? table[index].name : NULL;
}

static enum setting_kind kind_shown(const struct setting *setting)
{
  if (setting->kind != SETTING_OWN)
    return setting->kind;
  return setting->value       ? SETTING_ENUM
         : setting->high == 1 ? SETTING_BOOL
         : setting->high      ? SETTING_NUMBER
                              : SETTING_OWN;
}

void settings_facts(int index, struct setting_facts *facts)
{
  const struct setting *setting = &table[index];
  enum setting_kind kind = kind_shown(setting);
  static const char *const types[] = {
    [SETTING_FIXED] = "string", [SETTING_BOOL] = "bool", [SETTING_ENUM] = "enum", [SETTING_NUMBER] = "integer",
    [SETTING_OWN] = "string",
  };
  *facts = (struct setting_facts){
    .type = types[kind],
    .unit = setting->unit == UNIT_MS ? "ms" : setting->unit == UNIT_KB ? "kB" : NULL,
    .words = kind == SETTING_ENUM ? setting->value : NULL,
    .is_fixed = setting->kind == SETTING_FIXED,
    .has_range = kind == SETTING_NUMBER,
    .low = setting->low,
    .high = setting->high,
  };
}

// A number without its unit, which pg_settings has beside it.
const char *settings_raw(const struct settings *settings, int index, char *scratch, int size)
{
  const struct setting *setting = &table[index];
  const char *shown = settings_show(settings, setting->name, scratch, size);
  int32_t number;
  struct error ignored;
  if (kind_shown(setting) != SETTING_NUMBER || read_number(setting, shown, &number, &ignored))
    return shown;
  snprintf(scratch, (size_t)size, "%d", number);
  return scratch;
}
