// A session's settings: what SET changes and SHOW shows. They belong to the transaction that changes them: a copy
// is taken at BEGIN and put back by ROLLBACK.
#pragma once

#include "base/buffer.h"
#include "data/value.h"

enum { SETTINGS_SEARCH_PATH = 9, SETTINGS_NUMBERS = 48, SETTING_LIST = 4096 };

struct setting_list {
  char bytes[SETTING_LIST]; // zeros behind the last one
};

struct settings {
  uint32_t role;         // whose rights hold
  uint32_t session_role; // whom SET ROLE NONE gives back
  uint32_t login_role;
  bool is_superuser;     // role, when it was set: for SHOW
  char user[64];         // name of session_role
  char role_name[64];    // as SET ROLE named it; "": none
  char database[64];
  char application_name[64];
  char client_encoding[16];
  char date_style[32];
  char time_zone[64];
  struct format_settings format;
  uint32_t search_path[SETTINGS_SEARCH_PATH]; // schema oids, pg_catalog first unless it was named elsewhere
  int search_path_count;
  char search_path_text[256];
  int32_t statement_timeout_ms, idle_timeout_ms, idle_in_transaction_timeout_ms; // 0: none
  bool default_read_only, default_deferrable;
  char default_isolation[24];
  bool read_only, deferrable;        // of the running transaction
  char isolation[24];                // as the client named it; it always means strictly serializable
  int8_t synchronous_commit;         // number of the word
  int32_t backend;                   // number that stands for the process id
  int32_t numbers[SETTINGS_NUMBERS]; // the others, by their place in the table of settings.c
  struct setting_list custom; // those with a dot in their names
};

// user, database, application_name from the session's start; the rest has PostgreSQL's defaults.
// format.zone_name points into the struct itself while a zone other than UTC is set: after copying settings to another
// place for longer than the original lives, call settings_moved.
void settings_init(struct settings *settings);
void settings_moved(struct settings *settings);
void settings_begin_transaction(struct settings *settings); // its characteristics are the defaults
void settings_continue_transaction(struct settings *settings, const struct settings *before); // or those of the one before
uint32_t settings_temporary(const struct settings *settings); // the schema of the session's temporary relations
bool settings_waits_for_log(const struct settings *settings); // false: synchronous_commit is off
// SET name TO value (NULL: DEFAULT). Lists come as one text with commas. 55P02 for what cannot be changed, 42704 `unrecognized configuration parameter "x"`, 22023 as PostgreSQL words them.
// schema_oid finds search_path's schemas.
// Those that only tell PostgreSQL's planner or memory what to do are taken, shown again, and change nothing.
int settings_set(struct settings *settings, const char *name, const char *value,
                 uint32_t (*schema_oid)(void *context, const char *name), void *context, struct error *error);
// One of those that have a number (lock_timeout, in its own unit).
int64_t settings_number(const struct settings *settings, const char *name);
// NULL: there is none.
const char *settings_show(const struct settings *settings, const char *name, char *scratch, int scratch_size);
// Does a change of this one have to be reported to the client (ParameterStatus)? With PostgreSQL's spelling of its name.
const char *settings_reported(const char *name);
// Settings in a list of name, value, name, value, each with a zero byte behind it (settings_custom.c). Start at offset 0;
// *next is where the one behind it is. NULL: the end.
const char *setting_list_next(const struct setting_list *list, size_t offset, const char **value, size_t *next);
const char *setting_list_find(const struct setting_list *list, const char *name); // its value; NULL: it is not there
// value NULL: takes it out. False: the list is full.
bool setting_list_put(struct setting_list *list, const char *name, const char *value);
size_t setting_list_size(const struct setting_list *list); // in bytes
// Those with a dot in their names: 42602, and 53400 where there is no room. value NULL: nothing in it.
bool settings_is_custom(const char *name);
int settings_set_custom(struct settings *settings, const char *name, const char *value, struct error *error);
// What a transaction that ends has set is still known, as PostgreSQL knows it, with nothing in it: names of `ended` that
// are not there yet.
void settings_keep_custom(struct settings *settings, const struct settings *ended);
// All names, for SHOW ALL and pg_settings: start at 0, NULL after the last.
const char *settings_name(int index);
// For pg_settings. words: of an enum, with commas between; they and unit may be NULL.
struct setting_facts {
  const char *type, *unit, *words;
  bool is_fixed, has_range;
  int32_t low, high;
};
void settings_facts(int index, struct setting_facts *facts);
const char *settings_raw(const struct settings *settings, int index, char *scratch, int scratch_size);
// What PostgreSQL says of a setting (settings_text.c).
struct setting_text {
  const char *name, *category, *description;
};
const struct setting_text *settings_text(const char *name); // NULL: nothing
