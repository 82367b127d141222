// A session's settings: what SET changes and SHOW shows. They belong to the transaction that changes them: a copy
// is taken at BEGIN and put back by ROLLBACK.
#pragma once

#include "base/buffer.h"
#include "data/value.h"

enum { SETTINGS_SEARCH_PATH = 8 };

struct settings {
  uint32_t role;
  char user[64];
  char database[64];
  char application_name[64];
  char client_encoding[16];
  char date_style[32];
  char time_zone[64];
  struct format_settings format;
  uint32_t search_path[SETTINGS_SEARCH_PATH]; // schema oids, pg_catalog first unless it was named elsewhere
  int search_path_count;
  char search_path_text[256];
  int64_t statement_timeout_ms;
  bool default_read_only;
  bool read_only;            // of the running transaction
  char isolation[24];        // as the client named it; it always means strictly serializable
  int32_t backend;           // number that stands for the process id
};

// user, database, application_name from the session's start; the rest has PostgreSQL's defaults.
void settings_init(struct settings *settings);
// SET name TO value (NULL: DEFAULT). 42704 `unrecognized configuration parameter "x"`, 22023 as PostgreSQL words them.
// schema_oid finds search_path's schemas.
int settings_set(struct settings *settings, const char *name, const char *value,
                 uint32_t (*schema_oid)(void *context, const char *name), void *context, struct error *error);
// NULL: there is none.
const char *settings_show(const struct settings *settings, const char *name, char *scratch, int scratch_size);
// Does a change of this one have to be reported to the client (ParameterStatus)? With PostgreSQL's spelling of its name.
const char *settings_reported(const char *name);
// All names, for SHOW ALL and pg_settings: start at 0, NULL after the last.
const char *settings_name(int index);
